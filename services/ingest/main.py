"""Ingest's composition root: settings -> adapters -> handlers -> app."""

import ctypes
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
import asyncpg

from services.ingest import metrics
from services.ingest.adapters.bigcommerce import BigCommerce
from services.ingest.adapters.fetches import Fetches
from services.ingest.adapters.forms import Forms
from services.ingest.adapters.held import HeldWebhooks
from services.ingest.adapters.preferences import NAMING, PresentChoices, WorkspaceTopics
from services.ingest.adapters.publisher import Limits, Publisher
from services.ingest.adapters.refusals import Refusals
from services.ingest.adapters.sns import Sns
from services.ingest.adapters.sources import Sources
from services.ingest.adapters.sqs import Queue, Receiving, Where
from services.ingest.adapters.tail import Tail
from services.ingest.adapters.write_keys import WriteKeys
from services.ingest.api import add_routes
from services.ingest.choosing import Desk
from services.ingest.documentation import document
from services.ingest.domain.forms import Pace
from services.ingest.domain.rates import Rates
from services.ingest.domain.sns import Trust
from services.ingest.edge import App, Edge
from services.ingest.express import Express, Till
from services.ingest.fetching import Fetcher
from services.ingest.handlers import Door, Topics
from services.ingest.holding import Holder
from services.ingest.intake import Intake
from services.ingest.marks import Marker
from services.ingest.poller import Poller, Polling
from services.ingest.routes import (
    browser,
    confirming,
    forms,
    links,
    live,
    notifications,
    shops,
    sources,
    submissions,
)
from services.ingest.settings import Settings
from services.ingest.thin_webhooks import ThinWebhooks
from services.ingest.visit import Reception
from shared.auth import Keys
from shared.clock import ProcessClock
from shared.db.pool import create_pool
from shared.definitions import Announcer, Registry
from shared.service import Health, make_app, serve

MEGABYTE = 1024 * 1024
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
GARBAGE = 20_000  # objects made and not gone: some dozens of requests
Tasks = dict[str, Coroutine[Any, Any, None]]
Connection = Callable[..., Express]


async def run(settings: Settings) -> None:
    """Until SIGTERM: takes no more, ends what it has begun, then goes."""
    async with composed(settings) as (app, tasks, connection):
        _hold_memory()
        await serve(app, settings.host, settings.port, tasks, connection)


def _hold_memory() -> None:
    """What stays for good is not looked at again and again, and what is freed is kept for the next
    batches: fetching each page anew from the kernel costs a tenth of an event.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE)
    with suppress(AttributeError, OSError):  # glibc's alone
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 32 * MEGABYTE)
        libc.mallopt(M_TRIM_THRESHOLD, 64 * MEGABYTE)


@asynccontextmanager
async def composed(settings: Settings) -> AsyncIterator[tuple[App, Tasks, Connection]]:
    """The app, what must run beside it, and what speaks HTTP before it."""
    pool = await create_pool(settings.dsn, "ingest")
    try:
        clock = ProcessClock(pool)
        await clock.start()
        partitions = await pool.fetchval("SELECT partitions FROM installation.settings")
        limits = Limits(settings.ingest_deadline, settings.ingest_queue_bytes)
        publisher = Publisher(settings.kafka, limits)
        metrics.QUEUE_BYTES.set_function(lambda: publisher.waiting_bytes)
        addresses = Topics(partitions, settings.topic_prefix)
        refusals = Refusals(publisher, addresses.address)
        keys, rates = Keys(pool), Rates(settings.ingest_key_events_per_second)
        known = WriteKeys(keys)
        door = Door(publisher, known, addresses, clock.now, refusals, rates)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            trust = Trust(settings.sns_topics, settings.sns_trusted_origins)
            registry = Registry(settings.kafka, settings.topic_prefix, of=NAMING)
            announcer = Announcer(pool, settings.kafka, settings.topic_prefix)
            shown = Forms(pool, announcer, registry)
            shop_sources = Sources(pool, settings.token_keys)
            await shop_sources.load()
            fetches = Fetches(pool)
            bigcommerce = BigCommerce(session, settings.bigcommerce_url)
            fetcher = Fetcher(door, fetches, bigcommerce, partial(shop_sources.find, "bigcommerce"))
            holder = Holder(door, HeldWebhooks(pool))
            checks = {"kafka": publisher.wrong, "definitions": registry.unread}
            app = make_app("ingest", Health(checks))
            desk = _desk(settings, session, registry)
            routers = (
                browser.router(door, settings.public_url),
                confirming.router(door, desk.token_keys, desk.topics),
                forms.router(shown, keys),
                submissions.router(door, _reception(settings, shown)),
                notifications.router(door, Sns(session, trust)),
                links.router(door, desk),
                sources.router(shop_sources, keys, settings.public_url),
                shops.router(door, shop_sources, ThinWebhooks(door, fetches), holder),
                live.router(door, Tail(settings.kafka, partitions, settings.topic_prefix)),
            )
            add_routes(app, routers)
            document(app)
            tasks = {"publisher": publisher.run(), "clock": clock.keep()}
            tasks |= {"definitions": registry.run(), "announcer": announcer.run()}
            tasks |= {"sources": shop_sources.run(), "fetcher": fetcher.run()}
            tasks |= {"holder": holder.run()}
            tasks |= _feed(settings, pool, door, publisher)
            edge = Edge(door, app)
            intake = Intake(edge, settings.ingest_room_bytes, settings.ingest_patience)
            express = partial(Express, Till(door, known, intake))
            yield intake, tasks | {"intake": intake.watch()}, express
    finally:
        await pool.close()


def _desk(settings: Settings, session: aiohttp.ClientSession, registry: Registry) -> Desk:
    choices = PresentChoices(session, settings.segmenter_url)
    return Desk(settings.token_keys, choices, WorkspaceTopics(registry))


def _reception(settings: Settings, shown: Forms) -> Reception:
    pace = Pace(settings.form_burst, settings.form_every)
    return Reception(shown, pace, settings.public_url, settings.proxies)


def _feed(settings: Settings, pool: asyncpg.Pool, door: Door, publisher: Publisher) -> Tasks:
    """SES's notifications by SQS; nothing without a queue."""
    if not settings.sqs_queue_url:
        return {}
    where = Where(settings.sqs_queue_url, settings.sqs_endpoint, settings.sqs_region)
    receives, hidden = settings.sqs_receives, settings.sqs_hidden
    queue = Queue(where, Receiving(settings.sqs_wait, hidden), calls=receives + 4)
    polling = Polling(settings.sns_topics, receives, held=0.75 * hidden)
    poller = Poller(queue, door, publisher.wrong, polling)
    marker = Marker(pool, queue, door, poller, settings.sqs_silence)
    return {"poller": poller.run(), "marker": marker.run()}
