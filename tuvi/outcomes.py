"""What came of events, asked of the services until they have come so far."""

import json
import time
from collections.abc import Callable
from typing import Any

from tuvi.client import Client
from tuvi.event_lines import Item, has_outcome

ASK_EVERY = 0.3  # seconds
PATIENCE = 8.0  # seconds: what has come of nothing by then is shown as it is
SERVICES = ("segmenter", "orchestrator", "sender")


def note(client: Client, items: list[Item]) -> None:
    """Each accepted event gets the answers of the services under their names.

    Waits a few seconds for fresh ones. Raises CommandError; what was learned until then is noted.
    """
    asked = [item for item in items if has_outcome(item)]
    deadline = time.monotonic() + PATIENCE
    while asked:
        _ask(client, "segmenter", [item for item in asked if not _taken(item)])
        known = [i for i in asked if i["segmenter"]["contact"] and not _final(i)]
        _ask(client, "orchestrator", known, lambda item: item["segmenter"])
        mailed = [i for i in asked if _final(i) and not _settled(i)]
        _ask(client, "sender", mailed, lambda i: i["segmenter"] | i["orchestrator"])
        if all(_final(i) and _settled(i) for i in asked) or time.monotonic() > deadline:
            return
        time.sleep(ASK_EVERY)


def _ask(
    client: Client, service: str, items: list[Item], more: Callable[[Item], Item] = lambda _: {}
) -> None:
    if not items:
        return
    events = [_plain(item) | more(item) for item in items]
    body = json.dumps({"events": events}).encode()
    answer: Any = client.request(service, "POST", "/v1/outcomes", body)
    for item, outcome in zip(items, answer["items"], strict=True):
        item[service] = outcome


def _plain(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in SERVICES}


def _taken(item: Item) -> bool:
    return item.get("segmenter", {}).get("state") in ("processed", "repeat")


def _final(item: Item) -> bool:
    return bool(item.get("orchestrator", {}).get("final"))


def _settled(item: Item) -> bool:
    """No run of it has a mail, or its mails stay as they are for a while."""
    runs = any(journey["run"] for journey in item["orchestrator"]["journeys"])
    return not runs or bool(item.get("sender", {}).get("final"))
