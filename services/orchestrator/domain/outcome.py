"""What a step answers: go on, leave the journey, or (None) rest where it is."""

from datetime import datetime
from typing import Literal, NamedTuple


class Go(NamedTuple):
    """On to the node `after`. `at`: when the step was done, from which the next delay counts.

    `told` as a JourneyEvent, with `reason` and `message`; empty: nothing is told, because the
    step goes on under another node.
    """

    after: str
    at: datetime
    told: Literal["step_done", "skipped", ""] = "step_done"
    reason: str = ""
    message: str = ""


class Leave(NamedTuple):
    """The run is over, for `reason`."""

    reason: str


Outcome = Go | Leave | None
