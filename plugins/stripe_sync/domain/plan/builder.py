"""From drift to actions: one difference gives the writes that end it, or none where a person has to decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stripe_sync.core import keys
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.difference import Difference, Existing
from stripe_sync.domain.drift.rows import DriftRow
from stripe_sync.domain.model.documents import (
    COUPON,
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    STIGG_SUBSCRIPTION,
    SUBSCRIPTION,
)
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan, ordered
from stripe_sync.domain.plan.writes.catalog import (
    build_coupon,
    build_customer,
    build_product,
    build_slot,
    build_version,
)
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Policy, Unplanned
from stripe_sync.domain.plan.writes.stigg import build_stigg_subscription
from stripe_sync.domain.plan.writes.subscription import build_subscription

SLOT_WRITES = (ActionKind.PRICE_CREATE, ActionKind.PRICE_UPDATE, ActionKind.PRICE_RELEASE)
EXEMPT = "A person exempted it (stiggSync=ignore, or the command ignore); its drift is accepted."


def build(
    environment: str,
    *,
    differences: Sequence[Difference],
    drift: Sequence[DriftRow],
    book: PriceBook,
    known: frozenset[str],
    policy: Policy,
) -> tuple[Plan, dict[str, str]]:
    """The plan, and why some drift is not planned, by link key.

    ``known`` are link keys of objects that Stripe has; a price version among them is reactivated, not made again.
    """
    by_key: dict[str, list[str]] = {}
    for row in drift:
        by_key.setdefault(row.key, []).append(row.id)
    draft = Draft({d.key: d for d in differences}, by_key, book, known, policy)
    exempt = {row.key for row in drift if row.accepted}
    outcomes = [outcome for d in differences for outcome in written(draft, d, exempt)]
    actions = [outcome for outcome in outcomes if isinstance(outcome, Action)]
    actions = [
        action for action in actions if action.kind != ActionKind.PRICE_RETIRE or may_retire(draft, action, actions)
    ]
    with_new_default = {
        a.target for a in actions if a.kind == ActionKind.PRODUCT_SET_DEFAULT and a.after["default_price"]
    }
    actions = [a for a in actions if not (is_clearing(a) and a.target in with_new_default)]
    return Plan(environment=environment, actions=ordered(linked(actions))), {
        o.key: o.why for o in outcomes if isinstance(o, Unplanned)
    }


def written(draft: Draft, d: Difference, exempt: Collection[str]) -> Iterator[Outcome]:
    """Yield the actions of one difference, or why it has none: a person may have exempted the object."""
    if d.key in exempt or d.is_exempt:
        yield Unplanned(d.key, EXEMPT)
        return
    yield from BUILDERS[d.kind](draft, d)


def may_retire(draft: Draft, retire: Action, actions: Sequence[Action]) -> bool:
    """Return whether a subscription's own price may be archived: none of its items uses it after this plan."""
    owner = owner_of(retire)
    d = draft.differences.get(owner)
    if not isinstance(d, Existing):
        return True
    if retire.target not in d.actual.facts["items"]:
        return True
    return any(a.target == owner and ("items" in a.after or a.kind == ActionKind.SUBSCRIPTION_CANCEL) for a in actions)


def is_clearing(action: Action) -> bool:
    """Return whether an action removes a product's default price without a replacement."""
    return action.kind == ActionKind.PRODUCT_SET_DEFAULT and action.after["default_price"] is None


def owner_of(retire: Action) -> str:
    """The link key of the subscription that alone has a price."""
    return keys.owner(retire.target)


def linked(actions: Sequence[Action]) -> list[Action]:
    """Return the actions with their dependencies on each other."""
    writes = Writes.of(actions)
    return [msgspec.structs.replace(a, depends_on=sorted(writes.needed_by(a) - {a.hash})) for a in actions]


@dataclass(frozen=True)
class Writes:
    """The hashes of the writes of a plan that other writes may wait for."""

    makers: Mapping[str, str]  # creations and updates of prices, by link key
    new_defaults: Mapping[str, str]  # new defaults of products, by slot
    slots: Mapping[str, str]  # other writes of prices, by slot
    releases: Mapping[str, str]  # releases of schedules, by subscription
    targets: Mapping[str, set[str]]  # all writes, by link key

    @classmethod
    def of(cls, actions: Sequence[Action]) -> Writes:
        """Return the writes of these actions."""
        targets: dict[str, set[str]] = {}
        for action in actions:
            targets.setdefault(action.target, set()).add(action.hash)
        return cls(
            makers={a.target: a.hash for a in actions if a.kind.is_creation or a.kind == ActionKind.PRICE_UPDATE},
            new_defaults={defaulted_slot(a): a.hash for a in actions if a.kind == ActionKind.PRODUCT_SET_DEFAULT},
            slots={keys.slot_of(a.target): a.hash for a in actions if a.kind in SLOT_WRITES},
            releases={a.target: a.hash for a in actions if a.kind == ActionKind.SCHEDULE_RELEASE},
            targets=targets,
        )

    def needed_by(self, action: Action) -> set[str]:
        """Return the writes before an action: those that make or change an object that it refers to, and by its kind."""
        required = {self.makers[key] for key in references(action) if key in self.makers}
        match action.kind:
            case ActionKind.PRICE_RELEASE:  # if its release is interrupted, a price is still found by its key
                return required | _at(keys.slot_of(action.target), self.new_defaults)
            case ActionKind.PRICE_ARCHIVE:  # after every other write that is about its slot
                return required | _at(keys.slot_of(action.target), self.new_defaults, self.slots)
            case ActionKind.SUBSCRIPTION_UPDATE | ActionKind.SUBSCRIPTION_CANCEL:
                return required | _at(action.target, self.releases)
            case ActionKind.PRICE_RETIRE:
                return required | self.targets.get(owner_of(action), set())
            case _:
                return required


def _at(key: str, *writes: Mapping[str, str]) -> set[str]:
    return {by_key[key] for by_key in writes if key in by_key}


def defaulted_slot(action: Action) -> str:
    """The slot whose price a product's default moves to, or away from."""
    version = action.after["default_price"] or (action.before or {}).get("default_price") or ""
    return keys.slot_of(version)


def references(action: Action) -> Iterator[str]:
    """The link keys that an action's content names."""
    after = action.after
    if not action.kind.is_creation and action.kind != ActionKind.PRICE_UPDATE:
        yield action.target
    for name in ("product", "customer", "default_price", "price", "subscription"):
        if after.get(name):
            yield after[name]
    for item in (*(after.get("items") or ()), *(after.get("one_off") or ())):
        yield item["price"]
    yield from (after.get("attach") or {}).values()
    yield from after.get("charged") or ()


BUILDERS: Mapping[str, Callable[[Draft, Difference], Iterator[Outcome]]] = {
    PRODUCT: build_product,
    PRICE: build_slot,
    PRICE_VERSION: build_version,
    COUPON: build_coupon,
    CUSTOMER: build_customer,
    SUBSCRIPTION: build_subscription,
    STIGG_SUBSCRIPTION: build_stigg_subscription,
}
