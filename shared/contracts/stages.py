"""Who reads what: stages, inputs, schemas. Used by the loop and by `tuvi migrate`."""

from dataclasses import dataclass

from shared.contracts import topics
from shared.contracts.topics import Topic


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One consumer group. `previous`: the stage whose progress its timers wait for.

    `reports_progress`: on the line identity, profile, orchestrator (promise 4).
    """

    name: str
    service: str
    inputs: tuple[Topic, ...]
    previous: str = ""
    reports_progress: bool = False
    has_timers: bool = False
    forwards: bool = False  # to other partitions of its own input: progress takes two rounds

    @property
    def first_round(self) -> str:
        """The name under which the first round's progress is reported."""
        return f"{self.name}.consumed"


IDENTITY = StageSpec("identity", "segmenter", (topics.STORE_EVENTS,), reports_progress=True)
PROFILE = StageSpec(
    "profile",
    "segmenter",
    (topics.IDENTIFIED_EVENTS, topics.DELIVERY_EVENTS),
    previous="identity",
    reports_progress=True,
    has_timers=True,
    forwards=True,
)
ORCHESTRATOR = StageSpec(
    "orchestrator",
    "orchestrator",
    (topics.CONTACT_EVENTS, topics.JOURNEY_COMMANDS),
    previous="profile",
    reports_progress=True,
    has_timers=True,
    forwards=True,
)
LEDGER = StageSpec("ledger", "sender", (topics.SEND_COMMANDS, topics.CONTACT_CHANGES))
FEEDBACK = StageSpec("feedback", "sender", (topics.DELIVERY_EVENTS,))
STATISTICS = StageSpec("statistics", "metrics", (topics.CONTACT_EVENTS, topics.JOURNEY_EVENTS))

STAGES = (IDENTITY, PROFILE, ORCHESTRATOR, LEDGER, FEEDBACK, STATISTICS)
SERVICES = ("ingest", "segmenter", "orchestrator", "sender", "metrics")
