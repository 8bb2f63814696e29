"""The account's suppression list, an append-only file like the rest of the record."""

from pathlib import Path
from typing import Literal

import msgspec

from deploy.local.ses.lines import Lines
from deploy.local.ses.recipients import SIMULATOR
from deploy.local.ses.refusal import bad_request, not_found

REASONS = ("BOUNCE", "COMPLAINT")


class Entry(msgspec.Struct):
    """A line of suppressed.jsonl; the last one of an address counts."""

    address: str
    reason: str
    at: str
    change: Literal["added", "removed"] = "added"


class Suppressed:
    def __init__(self, home: Path) -> None:
        self._lines = Lines(home / "suppressed.jsonl")
        self._entries: dict[str, Entry] = {}
        for line in self._lines.all():
            self._apply(msgspec.json.decode(line, type=Entry))

    def has(self, address: str) -> bool:
        return address.lower() in self._entries

    def learn(self, address: str, reason: str, at: str) -> None:
        """After a hard bounce or a complaint; Amazon's simulator is never suppressed."""
        if not address.lower().endswith("@" + SIMULATOR) and not self.has(address):
            self.put(address, reason, at)

    def put(self, address: str, reason: str, at: str) -> None:
        if reason not in REASONS:
            raise bad_request(f"Reason must be one of {', '.join(REASONS)}.")
        self._write(Entry(address.lower(), reason, at))

    def get(self, address: str) -> Entry:
        if not (entry := self._entries.get(address.lower())):
            raise not_found("Email address does not exist on your suppression list.")
        return entry

    def remove(self, address: str, at: str) -> None:
        entry = self.get(address)
        self._write(Entry(entry.address, entry.reason, at, "removed"))

    def page(self, after: str, limit: int) -> list[Entry]:
        return [self._entries[one] for one in sorted(self._entries) if one > after][:limit]

    def _write(self, entry: Entry) -> None:
        self._lines.append(msgspec.json.encode(entry))
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        if entry.change == "added":
            self._entries[entry.address] = entry
        else:
            self._entries.pop(entry.address, None)
