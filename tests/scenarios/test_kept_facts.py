"""Facts about money outlive the run that reported them: each is a row until Stripe shows its outcome (BILLING 7).

s-1 of the small world is 20.00 a month and two seats at 5.00; its period of 720 hours began three hours before the first run. Six
seats more with 693 hours left are 8 x 5.00 less 2 x 5.00 for that time: 38.50 - 9.63 (rounded down) are 28.87.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.resources.stigg.changes import change_plan
from sandbox.world.state import Fault, iso
from stripe_sync.apply import verification
from stripe_sync.core.errors import FatalError
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.runner import run_until
from tests.scenarios.test_final_invoice import changed_and_ended, finals
from tests.scenarios.test_month_end_endings import end_in_stigg, used_to_the_end
from tests.scenarios.test_owed import detail, rows
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, subscription, until

Build = Callable[[WorldBuilder], Harness]
ENDED = ("NO_SYNC_REQUIRED", "ENDED")
PERSON = ("PENDING", "NEEDS_A_PERSON")


def test_our_invoice_that_cannot_be_finalized_is_a_row_until_it_is(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """Review 2, 1: while Stripe is to finalize it no action is needed; once that failed, the charges are a row again."""
    harness = harness_of(small_world)
    assert changed_and_ended(harness) == 2887
    harness.reconcile()
    (bill,) = finals(harness)
    assert (rows(harness, "charges"), harness.status("s-1")) == ([], ENDED)
    harness.world.billing |= {"finalization_fails": {bill["customer"]: "customer_tax_location_invalid"}}
    harness.later(2 * HOUR)
    for _ in range(2):
        harness.reconcile()
        assert (rows(harness, "charges"), harness.status("s-1")) == ([("s-1", "28.87 USD")], PERSON)
        assert f"28.87 USD of charges for test--plan--pro--seats are on {bill['id']}, which could not be" in detail(
            harness
        )
    found = harness.usage(alerts=True)
    (page,) = [page for page in found["pages"] if bill["id"] in page]
    assert "28.87 USD" in page and "customer_tax_location_invalid" in page
    harness.world.billing["finalization_fails"] = {}
    harness.stripe().v1.invoices.finalize_invoice(bill["id"], {"auto_advance": True})
    harness.reconcile()
    assert (bill["status"], rows(harness, "charges"), harness.status("s-1")) == ("open", [], ENDED)


def test_our_invoice_whose_switch_is_refused_is_a_row(harness_of: Build, small_world: WorldBuilder) -> None:
    """Review 2, 1: it stays a draft of 28.87 that is switched off; a person voids it, which closes the row."""
    harness = harness_of(small_world)
    changed_and_ended(harness)
    harness.world.faults.append(Fault("POST", "/v1/invoices/in_", nth=2, status=400))  # the first gives back
    harness.reconcile()
    (bill,) = finals(harness)
    assert (bill["total"], bill["auto_advance"]) == (2887, False)
    harness.reconcile()
    assert (rows(harness, "charges"), harness.status("s-1")) == ([("s-1", "28.87 USD")], PERSON)
    assert f"are on {bill['id']}, which nothing finalizes" in detail(harness)
    harness.stripe().v1.invoices.finalize_invoice(bill["id"], {"auto_advance": False})
    harness.stripe().v1.invoices.void_invoice(bill["id"])
    harness.reconcile()
    assert (rows(harness, "charges"), harness.status("s-1")) == ([], ENDED)


def test_what_an_interrupted_run_billed_is_no_row_to_bill_again(harness_of: Build, small_world: WorldBuilder) -> None:
    """Review 2, 5: the line was made, and an answer beside it was lost; ten minutes later the next run concludes."""
    harness = harness_of(small_world)
    changed_and_ended(harness)
    harness.world.faults.append(Fault("POST", "/v1/invoices/in_", status=500, times=1))
    with pytest.raises(FatalError):
        harness.reconcile("cut")
    harness.later(10 * MINUTE)
    harness.reconcile("after")
    (bill,) = finals(harness)
    assert (bill["total"], bill["auto_advance"]) == (2887, True)
    assert (rows(harness, "charges"), harness.status("s-1")) == ([], ENDED)
    harness.later(3 * HOUR)
    harness.reconcile()
    assert (bill["status"], rows(harness, "charges"), harness.status("s-1")) == ("open", [], ENDED)


def test_an_invoice_that_is_not_given_back_is_a_row_until_it_is_settled(
    harness_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Review 2, 10: 20.00 of the customer's other subscription, sent by mail; a field that differs from its target does not hide it."""
    metered.subscription("s-2", "c-1", "pro", method="INVOICE", resource={"resourceId": "r-2"})
    harness = harness_of(metered)
    harness.world.unknowns["cancel_stops_customer"] = True
    harness.reconcile()
    harness.reconcile()
    harness.later(2 * HOUR)
    harness.usage()
    stopped = harness.world.stripe["invoices"][subscription(harness, "s-2")["latest_invoice"]]
    assert (stopped["status"], stopped["auto_advance"], stopped["amount_remaining"]) == ("open", True, 2000)
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile("seen")
    harness.usage()
    harness.world.faults.append(Fault("POST", f"/v1/invoices/{stopped['id']}", status=400, times=10))
    whole = verification.mismatches

    def one_more(*given: Any) -> list[str]:
        return [*whole(*given), "status"] if "ended_in_stigg" in given[0] else list(whole(*given))

    monkeypatch.setattr(verification, "mismatches", one_more)
    with pytest.raises(FatalError, match="differ from their target"):
        harness.reconcile("ending")
    with harness.engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "select detail from stripe_sync.journal_outcome where detail like '%%differs%%'"
        ).scalars()
        assert f"{stopped['id']} is owed and not collected any more" in " ".join(kept)
    monkeypatch.setattr(verification, "mismatches", whole)
    assert subscription(harness)["status"] == "canceled"
    assert not stopped["auto_advance"]
    for _ in range(2):
        harness.later(DAY)
        harness.reconcile()
        assert rows(harness, "after_end") == [("s-1", "20.00 USD")]
        assert harness.status("s-1") == PERSON
        assert f"20.00 USD on {stopped['id']} are owed and not collected any more" in detail(harness)
    harness.world.faults.clear()
    harness.stripe().v1.invoices.pay(stopped["id"], {"paid_out_of_band": True})
    harness.reconcile()
    assert (rows(harness, "after_end"), harness.status("s-1")) == ([], ENDED)


