"""`tuvi keys`: made and revoked in the installation's own table, so by people with its DSN."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, TypeVar, cast, get_args
from urllib.parse import urlsplit

import asyncpg
import typer

from shared.hints import did_you_mean
from shared.keys import ANY_ORIGIN, VISIBLE, Scope, create_key
from tuvi import key_rows, tables
from tuvi.client import START, CommandError, context

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")
SCOPES: tuple[str, ...] = get_args(Scope)
HEADINGS = {"per_second": "events/s", "last_used": "last used"}
Dsn = Annotated[
    str,
    typer.Option(
        envvar="TUVI_ADMIN_DSN",
        help="PostgreSQL of the installation; that of a running `tuvi up` is known.",
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Whose pages may use it: https://shop.example. Repeatable."),
]
WHERE = f"{START}, or say where it is: --dsn or TUVI_ADMIN_DSN"


@app.command()
def create(
    dsn: Dsn = "",
    scope: Annotated[str, typer.Option(help=" | ".join(SCOPES))] = "write_events",
    workspace: str = "default",
    name: Annotated[str, typer.Option(help="To know it by: where it is used.")] = "",
    origin: Origins = None,
    per_second: Annotated[
        int | None, typer.Option(min=1, help="Events a second; not given: the default's.")
    ] = None,
) -> None:
    """Print a new key, once."""
    if scope not in SCOPES:
        one_of = f"there are {', '.join(SCOPES)}"
        raise CommandError(f"--scope: no scope {scope!r}; {did_you_mean(scope, SCOPES, one_of)}")
    origins = [_origin(given) for given in origin or []]
    if scope == "browser" and not origins:
        raise CommandError("--origin: a browser key needs the shop's, such as https://shop.example")
    if origins and scope not in ("browser", "write_events", "write"):
        raise CommandError(f"--origin: a key of scope {scope} is for no page")
    _warn_of_any(origins)

    async def made(connection: asyncpg.Connection) -> str:
        try:
            return await create_key(
                connection,
                workspace,
                cast("Scope", scope),
                name=name,
                origins=origins,
                per_second=per_second,
            )
        except asyncpg.ForeignKeyViolationError:
            known = await key_rows.workspaces(connection)
            one_of = f"there are {', '.join(known)}"
            hint = did_you_mean(workspace, known, one_of)
            raise CommandError(f"--workspace: no workspace {workspace!r}; {hint}") from None

    typer.echo(_with(dsn, made))


@app.command("list")
def list_(
    dsn: Dsn = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
) -> None:
    """What keys there are, and when each was used last (to half a minute)."""
    rows = _with(dsn, key_rows.all_of)
    if as_json:
        typer.echo(json.dumps(rows, default=datetime.isoformat, indent=2))
        return
    named = [{HEADINGS.get(name, name): value for name, value in row.items()} for row in rows]
    tables.show(named, none="no keys: `tuvi keys create` makes one", over="revoked")


@app.command()
def allow(prefix: str, origin: Origins = None, dsn: Dsn = "") -> None:
    """Let pages of one more origin use the key; it takes effect within seconds."""
    origins = [_origin(given) for given in origin or []]
    if not origins:
        raise CommandError("--origin: is missing; give the shop's, such as https://shop.example")
    _warn_of_any(origins)

    async def allowed(connection: asyncpg.Connection) -> list[str]:
        return await key_rows.allow(connection, await _one(connection, prefix), origins)

    typer.echo(f"{prefix} may be used by pages of {', '.join(_with(dsn, allowed))}")


@app.command()
def revoke(prefix: str, dsn: Dsn = "") -> None:
    """Revoke the key with this visible prefix; it takes effect within seconds."""

    async def revoked(connection: asyncpg.Connection) -> str:
        found = await _one(connection, prefix)
        await key_rows.revoke(connection, found)
        return found

    typer.echo(f"{_with(dsn, revoked)} is revoked")


async def _one(connection: asyncpg.Connection, said: str) -> str:
    """The prefix of the one valid key that is meant. A whole key may be given too."""
    if len(said) < VISIBLE:  # a slip of the hand must not shut out a shop
        raise CommandError(f"give all {VISIBLE} characters of its prefix, as `tuvi keys list` does")
    found = await key_rows.beginning(connection, said)
    valid = [row["prefix"] for row in found if row["revoked_at"] is None]
    if len(valid) == 1:
        return str(valid[0])
    if valid:
        raise CommandError(f"{said} begins {len(valid)} keys, say which: {', '.join(valid)}")
    if found:
        raise CommandError(
            f"{found[0]['prefix']} was revoked at {tables.shown(found[0]['revoked_at'])}"
        )
    raise CommandError(f"no key begins with {said[:VISIBLE]}; see `tuvi keys list`")


def _origin(given: str) -> str:
    """As browsers write it: no path, no port that goes without saying."""
    wrong = CommandError(
        f"--origin: {given!r} is none; write scheme://host, such as https://shop.example"
    )
    text = given.strip().lower()
    if text == ANY_ORIGIN:
        return text
    try:
        parts = urlsplit(text)
        port = parts.port
        name = parts.hostname or ""
        host = f"[{name}]" if ":" in name else name.encode("idna").decode()
    except ValueError:
        raise wrong from None
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not host or rest or "*" in host or " " in host:
        raise wrong
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _warn_of_any(origins: list[str]) -> None:
    if ANY_ORIGIN in origins:
        typer.echo("warning: pages of every site may send events to your shop by it", err=True)


def _with(dsn: str, work: key_rows.Work[T]) -> T:
    dsn = dsn or context().get("dsn", "")
    if not dsn:
        raise CommandError(f"nothing runs in this folder: {WHERE}")
    return asyncio.run(_connected(dsn, work))


async def _connected(dsn: str, work: key_rows.Work[T]) -> T:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except OSError as error:
        silent = f"PostgreSQL of the installation does not answer ({error or 'in time'})"
        raise CommandError(f"{silent}: {WHERE}") from error
    except (asyncpg.PostgresError, ValueError) as error:
        raise CommandError(f"PostgreSQL of the installation: {error}") from error
    try:
        return await work(connection)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise CommandError(f"{error}: run `tuvi migrate` first") from error
    finally:
        await connection.close()
