"""What every service is told by its environment (prefix `TUVI_`), and nothing else."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ServiceName = Literal["ingest", "segmenter", "orchestrator", "sender", "metrics"]
PORTS: dict[str, int] = {
    "ingest": 8001,
    "segmenter": 8002,
    "orchestrator": 8003,
    "sender": 8004,
    "metrics": 8005,
}


class ServiceSettings(BaseSettings):
    """Shared by all services; a service's own settings extend this class.

    `dsn`: PostgreSQL of this service, its own role (`TUVI_DSN`).
    Durations are seconds of wall time.
    """

    model_config = SettingsConfigDict(env_prefix="TUVI_", extra="ignore")

    kafka: str = "127.0.0.1:19092"
    dsn: str = "postgresql://postgres@127.0.0.1:15432/tuvi"
    topic_prefix: str = Field(default="", description="before every topic's name; for tests")
    host: str = "127.0.0.1"
    port: int = 0
    log_level: str = "info"
    progress_interval: float = 0.5
    session_timeout: float = 10.0
    batch_size: int = 1000
    timer_hold: float = 6 * 3600.0
    timer_hold_transactional: float = 15 * 60.0
    dead_letters_in_a_row: int = 100
