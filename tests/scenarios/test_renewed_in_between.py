"""A renewal between the note of a cancellation and the cancellation itself: a row with its amount (BILLING 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.domain.plan.actions import ActionKind
from tests.scenarios.test_month_end_endings import end_in_stigg, paid_to_the_end
from tests.scenarios.test_owed import detail, rows
from tests.support.harness import Harness
from tests.support.kills import killed_in
from tests.support.metering import DAY, HOUR, MINUTE, cycle, subscription, until

Build = Callable[[WorldBuilder], Harness]
UNPAID, SETTLED = ("PENDING", "RENEWED_AFTER_END"), ("NO_SYNC_REQUIRED", "ENDED")


def renewed_in_between(harness: Harness) -> None:
    """End s-1 three minutes before its renewal, which comes while its cancellation is sent two minutes later."""
    end = paid_to_the_end(harness)
    end_in_stigg(harness, harness.world.now)
    until(harness, end - MINUTE)
    harness.world.faults.append(Fault("DELETE", "/v1/subscriptions/", kind="clock", seconds=2 * MINUTE))


@pytest.mark.parametrize("stops", [True, False], ids=["Stripe stops the draft", "the pipeline stops it"])
def test_a_renewal_between_the_note_and_the_cancellation_is_a_row_until_it_is_void(
    harness_of: Build, metered: WorldBuilder, stops: bool
) -> None:
    """C3: its 20.00 are not collected, and are a row from the run of the cancellation on."""
    harness = harness_of(metered)
    harness.world.unknowns["cancel_stops_drafts"] = stops
    renewed_in_between(harness)
    harness.reconcile()
    draft = cycle(harness)
    assert (subscription(harness)["status"], draft["status"], draft["auto_advance"]) == ("canceled", "draft", False)
    for wait in (0, DAY):
        harness.later(wait)
        harness.reconcile()
        assert (harness.status("s-1"), rows(harness, "after_end")) == (UNPAID, [("s-1", "20.00 USD")])
    harness.stripe().v1.invoices.finalize_invoice(draft["id"], {"auto_advance": False})
    harness.stripe().v1.invoices.void_invoice(draft["id"])
    harness.reconcile()
    assert (harness.status("s-1"), rows(harness, "after_end")) == (SETTLED, [])


def test_a_renewal_that_was_paid_while_the_run_was_dead_is_a_row_until_it_is_credited(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """Stripe goes on with the draft (C3), and the run dies before it stops it: 20.00 were paid for time after the end."""
    harness = harness_of(metered)
    harness.world.unknowns["cancel_stops_drafts"] = False
    renewed_in_between(harness)
    with killed_in(ActionKind.SUBSCRIPTION_CANCEL, "finish"):
        harness.reconcile("killed")
    harness.later(3 * HOUR)
    renewal = cycle(harness)
    assert (subscription(harness)["status"], renewal["status"], renewal["amount_paid"]) == ("canceled", "paid", 2000)
    for run in ("after", "later"):
        harness.reconcile(run)
        assert (harness.status("s-1"), rows(harness, "after_end")) == (UNPAID, [("s-1", "20.00 USD")])
        assert "Credit 20.00 USD of it by a credit note." in detail(harness)
    (line,) = [row for row in renewal["lines"]["data"] if row["amount"]]
    part: Any = {"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": 2000}
    harness.stripe().v1.credit_notes.create({"invoice": renewal["id"], "lines": [part], "credit_amount": 2000})
    harness.reconcile()
    assert (harness.status("s-1"), rows(harness, "after_end")) == (SETTLED, [])
