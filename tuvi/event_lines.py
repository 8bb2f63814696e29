"""An event of the live view in words: one line, and below it what came of it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from rich.text import Text

from shared.instants import instant
from tuvi.visible import visible

Item = dict[str, Any]
INDENT = " " * len("11:02:31 UTC  ")
NOTHING = (
    "no events: nothing was accepted or refused yet. What comes with an unknown key (401) is not "
    "seen here, but in ingest's log; what goes to another host is not seen at all"
)
_STYLE = {"accepted": "green", "refused": "bold red"}
_MAIL = {"sent": "green", **dict.fromkeys(("failed", "skipped", "withdrawn"), "yellow")}
_CATALOGUE = ("product", "stock")  # facts of the catalogue: they belong to no contact


def has_outcome(item: Item) -> bool:
    """Whether a contact may come of it."""
    return item["outcome"] == "accepted" and item["type"] not in _CATALOGUE


def shown(item: Item, today: date) -> Iterator[Text]:
    """The lines of an event; its outcomes stand under the services' names, if they are known."""
    for line in _lines(item, today):
        line.plain = visible(line.plain)
        yield line


def _lines(item: Item, today: date) -> Iterator[Text]:
    yield _head(item, today)
    if item["outcome"] == "refused":
        yield Text(f"{INDENT}{item['field']}: {item['message']}", "red")
    for warning in item["warnings"]:
        yield Text(f"{INDENT}warning: {warning['field']}: {warning['message']}", "yellow")
    if has_outcome(item):
        yield from _came_of(item)


def _head(item: Item, today: date) -> Text:
    at = datetime.fromisoformat(item["received_at"]).astimezone(UTC)
    line = Text()
    line.append(f"{at:%H:%M:%S} UTC  " if at.date() == today else f"{instant(at)}  ", "dim")
    line.append(f"{item['outcome']:<8}  ", _STYLE[item["outcome"]])
    line.append(" ".join(filter(None, (item["type"], item["name"]))) or _unread(item), "bold")
    for word, field in (("user", "user_id"), ("anonymous", "anonymous_id"), ("", "email")):
        if item[field]:
            line.append(f"  {word} {item[field]}" if word else f"  {item[field]}")
    if item["origin"] != "live":
        line.append(f"  {item['origin']}", "yellow")
    line.append(f"  via {item['via'] or 'an unknown door'}", "dim")
    return line


def _unread(item: Item) -> str:
    return item["route"] or "unreadable"


def _came_of(item: Item) -> Iterator[Text]:
    told = item.get("segmenter")
    if told is None:
        yield Text(f"{INDENT}→ what came of it is not known: segmenter was not asked", "yellow")
        return
    yield Text(
        f"{INDENT}→ {_contact(told, item)}", "yellow" if told["state"] != "processed" else ""
    )
    journeys = item.get("orchestrator")
    if journeys is None or told["state"] == "repeat":
        return
    for one in journeys["journeys"]:
        yield Text(f"{INDENT}→ {one['journey']}: {one['words']}")
    for mail in item.get("sender", {}).get("mails", ()):
        yield Text(f"{INDENT}→ {mail['journey']}: {mail['words']}", _MAIL.get(mail["status"], ""))
    if journeys["words"]:
        yield Text(f"{INDENT}→ {journeys['words']}", "yellow")
    if not journeys["final"]:
        yield Text(f"{INDENT}→ the orchestrator may not have come so far: look again", "yellow")


def _contact(told: Item, item: Item) -> str:
    if told["state"] == "waiting":
        return "not processed yet: segmenter has not taken it"
    if told["state"] == "seen":
        return (
            f"nothing is known of it, though messageId {item['message_id']} was seen: it is on its "
            "way, or the id was another contact's event's, or it is a dead letter"
        )
    parts = [f"contact {told['contact']}" + (f" (was {told['was']})" if told["was"] else "")]
    if told["state"] == "repeat":
        first = instant(told["received_at"])
        parts.insert(0, f"a repeat of {first}, so it changed nothing")
    moved = [f"entered {segment}" for segment in told["entered"]]
    moved += [f"left {segment}" for segment in told["left"]]
    parts += [", ".join(moved)] if moved else []
    parts.append(f"now in {', '.join(told['segments']) or 'no segment'}")
    return "; ".join(parts)
