"""Manual tax rates and automatic tax on what the pipeline writes: each item has its tax, once (BILLING 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from tests.house import House
from tests.metering import HOUR, MINUTE, cycle, lines, month_end, period_end, subscription, until
from tests.scenarios.test_endings import renewed
from tests.scenarios.test_final_invoice import changed_and_ended, ended, finals
from tests.scenarios.test_tax import live_in_berlin, taxed

Build = Callable[[WorldBuilder], House]


def with_rate(house: House, id: str = "s-1", *, inclusive: bool = False) -> str:
    """Set a manual rate of 20 % on the subscription in Stripe, as a person does; return its id."""
    client = house.stripe()
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": inclusive})
    client.v1.subscriptions.update(subscription(house, id)["id"], {"default_tax_rates": [rate.id]})
    return str(rate.id)


def taxes(invoice: dict[str, Any]) -> list[int]:
    """Return the tax of each line that costs something, minor units, in order of amount."""
    rows = sorted((line for line in invoice["lines"]["data"] if line["amount"]), key=lambda line: int(line["amount"]))
    return [sum(tax["amount"] for tax in line["taxes"]) for line in rows]


@pytest.mark.parametrize("inherits", [False, True])
def test_a_usage_line_has_the_rates_of_its_subscription(house_of: Build, metered: WorldBuilder, inherits: bool) -> None:
    """SB 3.4, 5.4: 20 % of 3.33 of use is 0.666, of 20.00 it is 4.00: 23.33 + 4.67 = 28.00, whatever is inherited."""
    house = house_of(metered)
    house.world.unknowns["items_inherit_tax_rates"] = inherits
    house.reconcile()
    rate = with_rate(house)
    end = month_end(house)
    house.usage()
    draft = cycle(house)
    assert (draft["status"], lines(draft)) == ("draft", [("1234", 333)])
    assert (taxes(draft), draft["subtotal"], draft["total"]) == ([67, 400], 2333, 2800)
    (item,) = house.objects("invoiceitems")
    assert [r["id"] for r in item["tax_rates"]] == [rate]
    writes = house.writes()
    house.later(10 * MINUTE)
    house.usage()
    assert house.writes() == writes, "a second run has nothing to do"
    until(house, end + HOUR + MINUTE)
    assert (cycle(house)["total_excluding_tax"], cycle(house)["amount_due"]) == (2333, 2800)
    assert house.usage()["counts"] == {"billed": 1}


def test_an_inclusive_rate_leaves_the_amount_of_use_as_it_is(house_of: Build, metered: WorldBuilder) -> None:
    """3.33 contain 0.555 of tax, 20.00 contain 3.333: the total stays 23.33, of which 3.89 are tax."""
    house = house_of(metered)
    house.reconcile()
    with_rate(house, inclusive=True)
    month_end(house)
    house.usage()
    draft = cycle(house)
    assert (taxes(draft), draft["total"], draft["total_excluding_tax"]) == ([56, 333], 2333, 1944)


def test_a_usage_line_under_automatic_tax_has_behaviour_and_code_and_no_rates(
    house_of: Build, metered: WorldBuilder
) -> None:
    """SB 17.4: without a tax behaviour, or with rates of its own, the line would be refused."""
    house = house_of(metered)
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    month_end(house)
    house.usage()
    draft = cycle(house)
    assert draft["automatic_tax"]["enabled"] and lines(draft) == [("1234", 333)]
    (sent,) = [r.params for r in house.world.requests if (r.method, r.path) == ("POST", "/v1/invoiceitems")]
    assert (sent["tax_code"], sent["tax_behavior"], sent["price_data"]["tax_behavior"]) == (
        "txcd_10103001", "exclusive", "exclusive",
    )  # fmt: skip
    assert "tax_rates" not in sent


def test_the_last_use_is_taxed_like_a_renewal(house_of: Build, metered: WorldBuilder) -> None:
    """10,000 calls are 27.00, and 20 % of it 5.40; the invoice and its line name the rate."""
    house = house_of(metered)
    house.reconcile()
    rate = with_rate(house)
    final = ended(house)
    assert (final["subtotal"], final["total"]) == (2700, 3240)
    (item,) = [i for i in house.objects("invoiceitems") if i["invoice"] == final["id"]]
    assert [r["id"] for r in final["default_tax_rates"]] == [r["id"] for r in item["tax_rates"]] == [rate]


def test_what_was_pending_at_the_end_is_taxed(house_of: Build, town: WorldBuilder) -> None:
    """A fifth more than what was pending, rounded half up."""
    house = house_of(town)
    house.reconcile()
    rate = with_rate(house)
    waiting = changed_and_ended(house)
    house.reconcile()
    (bill,) = finals(house)
    assert waiting > 0
    assert (bill["subtotal"], bill["total"]) == (waiting, waiting + (2 * waiting + 5) // 10)
    (item,) = [i for i in house.objects("invoiceitems") if i["invoice"] == bill["id"]]
    assert [r["id"] for r in item["tax_rates"]] == [rate]


def test_what_an_overtaken_renewal_billed_too_little_is_taxed(house_of: Build, town: WorldBuilder) -> None:
    """30.01 for six seats more on the open draft of the renewal (10.00 and 20.00): 2.00, 4.00 and 6.00 of tax."""
    house = house_of(town)
    house.reconcile()
    rate = with_rate(house)
    renewed(house, town, later=900)
    house.reconcile()
    (item,) = house.objects("invoiceitems")
    assert (item["amount"], [r["id"] for r in item["tax_rates"]]) == (3001, [rate])
    draft = house.world.stripe["invoices"][subscription(house)["latest_invoice"]]
    assert (taxes(draft), draft["subtotal"], draft["total"]) == ([200, 400, 600], 6001, 7201)


def test_a_one_off_charge_that_comes_later_is_taxed(house_of: Build, town: WorldBuilder) -> None:
    """99.00 on the next renewal (20.00): 19.80 and 4.00 of tax; before it the item itself names the rate."""
    town.stigg["subscriptions"].clear()
    town.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = town.subscription("s-model", "c-1", "model")
    one_off = row["prices"].pop()
    house = house_of(town)
    house.reconcile()
    held = subscription(house, "s-model")
    rate = with_rate(house, id="s-model")
    row["prices"].append(one_off)
    house.merge(town)
    house.reconcile()
    (item,) = house.objects("invoiceitems")
    assert (item["amount"], [r["id"] for r in item["tax_rates"]]) == (9900, [rate])
    assert house.plan().plan.actions == []
    until(house, period_end(house, "s-model") + MINUTE)
    draft = house.world.stripe["invoices"][held["latest_invoice"]]
    assert (taxes(draft), draft["total"]) == ([400, 1980], 11_900 + 2380)


@pytest.mark.parametrize("archived", [False, True])
def test_a_rate_that_is_archived_keeps_the_draft_until_a_person_decides(
    house_of: Build, metered: WorldBuilder, archived: bool
) -> None:
    """Stripe applies an archived rate to nothing new: the line is refused, and the draft waits with its use unproven."""
    house = house_of(metered)
    house.reconcile()
    rate = with_rate(house)
    end = month_end(house)
    house.stripe().v1.tax_rates.update(rate, {"active": not archived})
    given = house.usage()
    assert (lines(cycle(house)), given["proven"]) == (([], 0) if archived else ([("1234", 333)], 1))
    until(house, end + 52 * MINUTE)
    house.usage()
    until(house, end + 2 * HOUR)
    assert cycle(house)["status"] == ("draft" if archived else "open")
