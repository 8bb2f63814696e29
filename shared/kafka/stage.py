"""What a stage gives to the loop: read -> decide -> write."""

from typing import Protocol, TypeVar

import asyncpg

from shared.contracts.stages import StageSpec
from shared.kafka.records import Outgoing, Work

State = TypeVar("State")


class Stage(Protocol[State]):
    """One stage of the way. Rows are found by the contacts in `work.messages` and `work.timers`."""

    spec: StageSpec

    async def read(self, connection: asyncpg.Connection, work: Work) -> State:
        """The rows of the batch's contacts, `FOR UPDATE` in key order, one query a table."""
        ...

    def decide(self, state: State, work: Work) -> list[Outgoing]:
        """Pure: changes `state` in memory, in partition order; gives what is to be published."""
        ...

    async def write(self, connection: asyncpg.Connection, state: State) -> None:
        """Set-based: `unnest` or `COPY`, never a row at a time."""
        ...
