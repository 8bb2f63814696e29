"""Partitions at work on the same people at the same moment, with a real database between them."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.segmenter.adapters import identity_rows
from services.segmenter.domain.given import Given
from services.segmenter.identity_stage import IdentityStage
from shared.contracts import ContactsMerged, IdentifiedEvent
from shared.db.migrate import migrate
from shared.db.pool import connect
from tests.integration.identity_parts import NOON, Part, call_of, stored, waits, work_of
from tests.unit.segmenter.people import Rows, alias, device, email, event, user

DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def segmenter(kafka: str, database: str, topic_prefix: str) -> str:
    await migrate(database, kafka, partitions=2, prefix=topic_prefix)
    return database.replace("postgres@", "tuvi_segmenter@")


@pytest_asyncio.fixture
async def parts(segmenter: str) -> AsyncIterator[list[Part]]:
    connections = [await connect(segmenter, "segmenter") for _ in range(4)]
    await connections[0].execute(
        "TRUNCATE aliases, message_ids; UPDATE message_ring SET newest = 0"
    )
    yield [Part(connection) for connection in connections]
    for connection in connections:
        await connection.close()


async def _contacts(db: asyncpg.Connection) -> dict[tuple[str, str], str]:
    rows = await db.fetch("SELECT kind, value, contact FROM aliases")
    return {(r["kind"], r["value"]): r["contact"] for r in rows}


async def test_a_stale_decision_to_merge_is_made_again(parts: list[Part]) -> None:
    one, two, *_ = parts
    await one.take([stored("a", call_of(event(device(1)))), stored("u", call_of(event(user(1))))])
    async with one.batch(work_of([stored("m", call_of(event(user(1), device(1))))])):
        other = asyncio.create_task(two.take([stored("n", call_of(event(email(1), device(1))))]))
        await waits(other, one.db)
    await other
    assert set((await _contacts(one.db)).values()) == {user(1).id}
    last = two.published[-1].message
    assert isinstance(last, IdentifiedEvent)
    assert last.contact == user(1).id


async def test_a_stale_answer_is_an_old_contact_and_a_redirect_says_whose(
    parts: list[Part],
) -> None:
    one, two, *_ = parts
    await one.take([stored("a", call_of(event(device(1))))])
    async with one.batch(work_of([stored("b", call_of(event(device(1))))])):
        await two.take([stored("m", call_of(event(user(1), device(1))))])
    late = one.published[-1].message
    assert isinstance(late, IdentifiedEvent)
    assert late.contact == device(1).id
    assert await identity_rows.current(one.db, "shop", late.contact) == user(1).id
    assert [m.message.loser for m in two.published if isinstance(m.message, ContactsMerged)] == [
        device(1).id
    ]


async def test_two_batches_that_make_the_same_person_make_one(parts: list[Part]) -> None:
    one, two, *_ = parts
    async with one.batch(work_of([stored("a", call_of(event(device(1))))])):
        other = asyncio.create_task(two.take([stored("b", call_of(event(user(1), device(1))))]))
        await waits(other, one.db)
    await other
    assert set((await _contacts(one.db)).values()) == {user(1).id}
    assert [type(m.message).__name__ for m in two.published] == [
        "ContactsMerged",
        "IdentifiedEvent",
    ]


async def test_alias_calls_of_the_same_user_go_one_after_the_other(parts: list[Part]) -> None:
    one, two, *_ = parts
    as_device = device(1)._replace(value="u1")  # nothing new is made: only users' rows decide
    first = [event(user(1), as_device), event(user(2)), event(user(3))]
    await one.take([stored(f"m{i}", call_of(call)) for i, call in enumerate(first)])
    async with one.batch(work_of([stored("b", call_of(alias(user(2), user(1))))])):
        other = asyncio.create_task(two.take([stored("c", call_of(alias(user(3), user(1))))]))
        await waits(other, one.db)
    await other
    assert len(set((await _contacts(one.db)).values())) == 1


async def test_a_message_id_is_taken_once_when_two_doors_open_at_the_same_moment(
    parts: list[Part],
) -> None:
    one, two, *_ = parts
    async with one.batch(work_of([stored("same", call_of(event(user(1))))])):
        other = asyncio.create_task(two.take([stored("same", call_of(event(device(1))))]))
        await waits(other, one.db)
    await other
    assert (one.passed, two.passed) == (["same"], [])
    assert await _contacts(one.db) == {("user", "u1"): user(1).id}  # a repeat makes nobody


async def test_a_message_id_whose_batch_failed_is_free_again(parts: list[Part]) -> None:
    one, two, *_ = parts
    transaction = one.db.transaction()
    await transaction.start()
    await IdentityStage().read(one.db, work_of([stored("same", call_of(event(user(1))))]))
    other = asyncio.create_task(two.take([stored("same", call_of(event(user(1))))]))
    await waits(other, one.db)
    await transaction.rollback()
    await other
    assert two.passed == ["same"]


async def test_a_repeat_on_the_next_day_is_seen_even_at_the_same_moment(parts: list[Part]) -> None:
    one, two, *_ = parts
    await one.take([stored("first", call_of(event(user(1))), NOON + DAY)], NOON + DAY)
    async with one.batch(work_of([stored("same", call_of(event(user(1))))], NOON + DAY)):
        later = stored("same", call_of(event(user(1))), NOON + DAY)
        other = asyncio.create_task(two.take([later], NOON + DAY))
        await waits(other, one.db)
    await other
    assert (one.passed, two.passed) == (["first", "same"], [])


@pytest.mark.parametrize(("days", "passes"), [(0, 1), (1, 1), (7, 1), (9, 2), (10, 2), (25, 2)])
async def test_a_message_id_is_known_for_seven_days(
    parts: list[Part], days: int, passes: int
) -> None:
    one = parts[0]
    for day in range(days + 1):  # something happens every day
        calls = [stored(f"d{day}", call_of(event(user(1))), NOON + day * DAY)]
        if day in (0, days):
            calls += 2 * [stored("same", call_of(event(user(1))), NOON + day * DAY)]
        await one.take(calls, NOON + day * DAY)
    assert one.passed.count("same") == passes
    assert len(one.passed) == passes + days + 1
    assert await one.db.fetchval("SELECT count(*) FROM message_ids") <= 12


async def test_a_partition_days_behind_knows_what_the_others_took(parts: list[Part]) -> None:
    one, two, *_ = parts
    now = NOON + 20 * DAY
    await one.take([stored("same", call_of(event(user(1))), now)], now)
    late = [stored(m, call_of(event(user(1))), now - 4 * DAY) for m in ("same", "late", "late")]
    ancient = [stored("ancient", call_of(event(user(1))), NOON) for _ in range(2)]
    await two.take(late + ancient, now)
    assert two.passed == ["late", "ancient"]


async def test_a_clock_ahead_of_ours_empties_nothing(parts: list[Part]) -> None:
    one = parts[0]
    call = call_of(event(user(1)))
    await one.take([stored("same", call)])
    await one.take([stored("ahead", call, NOON + 500 * DAY), stored("same", call)])
    assert one.passed == ["same", "ahead"]


async def test_shops_do_not_share_people_or_message_ids(parts: list[Part]) -> None:
    one = parts[0]
    call = call_of(event(user(1), email(1)))
    await one.take([stored("same", call), stored("same", call, workspace="other")])
    assert one.passed == ["same", "same"]
    found = await identity_rows.find(one.db, "shop", "email", " E1@example.com")
    other = await identity_rows.find(one.db, "other", "email", "e1@example.com")
    assert found == user(1).id
    assert other is not None
    assert other != found
    known = await identity_rows.identities_of(one.db, "other", other)
    assert [(i.workspace, i.kind) for i in known] == [("other", "email"), ("other", "user")]
    assert await identity_rows.current(one.db, "other", user(1).id) is None


async def test_what_a_page_claimed_is_known_as_a_claim_until_the_shop_says_it_too(
    parts: list[Part],
) -> None:
    one, two, *_ = parts
    both, said = call_of(event(user(1), device(1))), call_of(event(email(1), device(1)))
    await one.take([stored("a", call_of(event(device(1)))), stored("b", both, public=True)])
    await two.take([stored("c", said)])
    contacts = await _contacts(one.db)
    assert contacts["anonymous", "a1"] == user(1).id
    assert contacts["email", "e1@example.com"] == email(1).id
    await one.take([stored("d", both)])
    await two.take([stored("e", said)])
    assert set((await _contacts(one.db)).values()) == {user(1).id}
    merges = [m.message for p in parts for m in p.published]
    assert [m.claimed for m in merges if isinstance(m, ContactsMerged)] == [True, False]


def _life(random_: random.Random, person: int) -> list[Given]:
    """One person's calls: two users joined in a circle of alias calls, addresses, devices.

    Those are the shop's word; half of the rest come from pages.
    """
    users = [user(f"{person}{x}") for x in "ab"]
    emails, devices = [email(f"{person}{x}") for x in "ab"], [device(f"{person}{x}") for x in "abc"]
    calls = [alias(users[0], users[1]), alias(users[1], users[0])]
    calls += [event(random_.choice(users), address) for address in emails]
    for _ in range(12):
        kinds = [k for k in (users, emails, devices) if random_.random() < 0.6]
        public = random_.random() < 0.5
        if public and users in kinds and emails in kinds:
            kinds.remove(emails)
        if kinds:
            calls.append(Given(tuple(map(random_.choice, kinds)), public=public))
    return calls


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_interleaving_one_person_is_one_contact_and_no_event_is_lost(
    parts: list[Part], seed: int
) -> None:
    """Four partitions race over forty people; every messageId comes twice, by different doors."""
    random_ = random.Random(seed)
    calls = [call for person in range(40) for call in _life(random_, person)]
    told = [(f"m{i}", call) for i, call in enumerate(calls)] * 2
    random_.shuffle(told)

    async def run(part: Part, mine: list[tuple[str, Given]]) -> None:
        size = random_.choice([3, 10, 40])
        for start in range(0, len(mine), size):
            batch = mine[start : start + size]
            await part.take([stored(m, call_of(g), public=g.public) for m, g in batch])

    async with asyncio.timeout(60):
        await asyncio.gather(*(run(part, told[i::4]) for i, part in enumerate(parts)))
    alone = Rows()
    alone.take(calls)
    assert await _contacts(parts[0].db) == {
        (identity.kind, identity.value): contact for identity, contact in alone.contact.items()
    }
    assert sorted(m for part in parts for m in part.passed) == sorted({m for m, _ in told})
    assert _ends(parts) == set(alone.contact.values())


def _ends(parts: list[Part]) -> set[str]:
    """Whose all the events are in the end, by what was published alone."""
    messages = [m.message for part in parts for m in part.published]
    merges = [m for m in messages if isinstance(m, ContactsMerged)]
    winners = {m.loser: m.winner for m in merges}
    assert len(winners) == len(merges)  # nobody is merged twice
    ends = {m.contact for m in messages if isinstance(m, IdentifiedEvent)}
    while moved := ends & winners.keys():
        ends = (ends - moved) | {winners[contact] for contact in moved}
    return ends
