"""All of Tuvi behind ingest on real parts, with business time that stands until a test moves it.

The test is ingest: it writes store events and SES's notifications with times and ids of its own,
so that two runs have the same input to the microsecond.
"""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaProducer

from deploy.local.ports import claim
from shared.contracts import encode
from shared.contracts.codec import Message
from shared.contracts.stages import STAGES
from shared.contracts.topics import Topic
from shared.kafka.partitioner import partition_of
from tests.faults.nursery import Nursery, Process
from tests.faults.observing import PARTITIONS, Observer
from tests.faults.serve import Plan, Watch

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PATIENCE = 60.0
SERVICES = ("segmenter", "orchestrator", "sender", "metrics")
SETTINGS = {
    "TUVI_PROGRESS_INTERVAL": "0.25",
    "TUVI_SESSION_TIMEOUT": "6",
    "TUVI_TOKEN_KEYS": "the key of this test's links",
    "TUVI_SHOP_ADDRESS": "1 Street, Town",
    "TUVI_SES_TIMEOUT": "10",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TUVI_SETTLE_EVERY": "0.5",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
Keyed = tuple[str, Message]


@dataclass
class Place:
    """`dsn` is the superuser's. `now` is business time."""

    kafka: str
    dsn: str
    prefix: str
    home: Path
    nursery: Nursery
    ses: str
    db: asyncpg.Connection
    http: aiohttp.ClientSession
    producer: AIOKafkaProducer
    seen: Observer
    key: str = ""
    now: datetime = NOON
    processes: dict[str, Process] = field(default_factory=dict)

    # processes -----------------------------------------------------------------------------------

    async def start(
        self,
        service: str,
        *,
        hold: tuple[str, ...] = (),
        watch: Watch | None = None,
        idle: float = 15.0,
        name: str = "",
        **settings: str,
    ) -> Process:
        """One more process of a service; `settings` without the `TUVI_`, `idle` in seconds."""
        environment = {
            **SETTINGS,
            "TUVI_KAFKA": self.kafka,
            "TUVI_DSN": self.dsn.replace("postgres@", f"tuvi_{service}@"),
            "TUVI_TOPIC_PREFIX": self.prefix,
            "TUVI_PORT": str(claim(service, 0)),
            "TUVI_SES_ENDPOINT": self.ses,
            **{f"TUVI_{key.upper()}": value for key, value in settings.items()},
        }
        log = str(self.home / f"{name or service}.log")
        plan = Plan(service, environment, log, hold, watch, int(idle * 1000))
        process = await self.nursery.start(plan)
        self.processes[name or service] = process
        return process

    async def up(self, *services: str) -> None:
        """Those that do not run yet, ready."""
        for service in services or SERVICES:
            if service not in self.processes:
                await self.start(service)
        for service in services or SERVICES:
            await self.ready(service)

    async def ready(self, name: str) -> None:
        process = self.processes[name]

        async def answers() -> bool:
            assert not process.ended.done(), self.log_of(name)
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.get(process.url + "/readyz") as answer:
                    return answer.status == 200
            return False

        await until(answers, f"{name} is ready")

    async def kill(self, *names: str, number: int = SIGKILL) -> None:
        """SIGKILL, or told to stop cleanly with SIGTERM."""
        gone = [self.processes.pop(name) for name in names]
        codes = await asyncio.gather(*(process.end(number) for process in gone))
        assert set(codes) <= {-SIGKILL if number == SIGKILL else 0}, codes

    async def gone(self, process: Process, what: str) -> int:
        """The exit code of a process that ends by itself."""
        try:
            return await asyncio.wait_for(asyncio.shield(process.ended), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"it did not come to the end of {what}") from None

    def log_of(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()[-6000:]

    async def call(self, service: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        url = self.processes[service].url + path
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    # in ------------------------------------------------------------------------------------------

    async def produce(self, topic: Topic, messages: Iterable[Keyed]) -> None:
        """In this order, acknowledged."""
        for key, message in messages:
            await self.producer.send(
                self.prefix + topic.name,
                key=key.encode(),
                value=encode(message),
                partition=partition_of(key, PARTITIONS),
            )
        await self.producer.flush()

    async def clock_to(self, at: datetime) -> None:
        """Business time stands at `at`, for SES too."""
        self.now = at
        await self.db.execute(
            """UPDATE installation.clock
               SET origin_wall = clock_timestamp(), origin_business = $1, speed = 0""",
            at,
        )
        body = {"business": at.isoformat(), "speed": 0}
        async with self.http.put(f"{self.ses}/admin/clock", json=body) as answer:
            assert answer.status == 200, await answer.text()

    # what came of it -----------------------------------------------------------------------------

    async def settle(self, *stages: str) -> None:
        """All that follows from what was put in has happened; a second of business time passes.

        The second makes identity, profile and orchestrator say that they have published all.
        """
        await self.rest(*stages)
        await self.clock_to(self.now + SECOND)
        await self.rest(*stages, passed=self.now)

    async def rest(self, *stages: str, passed: datetime | None = None) -> None:
        """Until these stages (default: all) have nothing to do, seen twice."""
        asked = [spec for spec in STAGES if not stages or spec.name in stages]
        before: object = None
        left: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    ends = await self.seen.ends(asked)
                    left = await self.seen.to_do(asked, ends, self.now, passed)
                    if not left and ends == before:
                        return
                    before = None if left else ends
                    await asyncio.sleep(0.25)
        except TimeoutError:
            raise AssertionError(f"still to do: {left}") from None

    async def mails(self) -> list[dict[str, Any]]:
        """All that SES took, in order."""
        found: list[dict[str, Any]] = []
        while True:
            url = f"{self.ses}/admin/messages?limit=10000&after={len(found)}"
            async with self.http.get(url) as answer:
                page = json.loads(await answer.text())["items"]
            if not page:
                return found
            found += page


async def until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    """Wait on an async condition; AssertionError says what did not come."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it did not come to this: {what}") from None
