"""The shop's own log: what it posted and was answered, what its people did. JSON lines."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local.shop.calls import Call
from deploy.local.shop.reader import Deed

Entry = dict[str, Any]

_FACTS = ("cart_id", "order_id", "currency", "revenue", "total", "value", "price", "quantity")


class ShopLog:
    """`at` is business time, `wall` the moment of the answer. All entries are kept in memory too.

    - `event`: `message_id, origin, person, email, name (identify for identify), facts, consent,
      status, refused (what ingest said, or empty)`; `person` empty if Tuvi was told no userId
    - `open`, `click`, `unsubscribe`, `complain`: `mail (SES's id), by, link, email, status`
    - `phase`: `name` and what was seen then
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self.entries: list[Entry] = []

    def posted(self, call: Call, origin: str, status: int, refused: str = "") -> None:
        properties: Mapping[str, Any] = call.body.get("properties") or {}
        consent = (call.body.get("traits") or {}).get("consent") or {}
        self._add(
            {
                "kind": "event",
                "at": call.at.isoformat(),
                "message_id": call.message_id,
                "origin": origin,
                "person": call.body.get("userId", ""),
                "email": call.person.email,
                "name": call.body.get("event", call.body["type"]),
                "facts": {name: properties[name] for name in _FACTS if name in properties},
                "consent": {topic: said["state"] for topic, said in consent.items()},
                "status": status,
                "refused": refused,
            }
        )

    def did(self, deed: Deed, status: int) -> None:
        self._add(
            {
                "kind": deed.did,
                "at": deed.at.isoformat(),
                "mail": deed.mail,
                "by": deed.by,
                "link": deed.link,
                "email": deed.person.email,
                "status": status,
            }
        )

    def phase(self, name: str, at: datetime, **seen: Any) -> None:
        self._add({"kind": "phase", "name": name, "at": at.isoformat(), **seen})

    def _add(self, entry: Entry) -> None:
        entry["wall"] = datetime.now(UTC).isoformat()
        self.entries.append(entry)
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
