"""Segmenter's composition root: settings -> adapters -> stages -> app."""

from collections.abc import Coroutine
from typing import Any

from services.segmenter import catalogue_routes, outcomes, preference_routes
from services.segmenter.adapters.contact_rows import Contacts
from services.segmenter.adapters.segment_rows import Segments
from services.segmenter.api import Services, add_routes
from services.segmenter.identity_stage import IdentityStage
from services.segmenter.profile_stage import ProfileStage
from services.segmenter.settings import Settings
from shared.auth import Keys
from shared.definitions import Announcer, Registry
from shared.kafka.loop import OnStep, unwatched
from shared.runtime import Runtime
from shared.service import Health, make_app, serve

STAGES = ("identity", "profile")


async def run(settings: Settings, on_step: OnStep = unwatched) -> None:
    """Until SIGTERM, or until a part of it fails. `on_step` watches the loop; tests kill there."""
    runtime = await Runtime.start(settings, "segmenter", on_step)
    try:
        registry = Registry(settings.kafka, settings.topic_prefix)
        announcer = Announcer(runtime.pool, settings.kafka, settings.topic_prefix)
        app = make_app("segmenter", Health({"definitions": lambda: _unread(registry)}, STAGES))
        contacts = Contacts(runtime.pool)
        segments = Segments(runtime.pool, announcer, registry)
        keys = Keys(runtime.pool)
        add_routes(app, Services(keys, contacts, segments))
        app.include_router(preference_routes.router(contacts, settings.token_keys))
        app.include_router(outcomes.router(runtime.pool, keys))
        app.include_router(catalogue_routes.router(runtime.pool, keys))
        tasks: dict[str, Coroutine[Any, Any, None]] = {
            **runtime.background(),
            "definitions": registry.run(),
            "announcer": announcer.run(),
            "identity": runtime.consume(IdentityStage()),
            "profile": _profile(runtime, registry),
        }
        await serve(app, settings.host, settings.port, tasks)
    finally:
        await runtime.close()


async def _profile(runtime: Runtime, registry: Registry) -> None:
    """Not before all definitions are known: without them everybody would leave every segment."""
    await registry.ready.wait()
    await runtime.consume(ProfileStage(registry))


def _unread(registry: Registry) -> str | None:
    return None if registry.ready.is_set() else "the definitions are not read yet"
