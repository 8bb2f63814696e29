"""Claiming and starting: each decision falls in the transaction that records it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from services.sender import metrics
from services.sender.adapters import contacts, dispatch, queue, rows
from services.sender.domain.lanes import Lane, in_turn
from services.sender.domain.message import (
    Claimed,
    HandedBack,
    Input,
    Key,
    Postponed,
    Row,
    SendingStarted,
    Skipped,
    Status,
)
from services.sender.domain.permission import Go, Judgement, Later, Skip, judge
from shared.clock import ProcessClock
from shared.contracts import Send
from shared.definitions import Registry

UNKNOWN_AGAIN = timedelta(seconds=1)
"""When a contact that was merged into one the sender does not know yet is looked at again."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A message that is ours until the lease is over. `attempt` counts from 1."""

    key: Key
    by: str
    send: Send
    address: str
    attempt: int


class Claims:
    """`moment` is (business, wall): wall is the database's, whatever this machine's clock says."""

    def __init__(
        self, pool: asyncpg.Pool, clock: ProcessClock, registry: Registry, lease: float
    ) -> None:
        self._pool, self._clock, self._registry = pool, clock, registry
        self._lease = timedelta(seconds=lease)
        self._served: dict[bool, Lane] = {}  # the last lane, of urgent ones and of others

    def moment(self) -> tuple[datetime, datetime]:
        wall = datetime.now(UTC) + self._clock.line.skew
        return self._clock.now(), wall

    def paused(self, workspace: str, journey: str) -> bool:
        """An archived journey is not: its runs go on to their end."""
        definition = self._registry.get(workspace, "journey", journey)
        return definition is not None and definition.status == "paused"

    async def take(self, limit: int, *, marketing: bool) -> list[Claim]:
        """Transactional first; then round-robin over the lanes, each in due order."""
        async with self._pool.acquire() as connection:
            open_lanes = [
                lane
                for lane in await queue.lanes(connection)
                if not self.paused(lane.workspace, lane.journey)
            ]
            urgent = [lane for lane in open_lanes if lane.transactional]
            claims = await self._take(connection, urgent, limit)
            left = limit - len(claims)
            if marketing and left > 0:
                others = [lane for lane in open_lanes if not lane.transactional]
                claims += await self._take(connection, others, left)
        return claims

    async def _take(
        self, connection: asyncpg.Connection, lanes: Sequence[Lane], limit: int
    ) -> list[Claim]:
        if not lanes:
            return []
        urgent = lanes[0].transactional
        chosen = in_turn(lanes, self._served.get(urgent), limit)
        self._served[urgent] = chosen[-1]
        each = -(-limit // len(chosen))
        async with connection.transaction():
            if not (await dispatch.gate(connection)).enabled:
                return []
            business, wall = self.moment()
            found = await queue.due(connection, chosen, each, business, wall)
            sends = await rows.read_commands(connection, found)
            judged = await self._judge(connection, found, sends, business)
            by = uuid4().hex
            inputs = {key: self._claimed(by, judged[key], wall) for key in found}
            after = await rows.change(connection, found, inputs, business)
        metrics.ATTEMPTS.labels("skipped").inc(
            sum(row.status == Status.SKIPPED for row in after.values())
        )
        return [
            Claim(key, by, sends[key], row.address, row.attempts + 1)
            for key, row in after.items()
            if row.status == Status.CLAIMED
        ]

    def _claimed(self, by: str, judgement: Judgement | None, wall: datetime) -> Input:
        match judgement:
            case Go(address):
                return Claimed(by, wall + self._lease, address)
            case Skip(reason):
                return Skipped(reason)
            case Later(at):
                return Postponed(due_at=at)
            case None:
                return Postponed(not_before=wall + UNKNOWN_AGAIN)

    async def start(self, claims: Iterable[Claim], *, marketing: bool) -> list[Claim]:
        """Those that may go to the socket now; everything is asked once more."""
        by_key = {claim.key: claim for claim in claims}
        async with self._pool.acquire() as connection, connection.transaction():
            enabled = (await dispatch.gate(connection)).enabled
            business, wall = self.moment()
            found = await rows.read(connection, by_key)
            sends = {key: by_key[key].send for key in found}
            judged = await self._judge(connection, found, sends, business)
            inputs: dict[Key, Input] = {}
            for key, claim in by_key.items():
                go = enabled and (marketing or claim.send.transactional)
                go = go and not self.paused(claim.send.workspace, claim.send.journey)
                inputs[key] = self._started(claim, judged.get(key), wall, go=go)
            after = await rows.change(connection, found, inputs, business)
        return [
            by_key[key]
            for key, row in after.items()
            if row.status == Status.SENDING and found[key].status == Status.CLAIMED
        ]

    def _started(
        self, claim: Claim, judgement: Judgement | None, wall: datetime, *, go: bool
    ) -> Input:
        match judgement:
            case Skip(reason):
                return Skipped(reason, claim.by)
            case Go(claim.address) if go:
                return SendingStarted(claim.by, wall, wall + self._lease)
            case _:
                return HandedBack(claim.by)

    async def hand_back(self, claims: Iterable[Claim]) -> None:
        """Claimed, and not started."""
        await self.tell({claim.key: HandedBack(claim.by) for claim in claims})

    async def tell(self, inputs: Mapping[Key, Input]) -> dict[Key, Row]:
        """What became of messages, in a transaction of its own."""
        if not inputs:
            return {}
        async with self._pool.acquire() as connection, connection.transaction():
            return await rows.apply(connection, inputs, self.moment()[0])

    async def _judge(
        self,
        connection: asyncpg.Connection,
        found: Mapping[Key, Row],
        sends: Mapping[Key, Send],
        now: datetime,
    ) -> dict[Key, Judgement | None]:
        """None: who the contact became is not known yet."""
        people = {(row.workspace, row.contact) for row in found.values()}
        known = await contacts.read_contacts(connection, people)
        suppressed = await contacts.read_suppressions(connection, known)
        judged: dict[Key, Judgement | None] = {}
        for key, row in found.items():
            who = row.workspace, row.contact
            if who in known:
                judged[key] = judge(sends[key], known[who], suppressed.get(who, ()), now)
            else:
                judged[key] = None
        return judged
