"""CORS: from which pages a key may be used, and what lets a page read the answer.

No cookie and no address decides anything here: whoever sends has the key. What a browser is told
only lets a shop's own pages send and hear why something was refused.
"""

import re
from collections.abc import Collection

from shared.errors import Problem
from shared.keys import ANY_ORIGIN, Key

_HEADERS = "authorization, content-type, content-encoding, x-retry-count"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,180}")  # as browsers write it
LONGEST = 200  # characters of an origin that are repeated
_SECONDS = "7200"  # for which a browser remembers; no browser remembers longer than two hours


def check_origin(key: Key, origin: str) -> None:
    """`origin`: the page's, as its browser says. Raises Problem 403."""
    if origin in key.origins or ANY_ORIGIN in key.origins:
        return
    page, allow = origin[:LONGEST], _command(f"allow {key.prefix}", origin)
    if key.public:
        why = f"Pages of {page} may not use the key {key.prefix}. Only if they are yours: {allow}."
        raise Problem(403, "Page not allowed", why)
    why = (
        f"The key {key.prefix} is a secret that visitors of {page} can read: revoke it, and use "
        "one of `tuvi keys create --scope browser`. "
        f"Only if no page sends this, but a program of yours: {allow}."
    )
    raise Problem(403, "A secret key in a page", why)


def heard_by(origin: str) -> dict[str, str]:
    """An answer's headers, a refusal's too, by which the page may read it."""
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "retry-after",
        "vary": "origin",
    }


def preflight(origin: str, allowed: Collection[str], method: str = "POST") -> dict[str, str]:
    """A browser's question before it sends. It names no key, so any key's page may ask.

    Raises Problem 403.
    """
    if origin not in allowed and ANY_ORIGIN not in allowed:
        create = _command("create --scope browser", origin)
        why = (
            f"No key may be used by pages of {origin[:LONGEST]}. Only if they are yours: {create}."
        )
        raise Problem(403, "Page not allowed", why)
    return {
        **heard_by(origin),
        "access-control-allow-methods": method,
        "access-control-allow-headers": _HEADERS,
        "access-control-max-age": _SECONDS,
    }


def _command(what: str, origin: str) -> str:
    """For people to paste, so nothing that a shell would read as more than an origin."""
    given = origin if _ORIGIN.fullmatch(origin) else "https://…"
    return f"`tuvi keys {what} --origin {given}`"
