"""Worker processes of our own: one mail that kills its worker costs only itself.

(`ProcessPoolExecutor` fails everything pending when a worker dies.)
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Self

import msgspec

from services.sender.templates.model import Rendered, RenderFailure, RenderJob
from services.sender.templates.render import Content
from services.sender.templates.worker import HEADER, Batch, frame

BATCH = 64
MAX_KNOWN = 200
_START_SECONDS = 60.0
_PIPE = 65_536  # more costs: a reader moves its whole buffer for each answer
_Answer = Rendered | RenderFailure
_answers = msgspec.msgpack.Decoder(type=_Answer)


class PoolError(RuntimeError):
    """No worker can be started: the installation is broken, or the memory limit too low."""


class WorkerDiedError(Exception):
    """The worker ended, or was silent for too long."""


class _Worker:
    """One process and the templates it knows."""

    def __init__(self, process: asyncio.subprocess.Process, silence: float) -> None:
        self.process = process
        self.silence = silence
        self._known: set[str] = set()

    async def read(self, count: int, take: Callable[[bytes], None]) -> None:
        """Hands `count` answers to `take`, each as soon as it is there."""
        stdout, now = self.process.stdout, asyncio.get_running_loop().time
        assert stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            async with asyncio.timeout(self.silence) as limit:
                for _ in range(count):
                    size = int.from_bytes(await stdout.readexactly(HEADER), "big")
                    take(await stdout.readexactly(size))
                    limit.reschedule(now() + self.silence)
        except (asyncio.IncompleteReadError, TimeoutError, OSError) as error:
            raise WorkerDiedError from error

    async def send(self, jobs: list[tuple[RenderJob, bytes]]) -> None:
        contents = {job.template.digest: job.template for job, _ in jobs}
        forget = len(self._known) > MAX_KNOWN
        if forget:
            self._known.clear()
        new = [
            Content(key, t.locale, t.subject, t.preheader, t.html, t.text)
            for key, t in contents.items()
            if key not in self._known
        ]
        self._known |= contents.keys()
        batch = Batch([(job.template.digest, data) for job, data in jobs], new, forget)
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            stdin.write(frame(batch))
            await stdin.drain()
        except OSError as error:
            raise WorkerDiedError from error

    def kill(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


class RenderPool:
    """`async with RenderPool() as pool: results = await pool.render(jobs)`.

    memory: bytes of address space a worker; seconds: CPU a mail; silence: wall seconds without an
    answer after which a worker counts as stuck.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        memory: int = 512 * 1024 * 1024,
        seconds: float = 1.0,
        silence: float = 30.0,
    ) -> None:
        self._memory, self._seconds, self._silence = memory, seconds, silence
        self._free: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        self._count = workers
        self._alive: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        for worker in await asyncio.gather(*(self._start() for _ in range(self._count))):
            self._free.put_nowait(worker)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self._end(worker) for worker in list(self._alive)))

    async def render(self, jobs: list[RenderJob]) -> list[Rendered | RenderFailure]:
        """One result a job, in order. Raises only PoolError: no worker can be started."""
        results: list[_Answer | None] = [None] * len(jobs)
        todo: list[tuple[int, RenderJob, bytes]] = []
        for index, job in enumerate(jobs):
            try:
                todo.append((index, job, msgspec.json.encode(job.data)))
            except (TypeError, ValueError, RecursionError):
                results[index] = RenderFailure("the data is not JSON")
        batches = [todo[at : at + BATCH] for at in range(0, len(todo), BATCH)]
        try:
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(self._batch(batch, results))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return [result for result in results if result is not None]

    async def _batch(
        self, batch: list[tuple[int, RenderJob, bytes]], results: list[_Answer | None]
    ) -> None:
        """Renders a batch, whatever its mails do to workers.

        The first mail without an answer is suspect. It is tried once more, alone: a worker may
        also die of something else.
        """
        while batch:
            done = await self._try(batch, results)
            batch = batch[done:]
            if batch and not await self._try(batch[:1], results):
                detail = f"took over {self._seconds:g} s or too much memory to render"
                results[batch[0][0]] = RenderFailure(detail)
            batch = batch[1:]

    async def _try(
        self, batch: list[tuple[int, RenderJob, bytes]], results: list[_Answer | None]
    ) -> int:
        """How many of the batch were answered before the worker died."""
        worker = await self._free.get()
        done = 0

        def take(answer: bytes) -> None:
            nonlocal done
            results[batch[done][0]] = _answers.decode(answer)
            done += 1

        try:
            worker = worker or await self._start()
            await worker.send([(job, data) for _, job, data in batch])
            await worker.read(len(batch), take)
        except WorkerDiedError:
            pass
        finally:
            # Cancelled in the middle counts too: what it still writes would be taken for others'.
            usable = worker if done == len(batch) else None
            self._free.put_nowait(usable)
            if worker is not None and usable is None:
                await self._end(worker)
        return done

    async def _start(self) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from services.sender.templates.worker import main; main()",
            str(self._memory),
            str(self._seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_PIPE,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        worker = _Worker(process, max(self._silence, _START_SECONDS))
        self._alive.add(worker)
        try:
            await worker.read(1, lambda _: None)
        except WorkerDiedError:
            await self._end(worker)
            raise PoolError("a render worker did not start; its reason is on stderr") from None
        worker.silence = self._silence
        return worker

    async def _end(self, worker: _Worker) -> None:
        worker.kill()
        await worker.process.wait()
        self._alive.discard(worker)
