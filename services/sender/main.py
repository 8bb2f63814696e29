"""Composition root of the sender: settings -> adapters -> stages, dispatchers and API."""

from contextlib import AsyncExitStack

from fastapi import FastAPI

from services.sender import api, outcomes
from services.sender.adapters.account import Account
from services.sender.adapters.announcements import Drain
from services.sender.adapters.feed import FeedWatch
from services.sender.adapters.pace import Pace
from services.sender.adapters.ses import Credentials, Ses
from services.sender.claims import Claims
from services.sender.dispatcher import Dispatcher, Parts
from services.sender.feedback_stage import FeedbackStage
from services.sender.ledger_stage import LedgerStage
from services.sender.mail import Mails
from services.sender.results import Results
from services.sender.settings import SenderSettings
from services.sender.settle import Settling
from services.sender.templates import RenderPool
from services.sender.unheard import Concluding
from shared.auth import Keys
from shared.contracts.stages import FEEDBACK, LEDGER
from shared.definitions import Announcer, Registry
from shared.kafka.loop import OnStep, unwatched
from shared.runtime import Runtime
from shared.service import Health, make_app, serve


async def run(settings: SenderSettings, on_step: OnStep = unwatched) -> None:
    """Until SIGTERM; raises what ended it otherwise."""
    async with AsyncExitStack() as stack:
        runtime = await Runtime.start(settings, "sender", on_step)
        stack.push_async_callback(runtime.close)
        renderer = await stack.enter_async_context(RenderPool(settings.render_workers))
        credentials = Credentials()
        where = settings.ses_endpoint, settings.ses_region
        ses = Ses(*where, credentials, settings.ses_timeout, settings.in_flight)
        await stack.enter_async_context(ses)
        registry = Registry(settings.kafka, settings.topic_prefix)
        announcer = Announcer(runtime.pool, settings.kafka, settings.topic_prefix)
        parts = _parts(runtime, settings, registry, renderer, ses)
        settling = Settling(runtime.pool, parts.claims, parts.feed, settings.grace)
        concluding = Concluding(runtime.pool, parts.claims, runtime.partitions, settings.grace)
        health = _health(settings, registry, ses, settling)
        tasks = {
            **runtime.background(),
            "ledger": runtime.consume(LedgerStage()),
            "feedback": runtime.consume(FeedbackStage()),
            "definitions": registry.run(),
            "announcer": announcer.run(),
            "announcements": parts.drain.run(),
            "credentials": credentials.keep(),
            "account": Account(runtime.pool, *where).keep(),
            "feed": parts.feed.run(),
            "results": parts.results.run(),
            "settling": settling.run(settings.settle_every),
            "concluding": concluding.run(settings.settle_every),
        }
        for number in range(settings.dispatchers):
            tasks[f"dispatcher {number}"] = _dispatch(registry, Dispatcher(parts))
        app = _app(runtime, health, parts, announcer, registry)
        await serve(app, settings.host, settings.port, tasks)


def _parts(
    runtime: Runtime, settings: SenderSettings, registry: Registry, renderer: RenderPool, ses: Ses
) -> Parts:
    claims = Claims(runtime.pool, runtime.clock, registry, settings.lease)
    topics = settings.kafka, runtime.partitions, settings.topic_prefix
    drain = Drain(runtime.pool, *topics)
    return Parts(
        settings,
        Pace(runtime.pool),
        claims,
        Mails(settings, registry),
        renderer,
        ses,
        FeedWatch(runtime.pool, *topics),
        drain,
        Results(claims, drain),
    )


def _health(settings: SenderSettings, registry: Registry, ses: Ses, settling: Settling) -> Health:
    nowhere = "TUVI_SHOP_ADDRESS is empty: mails that show it are skipped (the law asks for one)"
    return Health(
        checks={
            "definitions": lambda: None if registry.ready.is_set() else "not read to their end yet",
            "credentials": lambda: None if ses.ready else "no AWS credentials found",
        },
        stages=(LEDGER.name, FEEDBACK.name),
        notes={
            "dispatch": lambda: settling.off_because or None,
            "shop": lambda: None if settings.shop_address else nowhere,
        },
    )


def _app(
    runtime: Runtime, health: Health, parts: Parts, announcer: Announcer, registry: Registry
) -> FastAPI:
    app, keys = make_app("sender", health), Keys(runtime.pool)
    app.include_router(api.templates(runtime.pool, keys, parts.renderer, announcer, registry))
    app.include_router(api.messages(runtime.pool, keys, parts.claims))
    app.include_router(api.suppressions(runtime.pool, keys))
    app.include_router(api.switch(runtime.pool, keys))
    app.include_router(outcomes.router(runtime.pool, keys, parts.claims))
    return app


async def _dispatch(registry: Registry, dispatcher: Dispatcher) -> None:
    """Nothing is sent before it is known what is paused."""
    await registry.ready.wait()
    await dispatcher.run()
