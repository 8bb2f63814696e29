"""From the page behind a mail's link to the contact's consent and to what the sender keeps."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from services.sender.feedback_stage import FeedbackStage
from services.sender.ledger_stage import LedgerStage
from services.sender.settings import SenderSettings
from shared.contracts import Definition, encode, topics
from shared.db.pool import connect
from shared.runtime import Runtime
from shared.tokens import ConfirmClaim, UnsubscribeClaim, make_token
from tests.integration import ingest_place, segmenter_place
from tests.integration.ingest_place import TOKEN_KEYS

CONFIRM = ConfirmClaim(
    workspace="default",
    contact="c",
    message="m",
    topics=("newsletter",),
    text="v1",
    form="footer",
    issued=1_780_000_000,
)
Pairs = list[tuple[str, str]]
JOURNEYS: dict[str, dict[str, Any]] = {
    "welcome": {"topic": "newsletter"},
    "carts": {"topic": "cart-reminders"},
    "receipt": {"topic": "orders", "transactional": True},
}


@dataclass
class Town:
    """Ingest and the sender's feedback in this process, segmenter in one of its own."""

    ingest: ingest_place.Place
    shop: segmenter_place.Shop
    sender: asyncpg.Connection

    async def page(
        self, method: str, token: str, fields: Pairs | None = None, **more: Any
    ) -> tuple[int, str]:
        url = f"{self.ingest.url}/u/{token}"
        data = aiohttp.FormData(fields) if fields else None
        async with self.ingest.session.request(method, url, data=data, **more) as answer:
            return answer.status, await answer.text()

    async def contact(self, name: str, **traits: Any) -> str:
        """Somebody whom segmenter and the sender know."""
        traits = {"email": f"{name}@example.com", **traits}
        await self.shop.tells("identify", name, traits=traits)
        found = await self.shop.contact(user_id=name)
        await until(lambda: self._is_known(found))
        return found

    async def _is_known(self, contact: str) -> bool:
        question = "SELECT count(*) FROM sender.contacts WHERE contact = $1"
        return bool(await self.sender.fetchval(question, contact))

    async def consent(self, contact: str) -> dict[str, tuple[str, str, str]]:
        _, found = await self.shop.asks(f"/v1/contacts/{contact}")
        return {
            topic: (said["state"], said.get("source", ""), said.get("text", ""))
            for topic, said in found["consent"].items()
        }

    async def suppressed(self, address: str) -> list[str]:
        question = "SELECT topic FROM sender.suppressions WHERE address = $1 ORDER BY topic"
        return [row["topic"] for row in await self.sender.fetch(question, address)]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)


def link(contact: str, topic: str = "cart-reminders", workspace: str = "default") -> str:
    claim = UnsubscribeClaim(workspace=workspace, contact=contact, message="", topic=topic)
    return make_token(TOKEN_KEYS, claim)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Town]:
    async with segmenter_place.serving(kafka, database, topic_prefix) as shop:
        for name, body in JOURNEYS.items():
            journey = Definition(
                workspace="default", kind="journey", id=name, version=1, revision=1, body=body
            )
            topic = topic_prefix + topics.DEFINITIONS.name
            await shop.producer.send_and_wait(topic, encode(journey), key=name.encode())
        settings = SenderSettings(
            kafka=kafka,
            dsn=database.replace("postgres@", "tuvi_sender@"),
            topic_prefix=topic_prefix,
            token_keys=",".join(TOKEN_KEYS),
            session_timeout=6.0,
        )
        runtime = await Runtime.start(settings, "sender")
        stages = [runtime.consume(FeedbackStage()), runtime.consume(LedgerStage())]
        work = [*runtime.background().values(), *stages]
        tasks = [asyncio.create_task(one) for one in work]
        sender = await connect(database, "sender")
        here = ingest_place.place(database, kafka, topic_prefix, segmenter_url=shop.url)
        async with here as ingest:
            await ingest.ready()
            yield Town(ingest, shop, sender)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await sender.close()
        await runtime.close()


def shown(text: str) -> Pairs:
    """What a browser would send back untouched."""
    fields = [("action", "preferences")]
    for tag in re.findall(r"<input [^>]*>", text.partition("<section")[2]):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        ticked = given["type"] == "hidden" or tag.endswith(" checked>") or " checked " in tag
        if ticked and given["name"] != "action":
            fields.append((given["name"], given["value"]))
    chosen = re.search(r'<option value="([^"]*)"[^>]* selected>', text)
    return [*fields, ("language", chosen[1] if chosen else "")]


def swapped(fields: Pairs, name: str, value: str) -> Pairs:
    return [(n, value if n == name else v) for n, v in fields]


