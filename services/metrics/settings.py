"""What metrics is told by its environment."""

from pydantic import Field

from shared.settings import PORTS, ServiceSettings


class Settings(ServiceSettings):
    """`dsn`: of the role `tuvi_metrics`."""

    port: int = PORTS["metrics"]
    exporter: bool = Field(
        default=True, description="business metrics on /metrics; one replica only"
    )
    exporter_refresh: float = Field(default=2.0, gt=0, description="seconds between looks")
    currencies: list[str] = Field(default=["EUR"], description="there from 0 on")
