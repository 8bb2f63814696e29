"""CPU seconds of processes with all their children, from Linux's /proc; 0 where there is none."""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
FIRST = 11  # utime, stime, and those of children that ended, counted after the name


def seconds(pids: Iterable[int]) -> float:
    """Used so far. A child that ended has left its time with its parent."""
    return sum(_tree(pid) for pid in pids)


def _tree(pid: int) -> float:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        children = {
            int(child)
            for task in (PROC / str(pid) / "task").iterdir()
            for child in (task / "children").read_text().split()
        }
    except OSError:
        return 0.0
    used = sum(map(int, fields[FIRST : FIRST + 4])) / os.sysconf("SC_CLK_TCK")
    return used + sum(map(_tree, children))