def test_a_renewal_that_came_between_the_plan_and_the_write_stays_a_row(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """Review 2, 10: planned as ended before the renewal of 20.00, canceled after it; free under its id, so Stigg has no date."""
    metered.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    change_plan(harness.world, "s-1", "free")
    until(harness, end - MINUTE)
    session = harness.session()
    run_until(session, harness.run(session, "late"), RECONCILE, "plan")
    session.close()
    until(harness, end + MINUTE)
    harness.apply_run("late")
    draft = cycle(harness)
    assert (subscription(harness)["status"], draft["auto_advance"]) == ("canceled", False)
    for wait in (0, DAY, 120 * DAY):
        harness.later(wait)
        harness.reconcile()
        assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
        assert rows(harness, "after_end") == [("s-1", "20.00 USD")]
        assert f"{draft['id']} (draft) sells a period that Stigg never sold" in detail(harness)
    message = [page for page in harness.usage()["pages"] if draft["id"] in page]
    assert not any("switch auto_advance on" in page for page in message)
    harness.stripe().v1.invoices.finalize_invoice(draft["id"], {"auto_advance": False})
    harness.stripe().v1.invoices.void_invoice(draft["id"])
    harness.reconcile()
    assert (rows(harness, "after_end"), harness.status("s-1")) == ([], ENDED)


def test_paid_time_after_the_end_has_what_the_ending_bills(harness_of: Build, small_world: WorldBuilder) -> None:
    """Review 2, 11: ended two hours after the change, with 691 hours left: 30.00 x 691 / 720 are 28.79, and of the 38.50 and
    -9.63 that are pending for 693 hours, 28.87 x 691 / 693 are 28.78; both rounded down."""
    harness = harness_of(small_world)
    harness.change(stripe={"upgrade_proration": "create_prorations", "end_proration": "propose"})
    harness.reconcile()
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    harness.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    harness.later(2 * HOUR)
    end_in_stigg(harness, harness.world.now)
    harness.later(HOUR)
    harness.reconcile()
    assert rows(harness, "unused") == [("s-1", "28.79 USD")], "what is pending is on no finalized invoice yet"
    (bill,) = finals(harness)
    harness.later(2 * HOUR)
    harness.reconcile()
    assert (bill["status"], bill["total"]) == ("open", 2887)
    assert sorted(rows(harness, "unused")) == [("s-1", "28.78 USD"), ("s-1", "28.79 USD")]
    assert f"28.78 USD of the paid period lie after the end; credit {bill['id']}" in detail(harness)
    (line,) = bill["lines"]["data"]
    parts: Any = [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": 2878}]
    harness.stripe().v1.credit_notes.create({"invoice": bill["id"], "lines": parts})
    harness.reconcile()
    assert (rows(harness, "unused"), harness.status("s-1")) == ([("s-1", "28.79 USD")], ENDED)
