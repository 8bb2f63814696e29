"""Who runs where: the measured server on one core, everything else on the others. Linux only."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SERVER = 0


@contextlib.contextmanager
def apart(servers: Iterable[int], others: Iterable[int]) -> Iterator[None]:
    """Processes with all their threads; as they were, at the end. Nothing on a single core."""
    cores = set(range(os.cpu_count() or 1))
    if len(cores) < 2 or not hasattr(os, "sched_setaffinity"):
        yield
        return
    servers, others = list(servers), [*others, os.getpid()]
    _put(servers, {SERVER})
    _put(others, cores - {SERVER})
    try:
        yield
    finally:
        _put([*servers, *others], cores)


def _put(pids: Iterable[int], cores: set[int]) -> None:
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)


def peak_megabytes(pid: int) -> float:
    """The most memory that the process had since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    """So that the next `peak_megabytes` is of what comes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
