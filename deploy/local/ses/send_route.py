"""SendEmail's route: raw ASGI and msgspec, for everything else waits on how fast it is."""

import asyncio
from typing import Any

import msgspec
from uuid_utils import uuid4

from deploy.local.ses import faults
from deploy.local.ses.clock import wall
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.refusal import Refusal, internal_failure, too_many
from deploy.local.ses.signature import Call
from deploy.local.ses.wire import decode

PATH = "/v2/email/outbound-emails"


class Hangup(Exception):  # noqa: N818  (it is not an error of ours)
    """The connection ends without an answer, `after_s` seconds from now."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self.after_s = after_s


async def send_email(endpoint: Endpoint, scope: Any, receive: Any, send: Any) -> None:
    call = await read_call(scope, receive)
    try:
        client = scope["client"]
        message_id = _accept(endpoint, call, client[0] if client else "127.0.0.1")
    except Refusal as refusal:
        endpoint.refused(refusal.kind)
        await answer_refusal(send, refusal)
    except Hangup as hangup:
        await _hang_up(scope, receive, hangup.after_s)
    else:
        await answer(send, 200, msgspec.json.encode({"MessageId": message_id}))


def _accept(endpoint: Endpoint, call: Call, source_ip: str) -> str:
    endpoint.verifier.check(call, wall())
    request, simple = decode(call.body)
    endpoint.check(request)
    fault = endpoint.faults.draw()
    if fault == faults.ERROR_BEFORE:
        raise internal_failure()
    if fault == faults.CLOSE_BEFORE:
        raise Hangup(0.0)
    if fault == faults.THROTTLE:
        raise too_many("Maximum sending rate exceeded.")
    endpoint.account.admit(len(request.destination.all()))
    message_id = endpoint.accept(request, simple, source_ip, fault)
    if fault == faults.ERROR_AFTER:
        raise internal_failure()
    if fault == faults.CLOSE_AFTER:
        raise Hangup(0.0)
    if fault == faults.HANG_AFTER:
        raise Hangup(endpoint.settings.hang)
    return message_id


async def read_call(scope: Any, receive: Any) -> Call:
    """The request as it came; a header given twice is joined as SigV4 joins it."""
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    return Call(scope["method"], target, headers, b"".join(chunks))


async def _hang_up(scope: Any, receive: Any, after_s: float) -> None:
    """Wait (a client that gives up first ends it), close, and see the end: no answer is made."""
    if after_s:
        await asyncio.wait([asyncio.ensure_future(_gone(receive))], timeout=after_s)
    scope["hang_up"]()
    await _gone(receive)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Any, status: int, body: bytes, kind: str | None = None) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid4()).encode()),
    ]
    if kind:
        headers.append((b"x-amzn-errortype", kind.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_refusal(send: Any, refusal: Refusal) -> None:
    body = msgspec.json.encode({"message": refusal.message})
    await answer(send, refusal.status, body, refusal.kind)
