"""What can be seen from outside: positions, ends, timers, progress, what is still to be sent."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import CODECS, topics
from shared.contracts.stages import StageSpec
from shared.contracts.topics import Topic

PARTITIONS = 2
Ends = dict[tuple[str, int], int]


@dataclass
class Observer:
    """`probe` is assigned the topic progress, from its beginning."""

    kafka: str
    prefix: str
    db: asyncpg.Connection
    probe: AIOKafkaConsumer
    _passed: dict[tuple[str, int], datetime] = field(default_factory=dict)

    async def ends(self, stages: Iterable[StageSpec]) -> Ends:
        """By topic and partition: the next offset."""
        inputs = {topic.name for spec in stages for topic in spec.inputs}
        asked = {
            TopicPartition(self.prefix + name, p): (name, p)
            for name in inputs
            for p in range(PARTITIONS)
        }
        found = await self.probe.end_offsets(list(asked))
        return {asked[tp]: end for tp, end in found.items()}

    async def backlog(self, spec: StageSpec, ends: Ends | None = None) -> dict[int, int]:
        """By partition: how many messages are there that the stage has not committed."""
        ends = ends or await self.ends([spec])
        rows = await self.db.fetch(
            f"SELECT partition, positions FROM {spec.service}.ownership WHERE stage = $1", spec.name
        )
        at = {row["partition"]: row["positions"] for row in rows}
        return {
            p: sum(ends[topic.name, p] - at[p].get(topic.name, 0) for topic in spec.inputs)
            for p in range(PARTITIONS)
        }

    async def to_do(
        self, stages: list[StageSpec], ends: Ends, now: datetime, passed: datetime | None
    ) -> list[str]:
        """What these stages have before them, in words; nothing: they are at rest."""
        found: list[str] = []
        for spec in stages:
            left = await self.backlog(spec, ends)
            found += [f"{spec.name}/{p} has {n} messages before it" for p, n in left.items() if n]
            if spec.has_timers:
                found += [line async for line in self._timers(spec, now)]
            if spec.name == "ledger":
                found += [line async for line in self._unsent(now)]
            if passed is not None and spec.reports_progress:
                found += [line async for line in self._behind(spec, passed)]
        return found

    async def _timers(self, spec: StageSpec, now: datetime) -> AsyncIterator[str]:
        due = await self.db.fetchval(
            f"SELECT count(*) FROM {spec.service}.timers WHERE due_at <= $1", now
        )
        if due:
            yield f"{due} timers of {spec.name} are due"

    async def _unsent(self, now: datetime) -> AsyncIterator[str]:
        waiting = await self.db.fetchval(
            """SELECT count(*) FROM sender.messages WHERE status IN ('claimed', 'sending')
               OR (status = 'queued' AND due_at <= $1)""",
            now,
        )
        if waiting:
            yield f"{waiting} messages are to be sent"
        if told := await self.db.fetchval("SELECT count(*) FROM sender.announcements"):
            yield f"{told} announcements are to be published"

    async def _behind(self, spec: StageSpec, passed: datetime) -> AsyncIterator[str]:
        while batches := await self.probe.getmany(timeout_ms=0, max_records=1000):
            for records in batches.values():
                for said in (CODECS[topics.PROGRESS.name].decode(r.value) for r in records):
                    self._passed[said.stage, said.partition] = said.at
        for p in range(PARTITIONS):
            at = self._passed.get((spec.name, p))
            if at is None or at < passed:
                yield f"{spec.name}/{p} has passed {at}"

    async def messages(self, topic: Topic) -> list[Any]:
        """Everything on the topic, decoded, partition by partition, repeats too."""
        decode = CODECS[topic.name].decode
        return [decode(record.value) for record in await self.records(topic)]

    async def records(self, topic: Topic) -> list[Any]:
        """The same as Kafka has it."""
        found: list[Any] = []
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            for partition in range(1 if topic.single_partition else PARTITIONS):
                tp = TopicPartition(self.prefix + topic.name, partition)
                consumer.assign([tp])
                await consumer.seek_to_beginning(tp)
                end = (await consumer.end_offsets([tp]))[tp]
                while await consumer.position(tp) < end:
                    found += (await consumer.getmany(timeout_ms=200)).get(tp, [])
        finally:
            await consumer.stop()
        return found
