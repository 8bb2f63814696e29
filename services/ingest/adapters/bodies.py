"""A request's body, whole, unpacked and never larger than allowed."""

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import Request

from shared.errors import Problem

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
GONE = 499  # the caller hung up
GZIP = 31  # zlib's word for a gzip header


class Disconnected(Exception):  # noqa: N818  named for the fact
    """The caller has gone before the body was whole; nobody waits for an answer."""


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """Up to `limit` bytes, packed and unpacked alike. Raises Problem 400, 413, 415."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"gzip", b""):
        raise Problem(415, "Unknown encoding", "Send the body plain or as gzip.")
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise too_large(limit)
    data = await _whole(receive, limit)
    return _unpacked(data, limit) if encoding == b"gzip" else data


async def whole_body(request: Request, limit: int) -> bytes:
    """The same for FastAPI's routes."""
    return await read_body(request.receive, dict(request.scope["headers"]), limit)


async def _whole(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        return body
    data = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        data += message.get("body", b"")
        if len(data) > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return bytes(data)
        message = await receive()


def _unpacked(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(GZIP)
    try:
        plain = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise Problem(400, "Broken gzip", f"body: {error}") from error
    if len(plain) > limit or unpacker.unconsumed_tail:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "Broken gzip", "body: is cut off or has something after its end.")
    return plain


def too_large(limit: int) -> Problem:
    return Problem(413, "Too large", f"body: the limit is {limit} bytes; send less at a time.")
