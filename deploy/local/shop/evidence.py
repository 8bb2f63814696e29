"""What the self-check looks at: the shop's log, SES's record, reports and scrapes. Plain data."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

Json = dict[str, Any]
Step = tuple[str, str, str]  # journey, step, variant
OK = range(200, 300)


@dataclass
class Evidence:
    """`shop`: entries of ShopLog. `messages`, `events`: the SES endpoint's record. `reports`,
    `overview`: metrics' answers. `scrapes`: service to its `/metrics`. `journeys`: id to
    `{"last": step, "exits": [events]}`, from the files that were loaded. `speed`: business
    seconds a second.
    """

    shop: list[Json]
    messages: list[Json]
    events: list[Json]
    reports: Json
    overview: Json
    scrapes: dict[str, str]
    journeys: dict[str, Json]
    speed: float

    @cached_property
    def accepted(self) -> list[Json]:
        """The shop's events that were answered 2xx, each once."""
        once = {e["message_id"]: e for e in reversed(self.answered) if e["status"] in OK}
        return list(reversed(once.values()))

    @property
    def answered(self) -> list[Json]:
        return [entry for entry in self.shop if entry["kind"] == "event"]

    def did(self, kind: str) -> Iterator[Json]:
        """What people did (`open`, `click`, `unsubscribe`, `complain`) and was taken."""
        return (e for e in self.shop if e["kind"] == kind and e["status"] in OK)

    def phase(self, name: str) -> Json:
        return next(e for e in self.shop if e["kind"] == "phase" and e["name"] == name)

    def happened(self, kind: str) -> Iterator[Json]:
        """SES's events of a type."""
        return (event for event in self.events if event["type"] == kind)

    @cached_property
    def step_of(self) -> dict[str, Step]:
        """SES's message id to the step that sent it."""
        return {message["id"]: step(message) for message in self.messages}

    @cached_property
    def consents(self) -> dict[tuple[str, str], datetime]:
        """(address, topic) to the wall time at which the first yes had been accepted."""
        return {
            (entry["email"].lower(), topic): moment(entry["wall"])
            for entry in reversed(self.accepted)
            for topic, state in entry["consent"].items()
            if state == "subscribed"
        }

    def samples(self, service: str, metric: str) -> list[tuple[Mapping[str, str], float]]:
        """Labels and value of each sample of that name in a service's scrape."""
        return self._samples.get((service, metric), [])

    @cached_property
    def _samples(self) -> dict[tuple[str, str], list[tuple[Mapping[str, str], float]]]:
        found: dict[tuple[str, str], list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        for service, text in self.scrapes.items():
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    found[service, sample.name].append((sample.labels, sample.value))
        return found

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the self-check."""

    name: str
    fine: bool
    told: str


def found(name: str, told: str, wrong: list[str]) -> Finding:
    """Fine if nothing is wrong; else the first three of it are told."""
    if not wrong:
        return Finding(name, True, told)
    more = f" … and {len(wrong) - 3} more" if len(wrong) > 3 else ""  # noqa: PLR2004
    return Finding(name, False, f"{told}; wrong: " + "; ".join(wrong[:3]) + more)


def step(message: Mapping[str, Any]) -> Step:
    tags = message["tags"]
    return tags.get("journey", ""), tags.get("step", ""), tags.get("variant", "")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def address(message: Mapping[str, Any]) -> str:
    return str(message["to"][0]).lower()
