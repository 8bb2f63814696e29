"""A service that died is started again: who reads the promises can try them with kill -9."""

import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from deploy.local.processes import Child, StackError

DEATHS = 5
WITHIN = 60.0  # seconds


class Revival:
    """`look` now and then, in the thread that started the children (see processes)."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._deaths: dict[str, list[float]] = defaultdict(list)

    def look(self, children: Iterable[Child]) -> None:
        """Starts those that ended; StackError with the log's end if one does so all the time."""
        for child in children:
            if child.running:
                continue
            name, now = child.program.name, time.monotonic()
            lately = [at for at in self._deaths[name] if now - at < WITHIN]
            self._deaths[name] = [*lately, now]
            if len(lately) + 1 >= DEATHS:
                self._give_up(child)
            self._told(f"{name} {how_it_ended(child.code)}; it is started again")
            child.start()

    def _give_up(self, child: Child) -> None:
        raise StackError(
            f"{child.program.name} ended {DEATHS} times within a minute, at last it "
            f"{how_it_ended(child.code)}\n{child.log_tail()}"
        )


def how_it_ended(code: int | None) -> str:
    """`was killed by SIGKILL`, or the exit code."""
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
