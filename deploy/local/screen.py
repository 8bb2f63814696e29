"""How a long command tells what goes on: a live table on a terminal, a line now and then else."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

LINE_SECONDS = 10.0
FRAMES = 4  # a second


class Screen:
    """`table` and `line` are called when it is time to show them."""

    def __init__(
        self, console: Console, table: Callable[[], RenderableType], line: Callable[[], str]
    ) -> None:
        self._console, self._table, self._line = console, table, line
        self._live: Live | None = None
        self._told = 0.0

    def refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._table())
        elif time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            self._console.print(self._line(), soft_wrap=True, highlight=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, refresh_per_second=FRAMES)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
