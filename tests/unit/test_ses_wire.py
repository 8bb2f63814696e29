"""What the SES endpoint takes and refuses, before any account is looked at."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ses.refusal import Refusal
from deploy.local.ses.wire import bare, decode


def request(**simple: Any) -> dict[str, Any]:
    content = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}} | simple
    return {
        "FromEmailAddress": "shop@shop.test",
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "Content": {"Simple": content},
    }


def refused(body: object) -> Refusal:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as refusal:
        decode(data)
    return refusal.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X" * 126, "v"),
        ("X-Ok", "v" * 995),
        ("List-Unsubscribe", "<https://shop.test/u/1>, <mailto:u@shop.test>"),
    ],
)
def test_headers_up_to_the_limits_are_taken(name: str, value: str) -> None:
    taken, simple = decode(json.dumps(request(Headers=[{"Name": name, "Value": value}])).encode())
    assert [(h.name, h.value) for h in simple.headers] == [(name, value)]
    assert taken.destination.all() == ["ann@example.com"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X" * 127, "v"),
        ("X Y", "v"),
        ("X:Y", "v"),
        ("Ü", "v"),
        ("X", "v" * 996),
        ("X", "Grüße"),
        ("X", "a\r\nBcc: b@c.de"),
        ("Subject", "another"),
    ],
)
def test_headers_past_the_limits_are_refused(name: str, value: str) -> None:
    refusal = refused(request(Headers=[{"Name": name, "Value": value}]))
    assert (refusal.status, refusal.kind) == (400, "BadRequestException")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "SerializationException"),
        (b"\xff\xfe", "SerializationException"),
        (b"[]", "BadRequestException"),
        (b"{}", "BadRequestException"),
        (request(Subject={"Data": "a\nb"}), "BadRequestException"),
        (request(Body={}), "BadRequestException"),
        (request(Headers=[{"Name": f"X-{n}", "Value": "v"} for n in range(16)]), None),
        (request() | {"Destination": {"ToAddresses": ["a@b.test"] * 51}}, None),
        (request() | {"EmailTags": [{"Name": "a", "Value": "1"}] * 2}, None),
        (request() | {"FromEmailAddress": ""}, None),
        (request(Body={"Html": {"Data": "x" * 10_500_000}}), "MessageRejected"),
    ],
)
def test_a_wrong_request_gets_the_error_class_that_boto3_knows(
    body: object, kind: str | None
) -> None:
    assert refused(body).kind == (kind or "BadRequestException")


@pytest.mark.parametrize(
    ("given_", "plain"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann <ann+a@xn--exmple-cua.com>", "ann+a@xn--exmple-cua.com"),
        ('"Ann, the first" <ann@example.com>', "ann@example.com"),
    ],
)
def test_an_address_may_have_a_name(given_: str, plain: str) -> None:
    assert bare(given_) == plain


@pytest.mark.parametrize(
    "wrong", ["", "ann", "@example.com", "ann@", "ann@b..", "ann@exämple.com", "a b@c.de", "a@b\n"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(Refusal):
        bare(wrong)


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_body_whatever_breaks_the_endpoint(body: bytes) -> None:
    with pytest.raises(Refusal):
        decode(body)
