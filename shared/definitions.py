"""Definitions: versioned rows of the service that owns them, announced on `definitions`.

Every process reads the topic whole and acts on its Registry, the owner too: so all see the same
versions in the same order, and a restarted process knows them before it starts.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Literal

import asyncpg
import msgspec

from shared.contracts import Definition, topics
from shared.contracts.codec import Message, encode
from shared.kafka.outbox_loop import OutboxLoop
from shared.kafka.producer import Addressed, OrderedProducer
from shared.kafka.reader import WholeTopic

_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number")
Kind = Literal["segment", "journey", "template", "workspace", "form"]
Status = Literal["draft", "running", "paused", "archived"]

TABLE = """
CREATE SEQUENCE definition_revisions;
CREATE TABLE definitions (
    workspace text    NOT NULL,
    kind      text    NOT NULL,
    id        text    NOT NULL,
    version   integer NOT NULL,               -- rises when the body changes
    revision  bigint  NOT NULL,               -- rises with every change, a pause too
    status    text    NOT NULL,
    body      jsonb   NOT NULL,
    announced boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace, kind, id, version)
);
CREATE INDEX definitions_unannounced ON definitions (revision) WHERE NOT announced;
"""


async def save(
    connection: asyncpg.Connection,
    *,
    workspace: str,
    kind: Kind,
    id: str,  # noqa: A002  the field's name
    body: dict[str, Any],
    status: Status = "running",
    heard: "Registry | None" = None,
) -> Definition:
    """A new version when the body changed; a new revision when anything did. Idempotent.

    What is in force is changed (`newer`), and the new revision is above all that was `heard`:
    else nobody would listen to a database that was restored.
    """
    async with connection.transaction():
        # one at a time, for back-fills go by it: who commits later has the higher revision
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('definition_revisions'))")
        row = await connection.fetchrow(
            """SELECT version, revision, status, body FROM definitions
               WHERE workspace = $1 AND kind = $2 AND id = $3 ORDER BY version DESC LIMIT 1""",
            workspace,
            kind,
            id,
        )
        stored = _definition(workspace, kind, id, row) if row else None
        known = newer(stored, heard.get(workspace, kind, id) if heard else None)
        as_before = known is not None and same(known.body, body)
        if known is not None and known is stored and as_before and known.status == status:
            return known
        if heard:
            await connection.execute(
                """SELECT setval('definition_revisions', $1) FROM definition_revisions
                   WHERE last_value <= $1""",
                heard.revision(kind),
            )
        saved = await connection.fetchrow(
            """INSERT INTO definitions (workspace, kind, id, version, revision, status, body)
               VALUES ($1, $2, $3, $4, nextval('definition_revisions'), $5, $6)
               ON CONFLICT (workspace, kind, id, version) DO UPDATE
               SET status = excluded.status, body = excluded.body,
                   revision = excluded.revision, announced = false
               RETURNING version, revision, status, body""",
            workspace,
            kind,
            id,
            (known.version if known else 0) + (0 if as_before else 1),
            status,
            body,
        )
        return _definition(workspace, kind, id, saved)


def newer(stored: Definition | None, heard: Definition | None) -> Definition | None:
    """What is in force: the row, unless more was announced than the database remembers."""
    if stored is None or heard is None:
        return stored or heard
    ahead = (heard.version, heard.revision) > (stored.version, stored.revision)
    return heard if ahead else stored


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same document, in whatever order its keys are (jsonb has one of its own)."""
    return _sorted.encode(one) == _sorted.encode(other)


async def latest(
    connection: asyncpg.Connection, workspace: str, kind: Kind, heard: "Registry | None" = None
) -> list[Definition]:
    """What is in force (`newer`): the newest version of each, by id."""
    rows = await connection.fetch(
        """SELECT DISTINCT ON (id) id, version, revision, status, body FROM definitions
           WHERE workspace = $1 AND kind = $2 ORDER BY id, version DESC""",
        workspace,
        kind,
    )
    found = {row["id"]: _definition(workspace, kind, row["id"], row) for row in rows}
    for other in heard.all(kind, workspace) if heard else ():
        found[other.id] = newer(found.get(other.id), other) or other
    return [found[name] for name in sorted(found)]


