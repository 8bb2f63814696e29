"""Reports name what a rate is made of, and read the same as a table."""

import csv
import io
from decimal import Decimal

from services.metrics.adapters.spreadsheet import as_csv
from services.metrics.domain.journey_shape import ShapeStep
from services.metrics.domain.report import JourneyReport, Rate, journey_report, money, rate

SHAPE = [ShapeStep("reminder", "", "send", True), ShapeStep("wait", "", "delay", False)]


def report() -> JourneyReport:
    step = {
        ("sent", ""): Decimal(4),
        ("delivered", ""): Decimal(3),
        ("clicked", "human"): Decimal(2),
        ("converted", ""): Decimal(1),
        ("revenue", "EUR"): Decimal("12.5"),
        ("skipped", "expired"): Decimal(2),
        ("skipped", "suppressed"): Decimal(0),
    }
    old = {("sent", ""): Decimal(1)}
    sums = {("reminder", ""): step, ("gone", ""): old, ("", ""): {("entered", ""): Decimal(7)}}
    return journey_report("cart", SHAPE, sums, ["EUR"])


def test_a_rate_names_its_numerator_and_denominator_and_nothing_of_nothing_is_unknown() -> None:
    assert rate(1, 4) == Rate(0.25, 1, 4)
    assert rate(0, 0) == Rate(None, 0, 0)


def test_steps_of_the_file_come_first_and_those_of_an_earlier_version_after_them() -> None:
    assert [step.step for step in report().steps] == ["reminder", "wait", "gone"]


def test_totals_are_the_sum_of_the_steps() -> None:
    found = report()
    assert (found.entered, found.totals.sent, found.revenue) == (7, 5, {"EUR": "12.50"})
    assert found.totals.rates.conversion == Rate(0.5, 1, 2)
    assert found.totals.skipped == {"expired": 2}


def test_money_is_exact_with_at_least_two_decimals() -> None:
    texts = {"0": "0.00", "1.5": "1.50", "1.005": "1.005", "100": "100.00", "1E+2": "100.00"}
    assert {text: money(Decimal(text)) for text in texts} == texts


def test_the_table_has_a_line_a_step() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv([report()]))))
    assert [line["step"] for line in lines] == ["reminder", "wait", "gone"]
    assert lines[0]["revenue_EUR"] == "12.50"
    assert (lines[0]["conversion_rate"], lines[1]["conversion_rate"]) == ("0.5", "")


def test_no_cell_of_the_table_is_a_formula() -> None:
    sums = {("=HYPERLINK(1)", ""): {("sent", ""): Decimal(1)}}
    lines = list(csv.DictReader(io.StringIO(as_csv([journey_report("j", [], sums, [])]))))
    assert lines[0]["step"] == "'=HYPERLINK(1)"
