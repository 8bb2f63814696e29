"""`tuvi keys`: made and revoked in the installation's own table, so by people with its DSN."""

import asyncio
from typing import Annotated, get_args

import asyncpg
import typer

from shared.auth import Scope, create_key
from tuvi.client import CommandError

app = typer.Typer(no_args_is_help=True)
Dsn = Annotated[str, typer.Option(envvar="TUVI_ADMIN_DSN", help="PostgreSQL of the installation.")]


@app.command()
def create(
    dsn: Dsn,
    scope: Annotated[str, typer.Option(help=" | ".join(get_args(Scope)))] = "write_events",
    workspace: str = "default",
) -> None:
    """Print a new key, once."""
    if scope not in get_args(Scope):
        raise CommandError(f"no scope {scope!r}; there are {', '.join(get_args(Scope))}")
    typer.echo(asyncio.run(_create(dsn, workspace, scope)))


async def _create(dsn: str, workspace: str, scope: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return await create_key(connection, workspace, scope)  # type: ignore[arg-type]
    finally:
        await connection.close()


@app.command("list")
def list_(dsn: Dsn) -> None:
    """What keys there are: prefix, workspace, scope, since when, revoked when."""
    statement = """SELECT prefix, workspace, scope, created_at, revoked_at
                   FROM installation.keys ORDER BY created_at"""
    for row in asyncio.run(_fetch(dsn, statement)):
        typer.echo("  ".join(str(value) for value in row.values() if value is not None))


@app.command()
def revoke(prefix: str, dsn: Dsn) -> None:
    """Revoke the key with this visible prefix; it takes effect within seconds."""
    statement = """UPDATE installation.keys SET revoked_at = now()
                   WHERE prefix = $1 AND revoked_at IS NULL RETURNING prefix"""
    if not asyncio.run(_fetch(dsn, statement, prefix)):
        raise CommandError(f"no valid key begins with {prefix}")
    typer.echo(f"{prefix} is revoked")


async def _fetch(dsn: str, statement: str, *values: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()
