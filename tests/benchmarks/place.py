"""A database and topics of one measure alone, with only the service that is measured."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.platform import SES_CREDENTIALS, SHOP
from deploy.local.ports import HOST, claim
from deploy.local.processes import Child, Program
from shared.contracts import encode
from shared.contracts.stages import STAGES
from shared.contracts.topics import DEFAULT_PARTITIONS
from shared.db.migrate import migrate
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Addressed, OrderedProducer
from shared.keys import create_key
from tests.benchmarks import cpu
from tests.benchmarks.figures import Reading
from tests.benchmarks.workload import Keyed
from tuvi.client import Client

LOOK = 0.02
INPUTS = {stage.name: stage.inputs for stage in STAGES}


@dataclass(slots=True)
class Ground:
    """What all measures stand on. `servers`: the processes of Kafka, PostgreSQL and SES."""

    kafka: str
    dsn: str
    ses: str
    home: Path
    servers: list[int]
    scale: float = 1.0
    profiled: bool = False

    def count(self, full: int) -> int:
        return max(100, int(full * self.scale))

    def cpu(self, own: Iterable[int]) -> tuple[float, float]:
        """CPU seconds so far: of these processes, and with the servers'."""
        of_own = cpu.seconds(own)
        return of_own, of_own + cpu.seconds(self.servers)


@dataclass(slots=True)
class Place:
    """`feed` what comes in, wait until `taken`; what is measured lies between."""

    ground: Ground
    prefix: str
    dsn: str
    key: str
    write_key: str
    children: dict[str, Child] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    _producer: OrderedProducer | None = None

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self.children.values()]

    @property
    def client(self) -> Client:
        return Client(f"http://{HOST}", self.key, self.urls)

    def start(self, service: str, module: str = "tuvi.cli", *arguments: str) -> Child:
        """`tuvi serve SERVICE`, or another module in its place and with its settings."""
        port = claim(service, 0)
        self.urls[service] = f"http://{HOST}:{port}"
        name = f"{self.prefix}{service}"
        profiling = ["-m", "cProfile", "-o", str(self.ground.home / f"{name}.prof")]
        argv = [
            *(sys.executable, *(profiling if self.ground.profiled else ())),
            *("-m", module, *(arguments or ("serve", service))),
        ]
        child = Child(
            Program(
                name,
                argv,
                self.ground.home / "logs" / f"{name}.log",
                {
                    "TUVI_KAFKA": self.ground.kafka,
                    "TUVI_DSN": self.dsn.replace("//postgres@", f"//tuvi_{service}@"),
                    "TUVI_HOST": HOST,
                    "TUVI_PORT": str(port),
                    "TUVI_TOPIC_PREFIX": self.prefix,
                    "TUVI_TOKEN_KEYS": "the key of the benchmark's links",
                    "TUVI_SES_ENDPOINT": self.ground.ses,
                    "AWS_DEFAULT_REGION": "eu-west-1",
                    **SES_CREDENTIALS,
                    **SHOP,
                },
            )
        )
        child.start()
        self.children[service] = child
        return child

    async def feed(self, messages: list[Addressed]) -> None:
        """Onto the topics, as fast as Kafka takes them."""
        if self._producer is None:
            self._producer = OrderedProducer(self.ground.kafka)
        await self._producer.publish(messages)

    def addressed(self, messages: Iterable[Keyed]) -> list[Addressed]:
        """Encoded beforehand, so that only feeding is timed."""
        return [
            Addressed(
                self.prefix + topic.name,
                partition_of(key, DEFAULT_PARTITIONS),
                key.encode(),
                encode(message),
                [],
            )
            for topic, key, message in messages
        ]

    async def taken(self, *stages: str) -> None:
        """Until each stage in turn has committed and published all that is in its inputs."""
        for stage in stages:
            await taken(self.ground.kafka, self.prefix, stage, [*self.children.values()])

    async def through(self, messages: list[Addressed], *stages: str) -> Reading:
        """Feed them and wait until the stages have published what came of them."""
        loop = asyncio.get_running_loop()
        own, everything = self.ground.cpu(self.pids)
        began = loop.time()
        await self.feed(messages)
        await self.taken(*stages)
        seconds = loop.time() - began
        own_after, all_after = self.ground.cpu(self.pids)
        count = len(messages)
        return Reading(count / seconds, count, own_after - own, all_after - everything)

    async def statuses(self) -> dict[str, int]:
        """Of all mails: how many the sender has in each status."""
        connection = await asyncpg.connect(self.dsn)
        query = "SELECT status || ' ' || reason AS s, count(*) FROM sender.messages GROUP BY 1"
        rows = await connection.fetch(query)
        await connection.close()
        return {row["s"].strip(): row["count"] for row in rows}

    async def close(self) -> None:
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            await asyncio.to_thread(child.stop)
        if self._producer is not None:
            await self._producer.close()


@contextlib.asynccontextmanager
async def place(ground: Ground, name: str) -> AsyncIterator[Place]:
    """Migrated, nothing started; at the end its processes are stopped and its database dropped."""
    database = f"bench_{name}_{uuid4().hex[:6]}"
    await _administer(ground.dsn, f"CREATE DATABASE {database}")
    dsn = urlunsplit(urlsplit(ground.dsn)._replace(path=f"/{database}"))
    prefix = f"{database}-"
    await migrate(dsn, ground.kafka, prefix=prefix)
    connection = await asyncpg.connect(dsn)
    key = await create_key(connection, "default", "write")
    write_key = await create_key(connection, "default", "write_events")
    await connection.close()
    made = Place(ground, prefix, dsn, key, write_key)
    try:
        yield made
    finally:
        await made.close()
        await _administer(ground.dsn, f"DROP DATABASE {database} WITH (FORCE)")
        await _forget(ground.kafka, prefix)


async def taken(kafka: str, prefix: str, stage: str, children: list[Child]) -> None:
    """Until the stage's offsets, which come after publishing, are at the ends of its inputs."""
    inputs = [
        TopicPartition(prefix + topic.name, partition)
        for topic in INPUTS[stage]
        for partition in range(DEFAULT_PARTITIONS)
    ]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        ends = await consumer.end_offsets(inputs)
        while True:
            done = await admin.list_consumer_group_offsets(f"{prefix}tuvi-{stage}")
            if all(not end or (tp in done and done[tp].offset >= end) for tp, end in ends.items()):
                return
            for child in children:
                child.check()
            await asyncio.sleep(LOOK)
    finally:
        await admin.close()
        await consumer.stop()


async def _administer(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _forget(kafka: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        ours = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        await admin.delete_topics(ours)
    finally:
        await admin.close()
