"""The orchestrator's composition root: settings -> adapters -> stage -> app."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from services.orchestrator import outcomes
from services.orchestrator.adapters.compiled import Compiled
from services.orchestrator.adapters.publishing import Publishing
from services.orchestrator.api import Services, add_routes
from services.orchestrator.settings import Settings
from services.orchestrator.stage import OrchestratorStage
from shared.auth import Keys
from shared.contracts.stages import ORCHESTRATOR
from shared.definitions import Announcer, Registry
from shared.kafka.loop import OnStep, unwatched
from shared.runtime import Runtime
from shared.service import Health, make_app, serve


async def run(settings: Settings, on_step: OnStep = unwatched) -> None:
    """Until SIGTERM, or until a part of it fails. `on_step` watches the loop; tests kill there."""
    runtime = await Runtime.start(settings, "orchestrator", on_step)
    try:
        registry = Registry(settings.kafka, settings.topic_prefix)
        announcer = Announcer(runtime.pool, settings.kafka, settings.topic_prefix)
        health = Health({"definitions": lambda: _unread(registry)}, stages=("orchestrator",))
        health.checks["loop"] = lambda: "the loop does not go round" if health.stuck() else None
        app = make_app("orchestrator", health)
        publishing = Publishing(runtime.pool, announcer, registry)
        keys, compiled = Keys(runtime.pool), Compiled(registry)
        add_routes(app, Services(runtime.pool, keys, publishing, registry))
        passed = partial(runtime.board.lowest, ORCHESTRATOR.name)
        app.include_router(outcomes.router(runtime.pool, keys, compiled, passed))
        stage = OrchestratorStage(compiled)
        tasks: dict[str, Coroutine[Any, Any, None]] = {
            **runtime.background(),
            "definitions": registry.run(),
            "announcer": announcer.run(),
            "orchestrator": _consume(runtime, registry, stage),
        }
        await serve(app, settings.host, settings.port, tasks)
    finally:
        await runtime.close()


async def _consume(runtime: Runtime, registry: Registry, stage: OrchestratorStage) -> None:
    """Not before all journeys are known: a trigger met without its journey would be lost."""
    await registry.ready.wait()
    await runtime.consume(stage)


def _unread(registry: Registry) -> str | None:
    return None if registry.ready.is_set() else "the definitions are not read yet"
