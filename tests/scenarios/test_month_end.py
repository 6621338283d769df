"""One month end with everything at once: a card, a customer's balance, a 50 % coupon, a minimum spend, an end (BILLING 3, 4, 7).

The plan costs 20.00 and a minimum spend of 100.00 in advance, and 1.00 a call; s-1 has half off everything.

    first invoice    100.00 + 20.00 = 120.00, less 50 %: 60.00, paid by a good card
    the month        130 calls = 130.00: 100.00 of them are covered by the minimum, 30.00 are above it
    renewal's draft  100.00 + 20.00 + 30.00 = 150.00, less 50 %: total 75.00

A coupon is taken before the balance, and a balance leaves the total alone (FACTS_A 20-22): a credit of 10.00 makes 65.00 due,
a debt of 5.00 makes 80.00 due, on the first invoice that is finalized, and nothing on the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, usage
from sandbox.world.state import iso
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_declines import give_card
from tests.scenarios.test_month_end_endings import SWITCHES, end_in_stigg, finals
from tests.scenarios.test_usage_rules import MINIMUM, world
from tests.support.cases import ARE_ALL
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, period_end, subscription, until, use

Build = Callable[[WorldBuilder], Harness]
CREDIT, DEBT = -1000, 500  # minor units, as Stripe signs a customer's balance
GOOD, DECLINED = "4242", "0341"
DEFAULTS = (True, False, True, True)
# Each two of C1, C2 and the two questions of C3 have all four pairs of answers, in make soak; make test has each answer of each.
ANSWERS = (
    DEFAULTS,
    (True, True, False, False),
    (False, False, False, False),
    (False, True, True, False),
    (False, True, False, True),
)
OTHER = tuple(not answer for answer in DEFAULTS)
EVERY = pytest.mark.parametrize(
    "answers", [DEFAULTS, OTHER, *(ANSWERS[1:] if ARE_ALL else ())], ids=lambda a: "".join("ny"[x] for x in a)
)


def month(**charge: Any) -> WorldBuilder:
    """A world whose s-1 has the plan of this file, half off, and is charged automatically."""
    made = world(MINIMUM, charge.get("base", flat(20)), usage("calls", 1))
    made.coupon("half", percent=50)
    made.stigg["subscriptions"][0] |= {"coupons": [made.applied("half")], "paymentCollectionMethod": "CHARGE"}
    return made


def begun(harness_of: Build, answers: tuple[bool, ...] = DEFAULTS, *, made: WorldBuilder | None = None) -> Harness:
    """Have s-1 made and paid by a good card; ``answers`` are those to C1, C2 and the two questions of C3."""
    harness = harness_of(made or month())
    harness.world.unknowns |= dict(zip(SWITCHES, answers, strict=True))
    harness.reconcile()
    give_card(harness, GOOD)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    return harness


def at_the_end(harness: Harness, *, card: str = GOOD, balance: int = 0, used: float = 130) -> int:
    """Move to three minutes before the renewal, with this use, card and balance; return the renewal's moment."""
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    use(harness, used, end - HOUR)
    give_card(harness, card, id="pm_at_the_end")
    if balance:
        (customer,) = harness.objects("customers")
        harness.stripe().v1.customers.balance_transactions.create(
            customer["id"], {"amount": balance, "currency": "usd"}
        )
    return end


def run_at(harness: Harness, moment: int, *, alerts: bool = False) -> None:
    """Run both jobs at a moment."""
    until(harness, moment)
    harness.reconcile()
    harness.usage(alerts=alerts)


def balance_of(harness: Harness) -> int:
    return int(harness.objects("customers")[0]["balance"])


def money_of(invoice: dict[str, Any]) -> tuple[str, int, int, int]:
    """(status, total, due after the balance, paid) of an invoice, minor units."""
    return invoice["status"], invoice["total"], invoice["amount_due"], invoice["amount_paid"]


def detail(harness: Harness) -> str:
    (found,) = statuses.find(harness.engine, "test", "s-1")
    return found.detail


