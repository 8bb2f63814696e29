"""All of Tuvi on this machine: the stack, the SES endpoint, the five services, the starter files.

Used by `tuvi up`, the demo and the acceptance tests; they differ in home, ports and clock.
"""

import asyncio
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import asyncpg

from deploy.local.ports import HOST, Ports, claim
from deploy.local.processes import Child, Program
from deploy.local.stack import Addresses, Stack
from shared.contracts.stages import SERVICES
from shared.db.migrate import migrate
from shared.keys import Scope, create_key
from tuvi.client import Client
from tuvi.publishing import publish_folder, published

STARTER = Path(__file__).parents[2] / "starter"
SES_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SHOP = {
    "TUVI_SENDER": "Fjord Goods <hello@fjord.example>",
    "TUVI_SHOP_NAME": "Fjord Goods",
    "TUVI_SHOP_URL": "https://fjord.example",
    "TUVI_SHOP_ADDRESS": "12 Harbour Street, Tallinn",
}
KEYS: dict[Scope, str] = {  # and what each is for, as `tuvi keys list` shows it
    "write_events": "TUVI_WRITE_KEY",
    "write": "tuvi's commands",
    "operate": "dispatch switch",
}
TOPIC_ARN = "arn:aws:sns:eu-west-1:000000000000:tuvi-ses"


@dataclass(frozen=True, slots=True)
class Clock:
    """Where business time begins and how fast it runs; None: now, at the wall's speed."""

    business: datetime | None = None
    speed: float = 1.0