def _definition(workspace: str, kind: Any, name: str, row: Any) -> Definition:
    return Definition(
        workspace=workspace,
        kind=kind,
        id=name,
        version=row["version"],
        revision=row["revision"],
        status=row["status"],
        body=row["body"],
    )


class Announcer:
    """Publishes rows that are not announced yet, in order of revision; at least once."""

    def __init__(self, pool: asyncpg.Pool, kafka: str, prefix: str = "") -> None:
        self._pool, self._prefix = pool, prefix
        self._producer = OrderedProducer(kafka)
        self._loop = OutboxLoop("definitions", self._announce)
        self.wake = self._loop.wake

    async def run(self, look_every: float = 1.0) -> None:
        """Until cancelled."""
        try:
            await self._loop.run(look_every)
        finally:
            await self._producer.close()

    async def _announce(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                """SELECT workspace, kind, id, version, revision, status, body FROM definitions
                   WHERE NOT announced ORDER BY revision FOR UPDATE"""
            )
            if not rows:
                return False
            found = [_definition(r["workspace"], r["kind"], r["id"], r) for r in rows]
            await self._producer.publish([self._addressed(d) for d in found])
            await connection.execute(
                "UPDATE definitions SET announced = true WHERE revision = ANY($1::bigint[])",
                [d.revision for d in found],
            )
            return False  # all there were

    def _addressed(self, definition: Definition) -> Addressed:
        key = f"{definition.workspace}:{definition.kind}:{definition.id}:{definition.version}"
        topic = self._prefix + topics.DEFINITIONS.name
        return Addressed(topic, 0, key.encode(), encode(definition), [])


class Registry:
    """All definitions as announced so far, or those `of` some kinds. `version` rises with each
    one taken.
    """

    def __init__(self, kafka: str, prefix: str = "", of: Collection[Kind] = ()) -> None:
        self._of = frozenset(of)
        self._reader = WholeTopic(kafka, topics.DEFINITIONS, self._take, prefix=prefix)
        self._versions: dict[tuple[str, str, str, int], Definition] = {}
        self._newest: dict[tuple[str, str, str], Definition] = {}
        self.version = 0

    @property
    def ready(self) -> asyncio.Event:
        """Set when the topic has been read to its end once."""
        return self._reader.ready

    def unread(self) -> str | None:
        """A check of readiness: why definitions are not known yet."""
        return None if self.ready.is_set() else "the definitions are not read yet"

    async def run(self) -> None:
        """Until cancelled."""
        await self._reader.run()

    def get(self, workspace: str, kind: Kind, name: str) -> Definition | None:
        """The newest version."""
        return self._newest.get((workspace, kind, name))

    def version_of(self, workspace: str, kind: Kind, name: str, version: int) -> Definition | None:
        """A pinned version."""
        return self._versions.get((workspace, kind, name, version))

    def all(self, kind: Kind, workspace: str | None = None) -> list[Definition]:
        """The newest version of each, ordered by workspace and id."""
        return [
            d
            for (w, k, _), d in sorted(self._newest.items())
            if k == kind and workspace in (None, w)
        ]

    def revision(self, kind: Kind) -> int:
        """The highest there is."""
        return max((d.revision for d in self._versions.values() if d.kind == kind), default=0)

    def _take(self, message: Message) -> None:
        assert isinstance(message, Definition)  # noqa: S101  the topic has no other type
        if self._of and message.kind not in self._of:
            return
        name = (message.workspace, message.kind, message.id)
        known = self._versions.get((*name, message.version))
        if known is not None and known.revision >= message.revision:
            return
        self._versions[(*name, message.version)] = message
        newest = self._newest.get(name)
        if newest is None or message.version >= newest.version:
            self._newest[name] = message
        self.version += 1
