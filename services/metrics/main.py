"""The composition root of metrics: settings -> adapters -> stage -> app."""

from collections.abc import Callable, Coroutine
from typing import Any

from prometheus_client import REGISTRY, disable_created_metrics

from services.metrics.adapters.exporter import Exporter
from services.metrics.adapters.forgetting import forget_old_facts
from services.metrics.adapters.journeys import Journeys
from services.metrics.api import Services, add_routes
from services.metrics.settings import Settings
from services.metrics.stage import StatisticsStage
from shared.auth import Keys
from shared.definitions import Registry
from shared.kafka.loop import OnStep, unwatched
from shared.runtime import Runtime
from shared.service import Health, make_app, serve


async def run(settings: Settings, on_step: OnStep = unwatched) -> None:
    """Until SIGTERM, or until a part of it fails. `on_step` watches the loop; tests kill there."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # series that nobody asks for
    runtime = await Runtime.start(settings, "metrics", on_step)
    registry = Registry(settings.kafka, settings.topic_prefix)
    journeys = Journeys(registry)
    exporter = Exporter(runtime.pool, journeys, settings.currencies)
    checks: dict[str, Callable[[], str | None]] = {
        "definitions": lambda: None if journeys.ready else "they are not read yet"
    }
    tasks: dict[str, Coroutine[Any, Any, None]] = {
        **runtime.background(),
        "definitions": registry.run(),
        "statistics": runtime.consume(StatisticsStage()),
        "forgetting": forget_old_facts(runtime.pool),
    }
    if settings.exporter:
        tasks["exporter"] = exporter.run(settings.exporter_refresh)
        checks["exporter"] = lambda: None if exporter.ready else "the tables are not read yet"
    app = make_app("metrics", Health(checks, stages=("statistics",)))
    services = Services(
        runtime.pool, Keys(runtime.pool), runtime.clock, journeys, settings.currencies
    )
    add_routes(app, services)
    REGISTRY.register(exporter)
    try:
        await serve(app, settings.host, settings.port, tasks)
    finally:
        REGISTRY.unregister(exporter)
        await runtime.close()
