"""Commands of the people who run Tuvi."""

import asyncio
from typing import Annotated

import typer

from shared.contracts.topics import DEFAULT_PARTITIONS


def migrate(
    dsn: Annotated[
        str, typer.Option(envvar="TUVI_ADMIN_DSN", help="PostgreSQL as an owner of schemas.")
    ],
    kafka: Annotated[str, typer.Option(envvar="TUVI_KAFKA", help="Bootstrap servers.")],
    partitions: Annotated[
        int, typer.Option(envvar="TUVI_PARTITIONS", help="A power of two; counts the first time.")
    ] = DEFAULT_PARTITIONS,
    prefix: Annotated[str, typer.Option(envvar="TUVI_TOPIC_PREFIX")] = "",
) -> None:
    """Make or upgrade schemas, roles, topics and positions. Safe to repeat."""
    from shared.db.migrate import migrate as run_migrate  # noqa: PLC0415  alembic is slow to import

    asyncio.run(run_migrate(dsn, kafka, partitions=partitions, prefix=prefix))
    typer.echo("schemas, topics and positions are there")