def credit(harness: Harness, invoice: dict[str, Any], amounts: dict[int, int], **more: Any) -> None:
    """Credit parts of an invoice's lines, by the amount of the line."""
    parts: Any = [
        {"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": amounts[line["amount"]]}
        for line in invoice["lines"]["data"] if line["amount"] in amounts
    ]  # fmt: skip
    given: Any = {"invoice": invoice["id"], "lines": parts} | more
    harness.stripe().v1.credit_notes.create(given)


@EVERY
def test_ended_before_the_renewal_and_seen_inside_the_draft_hour(harness_of: Build, answers: tuple[bool, ...]) -> None:
    """The new period is not billed; 30.00 above the minimum are, less 50 %: 15.00, of which the credit pays 10.00."""
    harness = begun(harness_of, answers)
    (first,) = harness.objects("invoices")
    assert money_of(first) == ("paid", 6000, 6000, 6000)
    end = at_the_end(harness, card=DECLINED, balance=CREDIT)
    end_in_stigg(harness, end - MINUTE)
    run_at(harness, end + 10 * MINUTE)
    assert subscription(harness)["status"] == "canceled"
    (final,) = finals(harness)
    assert (lines(final), final["total"]) == ([("130", 0), ("1", 3000)], 1500)
    run_at(harness, end + 3 * HOUR)
    draft = cycle(harness)
    # 100.00 + 20.00 for a period that Stigg never sold, less 50 %.
    assert (draft["status"], draft["auto_advance"], draft["total"]) == ("draft", False, 6000)
    assert "0.00 USD are owed before the end, 60.00 USD are not" in detail(harness)
    assert money_of(final) == ("open", 1500, 500, 0)
    assert (balance_of(harness), ledger(harness)) == (0, {"billed": ("130", 13000)})
    give_card(harness, GOOD, id="pm_better")
    until(harness, end + 10 * DAY)
    assert money_of(final) == ("paid", 1500, 500, 500), "Stripe goes on trying after the cancellation"
    assert (draft["status"], draft["auto_advance"]) == ("draft", False)
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")


