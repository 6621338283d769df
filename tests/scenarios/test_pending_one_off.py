"""A one-off charge that waits for the renewal when its subscription ends (BILLING 4 and 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.resources.stigg.changes import change_plan, changed_in_place
from sandbox.world.state import Fault, Obj
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.scenarios.test_owed import rows
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, until

Build = Callable[[WorldBuilder], Harness]


def test_a_pending_one_off_charge_has_the_coupon_of_its_subscription(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 3.3: a one-off item is discountable, a proration is not. Each charge is 99.00, each coupon our own.

    A 50 % coupon (live, deleted or exhausted) leaves 49.50; one of 5.00 (live or deleted) leaves 94.00, because no usage shares it.
    """
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    coupons = {"half": 4950, "gone": 4950, "out": 4950, "five": 9400, "lost": 9400}
    one_offs = {}
    for ref in coupons:
        fixed = ref in ("five", "lost")
        small_world.coupon(ref, off={"USD": 5}) if fixed else small_world.coupon(ref, percent=50)
        small_world.customer(f"c-{ref}", ref.title(), f"{ref}@example.test")
        row = small_world.subscription(f"s-{ref}", f"c-{ref}", "model")
        row["coupons"] = [small_world.applied(ref)]
        one_offs[ref] = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    for ref, price in one_offs.items():
        harness.stigg("subscriptions", subscriptionId=f"s-{ref}")["prices"].append(price)
    harness.reconcile()
    waiting = [i for i in harness.objects("invoiceitems") if i["invoice"] is None]
    assert [(i["amount"], i["discountable"]) for i in waiting] == [(9900, True)] * 5
    for coupon in harness.objects("coupons"):
        if coupon["name"] in ("Gone", "Lost"):
            harness.stripe().v1.coupons.delete(coupon["id"])
        elif coupon["name"] == "Out":
            coupon["valid"] = False
    left = {coupon["id"] for coupon in harness.objects("coupons")}
    harness.later(DAY)
    for ref in coupons:
        end_in_stigg(harness, harness.world.now, f"s-{ref}")
    harness.later(2 * HOUR)
    harness.reconcile()
    owners = {s["customer"]: s["metadata"]["stiggEntityId"] for s in harness.objects("subscriptions")}
    bills = {owners[bill["customer"]]: (bill["total"], bill["auto_advance"]) for bill in finals(harness)}
    assert bills == {f"s-{ref}": (total, True) for ref, total in coupons.items()}
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []
    assert {coupon["id"] for coupon in harness.objects("coupons")} == left, "copies are deleted"


@pytest.mark.parametrize(
    ("is_seen", "billed"), [(True, [(9900, True)]), (False, [])], ids=["while it is canceled", "before it is seen"]
)
def test_a_charge_on_a_renewal_after_the_end_is_billed_once_or_by_a_person(
    harness_of: Build, small_world: WorldBuilder, is_seen: bool, billed: list[tuple[int, bool]]
) -> None:
    """The renewal of 20.00 takes the pending 99.00 along, and is void in the end.

    If the cancellation had noted them, our own invoice bills them; else its message leaves them to a person.
    """
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-model", "c-1", "model")
    one_off = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    row["prices"].append(one_off)
    harness.merge(small_world)
    harness.reconcile()
    held = next(s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-model")
    (item,) = held["items"]["data"]
    until(harness, item["current_period_end"] - 3 * MINUTE)
    end_in_stigg(harness, harness.world.now, "s-model")
    if is_seen:
        harness.world.faults.append(Fault("DELETE", "/v1/subscriptions/", kind="clock", seconds=5 * MINUTE))
    else:
        harness.later(5 * MINUTE)
    harness.reconcile()
    (renewal,) = [
        i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle" and i["total"] == 11_900
    ]
    assert (held["status"], renewal["status"], renewal["auto_advance"]) == ("canceled", "draft", False)
    assert [(bill["total"], bill["auto_advance"]) for bill in finals(harness)] == billed
    for _ in range(2):
        (found,) = statuses.find(harness.engine, "test", "s-model")
        assert (found.reason, rows(harness, "after_end")) == ("RENEWED_AFTER_END", [("s-model", "20.00 USD")])
        assert "99.00 USD are owed before the end, 20.00 USD are not." in found.detail
        assert ("need a person" in found.detail, "go on the final invoice" in found.detail) == (
            not billed,
            bool(billed),
        )
        harness.reconcile()


def free_with_a_charge_pending(harness: Harness, one_off: Obj) -> None:
    """Charge s-model once more while it is paid, then let it become free, which cancels it in Stripe."""
    harness.stigg("subscriptions", subscriptionId="s-model")["prices"].append(one_off)
    harness.reconcile()
    harness.later(2 * HOUR)
    change_plan(harness.world, "s-model", "free")
    harness.reconcile()


def test_each_stripe_subscription_of_one_id_has_its_own_invoice_of_pending_charges(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """Paid, free and paid again under one id: 99.00 are pending at the first ending, 70.00 at the second; each is billed."""
    small_world.plan("free", "Free", [], pricing="FREE")
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    small_world.plan("other", "Other", [flat(20), flat(70) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-model", "c-1", "model")
    one_off = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    free_with_a_charge_pending(harness, one_off)
    assert [bill["total"] for bill in finals(harness)] == [9900]
    session = harness.session()
    manual_actions.unlink(session, "subscription", "s-model", Operator("It is paid again.", "ada"))
    session.close()
    again = harness.stigg("subscriptions", subscriptionId="s-model")
    plan = {"customerId": "c-1", "planId": "other", "billingPeriod": "MONTHLY", "resourceId": None}
    changed_in_place(harness.world, again, plan | {"paymentCollectionMethod": again["paymentCollectionMethod"]})
    one_off = again["prices"].pop()
    harness.reconcile()
    free_with_a_charge_pending(harness, one_off)
    assert sorted(bill["total"] for bill in finals(harness)) == [7000, 9900]
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []
