"""Tags on mails at SES: how a value that SES would not take is written, and read again.

SES takes `[A-Za-z0-9_-]`, 1 to 256 characters. The sender writes tags, ingest reads them in
notifications. Ids and ordinary names stay as they are.
"""

import base64
import re

LONGEST = 256
ENCODED = "b64_"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def to_tag(value: str) -> str:
    """Give nothing empty: SES has no empty tags. ValueError if it does not fit."""
    tag = value
    if not _PLAIN.fullmatch(value) or value.startswith(ENCODED):
        tag = ENCODED + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    if not value or len(tag) > LONGEST:
        raise ValueError(f"a tag has 1 to {LONGEST} characters: {value[:20]!r}")
    return tag


def from_tag(tag: str) -> str:
    """What to_tag was given; a tag of somebody else's is given back as it is."""
    if not tag.startswith(ENCODED):
        return tag
    encoded = tag.removeprefix(ENCODED)
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return tag
