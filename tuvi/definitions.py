"""`tuvi journeys|segments|templates|forms`: files in, answers out; the services do the checking."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.contracts.codec import encode
from tuvi import tables
from tuvi.client import Client, CommandError, from_environment
from tuvi.publishing import each, files_of, publish_folder
from tuvi.visible import visible

Url = Annotated[
    str, typer.Option(help="Where the services are, without a port (TUVI_URL, TUVI_URLS).")
]
Reading = Annotated[str, typer.Option("--key", help="A key with scope read (TUVI_KEY).")]
Writing = Annotated[str, typer.Option("--key", help="A key with scope write (TUVI_KEY).")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Files = Annotated[list[Path], typer.Argument(help="Files or folders.", exists=True)]
LONG = ("body", "description", "subject", "variables")

journeys = typer.Typer(no_args_is_help=True)
segments = typer.Typer(no_args_is_help=True)
templates = typer.Typer(no_args_is_help=True)
forms = typer.Typer(no_args_is_help=True)


def _apply(kind: str, paths: list[Path], client: Client) -> None:
    each(lambda path: publish_folder(client, kind, path, typer.echo), paths)


def _tell(checked: Iterable[tuple[Path, list[str], list[str]]]) -> None:
    """Each file with its faults and warnings; CommandError at the end if one is faulty."""
    wrong = total = 0
    for file, faults, warnings in checked:
        total += 1
        wrong += bool(faults)
        if not faults:
            typer.echo(f"{file}: ok")
        for fault in faults:
            typer.echo(fault, err=True)
        for warning in warnings:
            typer.echo(f"  warning: {warning}")
    if not total:
        raise CommandError("nothing to check: no such file in these folders")
    if wrong:
        raise CommandError(f"{wrong} of {total} cannot be published")


def _show(answer: Any, as_json: bool) -> None:  # noqa: FBT001
    if as_json:
        typer.echo(encode(answer).decode())
        return
    tables.show(list(map(_row, answer["items"])), none="there are none: `apply` publishes them")


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """What is long is last, or for --json."""
    short = {name: value for name, value in item.items() if name not in LONG}
    return short | {"description": item["description"]}


@journeys.command("apply")
def journeys_apply(files: Files, url: Url = "", key: Writing = "") -> None:
    """Publish journeys; each becomes a new version if it changed."""
    _apply("journeys", files, from_environment(url, key))


@journeys.command("validate")
def journeys_validate(files: Files) -> None:
    """Check journey files without a server; exit code 1 with file, line and what was meant."""
    from services.orchestrator.journey_files import (  # noqa: PLC0415  only this command
        JourneyFileError,
        check_journey_file,
    )

    def faults(file: Path) -> list[str]:
        try:
            check_journey_file(file)
        except JourneyFileError as error:
            return [str(error)]
        return []

    _tell((file, faults(file), []) for file in files_of(files, ".yaml"))


@journeys.command("list")
def journeys_list(url: Url = "", key: Reading = "", *, as_json: AsJson = False) -> None:
    """All journeys with version and status."""
    client = from_environment(url, key)
    _show(client.request("orchestrator", "GET", "/v1/journeys"), as_json)


@journeys.command()
def pause(journey: str, url: Url = "", key: Writing = "") -> None:
    """Nobody enters, nobody moves on, nothing is sent until it is resumed."""
    from_environment(url, key).request("orchestrator", "POST", f"/v1/journeys/{journey}/pause")
    typer.echo(f"{journey}: paused")


@journeys.command()
def resume(journey: str, url: Url = "", key: Writing = "") -> None:
    """Go on where it was paused."""
    from_environment(url, key).request("orchestrator", "POST", f"/v1/journeys/{journey}/resume")
    typer.echo(f"{journey}: running")


@journeys.command()
def explain(
    journey: str,
    contact: str = "",
    user_id: str = "",
    email: str = "",
    url: Url = "",
    key: Reading = "",
    *,
    as_json: AsJson = False,
) -> None:
    """A contact's way through a journey: what was decided, when and why."""
    client = from_environment(url, key)
    if not contact:
        if not (user_id or email):
            raise CommandError("say who: --contact, --user-id or --email")
        answer = client.request("segmenter", "GET", "/v1/contacts", user_id=user_id, email=email)
        if not answer["items"]:
            raise CommandError("no contact with this id: no accepted event has named it yet")
        contact = answer["items"][0]["contact"]
    path = f"/v1/journeys/{journey}/explain"
    told = client.request("orchestrator", "GET", path, contact=contact)
    words = "\n".join(map(visible, told["words"]))
    typer.echo(json.dumps(told, indent=2, default=str) if as_json else words)


@segments.command("validate")
def segments_validate(files: Files) -> None:
    """Check segment files without a server, those that ask about each other together."""
    from services.segmenter.segment_files import check_segment_files  # noqa: PLC0415  as above

    _tell(check_segment_files(list(files_of(files, ".yaml"))))


@segments.command("apply")
def segments_apply(files: Files, url: Url = "", key: Writing = "") -> None:
    """Publish segments; contacts are back-filled while events flow."""
    _apply("segments", files, from_environment(url, key))


@segments.command("list")
def segments_list(url: Url = "", key: Reading = "", *, as_json: AsJson = False) -> None:
    """All segments with their number of members."""
    _show(from_environment(url, key).request("segmenter", "GET", "/v1/segments"), as_json)


@templates.command("validate")
def templates_validate(files: Files) -> None:
    """Check templates without a server: compiled, and rendered with sample data."""
    import asyncio  # noqa: PLC0415  only this command

    from services.sender.templates import check_templates  # noqa: PLC0415  slow

    _tell((file, faults, []) for file, faults in asyncio.run(check_templates(files)))


@templates.command("apply")
def templates_apply(files: Files, url: Url = "", key: Writing = "") -> None:
    """Publish templates; checked and rendered with sample data first."""
    _apply("templates", files, from_environment(url, key))


@templates.command("list")
def templates_list(url: Url = "", key: Reading = "", *, as_json: AsJson = False) -> None:
    """All templates with version and status."""
    _show(from_environment(url, key).request("sender", "GET", "/v1/templates"), as_json)


@forms.command("validate")
def forms_validate(files: Files) -> None:
    """Check forms without a server; exit code 1 with file, line and what was meant."""
    from services.ingest.form_files import check_form_files  # noqa: PLC0415  only this command

    checked = check_form_files(list(files_of(files, ".yaml")))
    _tell((file, faults, []) for file, faults in checked)


@forms.command("apply")
def forms_apply(files: Files, url: Url = "", key: Writing = "") -> None:
    """Publish forms; visitors see them a moment later."""
    _apply("forms", files, from_environment(url, key))


@forms.command("list")
def forms_list(url: Url = "", key: Reading = "", *, as_json: AsJson = False) -> None:
    """All forms with their version and page."""
    _show(from_environment(url, key).request("ingest", "GET", "/v1/forms"), as_json)
