"""SQS with boto3 in threads: receive, delete, how much is there.

A long poll cannot be cancelled: its thread is a daemon, so an ending process does not wait for it.
What such a poll may still receive is not deleted, and comes again.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
MOST = 10  # messages a call: SQS's limit
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_REGION = re.compile(r"https://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com")


class Where(NamedTuple):
    """`endpoint` and `region`: empty for Amazon's, by the queue's URL."""

    queue: str
    endpoint: str = ""
    region: str = ""


class Receiving(NamedTuple):
    """Seconds of wall time. `hidden`: for how long others do not see what was received."""

    wait: int = 20
    hidden: int = 60


class Message(NamedTuple):
    """`id` names it in logs, `receipt` deletes it. `sent_at`: when SQS had it, epoch seconds."""

    id: str
    receipt: str
    body: str
    sent_at: float


class Counts(NamedTuple):
    """Messages, as SQS counts them: approximately. `dead`: in the queue of dead letters."""

    visible: int
    in_flight: int
    delayed: int
    dead: int


class Queue:
    """Raises whatever boto3 does; its own short retries are over by then."""

    def __init__(self, where: Where, receiving: Receiving, calls: int) -> None:
        self._where, self._receiving, self._calls = where, receiving, calls
        self._making = threading.Lock()
        self._made: Any = None
        self._urls: dict[str, str] = {}  # of queues by their ARN

    async def receive(self) -> list[Message]:
        """Up to ten; none after `wait` seconds without one."""
        answer = await _in_daemon(self._receive)
        return [_message(given) for given in answer.get("Messages", [])]

    async def delete(self, messages: Sequence[Message]) -> int:
        """How many could not be deleted: they come again."""
        entries = [
            {"Id": str(i), "ReceiptHandle": m.receipt} for i, m in enumerate(messages[:MOST])
        ]
        answer = await asyncio.to_thread(
            lambda: self._client().delete_message_batch(QueueUrl=self._where.queue, Entries=entries)
        )
        return len(answer.get("Failed", []))

    async def counts(self) -> Counts:
        return await asyncio.to_thread(self._counts)

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._client().receive_message(
            QueueUrl=self._where.queue,
            MaxNumberOfMessages=MOST,
            WaitTimeSeconds=self._receiving.wait,
            VisibilityTimeout=self._receiving.hidden,
            AttributeNames=["SentTimestamp"],
        )
        return answer

    def _counts(self) -> Counts:
        said = self._attributes(self._where.queue, "RedrivePolicy")
        dead = 0
        if "RedrivePolicy" in said:
            arn = json.loads(said["RedrivePolicy"])["deadLetterTargetArn"]
            dead = sum(_numbers(self._attributes(self._url(arn))))
        return Counts(*_numbers(said), dead)

    def _attributes(self, queue: str, *more: str) -> dict[str, str]:
        names = [*COUNTS, *more]
        answer = self._client().get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        found: dict[str, str] = answer["Attributes"]
        return found

    def _url(self, arn: str) -> str:
        if arn not in self._urls:
            *_, account, name = arn.split(":")
            answer = self._client().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            self._urls[arn] = answer["QueueUrl"]
        return self._urls[arn]

    def _client(self) -> Any:
        """Made in the first thread that needs it: looking for credentials may take seconds."""
        with self._making:
            if self._made is None:
                self._made = _client(self._where, self._receiving.wait, self._calls)
            return self._made


def _client(where: Where, wait: int, calls: int) -> Any:
    import boto3  # noqa: PLC0415  half a second that starting need not wait for
    from botocore.config import Config  # noqa: PLC0415

    found = _REGION.match(where.queue)
    region = where.region or (found and (found[1] or found[2])) or None
    return boto3.session.Session().client(
        "sqs",
        region_name=region,
        endpoint_url=where.endpoint or None,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=5,
            read_timeout=wait + 10,
            max_pool_connections=calls,
        ),
    )


def _numbers(attributes: Mapping[str, str]) -> tuple[int, int, int]:
    visible, in_flight, delayed = (int(attributes[name]) for name in COUNTS)
    return visible, in_flight, delayed


def _message(given: dict[str, Any]) -> Message:
    sent = int(given.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
    return Message(given["MessageId"], given["ReceiptHandle"], given["Body"], sent)


async def _in_daemon(call: Callable[[], T]) -> T:
    """As asyncio.to_thread, but neither who is cancelled nor the process waits for its end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:  # noqa: BLE001  told to whoever waits
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, daemon=True, name="sqs").start()
    return await done
