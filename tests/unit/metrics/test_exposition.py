"""What Prometheus is shown: there from 0 on, few labels, never falling."""

from decimal import Decimal

from services.metrics.domain import exposition
from services.metrics.domain.exposition import Counted, exposed
from services.metrics.domain.journey_shape import Shape, ShapeStep, shape
from services.metrics.domain.tally import Label
from shared.contracts import Definition

BODY = {
    "exit_when": [{"event": "Order Completed"}],
    "steps": [
        {"id": "reminder", "send": "a"},
        {
            "id": "read",
            "wait_until": {"email": "clicked", "step": "reminder"},
            "then": [{"id": "help", "send": "b"}],
            "on_timeout": [{"id": "benefits", "send": "c"}],
        },
        {
            "id": "offer",
            "random_split": [
                {"variant": "ten", "weight": 45, "send": "d"},
                {"variant": "long", "weight": 45, "steps": [{"id": "more", "send": "e"}]},
                {"variant": "holdout", "weight": 10, "holdout": True},
            ],
        },
        {"id": "last", "send": "f"},
        {"id": "end", "exit": "done-here"},
    ],
}
CART = shape(Definition(workspace="w", kind="journey", id="cart", version=1, revision=1, body=BODY))
ONE, NONE = Decimal(1), Decimal(0)


def counted(step: str, name: str = "sent", detail: str = "", journey: str = "cart") -> Counted:
    return Counted(Label("w", journey, step, "", name, detail), ONE, NONE)


def test_steps_come_in_the_files_order_with_the_variants_a_run_can_have_there() -> None:
    assert [(s.step, s.variant, s.mails) for s in CART.steps] == [
        ("reminder", "", True),
        ("read", "", False),
        ("help", "", True),
        ("benefits", "", True),
        ("offer", "ten", True),
        ("offer", "long", False),
        ("more", "long", True),
        ("offer", "holdout", False),
        ("last", "long", True),
        ("last", "ten", True),
        ("end", "long", False),
        ("end", "ten", False),
    ]
    assert CART.exits == ["finished", "Order Completed", "holdout", "done-here"]


def test_a_body_that_cannot_be_read_has_no_steps() -> None:
    for body in ({}, {"steps": "x"}, {"steps": [1, {"id": 2}], "exit_when": {"event": 1}}):
        found = Definition(
            workspace="w", kind="journey", id="j", version=1, revision=1, body=dict(body)
        )
        assert shape(found).exits == ["finished"]


def test_every_label_of_a_running_journey_is_there_from_zero_on() -> None:
    shown = exposed([], {("w", "cart"): CART}, ["EUR"])
    assert shown.counters["sent"]["w", "cart", "reminder", ""] == 0
    assert shown.counters["opened"]["w", "cart", "last", "ten", "human"] == 0
    assert shown.counters["revenue"]["w", "cart", "offer", "ten", "EUR"] == 0
    assert ("w", "cart", "read", "") not in shown.counters["sent"]
    assert shown.counters["reached"]["w", "cart", "read", ""] == 0
    assert shown.counters["exited"]["w", "cart", "Order Completed"] == 0
    assert shown.corrections["w", "cart", "reminder", "", "converted", ""] == 0


def test_labels_are_few_and_what_was_there_first_keeps_its_name() -> None:
    many = [counted(f"s{n}") for n in range(exposition.MAX_STEPS + 5)]
    before = exposed(many[:-6], {}, []).counters["sent"]
    after = exposed(many, {("w", "cart"): CART}, []).counters["sent"]
    assert all(after[values] >= value for values, value in before.items())
    assert after["w", "other", "other", "other"] == 5
    assert len(after) <= exposition.MAX_STEPS + 1


def test_reasons_are_few() -> None:
    many = [counted("", "exited", f"reason {n}") for n in range(exposition.MAX_DETAILS + 3)]
    shown = exposed(many, {}, []).counters["exited"]
    assert shown["w", "cart", "other"] == 3


def test_skips_are_summed_over_steps_and_raw_sums_are_not_shown() -> None:
    told = [counted("a", "skipped", "expired"), counted("b", "skipped", "expired")]
    shown = exposed([*told, counted("a", "opened", "raw")], {}, [])
    assert shown.counters["skipped"] == {("w", "cart", "expired"): 2}
    assert not shown.counters["opened"]


def test_a_step_of_two_kinds_of_variant_is_one_label_each() -> None:
    two = Shape([ShapeStep("a", "x", "send", True), ShapeStep("a", "y", "send", True)], [])
    assert len(exposed([], {("w", "j"): two}, []).counters["sent"]) == 2
