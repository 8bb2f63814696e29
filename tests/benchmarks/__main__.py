"""`make bench`: the whole stack is started, measured beside its raw limits, and stopped."""

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.request import Request, urlopen

import typer
import uvloop
from rich.console import Console

from deploy.local.platform import Platform
from deploy.local.ports import Ports
from deploy.local.processes import StackError
from deploy.local.up import Ended, end
from shared.contracts.stages import SERVICES
from tests.benchmarks import doors, measures
from tests.benchmarks.figures import Figure, Reading, machine, table
from tests.benchmarks.latency import HOPS, latency
from tests.benchmarks.limits import Raw, raw
from tests.benchmarks.place import Ground
from tests.own import own_home
from tuvi.publishing import publish_folder

ROUNDS = 3
BUDGET = 300.0  # seconds for all measures; rounds after the first are left out beyond
RESERVED = 24.0  # of it for each measure that is still to come
PATIENCE = 60.0  # seconds for one round
SES = ("--rate", "100000", "--quota", "-1")
WIDTH = 150
BARE_WAY = f"{HOPS} x (send_batch + commit of a row), then a signed POST, one after the other"

Make = Callable[[Ground, Raw], AbstractAsyncContextManager[measures.Pair]]


class Row(NamedTuple):
    """A line of the table."""

    name: str
    limit: str
    unit: str = "/s"


@dataclass(frozen=True, slots=True)
class Measure:
    """`rows`: one for each reading."""

    make: Make
    rows: tuple[Row, ...]
    rounds: int = 99
    patience: float = PATIENCE


SINGLES, BATCHES = "ingest, single events", f"ingest, events in batches of {doors.BATCH}"
MEASURES = {
    "ingest": Measure(
        doors.ingest,
        (
            Row(SINGLES, doors.FORWARDER, "/CPU s"),
            Row(BATCHES, doors.SEND_BATCH, "/CPU s"),
            Row(f"{SINGLES}, p99", doors.FORWARDER, "ms"),
            Row(f"{BATCHES}, p99", doors.FORWARDER, "ms"),
            Row("ingest, memory at full load", doors.FORWARDER, "MB"),
        ),
    ),
    "outage": Measure(
        doors.outage,
        (Row("ingest, memory in a minute without Kafka", "", "MB"),),
        rounds=1,
        patience=doors.OUTAGE + PATIENCE,
    ),
    "identity": Measure(measures.identity, (Row("segmenter: identity alone", measures.UPSERT),)),
    "profile": Measure(measures.profile, (Row("segmenter: profile", measures.UPSERT),)),
    "segmenter": Measure(measures.segmenter, (Row("segmenter: both stages", measures.UPSERT),)),
    "orchestrator": Measure(measures.orchestrator, (Row("orchestrator", measures.UPSERT),)),
    "sender": Measure(measures.sender, (Row("sender, mails", measures.POST),)),
}
LATENCY = "latency"


@dataclass
class Bench:
    """Rounds of measured and raw in turns, within the time there is."""

    ground: Ground
    raw: Raw
    rounds: int
    left: int  # measures
    ends: float

    async def run(self, measure: Measure) -> list[Figure]:
        figures = [Figure(row.name, row.unit, row.limit) for row in measure.rows]
        self.left -= 1
        until = self.ends - RESERVED * self.left
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(PATIENCE):
                    made = measure.make(self.ground, self.raw)
                    pair = await stack.enter_async_context(made)
                for number in range(min(self.rounds, measure.rounds)):
                    if number and time.monotonic() > until:
                        break
                    for ask, kind in ((pair.raw, "raw"), (pair.measured, "measured")):
                        async with asyncio.timeout(measure.patience):
                            _note(figures, kind, await ask())
        except (TimeoutError, RuntimeError, StackError) as error:
            for figure in figures:
                figure.wrong = str(error) or f"not done in {measure.patience:.0f} s"
        return figures


def _note(figures: list[Figure], kind: str, readings: list[Reading]) -> None:
    for figure, reading in zip(figures, readings, strict=kind == "measured"):
        getattr(figure, kind).append(reading)


