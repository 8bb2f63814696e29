"""From a command to a mail, and everything that must keep it from going out."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts import Consent, DeliveryEvent
from shared.tokens import read_token
from tests.integration.sender_world import (
    TOKEN_KEY,
    World,
    business,
    fields_of,
    publish_templates,
    until,
    world,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    kafka: str, database: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("ses")
    async with world(kafka, database, topic_prefix, home) as made:
        made.start()
        await made.ready()
        await publish_templates(made)
        yield made
        made.stop()


async def test_a_command_becomes_a_mail_with_its_tags_and_one_click(shop: World) -> None:
    await shop.contacts(["maja"])
    await shop.send(["maja"])
    row = await shop.becomes("maja", "sent")
    [mail] = await shop.mails_to("maja")
    assert mail["subject"] == "Hello Maja"
    assert mail["configuration_set"] == "tuvi"
    assert fields_of(mail) == {
        "workspace": "default",
        "contact": "maja",
        "message_id": "maja-1",
        "run": "r-maja",
        "journey": "abandoned-cart",
        "version": "3",
        "step": "reminder",
        "variant": "ten percent",
        "template": "cart",
        "topic": "marketing",
    }
    headers = {header["name"]: header["value"] for header in mail["headers"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = headers["List-Unsubscribe"].strip("<>")
    assert read_token([TOKEN_KEY], link.rpartition("/")[2]).message == "maja-1"
    assert mail["links"].count(link) == 2  # unsubscribe_url and preferences_url
    assert row["provider_id"] == mail["id"]

    async def told() -> bool:
        return [event.event for event in await shop.told("maja")] == ["Sent"]

    await until(told)


async def nothing_to(shop: World, name: str, *, status: str, reason: str) -> None:
    row = await shop.becomes(name, status)
    assert row["reason"] == reason
    assert await shop.mails_to(name) == []


async def test_without_consent_it_is_skipped_and_told(shop: World) -> None:
    await shop.contacts(["nora"], consent={})
    await shop.send(["nora"])
    await nothing_to(shop, "nora", status="skipped", reason="no_consent")

    async def told() -> bool:
        return [(e.event, e.reason) for e in await shop.told("nora")] == [("Skipped", "no_consent")]

    await until(told)


async def test_it_waits_for_the_version_of_the_contact_it_was_decided_on(shop: World) -> None:
    await shop.contacts(["vera"])
    await shop.send(["vera"], contact_version=2)
    await shop.contacts(["vidar"])
    await shop.send(["vidar"])
    await shop.becomes("vidar", "sent")
    await shop.becomes("vera", "queued")
    await shop.contacts(["vera"], version=2, email="vera.new@example.com")
    assert (await shop.becomes("vera", "sent"))["address"] == "vera.new@example.com"


async def test_who_was_merged_is_written_to_at_the_winners_address(shop: World) -> None:
    await shop.contacts(["loser"], merged_into="winner", version=2)
    await shop.send(["loser"])
    await shop.contacts(["winner"])
    assert (await shop.becomes("loser", "sent"))["address"] == "winner@example.com"


async def test_an_unsubscribe_stops_what_is_queued_and_nothing_else(shop: World) -> None:
    await shop.contacts(["una"])
    later = business() + timedelta(seconds=2)
    await shop.send(["una"], due_at=later)
    await shop.becomes("una", "queued")
    await shop.known("una")
    await shop.notify("una", "Unsubscribed", message="una-0", source="link")
    await nothing_to(shop, "una", status="skipped", reason="unsubscribed")
    status, body = await shop.api("GET", "/v1/suppressions?address=UNA@example.com")
    assert (status, body["items"][0]["topic"]) == (200, "marketing")
    order = {"message": "una-2", "topic": "orders", "template": "receipt"}
    await shop.send(["una"], transactional=True, **order)
    await until(lambda: _sent_once(shop, "una"))
    [mail] = await shop.mails_to("una")
    assert "List-Unsubscribe" not in {header["name"] for header in mail["headers"]}


async def _sent_once(shop: World, name: str) -> bool:
    return len(await shop.mails_to(name)) == 1


async def test_an_unsubscribe_of_somebody_not_known_yet_counts(shop: World) -> None:
    await shop.notify("ulla", "Unsubscribed", message="ulla-0", source="link")
    await until(lambda: _suppressed(shop, "contact:ulla"))
    await shop.contacts(["ulla"])
    await shop.send(["ulla"])
    await nothing_to(shop, "ulla", status="skipped", reason="unsubscribed")


async def test_a_second_contact_with_the_address_is_not_written_to_either(shop: World) -> None:
    await shop.contacts(["twin"])
    await shop.send(["twin"])
    await shop.becomes("twin", "sent")
    await shop.notify("twin", "Complained")
    await until(lambda: _suppressed(shop, "twin@example.com"))
    await shop.contacts(["other"], email="Twin@example.com")
    await shop.send(["other"])
    row = await shop.becomes("other", "skipped")
    assert row["reason"] == "suppressed"


async def _suppressed(shop: World, address: str) -> bool:
    _, body = await shop.api("GET", f"/v1/suppressions?address={address}")
    return bool(body["items"])


async def test_who_subscribes_again_is_written_to_again(shop: World) -> None:
    await shop.contacts(["rike"])
    await shop.known("rike")
    await shop.notify("rike", "Unsubscribed", message="rike-0", source="link")
    await until(lambda: _suppressed(shop, "rike@example.com"))
    again = Consent(state="subscribed", at=business())
    await shop.contacts(["rike"], version=2, consent={"marketing": again})
    await shop.send(["rike"], contact_version=2)
    await shop.becomes("rike", "sent")


async def _topics(shop: World, address: str) -> list[str]:
    _, body = await shop.api("GET", f"/v1/suppressions?address={address}")
    return sorted(item["topic"] for item in body["items"])


async def test_a_subscription_lifts_an_older_unsubscribe_from_its_topic_and_nothing_else(
    shop: World,
) -> None:
    now = business()
    await shop.contacts(["sara"])
    await shop.known("sara")
    for topic in ("marketing", "news", ""):
        await shop.notify("sara", "Unsubscribed", message="", topic=topic, at=now)
    await shop.notify("sara", "Complained", message="")
    await until(lambda: _has(shop, "sara@example.com", ["", "*", "marketing", "news"]))
    await shop.notify("sara", "Subscribed", message="", topic="news", at=now)  # a tie
    await shop.notify("sara", "Subscribed", message="", at=now + timedelta(microseconds=1))
    await until(lambda: _has(shop, "sara@example.com", ["", "*", "news"]))
    assert await _topics(shop, "contact:sara") == ["*", "news"]


async def _has(shop: World, address: str, topics: list[str]) -> bool:
    return await _topics(shop, address) == topics


async def test_a_withdrawal_that_comes_first_keeps_it_from_going_out(shop: World) -> None:
    await shop.contacts(["wim"])
    await shop.withdraw("wim")
    await shop.send(["wim"])
    await shop.contacts(["after"])
    await shop.send(["after"])
    await shop.becomes("after", "sent")
    await nothing_to(shop, "wim", status="withdrawn", reason="converted")


async def test_what_is_too_late_is_skipped_and_what_is_too_early_waits(shop: World) -> None:
    await shop.contacts(["late", "early"])
    past = business() - timedelta(minutes=1)
    await shop.send(["late"], due_at=past, not_after=past)
    window = business() + timedelta(hours=2)
    await shop.send(["early"], windows=[(window, window + timedelta(hours=1))])
    await nothing_to(shop, "late", status="skipped", reason="expired")

    async def postponed() -> bool:
        row = await shop.message("early")
        return row is not None and row["due_at"] == window.replace(microsecond=window.microsecond)

    await until(postponed)
    assert (await shop.becomes("early", "queued"))["claimed_by"] == ""


async def test_a_paused_journeys_messages_stay_and_go_on_when_it_runs(shop: World) -> None:
    await shop.define("journey", "blast", status="paused")
    await shop.contacts(["pia", "paul"])
    await shop.send(["pia"], journey="blast")
    await shop.send(["paul"])
    await shop.becomes("paul", "sent")
    await shop.becomes("pia", "queued")
    await shop.define("journey", "blast", status="running", revision=2)
    await shop.becomes("pia", "sent")


async def test_an_archived_journeys_runs_go_on_to_their_end(shop: World) -> None:
    await shop.define("journey", "old", status="archived")
    await shop.define("journey", "still", status="paused")
    await shop.contacts(["arne", "astrid"])
    await shop.send(["astrid"], journey="still")
    await shop.becomes("astrid", "queued")
    await shop.send(["arne"], journey="old")
    await shop.becomes("arne", "sent")
    await shop.becomes("astrid", "queued")


async def test_a_hostile_message_costs_only_itself(shop: World) -> None:
    names = [f"calm{i}" for i in range(20)]
    hostile: dict[str, dict[str, Any]] = {
        "endless": {"data": {"event": {"rounds": 90_000}}},
        "no-mapping": {"data": {"contact": "a string"}},
        "long-name": {"variant": "x" * 300},
        "no-template": {"template": "never-published"},
    }
    await shop.contacts([*names, *hostile])
    await shop.send(names[:10])
    for name, changes in hostile.items():
        await shop.send([name], **changes)
    await shop.send(names[10:])
    for name in names:
        await shop.becomes(name, "sent")
    for name in hostile:
        await nothing_to(shop, name, status="skipped", reason="template_error")


async def test_a_template_with_a_mistake_is_refused_with_its_line(shop: World) -> None:
    text = "---\nsubject: Hello\n---\n<mjml><mj-body>\n{{ contakt.email }}</mj-body></mjml>"
    status, problem = await shop.api("PUT", "/v1/templates/wrong", {"text": text})
    assert status == 422
    assert problem["errors"][0]["line"] == 5
    status, body = await shop.api("GET", "/v1/templates")
    assert {t["id"] for t in body["items"]} == {"cart", "receipt"}


async def test_what_never_goes_is_told_as_failed(shop: World) -> None:
    """Each name is short enough for a tag, but the link with all of them is too long a header."""
    names = {name: name[0] * 240 for name in ("journey", "run", "step", "variant")}
    await shop.contacts(["bad"])
    await shop.send(["bad"], **names)
    row = await shop.becomes("bad", "failed")
    assert row["reason"] == "BadRequestException"
    told = await _told_once(shop, "bad")
    assert (told.event, told.reason) == ("Failed", "BadRequestException")
    assert told.detail.startswith("Header List-Unsubscribe: value must be")
    status, shown = await shop.api("GET", "/v1/messages/bad-1")
    assert (status, shown["status"], shown["detail"]) == (200, "failed", told.detail)
    assert (shown["attempts"], shown["told"]) == (1, False)


async def _told_once(shop: World, name: str) -> DeliveryEvent:
    async def so() -> bool:
        return len(await shop.told(name)) == 1

    await until(so)
    [event] = await shop.told(name)
    return event


async def test_a_template_that_cannot_be_rendered_is_told_with_the_part_that_is_wrong(
    shop: World,
) -> None:
    await shop.contacts(["typo", "odd"])
    await shop.send(["typo"], template="welcom")
    assert (await _told_once(shop, "typo")).detail == "no template 'welcom' is published"
    _, shown = await shop.api("GET", "/v1/messages/typo-1")
    assert (shown["reason"], shown["detail"]) == (
        "template_error",
        "no template 'welcom' is published",
    )
    await shop.send(["odd"], data={"event": {"rounds": "a secret"}})
    detail = (await _told_once(shop, "odd")).detail
    assert ("event.rounds" in detail, "secret" in detail) == (True, False), detail


async def test_messages_are_found_by_contact_and_status(shop: World) -> None:
    await shop.contacts(["found"])
    await shop.send(["found"])
    await shop.becomes("found", "sent")
    status, body = await shop.api("GET", "/v1/messages?contact=found&status=sent")
    assert (status, [m["message"] for m in body["items"]]) == (200, ["found-1"])
    status, problem = await shop.api("GET", "/v1/messages/nobody")
    assert (status, problem["title"]) == (404, "No such message")


async def test_switched_off_nothing_goes_out_and_readiness_says_so(shop: World) -> None:
    await shop.switch("pause")
    await shop.contacts(["quinn"])
    await shop.send(["quinn"])

    async def said() -> bool:
        async with shop.http.get(shop.url("/readyz")) as response:
            return "dispatch" in (await response.json())["notes"] and response.status == 200

    await until(said)
    await shop.becomes("quinn", "queued")
    await shop.switch("resume")
    await shop.becomes("quinn", "sent")


async def test_a_workspaces_key_cannot_stop_or_start_everybodys_mail(shop: World) -> None:
    for how in ("pause", "resume"):
        status, problem = await shop.api("POST", f"/v1/dispatch/{how}")
        assert (status, "`operate`, the key has `write`" in problem["detail"]) == (403, True)
    status, body = await shop.api("GET", "/v1/dispatch")
    assert (status, body["enabled"]) == (200, True)
    status, _ = await shop.api("GET", "/v1/messages", key=shop.operator)
    assert status == 403


async def test_what_came_back_from_a_restore_is_not_sent_again(shop: World) -> None:
    """The notification is known, the message is not: as after a restore."""
    await shop.contacts(["gone"])
    await shop.notify("gone", "Delivered", provider_id="p-old")
    await shop.becomes("gone", "sent")
    await shop.send(["gone"])
    await shop.contacts(["fresh"])
    await shop.send(["fresh"])
    await shop.becomes("fresh", "sent")
    assert await shop.mails_to("gone") == []
