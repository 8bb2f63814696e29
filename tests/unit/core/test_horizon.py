"""Timers never overtake: the horizon moves only over what was seen (promise 4)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from shared.clock import BusinessLine
from shared.contracts import Progress
from shared.kafka.hold import Hold
from shared.kafka.progress import Horizon, ProgressBoard

T0 = datetime(2026, 6, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class World:
    """A stage before that publishes events and then says how far it is."""

    def __init__(self) -> None:
        self.end = 0
        self.passed: datetime | None = None

    async def upstream(self) -> datetime | None:
        return self.passed

    async def ends(self) -> dict[str, int]:
        return {"input": self.end}


@given(st.lists(st.sampled_from(["event", "progress", "consume", "look"]), max_size=60))
async def test_whatever_the_order_no_event_from_before_the_horizon_is_still_to_come(
    steps: list[str],
) -> None:
    world, consumed = World(), 0
    happened: list[datetime] = []
    horizon = Horizon(world.upstream, world.ends)
    for clock, step in enumerate(steps, 1):
        if step == "event":
            happened.append(at(clock))
            world.end += 1
        elif step == "progress":
            world.passed = at(clock)
        elif step == "consume":
            consumed = min(consumed + 1, world.end)
        else:
            await horizon.look({"input": consumed})
        if horizon.seen is not None:
            assert all(event > horizon.seen for event in happened[consumed:])


async def test_a_stage_that_has_not_spoken_holds_all() -> None:
    board = ProgressBoard(2)
    board.take(Progress(workspace="", stage="profile", partition=0, at=at(5)))
    assert board.lowest("profile") is None
    board.take(Progress(workspace="", stage="profile", partition=1, at=at(3)))
    board.take(Progress(workspace="", stage="profile", partition=1, at=at(1)))
    assert board.lowest("profile") == at(3)


async def test_after_the_hold_timers_fire_all_the_same_but_only_those_held_as_long() -> None:
    async def line() -> tuple[datetime, BusinessLine]:
        return at(1000), BusinessLine(T0, T0, 10)

    hold = Hold(marketing=60.0, transactional=20.0, line=line)
    assert await hold.until(at(1)) == (at(1), at(1))
    hold._moved -= 30
    assert await hold.until(at(1)) == (at(1), at(1000 - 20 * 10))
    hold._moved -= 40
    assert await hold.until(at(1)) == (at(1000 - 60 * 10), at(1000 - 20 * 10))
    assert await hold.until(at(2)) == (at(2), at(2))


class Forwarding:
    """Two partitions of profile: what one forwards lands at the end of the other's input."""

    def __init__(self) -> None:
        self.inputs: list[list[tuple[datetime, bool]]] = [[], []]  # (when it happened, forwarded?)
        self.consumed = [0, 0]
        self.identity: datetime | None = None
        self.first = [Horizon(self._identity, self._ends(p)) for p in (0, 1)]
        self.second = [Horizon(self._lowest_first, self._ends(p)) for p in (0, 1)]

    async def _identity(self) -> datetime | None:
        return self.identity

    async def _lowest_first(self) -> datetime | None:
        seen = [h.seen for h in self.first if h.seen is not None]
        return min(seen) if len(seen) == len(self.first) else None

    def _ends(self, partition: int) -> Callable[[], Awaitable[dict[str, int]]]:
        async def ends() -> dict[str, int]:
            return {"input": len(self.inputs[partition])}

        return ends

    def consume(self, partition: int) -> None:
        if self.consumed[partition] < len(self.inputs[partition]):
            at, forward = self.inputs[partition][self.consumed[partition]]
            self.consumed[partition] += 1
            if forward:
                self.inputs[1 - partition].append((at, False))

    async def look(self, partition: int) -> None:
        positions = {"input": self.consumed[partition]}
        await self.first[partition].look(positions)
        await self.second[partition].look(positions)

    def unread(self) -> list[datetime]:
        return [at for p in (0, 1) for at, _ in self.inputs[p][self.consumed[p] :]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["event", "forward", "progress", "consume", "look"]), st.integers(0, 1)
        ),
        min_size=20,
        max_size=80,
    )
)
@example([("forward", 0), ("progress", 0), ("look", 1), ("consume", 0), ("look", 0)])
async def test_what_is_forwarded_for_a_merge_is_before_the_progress_too(
    steps: list[tuple[str, int]],
) -> None:
    world = Forwarding()
    for clock, (step, partition) in enumerate(steps, 1):
        if step in ("event", "forward"):
            world.inputs[partition].append((at(clock), step == "forward"))
        elif step == "progress":
            world.identity = at(clock)
        elif step == "consume":
            world.consume(partition)
        else:
            await world.look(partition)
        passed = [h.seen for h in world.second if h.seen is not None]
        if len(passed) == len(world.second):
            assert all(event > min(passed) for event in world.unread())
