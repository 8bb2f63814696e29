"""`tuvi`: the one command. Each group of commands is a file beside this one."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from shared.logging import configure
from shared.settings import PORTS, BadSettings, from_environment
from tuvi import definitions, events, keys, operations, sources
from tuvi.client import CommandError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(
    definitions.journeys,
    name="journeys",
    help="Journeys: validate, apply, list, pause, resume, explain.",
)
app.add_typer(definitions.segments, name="segments", help="Segments: validate, apply, list.")
app.add_typer(definitions.templates, name="templates", help="Templates: validate, apply, list.")
app.add_typer(definitions.forms, name="forms", help="Sign-up forms: validate, apply, list.")
app.add_typer(keys.app, name="keys", help="Keys of a workspace: create, list, revoke.")
app.add_typer(events.app, name="events", help="What comes in, and what comes of it: tail.")
app.add_typer(
    sources.app, name="sources", help="Shops whose webhooks are taken: create, list, remove."
)
app.command()(operations.migrate)

HOME = Path(".tuvi")


@app.command()
def serve(service: Annotated[str, typer.Argument(help=" | ".join(PORTS))]) -> None:
    """Run one service until it is told to stop; settings come from the environment."""
    if service not in PORTS:
        raise CommandError(f"no service {service!r}; there are {', '.join(PORTS)}")
    kind = importlib.import_module(f"services.{service}.settings").Settings
    try:
        settings = from_environment(kind)
    except BadSettings as wrong:
        raise CommandError(str(wrong)) from wrong
    if not settings.port:
        settings.port = PORTS[service]
    configure(service, settings.log_level)
    main = importlib.import_module(f"services.{service}.main")
    uvloop.run(main.run(settings))


@app.command()
def up(home: Annotated[Path, typer.Option(help="Where data and logs are kept.")] = HOME) -> None:
    """The whole stack on this machine, in real time, until Ctrl-C.

    \b
    Ports, each with the variable that moves it (0: any free one):
      ingest            8001   TUVI_INGEST_PORT
      segmenter         8002   TUVI_SEGMENTER_PORT
      orchestrator      8003   TUVI_ORCHESTRATOR_PORT
      sender            8004   TUVI_SENDER_PORT
      metrics           8005   TUVI_METRICS_PORT
      the inbox, SES    8010   TUVI_SES_PORT
      PostgreSQL       15432   TUVI_POSTGRES_PORT
      Kafka            19092   TUVI_KAFKA_PORT
      its controller   19093   TUVI_KAFKA_CONTROLLER_PORT

    For example: TUVI_INGEST_PORT=9001 tuvi up

    \b
    The shop in the mails: TUVI_SHOP_NAME, TUVI_SHOP_URL, TUVI_SHOP_ADDRESS, TUVI_SENDER
    """  # noqa: D301  \b is click's sign for lines that stay as they are
    from deploy.local import up as laptop  # noqa: PLC0415  not needed on a cluster

    laptop.run(home)


@app.command()
def demo(
    minutes: Annotated[float, typer.Option(help="How long the shop lives on.")] = 3.0,
    speed: Annotated[float, typer.Option(help="Business seconds a second.")] = 2400.0,
    seed: Annotated[int, typer.Option(help="The same shop every time.")] = 7,
    keep: Annotated[bool, typer.Option(help="Keep everything up after it, until Ctrl-C.")] = False,  # noqa: FBT002
) -> None:
    """Five days of a synthetic shop in three minutes, with a self-check at the end."""
    from deploy.local import demo as laptop  # noqa: PLC0415  not needed on a cluster
    from deploy.local.demo_days import Setting  # noqa: PLC0415  the same

    setting = Setting(minutes=minutes, speed=speed, seed=seed, keep=keep)
    raise typer.Exit(laptop.run(setting))


def main() -> Any:
    """Entry point: errors meant for the user are one line and exit code 1."""
    try:
        return app()
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  a command line speaks
        return 1


if __name__ == "__main__":
    sys.exit(main())
