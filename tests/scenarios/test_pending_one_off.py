"""A one-off charge that waits for the renewal when its subscription ends (BILLING 4 and 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR

Build = Callable[[WorldBuilder], Harness]


@pytest.mark.parametrize("deleted", [False, True], ids=["live coupon", "deleted coupon"])
def test_a_pending_one_off_charge_has_the_coupon_of_its_subscription(
    harness_of: Build, small_world: WorldBuilder, deleted: bool
) -> None:
    """SB 3.3: a one-off item is discountable, a proration is not. 99.00 less 50 % are 49.50."""
    small_world.coupon("half", percent=50)
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-model", "c-1", "model")
    row["coupons"] = [small_world.applied("half")]
    one_off = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    row["prices"].append(one_off)
    harness.merge(small_world)
    harness.reconcile()
    (waiting,) = [i for i in harness.objects("invoiceitems") if i["invoice"] is None]
    assert (waiting["amount"], waiting["discountable"]) == (9900, True)
    if deleted:
        (coupon,) = harness.objects("coupons")
        harness.stripe().v1.coupons.delete(coupon["id"])
    harness.later(DAY)
    end_in_stigg(harness, harness.world.now, "s-model")
    harness.later(2 * HOUR)
    harness.reconcile()
    left = [i["amount"] for i in harness.objects("invoiceitems") if i["invoice"] is None]
    if deleted:
        assert (finals(harness), left) == ([], [9900]), "without its coupon it is billed by a person"
        assert harness.status("s-model") == ("PENDING", "NEEDS_A_PERSON")
    else:
        (bill,) = finals(harness)
        assert (bill["total"], bill["auto_advance"], left) == (4950, True, [])