async def _all(platform: Platform, ground: Ground, names: list[str], rounds: int) -> list[Figure]:
    found: list[Figure] = []
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with raw(ground) as bare:
        bench = Bench(ground, bare, rounds, len(names), time.monotonic() + BUDGET)
        for name in names:
            told = time.monotonic()
            if name == LATENCY:
                rows = [
                    Row(f"POST to SES's acceptance, {p}", BARE_WAY, "ms") for p in ("p50", "p99")
                ]
                found += await bench.run(Measure(_Latency(platform), tuple(rows)))
                await asyncio.to_thread(_stop_services, platform)
            else:
                found += await bench.run(MEASURES[name])
            typer.echo(f"{name}: {time.monotonic() - told:.0f} s", err=True)
    return found


class _Latency:
    """The one measure that needs all services."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @contextlib.asynccontextmanager
    async def __call__(self, ground: Ground, bare: Raw) -> AsyncIterator[measures.Pair]:
        async with latency(self._platform, ground, bare) as pair:
            yield pair


def _stop_services(platform: Platform) -> None:
    """And nobody is there any more to be told by SNS."""
    url = platform.urls["ses"] + "/admin/subscriptions"
    with urlopen(url, timeout=10) as answer:  # noqa: S310  our own
        subscriptions = json.load(answer)["subscriptions"]
    for subscription in subscriptions:
        gone = Request(f"{url}/{subscription['arn']}", method="DELETE")  # noqa: S310  our own
        urlopen(gone, timeout=10).close()  # noqa: S310  our own
    for service in reversed(SERVICES):
        platform.children.pop(service).stop()


def run(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of the table.")] = False,
    only: Annotated[list[str], typer.Option(help="latency, " + ", ".join(MEASURES))] = [],  # noqa: B006
    rounds: Annotated[int, typer.Option(help="At most, of each measure.")] = ROUNDS,
    scale: Annotated[float, typer.Option(help="Less than 1: fewer messages, no figures.")] = 1.0,
    profile: Annotated[Path | None, typer.Option(help="Profiles of the services go here.")] = None,
) -> None:
    """Figures of this machine, with their raw limits."""
    if unknown := set(only) - {LATENCY, *MEASURES}:
        raise typer.BadParameter(f"no measure {', '.join(unknown)}")
    names = [name for name in (LATENCY, *MEASURES) if not only or name in only]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics have no leader at first
    before, began = machine(), time.monotonic()
    with own_home() as folder:
        platform = Platform(folder, Ports.any_free(), ses_flags=SES, quickstart=False)
        try:
            platform.start()
            publish_folder(platform.client(), "journeys", measures.SHOP / "journeys")
            if LATENCY not in names:
                _stop_services(platform)
            ground = Ground(
                platform.kafka,
                platform.admin_dsn,
                platform.urls["ses"],
                profile or folder,
                _servers(platform),
                scale,
                profile is not None,
            )
            figures = uvloop.run(_all(platform, ground, names, rounds))
        except (Ended, asyncio.CancelledError):
            raise typer.Exit(130) from None
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # a second one must not leave orphans
            platform.stop()
    seconds = time.monotonic() - began
    _tell(figures, {**before, "load_after": machine()["load"], "seconds": seconds}, as_json)
    raise typer.Exit(any(figure.wrong for figure in figures))


def _servers(platform: Platform) -> list[int]:
    """Kafka and PostgreSQL, if they are ours, and SES."""
    stack = platform._stack
    assert stack is not None
    pids = [part.child.pid for part in stack.parts.values()]
    return [*pids, platform.children["ses"].pid]


def _tell(figures: list[Figure], about: dict[str, Any], as_json: bool) -> None:
    if as_json:
        plain = {"machine": about, "figures": [figure.plain() for figure in figures]}
        typer.echo(json.dumps(plain, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table(figures))
    console.print(
        "min / median / max of the rounds; shares compare medians. "
        f"{about['cores']} cores, Python {about['python']}, load {about['load']:.1f} before and "
        f"{about['load_after']:.1f} after, {about['seconds']:.0f} s in all."
    )


if __name__ == "__main__":
    typer.run(run)
