"""The laptop stack as a user meets it: it starts, keeps what was written, says what is wrong."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.jars import JarLock, jar_files
from deploy.local.ports import Ports, setting_of
from deploy.local.processes import Child, Program, StackError
from deploy.local.stack import Stack
from tests.own import own_home

# Kafka is the session's; the stacks made here are about PostgreSQL and start in a second.
ELSEWHERE = {"TUVI_KAFKA": "127.0.0.1:1"}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Servers live in it."""
    with own_home() as home:
        yield home


async def _make_topic(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    await admin.close()


async def _first_record(kafka: str, topic: str) -> ConsumerRecord[bytes, bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="none") as consumer:
        partition = TopicPartition(topic, 1)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        return await consumer.getone()


async def test_what_is_produced_is_consumed(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}carts"
    await _make_topic(kafka, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"cart", key=b"mari", partition=1)
    record = await _first_record(kafka, topic)
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


async def test_a_message_survives_a_kill_of_the_broker(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports.any_free(), {"TUVI_POSTGRES_DSN": "postgresql://elsewhere/tuvi"})
    with stack as addresses:
        await _make_topic(addresses.kafka, "carts")
        async with AIOKafkaProducer(bootstrap_servers=addresses.kafka, acks="all") as producer:
            await producer.send_and_wait("carts", b"cart", partition=1)
        broker = stack.parts["kafka"]
        os.kill(broker.child.pid, signal.SIGKILL)
        broker.stop()
        broker.launch()
        broker.wait_ready()
        assert (await _first_record(addresses.kafka, "carts")).value == b"cart"


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


def _foreground(home: Path) -> subprocess.Popen[str]:
    """`python -m deploy.local.stack`, ready."""
    argv = [sys.executable, "-m", "deploy.local.stack", "--home", str(home)]
    environment = {**os.environ, **ELSEWHERE, "TUVI_POSTGRES_PORT": "0"}
    stack = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
    assert stack.stdout is not None
    assert any("ready after" in line for line in stack.stdout)
    return stack


def _server_pid(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def _is_gone(pid: int, timeout: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_ends_the_stack_cleanly(tmp_path: Path) -> None:
    with _foreground(tmp_path) as stack:
        stack.send_signal(signal.SIGINT)
        assert stack.wait(15) == 0
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_a_killed_stack_leaves_nothing_behind(tmp_path: Path) -> None:
    with _foreground(tmp_path) as stack:
        pid = _server_pid(tmp_path)
        stack.kill()
    assert _is_gone(pid)


def test_a_stack_that_cannot_start_ends_with_the_reason(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "deploy.local.stack", "--home", str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = str(other.getsockname()[1])
        environment = {**os.environ, **ELSEWHERE, "TUVI_POSTGRES_PORT": busy}
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: port {busy} for postgres is taken")


def test_all_ports_that_are_taken_are_named_at_once(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tuvi.cli", "up", "--home", str(tmp_path)]
    names = ("postgres", "ingest", "metrics")
    with ExitStack() as taken:
        servers = {n: taken.enter_context(socket.create_server(("127.0.0.1", 0))) for n in names}
        busy = {setting_of(n): str(one.getsockname()[1]) for n, one in servers.items()}
        free = {setting_of(field.name): "0" for field in fields(Ports)}
        environment = {**os.environ, **ELSEWHERE, **free, **busy}
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert {setting for setting in free if setting in done.stdout + done.stderr} == busy.keys()


class Mirror:
    """A Maven repository on loopback that has one jar."""

    def __init__(self, folder: Path) -> None:
        jar = folder / "org/example/shop/1.0/shop-1.0.jar"
        jar.parent.mkdir(parents=True)
        jar.write_bytes(b"classes")
        handler = partial(QuietHandler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror(tmp_path / "mirror")
    monkeypatch.setenv("TUVI_MAVEN_REPOSITORY", mirror.address)
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


RIGHT = JarLock([], {"org.example:shop:1.0": hashlib.sha256(b"classes").hexdigest()})
OTHER = JarLock([], {"org.example:shop:1.0": hashlib.sha256(b"others").hexdigest()})


def test_jars_are_fetched_once_and_again_if_they_were_changed(
    mirror: Mirror, tmp_path: Path
) -> None:
    (jar,) = jar_files(RIGHT, tmp_path / "cache")
    assert jar.read_bytes() == b"classes"
    jar.write_bytes(b"tampered")
    assert jar_files(RIGHT, tmp_path / "cache") == [jar]
    assert jar.read_bytes() == b"classes"
    mirror.server.shutdown()
    assert jar_files(RIGHT, tmp_path / "cache") == [jar]  # nobody was asked


def test_a_jar_with_another_hash_is_not_used(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"org.example:shop:1.0 has SHA-256 .* kafka.lock.json"):
        jar_files(OTHER, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_jar_that_is_nowhere_says_what_to_do(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"org.example:cart:1.0 could not be .*TUVI_KAFKA="):
        jar_files(JarLock([], {"org.example:cart:1.0": "0"}), tmp_path / "cache")
