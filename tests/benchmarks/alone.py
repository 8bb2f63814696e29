"""Stage identity alone in a process: `python -m tests.benchmarks.alone identity`.

The service runs it beside stage profile, which would take CPU for what identity publishes.
"""

import asyncio

import uvloop

from services.segmenter.identity_stage import IdentityStage
from services.segmenter.settings import Settings
from shared.runtime import Runtime


async def main() -> None:
    """Until it is ended."""
    runtime = await Runtime.start(Settings(), "segmenter")
    async with asyncio.TaskGroup() as tasks:
        for coroutine in (*runtime.background().values(), runtime.consume(IdentityStage())):
            tasks.create_task(coroutine)


if __name__ == "__main__":
    uvloop.run(main())
