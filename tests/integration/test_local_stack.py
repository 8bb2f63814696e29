"""The laptop stack as a user meets it: it starts, keeps what was written, says what is wrong."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.jars import JarLock, jar_files
from deploy.local.ports import Ports
from deploy.local.processes import Child, Program, StackError
from deploy.local.stack import Stack

# Kafka is the session's; the stacks made here are about PostgreSQL and start in a second.
ELSEWHERE = {"TUVI_KAFKA": "127.0.0.1:1"}


async def test_what_is_produced_is_consumed(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}carts"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"cart", key=b"mari", partition=1)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="none")
    async with consumer:
        partition = TopicPartition(topic, 1)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        record = await consumer.getone()
    assert (record.key, record.value) == (b"mari", b"cart")


async def test_a_topic_with_a_typo_is_not_made_by_producing_to_it(
    kafka: str, topic_prefix: str
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.describe_topics([f"{topic_prefix}cartz"])
    assert f"{topic_prefix}cartz" not in await admin.list_topics()
    await admin.close()


async def test_each_module_has_a_database_of_its_own(database: str, postgres: str) -> None:
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("SELECT current_database()")
    version = await connection.fetchval("SHOW server_version_num")
    durable = await connection.fetchval("SHOW fsync")
    await connection.close()
    assert name.startswith("test_")
    assert name not in postgres
    assert version.startswith("18")
    assert durable == "on"


async def test_a_row_survives_a_kill_of_the_database_and_a_new_start(tmp_path: Path) -> None:
    ports = Ports.any_free()
    first = Stack(tmp_path, ports, ELSEWHERE)
    dsn = first.start().postgres
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
    os.kill(first.parts["postgres"].child.pid, signal.SIGKILL)
    connection.terminate()
    first.stop()
    assert (tmp_path / "postgres/data/postmaster.pid").exists()  # stale, as after a crash

    with Stack(tmp_path, ports, ELSEWHERE) as again:
        connection = await asyncpg.connect(again.postgres)
        assert await connection.fetchval("SELECT id FROM kept") == 7
        await connection.close()


def test_a_busy_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1]
        stack = Stack(tmp_path, replace(Ports.any_free(), postgres=busy), ELSEWHERE)
        with pytest.raises(StackError, match=rf"port {busy} .*TUVI_POSTGRES_PORT"):
            stack.start()


def test_the_settings_move_the_ports() -> None:
    ports = Ports.from_environment({"TUVI_KAFKA_PORT": "29092"})
    assert ports == replace(Ports(), kafka=29092)
    with pytest.raises(StackError, match="TUVI_POSTGRES_PORT='often' is not a port"):
        Ports.from_environment({"TUVI_POSTGRES_PORT": "often"})


def test_two_stacks_do_not_share_a_home(tmp_path: Path) -> None:
    given = {**ELSEWHERE, "TUVI_POSTGRES_DSN": "postgresql://elsewhere/tuvi"}
    with Stack(tmp_path, Ports(), given) as addresses:
        assert addresses.postgres == "postgresql://elsewhere/tuvi"  # given, so nothing is started
        with pytest.raises(StackError, match=f"process id {os.getpid()}"):
            Stack(tmp_path, Ports(), given).start()


def test_a_part_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child(Program("shop", ["sh", "-c", "echo no money; exit 3"], tmp_path / "shop.log"))
    child.start()
    with pytest.raises(StackError, match=r"shop ended with code 3\n(.|\n)*no money"):
        child.wait_until(lambda: False)


def test_a_part_that_ignores_the_stop_signal_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    child = Child(Program("deaf", ["sh", "-c", script], tmp_path / "deaf.log"))
    child.start()
    child.wait_until(lambda: "ready" in child.log_text())
    child.stop(grace=0.2)
    assert not child.running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_a_killed_stack_leaves_nothing_behind(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "deploy.local.stack", "--home", str(tmp_path)]
    environment = {**os.environ, **ELSEWHERE, "TUVI_POSTGRES_PORT": "0"}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        for line in stack.stdout:
            if "ready after" in line:
                break
        pid = int((tmp_path / "postgres/data/postmaster.pid").read_text().split()[0])
        stack.kill()
    _wait_until_gone(pid)


def _wait_until_gone(pid: int, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} outlived its stack")


@pytest.fixture
def locked_jar(tmp_path: Path) -> Path:
    file = tmp_path / "org.example_shop_1.0.jar"
    file.write_bytes(b"classes")
    return file


def test_jars_that_are_there_are_used_as_they_are(locked_jar: Path) -> None:
    right = hashlib.sha256(b"classes").hexdigest()
    lock = JarLock([], {"org.example:shop:1.0": right})
    assert jar_files(lock, locked_jar.parent) == [locked_jar]
