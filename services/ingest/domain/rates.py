"""How many events a key may send in a second: a bucket a key that fills again. Pure."""

BURST_SECONDS = 2


class Rates:
    """Of one process: a key that several ingests take may send that many to each.

    `default`: events a second for keys that say nothing; 0: as many as they like. Instants are
    seconds of a clock that never goes back.
    """

    def __init__(self, default: int = 0) -> None:
        self._default = default
        self._buckets: dict[str, tuple[float, float]] = {}  # prefix -> (events left, as of)

    def limit(self, own: int | None) -> int:
        """Events a second; 0: none."""
        return self._default if own is None else own

    def wait(self, prefix: str, per_second: int, events: int, now: float) -> float:
        """Takes all of the events and gives 0, or takes none: the seconds until it would.

        No events: whether one could come. More than a burst at once is taken from a full
        bucket, and is owed: else it never were.
        """
        burst = per_second * BURST_SECONDS
        left, since = self._buckets.get(prefix, (burst, now))
        left = min(burst, left + (now - since) * per_second)
        short = min(max(events, 1), burst) - left
        if short > 0:
            return short / per_second
        self._buckets[prefix] = left - events, now
        return 0.0
