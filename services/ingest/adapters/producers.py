"""A producer's beginning, which waits for Kafka."""

import asyncio

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.kafka.producer import MAX_BATCH_BYTES

log = structlog.get_logger()
RECONNECT_AFTER = 0.2  # seconds


async def connected(bootstrap: str, seconds: float) -> AIOKafkaProducer:
    """A started producer, tried for until Kafka answers; `seconds` is what one request may take."""
    while True:
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            enable_idempotence=True,
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_BATCH_BYTES + 100_000,
            request_timeout_ms=int(seconds * 1000),
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            log.warning("Kafka cannot be reached", error=repr(error))
            await producer.stop()
            await asyncio.sleep(RECONNECT_AFTER)
        except BaseException:
            await producer.stop()
            raise
        else:
            return producer
