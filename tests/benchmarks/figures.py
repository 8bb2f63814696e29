"""What was measured beside what this machine could do at most, as a table and as JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.table import Table

ENOUGH = 100  # from here on a figure is told without decimals


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one round. CPU seconds: `own` of the processes measured, `all` with servers."""

    value: float
    count: int = 0
    own: float = 0.0
    all: float = 0.0

    def per_cpu(self, seconds: float) -> float:
        return self.count / seconds if self.count and seconds else 0.0


@dataclass(slots=True)
class Figure:
    """One row. `unit`: `/s` and `/CPU s` (more is better), `ms` and `MB` (less is better)."""

    name: str
    unit: str
    limit: str
    measured: list[Reading] = field(default_factory=list)
    raw: list[Reading] = field(default_factory=list)
    wrong: str = ""

    def share(self) -> float | None:
        """Of the raw limit: what we reach of its speed, or how many times its time we take."""
        if not self.measured or not self.raw:
            return None
        return median(r.value for r in self.measured) / median(r.value for r in self.raw)

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "limit": self.limit,
            "measured": _plain(self.measured),
            "raw": _plain(self.raw),
            "share": self.share(),
            "wrong": self.wrong,
        }


def _plain(readings: Sequence[Reading]) -> dict[str, Any] | None:
    if not readings:
        return None
    values = [r.value for r in readings]
    return {
        "min": min(values),
        "median": median(values),
        "max": max(values),
        "values": values,
        "per_own_cpu_second": _per_cpu(readings, "own"),
        "per_cpu_second": _per_cpu(readings, "all"),
    }


def _per_cpu(readings: Sequence[Reading], which: str) -> float:
    return median(r.per_cpu(getattr(r, which)) for r in readings)


def table(figures: Sequence[Figure]) -> Table:
    """One line a figure: min, median and max over the rounds."""
    made = Table(title="Tuvi's figures beside the raw limits of this machine", title_justify="left")
    made.add_column("measure")
    for name in ("measured", "per own CPU s", "per CPU s", "raw limit", "per CPU s", "share"):
        made.add_column(name, justify="right")
    made.add_column("what the limit is")
    for figure in figures:
        share = figure.share()
        made.add_row(
            figure.name if figure.unit == "/s" else f"{figure.name}, {figure.unit.strip('/')}",
            figure.wrong or _spread(figure.measured),
            *(_told_per_cpu(figure.measured, which) for which in ("own", "all")),
            _spread(figure.raw),
            _told_per_cpu(figure.raw, "all"),
            "" if share is None else _share(share, figure.unit),
            figure.limit,
        )
    return made


def _spread(readings: Sequence[Reading]) -> str:
    if not readings:
        return ""
    values = sorted(r.value for r in readings)
    return " / ".join(number(v) for v in (values[0], median(values), values[-1]))


def _told_per_cpu(readings: Sequence[Reading], which: str) -> str:
    found = _per_cpu(readings, which) if readings else 0.0
    return number(found) if found else ""


def _share(share: float, unit: str) -> str:
    return f"{share:.1%}" if unit.startswith("/") else f"{share:.1f} x"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= ENOUGH else f"{value:.1f}"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
    }
