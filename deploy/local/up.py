"""`tuvi up`: everything on this machine in real time, until Ctrl-C."""

import json
import signal
import time
from pathlib import Path
from types import FrameType

from deploy.local.platform import Platform
from deploy.local.processes import StackError
from deploy.local.revival import Revival
from shared.contracts.stages import SERVICES
from tuvi.client import CONTEXT, CommandError

CHECK_SECONDS = 0.5


class Ended(Exception):  # noqa: N818  not an error: somebody asked for the end
    """Ctrl-C or SIGTERM."""


def end(_number: int, _frame: FrameType | None) -> None:
    """Signal handler: unwinds to whoever stops the stack."""
    raise Ended


def run(home: Path) -> None:
    """Print where things are and a development key; stop cleanly."""
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    began = time.monotonic()
    platform = Platform(
        home / "up",
        told=lambda part: print(f"{time.monotonic() - began:5.1f} s  {part}", flush=True),
    )
    ours = False
    try:
        platform.start()
        ours = True
        CONTEXT.parent.mkdir(exist_ok=True)
        CONTEXT.touch(mode=0o600)
        CONTEXT.write_text(json.dumps(platform.context()))
        _greet(platform, time.monotonic() - began)
        revival = Revival(lambda line: print(line, flush=True))
        while True:
            time.sleep(CHECK_SECONDS)
            revival.look(platform.children[service] for service in SERVICES)
            platform.check(but=SERVICES)
    except StackError as error:
        raise CommandError(str(error)) from error
    except Ended:
        print("stopping; this takes some seconds", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        platform.stop()
        if ours:  # not the context of a stack that is running already
            CONTEXT.unlink(missing_ok=True)
            print(f"stopped; what was there is kept in {platform.home}")


def _greet(platform: Platform, seconds: float) -> None:
    urls = platform.urls
    print(f"Tuvi is up after {seconds:.0f} s. Ctrl-C stops it.\n")
    print(f"  export TUVI_INGEST={urls['ingest']}")
    print(f"  export TUVI_WRITE_KEY={platform.keys['write_events']}   # development only")
    print(
        "  for a page of yours  tuvi keys create --scope browser --origin http://localhost:3000\n"
    )
    print(f"  post events to       {urls['ingest']}/v1/track")
    print(f"  the inbox            {urls['ses']}/inbox")
    print(f"  reports              curl -H 'Authorization: Bearer {platform.keys['write']}' \\")
    print(f"                         {urls['metrics']}/v1/reports/journeys")
    for service in SERVICES:
        print(f"  {service:<20} {urls[service]}/openapi.json")
    print(f"\n  logs                 {platform.home}/logs", flush=True)
