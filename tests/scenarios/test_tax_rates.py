"""Manual tax rates and automatic tax on what the pipeline writes: each item has its tax, once (BILLING 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from tests.scenarios.test_endings import renewed
from tests.scenarios.test_final_invoice import changed_and_ended, ended, finals
from tests.scenarios.test_tax import live_in_berlin, taxed
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, cycle, lines, month_end, period_end, subscription, until

Build = Callable[[WorldBuilder], Harness]


def with_rate(harness: Harness, id: str = "s-1", *, inclusive: bool = False) -> str:
    """Set a manual rate of 20 % on the subscription in Stripe, as a person does; return its id."""
    client = harness.stripe()
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": inclusive})
    client.v1.subscriptions.update(subscription(harness, id)["id"], {"default_tax_rates": [rate.id]})
    return str(rate.id)


def taxes(invoice: dict[str, Any]) -> list[int]:
    """Return the tax of each line that costs something, minor units, in order of amount."""
    rows = sorted((line for line in invoice["lines"]["data"] if line["amount"]), key=lambda line: int(line["amount"]))
    return [sum(tax["amount"] for tax in line["taxes"]) for line in rows]


@pytest.mark.parametrize("inherits", [False, True])
def test_a_usage_line_has_the_rates_of_its_subscription(
    harness_of: Build, metered: WorldBuilder, inherits: bool
) -> None:
    """SB 3.4, 5.4: 20 % of 3.33 of use is 0.666, of 20.00 it is 4.00: 23.33 + 4.67 = 28.00, whatever is inherited."""
    harness = harness_of(metered)
    harness.world.unknowns["items_inherit_tax_rates"] = inherits
    harness.reconcile()
    rate = with_rate(harness)
    end = month_end(harness)
    harness.usage()
    draft = cycle(harness)
    assert (draft["status"], lines(draft)) == ("draft", [("1234", 333)])
    assert (taxes(draft), draft["subtotal"], draft["total"]) == ([67, 400], 2333, 2800)
    (item,) = harness.objects("invoiceitems")
    assert [r["id"] for r in item["tax_rates"]] == [rate]
    writes = harness.writes()
    harness.later(10 * MINUTE)
    harness.usage()
    assert harness.writes() == writes, "a second run has nothing to do"
    until(harness, end + HOUR + MINUTE)
    assert (cycle(harness)["total_excluding_tax"], cycle(harness)["amount_due"]) == (2333, 2800)
    assert harness.usage()["counts"] == {"billed": 1}


def test_an_inclusive_rate_leaves_the_amount_of_use_as_it_is(harness_of: Build, metered: WorldBuilder) -> None:
    """3.33 contain 0.555 of tax, 20.00 contain 3.333: the total stays 23.33, of which 3.89 are tax."""
    harness = harness_of(metered)
    harness.reconcile()
    with_rate(harness, inclusive=True)
    month_end(harness)
    harness.usage()
    draft = cycle(harness)
    assert (taxes(draft), draft["total"], draft["total_excluding_tax"]) == ([56, 333], 2333, 1944)


def test_a_usage_line_under_automatic_tax_has_behaviour_and_code_and_no_rates(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """SB 17.4: without a tax behaviour, or with rates of its own, the line would be refused."""
    harness = harness_of(metered)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    month_end(harness)
    harness.usage()
    draft = cycle(harness)
    assert draft["automatic_tax"]["enabled"] and lines(draft) == [("1234", 333)]
    (sent,) = [r.params for r in harness.world.requests if (r.method, r.path) == ("POST", "/v1/invoiceitems")]
    assert (sent["tax_code"], sent["tax_behavior"], sent["price_data"]["tax_behavior"]) == (
        "txcd_10103001", "exclusive", "exclusive",
    )  # fmt: skip
    assert "tax_rates" not in sent


def test_the_last_use_is_taxed_like_a_renewal(harness_of: Build, metered: WorldBuilder) -> None:
    """10,000 calls are 27.00, and 20 % of it 5.40; the invoice and its line name the rate."""
    harness = harness_of(metered)
    harness.reconcile()
    rate = with_rate(harness)
    final = ended(harness)
    assert (final["subtotal"], final["total"]) == (2700, 3240)
    (item,) = [i for i in harness.objects("invoiceitems") if i["invoice"] == final["id"]]
    assert [r["id"] for r in final["default_tax_rates"]] == [r["id"] for r in item["tax_rates"]] == [rate]


def test_what_was_pending_at_the_end_is_taxed(harness_of: Build, small_world: WorldBuilder) -> None:
    """A fifth more than what was pending, rounded half up."""
    harness = harness_of(small_world)
    harness.reconcile()
    rate = with_rate(harness)
    waiting = changed_and_ended(harness)
    harness.reconcile()
    (bill,) = finals(harness)
    assert waiting > 0
    assert (bill["subtotal"], bill["total"]) == (waiting, waiting + (2 * waiting + 5) // 10)
    (item,) = [i for i in harness.objects("invoiceitems") if i["invoice"] == bill["id"]]
    assert [r["id"] for r in item["tax_rates"]] == [rate]


def test_what_an_overtaken_renewal_billed_too_little_is_taxed(harness_of: Build, small_world: WorldBuilder) -> None:
    """30.01 for six seats more on the open draft of the renewal (10.00 and 20.00): 2.00, 4.00 and 6.00 of tax."""
    harness = harness_of(small_world)
    harness.reconcile()
    rate = with_rate(harness)
    renewed(harness, small_world, later=900)
    harness.reconcile()
    (item,) = harness.objects("invoiceitems")
    assert (item["amount"], [r["id"] for r in item["tax_rates"]]) == (3001, [rate])
    draft = harness.world.stripe["invoices"][subscription(harness)["latest_invoice"]]
    assert (taxes(draft), draft["subtotal"], draft["total"]) == ([200, 400, 600], 6001, 7201)


def test_a_one_off_charge_that_comes_later_is_taxed(harness_of: Build, small_world: WorldBuilder) -> None:
    """99.00 on the next renewal (20.00): 19.80 and 4.00 of tax; before it the item itself names the rate."""
    small_world.stigg["subscriptions"].clear()
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-model", "c-1", "model")
    one_off = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    held = subscription(harness, "s-model")
    rate = with_rate(harness, id="s-model")
    row["prices"].append(one_off)
    harness.merge(small_world)
    harness.reconcile()
    (item,) = harness.objects("invoiceitems")
    assert (item["amount"], [r["id"] for r in item["tax_rates"]]) == (9900, [rate])
    assert harness.plan().plan.actions == []
    until(harness, period_end(harness, "s-model") + MINUTE)
    draft = harness.world.stripe["invoices"][held["latest_invoice"]]
    assert (taxes(draft), draft["total"]) == ([400, 1980], 11_900 + 2380)


@pytest.mark.parametrize("archived", [False, True])
def test_a_rate_that_is_archived_keeps_the_draft_until_a_person_decides(
    harness_of: Build, metered: WorldBuilder, archived: bool
) -> None:
    """Stripe applies an archived rate to nothing new: the line is refused, and the draft waits with its use unproven."""
    harness = harness_of(metered)
    harness.reconcile()
    rate = with_rate(harness)
    end = month_end(harness)
    harness.stripe().v1.tax_rates.update(rate, {"active": not archived})
    given = harness.usage()
    assert (lines(cycle(harness)), given["proven"]) == (([], 0) if archived else ([("1234", 333)], 1))
    until(harness, end + 52 * MINUTE)
    harness.usage()
    until(harness, end + 2 * HOUR)
    assert cycle(harness)["status"] == ("draft" if archived else "open")
