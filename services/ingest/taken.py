"""What a caller hears of its events: how many were taken, and for each other one why not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.ingest.domain.calls import Ready, Remark
from shared.errors import Problem

UNAVAILABLE = 503  # Kafka did not take it in time
RETRY_AFTER = 2  # seconds


class Taken(NamedTuple):
    """How many events were accepted, and what of them will not work."""

    accepted: int
    warnings: list[Remark]

    def plain(self) -> dict[str, Any]:
        """As it stands in a refusal of the others."""
        warned = {"warnings": [warning.plain() for warning in self.warnings]}
        return {"accepted": self.accepted, **(warned if self.warnings else {})}


NOTHING = Taken(0, [])


def taken_of(ready: Sequence[Ready], lost: list[Remark]) -> Taken:
    """`lost`: those of the ready that Kafka did not take."""
    warned = [one for one in ready if one.warnings]
    if not (warned or lost):
        return Taken(len(ready), [])
    gone = {remark.place for remark in lost}
    warnings = [warning for one in warned if one.place not in gone for warning in one.warnings]
    return Taken(len(ready) - len(lost), warnings)


def refused_by(
    refused: Sequence[Remark], taken: Taken = NOTHING, *, batch: bool = False
) -> Problem:
    """400: the caller's to mend."""
    first = refused[0]
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    kept = f"; {taken.accepted} accepted" if batch else ""
    return Problem(
        400,
        "Events refused",
        f"{first.field}: {first.message}{more}{kept}.",
        errors=[remark.plain() for remark in refused],
        **taken.plain(),
    )


def unavailable(lost: list[Remark], taken: Taken = NOTHING) -> Problem:
    """503: to be sent again."""
    return Problem(
        UNAVAILABLE,
        "Not kept",
        f"Send it again in {RETRY_AFTER} seconds; a messageId keeps it from counting twice.",
        errors=[remark.plain() for remark in sorted(lost)],
        retry_after=RETRY_AFTER,
        **taken.plain(),
    )
