"""Signed tokens of links in mails. Keys rotate through a list; each kind of claim has its own salt,
so that one link never works as another.

`TUVI_TOKEN_KEYS` is a comma-separated list: the first key signs, all of them are read.
"""

import hashlib
from functools import lru_cache
from typing import TypeVar

import itsdangerous
import msgspec
from itsdangerous.encoding import base64_decode, base64_encode

SHORTEST_KEY = 16
LONGEST_TOKEN = 4_000  # characters; nobody's patience is spent on longer ones


class BadToken(Exception):  # noqa: N818  named for the fact
    """Not one of ours, cut off, or signed with a key that is no longer in the list."""


class UnsubscribeClaim(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who asked for what to end, and the mail that they pressed it in."""

    workspace: str
    contact: str
    message: str
    topic: str
    journey: str = ""
    version: int = 0
    run: str = ""
    step: str = ""
    variant: str = ""


class ConfirmClaim(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who was asked to confirm which topics, under which text, and by which mail (double opt-in).

    `issued`: seconds since 1970, business time. `form`: where it was asked for. `locale`: what the
    contact speaks.
    """

    workspace: str
    contact: str
    message: str
    topics: tuple[str, ...]
    text: str
    form: str
    issued: int
    journey: str = ""
    version: int = 0
    run: str = ""
    step: str = ""
    variant: str = ""
    locale: str = ""


Claim = TypeVar("Claim", UnsubscribeClaim, ConfirmClaim)
_SALTS = {UnsubscribeClaim: "tuvi.unsubscribe", ConfirmClaim: "tuvi.confirm"}


def keys_from(setting: str) -> list[str]:
    """TUVI_TOKEN_KEYS as a list; ValueError says what is wrong with it."""
    keys = [key.strip() for key in setting.split(",") if key.strip()]
    if not keys:
        raise ValueError("TUVI_TOKEN_KEYS: give at least one key, newest first, by commas")
    if min(map(len, keys)) < SHORTEST_KEY:
        raise ValueError(f"TUVI_TOKEN_KEYS: a key has at least {SHORTEST_KEY} characters")
    return keys


def make_token(keys: list[str], claim: UnsubscribeClaim | ConfirmClaim) -> str:
    """URL-safe text; the first key signs."""
    signer = _signer(tuple(keys), _SALTS[type(claim)])
    return signer.sign(base64_encode(msgspec.json.encode(claim))).decode()


def read_token(keys: list[str], token: str) -> UnsubscribeClaim:
    """What make_token was given; raises BadToken. These links do not expire."""
    return _read(keys, token, UnsubscribeClaim)


def read_confirmation(keys: list[str], token: str) -> ConfirmClaim:
    """The same of a confirmation; how old it may be is its reader's business."""
    return _read(keys, token, ConfirmClaim)


def _read(keys: list[str], token: str, kind: type[Claim]) -> Claim:
    if len(token) > LONGEST_TOKEN:
        raise BadToken("too long")
    try:
        signed = _signer(tuple(keys), _SALTS[kind]).unsign(token)
        return msgspec.json.decode(base64_decode(signed), type=kind)
    except (itsdangerous.BadData, msgspec.MsgspecError, UnicodeError) as error:
        raise BadToken(type(error).__name__) from error


@lru_cache(maxsize=8)
def _signer(keys: tuple[str, ...], salt: str) -> itsdangerous.Signer:
    # itsdangerous signs with the last
    return itsdangerous.Signer(list(reversed(keys)), salt=salt, digest_method=hashlib.sha256)
