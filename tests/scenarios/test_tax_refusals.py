"""Invoices that automatic tax keeps from being finalized, or made: an exception with its amount, and nothing is lost (BILLING 9).

The subscription is 20.00 a month. After its end 10,000 calls of 0.27 cents are 27.00, on the final usage invoice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.builder import WorldBuilder
from stripe_sync.domain.usage.ledger import UsageState
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.scenarios.test_tax import live_in_berlin, taxed
from tests.scenarios.test_untaxed_drafts import homeless, without_usage
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, period_end, subscription, until, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def in_berlin(harness_of: Build, world: WorldBuilder) -> Harness:
    """Return a harness with a taxed subscription of a customer in Berlin."""
    harness = harness_of(world)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    harness.reconcile()
    return harness


@ends(
    "pending_negative_with_tax",
    yes=("draft", ["could not be finalized (invoice_finalization_failed)"]),
    no=("open", []),
)
def test_a_pending_negative_item_of_a_taxed_renewal_is_billed_or_pages(
    harness_of: Build, metered: WorldBuilder, end: tuple[str, list[str]]
) -> None:
    """SB 17.4: a person leaves -1.00 pending; 20.00 - 1.00 = 19.00."""
    without_usage(metered)
    harness = in_berlin(harness_of, metered)
    found = subscription(harness)
    less: Any = {"customer": found["customer"], "subscription": found["id"], "currency": "usd", "amount": -100}
    item = harness.stripe().v1.invoice_items.create(less)
    until(harness, period_end(harness) + 2 * HOUR)
    harness.reconcile()
    renewal = cycle(harness)
    stuck = harness.usage(alerts=bool(end[1]))["stuck"]
    assert (renewal["status"], [row["why"] for row in stuck]) == end
    assert (renewal["total"], [row["amount"] for row in stuck]) == (1900, [1900 for _ in end[1]])
    if stuck:
        api = harness.stripe().v1
        api.invoice_items.delete(str(item.id))
        api.invoices.finalize_invoice(renewal["id"], {"auto_advance": True})
        assert (renewal["status"], renewal["total"]) == ("open", 2000), "the person credits 1.00"
        assert harness.usage()["stuck"] == []


@ends("one_off_without_location", yes=(0, UsageState.PENDING), no=(1, UsageState.VERIFIED))
def test_the_last_use_of_a_customer_without_a_location_is_billed_once_it_has_one(
    harness_of: Build, metered: WorldBuilder, end: tuple[int, UsageState]
) -> None:
    """SB 17.3: the final usage invoice is refused when it is made, or is a draft that cannot be taxed; 27.00 wait either way."""
    harness = in_berlin(harness_of, metered)
    harness.reconcile()
    harness.usage()
    use(harness, 10_000, harness.world.now + HOUR)
    harness.later(DAY)
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile()
    homeless(harness)
    is_refused = not end[0]
    harness.usage(alerts=is_refused)
    harness.later(3 * HOUR)
    found = harness.usage(alerts=True)
    (page,) = found["pages"]
    assert (
        "27.00 USD" in page and ("correct the customer's address in Stripe, then finalize it" in page) is not is_refused
    )
    assert (len(found["stuck"]), *ledger(harness)) == end
    assert ledger(harness) == {end[1]: ("10000", 2700)}
    live_in_berlin(harness)
    if not is_refused:
        (bill,) = finals(harness)
        harness.stripe().v1.invoices.finalize_invoice(bill["id"], {"auto_advance": True})
    harness.usage()
    harness.later(3 * HOUR)
    assert harness.usage()["stuck"] == []
    (bill,) = finals(harness)
    assert (bill["status"], lines(bill)) == ("open", [("10000", 2700)])
    assert ledger(harness) == {UsageState.BILLED: ("10000", 2700)}, "also where a person finalized it"
