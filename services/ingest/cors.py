"""CORS: from which pages a key may be used, and what lets a page read the answer.

No cookie and no address decides anything here: whoever sends has the key. What a browser is told
only lets a shop's own pages send and hear why something was refused.
"""

from collections.abc import Collection

from shared.auth import ANY_ORIGIN, Key
from shared.errors import Problem

_HEADERS = "authorization, content-type, content-encoding, x-retry-count"
_SECONDS = "7200"  # for which a browser remembers; no browser remembers longer than two hours


def check_origin(key: Key, origin: str) -> None:
    """`origin`: the page's, as its browser says. Raises Problem 403."""
    if origin in key.origins or ANY_ORIGIN in key.origins:
        return
    if key.public:
        why = f"Pages of {origin[:200]} may not use the key {key.prefix}: `{_allow(key, origin)}`."
        raise Problem(403, "Page not allowed", why)
    why = (
        f"The key {key.prefix} is a secret, and whoever opens {origin[:200]} can read it there: "
        "revoke it, and give the page one by `tuvi keys create --scope browser`. "
        f"If it is no page that sends this: `{_allow(key, origin)}`."
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
        why = (
            f"No key may be used by pages of {origin[:200]}: "
            f"`tuvi keys create --scope browser --origin {origin[:200]}` makes one."
        )
        raise Problem(403, "Page not allowed", why)
    return {
        **heard_by(origin),
        "access-control-allow-methods": method,
        "access-control-allow-headers": _HEADERS,
        "access-control-max-age": _SECONDS,
    }


def _allow(key: Key, origin: str) -> str:
    return f"tuvi keys allow {key.prefix} --origin {origin[:200]}"
