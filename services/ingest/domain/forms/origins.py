"""Origins of pages: what may stand in a policy, and nothing that would end its directive."""

import re

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_HEAD = re.compile(rf"{ORIGIN.pattern}(?=[/?#]|\Z)")


def origin_of(url: str) -> str:
    """Of an http(s) URL, as browsers write it; empty if it has none, or a user's name in it."""
    found = _HEAD.match(url.lower())
    return found.group() if found else ""
