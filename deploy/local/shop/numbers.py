"""Three sources of the same numbers: the recount, the reports, the scrape. They must agree."""

from collections.abc import Mapping
from decimal import Decimal

from deploy.local.shop.evidence import Evidence, Finding, Json, Step, found
from deploy.local.shop.recount import Numbers, Table, recount

_PLAIN = ("sent", "delivered", "complained", "unsubscribed", "converted", "orders")
_SPLIT = {
    "opened": ("raw", "human", "machine"),
    "clicked": ("raw", "human", "machine"),
    "bounced": ("hard", "soft", "undetermined"),
}
_MONEY = {"revenue": "revenue", "refunded": "revenue_refunded"}
_SCRAPED = {  # our word: Prometheus' name, the label that splits it
    **{name: (f"tuvi_messages_{name}_total", "") for name in _PLAIN if name != "orders"},
    "orders": ("tuvi_attributed_orders_total", ""),
    "opened": ("tuvi_messages_opened_total", "agent"),
    "clicked": ("tuvi_messages_clicked_total", "agent"),
    "bounced": ("tuvi_messages_bounced_total", "type"),
    "revenue": ("tuvi_revenue_total", "currency"),
    "refunded": ("tuvi_revenue_refunded_total", "currency"),
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
    for name, field in _MONEY.items():
        numbers |= {f"{name} {c}": Decimal(v) for c, v in one[field].items()}
    return numbers


def scraped(evidence: Evidence) -> Table:
    """The business counters of Prometheus less their corrections, in the recount's words."""
    table: Table = {}
    for name, (metric, label) in _SCRAPED.items():
        for labels, value in evidence.samples("metrics", metric):
            _put(table, labels, f"{name} {labels[label]}" if label else name, value)
    for labels, value in evidence.samples("metrics", "tuvi_corrections_total"):
        if labels["counter"] in _SCRAPED:
            _put(table, labels, f"{labels['counter']} {labels['detail']}".strip(), -value)
    return table


def _put(table: Table, labels: Mapping[str, str], column: str, value: float) -> None:
    row = table.setdefault((labels["journey"], labels["step"], labels["variant"]), {})
    cents = Decimal(str(value)).quantize(Decimal("0.01"))  # a scrape has floats
    row[column] = row.get(column, Decimal(0)) + cents


def agree(evidence: Evidence) -> list[Finding]:
    """One line a column, over all journeys, steps and variants."""
    counted, told, shown = recount(evidence), reported(evidence), scraped(evidence)
    in_report = {name for table in (counted, told) for row in table.values() for name in row}
    in_scrape = {name for table in (counted, shown) for row in table.values() for name in row}
    findings = []
    for column in sorted(in_report | in_scrape):
        wrong = _apart(column, counted, told, "reports say")
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
