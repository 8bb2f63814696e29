"""Stage ledger: commands become rows at once, and what contacts changed is known before sending."""

from dataclasses import dataclass, field

import asyncpg

from services.sender.adapters import contacts, rows
from services.sender.domain.ledger import transition
from services.sender.domain.message import Key, Row
from shared.contracts import ContactChanged, Send, Withdraw
from shared.contracts.stages import LEDGER
from shared.kafka.records import Outgoing, Work


@dataclass(slots=True)
class State:
    before: dict[Key, Row]
    after: dict[Key, Row]
    sends: dict[Key, Send] = field(default_factory=dict)
    changes: list[ContactChanged] = field(default_factory=list)


class LedgerStage:
    """Tells nobody: that a message is queued or withdrawn is the orchestrator's own news."""

    spec = LEDGER

    async def read(self, connection: asyncpg.Connection, work: Work) -> State:
        commands = (m.message for m in work.messages if isinstance(m.message, Send | Withdraw))
        found = await rows.read(connection, ((c.workspace, c.message) for c in commands))
        return State(found, dict(found))

    def decide(self, state: State, work: Work) -> list[Outgoing]:
        for received in work.messages:
            message = received.message
            if isinstance(message, ContactChanged):
                state.changes.append(message)
                continue
            key = (message.workspace, message.message)
            row = transition(state.after.get(key), message, work.time).row
            if row is not None:
                state.after[key] = row
            if isinstance(message, Send):
                state.sends.setdefault(key, message)
        return []

    async def write(self, connection: asyncpg.Connection, state: State) -> None:
        await contacts.write_changes(connection, state.changes)
        await rows.write(connection, state.before, state.after)
        await rows.write_commands(connection, state.sends.values())
