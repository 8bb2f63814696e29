"""What ingest is told by its environment, besides what all services are told."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from services.ingest.adapters.bigcommerce import BASE
from services.ingest.adapters.publisher import Limits
from shared.settings import PORTS, ServiceSettings
from shared.tokens import keys_from


class Settings(ServiceSettings):
    """`dsn`: of the role `tuvi_ingest`. Lists are given as JSON, token keys by commas."""

    port: int = PORTS["ingest"]
    token_keys: Annotated[list[str], NoDecode] = Field(
        description="of links in mails, by commas; the first signs, all are read"
    )
    segmenter_url: str = Field(
        default=f"http://127.0.0.1:{PORTS['segmenter']}",
        description="whom the preference page asks for what holds; empty: it does not show it",
    )
    sns_topics: list[str] = Field(default=[], description="TopicArns whose messages are taken")
    sns_trusted_origins: list[str] = Field(
        default=[],
        description="besides Amazon: whose certificates are taken, where subscriptions are "
        "confirmed, such as http://127.0.0.1:8010",
    )
    sqs_queue_url: str = Field(default="", description="SES's notifications; empty: by HTTPS only")
    sqs_endpoint: str = Field(default="", description="empty: Amazon's")
    sqs_region: str = Field(default="", description="empty: the one in the queue's URL")
    sqs_receives: int = Field(default=4, gt=0, le=32, description="at the same time")
    sqs_wait: int = Field(default=20, ge=1, le=20, description="seconds of a long poll")
    sqs_hidden: int = Field(
        default=60, ge=2, le=43_200, description="seconds until what was not deleted comes again"
    )
    sqs_silence: float = Field(
        default=60.0, gt=0, description="seconds for which the queue is empty before it is marked"
    )
    bigcommerce_url: str = Field(default=BASE, description="BigCommerce's API")
    public_url: str = Field(default="http://127.0.0.1:8001", description="ingest, from outside")
    proxies: int = Field(
        default=0, ge=0, le=10, description="of ours before ingest, that add to X-Forwarded-For"
    )
    form_burst: int = Field(default=20, gt=0, description="posts of a form from one address")
    form_every: float = Field(default=30.0, ge=0, description="seconds until one more may come")
    ingest_key_events_per_second: int = Field(
        default=0, ge=0, description="for keys without a rate of their own; 0: no limit"
    )
    ingest_deadline: float = Field(default=3.0, gt=0, description="seconds until Kafka must answer")
    ingest_queue_bytes: int = Field(
        default=Limits().cap, gt=1_000_000, description="bytes that may wait for Kafka"
    )

    ingest_room_bytes: int = Field(
        default=64 * 1024 * 1024, gt=1_000_000, description="bytes of requests in hand"
    )
    ingest_patience: float = Field(default=10.0, gt=0, description="seconds for a body to come")

    @field_validator("sqs_queue_url")
    @classmethod
    def _queue(cls, given: str, others: ValidationInfo) -> str:
        if given and not given.startswith(("https://", "http://")):
            raise ValueError(
                "is no URL; write it as https://sqs.<region>.amazonaws.com/<account>/…"
            )
        if given and not others.data.get("sns_topics"):
            raise ValueError("needs TUVI_SNS_TOPICS, or the queue's messages would be refused")
        return given

    @field_validator("token_keys", mode="before")
    @classmethod
    def _keys(cls, given: str | list[str]) -> list[str]:
        return keys_from(given if isinstance(given, str) else ",".join(given))
