"""Connections to PostgreSQL. JSON columns hold plain data, numbers with a fraction as Decimal."""

import asyncpg

from shared.contracts.codec import decode_plain, encode

# A stopped process must not keep its locks: the server ends its transaction, the fence does the
# rest. Longer than any batch, shorter than anyone's patience.
IDLE_IN_TRANSACTION_MS = 15_000
# A server whose machine is gone says nothing at all: TCP alone would wait a quarter of an hour.
ANSWER_SECONDS = 60.0
# What says that PostgreSQL cannot be asked now (a time-out is an OSError), or did not like it.
AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        encoder=lambda value: encode(value).decode(),
        decoder=decode_plain,
        schema="pg_catalog",
    )


async def connect(dsn: str, schema: str) -> asyncpg.Connection:
    """One connection whose unqualified names are of `schema`.

    A statement that gets no answer for a minute raises TimeoutError.
    """
    connection = await asyncpg.connect(
        dsn, server_settings=_settings(schema), command_timeout=ANSWER_SECONDS
    )
    await _prepare(connection)
    return connection


async def create_pool(dsn: str, schema: str, size: int = 8) -> asyncpg.Pool:
    """A pool of up to `size` connections whose unqualified names are of `schema`."""
    pool: asyncpg.Pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=_prepare,
        server_settings=_settings(schema),
        command_timeout=ANSWER_SECONDS,
    )
    return pool


def _settings(schema: str) -> dict[str, str]:
    return {
        "search_path": schema,
        "application_name": f"tuvi-{schema}",
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
        # a client that takes nothing while rows are sent to it is not idle to PostgreSQL
        "tcp_user_timeout": str(IDLE_IN_TRANSACTION_MS),
        "jit": "off",
    }
