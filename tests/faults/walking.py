"""Kills a stage at every step of the loop, one process after the other."""

from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

import msgspec

from shared.contracts.stages import StageSpec
from shared.kafka.loop import AFTERWARDS, STEPS, TAKE_OVER
from tests.faults.observing import PARTITIONS
from tests.faults.place import Place
from tests.faults.serve import InFlight, Watch

IN_FLIGHT = 100
BATCH = 130  # some of what is polled may be repeats, which are dropped
BEFORE_POLLING = {(step, when) for step in TAKE_OVER for when in ("before", "after")} | {
    ("poll", "before")
}
"""Here a process has no batch yet: what it holds is what it was assigned and has not committed."""


def order_of_kills() -> list[tuple[str, str]]:
    """Every step, before and after; taking over comes when there is something left to publish."""
    steps = [step for step in STEPS if step not in TAKE_OVER]
    after_commit = steps.index(AFTERWARDS[0])
    steps[after_commit:after_commit] = TAKE_OVER
    return [(step, when) for step in steps for when in ("before", "after")]


@dataclass(frozen=True)
class Kill:
    """One process that killed itself, and what it held."""

    stage: str
    step: str
    when: str
    partition: int
    backlog: int
    held: InFlight

    @property
    def in_flight(self) -> int:
        if (self.step, self.when) in BEFORE_POLLING:
            return self.backlog
        return self.held.messages


async def walk(
    place: Place, spec: StageSpec, at: list[tuple[str, str]], *, hold: tuple[str, ...] = ()
) -> list[Kill]:
    """`hold`: stages of the same service that are not to move meanwhile.

    Of the stage, the partition with the most before it moves.
    """
    return [await _kill(place, spec, step, when, hold) for step, when in at]


async def _kill(place: Place, spec: StageSpec, step: str, when: str, hold: tuple[str, ...]) -> Kill:
    backlog = await place.seen.backlog(spec)
    partition = max(backlog, key=lambda p: backlog[p])
    others = tuple(f"{spec.name}/{p}" for p in range(PARTITIONS) if p != partition)
    marker = place.home / f"{spec.name} {when} {step}.json"
    least = 0 if (step, when) in BEFORE_POLLING else IN_FLIGHT
    watch = Watch(spec.name, partition, step, when, str(marker), least)
    name = f"{spec.name} {when} {step}"
    process = await place.start(
        spec.service,
        name=name,
        hold=(*hold, *others),
        watch=watch,
        batch_size=str(BATCH),
        dispatchers="0",  # a mail on its way would be ambiguous: that is for the sender's tests
        session_timeout="1",
    )
    code = await place.gone(process, name)
    del place.processes[name]
    assert code == -SIGKILL, place.log_of(name)
    return Kill(spec.name, step, when, partition, backlog[partition], read(marker))


def read(marker: Path) -> InFlight:
    """What a process that was stopped or killed had written before."""
    return msgspec.json.decode(marker.read_bytes(), type=InFlight)
