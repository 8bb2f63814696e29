"""The tables of sums, read: for reports by hour, for Prometheus as they only rise."""

from collections import defaultdict
from decimal import Decimal

import asyncpg

from services.metrics.domain.exposition import Counted
from services.metrics.domain.report import Period, StepKey, Sums
from services.metrics.domain.tally import Label

ByStep = dict[StepKey, dict[tuple[str, str], Decimal]]


async def by_journey(
    pool: asyncpg.Pool, workspace: str, journey: str | None, period: Period
) -> dict[str, ByStep]:
    """Journey -> (step, variant) -> (name, detail) -> sum."""
    rows = await pool.fetch(
        """SELECT journey, step, variant, name, detail, sum(value) AS value FROM hours
           WHERE workspace = $1 AND journey = coalesce($2, journey) AND journey <> ''
             AND hour >= coalesce($3::timestamptz, '-infinity')
             AND hour < coalesce($4::timestamptz, 'infinity')
           GROUP BY 1, 2, 3, 4, 5""",
        workspace,
        journey,
        period.since,
        period.until,
    )
    found: dict[str, ByStep] = defaultdict(lambda: defaultdict(dict))
    for r in rows:
        found[r["journey"]][r["step"], r["variant"]][r["name"], r["detail"]] = r["value"]
    return found


async def over_all(pool: asyncpg.Pool, workspace: str, period: Period) -> Sums:
    """(name, detail) -> sum over all journeys and steps."""
    rows = await pool.fetch(
        """SELECT name, detail, sum(value) AS value FROM hours
           WHERE workspace = $1
             AND hour >= coalesce($2::timestamptz, '-infinity')
             AND hour < coalesce($3::timestamptz, 'infinity')
           GROUP BY 1, 2""",
        workspace,
        period.since,
        period.until,
    )
    return {(r["name"], r["detail"]): r["value"] for r in rows}


async def counters(pool: asyncpg.Pool) -> list[Counted]:
    """All labels, those that were there first first."""
    rows = await pool.fetch(
        """SELECT workspace, journey, step, variant, name, detail,
                  sum(gained) AS gained, sum(lost) AS lost
           FROM counters GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY min(number)"""
    )
    return [Counted(Label(*tuple(row)[:6]), row["gained"], row["lost"]) for row in rows]
