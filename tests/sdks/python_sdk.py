"""A shop's backend in Python: `python_sdk.py segment|rudder HOST KEY EVENTS SECONDS`.

Default settings but the host. Prints what was sent, by messageId, and what the SDK reported as
not delivered.
"""

import importlib
import json
import sys
import threading
import time
from typing import Any

MODULES = {"segment": "segment.analytics.client", "rudder": "rudderstack.analytics.client"}


def main(which: str, host: str, key: str, events: int, seconds: float) -> None:
    sent: dict[str, str] = {}
    failed: list[str] = []
    lock = threading.Lock()

    def lost(_: Exception, batch: list[dict[str, Any]]) -> None:
        with lock:
            failed.extend(message["messageId"] for message in batch)

    client = importlib.import_module(MODULES[which]).Client(key, host=host, on_error=lost)

    def note(result: tuple[bool, dict[str, Any]]) -> None:
        queued, message = result
        assert queued, message
        sent[message["messageId"]] = message["type"]

    user = f"{which}-user"
    note(client.identify(user, {"email": f"{user}@shop.example", "first_name": "Åsa"}))
    note(client.page(user, "Shop", "Home", {"url": "https://shop.example/"}))
    note(client.screen(user, "Shop", "Start"))
    note(client.group(user, "family", {"name": "The Åbergs"}))
    note(client.alias(f"{which}-before", user))
    for number in range(events):
        note(client.track(f"{user}-{number % 50}", "Product Viewed", {"price": 19.9, "n": number}))
        time.sleep(seconds / events)
    client.shutdown()  # `join` alone leaves what waits behind a batch that is tried again
    print(json.dumps({"sent": sent, "failed": failed}))  # noqa: T201  for the test


if __name__ == "__main__":
    _, which, host, key, events, seconds = sys.argv
    main(which, host, key, int(events), float(seconds))
