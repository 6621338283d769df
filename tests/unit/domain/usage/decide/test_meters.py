"""Usage by meters, as tables: what a summary says against what was sent, and the event that is missing. A call is 10 cents."""

from __future__ import annotations

from decimal import Decimal as D
from functools import reduce
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.decide import meters as decide
from stripe_sync.domain.usage.decide.meters import MeterObject
from stripe_sync.domain.usage.ledger import Balance, Balances, UsageState
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import END, METER, START, TERMS, full, invoice, metered_line, window

S = UsageState
THERE = MeterObject(event_name="calls", customer_key="customer", value_key="value", formula="sum", status="active")
METERED = structs.replace(TERMS, meter=METER)
THOUSANDTHS = Meter(id="mtr_1", price="price_m", decimals=3)


def usage(state: UsageState = S.PENDING, **balances: str) -> Window:
    held: Balances = {S[name]: full(quantity) for name, quantity in balances.items()}
    return window(state, str(ledger.total(held).quantity), terms=METERED, balances=held)


COUNTED: dict[str, tuple[Window, str, list[str], str]] = {  # (window, summary, quantities sent, excess)
    "nothing sent, nothing counted": (usage(PENDING="120"), "0", [], "0"),
    "sent and counted": (usage(S.SUBMITTED, SUBMITTED="120"), "120", ["120"], "0"),
    "proven and counted": (usage(S.VERIFIED, VERIFIED="120"), "120", ["120"], "0"),
    "billed and counted": (usage(S.BILLED, BILLED="120"), "120", ["120"], "0"),
    "sent, under way": (usage(S.SUBMITTED, SUBMITTED="120"), "0", ["120"], "0"),
    "two sent, the last under way": (usage(S.SUBMITTED, VERIFIED="100", SUBMITTED="20"), "100", ["100", "20"], "0"),
    "two sent, both missing": (usage(S.SUBMITTED, VERIFIED="100", SUBMITTED="20"), "0", ["100", "20"], "-120"),
    "two sent, the first missing": (usage(S.SUBMITTED, VERIFIED="100", SUBMITTED="20"), "20", ["100", "20"], "-100"),
    "nothing sent, all counted": (usage(PENDING="120"), "120", [], "120"),
    "nothing sent, a part counted": (usage(PENDING="120"), "50", [], "50"),
    "nothing sent, more counted": (usage(PENDING="120"), "130", [], "130"),
    "counted before, again": (usage(PENDING="70", BILLED_EXTERNALLY="50"), "50", [], "0"),
    "more than was sent": (usage(S.SUBMITTED, SUBMITTED="120"), "121", ["120"], "1"),
    "less than was sent, no event": (usage(S.SUBMITTED, SUBMITTED="120"), "119", ["120"], "-1"),
    "a correction under way": (usage(S.SUBMITTED, SUBMITTED="120"), "130", ["130", "-10"], "0"),
}


@pytest.mark.parametrize(("held", "value", "sent", "excess"), COUNTED.values(), ids=COUNTED)
def test_what_was_counted_and_not_sent(held: Window, value: str, sent: list[str], excess: str) -> None:
    assert decide.counted_excess(held, D(value), [D(quantity) for quantity in sent]) == D(excess)


@pytest.mark.parametrize(("held", "value", "sent", "excess"), COUNTED.values(), ids=COUNTED)
@pytest.mark.parametrize("is_lost", [False, True])
def test_its_movement_leaves_what_the_meter_has_counted_as_sent(
    held: Window, value: str, sent: list[str], excess: str, is_lost: bool
) -> None:
    movements = decide.decide_counted(held, D(value), D(excess), is_lost=is_lost)
    after = reduce(ledger.book, movements, dict(held.balances))
    assert ledger.total(after) == ledger.total(held.balances)
    assert len(movements) == (excess != "0")
    if movements:
        assert ledger.total(after, decide.SENT).quantity == D(value)
        assert [m.target for m in movements] == [S.SUBMITTED if is_lost else S.BILLED_EXTERNALLY]


@pytest.mark.parametrize(("value", "is_counted"), [("120", True), ("119", False), ("121", False), ("0", False)])
@pytest.mark.parametrize("state", ["SUBMITTED", "VERIFIED", "BILLED", "BILLED_EXTERNALLY"])
def test_all_that_was_sent_is_counted_or_not(state: str, value: str, is_counted: bool) -> None:
    assert decide.is_counted(usage(S[state], **{state: "120"}), D(value)) is is_counted


