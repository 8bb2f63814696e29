"""Amazon's SNS topic, SQS queue and dead-letter queue, as moto's server plays them."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

REGION = "eu-west-1"
FIRST = "Successfully validated SNS topic for Amazon SES event publishing."
TAGS = {"workspace": ["default"], "contact": ["c_1"], "step": ["reminder"], "version": ["3"]}
ACCOUNT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def document(message: str, kind: str = "Send", **detail: Any) -> str:
    """SES's event about a mail of ours."""
    mail = {"timestamp": "2026-03-01T11:00:00.123Z", "messageId": f"p-{message}"}
    tags = TAGS | {"message_id": [message]}
    return json.dumps({"eventType": kind, "mail": mail | {"tags": tags}, kind.lower(): detail})


@dataclass
class QueuePlace:
    """`topic` feeds `queue`; what is received three times and not deleted goes to `dead`."""

    endpoint: str
    sqs: Any
    sns: Any
    topic: str
    queue: str
    dead: str

    async def tell(self, text: str) -> None:
        """As SES does: the topic wraps it into its envelope."""
        await asyncio.to_thread(self.sns.publish, TopicArn=self.topic, Message=text)

    async def put(self, body: str) -> None:
        """As it is: raw message delivery."""
        await asyncio.to_thread(self.sqs.send_message, QueueUrl=self.queue, MessageBody=body)

    async def left(self, queue: str = "") -> int:
        """Messages that are there, visible or in flight."""
        return sum(await self._counts(queue or self.queue))

    async def in_flight(self) -> int:
        """Received by somebody, and not deleted."""
        return (await self._counts(self.queue))[1]

    async def _counts(self, queue: str) -> list[int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(
            self.sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=names
        )
        return [int(answer["Attributes"][name]) for name in names]

    async def until(self, left: int, queue: str = "") -> None:
        async with asyncio.timeout(20):
            while await self.left(queue) != left:
                await asyncio.sleep(0.02)

    def settings(self, **other: Any) -> dict[str, Any]:
        """What ingest is told."""
        return {
            "sns_topics": [self.topic],
            "sqs_queue_url": self.queue,
            "sqs_endpoint": self.endpoint,
            "sqs_region": REGION,
            "sqs_wait": 1,
            "sqs_hidden": 2,
            "sqs_receives": 2,
        } | other


@contextmanager
def moto() -> Iterator[str]:
    """The server's URL. boto3's own credential chain finds those of the environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def queue_place(endpoint: str) -> Iterator[QueuePlace]:
    """A topic and two queues of its own."""
    how = {"region_name": REGION, "endpoint_url": endpoint, **ACCOUNT}
    config = Config(retries={"total_max_attempts": 1})
    sqs = boto3.client("sqs", config=config, **how)
    sns = boto3.client("sns", config=config, **how)
    try:
        name = uuid4().hex[:8]
        dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": 3}
        queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})[
            "QueueUrl"
        ]
        topic = sns.create_topic(Name=name)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_arn(sqs, queue))
        yield QueuePlace(endpoint, sqs, sns, topic, queue, dead)
    finally:
        sqs.close()
        sns.close()


def _arn(sqs: Any, queue: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])
