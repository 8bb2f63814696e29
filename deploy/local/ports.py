"""The stack's ports: where they come from, and what is said when one is taken."""

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self

from deploy.local.processes import StackError

HOST = "127.0.0.1"
HIGHEST = 65535


@dataclass(frozen=True)
class Ports:
    """0 means any free port. The defaults keep clear of a Kafka or PostgreSQL already there."""

    kafka: int = 19092
    kafka_controller: int = 19093
    postgres: int = 15432
    ses: int = 8010
    ingest: int = 8001
    segmenter: int = 8002
    orchestrator: int = 8003
    sender: int = 8004
    metrics: int = 8005

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """`TUVI_KAFKA_PORT`, `TUVI_INGEST_PORT` and so on, a variable a field."""
        given = os.environ if environment is None else environment
        ports = {}
        for field in fields(cls):
            setting = setting_of(field.name)
            if setting in given:
                ports[field.name] = _number(setting, given[setting])
        return cls(**ports)

    @classmethod
    def any_free(cls) -> Self:
        return cls(**{field.name: 0 for field in fields(cls)})

    def refuse_taken(self, names: Iterable[str]) -> None:
        """StackError naming all that are taken, so that nobody has to ask again for each."""
        taken = []
        for name in names:
            try:
                claim(name, getattr(self, name))
            except StackError as error:
                taken.append(str(error))
        if taken:
            raise StackError("\n".join(taken))


def setting_of(name: str) -> str:
    return f"TUVI_{name.upper()}_PORT"


def _number(setting: str, text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST:
        raise StackError(f"{setting}={text!r} is not a port (0 to {HIGHEST}, 0 for any free one)")
    return int(text)


def claim(name: str, port: int) -> int:
    """The port to listen on; StackError naming it and its setting if something is there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"port {port} for {name} is taken ({error.strerror}). "
                f"Choose another with {setting_of(name)}, or end what listens there."
            ) from error
        return int(probe.getsockname()[1])
