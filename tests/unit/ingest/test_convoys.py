"""Faults of single partitions, which no broker of ours can be made to have; whole ones are tested
against Kafka itself.
"""

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from services.ingest.adapters import publisher as publishing
from services.ingest.adapters.batch import Batch
from services.ingest.adapters.publisher import Limits, Publisher
from shared.kafka.producer import Addressed

Land = Callable[[int, "asyncio.Future[None]"], None]


class Producer:
    """`land` says what becomes of a partition's batch."""

    def __init__(self, land: Land, leaders: list[int | None]) -> None:
        self._land, self.flying = land, set[int]()
        cluster = SimpleNamespace(leader_for_partition=lambda _: random.choice(leaders))
        self.client = SimpleNamespace(cluster=cluster)

    async def send_batch(self, _: Batch, __: str, *, partition: int) -> "asyncio.Future[None]":
        assert partition not in self.flying, "two in flight could change places"
        self.flying.add(partition)
        landed = asyncio.get_running_loop().create_future()
        landed.add_done_callback(lambda _: self.flying.discard(partition))
        self._land(partition, landed)
        return landed


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def stand_in(land: Land, leaders: list[int | None]) -> None:
        async def connected(*_: Any) -> Producer:
            return Producer(land, leaders)

        async def drop(_: Any) -> None: ...

        monkeypatch.setattr(publishing, "connected", connected)
        monkeypatch.setattr(publishing, "drop", drop)
        monkeypatch.setattr(publishing, "RECONNECT_AFTER", 0.001)
        monkeypatch.setattr(publishing, "LOOK_EVERY", 0.01)

    return stand_in


def _message(partition: int, size: int = 10) -> Addressed:
    return Addressed("t", partition, b"k", b"v" * size, ())


def _soon(landed: "asyncio.Future[None]", seconds: float = 0.001) -> None:
    def acknowledged() -> None:
        if not landed.done():
            landed.set_result(None)

    asyncio.get_running_loop().call_later(seconds, acknowledged)


async def test_a_partition_that_stands_still_holds_up_no_other(kafka: Callable[..., None]) -> None:
    kafka(lambda partition, landed: _soon(landed) if partition else None, [1])
    publisher = Publisher("", Limits(30.0))
    running = asyncio.create_task(publisher.run())
    stuck = asyncio.create_task(publisher.publish([_message(0)]))
    for _ in range(5):
        lost = [publisher.publish([_message(partition)]) for partition in (1, 2, 3)]
        assert await asyncio.wait_for(asyncio.gather(*lost), 10) == [set()] * 3
    assert not stuck.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await stuck == {0}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_each_hears_once_and_nothing_is_held_for_ever(
    kafka: Callable[..., None], seed: int
) -> None:
    dice = random.Random(seed)

    def land(_: int, landed: "asyncio.Future[None]") -> None:
        fate = dice.random()
        if fate < 0.03:
            landed.set_exception(OSError())
        elif fate > 0.05:
            _soon(landed, dice.random() * 0.005)

    async def caller() -> None:
        for _ in range(40):
            said = [_message(dice.randrange(4), dice.choice([10, 20_000])) for _ in range(3)]
            asked = asyncio.create_task(publisher.publish(said))
            if dice.random() < 0.05:
                await asyncio.sleep(0)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
            else:
                assert await asyncio.wait_for(asked, 10) <= {0, 1, 2}

    kafka(land, [None, 1, 2])
    publisher = Publisher("", Limits(0.1, 500_000))
    running = asyncio.create_task(publisher.run())
    await asyncio.gather(*(caller() for _ in range(10)))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert publisher.waiting_bytes == 0
