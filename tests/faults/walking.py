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


async def walk(place: Place, spec: StageSpec, *, hold: tuple[str, ...] = ()) -> list[Kill]:
    """`hold`: stages of the same service that are not to move meanwhile.

    Of the stage, the partition with the most before it moves.
    """
    return [
        await _kill(place, spec, step, when, hold, number)
        for number, (step, when) in enumerate(order_of_kills())
    ]


async def _kill(
    place: Place, spec: StageSpec, step: str, when: str, hold: tuple[str, ...], number: int
) -> Kill:
    backlog = await place.seen.backlog(spec)
    partition = max(backlog, key=lambda p: backlog[p])
    others = tuple(f"{spec.name}/{p}" for p in range(PARTITIONS) if p != partition)
    marker = place.home / f"{spec.name}-{number}-{step}-{when}"
    least = 0 if (step, when) in BEFORE_POLLING else IN_FLIGHT
    watch = Watch(spec.name, partition, step, when, str(marker), least)
    process = await place.start(
        spec.service,
        name=f"{spec.name} at {step}",
        hold=(*hold, *others),
        watch=watch,
        batch_size=str(BATCH),
        dispatchers="0",  # a mail on its way would be ambiguous: that is for the sender's tests
        session_timeout="1",
    )
    code = await place.gone(process, f"{spec.name} {when} {step}")
    del place.processes[f"{spec.name} at {step}"]
    assert code == -SIGKILL, place.log_of(spec.service)
    return Kill(spec.name, step, when, partition, backlog[partition], _read(marker))


def _read(marker: Path) -> InFlight:
    return msgspec.json.decode(marker.read_bytes(), type=InFlight)
