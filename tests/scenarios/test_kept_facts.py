"""Facts about money outlive the run that told them: each is a row until Stripe shows what became of it (BILLING 7).

s-1 of the town is 20.00 a month and two seats at 5.00; its period of 720 hours began three hours before the first run. Six
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
from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.runner import run_until
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, subscription, until
from tests.scenarios.test_final_invoice import changed_and_ended, finals
from tests.scenarios.test_month_end_endings import end_in_stigg, used_to_the_end
from tests.scenarios.test_owed import detail, rows

Build = Callable[[WorldBuilder], House]
ENDED = ("NO_SYNC_REQUIRED", "ENDED")
PERSON = ("PENDING", "NEEDS_A_PERSON")


def test_our_invoice_that_cannot_be_finalized_is_a_row_until_it_is(house_of: Build, town: WorldBuilder) -> None:
    """Review 2, 1: while Stripe is to finalize it nobody has to do anything; once that failed, the charges are a row again."""
    house = house_of(town)
    assert changed_and_ended(house) == 2887
    house.reconcile()
    (bill,) = finals(house)
    assert (rows(house, "charges"), house.status("s-1")) == ([], ENDED)
    house.world.billing |= {"finalization_fails": {bill["customer"]: "customer_tax_location_invalid"}}
    house.later(2 * HOUR)
    for _ in range(2):
        house.reconcile()
        assert (rows(house, "charges"), house.status("s-1")) == ([("s-1", "28.87 USD")], PERSON)
        assert f"28.87 USD of charges for test--plan--pro--seats are on {bill['id']}, which could not be" in detail(
            house
        )
    found = house.usage(wakes=True)
    (page,) = [page for page in found["pages"] if bill["id"] in page]
    assert "28.87 USD" in page and "customer_tax_location_invalid" in page
    house.world.billing["finalization_fails"] = {}
    house.stripe().v1.invoices.finalize_invoice(bill["id"], {"auto_advance": True})
    house.reconcile()
    assert (bill["status"], rows(house, "charges"), house.status("s-1")) == ("open", [], ENDED)


def test_our_invoice_whose_switch_is_refused_is_a_row(house_of: Build, town: WorldBuilder) -> None:
    """Review 2, 1: it stays a draft of 28.87 that is switched off; a person voids it, which closes the row."""
    house = house_of(town)
    changed_and_ended(house)
    house.world.faults.append(Fault("POST", "/v1/invoices/in_", nth=2, status=400))  # the first gives back
    house.reconcile()
    (bill,) = finals(house)
    assert (bill["total"], bill["auto_advance"]) == (2887, False)
    house.reconcile()
    assert (rows(house, "charges"), house.status("s-1")) == ([("s-1", "28.87 USD")], PERSON)
    assert f"are on {bill['id']}, which nothing finalizes" in detail(house)
    house.stripe().v1.invoices.finalize_invoice(bill["id"], {"auto_advance": False})
    house.stripe().v1.invoices.void_invoice(bill["id"])
    house.reconcile()
    assert (rows(house, "charges"), house.status("s-1")) == ([], ENDED)


def test_what_an_interrupted_run_billed_is_no_row_to_bill_again(house_of: Build, town: WorldBuilder) -> None:
    """Review 2, 5: the line was made, and an answer beside it was lost; ten minutes later the next run concludes."""
    house = house_of(town)
    changed_and_ended(house)
    house.world.faults.append(Fault("POST", "/v1/invoices/in_", status=500, times=1))
    with pytest.raises(RunStopped):
        house.reconcile("cut")
    house.later(10 * MINUTE)
    house.reconcile("after")
    (bill,) = finals(house)
    assert (bill["total"], bill["auto_advance"]) == (2887, True)
    assert (rows(house, "charges"), house.status("s-1")) == ([], ENDED)
    house.later(3 * HOUR)
    house.reconcile()
    assert (bill["status"], rows(house, "charges"), house.status("s-1")) == ("open", [], ENDED)


def test_an_invoice_that_is_not_given_back_is_a_row_until_it_is_settled(
    house_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Review 2, 10: 20.00 of the customer's other subscription, sent by mail; a field that is not as wanted hides it not."""
    metered.subscription("s-2", "c-1", "pro", method="INVOICE", resource={"resourceId": "r-2"})
    house = house_of(metered)
    house.world.unknowns["cancel_stops_customer"] = True
    house.reconcile()
    house.reconcile()
    house.later(2 * HOUR)
    house.usage()
    stopped = house.world.stripe["invoices"][subscription(house, "s-2")["latest_invoice"]]
    assert (stopped["status"], stopped["auto_advance"], stopped["amount_remaining"]) == ("open", True, 2000)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile("seen")
    house.usage()
    house.world.faults.append(Fault("POST", f"/v1/invoices/{stopped['id']}", status=400, times=10))
    whole = verification.mismatches

    def one_more(*given: Any) -> list[str]:
        return [*whole(*given), "status"] if "ended_in_stigg" in given[0] else list(whole(*given))

    monkeypatch.setattr(verification, "mismatches", one_more)
    with pytest.raises(RunStopped, match="differ from their target"):
        house.reconcile("ending")
    with house.engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "select detail from journal_outcome where detail like '%%differs%%'"
        ).scalars()
        assert f"{stopped['id']} is owed and not collected any more" in " ".join(kept)
    monkeypatch.setattr(verification, "mismatches", whole)
    assert subscription(house)["status"] == "canceled"
    assert not stopped["auto_advance"]
    for _ in range(2):
        house.later(DAY)
        house.reconcile()
        assert rows(house, "after_end") == [("s-1", "20.00 USD")]
        assert house.status("s-1") == PERSON
        assert f"20.00 USD on {stopped['id']} are owed and not collected any more" in detail(house)
    house.world.faults.clear()
    house.stripe().v1.invoices.pay(stopped["id"], {"paid_out_of_band": True})
    house.reconcile()
    assert (rows(house, "after_end"), house.status("s-1")) == ([], ENDED)


