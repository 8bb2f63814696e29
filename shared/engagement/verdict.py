"""Was it a person who opened or clicked? Rules from the surest down; the first that fits decides.

A verdict is a label, nothing is dropped for it, and it can be recomputed: with what has come to
light since (the rest of a scanner's sweep), the same rules may say it better.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, NamedTuple

from .context import MessageContext, Signal, digest

TOO_SOON = timedelta(seconds=2)
SWEEP = timedelta(seconds=5)
SWEEP_LINKS = 4
"""So many different links nobody follows within `SWEEP`; of a mail with fewer, all of them."""

HIDDEN_MARK = "tuvi_hidden=1"
"""In the query of a link that no person can see; whoever follows it reads the source."""

APPLE_PREFETCH = "Mozilla/5.0"
"""The whole user agent of Apple's Mail Privacy Protection, which loads all images of all mails."""

# Phones of the brand Cubot are people's; previews of chats and link checkers are nobody's.
_SCANNERS = re.compile(
    r"(?<!cu)bot\b|bot/|crawler|spider|scanner|headless|phantomjs|preview|facebookexternalhit"
    r"|barracuda|mimecast|proofpoint|symantec|messagelabs|fireeye|trend ?micro|forcepoint"
    r"|ironport|sophos|fortimail|zscaler|safelinks|urldefense|existence discovery|google-safety"
    r"|\bcurl/|\bwget\b|python-|aiohttp|httpx|libwww|go-http-client|apache-httpclient"
    r"|^java/|^ruby|node-fetch|axios|scrapy",
    re.IGNORECASE,
)
_IMAGE_PROXIES = re.compile(r"googleimageproxy|yahoomailproxy", re.IGNORECASE)


class Verdict(NamedTuple):
    by: Literal["human", "machine"]
    reason: str


def verdict(signal: Signal, context: MessageContext) -> Verdict:
    """The first rule that fits, or `human` because nothing speaks against it."""
    for by, reason, fits in _RULES:
        if fits(signal, context):
            return Verdict(by, reason)
    return Verdict("human", "nothing_suspicious")


def _neither(signal: Signal, _: MessageContext) -> bool:
    return signal.event not in ("Opened", "Clicked")


def _head_request(signal: Signal, _: MessageContext) -> bool:
    return signal.method.upper() == "HEAD"


def _hidden_link(signal: Signal, _: MessageContext) -> bool:
    return signal.event == "Clicked" and HIDDEN_MARK in signal.link


def _scanner(signal: Signal, _: MessageContext) -> bool:
    return _SCANNERS.search(signal.user_agent) is not None


def _too_soon(signal: Signal, context: MessageContext) -> bool:
    """Scanners click while the mail is still being handed over: before its delivery counts too."""
    if signal.event != "Clicked" or context.delivered_at is None:
        return False
    return signal.at - context.delivered_at <= TOO_SOON


def _every_link(signal: Signal, context: MessageContext) -> bool:
    if signal.event != "Clicked" or context.links == 1:
        return False
    near = {link for at, link in context.clicks if abs(at - signal.at) <= SWEEP}
    known = SWEEP_LINKS if not context.links else min(context.links, SWEEP_LINKS)
    return len(near | {digest(signal.link)}) >= known


def _apple_prefetch(signal: Signal, _: MessageContext) -> bool:
    return signal.event == "Opened" and signal.user_agent.strip() == APPLE_PREFETCH


def _image_proxy(signal: Signal, _: MessageContext) -> bool:
    """Gmail loads images through it when a person opens the mail."""
    return signal.event == "Opened" and _IMAGE_PROXIES.search(signal.user_agent) is not None


_Rule = tuple[Literal["human", "machine"], str, Callable[[Signal, MessageContext], bool]]
_RULES: tuple[_Rule, ...] = (
    ("machine", "not_engagement", _neither),
    ("machine", "head_request", _head_request),
    ("machine", "hidden_link", _hidden_link),
    ("machine", "scanner_agent", _scanner),
    ("machine", "too_soon", _too_soon),
    ("machine", "every_link", _every_link),
    ("machine", "apple_prefetch", _apple_prefetch),
    ("human", "image_proxy", _image_proxy),
)
