"""However many events are refused, the live view costs little, and no caller anything."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from services.ingest import metrics
from services.ingest.adapters.refusals import A_SECOND, Refusals
from services.ingest.domain.calls import Remark, Sender
from services.ingest.handlers import Topics
from shared.kafka.producer import Addressed

REMARKS = [Remark(place, "m", "event", "is missing") for place in range(1000)]


class Slow:
    """A Kafka that does not answer until it is told to."""

    def __init__(self) -> None:
        self.messages: list[Addressed] = []
        self.answers = asyncio.Event()

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        self.messages.extend(messages)
        await self.answers.wait()
        return {0}


def sender(via: str, workspace: str = "default") -> Sender:
    return Sender(workspace, datetime(2026, 6, 1, 12, tzinfo=UTC), str, via=via)


def not_shown() -> float:
    return float(metrics.NOT_SHOWN._value.get())


async def test_a_door_shows_so_many_a_second_and_counts_the_rest() -> None:
    slow, before = Slow(), not_shown()
    refusals = Refusals(slow, Topics(4).address)

    for _ in range(5):
        refusals.tell(sender("a"), "/v1/batch", REMARKS)  # returns though nobody answers
    refusals.tell(sender("b"), "/v1/batch", REMARKS)
    refusals.tell(sender("a", "other"), "/v1/batch", REMARKS)
    refusals.tell(sender("a"), "/webhooks/shopify", REMARKS, a_second=1)
    await asyncio.sleep(0)

    shown = len(slow.messages)
    assert 3 * A_SECOND < shown <= 2 * (3 * A_SECOND + 1)  # a second may have ended between
    slow.answers.set()
    await asyncio.gather(*refusals._on_their_way)
    failed = not_shown() - before - (8000 - shown)
    assert 4 <= failed <= 8  # what Kafka did not take is not shown either
