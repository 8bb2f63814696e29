"""Contacts, as far as numbers need them: who is one person, and since when."""

from datetime import datetime

import msgspec


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """`merged_into` makes it a redirect. What counts is who is one person, not who won."""

    workspace: str
    contact: str
    first_at: datetime
    merged_into: str = ""
