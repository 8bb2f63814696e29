"""Who opened, who clicked: the rules, each by an example, and what holds for all."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.events import DeliveryEvent, DeliveryType
from shared.engagement import HIDDEN_MARK, MessageContext, verdict

DELIVERED = datetime(2026, 3, 1, 9, tzinfo=UTC)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
CUBOT = "Mozilla/5.0 (Linux; Android 13; CUBOT P80 Build/TP1A) AppleWebKit/537.36 Mobile"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OUTLOOK = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.5134)"


def happened(
    event: DeliveryType,
    seconds: float,
    user_agent: str = CHROME,
    *,
    link: str = "https://shop.example/cart",
    method: str = "",
) -> DeliveryEvent:
    at = DELIVERED + timedelta(seconds=seconds)
    return DeliveryEvent(
        workspace="default",
        contact="c1",
        message="m1",
        event=event,
        at=at,
        received_at=at,
        link=link,
        user_agent=user_agent,
        method=method,
    )


def context_of(*events: DeliveryEvent, links: int = 0) -> MessageContext:
    context = MessageContext(links=links)
    for event in events:
        context = context.note(event)
    return context


@pytest.mark.parametrize(
    ("signal", "by", "reason"),
    [
        (happened("Opened", 60), "human", "nothing_suspicious"),
        (happened("Opened", 60, IPHONE), "human", "nothing_suspicious"),
        (happened("Opened", 60, OUTLOOK), "human", "nothing_suspicious"),
        (happened("Opened", 1), "human", "nothing_suspicious"),
        (happened("Opened", 60, ""), "human", "nothing_suspicious"),
        (happened("Opened", 60, "Mozilla/5.0"), "machine", "apple_prefetch"),
        (happened("Opened", 60, GMAIL), "human", "image_proxy"),
        (happened("Clicked", 60), "human", "nothing_suspicious"),
        (happened("Clicked", 60, CUBOT), "human", "nothing_suspicious"),
        (happened("Clicked", 60, "Mozilla/5.0"), "human", "nothing_suspicious"),
        (happened("Clicked", 60, method="GET"), "human", "nothing_suspicious"),
        (happened("Clicked", 60, method="HEAD"), "machine", "head_request"),
        (happened("Clicked", 60, method="head"), "machine", "head_request"),
        (happened("Opened", 60, method="HEAD"), "machine", "head_request"),
        (happened("Clicked", 60, "curl/8.5.0"), "machine", "scanner_agent"),
        (happened("Clicked", 60, "python-requests/2.32"), "machine", "scanner_agent"),
        (happened("Clicked", 60, "Barracuda Sentinel (EE)"), "machine", "scanner_agent"),
        (happened("Clicked", 60, "Mozilla/5.0 HeadlessChrome/126"), "machine", "scanner_agent"),
        (happened("Opened", 60, "Googlebot/2.1"), "machine", "scanner_agent"),
        (happened("Clicked", 60, "BingPreview/1.0b"), "machine", "scanner_agent"),
        (happened("Clicked", 2), "machine", "too_soon"),
        (happened("Clicked", -3), "machine", "too_soon"),
        (happened("Clicked", 2.001), "human", "nothing_suspicious"),
        (
            happened("Clicked", 60, link=f"https://shop.example/x?{HIDDEN_MARK}"),
            "machine",
            "hidden_link",
        ),
        (happened("Delivered", 60), "machine", "not_engagement"),
    ],
)
def test_the_verdict_on_a_single_signal(signal: DeliveryEvent, by: str, reason: str) -> None:
    context = context_of(happened("Delivered", 0), links=5)
    assert verdict(signal, context) == (by, reason)


def test_a_click_whose_delivery_is_not_known_yet_is_not_too_soon() -> None:
    assert verdict(happened("Clicked", 1), MessageContext()).by == "human"


def clicks(*seconds: float) -> list[DeliveryEvent]:
    return [
        happened("Clicked", second, link=f"https://shop.example/{index}")
        for index, second in enumerate(seconds)
    ]


def test_following_every_link_within_seconds_is_a_scanner() -> None:
    one, two, three = clicks(100, 101, 103)
    assert verdict(three, context_of(one, two, links=3)) == ("machine", "every_link")


def test_the_first_click_of_a_sweep_is_found_out_when_it_is_recomputed() -> None:
    one, two, three = clicks(100, 101, 103)
    assert verdict(one, context_of(links=3)).by == "human"
    assert verdict(one, context_of(one, two, three, links=3)) == ("machine", "every_link")


@pytest.mark.parametrize("links", [0, 4, 30])
def test_four_links_within_seconds_are_a_sweep_however_many_there_are(links: int) -> None:
    *before, last = clicks(100, 101, 102, 103)
    assert verdict(last, context_of(*before, links=links)).by == "machine"
    assert verdict(last, context_of(*before[1:], links=links)).by == "human"


def test_a_person_may_follow_every_link_in_their_own_time() -> None:
    one, two = clicks(100, 106)
    assert verdict(two, context_of(one, links=2)).by == "human"


def test_a_person_may_click_the_only_link_or_the_same_link_again_and_again() -> None:
    again = [happened("Clicked", 100 + second / 2) for second in range(8)]
    assert verdict(again[-1], context_of(*again, links=1)).by == "human"
    assert verdict(again[-1], context_of(*again, links=0)).by == "human"


events = st.builds(
    happened,
    st.sampled_from(["Sent", "Delivered", "Opened", "Clicked", "Bounced"]),
    st.integers(-10, 100),
    st.text(max_size=30),
    link=st.text(max_size=5),
    method=st.text(max_size=5),
)


@given(events, st.lists(events, max_size=40), st.integers(0, 5))
def test_every_signal_gets_a_verdict(
    signal: DeliveryEvent, past: list[DeliveryEvent], links: int
) -> None:
    assert verdict(signal, context_of(*past, links=links)).by in ("human", "machine")


@given(st.lists(events, max_size=40))
def test_a_context_is_small_and_knows_neither_order_nor_repeats(
    past: list[DeliveryEvent],
) -> None:
    context = context_of(*past)
    assert context == context_of(*reversed(past), *past)
    data = msgspec.json.encode(context)
    assert len(data) < 2_000
    assert msgspec.json.decode(data, type=MessageContext) == context