@dataclass(slots=True)
class Platform:
    """`start` in the main thread (see processes); `stop` ends all in reverse order."""

    home: Path
    ports: Ports = field(default_factory=Ports.from_environment)
    clock: Clock = field(default_factory=Clock)
    ses_flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    quickstart: bool = True
    anew: bool = False  # in an empty home, whatever was there
    told: Callable[[str], None] = lambda _: None  # called when a part is up
    urls: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    _stack: Stack | None = None
    _addresses: Addresses | None = None
    _line: tuple[datetime, datetime, float] | None = None

    def start(self) -> Self:
        """Everything up and ready, definitions published."""
        try:
            self._stack = Stack(self.home, self.ports)
            self._stack.lock_home()  # before its ports are found taken by the same home's stack
            if self.anew:
                self._stack.empty_home()
            self._claim_ports()
            self._addresses = self._stack.start()
            self.told("Kafka and PostgreSQL")
            asyncio.run(self._prepare())
            self.told("schemas and topics")
            self._start_ses()
            for service in SERVICES:
                self.start_service(service)
            for service in SERVICES:
                self.wait_ready(service)
            self._subscribe()
            self.told("SES endpoint and five services")
            self._publish()
            self.told("starter templates, segments, journeys, forms")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Services first, so that they finish their batches; then the servers."""
        children = [*reversed(self.children.values())]
        for child in children:
            child.terminate()
        for child in children:
            child.stop()
        if self._stack is not None:
            self._stack.stop()

    def check(self, *, but: Collection[str] = ()) -> None:
        """StackError with the log's tail if a process has ended, `but` one of those."""
        for name, child in self.children.items():
            if name not in but:
                child.check()
        if self._stack is not None:
            self._stack.check()

    @property
    def admin_dsn(self) -> str:
        assert self._addresses is not None  # noqa: S101  only after start
        return self._addresses.postgres

    @property
    def kafka(self) -> str:
        assert self._addresses is not None  # noqa: S101  only after start
        return self._addresses.kafka

    def client(self) -> Client:
        return Client(f"http://{HOST}", self.keys["write"], self.urls)

    def start_service(self, service: str) -> None:
        """Start one service as a process of its own."""
        child = Child(
            Program(
                service,
                [sys.executable, "-m", "tuvi.cli", "serve", service],
                self.home / "logs" / f"{service}.log",
                {**self._common(), **self._of(service), **self.environment},
            )
        )
        self.children[service] = child  # before it runs: whatever happens then, it is stopped
        child.start()

    def wait_ready(self, service: str, timeout: float = 60.0) -> None:
        self.children[service].wait_until(lambda: _answers(self.urls[service] + "/readyz"), timeout)

    def _claim_ports(self) -> None:
        assert self._stack is not None  # noqa: S101  only from start
        ours = ("ses", *SERVICES)
        self.ports.refuse_taken((*ours, *self._stack.listening))
        for name in ours:
            self.urls[name] = f"http://{HOST}:{claim(name, getattr(self.ports, name))}"

    def _common(self) -> dict[str, str]:
        return {
            "TUVI_KAFKA": self.kafka,
            "TUVI_HOST": HOST,
            "TUVI_PUBLIC_URL": self.urls["ingest"],
            "TUVI_SEGMENTER_URL": self.urls["segmenter"],
            "TUVI_TOKEN_KEYS": self.keys["tokens"],
            "TUVI_SES_ENDPOINT": self.urls["ses"],
            "TUVI_SNS_TRUSTED_ORIGINS": json.dumps([self.urls["ses"]]),
            "TUVI_SNS_TOPICS": json.dumps([TOPIC_ARN]),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "TUVI_PROGRESS_INTERVAL": "0.2",  # a person is watching
            "PYTHONDONTWRITEBYTECODE": "",  # where it is set, each start compiles everything
            **SES_CREDENTIALS,
            **{name: os.environ.get(name, ours) for name, ours in SHOP.items()},
        }

    def _of(self, service: str) -> dict[str, str]:
        dsn = self.admin_dsn.replace("//postgres@", f"//tuvi_{service}@")
        return {"TUVI_DSN": dsn, "TUVI_PORT": self.urls[service].rsplit(":", 1)[1]}

    async def _prepare(self) -> None:
        prefix = os.environ.get("TUVI_TOPIC_PREFIX", "")
        await migrate(self.admin_dsn, self.kafka, prefix=prefix)
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await self._set_clock(connection)
            await self._read_or_make_keys(connection)
        finally:
            await connection.close()

    async def _set_clock(self, connection: asyncpg.Connection) -> None:
        """A home that was used before keeps its line, unless the clock is not the wall's."""
        if self.clock != Clock():
            wall = datetime.now(UTC)
            await connection.execute(
                "UPDATE installation.clock SET origin_wall = $1, origin_business = $2, speed = $3",
                wall,
                self.clock.business or wall,
                self.clock.speed,
            )
        row = await connection.fetchrow("SELECT * FROM installation.clock")
        self._line = row["origin_wall"], row["origin_business"], row["speed"]

    async def _read_or_make_keys(self, connection: asyncpg.Connection) -> None:
        file = self.home / "keys.json"
        if file.exists():
            self.keys = json.loads(file.read_text())
        else:
            self.keys = {
                scope: await create_key(connection, "default", scope, name=name)
                for scope, name in KEYS.items()
            } | {
                "tokens": secrets.token_urlsafe(32),
            }
            file.touch(mode=0o600)
            file.write_text(json.dumps(self.keys))

    def _start_ses(self) -> None:
        assert self._line is not None  # noqa: S101  set by _prepare
        wall, business, speed = self._line
        flags: list[str] = [
            *("--port", self.urls["ses"].rsplit(":", 1)[1]),
            *("--home", str(self.home / "ses")),
            *("--clock-origin-wall", wall.isoformat()),
            *("--clock-origin-business", business.isoformat()),
            *("--clock-speed", str(speed)),
            *self.ses_flags,
        ]
        argv = [sys.executable, "-m", "deploy.local.ses", *flags]
        child = Child(Program("ses", argv, self.home / "logs" / "ses.log"))
        child.start()
        self.children["ses"] = child
        child.wait_until(lambda: _answers(self.urls["ses"] + "/admin/stats"))

    def _subscribe(self) -> None:
        """Events from before a subscription is confirmed are never posted, as with SNS."""
        url = self.urls["ses"] + "/admin/subscriptions"
        wanted = self.urls["ingest"] + "/webhooks/ses"

        def confirmed() -> bool:
            return any(s["url"] == wanted and s["confirmed"] for s in _get(url)["subscriptions"])

        if not confirmed():
            _post(url, {"url": wanted})
            self.children["ses"].wait_until(confirmed)

    def _publish(self) -> None:
        """What is not there yet: a home that was used before keeps what its people made of it."""
        client = self.client()
        folders = ["templates", "segments", "journeys", "forms"]
        for name in folders + (["quickstart"] if self.quickstart else []):
            kind = "journeys" if name == "quickstart" else name
            publish_folder(client, kind, STARTER / name, but=published(client, kind))

    def context(self) -> dict[str, Any]:
        """What `tuvi` needs to talk to this stack; written to `.tuvi/context.json` by `up`."""
        return {
            "key": self.keys["write"],
            "urls": self.urls,
            "dsn": self.admin_dsn,  # has no password: who is on this machine is trusted
            "pid": os.getpid(),
        }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own
        return json.load(answer)


def _post(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode())  # noqa: S310  our own
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310  our own
        pass
