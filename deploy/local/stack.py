"""The laptop stack: real Kafka and real PostgreSQL on this machine, for `tuvi up`, demo and tests.

`python -m deploy.local.stack [--home FOLDER]` runs it until Ctrl-C.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Annotated, Protocol

import typer

from deploy.local.kafka import Kafka
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from deploy.local.processes import Child, StackError

DEFAULT_HOME = Path(".tuvi")
CHECK_SECONDS = 0.5
LOCK = "lock"


class Part(Protocol):
    """One server of the stack. `launch` is called in the main thread (see processes)."""

    name: str
    listens: tuple[str, ...]  # names of ports

    @property
    def address(self) -> str: ...
    @property
    def child(self) -> Child: ...
    def prepare(self) -> None: ...
    def launch(self) -> None: ...
    def wait_ready(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Addresses:
    """`kafka`: bootstrap servers. `postgres`: the superuser's DSN."""

    kafka: str
    postgres: str


class Stack:
    """Both servers in `home` until stopped, but for what is given by address in the environment.

    `TUVI_KAFKA` is a bootstrap server, `TUVI_POSTGRES_DSN` a superuser's DSN.
    """

    def __init__(
        self, home: Path, ports: Ports, environment: Mapping[str, str] | None = None
    ) -> None:
        given = os.environ if environment is None else environment
        self._home = home.resolve()
        self._lock: IO[str] | None = None
        self._given = {
            part: given[setting]
            for part, setting in (("kafka", "TUVI_KAFKA"), ("postgres", "TUVI_POSTGRES_DSN"))
            if given.get(setting)
        }
        parts: dict[str, Part] = {
            "kafka": Kafka(self._home / "kafka", ports),
            "postgres": Postgres(self._home / "postgres", ports),
        }
        self.parts = {name: part for name, part in parts.items() if name not in self._given}

    @property
    def listening(self) -> tuple[str, ...]:
        """The names of the ports that the parts will claim."""
        return tuple(port for part in self.parts.values() for port in part.listens)

    def start(self) -> Addresses:
        """Start the parts side by side; all are stopped again if one fails. Main thread only."""
        self.lock_home()
        parts = list(self.parts.values())
        with ThreadPoolExecutor(max(len(parts), 1)) as pool:
            try:
                list(pool.map(lambda part: part.prepare(), parts))
                for part in parts:
                    part.launch()
                list(pool.map(lambda part: part.wait_ready(), parts))
            except BaseException:
                self.stop()
                raise
        return Addresses(self._address("kafka"), self._address("postgres"))

    def check(self) -> None:
        """StackError with the log's tail if a part has ended."""
        for part in self.parts.values():
            part.child.check()

    def stop(self) -> None:
        parts = list(self.parts.values())
        with ThreadPoolExecutor(max(len(parts), 1)) as pool:
            list(pool.map(lambda part: part.stop(), parts))
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _address(self, name: str) -> str:
        return self._given.get(name) or self.parts[name].address

    def empty_home(self) -> None:
        """Nobody else has it; the lock stays."""
        self.lock_home()
        for entry in self._home.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()

    def lock_home(self) -> None:
        """StackError if another stack has this home; `start` does it first, if nobody has."""
        if self._lock is not None:
            return
        self._home.mkdir(parents=True, exist_ok=True)
        lock = (self._home / LOCK).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise StackError(
                f"{self._home} is in use by the stack with process id {owner}. "
                "End that one, or choose another --home."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock


class _Ended(Exception):  # noqa: N818  not an error: somebody asked for the end
    pass


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended


def run(
    home: Annotated[Path, typer.Option(help="Where data and logs are kept.")] = DEFAULT_HOME,
) -> None:
    """Run Kafka and PostgreSQL until Ctrl-C."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    began = time.monotonic()
    try:
        stack = Stack(home, Ports.from_environment())
        with stack as addresses:
            print(f"export TUVI_KAFKA={addresses.kafka}")
            print(f"export TUVI_POSTGRES_DSN={addresses.postgres}")
            print(f"# ready after {time.monotonic() - began:.1f} s; Ctrl-C ends it", flush=True)
            while True:
                time.sleep(CHECK_SECONDS)
                stack.check()
    except StackError as error:
        sys.exit(f"error: {error}")
    except _Ended:
        pass


if __name__ == "__main__":
    typer.run(run)
