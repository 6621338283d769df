"""Changes of plan in Stigg: in place or by a new subscription, as the migration matrix says (SB 18.8, 18.9).

Free and custom to paid, and free to custom, make a new subscription; paid to free, paid to custom, and custom to free happen
in place. Paid to paid is not documented: ``plan_change_keeps_id`` says. A new subscription that is paid ends the one of the
same customer and resource. Whichever it is, usage begins again (SB 18.5).
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.resources.stigg.provision import latest, made
from sandbox.world.state import Obj, World, iso

ENDED: Final = ("CANCELED", "EXPIRED")
IN_PLACE: Final = {("PAID", "FREE"), ("PAID", "CUSTOM"), ("CUSTOM", "FREE"), ("FREE", "FREE"), ("CUSTOM", "CUSTOM")}


def change_plan(world: World, subscription: str, plan: str, **given: Any) -> Obj:
    """Change the plan of a subscription and return what carries it on: the same row, or a new one.

    ``given`` are more fields of a provisioning, such as ``billableFeatures`` or the new ``subscriptionId``.
    """
    row = next(s for s in world.stigg["subscriptions"] if s["subscriptionId"] == subscription)
    kinds = (kind_of(row), latest(world, "plans", plan, "PlanNotFound")["pricingType"])
    keeps = world.unknowns["plan_change_keeps_id"] if kinds == ("PAID", "PAID") else kinds in IN_PLACE
    requested: Obj = {
        "customerId": row["customer"]["customerId"],
        "planId": plan,
        "billingPeriod": row["billingPeriod"],
    }
    requested |= {"paymentCollectionMethod": row.get("paymentCollectionMethod"), "resourceId": resource_of(row)} | given
    if keeps:
        return changed_in_place(world, row, requested)
    return replaced(world, row, requested)


def kind_of(row: Obj) -> str:
    return "CUSTOM" if row.get("isCustomPriceSubscription") else str(row["pricingType"])


def resource_of(row: Obj) -> str | None:
    found: str | None = (row.get("resource") or {}).get("resourceId")
    return found


def changed_in_place(world: World, row: Obj, requested: Obj) -> Obj:
    """Give a subscription another plan under its id; its periods stay."""
    fresh = made(world, requested | {"subscriptionId": row["subscriptionId"]})
    names = ("pricingType", "isCustomPriceSubscription", "plan", "addons", "prices")
    row |= {name: fresh[name] for name in names} | {"updatedAt": iso(world.now)}
    begin_again(world, row)
    return row


def replaced(world: World, row: Obj, requested: Obj) -> Obj:
    """End a subscription and make the one that follows it, at the same moment."""
    end(world, row)
    fresh = made(world, requested)
    world.stigg["subscriptions"].append(fresh)
    return fresh


def end(world: World, row: Obj) -> None:
    """End a subscription because another takes its place; which reason it has then is inferred (SB 18.8)."""
    moment = iso(world.now)
    reason = "UpgradeOrDowngrade" if world.unknowns["replaced_is_upgrade"] else "Immediate"
    row |= {"status": "CANCELED", "cancelReason": reason, "cancellationDate": moment, "effectiveEndDate": moment}
    row["updatedAt"] = moment
    begin_again(world, row)


def make_room(world: World, fresh: Obj) -> None:
    """End what a new paid subscription replaces: one active one that is no trial a (customer, resource) (SB 18.8)."""
    for row in world.stigg["subscriptions"]:
        if is_replaced_by(row, fresh):
            end(world, row)


def is_replaced_by(row: Obj, fresh: Obj) -> bool:
    """Return whether a new paid subscription, no trial, of the same customer and resource replaces an active one."""
    paid = fresh["status"] == "ACTIVE" and fresh["pricingType"] == "PAID"
    same = row["customer"] == fresh["customer"] and resource_of(row) == resource_of(fresh)
    return row is not fresh and paid and same and row["status"] == "ACTIVE"


def provisioned(world: World, given: Obj) -> Obj:
    """Make a subscription, or give the paid one of the same customer and resource another plan where Stigg keeps its id."""
    fresh = made(world, given)
    same = [row for row in world.stigg["subscriptions"] if is_replaced_by(row, fresh)]
    if (
        same
        and not given.get("subscriptionId")
        and world.unknowns["plan_change_keeps_id"]
        and kind_of(same[0]) == "PAID"
    ):
        return changed_in_place(world, same[0], given)
    make_room(world, fresh)
    world.stigg["subscriptions"].append(fresh)
    return fresh


def begin_again(world: World, row: Obj) -> None:
    """Reset the usage of a subscription's features: a plan change is a reset point as well as a new period (SB 18.5)."""
    features = {part["featureId"] for part in row.get("prices") or () if part.get("featureId")}
    for feature in sorted(features):
        report: Obj = {
            "customerId": row["customer"]["customerId"],
            "featureId": feature,
            "resourceId": resource_of(row),
        }
        if any(all(used.get(k) == v for k, v in report.items()) for used in world.stigg["usage"]):
            world.stigg["usage"].append(report | {"timestamp": iso(world.now), "reset": True, "change": True})
