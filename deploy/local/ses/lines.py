"""An append-only file of JSON lines, read by line number from disk: memory holds offsets only."""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path


class Lines:
    """Line numbers start at 1. A line without its newline at the end (a crash) is cut off."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._ends = array("Q", [0])
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    self._ends.append(self._ends[-1] + len(line))
        os.ftruncate(self._file, self._ends[-1])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, line: bytes) -> int:
        """Hand the line to the operating system before anything is answered; its number."""
        data = line + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError("the record's disk is full")
        self._ends.append(self._ends[-1] + len(data))
        return len(self)

    def read(self, number: int) -> bytes:
        start = self._ends[number - 1]
        return os.pread(self._file, self._ends[number] - start - 1, start)

    def page(self, after: int, limit: int) -> list[bytes]:
        first = min(max(after, 0), len(self))
        last = min(first + limit, len(self))
        start = self._ends[first]
        return os.pread(self._file, self._ends[last] - start, start).splitlines()

    def all(self) -> Iterator[bytes]:
        for after in range(0, len(self), 1000):
            yield from self.page(after, 1000)

    def cut(self, count: int) -> None:
        """Forget what comes after line `count`."""
        while len(self) > count:
            self._ends.pop()
        os.ftruncate(self._file, self._ends[-1])

    def close(self) -> None:
        os.close(self._file)
