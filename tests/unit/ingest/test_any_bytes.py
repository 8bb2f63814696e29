"""Whatever is posted: never a 5xx, and a refusal says which field of which event."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.ingest.adapters.tickets import Ticket
from services.ingest.domain.calls import ROUTES, Ready
from services.ingest.domain.validation import MAX_BATCH_BYTES
from shared.contracts import CODECS
from shared.tokens import UnsubscribeClaim, make_token
from tests.unit.ingest.anything import BODIES, RAW_EVENTS
from tests.unit.ingest.doors import TOKEN_KEYS, Answer, Kept, edge, post

TOKEN = make_token(
    TOKEN_KEYS, UnsubscribeClaim(workspace="default", contact="c", message="m", topic="t")
)
KEY = {"authorization": "Bearer k"}
KEPT = Kept()
APP = edge(KEPT)  # one for all examples: building FastAPI's routes takes longer than an example


def check_refusal(answer: Answer) -> None:
    problem: Any = json.loads(answer.body)
    assert answer.status == problem["status"] == 400
    assert problem["errors"]
    for error in problem["errors"]:
        assert error["field"], error
        assert error["message"], error
        assert error["index"] >= 0
    places = [error["index"] for error in problem["errors"]]
    assert places == sorted(set(places))


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(sorted(ROUTES)), body=BODIES)
def test_any_body_at_any_hot_route_is_kept_or_refused(path: str, body: bytes) -> None:
    KEPT.messages.clear()
    answer = post(APP, path, body, KEY)

    if len(body) > MAX_BATCH_BYTES:
        assert answer.status == 413
        return
    if answer.status != 200:
        check_refusal(answer)
        assert json.loads(answer.body)["accepted"] == len(KEPT.messages)
    for message in KEPT.messages:
        stored = CODECS["store-events"].decode(message.value)
        assert stored.message_id
        assert stored.workspace == "default"
        assert message.key.startswith(b"default:")


@settings(max_examples=50, deadline=None)
@given(
    body=RAW_EVENTS,
    headers=st.dictionaries(
        st.sampled_from(
            ["content-encoding", "content-type", "x-tuvi-origin", "authorization", "content-length"]
        ),
        st.text(st.characters(codec="ascii"), max_size=20),
    ),
)
def test_any_header_is_answered(body: bytes, headers: dict[str, str]) -> None:
    for path in ("/v1/batch", "/v1/track", "/webhooks/ses", f"/u/{TOKEN}"):
        assert 200 <= post(APP, path, body, headers).status < 500


@pytest.mark.parametrize("path", ["/v1/nothing", "/u/", "/u/x/y", "/v1/track/"])
def test_another_path_is_not_found(path: str) -> None:
    assert post(APP, path, b"{}", KEY).status == 404


class Broken(Kept):
    """Fails as nobody thought of."""

    def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Ticket:
        raise LookupError("ann@example.com")


def test_what_nobody_thought_of_is_a_problem_too_counted_and_logged_without_contents() -> None:
    labels = {"route": "/v1/page", "method": "POST", "code": "500"}
    before = REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0

    with capture_logs() as logs:
        answer = post(edge(Broken()), "/v1/page", b'{"userId":"u"}', KEY)

    problem: Any = json.loads(answer.body)
    assert answer.status == problem["status"] == 500
    assert problem["detail"]
    assert REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) == before + 1
    assert [(log["event"], log["error"], log["route"]) for log in logs] == [
        ("unexpected", "LookupError", "/v1/page")
    ]
    assert "ann@" not in repr((logs, answer.body))
