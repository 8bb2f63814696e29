"""Definition files to their services; `tuvi … apply` and `tuvi up` alike."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from shared.contracts.codec import encode
from tuvi.client import Client, CommandError, RefusedError

T = TypeVar("T")
OWNERS = {
    "journeys": "orchestrator",
    "segments": "segmenter",
    "templates": "sender",
    "forms": "ingest",
}


def files_of(paths: list[Path], suffix: str) -> Iterator[Path]:
    """The files meant; those that begin with `_` are parts of others."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.glob(f"*{suffix}")):
            if not file.name.startswith("_"):
                yield file


def _bodies(kind: str, path: Path) -> Iterator[tuple[str, bytes]]:
    if kind == "templates":
        from services.sender.templates import TemplateError, read_templates  # noqa: PLC0415  slow

        try:
            sources = read_templates(path)
        except TemplateError as error:
            raise RefusedError(str(error)) from error
        for source in sources:
            yield source.id, encode(source)
        return
    for file in files_of([path], ".yaml"):
        yield file.stem, file.read_bytes()


def published(client: Client, kind: str) -> set[str]:
    """The ids that are there, in whatever version and status."""
    found: set[str] = set()
    after = ""
    while True:
        page = client.request(OWNERS[kind], "GET", f"/v1/{kind}", after=after)
        found |= {item["id"] for item in page["items"]}
        after = page["next"]
        if not after:
            return found


def publish_folder(
    client: Client,
    kind: str,
    path: Path,
    told: Callable[[str], None] | None = None,
    *,
    but: Collection[str] = (),
) -> None:
    """PUT each `but` those; the service answers with its version, or it is said what is wrong
    where (see each).
    """

    def publish(named: tuple[str, bytes]) -> None:
        name, body = named
        try:
            answer = client.request(OWNERS[kind], "PUT", f"/v1/{kind}/{quote(name)}", body)
        except CommandError as error:
            raise type(error)(f"{kind} {name} ({path}): {error}") from error
        if told is not None:
            told(f"{name}: version {answer['version']}" + _not_new(answer))
            for warning in answer.get("warnings", ()):
                told(f"  warning: {warning}")

    each(publish, (named for named in _bodies(kind, path) if named[0] not in but))


def each(do: Callable[[T], None], things: Iterable[T]) -> None:
    """What is refused keeps back none of the others: RefusedError names them all at the end. What
    is at fault otherwise would be for the rest too: CommandError, with what was refused before.
    """
    refused = []
    for thing in things:
        try:
            do(thing)
        except RefusedError as error:
            refused.append(str(error))
        except CommandError as error:
            raise CommandError("\n".join([*refused, str(error)])) from error
    if refused:
        raise RefusedError("\n".join(refused))


def _not_new(answer: dict[str, Any]) -> str:
    return "" if answer.get("changed", True) else ", unchanged"
