"""What a request is refused for as a whole is in the live view, wherever its key stood."""

import base64
import json
from typing import Any

import pytest

from services.ingest.edge import Edge
from services.ingest.handlers import Door, Topics
from shared.errors import Problem
from shared.keys import Key, Scope, permitted
from tests.unit.ingest.calls import NOW
from tests.unit.ingest.doors import Kept, Told, post

BROWSER = Key("default", "browser", "tuvi_bk_aaaaaa", ("https://shop.example",), 1)
EVENT = {"userId": "u", "event": "x"}


class OneKey:
    """`k` is the shop's, for its page, one event a second."""

    async def key(self, token: str, *scopes: Scope) -> Key:
        if token != "k":
            raise Problem(401, "Key unknown", "x")
        return permitted(BROWSER, scopes)

    async def origins(self) -> frozenset[str]:
        return frozenset(BROWSER.origins)


def sent(how: str, origin: str, times: int = 1, key: str = "k") -> tuple[int, list[str]]:
    """The last answer's status, and all that was told."""
    told = Told()
    app = Edge(Door(Kept(), OneKey(), Topics(4), lambda: NOW, told), _nothing)
    headers = {"origin": origin}
    event = EVENT | ({"writeKey": key} if how == "body" else {})
    if how == "head":
        headers["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    status = [post(app, "/v1/track", json.dumps(event).encode(), headers) for _ in range(times)]
    return status[-1].status, told.messages


async def _nothing(*_: Any) -> None:
    """Behind the hot routes."""


@pytest.mark.parametrize("how", ["head", "body"])
def test_a_page_that_may_not_use_its_key(how: str) -> None:
    status, [told] = sent(how, "https://evil.example")
    assert status == 403
    assert told.startswith("tuvi_bk_aaaaaa /v1/track 403 Page not allowed: Pages of https://evil")


@pytest.mark.parametrize("how", ["head", "body"])
def test_too_much_at_once(how: str) -> None:
    status, [told] = sent(how, "https://shop.example", times=3)
    assert status == 429
    assert told.startswith("tuvi_bk_aaaaaa /v1/track 429 Too many events: ")


@pytest.mark.parametrize("how", ["head", "body"])
def test_nothing_is_told_of_a_key_that_nobody_knows(how: str) -> None:
    assert sent(how, "https://shop.example", key="other") == (401, [])
