"""`tuvi migrate`: schemas, roles, topics and positions. The only maker of positions."""

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError
from alembic import command
from alembic.config import Config

from shared.contracts import topics
from shared.contracts.stages import SERVICES, STAGES
from shared.contracts.topics import DEFAULT_PARTITIONS
from shared.db.life import LIFE
from shared.db.schema import INSTALLATION

KEEP = timedelta(days=30)


async def migrate(
    admin_dsn: str, kafka: str, *, partitions: int = DEFAULT_PARTITIONS, prefix: str = ""
) -> None:
    """Idempotent. `partitions` counts only the first time: growing is a procedure of its own."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(INSTALLATION)
        await connection.execute(
            "INSERT INTO installation.settings (partitions) VALUES ($1) ON CONFLICT DO NOTHING",
            partitions,
        )
        stored = await connection.fetchval("SELECT partitions FROM installation.settings")
        for service in SERVICES:
            await _role_and_schema(connection, service)
            await asyncio.to_thread(_upgrade, admin_dsn, service)
        await create_topics(kafka, stored, prefix)
        await _positions(connection, stored)
    finally:
        await connection.close()


async def create_role(connection: asyncpg.Connection, role: str, password: str = "") -> None:
    """Roles are the cluster's, locks a database's: another installation may be at it as well."""
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            async with connection.transaction():  # a savepoint: what failed is undone alone
                await connection.execute(f"CREATE ROLE {role} LOGIN")
    if not password:
        return
    quoted = await connection.fetchval("SELECT quote_literal($1)", password)
    concurrently = asyncpg.InternalServerError  # "tuple concurrently updated"
    async for attempt in stamina.retry_context(concurrently, attempts=3, wait_jitter=0):
        with attempt:
            async with connection.transaction():
                await connection.execute(f"ALTER ROLE {role} PASSWORD {quoted}")


async def _role_and_schema(connection: asyncpg.Connection, service: str) -> None:
    role = f"tuvi_{service}"
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7_881)")
        await create_role(connection, role, os.environ.get(f"TUVI_{service.upper()}_PASSWORD", ""))
        await connection.execute(
            f"""CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {role};
                GRANT USAGE ON SCHEMA installation TO {role};
                GRANT SELECT ON ALL TABLES IN SCHEMA installation TO {role};
                GRANT UPDATE (last_used_at) ON installation.keys TO {role};
                GRANT EXECUTE ON FUNCTION pg_control_system() TO {role}"""
        )


def _upgrade(dsn: str, service: str) -> None:
    config = Config()
    found = find_spec(f"services.{service}")  # by name: the core imports no service
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"services.{service} is not installed")
    folder = Path(found.submodule_search_locations[0]) / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes.update(dsn=dsn, role=f"tuvi_{service}", schema=service)
    command.upgrade(config, "head")


async def create_topics(kafka: str, partitions: int, prefix: str) -> None:
    """Make the topics that are not there yet, dead letters too."""
    replication = int(os.environ.get("TUVI_REPLICATION", "1"))
    wanted = [
        NewTopic(
            prefix + topic.name,
            num_partitions=1 if topic.single_partition else partitions,
            replication_factor=replication,
            topic_configs={"cleanup.policy": "compact"} if topic.compacted else _kept(),
        )
        for topic in topics.ALL
    ]
    wanted += [
        NewTopic(
            prefix + topic.dead_letter_name,
            num_partitions=partitions,
            replication_factor=replication,
            topic_configs=_kept(),
        )
        for topic in topics.ALL
        if topic.dead_letters
    ]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in there]
        if missing:
            response = await admin.create_topics(missing)
            for name, code, *_ in response.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise RuntimeError(f"topic {name} was not created: Kafka's error {code}")
    finally:
        await admin.close()


def _kept() -> dict[str, str]:
    return {"retention.ms": str(int(KEEP.total_seconds() * 1000))}


async def _positions(connection: asyncpg.Connection, partitions: int) -> None:
    """The beginning, for stages and partitions that have no position yet; never otherwise."""
    for stage in STAGES:
        await connection.execute(
            f"""INSERT INTO {stage.service}.ownership
                    (stage, partition, system_id, timeline, positions)
                SELECT $1, p, l.system_id, l.timeline, $3::text::jsonb
                FROM generate_series(0, $2 - 1) AS p, {LIFE} AS l
                ON CONFLICT DO NOTHING""",
            stage.name,
            partitions,
            "{" + ", ".join(f'"{topic.name}": 0' for topic in stage.inputs) + "}",
        )