@EVERY
def test_ended_after_the_renewal_both_are_billed(harness_of: Build, answers: tuple[bool, ...]) -> None:
    """Renewal 75.00, of which the credit pays 10.00. Then 150 calls in two minutes, 100.00 of which the new minimum covers:
    50.00 less 50 % are 25.00."""
    harness = begun(harness_of, answers)
    end = at_the_end(harness, card=DECLINED, balance=CREDIT)
    until(harness, end + 2 * MINUTE)
    end_in_stigg(harness, end + 2 * MINUTE)
    use(harness, 150, end + MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    harness.reconcile()
    assert subscription(harness)["status"] == "active", "its renewal is owed, and a cancellation would stop it"
    run_at(harness, end + HOUR + 10 * MINUTE)
    harness.reconcile()
    renewal = cycle(harness)
    assert subscription(harness)["status"] == "canceled", "its renewal is final and was tried"
    assert (money_of(renewal), renewal["auto_advance"]) == (("open", 7500, 6500, 0), True)
    run_at(harness, end + 4 * HOUR)
    (final,) = finals(harness)
    assert lines(final) == [("150", 0), ("1", 5000)]
    assert (money_of(final), final["auto_advance"]) == (("open", 2500, 2500, 0), True)
    give_card(harness, GOOD, id="pm_better")
    run_at(harness, end + 10 * DAY)
    assert (money_of(renewal), money_of(final)) == (("paid", 7500, 6500, 6500), ("paid", 2500, 2500, 2500))
    assert (balance_of(harness), ledger(harness)) == (0, {"billed": ("280", 28000)})
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@EVERY
def test_an_invoice_that_a_person_stopped_stays_stopped(harness_of: Build, answers: tuple[bool, ...]) -> None:
    """The stopped draft charges no minimum, which covers nothing then: 150.00 less 50 % are 75.00, less the credit 65.00."""
    harness = begun(harness_of, answers)
    end = at_the_end(harness, card=DECLINED, balance=CREDIT)
    until(harness, end + 2 * MINUTE)
    harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    end_in_stigg(harness, end + 2 * MINUTE)
    use(harness, 150, end + MINUTE)
    until(harness, end + 10 * MINUTE)
    assert cycle(harness)["id"] in harness.usage(alerts=True)["pages"][0]
    run_at(harness, end + 11 * MINUTE, alerts=True)
    assert subscription(harness)["status"] == "canceled"
    (final,) = finals(harness)
    assert (lines(final), final["total"]) == ([("150", 0), ("1", 15000)], 7500)
    run_at(harness, end + 3 * HOUR, alerts=True)
    draft = cycle(harness)
    assert (draft["status"], draft["auto_advance"], draft["total"]) == ("draft", False, 7500)
    assert (money_of(final), balance_of(harness)) == (("open", 7500, 6500, 0), 0)
    run_at(harness, end + 10 * DAY, alerts=True)
    assert (draft["status"], draft["auto_advance"]) == ("draft", False)


@pytest.mark.parametrize("ended", [-MINUTE, 2 * MINUTE], ids=["before", "after"])
def test_a_debt_of_the_customer_is_paid_with_the_first_invoice_that_is_final(harness_of: Build, ended: int) -> None:
    """A good card. Before: 15.00 + 5.00 = 20.00. After: 75.00 + 5.00 = 80.00, and 25.00 without the debt."""
    harness = begun(harness_of)
    end = at_the_end(harness, balance=DEBT)
    until(harness, end + 3 * MINUTE)
    if ended > 0:
        use(harness, 150, end + MINUTE)
    end_in_stigg(harness, end + ended)
    for moment in (10 * MINUTE, HOUR + 10 * MINUTE, 4 * HOUR):
        run_at(harness, end + moment)
    (final,), renewal = finals(harness), cycle(harness)
    if ended > 0:
        assert money_of(renewal) == ("paid", 7500, 8000, 8000)
        assert money_of(final) == ("paid", 2500, 2500, 2500)
    else:
        assert (renewal["status"], renewal["auto_advance"]) == ("draft", False)
        assert money_of(final) == ("paid", 1500, 2000, 2000)
    assert balance_of(harness) == 0


def test_two_hours_late_and_declined_what_is_not_owed_is_credited_and_the_rest_is_told(harness_of: Build) -> None:
    """The renewal is open: 75.00 less 10.00 of credit. 15.00 of it are use; 10.00 + 50.00 sold a period after the end."""
    harness = begun(harness_of)
    end = at_the_end(harness, card=DECLINED, balance=CREDIT)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    end_in_stigg(harness, end - MINUTE)
    run_at(harness, end + 2 * HOUR)
    renewal = cycle(harness)
    assert (money_of(renewal), renewal["auto_advance"]) == (("open", 7500, 6500, 0), False)
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    assert "15.00 USD are owed before the end, 60.00 USD are not" in detail(harness)
    assert "Credit 60.00 USD of it by a credit note. Then collect the rest of it." in detail(harness)
    assert (finals(harness), ledger(harness)) == ([], {"billed": ("130", 13000)})
    credit(harness, renewal, {2000: 1000, 10000: 5000})
    harness.reconcile()
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    until(harness, end + 4 * HOUR)
    assert "open invoice of 5.00 USD that nothing collects" in harness.usage(alerts=True)["pages"][0]
    assert ledger(harness) == {"billed": ("130", 13000)}


@pytest.mark.parametrize("late", [2 * HOUR, DAY], ids=["two hours", "a day"])
def test_late_and_never_counted_use_before_the_end_goes_on_the_final_invoice(harness_of: Build, late: int) -> None:
    """No job ran: the renewal was paid without the use, 60.00 less 10.00 of credit. The use is owed: 30.00 less 50 %."""
    harness = begun(harness_of)
    end = at_the_end(harness, balance=CREDIT)
    end_in_stigg(harness, end - MINUTE)
    run_at(harness, end + late)
    run_at(harness, end + late + 3 * HOUR)
    renewal, (final,) = cycle(harness), finals(harness)
    assert money_of(renewal) == ("paid", 6000, 5000, 5000)
    assert (lines(final), money_of(final)) == ([("130", 0), ("1", 3000)], ("paid", 1500, 1500, 1500))
    assert ledger(harness) == {"billed": ("130", 13000)}
    assert "0.00 USD are owed before the end, 60.00 USD are not" in detail(harness)
    credit(harness, renewal, {2000: 1000, 10000: 5000}, credit_amount=6000)
    harness.reconcile()
    assert (harness.status("s-1"), balance_of(harness)) == (("NO_SYNC_REQUIRED", "ENDED"), -6000)


def test_an_end_seconds_after_the_renewal_is_not_covered_by_the_minimum_that_it_charged(harness_of: Build) -> None:
    """Within a minute: the period was never sold. 130 and 10 calls, one minimum of 100.00: 40.00 less 50 % are 20.00."""
    harness = begun(harness_of)
    end = at_the_end(harness)
    use(harness, 10, end + 20)
    end_in_stigg(harness, end + 30)
    run_at(harness, end + DAY)
    (final,) = finals(harness)
    assert (sum(amount for _, amount in lines(final)), final["total"]) == (4000, 2000)
    assert "0.00 USD are owed before the end, 60.00 USD are not" in detail(harness)


@pytest.mark.parametrize("balance", [0, -10_000], ids=["nothing on it", "it covers the draft"])
def test_the_way_out_of_a_draft_that_is_not_owed(harness_of: Build, balance: int) -> None:
    """Finalized by hand: 60.00 are open and void, or paid at once of the 85.00 that the final invoice left, and credited."""
    harness = begun(harness_of)
    end = at_the_end(harness, balance=balance)
    end_in_stigg(harness, end - MINUTE)
    run_at(harness, end + 10 * MINUTE)
    run_at(harness, end + 3 * HOUR)
    left = balance + 1500 if balance else 0  # the final invoice takes 15.00 of a credit
    assert (balance_of(harness), cycle(harness)["status"]) == (left, "draft")
    invoices, draft = harness.stripe().v1.invoices, cycle(harness)
    invoices.finalize_invoice(draft["id"], {"auto_advance": False})
    if balance:
        assert (money_of(draft), balance_of(harness)) == (("paid", 6000, 0, 0), left + 6000)
        assert "if Stripe marks it paid at once" in detail(harness)
        credit(harness, draft, {2000: 1000, 10000: 5000}, credit_amount=6000)
    else:
        invoices.void_invoice(draft["id"])
    harness.reconcile()
    assert (harness.status("s-1"), balance_of(harness)) == (("NO_SYNC_REQUIRED", "ENDED"), left)


def test_an_open_invoice_that_a_person_stopped_stays_stopped(harness_of: Build) -> None:
    """Declined, then switched off by hand; the end comes after it. 75.00 stay open, and a person is notified."""
    harness = begun(harness_of)
    end = at_the_end(harness, card=DECLINED)
    run_at(harness, end + 10 * MINUTE)
    until(harness, end + 2 * HOUR)
    renewal = cycle(harness)
    harness.stripe().v1.invoices.update(renewal["id"], {"auto_advance": False})
    end_in_stigg(harness, end + 90 * MINUTE)
    harness.reconcile()
    assert "75.00 USD that nothing collects" in harness.usage(alerts=True)["pages"][0]
    run_at(harness, end + 10 * DAY, alerts=True)
    assert subscription(harness)["status"] == "canceled"
    assert (money_of(renewal), renewal["auto_advance"]) == (("open", 7500, 7500, 0), False)


def test_after_the_last_retry_both_invoices_are_told_with_their_amounts(harness_of: Build) -> None:
    harness = begun(harness_of)
    end = at_the_end(harness, card=DECLINED)
    until(harness, end + 2 * MINUTE)
    end_in_stigg(harness, end + 2 * MINUTE)
    use(harness, 150, end + MINUTE)
    for moment in (10 * MINUTE, HOUR + 10 * MINUTE, 4 * HOUR):
        run_at(harness, end + moment)
    until(harness, end + 40 * DAY)
    harness.reconcile()
    message = " ".join(harness.usage(alerts=True)["pages"])
    assert "open invoice of 75.00 USD that nothing collects" in message
    assert "open invoice of 25.00 USD that nothing collects" in message


@pytest.mark.parametrize(
    ("used", "balance", "billed", "left", "message"),
    [
        (100.8, 0, None, 0, "0.40 USD are less than Stripe charges"),
        (100.8, CREDIT, (40, 0), -960, ""),  # the credit covers it
        (100.8, DEBT, (40, 540), 0, ""),  # charged with the debt
        (130, -1480, (1500, 0), 20, "Stripe leaves 0.20 USD"),
    ],
)  # fmt: skip
def test_the_least_that_stripe_charges_counts_after_the_balance(
    harness_of: Build, used: float, balance: int, billed: tuple[int, int] | None, left: int, message: str
) -> None:
    """FACTS_A 20-22. 0.80 above the minimum are 0.40 after the coupon; 15.00 less 14.80 of credit are 0.20."""
    harness = begun(harness_of)
    end = at_the_end(harness, balance=balance, used=used)
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    pages = harness.usage(alerts=bool(message))["pages"]
    assert [message in page for page in pages] == ([True] if message else [])
    run_at(harness, end + 3 * HOUR)
    assert [(i["total"], i["amount_paid"]) for i in finals(harness)] == ([billed] if billed else [])
    assert (balance_of(harness), set(ledger(harness))) == (left, {"billed" if billed else "unbillable"})


@pytest.mark.parametrize("behavior", ["keep_as_draft", "void"])
def test_nothing_is_collected_for_a_subscription_whose_collection_is_paused(harness_of: Build, behavior: Any) -> None:
    """A renewal at the same moment would not be collected either: the use is a person's, with its amount."""
    harness = begun(harness_of)
    end = at_the_end(harness)
    pause: Any = {"pause_collection": {"behavior": behavior}}
    harness.stripe().v1.subscriptions.update(subscription(harness)["id"], pause)
    harness.reconcile()
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    (message,) = harness.usage(alerts=True)["pages"]
    assert f"Its collection is paused in Stripe ({behavior})" in message
    run_at(harness, end + 10 * DAY)
    assert (finals(harness), ledger(harness)) == ([], {"unbillable": ("130", 13000)})
    assert sum(i["amount_paid"] for i in harness.objects("invoices")) == 6000, "the first one alone"


@pytest.mark.parametrize("ended", [-MINUTE, 2 * MINUTE], ids=["before", "after"])
def test_a_coupon_for_once_that_a_renewal_uses_up(harness_of: Build, ended: int) -> None:
    """SB 21.5. A renewal that is owed uses it up: 75.00, and then 50.00 whole; one that is not leaves it: 30.00 less 50 %."""
    made = month()
    made.stigg["subscriptions"][0]["coupons"] = []
    harness = begun(harness_of, made=made)
    end = at_the_end(harness)
    client = harness.stripe()
    client.v1.coupons.create({"id": "theirs", "percent_off": 50, "duration": "once"})
    client.v1.subscriptions.update(subscription(harness)["id"], {"discounts": [{"coupon": "theirs"}]})
    until(harness, end + 3 * MINUTE)
    if ended > 0:
        use(harness, 150, end + MINUTE)
    end_in_stigg(harness, end + ended)
    for moment in (10 * MINUTE, HOUR + 10 * MINUTE, 4 * HOUR):
        run_at(harness, end + moment)
    (final,), renewal = finals(harness), cycle(harness)
    assert (renewal["status"], renewal["total"]) == (("paid", 7500) if ended > 0 else ("draft", 6000))
    assert money_of(final)[:2] == ("paid", 5000 if ended > 0 else 1500)


def test_a_fixed_coupon_is_taken_off_each_invoice_once(harness_of: Build) -> None:
    """40.00 off: 190 calls are 90.00 above the minimum; 100.00 + 20.00 + 90.00 - 40.00 = 170.00, and 50.00 - 40.00."""
    made = month()
    made.coupon("forty", off={"USD": 40})
    made.stigg["subscriptions"][0]["coupons"] = [made.applied("forty")]
    harness = begun(harness_of, made=made)
    end = at_the_end(harness, used=190)
    until(harness, end + 3 * MINUTE)
    use(harness, 150, end + MINUTE)
    end_in_stigg(harness, end + 2 * MINUTE)
    for moment in (10 * MINUTE, HOUR + 10 * MINUTE, 4 * HOUR):
        run_at(harness, end + moment)
    assert (money_of(cycle(harness)), money_of(finals(harness)[0])) == (
        ("paid", 17000, 17000, 17000),
        ("paid", 1000, 1000, 1000),
    )


@pytest.mark.parametrize("removed", [True, False], ids=["Stripe removes prorations", "Stripe leaves them"])
def test_a_pending_charge_and_use_are_both_billed_before_the_renewal(harness_of: Build, removed: bool) -> None:
    """C1. Seats from 1 to 4 ten days before the end of 30: +80.00 and -20.00, a third of each, less 50 %: 13.33 - 3.34 = 9.99.

    The use is 30.00 above the minimum, less 50 %: 15.00.
    """
    made = month(base=per_unit("seats", 20))
    made.feature("seats", "Seats")
    harness = begun(harness_of, (removed, False, True, True), made=made)
    harness.change(stripe={"upgrade_proration": "create_prorations"})
    end = period_end(harness)
    until(harness, end - 10 * DAY)
    use(harness, 130, end - 11 * DAY)
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    row["prices"][1] |= {"usageLimit": 4, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    until(harness, end - DAY)
    end_in_stigg(harness, end - DAY)
    for moment in (0, 20 * MINUTE, 3 * HOUR, 6 * HOUR):
        run_at(harness, end - DAY + moment)
    assert subscription(harness)["status"] == "canceled"
    assert sorted(money_of(i)[:2] for i in finals(harness)) == [("paid", 999), ("paid", 1500)]
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []


@pytest.mark.parametrize("stops", [True, False], ids=["the whole customer", "the subscription"])
@pytest.mark.parametrize("both", [True, False], ids=["both end", "one ends"])
def test_the_open_invoice_of_another_subscription_is_collected_on(harness_of: Build, stops: bool, both: bool) -> None:
    """C3: 75.00 and 30.00 are open and declined when s-1, or both, end; each is tried again, and paid by a better card."""
    made = month()
    made.plan("other", "Other", [flat(30)])
    made.subscription("s-2", "c-1", "other", method="CHARGE", resource={"resourceId": "r-2"})
    harness = begun(harness_of, (True, False, stops, True), made=made)
    end = at_the_end(harness, card=DECLINED)
    run_at(harness, end + 10 * MINUTE)
    until(harness, end + 2 * HOUR)
    for id in ("s-1", "s-2")[: 2 if both else 1]:
        end_in_stigg(harness, end + 90 * MINUTE, id)
    run_at(harness, end + 2 * HOUR + MINUTE)
    harness.reconcile()
    open_ones = [cycle(harness), cycle(harness, "s-2")]
    assert [(money_of(i)[:2], i["auto_advance"]) for i in open_ones] == [(("open", 7500), True), (("open", 3000), True)]
    give_card(harness, GOOD, id="pm_better")
    until(harness, end + 10 * DAY)
    assert [money_of(i)[0] for i in open_ones] == ["paid", "paid"]
    assert [s["status"] for s in harness.objects("subscriptions")] == ["canceled", "canceled" if both else "active"]
