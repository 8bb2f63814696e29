"""The SNS topic: who is subscribed, and notifications posted until they are taken."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from uuid import NAMESPACE_URL, uuid5

import aiohttp
import msgspec
import structlog

from deploy.local.ses.clock import iso, wall
from deploy.local.ses.lines import Lines
from deploy.local.ses.recipients import share
from deploy.local.ses.sns import CONFIRMATION, NOTIFICATION, Signer
from deploy.local.ses.subscriptions import Subscription, Subscriptions

log = structlog.get_logger()
FIRST_MESSAGE = "Successfully validated SNS topic for Amazon SES event publishing."
GIVE_UP_S = 3600
LONGEST_PAUSE_S = 20.0


class Post(msgspec.Struct):
    """A line of posts.jsonl: a notification that was taken (2xx) or given up."""

    subscription: str
    event: int
    status: int
    attempts: int
    wall: str


@dataclass
class Job:
    """`event` is a line number of the record; 0 is the plain first message, -1 a confirmation."""

    arn: str
    event: int
    attempts: int = 0
    started: float = 0.0


@dataclass(frozen=True)
class Manners:
    """How SNS behaves: at the same time, twice, out of order. Shares are 0 to 1."""

    seed: int
    posts: int
    repeats: float
    reordering: float
    held_s: float


class Topic:
    """`publication` gives an event's text and wall time by its line number in the record."""

    def __init__(
        self,
        arn: str,
        home: Path,
        signer: Signer,
        manners: Manners,
        publication: Callable[[int], tuple[str, str]],
    ) -> None:
        self.arn = arn
        self.base_url = ""
        self.pending = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.subscriptions = Subscriptions(arn, home)
        self._posts = Lines(home / "posts.jsonl")
        self._signer = signer
        self._manners = manners
        self._publication = publication
        self._ready: asyncio.Queue[Job] = asyncio.Queue()

    def resume(self, published: list[int]) -> None:
        """After a restart: what was published and not yet taken is posted again."""
        posts = (msgspec.json.decode(line, type=Post) for line in self._posts.all())
        taken = {(post.subscription, post.event) for post in posts}
        for one in self.subscriptions:
            if not one.confirmed:
                self._put(Job(one.arn, -1))
                continue
            for event in published:
                if event > one.since and (one.arn, event) not in taken:
                    self._put(Job(one.arn, event))

    def subscribe(self, url: str) -> Subscription:
        """The same URL twice is one subscription; a new one is asked to confirm."""
        if known := self.subscriptions.with_url(url):
            return known
        new = self.subscriptions.add(url)
        self._put(Job(new.arn, -1))
        return new

    def confirm(self, token: str, last_event: int) -> Subscription | None:
        """The subscription with this token; its first message is on the way."""
        one = self.subscriptions.with_token(token)
        if one and not one.confirmed:
            self.subscriptions.confirm(one, last_event)
            self._put(Job(one.arn, 0))
        return one

    def publish(self, event: int) -> None:
        manners = self._manners
        for one in self.subscriptions:
            if not one.confirmed:
                continue
            held = share(manners.seed, "reordering", str(event)) < manners.reordering
            how_long = share(manners.seed, "held", str(event)) * manners.held_s
            self._put(Job(one.arn, event), how_long if held else 0.0)
            if share(manners.seed, "repeats", str(event)) < manners.repeats:
                self._put(Job(one.arn, event), how_long)

    async def run(self) -> None:
        """Post until cancelled."""
        timeout = aiohttp.ClientTimeout(total=15)
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(self._manners.posts):
                group.create_task(self._work(session))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            job = await self._ready.get()
            await self.flowing.wait()
            subscription = self.subscriptions.get(job.arn)
            if subscription is None or (job.event < 0 and subscription.confirmed):
                self.pending -= 1
                continue
            envelope = await self._envelope(subscription, job.event)
            job.attempts += 1
            self._settle(job, subscription, await self._post(session, subscription, envelope))

    async def _post(
        self, session: aiohttp.ClientSession, to: Subscription, envelope: dict[str, str]
    ) -> int:
        """The HTTP status; 0 if there was no answer."""
        headers = {
            "content-type": "text/plain; charset=UTF-8",
            "user-agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": envelope["Type"],
            "x-amz-sns-message-id": envelope["MessageId"],
            "x-amz-sns-topic-arn": self.arn,
        }
        if envelope["Type"] == NOTIFICATION:
            headers["x-amz-sns-subscription-arn"] = to.arn
        body = msgspec.json.encode(envelope)
        try:
            async with session.post(
                to.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return 0

    def _settle(self, job: Job, to: Subscription, status: int) -> None:
        self.pending -= 1
        job.started = job.started or monotonic()
        taken = 200 <= status < 300  # noqa: PLR2004
        if taken and (job.event >= 0 or to.confirmed):
            self._note(job, status)
        elif monotonic() - job.started > GIVE_UP_S:
            log.warning("notification given up", subscription=to.arn, event=job.event)
            self._note(job, status)
        else:
            if job.attempts % 10 == 3:  # noqa: PLR2004  (say it early, then now and then)
                log.info("notification not taken yet", subscription=to.arn, status=status)
            self._put(job, min(0.1 * 2**job.attempts, LONGEST_PAUSE_S))

    def _note(self, job: Job, status: int) -> None:
        if job.event > 0:
            post = Post(job.arn, job.event, status, job.attempts, iso(wall()))
            self._posts.append(msgspec.json.encode(post))

    def _put(self, job: Job, after_s: float = 0.0) -> None:
        self.pending += 1
        if after_s > 0:
            asyncio.get_running_loop().call_later(after_s, self._ready.put_nowait, job)
        else:
            self._ready.put_nowait(job)

    async def _envelope(self, to: Subscription, event: int) -> dict[str, str]:
        """Signed; the same whenever it is posted, as a repeat of SNS is."""
        envelope = {
            "Type": CONFIRMATION if event < 0 else NOTIFICATION,
            "MessageId": str(uuid5(NAMESPACE_URL, f"{to.token}/{event}")),
            "TopicArn": self.arn,
            "Timestamp": iso(wall()),
        }
        if event < 0:
            envelope["Token"] = to.token
            envelope["Message"] = (
                f"You have chosen to subscribe to the topic {self.arn}.\n"
                "To confirm the subscription, visit the SubscribeURL included in this message."
            )
            envelope["SubscribeURL"] = (
                f"{self.base_url}/?Action=ConfirmSubscription&TopicArn={self.arn}&Token={to.token}"
            )
        else:
            envelope["Message"] = FIRST_MESSAGE
            envelope["UnsubscribeURL"] = (
                f"{self.base_url}/?Action=Unsubscribe&SubscriptionArn={to.arn}"
            )
        if event > 0:
            envelope["Subject"] = "Amazon SES Email Event Notification"
            envelope["Message"], envelope["Timestamp"] = self._publication(event)
        return await asyncio.to_thread(self._signer.signed, envelope, self.base_url)
