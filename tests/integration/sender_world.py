"""A sender in a process of its own, with a real Kafka, PostgreSQL and SES endpoint around it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.ports import claim
from shared.contracts import (
    CODECS,
    Consent,
    ContactChanged,
    Definition,
    DeliveryEvent,
    Message,
    Send,
    Withdraw,
    encode,
    topics,
)
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.partitioner import partition_of
from shared.keys import create_key
from shared.tags import from_tag

PARTITIONS = 2
TOKEN_KEY = "the key of this test's links"
RUN = (
    "import asyncio; from services.sender.main import run; "
    "from services.sender.settings import SenderSettings; asyncio.run(run(SenderSettings()))"
)
SOURCE = """---
subject: 'Hello {{ contact.first_name | default("you") }}'
topic: marketing
---
<mjml><mj-body><mj-section><mj-column>
<mj-text>Your cart: {{ cart.total | default(0) }}</mj-text>
<mj-text>{% for a in range(event.rounds | default(1)) %}
{% for b in range(event.rounds | default(1)) %}.{% endfor %}{% endfor %}</mj-text>
<mj-button href="{{ shop.url }}">Back</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
<mj-text><a href="{{ preferences_url }}">Preferences</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
RECEIPT = """---
subject: Your receipt
transactional: true
---
<mjml><mj-body><mj-section><mj-column><mj-text>Thanks</mj-text></mj-column></mj-section></mj-body>
</mjml>
"""


def business() -> datetime:
    return datetime.now(UTC)


@contextmanager
def ses_endpoint(home: Path, *flags: str) -> Iterator[str]:
    command = [sys.executable, "-m", "deploy.local.ses", "--port", "0", "--home", str(home)]
    with subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@dataclass
