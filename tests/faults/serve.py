"""Real service processes that can be held, stopped or killed at a step of the loop.

`python -m tests.faults.serve` has everything imported and forks a process for each plan that it
reads (JSON, a line each), so that starting one costs a fork. It answers with `started` and, when
the process is gone, `ended`. At the end of its input it kills what is left.

The faults are in the watcher that `main.run(settings, on_step)` passes on; the service itself is
composed as ever.
"""

import importlib
import os
import selectors
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from shared.db import pool
from shared.errors import OwnershipLost
from shared.kafka.batch import Batch
from shared.logging import configure

SERVICES = ("segmenter", "orchestrator", "sender", "metrics")


class Watch(msgspec.Struct, frozen=True):
    """Send `number` to oneself when the stage's partition is there with enough in flight.

    `least` counts what the batch holds. What was in flight is written to `marker` first.
    """

    stage: str
    partition: int
    step: str
    when: str
    marker: str
    least: int = 0
    number: int = signal.SIGKILL


class Plan(msgspec.Struct, frozen=True):
    """`hold`: stages that must not move, or stage/partition. `idle`: see shared.db.pool."""

    service: str
    environment: dict[str, str]
    log: str
    hold: tuple[str, ...] = ()
    watch: Watch | None = None
    idle: int = pool.IDLE_IN_TRANSACTION_MS


class InFlight(msgspec.Struct, frozen=True):
    """What a process held when it was stopped."""

    messages: int
    timers: int
    outgoing: int
    positions: dict[str, int]


def watcher(plan: Plan) -> Callable[[str, str, Batch], None]:
    """What the loop calls at each step."""
    watch = plan.watch
    held = set(plan.hold)

    def on_step(step: str, when: str, batch: Batch) -> None:
        work = batch.work
        if {work.stage, f"{work.stage}/{work.partition}"} & held:
            raise OwnershipLost(f"{work.stage}: held by the test")
        if watch is None or (work.stage, work.partition) != (watch.stage, watch.partition):
            return
        there = (step, when) == (watch.step, watch.when)
        if there and len(work.messages) + len(work.timers) >= watch.least:
            _note(Path(watch.marker), batch)
            held.clear()  # who was only stopped takes part like anybody when it goes on
            os.kill(os.getpid(), watch.number)

    return on_step


def _note(marker: Path, batch: Batch) -> None:
    if not marker.exists():  # who was only stopped comes by again
        work = batch.work
        found = InFlight(
            len(work.messages), len(work.timers), len(batch.outgoing), dict(batch.positions)
        )
        begun = marker.with_suffix(".part")
        begun.write_bytes(msgspec.json.encode(found))
        begun.replace(marker)  # whole or not there: who waits for it may stop this process at once


def become(plan: Plan) -> None:
    """The service, in this process, until it ends."""
    os.environ.update(plan.environment)
    pool.IDLE_IN_TRANSACTION_MS = plan.idle
    settings = importlib.import_module(f"services.{plan.service}.settings").Settings()
    configure(plan.service, settings.log_level)
    main = importlib.import_module(f"services.{plan.service}.main")
    uvloop.run(main.run(settings, watcher(plan)))


def _fork(plan: Plan) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        become(plan)
        status = 0
    except BaseException:  # noqa: BLE001  a process's last word
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def _reap(alive: set[int]) -> None:
    for pid in list(alive):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            alive.discard(pid)
            _say("ended", pid, os.waitstatus_to_exitcode(status))


def main() -> None:
    """Until its input ends."""
    for service in SERVICES:
        importlib.import_module(f"services.{service}.main")
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    ready = selectors.DefaultSelector()
    ready.register(0, selectors.EVENT_READ)
    ready.register(woken, selectors.EVENT_READ)
    alive: set[int] = set()
    waiting = b""
    _say("ready")
    while True:
        for key, _ in ready.select():
            if key.fd == woken:
                os.read(woken, 4096)
                _reap(alive)
                continue
            got = os.read(0, 65_536)
            if not got:
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
                return
            *lines, waiting = (waiting + got).split(b"\n")
            for line in lines:
                pid = _fork(msgspec.json.decode(line, type=Plan))
                alive.add(pid)
                _say("started", pid)


if __name__ == "__main__":
    main()
