"""What asyncio does not have: an ending that cannot be cut short, an error nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_its_end(ending: Coroutine[Any, Any, None]) -> None:
    """Done whole, however often we are cancelled meanwhile; then that is raised."""
    task = asyncio.create_task(ending)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def unheard(future: "asyncio.Future[Any]") -> None:
    """A done callback: nobody waits for it any more, so asyncio need not report how it ended."""
    if not future.cancelled():
        future.exception()
