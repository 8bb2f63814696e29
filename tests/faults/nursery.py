"""Starts processes of `tests.faults.serve` and knows when they are gone."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from tests.faults.serve import Plan


@dataclass
class Process:
    """`ended`: its exit code, -9 for a SIGKILL."""

    pid: int
    url: str
    ended: asyncio.Future[int]

    def signal(self, number: int) -> None:
        if not self.ended.done():
            os.kill(self.pid, number)

    async def end(self, number: int, patience: float = 60.0) -> int:
        """Send the signal and wait until it is gone."""
        self.signal(number)
        return await asyncio.wait_for(asyncio.shield(self.ended), patience)


@dataclass
class Nursery:
    """One `tests.faults.serve`; all its processes end with it."""

    parent: asyncio.subprocess.Process
    _waiting: list[asyncio.Future[int]] = field(default_factory=list)
    _ended: dict[int, asyncio.Future[int]] = field(default_factory=dict)

    async def start(self, plan: Plan) -> Process:
        """A process of its own; it is not waited for to be ready."""
        assert self.parent.stdin is not None
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(told)
        self.parent.stdin.write(msgspec.json.encode(plan) + b"\n")
        await self.parent.stdin.drain()
        pid = await asyncio.wait_for(told, 60)
        return Process(pid, f"http://127.0.0.1:{plan.environment['TUVI_PORT']}", self._ended[pid])

    async def listen(self) -> None:
        """Until the parent is gone."""
        assert self.parent.stdout is not None
        while line := await self.parent.stdout.readline():
            what, *numbers = line.split()
            if what == b"started":
                pid = int(numbers[0])
                self._ended[pid] = asyncio.get_running_loop().create_future()
                self._waiting.pop(0).set_result(pid)
            elif what == b"ended":
                self._ended.pop(int(numbers[0])).set_result(int(numbers[1]))


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Ready to start processes."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 60) == b"ready\n"
    made = Nursery(parent)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        parent.stdin.close()
        with suppress(BrokenPipeError, ConnectionResetError):
            await parent.stdin.wait_closed()
        await parent.wait()
        await listening
