"""SES's notifications, posted and signed by the laptop's SES endpoint; unsubscribe links."""

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest
import pytest_asyncio
from botocore.config import Config

from deploy.local.ses.sns import Signer
from shared.tokens import UnsubscribeClaim, make_token
from tests.integration.ingest_place import TOKEN_KEYS, Place, place

TOPIC = "arn:aws:sns:eu-west-1:000000000000:tuvi-ses"
TAGS = {
    "workspace": "default",
    "contact": "c_1",
    "journey": "abandoned-cart",
    "version": "3",
    "run": "r_1",
    "step": "reminder",
    "variant": "a",
    "template": "cart-reminder",
    "topic": "cart-reminders",
}
LINK = "https://shop.test/cart?a=1&b=2"
HTML = f'<html><body><a href="{LINK.replace("&", "&amp;")}">Cart</a></body></html>'
CLAIM = UnsubscribeClaim(
    workspace="default", contact="c_9", message="m_9", topic="cart-reminders", version=2
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The endpoint's folder."""
    return tmp_path_factory.mktemp("ses")


@pytest.fixture(scope="module")
def ses(home: Path) -> Iterator[str]:
    """The endpoint's URL."""
    command = [sys.executable, "-m", "deploy.local.ses", "--port", "0", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str, ses: str) -> AsyncIterator[Place]:
    """Subscribed to the endpoint's topic, confirmed by ingest itself."""
    async with place(
        database, kafka, topic_prefix, sns_trusted_origins=[ses], sns_topics=[TOPIC]
    ) as running:
        await running.ready()
        subscriptions = f"{ses}/admin/subscriptions"
        async with running.session.post(
            subscriptions, json={"url": running.url + "/webhooks/ses"}
        ) as answer:
            assert answer.status < 300
        async with asyncio.timeout(15):
            while True:
                async with running.session.get(subscriptions) as answer:
                    if '"confirmed":true' in (await answer.text()).replace(" ", ""):
                        break
                await asyncio.sleep(0.02)
        yield running


def send(ses: str, to: str, message: str, tags: dict[str, str]) -> str:
    client = boto3.client(
        "sesv2",
        endpoint_url=ses,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        answer = client.send_email(
            FromEmailAddress="shop@shop.test",
            Destination={"ToAddresses": [to]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Html": {"Data": HTML}}}},
            EmailTags=[
                {"Name": n, "Value": v} for n, v in (tags | {"message_id": message}).items()
            ],
            ConfigurationSetName="tuvi",
        )
        return str(answer["MessageId"])
    finally:
        client.close()


async def events_of(ingest: Place, message: str, enough: Callable[[set[str]], bool]) -> Any:
    """The delivery events of a message as soon as there are enough of them, by type."""
    async with asyncio.timeout(20):
        while True:
            kept = await ingest.kept("delivery-events")
            found = {event.event: event for event in kept if event.message == message}
            if enough(set(found)):
                return found
            await asyncio.sleep(0.05)


async def test_a_mail_that_is_read_is_told_as_it_happened(ingest: Place, ses: str) -> None:
    sent = await asyncio.to_thread(send, ses, "ann@example.com", "m_read", TAGS)
    await events_of(ingest, "m_read", {"Sent", "Delivered"}.issubset)
    for what, body in (("open", {"user_agent": "Phone"}), ("click", {"link": LINK})):
        async with ingest.session.post(f"{ses}/inbox/{sent}/{what}", json=body) as answer:
            assert answer.status < 300

    found = await events_of(ingest, "m_read", {"Sent", "Delivered", "Opened", "Clicked"}.issubset)

    click = found["Clicked"]
    assert (click.link, click.provider_id, click.version) == (LINK, sent, 3)
    assert {tag: getattr(click, tag) for tag in TAGS} == TAGS | {"version": 3}
    assert found["Opened"].user_agent == "Phone"
    assert found["Sent"].at <= found["Delivered"].at <= found["Opened"].at <= click.at
    assert "ann@" not in repr(found)


@pytest.mark.parametrize(
    ("to", "event", "said"),
    [
        ("bounce", "Bounced", ("hard", "General", "General")),
        ("ooto", "Bounced", ("soft", "OutOfOffice", "OutOfOffice")),
        (
            "suppressionlist",
            "Bounced",
            ("hard", "OnAccountSuppressionList", "OnAccountSuppressionList"),
        ),
        ("complaint", "Complained", ("", "", "abuse")),
    ],
)
async def test_what_the_mailbox_simulator_does_is_told(
    ingest: Place, ses: str, to: str, event: str, said: tuple[str, str, str]
) -> None:
    address = f"{to}@simulator.amazonses.com"
    await asyncio.to_thread(send, ses, address, f"m_{to}", TAGS)

    found = (await events_of(ingest, f"m_{to}", {event}.issubset))[event]

    assert (found.bounce, found.bounce_detail, found.reason) == said


async def test_a_mail_of_somebody_else_is_acknowledged_and_counted(ingest: Place, ses: str) -> None:
    await asyncio.to_thread(send, ses, "bob@example.com", "m_other", {})

    async with asyncio.timeout(20):
        while True:
            async with ingest.session.get(f"{ses}/admin/stats") as answer:
                if (await answer.json())["notifications_pending"] == 0:
                    break
            await asyncio.sleep(0.05)
    assert [e for e in await ingest.kept("delivery-events") if e.message == "m_other"] == []
    async with ingest.session.get(ingest.url + "/metrics") as answer:
        assert 'tuvi_ingest_ses_events_total{type="other"}' in await answer.text()


def envelope(**other: str) -> dict[str, str]:
    return {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": TOPIC,
        "Message": "hello",
        "Timestamp": "2026-03-01T12:00:00Z",
        "SignatureVersion": "1",
        "Signature": base64.b64encode(b"forged").decode(),
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
    } | other


FORGED = [
    ({"TopicArn": "arn:aws:sns:eu-west-1:000000000000:other"}, "TopicArn"),
    ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.test/x.pem"}, "SigningCertURL"),
    (
        {"SigningCertURL": "https://evil.amazonaws.com/SimpleNotificationService-1.pem"},
        "SigningCertURL",
    ),
    (
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"},
        "SigningCertURL",
    ),
]


@pytest.mark.parametrize(("other", "field"), FORGED)
async def test_a_forged_message_is_refused(
    ingest: Place, other: dict[str, str], field: str
) -> None:
    status, problem = await ingest.post("/webhooks/ses", json.dumps(envelope(**other)))

    assert status == 403
    assert problem["detail"].startswith(field)


def certificate_url(ses: str, home: Path) -> str:
    digest = hashlib.sha256((home / "certificate.pem").read_bytes()).hexdigest()[:32]
    return f"{ses}/SimpleNotificationService-{digest}.pem"


async def test_a_message_signed_by_another_hand_is_refused(
    ingest: Place, ses: str, home: Path
) -> None:
    forged = envelope(SigningCertURL=certificate_url(ses, home))
    status, problem = await ingest.post("/webhooks/ses", json.dumps(forged))

    assert (status, problem["detail"]) == (403, "Signature: does not fit the message")


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_true_message_is_taken_and_a_changed_one_is_not(
    ingest: Place, ses: str, home: Path, version: Any
) -> None:
    plain = {n: v for n, v in envelope().items() if not n.startswith("Sign")}
    signed = Signer(home, version).signed(plain, ses)

    assert (await ingest.post("/webhooks/ses", json.dumps(signed)))[0] == 200
    for field in ("Message", "MessageId", "Timestamp", "Subject"):
        changed = signed | {field: "changed"}
        assert (await ingest.post("/webhooks/ses", json.dumps(changed)))[0] == 403


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"hello", b"\xff", b'{"Type":"Else"}'])
async def test_what_is_no_message_of_sns_is_refused(ingest: Place, body: bytes) -> None:
    assert (await ingest.post("/webhooks/ses", body))[0] == 400


async def page(ingest: Place, method: str, token: str, **more: Any) -> tuple[int, str, Any]:
    async with ingest.session.request(
        method, f"{ingest.url}/u/{token}", allow_redirects=False, **more
    ) as answer:
        return answer.status, await answer.text(), answer.headers


ONE_CLICK = "List-Unsubscribe=One-Click"


def forms() -> list[Any]:
    multipart = aiohttp.FormData(default_to_multipart=True)
    multipart.add_field("List-Unsubscribe", "One-Click")
    encoded = {"content-type": "application/x-www-form-urlencoded"}
    return [{"data": ONE_CLICK, "headers": encoded}, {"data": multipart}]


@pytest.mark.parametrize("place_in_list", [0, 1])
async def test_one_click_unsubscribes_in_either_encoding(ingest: Place, place_in_list: int) -> None:
    claim = UnsubscribeClaim(
        workspace="default", contact="c_2", message=f"m_click{place_in_list}", topic="news"
    )
    token = make_token(TOKEN_KEYS[place_in_list:], claim)  # a key that only verifies counts too

    status, text, headers = await page(ingest, "POST", token, **forms()[place_in_list])

    assert status == 200
    assert "set-cookie" not in headers
    assert "You are unsubscribed" in text
    kept = await ingest.kept("delivery-events")
    [found] = [e for e in kept if e.message == claim.message]
    assert (found.event, found.contact, found.topic, found.source) == (
        "Unsubscribed",
        "c_2",
        "news",
        "link",
    )


async def test_looking_at_the_page_unsubscribes_nobody(ingest: Place) -> None:
    token = make_token(TOKEN_KEYS, CLAIM)

    for method in ("GET", "HEAD"):
        status, text, headers = await page(ingest, method, token)
        assert status == 200
        assert "default-src 'none'" in headers["content-security-policy"]
        assert (method == "HEAD") or ("cart reminders" in text and 'method="post"' in text)
    assert (await page(ingest, "POST", token, data="something=else"))[0] == 400
    assert [e for e in await ingest.kept("delivery-events") if e.message == "m_9"] == []


@pytest.mark.parametrize("token", ["x", "%00", "a.b", "é", "x" * 5000])
async def test_a_link_that_is_not_ours_says_so(ingest: Place, token: str) -> None:
    for method in ("GET", "POST"):
        status, text, _ = await page(
            ingest, method, token, **(forms()[0] if method == "POST" else {})
        )
        assert status == 404
        assert "does not work" in text
