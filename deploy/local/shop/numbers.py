"""Three sources of the same numbers: the recount, the reports, the scrape. They must agree."""

from collections.abc import Iterator
from decimal import Decimal

from deploy.local.shop.evidence import Evidence, Finding, Json, Step, found
from deploy.local.shop.recount import Numbers, Table, recount

_PLAIN = ("sent", "delivered", "complained", "unsubscribed", "converted")
_SPLIT = {
    "opened": ("raw", "human"),
    "clicked": ("raw", "human"),
    "bounced": ("hard", "soft", "undetermined"),
}


def reported(evidence: Evidence) -> Table:
    """The steps of the reports, in the recount's words."""
    return {
        (journey["journey"], one["step"], one["variant"]): _numbers(one)
        for journey in evidence.reports["journeys"]
        for one in journey["steps"]
    }


def _numbers(one: Json) -> Numbers:
    numbers = {name: Decimal(one[name]) for name in _PLAIN}
    for name, kinds in _SPLIT.items():
        numbers |= {f"{name} {kind}": Decimal(one[name][kind]) for kind in kinds}
    return numbers | {f"revenue {c}": Decimal(v) for c, v in one["revenue"].items()}


def scraped(evidence: Evidence) -> Table:
    """The business counters of Prometheus, in the recount's words."""
    table: Table = {}
    for name, metric, label in _metrics():
        for labels, value in evidence.samples("metrics", metric):
            step = labels["journey"], labels["step"], labels.get("variant", "")
            column = f"{name} {labels[label]}" if label else name
            table.setdefault(step, {})[column] = Decimal(str(value)).quantize(Decimal("0.01"))
    return table


def _metrics() -> Iterator[tuple[str, str, str]]:
    for name in _PLAIN:
        yield name, f"tuvi_messages_{name}_total", ""
    for name, label in (("opened", "agent"), ("clicked", "agent"), ("bounced", "type")):
        yield name, f"tuvi_messages_{name}_total", label
    yield "revenue", "tuvi_revenue_total", "currency"


def agree(evidence: Evidence) -> list[Finding]:
    """One line a column, over all journeys, steps and variants."""
    counted, told, shown = recount(evidence), reported(evidence), scraped(evidence)
    in_report = {name for table in (counted, told) for row in table.values() for name in row}
    in_scrape = {name for table in (counted, shown) for row in table.values() for name in row}
    findings = []
    for column in sorted(in_report | in_scrape):
        wrong = []
        if not column.endswith(" machine"):  # a report has raw and human
            wrong += _apart(column, counted, told, "reports say")
        if not column.endswith(" raw"):  # a scrape has human and machine
            wrong += _apart(column, counted, shown, "/metrics says")
        total = sum((row.get(column, Decimal(0)) for row in counted.values()), Decimal(0))
        findings.append(found(column, f"{total} by the shop's log and SES's record", wrong))
    return findings


def _apart(column: str, ours: Table, theirs: Table, source: str) -> list[str]:
    def of(table: Table, step: Step) -> Decimal:
        return table.get(step, {}).get(column, Decimal(0))

    return [
        f"{'/'.join(part for part in step if part)}: {of(ours, step)}, {source} {of(theirs, step)}"
        for step in sorted({*ours, *theirs})
        if of(ours, step) != of(theirs, step)
    ]