def test_a_renewal_that_came_between_the_plan_and_the_write_stays_a_row(house_of: Build, metered: WorldBuilder) -> None:
    """Review 2, 10: planned as ended before the renewal of 20.00, canceled after it; free under its id, so Stigg has no date."""
    metered.plan("free", "Free", [], pricing="FREE")
    house = house_of(metered)
    end = used_to_the_end(house)
    change_plan(house.world, "s-1", "free")
    until(house, end - MINUTE)
    session = house.session()
    run_until(session, house.run(session, "late"), RECONCILE, "plan")
    session.close()
    until(house, end + MINUTE)
    house.apply_run("late")
    draft = cycle(house)
    assert (subscription(house)["status"], draft["auto_advance"]) == ("canceled", False)
    for wait in (0, DAY, 120 * DAY):
        house.later(wait)
        house.reconcile()
        assert house.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
        assert rows(house, "after_end") == [("s-1", "20.00 USD")]
        assert f"{draft['id']} (draft) sells a period that Stigg never sold" in detail(house)
    told = [page for page in house.usage()["pages"] if draft["id"] in page]
    assert not any("switch auto_advance on" in page for page in told)
    house.stripe().v1.invoices.finalize_invoice(draft["id"], {"auto_advance": False})
    house.stripe().v1.invoices.void_invoice(draft["id"])
    house.reconcile()
    assert (rows(house, "after_end"), house.status("s-1")) == ([], ENDED)


def test_paid_time_after_the_end_has_what_the_ending_bills(house_of: Build, town: WorldBuilder) -> None:
    """Review 2, 11: ended two hours after the change, with 691 hours left: 30.00 x 691 / 720 are 28.79, and of the 38.50 and
    -9.63 that are pending for 693 hours, 28.87 x 691 / 693 are 28.78; both rounded down."""
    house = house_of(town)
    house.change(upgrade_proration="create_prorations", end_proration="propose")
    house.reconcile()
    row = house.stigg("subscriptions", subscriptionId="s-1")
    house.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(house.world.now)}
    house.reconcile()
    house.later(2 * HOUR)
    end_in_stigg(house, house.world.now)
    house.later(HOUR)
    house.reconcile()
    assert rows(house, "unused") == [("s-1", "28.79 USD")], "what is pending is on no finalized invoice yet"
    (bill,) = finals(house)
    house.later(2 * HOUR)
    house.reconcile()
    assert (bill["status"], bill["total"]) == ("open", 2887)
    assert sorted(rows(house, "unused")) == [("s-1", "28.78 USD"), ("s-1", "28.79 USD")]
    assert f"28.78 USD of the paid period lie after the end; credit {bill['id']}" in detail(house)
    (line,) = bill["lines"]["data"]
    parts: Any = [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": 2878}]
    house.stripe().v1.credit_notes.create({"invoice": bill["id"], "lines": parts})
    house.reconcile()
    assert (rows(house, "unused"), house.status("s-1")) == ([("s-1", "28.79 USD")], ENDED)
