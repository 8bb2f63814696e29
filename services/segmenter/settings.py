"""What segmenter is told by its environment; nearly all of it is shared with the others."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.settings import PORTS, ServiceSettings
from shared.tokens import keys_from


class Settings(ServiceSettings):
    """`dsn`: of the role `tuvi_segmenter`. Token keys are given by commas."""

    port: int = PORTS["segmenter"]
    token_keys: Annotated[list[str], NoDecode] = Field(
        default=[], description="ingest's: without them its preference page shows no present state"
    )

    @field_validator("token_keys", mode="before")
    @classmethod
    def _keys(cls, given: str | list[str]) -> list[str]:
        return keys_from(given if isinstance(given, str) else ",".join(given)) if given else []
