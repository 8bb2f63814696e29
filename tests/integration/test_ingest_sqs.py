"""SES's notifications by SQS: each arrives, once Kafka has it, and none is lost on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from services.ingest.domain.ses_events import delivery_event
from shared.contracts import DeliveryEvent
from tests.integration.ingest_place import Place, place
from tests.integration.queue_place import FIRST, QueuePlace, document, moto, queue_place


@pytest.fixture(scope="module")
def queue() -> Iterator[QueuePlace]:
    with pytest.MonkeyPatch.context() as patch, moto() as endpoint, queue_place(endpoint) as made:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(
    database: str, kafka: str, topic_prefix: str, queue: QueuePlace
) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix, **queue.settings()) as running:
        await running.ready()
        yield running


async def told(ingest: Place, message: str, count: int = 1) -> list[Any]:
    """The delivery events of a message as soon as there are so many."""
    async with asyncio.timeout(20):
        while True:
            kept = await ingest.kept("delivery-events")
            found = [e for e in kept if isinstance(e, DeliveryEvent) and e.message == message]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def counted(ingest: Place, kind: str) -> float:
    async with ingest.session.get(ingest.url + "/metrics") as answer:
        for line in (await answer.text()).splitlines():
            if line.startswith(f'tuvi_ingest_ses_events_total{{type="{kind}"}}'):
                return float(line.split()[-1])
    return 0.0


CLICK = {"timestamp": "2026-03-01T11:30:00.000Z", "link": "https://shop.test/", "userAgent": "M"}


@pytest.mark.parametrize("raw", [False, True])
async def test_a_notification_says_the_same_as_by_https(
    ingest: Place, queue: QueuePlace, raw: bool
) -> None:
    name = f"m_same_{raw}"
    text = document(name, "Click", **CLICK)
    await (queue.put if raw else queue.tell)(text)

    [found] = await told(ingest, name)

    _, by_https = delivery_event(text, found.received_at)
    assert found == by_https
    await queue.until(0)


async def test_many_come_reordered_and_twice_and_all_are_there(
    ingest: Place, queue: QueuePlace
) -> None:
    texts = [document("m_many", "Click", **CLICK | {"link": f"https://a.b/{n}"}) for n in range(30)]
    await asyncio.gather(*(queue.tell(text) for text in [*texts, *reversed(texts)]))

    found = await told(ingest, "m_many", 60)

    assert len({event.fingerprint() for event in found}) == 30
    await queue.until(0)


async def test_the_first_message_and_mails_of_others_are_counted_and_gone(
    ingest: Place, queue: QueuePlace
) -> None:
    before = await counted(ingest, "other")
    stranger = json.dumps({"eventType": "Send", "mail": {"timestamp": "2026-03-01T11:00:00Z"}})
    for text in (FIRST, stranger):
        await queue.tell(text)
        await queue.put(text)

    await queue.until(0)

    assert await counted(ingest, "other") == before + 4
    assert await queue.left(queue.dead) == 0


async def test_what_cannot_be_read_or_trusted_goes_to_the_dead_letters_untouched(
    ingest: Place, queue: QueuePlace
) -> None:
    stranger = {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:other", "Message": "x"}
    poison = [
        document("m_bad", "Delivery", timestamp="yesterday"),
        '{"eventType":"Send","mail":',
        '{"Type":"Notification","TopicArn":"' + queue.topic + '"}',
        json.dumps(stranger | {"Timestamp": "2026-03-01T11:00:00Z", "MessageId": "1"}),
    ]
    for body in poison:
        await queue.put(body)
    await queue.tell(document("m_good"))

    await told(ingest, "m_good")
    await queue.until(len(poison), queue.dead)

    assert await queue.left() == 0
    assert await counted(ingest, "unreadable") >= 3
    assert await counted(ingest, "not_trusted") >= 1
    bodies = {
        message["Body"]
        for _ in poison
        for message in queue.sqs.receive_message(QueueUrl=queue.dead, MaxNumberOfMessages=10).get(
            "Messages", []
        )
    }
    assert bodies == set(poison)


async def test_stopping_in_the_middle_loses_nothing(
    database: str, kafka: str, topic_prefix: str, queue: QueuePlace
) -> None:
    with queue_place(queue.endpoint) as own:
        names = [f"m_stop_{n}" for n in range(60)]
        await asyncio.gather(*(own.tell(document(name)) for name in names))
        settings = own.settings(sqs_receives=4)
        async with place(database, kafka, topic_prefix, **settings) as first:
            await first.ready()
            async with asyncio.timeout(20):
                while await own.left() > 40:
                    await asyncio.sleep(0.005)
        async with place(database, kafka, topic_prefix, **settings) as second:
            await own.until(0)
            kept = await second.kept("delivery-events")
        assert set(names) <= {event.message for event in kept if isinstance(event, DeliveryEvent)}
        assert await own.left(own.dead) == 0
