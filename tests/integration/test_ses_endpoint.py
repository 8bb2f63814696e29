"""The laptop's SES endpoint, through boto3's own clients and a receiver that checks signatures."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import botocore.auth
import pytest
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HTML = '<html><body><a href="https://shop.test/cart?a=1&amp;b=2">Cart</a></body></html>'
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=2)


@contextmanager
def running(home: Path, *flags: str) -> Iterator[str]:
    """An endpoint in its own process; its URL."""
    command = [sys.executable, "-m", "deploy.local.ses", "--port", "0", "--home", str(home), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@contextmanager
def client(url: str, service: str = "sesv2", key: str = "test") -> Iterator[Any]:
    made = boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key=key,
        config=ONCE,
    )
    try:
        yield made
    finally:
        made.close()


def mail(to: str = "ann@example.com", **other: Any) -> dict[str, Any]:
    simple = {
        "Subject": {"Data": "Your cart", "Charset": "UTF-8"},
        "Body": {"Html": {"Data": HTML, "Charset": "UTF-8"}, "Text": {"Data": "Your cart"}},
        "Headers": [
            {"Name": "List-Unsubscribe", "Value": "<https://shop.test/u/1>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ],
    }
    return {
        "FromEmailAddress": "Shop <shop@shop.test>",
        "Destination": {"ToAddresses": [to]},
        "Content": {"Simple": simple},
        "EmailTags": [{"Name": "message_id", "Value": "m-1"}],
        "ConfigurationSetName": "tuvi",
    } | other


def send(url: str, *mails: dict[str, Any]) -> list[str]:
    with client(url) as ses:
        return [ses.send_email(**one)["MessageId"] for one in mails]


async def call(method: str, url: str, body: object = None) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as got:
        return await got.json()


async def until(ask: Callable[[], Awaitable[Any]], fits: Callable[[Any], Any]) -> Any:
    """Ask until the answer fits (10 s); what `fits` gave."""
    async with asyncio.timeout(10):
        while not (found := fits(await ask())):
            await asyncio.sleep(0.02)
    return found


async def messages(url: str) -> list[dict[str, Any]]:
    return (await call("GET", f"{url}/admin/messages"))["items"]  # type: ignore[no-any-return]


async def events_of(url: str, message_id: str, count: int) -> list[dict[str, Any]]:
    """The first `count` events of a mail, as soon as they have happened."""

    def of(page: Any) -> list[dict[str, Any]]:
        found = [event for event in page["items"] if event["message_id"] == message_id]
        return found if len(found) >= count else []

    return await until(lambda: call("GET", f"{url}/admin/events?limit=10000"), of)  # type: ignore[no-any-return]


@dataclass
class Receiver:
    """A subscriber: it confirms, checks every signature, and can refuse for a while."""

    url: str = ""
    endpoint: str = ""
    refuse: int = 0
    certificate: bytes = b""
    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def events(self, message_id: str) -> list[dict[str, Any]]:
        """Other mails of the same endpoint may have events at this moment too."""
        told = (json.loads(text) for text in self.texts if text.startswith("{"))
        return [event for event in told if event["mail"]["messageId"] == message_id]

    async def take(self, request: web.Request) -> web.Response:
        envelope = json.loads(await request.text())
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        assert request.headers["x-amz-sns-message-type"] == envelope["Type"]
        assert envelope["SigningCertURL"].startswith(f"{self.endpoint}/SimpleNotificationService-")
        if not self.certificate:
            async with (
                aiohttp.ClientSession() as session,
                session.get(envelope["SigningCertURL"]) as got,
            ):
                self.certificate = await got.read()
        verify(envelope, self.certificate)
        self.versions.add(envelope["SignatureVersion"])
        self.kinds.append(envelope["Type"])
        if envelope["Type"] == "SubscriptionConfirmation":
            await asyncio.to_thread(self.confirm, envelope)
        else:
            self.texts.append(envelope["Message"])
            self.ids.append(envelope["MessageId"])
        return web.Response()

    def confirm(self, envelope: dict[str, str]) -> None:
        with client(self.endpoint, "sns") as sns:
            answer = sns.confirm_subscription(
                TopicArn=envelope["TopicArn"], Token=envelope["Token"]
            )
        assert answer["SubscriptionArn"].startswith(envelope["TopicArn"])


def verify(envelope: dict[str, str], certificate: bytes) -> None:
    """The check of a receiver, written from Amazon's page and sharing no code with the signer."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn"]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in [*names, "Type"] if name in envelope)
    key = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashes.SHA256() if envelope["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303  (SNS version 1)
    signature = base64.b64decode(envelope["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), digest)


@asynccontextmanager
async def receiving(endpoint: str) -> AsyncIterator[Receiver]:
    receiver = Receiver(endpoint=endpoint)
    app = web.Application()
    app.router.add_post("/webhooks/ses", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/ses"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def subscribed(receiver: Receiver) -> str:
    """Subscribe and wait for the plain first message; the subscription's name."""
    made = await call("POST", f"{receiver.endpoint}/admin/subscriptions", {"url": receiver.url})
    await until(_now, lambda _: receiver.texts)
    return str(made["arn"])


async def _now() -> None:
    return None


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("ses")
    flags = ["--delivery-delay", "0.02", "--configuration-set", "tuvi", "--hang", "30"]
    with running(home, *flags, "--identity", "shop.test") as at:
        yield at


@pytest.fixture
async def faults(url: str) -> AsyncIterator[Callable[[dict[str, int]], Awaitable[Any]]]:
    """Faults for the next calls, and none afterwards."""

    async def plan(upcoming: dict[str, int]) -> Any:
        return await call("PUT", f"{url}/admin/faults", {"next": upcoming})

    yield plan
    await plan({})


@pytest.fixture
async def account(url: str) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Change the account; it is as before afterwards."""
    before = await call("GET", f"{url}/admin/account")

    async def change(**fields: object) -> Any:
        return await call("PATCH", f"{url}/admin/account", fields)

    yield change
    await change(**before)


async def test_boto3_sends_and_the_record_keeps_everything(url: str) -> None:
    [message_id] = send(url, mail(ReplyToAddresses=["help@shop.test"]))
    [kept] = [one for one in await messages(url) if one["id"] == message_id]
    assert kept["to"] == ["ann@example.com"]
    assert kept["reply_to"] == ["help@shop.test"]
    assert kept["subject"] == "Your cart"
    assert kept["tags"] == {"message_id": "m-1"}
    assert kept["links"] == ["https://shop.test/cart?a=1&b=2"]
    assert {"name": "List-Unsubscribe", "value": "<https://shop.test/u/1>"} in kept["headers"]
    assert kept["fault"] is None
    told = await call("GET", f"{url}/inbox/{message_id}/detail")
    assert told["text"] == "Your cart"
    happened = await events_of(url, message_id, 2)
    assert [event["type"] for event in happened] == ["Send", "Delivery"]


def test_the_account_tells_its_limits(url: str) -> None:
    with client(url) as ses:
        told = ses.get_account()
    assert told["SendQuota"]["MaxSendRate"] == 200
    assert told["SendQuota"]["Max24HourSend"] == 1_000_000
    assert told["EnforcementStatus"] == "HEALTHY"
    assert told["SendingEnabled"]
    assert told["ProductionAccessEnabled"]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"ConfigurationSetName": "nowhere"}, "NotFoundException", "nowhere"),
        ({"FromEmailAddress": "a@elsewhere.test"}, "MessageRejected", "a@elsewhere.test"),
        ({"Destination": {"ToAddresses": []}}, "BadRequestException", "at least one recipient"),
        ({"Destination": {"ToAddresses": ["jürgen@example.com"]}}, "BadRequestException", "Local"),
        ({"EmailTags": [{"Name": "a b", "Value": "c"}]}, "BadRequestException", "tag name <a b>"),
        ({"EmailTags": [{"Name": "a", "Value": "ü"}]}, "BadRequestException", "tag value"),
        ({"Content": {"Raw": {"Data": b"x"}}}, "BadRequestException", "Content.Simple"),
    ],
)
def test_what_ses_would_refuse_is_refused_in_its_words(
    url: str, change: dict[str, Any], error: str, says: str
) -> None:
    with client(url) as ses, pytest.raises(getattr(ses.exceptions, error), match=says):
        ses.send_email(**mail(**change))


async def test_over_the_rate_and_the_quota_it_says_what_amazon_says(
    url: str, account: Callable[..., Awaitable[Any]]
) -> None:
    with client(url) as ses:
        await account(rate=1)
        ses.send_email(**mail())
        with pytest.raises(ses.exceptions.TooManyRequestsException) as over:
            ses.send_email(**mail())
        assert over.value.response["Error"]["Message"] == "Maximum sending rate exceeded."
        assert over.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        await account(rate=200, quota=0)
        with pytest.raises(ses.exceptions.LimitExceededException, match="Daily message quota"):
            ses.send_email(**mail())
        await account(quota=-1, sending_enabled=False)
        with pytest.raises(ses.exceptions.SendingPausedException):
            ses.send_email(**mail())


def test_a_wrong_secret_is_refused(url: str) -> None:
    with client(url, key="another") as ses, pytest.raises(ClientError) as refused:
        ses.send_email(**mail())
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_older_than_five_minutes_is_refused(
    url: str, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: then)
    with client(url) as ses, pytest.raises(ClientError) as refused:
        ses.send_email(**mail())
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


async def test_an_unsigned_call_is_refused(url: str) -> None:
    told = await call("POST", f"{url}/v2/email/outbound-emails", mail())
    assert told == {"message": "Missing Authentication Token"}


async def test_accepted_then_the_connection_closed_is_in_the_record(
    url: str, faults: Callable[[dict[str, int]], Awaitable[Any]]
) -> None:
    await faults({"close_after": 1})
    with pytest.raises(ConnectionClosedError):
        await asyncio.to_thread(send, url, mail("closed@example.com"))
    [kept] = [one for one in await messages(url) if one["to"] == ["closed@example.com"]]
    assert kept["fault"] == "close_after"
    assert [e["type"] for e in await events_of(url, kept["id"], 2)] == ["Send", "Delivery"]


async def test_accepted_then_an_error_or_silence_is_in_the_record(
    url: str, faults: Callable[[dict[str, int]], Awaitable[Any]]
) -> None:
    await faults({"error_after": 1, "hang_after": 1})
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(send, url, mail("error@example.com"))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    with pytest.raises(ReadTimeoutError):
        await asyncio.to_thread(send, url, mail("hang@example.com"))
    kept = {one["to"][0]: one["fault"] for one in await messages(url)}
    assert kept["error@example.com"] == "error_after"
    assert kept["hang@example.com"] == "hang_after"


async def test_not_accepted_is_not_in_the_record(
    url: str, faults: Callable[[dict[str, int]], Awaitable[Any]]
) -> None:
    await faults({"error_before": 1, "close_before": 1, "throttle": 1})
    with client(url) as ses:
        with pytest.raises(ClientError, match="InternalFailure"):
            await asyncio.to_thread(ses.send_email, **mail("never@example.com"))
        with pytest.raises(ConnectionClosedError):
            await asyncio.to_thread(ses.send_email, **mail("never@example.com"))
        with pytest.raises(ses.exceptions.TooManyRequestsException):
            await asyncio.to_thread(ses.send_email, **mail("never@example.com"))
    assert not [one for one in await messages(url) if one["to"] == ["never@example.com"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("success", ["Send", "Delivery"]),
        ("bounce+42", ["Send", "Bounce"]),
        ("complaint", ["Send", "Delivery", "Complaint"]),
        ("ooto", ["Send", "Delivery", "Bounce"]),
        ("suppressionlist", ["Send", "Bounce"]),
    ],
)
async def test_the_simulator_addresses_do_what_amazons_do(
    url: str, name: str, expected: list[str]
) -> None:
    [message_id] = send(url, mail(f"{name}@simulator.amazonses.com"))
    happened = await events_of(url, message_id, len(expected))
    assert [event["type"] for event in happened] == expected


async def test_a_subscriber_gets_signed_events_once_it_has_confirmed(url: str) -> None:
    async with receiving(url) as receiver:
        receiver.refuse = 2
        arn = await subscribed(receiver)
        assert receiver.kinds[0] == "SubscriptionConfirmation"
        assert receiver.texts[0].startswith("Successfully validated")
        receiver.refuse = 2
        [message_id] = send(url, mail("annoyed@example.com"))
        agent = {"user_agent": "Mozilla/5.0", "ip": "203.0.113.9", "at": "2026-11-03T10:00:00Z"}
        await call("POST", f"{url}/inbox/{message_id}/open", agent)
        link = {"link": "https://shop.test/cart?a=1&b=2"}
        await call("POST", f"{url}/inbox/{message_id}/click", agent | link)
        await call("POST", f"{url}/inbox/{message_id}/complain")
        await until(_now, lambda _: len(receiver.events(message_id)) >= 5)
        await call("DELETE", f"{url}/admin/subscriptions/{arn}")
    told = {event["eventType"]: event for event in receiver.events(message_id)}
    assert set(told) == {"Send", "Delivery", "Open", "Click", "Complaint"}
    sent = told["Send"]["mail"]
    assert sent["messageId"] == message_id
    assert sent["destination"] == ["annoyed@example.com"]
    assert sent["tags"]["message_id"] == ["m-1"]
    assert sent["tags"]["ses:configuration-set"] == ["tuvi"]
    assert told["Send"]["send"] == {}
    assert told["Open"]["open"]["timestamp"] == "2026-11-03T10:00:00.000Z"
    assert told["Click"]["click"]["link"] == "https://shop.test/cart?a=1&b=2"
    assert told["Click"]["click"]["ipAddress"] == "203.0.113.9"
    assert told["Complaint"]["complaint"]["complainedRecipients"]
    assert receiver.versions == {"2"}


async def test_after_a_complaint_the_account_suppresses_the_address(url: str) -> None:
    [first] = send(url, mail("spammed@example.com"))
    await call("POST", f"{url}/inbox/{first}/complain")
    [second] = send(url, mail("spammed@example.com"))
    [_, bounce] = await events_of(url, second, 2)
    assert bounce["detail"]["bounceType"] == "Permanent"
    assert bounce["detail"]["bounceSubType"] == "OnAccountSuppressionList"


async def test_the_feed_of_events_can_be_made_to_lag(url: str) -> None:
    async with receiving(url) as receiver:
        arn = await subscribed(receiver)
        await call("PUT", f"{url}/admin/notifications", {"paused": True})
        [message_id] = send(url, mail())
        await events_of(url, message_id, 2)
        told = await call("GET", f"{url}/admin/notifications")
        assert told["paused"]
        assert told["pending"] >= 2
        assert receiver.events(message_id) == []
        await call("PUT", f"{url}/admin/notifications", {"paused": False})
        await until(_now, lambda _: len(receiver.events(message_id)) == 2)
        await call("DELETE", f"{url}/admin/subscriptions/{arn}")


async def test_tracked_links_and_the_pixel_work_as_in_a_real_mailbox(url: str) -> None:
    [message_id] = send(url, mail())
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/inbox/{message_id}/html") as got:
            html = await got.text()
            assert "sandbox" in got.headers["content-security-policy"]
        assert f'href="/c/{message_id}/0"' in html
        assert f'src="/o/{message_id}.gif"' in html
        async with session.get(f"{url}/c/{message_id}/0", allow_redirects=False) as got:
            assert got.status == 302
            assert got.headers["location"] == "https://shop.test/cart?a=1&b=2"
        async with session.get(f"{url}/o/{message_id}.gif") as got:
            assert (await got.read()).startswith(b"GIF89a")
        async with session.get(f"{url}/c/{message_id}/1", allow_redirects=False) as got:
            assert got.status == 404
    happened = await events_of(url, message_id, 4)
    assert {"Open", "Click"} <= {event["type"] for event in happened}


async def test_a_link_that_is_not_in_the_mail_cannot_be_clicked(url: str) -> None:
    [message_id] = send(url, mail())
    told = await call("POST", f"{url}/inbox/{message_id}/click", {"link": "https://evil.test"})
    assert "is not in the mail" in told["error"]


async def test_unsubscribe_in_the_inbox_posts_as_a_mailbox_provider_does(url: str) -> None:
    got: list[tuple[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.content_type, await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/u/token", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target = f"http://127.0.0.1:{runner.addresses[0][1]}/u/token"
    one = mail()
    one["Content"]["Simple"]["Headers"][0]["Value"] = f"<{target}>, <mailto:u@shop.test>"
    [message_id] = send(url, one)
    told = await call("POST", f"{url}/inbox/{message_id}/unsubscribe")
    await runner.cleanup()
    assert told == {"url": target, "status": 200}
    assert got == [("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")]


async def test_the_inbox_finds_mails_by_recipient(url: str) -> None:
    send(url, mail("searched-for@example.com"))
    found = await call("GET", f"{url}/inbox/messages?to=SEARCHED-for")
    assert [card["to"] for card in found["messages"]] == ["searched-for@example.com"]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/inbox") as page:
        assert page.status == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]


def test_the_suppression_list_can_be_kept_through_boto3(url: str) -> None:
    with client(url) as ses:
        ses.put_suppressed_destination(EmailAddress="Gone@example.com", Reason="COMPLAINT")
        kept = ses.get_suppressed_destination(EmailAddress="gone@example.com")
        assert kept["SuppressedDestination"]["Reason"] == "COMPLAINT"
        listed = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
        assert "gone@example.com" in [one["EmailAddress"] for one in listed]
        ses.delete_suppressed_destination(EmailAddress="gone@example.com")
        with pytest.raises(ses.exceptions.NotFoundException):
            ses.get_suppressed_destination(EmailAddress="gone@example.com")


async def test_a_kill_loses_nothing_that_was_accepted_or_owed(tmp_path: Path) -> None:
    """Killed before the delivery and with a subscriber that is away: both happen afterwards."""
    flags = ["--clock-origin-business", "2026-01-01T00:00:00Z", "--clock-speed", "0"]
    with running(tmp_path, *flags, "--delivery-delay", "60", "--signature-version", "1") as url:
        async with receiving(url) as receiver:
            await subscribed(receiver)
            receiver.refuse = 1_000_000
            [message_id] = send(url, mail())
    assert receiver.versions == {"1"}
    port = int(receiver.url.split(":")[2].split("/")[0])
    app = web.Application()
    app.router.add_post("/webhooks/ses", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    with running(tmp_path, *flags, "--delivery-delay", "0.05") as url:
        receiver.endpoint, receiver.refuse = url, 0
        await until(_now, lambda _: len(receiver.events(message_id)) >= 2)
        [kept] = await messages(url)
    await runner.cleanup()
    assert kept["id"] == message_id
    assert kept["at"] == "2026-01-01T00:00:00.000Z"
    assert {event["eventType"] for event in receiver.events(message_id)} == {"Send", "Delivery"}


async def test_notifications_come_twice_and_out_of_order_when_asked_to(tmp_path: Path) -> None:
    chaos = ["--repeats", "0.5", "--reordering", "0.5", "--held", "0.3", "--delivery-delay", "0"]
    with running(tmp_path, *chaos) as url:
        async with receiving(url) as receiver:
            await subscribed(receiver)
            await asyncio.to_thread(send, url, *[mail(f"c{n}@example.com") for n in range(30)])
            await until(
                lambda: call("GET", f"{url}/admin/stats"),
                lambda told: told["notifications_pending"] == 0 and len(set(receiver.ids)) >= 61,
            )
    assert len(receiver.ids) > len(set(receiver.ids))
    told = [json.loads(text) for text in receiver.texts[1:]]
    sent = [event["mail"]["timestamp"] for event in told if event["eventType"] == "Send"]
    assert sent != sorted(sent)
