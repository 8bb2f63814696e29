"""What the sender is told by its environment (prefix `TUVI_`)."""

from pydantic import Field, field_validator

from shared.settings import PORTS, ServiceSettings
from shared.tokens import keys_from


class SenderSettings(ServiceSettings):
    """Durations are seconds of wall time."""

    port: int = PORTS["sender"]
    token_keys: str = Field(description="of unsubscribe links; comma-separated")
    public_url: str = Field(default="http://127.0.0.1:8001", description="ingest, from outside")
    unsubscribe_mailto: str = Field(default="", description="an address beside the link")

    ses_endpoint: str = Field(default="", description="empty: Amazon's, by region")
    ses_region: str = "eu-west-1"
    ses_configuration_set: str = "tuvi"
    ses_timeout: float = 10.0
    in_flight: int = Field(default=128, gt=0, description="calls to SES at the same time")
    sender: str = Field(
        default="Shop <shop@example.com>", description="From, if not the workspace's"
    )
    reply_to: str = ""
    shop_name: str = "Shop"
    shop_url: str = "https://shop.example"
    shop_address: str = ""

    dispatchers: int = Field(default=2, ge=0, description="0: this replica sends nothing")
    render_workers: int = Field(default=1, gt=0)
    claim_batch: int = Field(default=100, gt=0)
    lease: float = 30.0
    grace: float = Field(default=900.0, description="before an ambiguous message is looked at")
    feed_limit: float = Field(default=3.0, description="oldest feed that marketing goes out with")
    settle_every: float = 2.0

    @field_validator("token_keys")
    @classmethod
    def _keys(cls, value: str) -> str:
        keys_from(value)
        return value


Settings = SenderSettings  # what `tuvi serve` asks every service for
