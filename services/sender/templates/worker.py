"""The worker process: reads batches, answers each mail as soon as it is made.

Frames both ways are four bytes of length and msgpack. Answers come in the order of the jobs, so
when a worker dies the first mail without an answer is the one that killed it.
"""

import os
import resource
import signal
import sys
from typing import Any, BinaryIO

import msgspec

from services.sender.templates.model import Rendered, RenderFailure
from services.sender.templates.render import Content, Renderer

HEADER = 4


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """`jobs` are (template's key, data as JSON); `templates` those the worker has not seen yet."""

    jobs: list[tuple[str, bytes]]
    templates: list[Content] = []
    forget: bool = False


def frame(message: Any) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(HEADER, "big") + body


def main() -> None:
    """Arguments: bytes of memory, seconds of CPU a mail."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends us by itself
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # the kernel ends us, whatever we are in
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core has people's data in it
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    renderer = Renderer()
    _try_out(renderer)
    answers.write(frame("ready"))
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nowhere.fileno(), 2)  # a dying allocator says so at length
    while header := jobs.read(HEADER):
        body = jobs.read(int.from_bytes(header, "big"))
        _work(renderer, msgspec.msgpack.decode(body, type=Batch), answers, seconds)


def _try_out(renderer: Renderer) -> None:
    """A first mail: a limit too low fails the start, not each mail. Loads locales too."""
    price = "{{ 1 | money('EUR') }}" + " " * 100_000
    renderer.learn(Content("", "en", price, "", price, price))
    first = renderer.render("", {})
    if isinstance(first, RenderFailure):
        raise SystemExit(f"the worker cannot render: {first.detail}")
    renderer.forget()


def _work(renderer: Renderer, batch: Batch, answers: BinaryIO, seconds: float) -> None:
    if batch.forget:
        renderer.forget()
    for content in batch.templates:
        renderer.learn(content)
    for key, data in batch.jobs:
        # CPU time, not the clock: a busy or stopped machine is no mail's fault.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = frame(_render(renderer, key, data))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _write(answers: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[answers.write(rest) :]


def _render(renderer: Renderer, key: str, data: bytes) -> Rendered | RenderFailure:
    values = msgspec.json.decode(data)
    return renderer.render(key, _given(values) if b"null" in data or b'""' in data else values)


def _given(value: Any) -> Any:
    """What is null or empty text is as if it were not there: nobody is greeted as None."""
    if isinstance(value, dict):
        return {k: _given(v) for k, v in value.items() if v is not None and v != ""}
    if isinstance(value, list):
        return [_given(v) for v in value if v is not None]
    return value
