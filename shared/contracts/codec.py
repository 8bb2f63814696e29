"""Messages to bytes and back: JSON, one `type` tag, money as Decimal in both directions.

A value that is broken is `Undecodable` (it goes to the dead letters). A value that is well formed
but of a type this version does not know is `UnknownType`: a newer version is being rolled out, and
the consumer stops instead of throwing its messages away (promise 6).
"""

from decimal import Decimal
from typing import Any

import msgspec


class Undecodable(Exception):  # noqa: N818  named for the fact
    """The bytes are not a message of this topic; the text says where they go wrong."""


class UnknownType(Exception):  # noqa: N818  named for the fact
    """A message of a type that this version does not know."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """Base of everything on Kafka: `type` is the class's name, `workspace` is one shop."""

    workspace: str


class _TypeOnly(msgspec.Struct):
    type: str


_type_only = msgspec.json.Decoder(_TypeOnly)


encode = msgspec.json.Encoder(decimal_format="number").encode
"""Any message or JSON-able value as JSON bytes; Decimals become JSON numbers, exactly."""


class Codec:
    """Decodes the values of one topic: a closed union of message types."""

    def __init__(self, *types: type[Message]) -> None:
        self._known = {t.__name__ for t in types}
        union: Any = types[0]
        for t in types[1:]:
            union = union | t
        self.types = union
        self._decoder = msgspec.json.Decoder(union, float_hook=Decimal)

    def decode(self, value: bytes | None) -> Any:
        """One message; raises Undecodable or UnknownType."""
        if value is None:
            msg = "the value is empty"
            raise Undecodable(msg)
        try:
            return self._decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
            self._refuse_unknown(value)
            raise Undecodable(str(error)) from error

    def _refuse_unknown(self, value: bytes) -> None:
        try:
            tag = _type_only.decode(value).type
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
            return
        if tag not in self._known:
            raise UnknownType(tag)


def plain(value: object) -> Any:
    """A deep copy as plain JSON data (dict, list, str, int, Decimal, bool, None)."""
    return _plain_decoder.decode(encode(value))


_plain_decoder = msgspec.json.Decoder(float_hook=Decimal)


def decode_plain(data: bytes | str) -> Any:
    """JSON as plain data; numbers with a fraction are Decimal."""
    return _plain_decoder.decode(data)