async def test_what_is_chosen_on_the_page_reaches_profile_and_sender(town: Town) -> None:
    consent = {topic: {"state": "subscribed"} for topic in ("newsletter", "cart-reminders")}
    who = await town.contact("ann", consent=consent, locale="de-AT")
    token = link(who)
    status, text = await town.page("GET", token)
    assert status == 200
    assert '<html lang="de"' in text
    assert text.index("Von <b>cart reminders</b> abmelden") < text.index("newsletter")
    assert "orders" not in text

    untouched = shown(text)
    assert {("was", "newsletter"), ("on", "newsletter"), ("language_was", "de")} <= set(untouched)
    assert (await town.page("POST", token, untouched))[0] == 200
    fields = [field for field in untouched if field != ("on", "newsletter")]
    fields = swapped(swapped(fields, "frequency", "less"), "language", "fr")
    status, text = await town.page("POST", token, fields)
    assert (status, "Vos choix sont enregistrés" in text) == (200, True)

    await until(lambda: _is(town.suppressed("ann@example.com"), ["newsletter"]))
    no = ("unsubscribed", "preferences", "")
    await until(lambda: _holds(town, who, "newsletter", no))
    assert (await town.consent(who))["cart-reminders"][0] == "subscribed"
    _, found = await town.shop.asks(f"/v1/contacts/{who}")
    assert (found["traits"]["email_frequency"], found["locale"]) == ("less", "fr")

    _, text = await town.page("GET", token)
    back = [*shown(text), ("on", "newsletter")]
    assert ("off", "newsletter") in back
    await town.page("POST", f"{token}?lang=nl", back)
    yes = ("subscribed", "preferences", "preference-page-1-nl")
    await until(lambda: _holds(town, who, "newsletter", yes))
    await until(lambda: _is(town.suppressed("ann@example.com"), []))

    everything = [*shown(text), ("everything", "off")]
    await town.page("POST", token, everything)
    await until(lambda: _is(town.suppressed("ann@example.com"), ["*"]))
    await until(lambda: _holds(town, who, "newsletter", no))
    await until(lambda: _holds(town, who, "cart-reminders", no))
    _, text = await town.page("GET", token)
    assert "Vous êtes désabonné(e)" in text
    assert " checked><span>newsletter" not in text


async def _is(answer: Awaitable[Any], expected: Any) -> bool:
    return bool(await answer == expected)


async def _holds(town: Town, contact: str, topic: str, said: tuple[str, str, str]) -> bool:
    return (await town.consent(contact)).get(topic) == said


async def test_looking_changes_nothing_and_reads_in_the_language_that_is_asked_for(
    town: Town,
) -> None:
    who = await town.contact("bea", consent={"newsletter": {"state": "subscribed"}})
    before = await town.ingest.kept("delivery-events")
    for query, language in (("", "es"), ("?lang=it", "it"), ("?lang=sv", "es")):
        for method in ("GET", "HEAD"):
            headers = {"accept-language": "es-MX, en;q=0.5"}
            status, text = await town.page(method, link(who) + query, headers=headers)
            assert status == 200
            assert method == "HEAD" or f'<html lang="{language}"' in text
    assert await town.ingest.kept("delivery-events") == before


async def test_a_link_of_another_workspace_opens_nothing_here(town: Town) -> None:
    who = await town.contact("cara", consent={"newsletter": {"state": "subscribed"}})
    token = link(who, workspace="other")
    status, text = await town.page("GET", token)
    assert status == 200
    assert "cannot be shown right now" in text
    assert "newsletter" not in text
    answers = [await choices(town, f"Bearer {t}") for t in (token, link(who))]
    assert [status for status, _ in answers] == [404, 200]
    assert answers[1][1]["topics"] == {"newsletter": "subscribed"}

    assert (await town.page("POST", token, [("action", "preferences"), ("everything", "off")]))[
        0
    ] == 200
    kept = [e for e in await town.ingest.kept("delivery-events") if e.contact == who]
    assert [e.workspace for e in kept] == ["other"]
    await town.contact("after-cara")
    assert (await town.consent(who))["newsletter"][0] == "subscribed"


async def choices(town: Town, authorization: str) -> tuple[int, Any]:
    headers = {"authorization": authorization}
    url = f"{town.shop.url}/v1/preferences"
    async with town.shop.http.get(url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_what_was_signed_for_something_else_opens_nothing(town: Town) -> None:
    who = await town.contact("dora", consent={"newsletter": {"state": "subscribed"}})
    payload, _, signature = link(who).rpartition(".")
    other = make_token(TOKEN_KEYS, CONFIRM)
    for token in (other, payload, f"{payload}.{signature[:-1]}", town.shop.keys["write"], "x"):
        assert (await town.page("GET", token))[0] == 404
        fields = [("action", "preferences"), ("everything", "off")]
        assert (await town.page("POST", token, fields))[0] == 404
        assert (await choices(town, f"Bearer {token}"))[0] == 401
    assert (await choices(town, ""))[0] == 401
    assert (await choices(town, f"Basic {link(who)}"))[0] == 401


@pytest.mark.parametrize("how", ["away", "silent"])
async def test_without_segmenter_the_page_still_lets_people_go(
    town: Town, kafka: str, database: str, topic_prefix: str, how: str
) -> None:
    who = await town.contact(f"edda-{how}", consent={"newsletter": {"state": "subscribed"}})
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, answers none
        port = silent.getsockname()[1]
        if how == "away":
            silent.close()
        url = f"http://127.0.0.1:{port}"
        async with ingest_place.place(database, kafka, topic_prefix, segmenter_url=url) as alone:
            await alone.ready()
            lonely = Town(alone, town.shop, town.sender)
            async with asyncio.timeout(3):
                status, text = await lonely.page("GET", link(who))
            assert status == 200
            assert "cannot be shown right now" in text
            assert "Unsubscribe from <b>cart reminders</b>" in text
            assert 'type="checkbox"' not in text
            assert (await lonely.page("POST", link(who), [*shown(text), ("everything", "off")]))[
                0
            ] == 200
    await until(lambda: _holds(town, who, "newsletter", ("unsubscribed", "preferences", "")))
