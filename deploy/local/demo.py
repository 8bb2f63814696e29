"""`tuvi demo`: a synthetic shop lives five days in three minutes, then every number is checked."""

import asyncio
import signal
import time

from rich.console import Console

from deploy.local.demo_days import BEGIN, LOOK, Days, Setting
from deploy.local.platform import Clock, Platform
from deploy.local.processes import StackError
from deploy.local.shop.board import SERVICES, funnel
from deploy.local.shop.check import check
from deploy.local.shop.evidence import Evidence, Finding
from deploy.local.up import Ended, end

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WIDTH = 120
EVIDENCE = "evidence.json"
ENVIRONMENT = {"TUVI_PROGRESS_INTERVAL": "0.1"}  # a tenth of a second is four minutes here
SES = (
    *("--delivery-delay", "0.1"),
    *("--hard-bounces", "0.015", "--soft-bounces", "0.015"),
    *("--delays", "0.01", "--complaints", "0.004"),
)


def run(setting: Setting, console: Console | None = None) -> int:
    """The exit code: 0 if all checks hold, 1 if not. In the main thread (see Platform)."""
    told = console or _console()
    _listen()
    platform = prepared(setting)
    began = time.monotonic()
    try:
        platform.start()
        told.print(f"Kafka, PostgreSQL, SES, five services: up in {time.monotonic() - began:.0f} s")
        evidence = asyncio.run(_interruptible(Days(platform, setting, told)))
        _listen()
        evidence.save(setting.home / EVIDENCE)
        findings = check(evidence, reached=setting.reached, left=setting.left)
        _tell(evidence, findings, told)
        _where_to_look(platform, setting, told)
        while setting.keep:
            time.sleep(LOOK)
            platform.check()
        return 0 if all(finding.fine for finding in findings) else 1
    except StackError as error:
        told.print(f"[red]error:[/] {error}")
        return 1
    except (Ended, asyncio.CancelledError):
        told.print("stopping")
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        platform.stop()


def _listen() -> None:
    for number in SIGNALS:
        signal.signal(number, end)


async def _interruptible(days: Days) -> Evidence:
    """Within a loop a signal cancels: an exception would hit whichever task is running."""
    living = asyncio.ensure_future(days.live())
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, living.cancel)
    return await living


def prepared(setting: Setting) -> Platform:
    """A platform in an empty home; business time stands still until the history is in."""
    return Platform(
        setting.home,
        setting.ports,
        Clock(BEGIN, 0.0),
        (*SES, "--seed", str(setting.seed)),
        ENVIRONMENT,
        quickstart=False,
        anew=True,
    )


def _console() -> Console:
    """A file or a pipe has no width of its own."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _tell(evidence: Evidence, findings: list[Finding], console: Console) -> None:
    """The funnel of each journey, then a line for each check."""
    console.print(funnel(evidence.reports))
    wrong = sum(not finding.fine for finding in findings)
    for finding in findings:
        mark = "[green]ok   [/]" if finding.fine else "[red]WRONG[/]"
        console.print(f"{mark} {finding.name}: {finding.told}", highlight=False, soft_wrap=True)
    if wrong:
        console.print(f"\n[red]{wrong} of {len(findings)} checks failed[/]")
    else:
        console.print(f"\n[green]all {len(findings)} checks hold[/]")


def _where_to_look(platform: Platform, setting: Setting, console: Console) -> None:
    urls = platform.urls
    lines = [
        f"the inbox       {urls['ses']}/inbox",
        f"reports         {urls['metrics']}/v1/reports/journeys",
        f"for Prometheus  {urls['metrics']}/metrics",
        *(f"{service:<15} {urls[service]}/openapi.json" for service in SERVICES),
    ]
    if setting.keep:
        lines += [f"key             {platform.keys['write']}", "", "Ctrl-C ends it."]
    else:
        lines += ["", "They end with the demo; `tuvi demo --keep` keeps them until Ctrl-C."]
    lines.append(f"The shop's log and all that was checked: {setting.home}")
    console.print("\n" + "\n".join(lines), highlight=False, soft_wrap=True, markup=False)
