"""Dispatchers: claim -> render -> tokens -> start -> sign -> socket -> result.

Every arrow is a place to be killed at. Up to `start` the lease frees the message; from `start` on
it may be on its way, and only its answer, its notification or a person settles it.
"""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

import msgspec
import structlog

from services.sender import metrics
from services.sender.adapters.announcements import Drain
from services.sender.adapters.feed import FeedWatch
from services.sender.adapters.pace import Pace
from services.sender.adapters.ses import Request, Ses
from services.sender.claims import Claim, Claims
from services.sender.domain import rate
from services.sender.domain.answers import Answer
from services.sender.domain.message import Accepted, Input, Lost, Refused, Skipped
from services.sender.mail import Mails, NoTemplateError
from services.sender.results import Results
from services.sender.settings import SenderSettings
from services.sender.templates import RenderFailure, RenderJob, RenderPool
from shared.db.pool import AWAY

log = structlog.get_logger()
SOCKET_SECONDS = 1.0
"""From `start` to the call; with TUVI_FEED_LIMIT (3) and connecting (1) at most promise 5's 5."""
IDLE_SECONDS = 0.1
AWAY_SECONDS = 1.0  # or an outage would be ten lines of log a second
UNFIT = (TypeError, ValueError, LookupError, msgspec.MsgspecError)


@dataclass(slots=True)
class Parts:
    """What dispatchers of one process share."""

    settings: SenderSettings
    pace: Pace
    claims: Claims
    mails: Mails
    renderer: RenderPool
    ses: Ses
    feed: FeedWatch
    drain: Drain
    results: Results
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.settings.in_flight)


class Dispatcher:
    """One loop of claiming; its calls to SES go on beside it."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; then the calls that are out are waited for."""
        try:
            while True:
                try:
                    rest = 0.0 if await self.once() else IDLE_SECONDS
                except AWAY as error:
                    log.warning("dispatch waits", reason=type(error).__name__)
                    rest = AWAY_SECONDS
                except Exception:  # one bad message stops nobody: not this process either
                    log.exception("dispatch goes on")
                    rest = IDLE_SECONDS
                await asyncio.sleep(rest)
        finally:
            if self._calls:
                await asyncio.wait(self._calls, timeout=self._p.settings.ses_timeout)
            await self._p.results.flush()

    async def once(self) -> bool:
        """One batch up to the sockets; False when there was nothing to do."""
        p = self._p
        if not p.ses.ready or p.pace.shut:
            return False
        claims = await p.claims.take(p.settings.claim_batch, marketing=self._fresh())
        if not claims:
            return False
        left = dict.fromkeys(claims)
        try:
            mails = await self._render(claims, left)
            await self._send(mails, left)
        finally:
            if left:
                metrics.ATTEMPTS.labels("returned").inc(len(left))
                await asyncio.shield(p.claims.hand_back(left))
        return True

    def _fresh(self) -> bool:
        """May marketing go out, as far as the feed of unsubscribes is known?"""
        return self._p.feed.age() <= self._p.settings.feed_limit

    async def _render(
        self, claims: list[Claim], left: dict[Claim, None]
    ) -> list[tuple[Claim, bytes]]:
        """Bodies; what cannot be rendered is skipped and costs only itself."""
        p, mails, jobs = self._p, list[tuple[Claim, bytes]](), dict[Claim, RenderJob]()
        wrong: dict[Claim, str] = {}
        for claim in claims:
            try:
                jobs[claim] = p.mails.job(claim.send, claim.address)
            except NoTemplateError as error:
                wrong[claim] = str(error)
            except UNFIT as error:
                wrong[claim] = f"{type(error).__name__}: no usable template, or unusable data"
        done = await p.renderer.render(list(jobs.values()))
        for claim, result in zip(jobs, done, strict=True):
            if isinstance(result, RenderFailure):
                wrong[claim] = result.detail
                continue
            try:
                mails.append((claim, p.mails.body(claim.send, claim.address, result)))
            except UNFIT as error:
                wrong[claim] = f"{type(error).__name__}: a name is too long for a tag"
        for claim, detail in wrong.items():
            log.warning("template_error", message=claim.send.message, detail=detail)
            left.pop(claim)
        metrics.ATTEMPTS.labels("skipped").inc(len(wrong))
        await p.claims.tell({c.key: Skipped("template_error", c.by, wrong[c]) for c in wrong})
        return mails

    async def _send(self, mails: list[tuple[Claim, bytes]], left: dict[Claim, None]) -> None:
        """As slots and tokens come; what has got none in half its lease is handed back."""
        patience = time.monotonic() + self._p.settings.lease / 2
        while mails and time.monotonic() < patience and not self._p.pace.shut:
            free = await self._slots(len(mails))
            granted = 0
            try:
                granted = await self._p.pace.take(free, self._p.claims.moment()[1])
            finally:
                self._release(free - granted)
            now, mails = mails[:granted], mails[granted:]
            if now:
                for claim, _ in now:
                    left.pop(claim)
                await self._start(dict(now))
            else:
                await asyncio.sleep(IDLE_SECONDS)

    async def _start(self, mails: dict[Claim, bytes]) -> None:
        """Holds a slot for each; the calls give them back."""
        p, started = self._p, list[Claim]()
        since = time.monotonic()  # what is known of refusals is as old as this, stalls included
        try:
            started = await p.claims.start(mails, marketing=self._fresh())
        finally:
            self._release(len(mails) - len(started))
        for claim in started:
            call = asyncio.create_task(self._call(claim, p.ses.sign(mails[claim]), since))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _slots(self, wanted: int) -> int:
        """Up to `wanted`, but never so many that dispatchers wait for each other's."""
        settings = self._p.settings
        taken = min(wanted, max(1, settings.in_flight // (2 * settings.dispatchers)))
        for _ in range(taken):
            await self._p.slots.acquire()
        return taken

    def _release(self, count: int) -> None:
        for _ in range(count):
            self._p.slots.release()

    async def _call(self, claim: Claim, request: Request, since: float) -> None:
        try:
            answer = await self._try(claim, request, since)
        finally:
            self._release(1)
        metrics.ATTEMPTS.labels(answer.meaning).inc()
        self._p.results.put(claim.key, self._meant(claim, answer))
        now = self._p.claims.moment()[1]
        with contextlib.suppress(*AWAY):  # the next answer says the same
            if answer.meaning == "account":
                await self._p.pace.stop(now, answer.reason)
            elif answer.too_fast:
                await self._p.pace.slower(now)

    async def _try(self, claim: Claim, request: Request, since: float) -> Answer:
        """Once. Who was stopped on the way here does not write to the socket."""
        p, send = self._p, claim.send
        late = time.monotonic() - since > SOCKET_SECONDS
        if late or p.claims.paused(send.workspace, send.journey):
            return Answer("later", "not written")
        with metrics.REQUEST_SECONDS.time():
            return await p.ses.post(request)

    def _meant(self, claim: Claim, answer: Answer) -> Input:
        match answer.meaning:
            case "accepted":
                return Accepted(claim.by, answer.provider_id)
            case "lost":
                return Lost(claim.by)
            case "never":
                return Refused(claim.by, answer.reason, never=True, detail=answer.detail)
            case _:
                wait = rate.back_off(claim.attempt, random.random())
                return Refused(
                    claim.by, answer.reason, not_before=self._p.claims.moment()[1] + wait
                )