class World:
    """`send` etc. speak as the orchestrator, `notify` as ingest."""

    kafka: str
    prefix: str
    dsn: str
    ses: str
    db: asyncpg.Connection
    http: aiohttp.ClientSession
    producer: AIOKafkaProducer
    key: str
    operator: str
    port: int
    log: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    # the sender ---------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "TUVI_KAFKA": self.kafka,
            "TUVI_DSN": self.dsn,
            "TUVI_TOPIC_PREFIX": self.prefix,
            "TUVI_PORT": str(self.port),
            "TUVI_TOKEN_KEYS": TOKEN_KEY,
            "TUVI_SES_ENDPOINT": self.ses,
            "TUVI_SES_TIMEOUT": "3",
            "TUVI_SESSION_TIMEOUT": "6",
            "TUVI_SETTLE_EVERY": "0.2",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **self.settings,
            **more,
        }

    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN], env=self.environment(**settings), stderr=log
            )
        self.processes.append(process)
        return process

    async def ready(self) -> None:
        async def answers() -> bool:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.get(self.url("/readyz")) as response:
                    return response.status == 200
            return False

        await until(answers, 100)  # importing takes long on a machine that is busy

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.processes.clear()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def api(
        self, method: str, path: str, body: Any = None, *, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.http.request(method, self.url(path), json=body, headers=headers) as r:
            return r.status, await r.json()

    async def switch(self, how: str) -> None:
        """`pause` or `resume` dispatch."""
        status, body = await self.api("POST", f"/v1/dispatch/{how}", key=self.operator)
        assert (status, body["enabled"]) == (200, how == "resume"), body

    # the orchestrator, the segmenter, ingest ----------------------------------------------------

    async def produce(self, topic: Topic, contact: str, *messages: Message) -> None:
        key = contact_key("default", contact)
        for message in messages:
            await self.producer.send(
                self.prefix + topic.name,
                key=key.encode(),
                value=encode(message),
                partition=partition_of(key, PARTITIONS),
            )

    async def contacts(self, names: Iterable[str], **changes: Any) -> None:
        consent = Consent(state="subscribed", at=business() - timedelta(days=1))
        for name in names:
            given: dict[str, Any] = {
                "workspace": "default",
                "contact": name,
                "version": 1,
                "email": f"{name}@example.com",
                "consent": {"marketing": consent},
            }
            changed = ContactChanged(**{**given, **changes})
            await self.produce(topics.CONTACT_CHANGES, name, changed)
        await self.producer.flush()

    async def known(self, *names: str) -> None:
        """The sender has these contacts."""
        question = "SELECT count(*) FROM sender.contacts WHERE contact = ANY($1::text[])"

        async def so() -> bool:
            return bool(await self.db.fetchval(question, list(names)) == len(names))

        await until(so)

    async def send(self, names: Iterable[str], **changes: Any) -> None:
        """To contact X the message X-1."""
        now = business()
        for name in names:
            given: dict[str, Any] = {
                "workspace": "default",
                "contact": name,
                "contact_version": 1,
                "message": f"{name}-1",
                "run": f"r-{name}",
                "journey": "abandoned-cart",
                "version": 3,
                "step": "reminder",
                "variant": "ten percent",
                "template": "cart",
                "topic": "marketing",
                "due_at": now,
                "not_after": now + timedelta(hours=12),
                "data": {"cart": {"total": 49}, "contact": {"first_name": "Maja"}},
            }
            await self.produce(topics.SEND_COMMANDS, name, Send(**{**given, **changes}))
        await self.producer.flush()

    async def withdraw(self, name: str) -> None:
        command = Withdraw(
            workspace="default",
            contact=name,
            message=f"{name}-1",
            reason="converted",
            at=business(),
        )
        await self.produce(topics.SEND_COMMANDS, name, command)

    async def notify(self, name: str, event: str, **more: Any) -> None:
        now = business()
        given: dict[str, Any] = {
            "workspace": "default",
            "contact": name,
            "message": f"{name}-1",
            "event": event,
            "at": now,
            "received_at": now,
            "topic": "marketing",
        }
        await self.produce(topics.DELIVERY_EVENTS, name, DeliveryEvent(**{**given, **more}))

    async def define(self, kind: str, name: str, **more: Any) -> None:
        """As its owner announces it."""
        given: dict[str, Any] = {
            "workspace": "default",
            "kind": kind,
            "id": name,
            "version": 1,
            "revision": 1,
        }
        definition = Definition(**{**given, **more})
        await self.producer.send_and_wait(
            self.prefix + topics.DEFINITIONS.name, encode(definition), key=name.encode()
        )

    # what came of it ----------------------------------------------------------------------------

    async def message(self, name: str) -> asyncpg.Record | None:
        return await self.db.fetchrow(
            "SELECT * FROM sender.messages WHERE message = $1", f"{name}-1"
        )

    async def becomes(self, name: str, status: str) -> asyncpg.Record:
        async def so() -> bool:
            row = await self.message(name)
            return row is not None and row["status"] == status

        try:
            await until(so)
        except TimeoutError:
            raise AssertionError(f"{name}: {await self.message(name)}") from None
        row = await self.message(name)
        assert row is not None
        return row

    async def statuses(self, like: str) -> dict[str, int]:
        rows = await self.db.fetch(
            "SELECT status, count(*) AS n FROM sender.messages WHERE contact LIKE $1 GROUP BY 1",
            like,
        )
        return {row["status"]: row["n"] for row in rows}

    async def accepted(self) -> list[dict[str, Any]]:
        """All that SES took, in order."""
        found: list[dict[str, Any]] = []
        while True:
            url = f"{self.ses}/admin/messages?limit=10000&after={len(found)}"
            async with self.http.get(url) as response:
                page = json.loads(await response.text())
            if not page["items"]:
                return found
            found += page["items"]

    async def mails_to(self, name: str) -> list[dict[str, Any]]:
        return [mail for mail in await self.accepted() if mail["to"] == [f"{name}@example.com"]]

    async def faults(self, **plan: Any) -> None:
        async with self.http.put(f"{self.ses}/admin/faults", json=plan) as response:
            assert response.status == 200, await response.text()

    async def account(self, **changes: Any) -> None:
        async with self.http.patch(f"{self.ses}/admin/account", json=changes) as response:
            assert response.status == 200, await response.text()

    async def told(self, name: str) -> list[DeliveryEvent]:
        """What the sender said about a contact on delivery-events, in order."""
        key = contact_key("default", name)
        topic = self.prefix + topics.DELIVERY_EVENTS.name
        tp = TopicPartition(topic, partition_of(key, PARTITIONS))
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        found = []
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(timeout_ms=200)).get(tp, []):
                event = CODECS[topics.DELIVERY_EVENTS.name].decode(record.value)
                if event.contact == name and event.source == "sender":
                    found.append(event)
        await consumer.stop()
        return found


def fields_of(mail: dict[str, Any]) -> dict[str, str]:
    """Its tags as ingest reads them."""
    return {name: from_tag(value) for name, value in mail["tags"].items()}


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def world(
    kafka: str, database: str, prefix: str, home: Path, *flags: str
) -> AsyncIterator[World]:
    """Migrated, with templates published and a sender running."""
    await migrate(database, kafka, partitions=PARTITIONS, prefix=prefix)
    dsn = database.replace("postgres@", "tuvi_sender@")
    with ses_endpoint(home, "--rate", "100000", "--quota", "-1", *flags) as ses:
        db = await connect(database, "sender")
        producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
        await producer.start()
        http = aiohttp.ClientSession()
        assert urlsplit(ses).port
        made = World(
            kafka,
            prefix,
            dsn,
            ses,
            db,
            http,
            producer,
            await create_key(db, "default", "write"),
            await create_key(db, "default", "operate"),
            claim("sender", 0),
            home / "sender.log",
        )
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.wait()
            await http.close()
            await producer.stop()
            await db.close()


async def publish_templates(made: World) -> None:
    for name, text in {"cart": SOURCE, "receipt": RECEIPT}.items():
        status, body = await made.api("PUT", f"/v1/templates/{name}", {"text": text})
        assert status == 200, body
