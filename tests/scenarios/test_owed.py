"""Manual follow-ups of an ending are rows with their amounts until Stripe shows them billed, deleted or credited (BILLING 7).

s-1 is 20.00 a month and two seats at 5.00; its period of 720 hours began three hours before the first run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.reporting.tables import tables
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_final_invoice import changed_and_ended, finals
from tests.scenarios.test_month_end_endings import end_in_stigg
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, subscription

Build = Callable[[WorldBuilder], Harness]
BOTH = pytest.mark.parametrize("removed", [True, False], ids=["Stripe removes prorations", "Stripe leaves them"])


def rows(harness: Harness, name: str) -> list[tuple[str, str]]:
    """(subscription, amount) of the rows of a report."""
    (table,) = tables(harness.engine, {name: name}, "test")
    return [(row["subscription"], str(row["amount"])) for row in table.rows]


def pending(harness: Harness) -> list[dict[str, Any]]:
    return [i for i in harness.objects("invoiceitems") if i["invoice"] is None and not i.get("gone")]


def detail(harness: Harness) -> str:
    (found,) = statuses.find(harness.engine, "test", "s-1")
    return found.detail


@BOTH
def test_charges_that_a_person_bills_are_a_row_until_they_are_billed(
    harness_of: Build, small_world: WorldBuilder, removed: bool
) -> None:
    """Six seats more with 693 of 720 hours left: 8 x 5.00 less 2 x 5.00 are 38.50 - 9.63 (962.5 rounded down)."""
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = removed
    waiting = changed_and_ended(harness)
    names = ",".join(sorted(i["id"] for i in pending(harness)))
    subscription(harness)["on_behalf_of"] = "acct_other"
    harness.reconcile()
    amount = f"{waiting / 100:.2f} USD"
    assert amount == "28.87 USD"
    for _ in range(2):
        assert rows(harness, "charges") == [("s-1", amount)]
        assert harness.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
        assert amount in detail(harness)
        harness.later(DAY)
        harness.reconcile()
    client, customer = harness.stripe(), subscription(harness)["customer"]
    if removed:
        assert pending(harness) == []
        bill = client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "exclude"})
        line: Any = {"customer": customer, "invoice": bill.id, "amount": waiting, "currency": "usd"}
        client.v1.invoice_items.create({**line, "metadata": {"stiggPending": names}})
    else:
        bill = client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
        assert pending(harness) == []
        harness.reconcile()
        assert rows(harness, "charges") == [("s-1", amount)], "a draft may be void in the end"
        client.v1.invoices.finalize_invoice(bill.id, {"auto_advance": False})
    harness.reconcile()
    assert rows(harness, "charges") == []
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


def test_charges_that_a_person_deletes_close(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = False
    changed_and_ended(harness)
    subscription(harness)["on_behalf_of"] = "acct_other"
    harness.reconcile()
    assert len(rows(harness, "charges")) == 1
    for item in pending(harness):
        harness.stripe().v1.invoice_items.delete(item["id"])
    harness.reconcile()
    assert rows(harness, "charges") == []


@BOTH
def test_a_pending_credit_is_a_row_until_it_is_given(
    harness_of: Build, small_world: WorldBuilder, removed: bool
) -> None:
    """One seat less after a day: 693 of 720 hours of 5.00 are 4.8125, of two seats 9.625; rounded down -9.63 + 4.81."""
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = removed
    harness.reconcile()
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    harness.later(DAY)
    row["prices"][1] |= {"usageLimit": 1, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    end_in_stigg(harness, harness.world.now)
    harness.later(2 * HOUR)
    for _ in range(2):
        harness.reconcile()
        assert rows(harness, "credits") == [("s-1", "4.82 USD")]
        assert harness.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
    first = harness.world.stripe["invoices"][subscription(harness)["latest_invoice"]]
    (flat, *_) = first["lines"]["data"]
    parts: Any = [{"type": "invoice_line_item", "invoice_line_item": flat["id"], "amount": 481}]
    harness.stripe().v1.credit_notes.create({"invoice": first["id"], "lines": parts})
    harness.reconcile()
    assert rows(harness, "credits") == [("s-1", "4.82 USD")], "another amount is another credit"
    parts[0]["amount"] = 482
    harness.stripe().v1.credit_notes.create({"invoice": first["id"], "lines": parts})
    harness.reconcile()
    assert rows(harness, "credits") == []
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


def test_a_credit_under_another_tax_is_not_set_off(harness_of: Build, small_world: WorldBuilder) -> None:
    """38.50 are billed, and the credit of 9.63, which has a tax rate of its own, is a person's."""
    harness = harness_of(small_world)
    changed_and_ended(harness)
    (credit,) = [i for i in pending(harness) if i["amount"] < 0]
    rate = harness.stripe().v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 19})
    credit["tax_rates"] = [rate.to_dict()]
    harness.reconcile()
    (bill,) = finals(harness)
    assert (bill["total"], rows(harness, "credits")) == (3850, [("s-1", "9.63 USD")])


@pytest.mark.parametrize("setting", ["propose", "none"])
def test_paid_time_after_an_end_is_a_proposal_or_nothing(
    harness_of: Build, small_world: WorldBuilder, setting: str
) -> None:
    """30.00 for 720 hours, ended after 27 of them: 30.00 x 693 / 720 = 28.875, rounded down."""
    harness = harness_of(small_world)
    harness.change(stripe={"end_proration": setting})
    harness.reconcile()
    harness.later(DAY)
    end_in_stigg(harness, harness.world.now)
    harness.later(HOUR)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert rows(harness, "unused") == ([("s-1", "28.87 USD")] if setting == "propose" else [])
    harness.plan(full=True)
    assert ("28.87 USD of the paid period lie after the end" in detail(harness)) is (setting == "propose")
    first = harness.world.stripe["invoices"][subscription(harness)["latest_invoice"]]
    whole: Any = [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": line["amount"]}
                  for line in first["lines"]["data"]]  # fmt: skip
    harness.stripe().v1.credit_notes.create({"invoice": first["id"], "lines": whole})
    harness.reconcile()
    assert rows(harness, "unused") == []
