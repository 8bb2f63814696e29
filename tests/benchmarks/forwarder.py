"""A bare ASGI forwarder: a body goes to Kafka as it is, nothing is asked, nothing is checked.

What ingest is measured by: the same server, the same way to Kafka (`acks=all`, batches across
requests). `python -m tests.benchmarks.forwarder`, settings as ingest's.
"""

import itertools
from typing import Any

import uvloop

from services.ingest.adapters.publisher import Limits, Publisher
from services.ingest.settings import Settings
from shared.contracts import topics
from shared.contracts.topics import DEFAULT_PARTITIONS
from shared.kafka.producer import Addressed
from shared.service import serve
from shared.settings import from_environment


class Forwarder:
    """200 when Kafka has it."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._publisher, self._topic = publisher, topic
        self._partitions = itertools.cycle(range(DEFAULT_PARTITIONS))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        code = 200
        if scope["method"] == "POST":
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            said = Addressed(self._topic, next(self._partitions), b"k", body, ())
            code = 503 if await self._publisher.publish([said]) else 200
        elif self._publisher.wrong():
            code = 503
        headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"success":true}'})


async def main() -> None:
    settings = from_environment(Settings)
    publisher = Publisher(
        settings.kafka, Limits(settings.ingest_deadline, settings.ingest_queue_bytes)
    )
    app = Forwarder(publisher, settings.topic_prefix + topics.STORE_EVENTS.name)
    await serve(app, settings.host, settings.port, {"publisher": publisher.run()})


if __name__ == "__main__":
    uvloop.run(main())
