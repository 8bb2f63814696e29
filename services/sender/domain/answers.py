"""What SES's answer to SendEmail means (FACTS: which errors were not accepted)."""

import re
from typing import Literal

import msgspec

Meaning = Literal["accepted", "later", "account", "never", "lost"]
"""later: not accepted, try again. account: the whole account must not send. lost: ambiguous."""

ACCOUNT = frozenset(
    {
        "SendingPausedException",
        "AccountSuspendedException",
        # ours to put right, no mail's fault:
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
LATER = frozenset(
    {
        "TooManyRequestsException",
        "Throttling",
        "ThrottlingException",
        "LimitExceededException",
        "RequestExpired",
        "ConcurrentModificationException",
    }
)
OK = 200
TIMEOUT = 408
TOO_MANY = 429
FORBIDDEN = (401, 403)
DAILY = "daily message quota exceeded"
MOST_SAID = 300  # characters

_PAUSE = re.compile(r"""[.:;,](?=\s)|\s(?=["'<(\[])""")


class Answer(msgspec.Struct, frozen=True):
    """`detail` is SES's own message about a mail that it will never take, without addresses."""

    meaning: Meaning
    reason: str = ""
    provider_id: str = ""
    detail: str = ""
    too_fast: bool = False


class _Body(msgspec.Struct):
    MessageId: str = ""
    message: str = ""


_decoder = msgspec.json.Decoder(_Body)


def answer(status: int, error_type: str, body: bytes) -> Answer:
    """`error_type` is the header x-amzn-errortype, with or without its namespace."""
    try:
        said = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Body()
    name = error_type.partition(":")[0].rpartition("#")[2]
    if status == OK:
        return (
            Answer("accepted", provider_id=said.MessageId)
            if said.MessageId
            else Answer("lost", "no id")
        )
    if not 400 <= status < 500 or status == TIMEOUT:  # noqa: PLR2004  HTTP's own bounds
        return Answer("lost", name or str(status))
    if DAILY in said.message.lower():
        return Answer("account", "daily_quota")
    if name in ACCOUNT or (status in FORBIDDEN and name not in LATER):
        return Answer("account", name or str(status))
    if name in LATER or status == TOO_MANY:
        return Answer("later", name or str(status), too_fast=name != "RequestExpired")
    return Answer("never", name or str(status), detail=_without_addresses(said.message))


def _without_addresses(said: str) -> str:
    """Up to the pause before the first @: where an address begins is not told by itself."""
    head, at, _ = said.partition("@")
    if at:
        pauses = [pause.end() for pause in _PAUSE.finditer(head)]
        head = head[: pauses[-1]].rstrip() + " …" if pauses else ""
    return head[:MOST_SAID].strip()
