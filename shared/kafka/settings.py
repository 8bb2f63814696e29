"""How a loop is set; made from the service's settings by shared.runtime."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Durations in seconds of wall time."""

    partitions: int
    batch_size: int = 1000
    progress_interval: float = 0.5
    timer_hold: float = 6 * 3600.0
    timer_hold_transactional: float = 15 * 60.0
    topic_prefix: str = ""
    dead_letters_in_a_row: int = 100
