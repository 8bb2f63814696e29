"""The one alembic environment; a service's `migrations/env.py` calls `run()`."""

import asyncio

from alembic import context, op
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def run() -> None:
    """Upgrade one service's schema, as its role, so that the role owns its tables."""
    asyncio.run(_online())


async def _online() -> None:
    config = context.config
    dsn = config.attributes["dsn"].replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(dsn, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f"SET ROLE {config.attributes['role']}"))
        await connection.execute(text(f"SET search_path = {config.attributes['schema']}"))
        await connection.commit()
        await connection.run_sync(_migrate, config.attributes["schema"])
        await connection.commit()
    await engine.dispose()


def _migrate(connection: Connection, schema: str) -> None:
    context.configure(connection=connection, version_table_schema=schema)
    with context.begin_transaction():
        context.run_migrations()


def execute(script: str) -> None:
    """Run a script of several statements inside the migration's transaction."""
    raw = op.get_bind().connection.dbapi_connection
    raw.run_async(lambda connection: connection.execute(script))  # type: ignore[union-attr]
