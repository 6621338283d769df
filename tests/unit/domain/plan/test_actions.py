"""Actions: their hashes, idempotency keys, groups and order, which approvals and journals of before rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stripe_sync.core.decoding import typed
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import RENEWED, Action, ActionKind, Plan, ordered
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.writes.journal import Intent

# The hash of one action of each kind: target "NOUN:production:x", name "Old" before and "New" after. Recorded while a
# kind was a plain text; an approval names these hashes.
HASHES = {
    "stigg.cancel": "b6757a39668c6b9a",
    "checkout.create": "e491ae2e9f061994",
    "stigg.provision": "0045dd5e8969fdd5",
    "stigg.name": "21a43c6cfd54f38f",
    "product.create": "dfb0d7ea3b541260",
    "product.update": "ffb535809ad169bd",
    "price.create": "0f149fd65094f419",
    "price.update": "5807c590fe599617",
    "product.set_default": "94f1bdccb14440aa",
    "price.release": "ddb720433eabc645",
    "price.archive": "07e5d4bb2b2e2110",
    "product.retire": "84fb6500a9bfdec9",
    "coupon.create": "953dc8c4e0685343",
    "coupon.update": "b9c0e819f299aac0",
    "coupon.delete": "cfe0ee646649f6e8",
    "customer.create": "bc6de5539b39df28",
    "customer.update": "b30e5ec6aa37c75c",
    "subscription.create": "9eb046d940570079",
    "schedule.release": "3943e1df7eba0dea",
    "invoiceitem.create": "262d86bfd4677ad1",
    "subscription.update": "2a3ef9d818b5a3a0",
    "subscription.cancel": "e9b888acf854ed4c",
    "price.retire": "2761beafbe7bdfd6",
    "draft.hold": "4a99aab94fdd10a8",
    "finalinvoice.create": "c9564c291484db48",
    "usageline.remove": "c3d87af77d2778ff",
    "usageline.change": "c0feb1983a303ea0",
    "usageline.put": "352c73b57ba03344",
    "meterevent.send": "2ca43f9cd32dabd1",
    "finalinvoice.delete": "6de0bff399f2d4bd",
    "finalinvoice.release": "d9d0aea9b3f92998",
    "draft.release": "a967396a9bafbcef",
    "product.strip": "eded4ffa1615ae09",
    "price.strip": "c350b28e1f1fa156",
    "coupon.strip": "8336daab8ade0543",
    "customer.strip": "fe542e218569062c",
    "subscription.strip": "d35d2ebca969831e",
}


def action(kind: str) -> Action:
    noun = kind.partition(".")[0]
    return Action(
        kind=ActionKind(kind),
        lane=Lane.CATALOG,
        target=f"{noun}:production:x",
        before={"name": "Old"},
        after={"name": "New"},
        cause="changed",
    )


@pytest.mark.parametrize("kind", HASHES)
def test_no_hash_group_or_stored_text_of_an_action_changes(kind: str) -> None:
    made = action(kind)
    assert made.hash == HASHES[kind]
    assert made.group == f"catalog/{kind}/changed"
    assert made.noun == kind.partition(".")[0]
    assert f'"kind":"{kind}"' in dumps(made).replace(" ", "")
    assert typed({"kind": kind, "lane": "catalog", "target": made.target, "after": {}}, Action).kind is ActionKind(kind)


@pytest.mark.parametrize("kind", HASHES)
def test_the_idempotency_key_of_an_intent_names_warehouse_intent_and_action(kind: str) -> None:
    intent = Intent(7, "w-1", action(kind), datetime(2026, 11, 16, tzinfo=UTC), timedelta(0))
    assert intent.idempotency_key == f"stripe_sync-w-1-7-{HASHES[kind]}"


def test_kinds_are_in_the_order_in_which_a_plan_makes_them() -> None:
    assert [kind.value for kind in ActionKind if kind.value in HASHES] == list(HASHES)
    shuffled = [action(kind) for kind in sorted(HASHES)]
    assert [a.kind.value for a in ordered(shuffled)] == list(HASHES)
    assert [kind.value for kind, _ in Plan(environment="e", actions=shuffled).stages()] == list(HASHES)


def test_creations_and_ends_are_counted_by_the_limits() -> None:
    assert [kind.value for kind in ActionKind if kind.is_creation] == [
        "checkout.create", "product.create", "price.create", "coupon.create", "customer.create", "subscription.create",
        "invoiceitem.create", "finalinvoice.create",
    ]  # fmt: skip
    assert {kind.value for kind in ActionKind if kind.is_end} == {
        "price.archive", "price.retire", "product.retire", "coupon.delete", "subscription.cancel", "stigg.cancel",
    }  # fmt: skip


def test_an_overtaken_change_and_its_item_are_one_group() -> None:
    def group(kind: ActionKind, cause: str) -> str:
        return Action(kind=kind, lane=Lane.SUBSCRIPTIONS, target="x", after={}, cause=cause).group

    item, change = ActionKind.INVOICE_ITEM_CREATE, ActionKind.SUBSCRIPTION_UPDATE
    assert group(item, RENEWED) == group(change, RENEWED) == "subscriptions/subscription.update/renewed"
    assert group(item, "discount") == "subscriptions/invoiceitem.create/discount"
    assert group(change, "changed") == "subscriptions/subscription.update/changed"
