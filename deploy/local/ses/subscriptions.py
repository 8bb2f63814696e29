"""Who is subscribed to the topic, kept in the home folder."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import msgspec


class Subscription(msgspec.Struct):
    """`since`: the last event before it was confirmed; nothing up to it is posted there."""

    arn: str
    url: str
    token: str
    confirmed: bool = False
    since: int = 0


class Subscriptions:
    """`add`, `confirm` and `remove` are on disk when they return."""

    def __init__(self, topic_arn: str, home: Path) -> None:
        self._topic_arn = topic_arn
        self._path = home / "subscriptions.json"
        self._known: dict[str, Subscription] = {}
        if self._path.exists():
            stored = msgspec.json.decode(self._path.read_bytes(), type=list[Subscription])
            self._known = {one.arn: one for one in stored}

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._known.values())

    def get(self, arn: str) -> Subscription | None:
        return self._known.get(arn)

    def with_url(self, url: str) -> Subscription | None:
        return next((one for one in self if one.url == url), None)

    def with_token(self, token: str) -> Subscription | None:
        given = token.encode()
        found = (one for one in self if secrets.compare_digest(one.token.encode(), given))
        return next(found, None)

    def add(self, url: str) -> Subscription:
        arn = f"{self._topic_arn}:{uuid5(NAMESPACE_URL, url)}"
        self._known[arn] = Subscription(arn, url, secrets.token_hex(64))
        self._store()
        return self._known[arn]

    def confirm(self, one: Subscription, last_event: int) -> None:
        one.confirmed, one.since = True, last_event
        self._store()

    def remove(self, arn: str) -> bool:
        found = self._known.pop(arn, None) is not None
        self._store()
        return found

    def _store(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(list(self)))
        fresh.replace(self._path)