@pytest.mark.parametrize(
    ("held", "value", "cost"),
    [
        (usage(PENDING="120"), "120", 1200),
        (usage(PENDING="20", VERIFIED="100"), "20", 200),
        (usage(PENDING="-5", BILLED_EXTERNALLY="125"), "-5", -50),
    ],
    ids=["all", "the-rest", "taken-back"],
)
def test_what_is_missing_is_sent(held: Window, value: str, cost: int) -> None:
    action = decide.decide_event(held, invoice(), meter=METER, there=THERE, environment="t", number=2).action
    assert action is not None
    assert action.after == {
        "event_name": "calls", "value": value, "customer": "cus_1", "timestamp": epoch(END) - 1,
        "identifier": f"meterevent:t:sub_1:calls:{epoch(START)}:2", "how": {"customer_key": "customer", "value_key": "value"},
    }  # fmt: skip
    assert (action.target, action.due_now) == (action.after["identifier"], {"usd": D(cost)})
    assert (action.cause, action.serial, action.entity) == ("in_1", "customer:cus_1", ("subscription", "s-1"))


@pytest.mark.parametrize("state", ["SUBMITTED", "VERIFIED", "BILLED_EXTERNALLY"])
def test_nothing_is_sent_where_nothing_is_missing(state: str) -> None:
    held = usage(S[state], **{state: "120"})
    found = decide.decide_event(held, invoice(), meter=METER, there=THERE, environment="t", number=1)
    assert (found.action, found.problem) == (None, "")


def test_a_meter_of_thousandths_is_sent_whole_numbers() -> None:
    held = usage(PENDING="1.5")
    action = decide.decide_event(held, invoice(), meter=THOUSANDTHS, there=THERE, environment="t", number=1).action
    assert action is not None and action.after["value"] == "1500"


@pytest.mark.parametrize(
    ("meter", "quantity", "is_countable"),
    [(METER, "120", True), (METER, "1.5", False), (THOUSANDTHS, "1.5", True), (THOUSANDTHS, "1.5001", False),
     (METER, "999999999999999", True), (METER, "1000000000000000", False), (METER, "-3", True), (METER, "0", True)],
)  # fmt: skip
def test_a_meter_counts_whole_numbers_of_fifteen_digits(meter: Meter, quantity: str, is_countable: bool) -> None:
    problem = decide.countable_problem(window(quantity=quantity), meter)
    assert (problem == "") is is_countable
    assert is_countable or problem.endswith("no whole number to the meter mtr_1; see usage.meters.calls.decimals.")


@pytest.mark.parametrize(
    ("change", "says"),
    [({}, ""), ({"formula": "count"}, "does not sum"), ({"formula": "last"}, "does not sum"),
     ({"status": "inactive"}, "is inactive; reactivate it in Stripe."),
     ({"formula": "count", "status": "inactive"}, "does not sum")],
    ids=["good", "counts", "last", "inactive", "both"],
)  # fmt: skip
def test_a_meter_that_cannot_be_sent_to_is_a_problem(change: dict[str, str], says: str) -> None:
    body: dict[str, Any] = {
        "event_name": "calls", "default_aggregation": {"formula": change.get("formula", "sum")},
        "customer_mapping": {"event_payload_key": "customer"}, "value_settings": {"event_payload_key": "value"},
        "status": change.get("status", "active"),
    }  # fmt: skip
    problem = decide.meter_problem(window(), METER, decide.meter_object(from_stripe(body, decide.StripeMeter)))
    assert says in problem and bool(problem) == bool(says)


@pytest.mark.parametrize(
    ("shown", "is_twice"),
    [([], False), ([metered_line("0", 0)], False), ([metered_line("5", 50)], True)],
    ids=["no-line", "a-line-of-nothing", "a-line"],
)
def test_a_metered_line_beside_ours_is_a_problem(shown: list[dict[str, Any]], is_twice: bool) -> None:
    assert bool(decide.billed_twice(window(), invoice("in_1", *shown))) is is_twice


@pytest.mark.parametrize(("value", "is_twice"), [("0", False), ("1", True), ("-1", True)])
def test_a_count_beside_our_lines_is_a_problem(value: str, is_twice: bool) -> None:
    assert bool(decide.counted_twice(METER, D(value))) is is_twice


def test_the_balance_of_a_window_by_states() -> None:
    assert usage(PENDING="20", VERIFIED="100").balance(*decide.SENT) == Balance(D(100), D(1000))
