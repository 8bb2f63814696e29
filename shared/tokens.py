"""Signed tokens of links in mails. They do not expire; keys rotate through a list.

`TUVI_TOKEN_KEYS` is a comma-separated list: the first key signs, all of them are read.
"""

import hashlib
from functools import lru_cache

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


_decoder = msgspec.json.Decoder(UnsubscribeClaim)


def keys_from(setting: str) -> list[str]:
    """TUVI_TOKEN_KEYS as a list; ValueError says what is wrong with it."""
    keys = [key.strip() for key in setting.split(",") if key.strip()]
    if not keys:
        raise ValueError("TUVI_TOKEN_KEYS: give at least one key, newest first, by commas")
    if min(map(len, keys)) < SHORTEST_KEY:
        raise ValueError(f"TUVI_TOKEN_KEYS: a key has at least {SHORTEST_KEY} characters")
    return keys


def make_token(keys: list[str], claim: UnsubscribeClaim) -> str:
    """URL-safe text; the first key signs."""
    return _signer(tuple(keys)).sign(base64_encode(msgspec.json.encode(claim))).decode()


def read_token(keys: list[str], token: str) -> UnsubscribeClaim:
    """What make_token was given; raises BadToken."""
    if len(token) > LONGEST_TOKEN:
        raise BadToken("too long")
    try:
        return _decoder.decode(base64_decode(_signer(tuple(keys)).unsign(token)))
    except (itsdangerous.BadData, msgspec.MsgspecError, UnicodeError) as error:
        raise BadToken(type(error).__name__) from error


@lru_cache(maxsize=8)
def _signer(keys: tuple[str, ...]) -> itsdangerous.Signer:
    # itsdangerous signs with the last
    return itsdangerous.Signer(
        list(reversed(keys)), salt="tuvi.unsubscribe", digest_method=hashlib.sha256
    )
