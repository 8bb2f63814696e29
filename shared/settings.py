"""What every service is told by its environment (prefix `TUVI_`), and nothing else."""

import re
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

ServiceName = Literal["ingest", "segmenter", "orchestrator", "sender", "metrics"]
PORTS: dict[str, int] = {
    "ingest": 8001,
    "segmenter": 8002,
    "orchestrator": 8003,
    "sender": 8004,
    "metrics": 8005,
}
PREFIX = "TUVI_"


class BadSettings(Exception):  # noqa: N818  named for the fact
    """One line that names each setting that is wrong and says how to mend it; never its value."""


class ServiceSettings(BaseSettings):
    """Shared by all services; a service's own settings extend this class.

    `dsn`: PostgreSQL of this service, its own role (`TUVI_DSN`).
    Durations are seconds of wall time.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

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


S = TypeVar("S", bound=ServiceSettings)


def from_environment(kind: type[S]) -> S:
    """A service's settings. Raises BadSettings."""
    try:
        return kind()
    except ValidationError as error:
        wrong = [_told(kind, str(e["loc"][0]), e["type"], e["msg"]) for e in error.errors()]
        raise BadSettings("; ".join(wrong)) from None
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name = PREFIX + found[1].upper() if found else str(error)
        raise BadSettings(f'{name}: is no JSON; write it as ["one", "another"]') from None


def _told(kind: type[ServiceSettings], field: str, fault: str, message: str) -> str:
    name = PREFIX + field.upper()
    if fault == "missing":
        about = kind.model_fields[field].description
        return f"{name}: is missing" + (f" ({about})" if about else "")
    message = message.removeprefix("Value error, ")
    return message if message.startswith(name) else f"{name}: {message}"
