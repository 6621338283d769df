"""From drift to actions: one difference gives the writes that end it, or none where a person has to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from stripe_sync import keys
from stripe_sync.drift.amounts import PriceBook, difference
from stripe_sync.drift.rows import DriftRow
from stripe_sync.model.documents import CUSTOMER, PRICE, PRICE_VERSION, PRODUCT, SUBSCRIPTION, Difference, Document
from stripe_sync.money import shown_all
from stripe_sync.plan.actions import CATALOG, CUSTOMERS, SUBSCRIPTIONS, Action, Plan, ordered

UPDATABLE = {
    PRODUCT: {"name", "active", "metadata"},
    CUSTOMER: {"name", "description", "email", "metadata"},
    SUBSCRIPTION: {"items", "collection_method", "days_until_due", "metadata"},
}


@dataclass(frozen=True)
class Policy:
    """What the environment says about changes of subscriptions."""

    upgrade_proration: str
    downgrade_proration: str
    now: int


@dataclass(frozen=True)
class Draft:
    """What the builder works on: the differences, what they are worth, and which versions Stripe already knows."""

    differences: Mapping[str, Difference]
    drift: Mapping[str, list[str]]
    book: PriceBook
    known: frozenset[str]
    policy: Policy
    unplanned: dict[str, str] = field(default_factory=dict)


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
    actions = [action for d in differences for action in BUILDERS[d.kind](draft, d)]
    return Plan(environment=environment, actions=ordered(linked(actions))), draft.unplanned


def linked(actions: Sequence[Action]) -> list[Action]:
    """The actions with their dependencies: whatever of this plan makes or changes an object that they refer to.

    An archive waits for every other write that is about its slot; the others wait for creations only.
    """
    makers = {a.target: a.hash for a in actions if a.kind.endswith(".create") or a.kind == "price.update"}
    moves = {keys.slot_of(str(a.after["default_price"])): a.hash for a in actions if a.kind == "product.set_default"}
    slots = {keys.slot_of(a.target): a.hash for a in actions if a.kind in ("price.create", "price.update")}
    result = []
    for action in actions:
        needs = {makers[key] for key in references(action) if key in makers}
        if action.kind == "price.archive":
            slot = keys.slot_of(action.target)
            needs |= {found[slot] for found in (moves, slots) if slot in found}
        result.append(msgspec.structs.replace(action, depends_on=sorted(needs - {action.hash})))
    return result


def references(action: Action) -> Iterator[str]:
    """The link keys that an action's content names."""
    after = action.after
    if not action.kind.endswith(".create"):
        yield action.target
    for name in ("product", "customer", "default_price"):
        if name in after:
            yield after[name]
    for item in after.get("items", ()):
        yield item["price"]


def build_product(draft: Draft, d: Difference) -> Iterator[Action]:
    yield from build_plain(draft, d, lane=CATALOG, noun="product")


def build_customer(draft: Draft, d: Difference) -> Iterator[Action]:
    yield from build_plain(draft, d, lane=CUSTOMERS, noun="customer")


def build_plain(draft: Draft, d: Difference, *, lane: str, noun: str) -> Iterator[Action]:
    """Objects that are made whole and updated field by field."""
    if d.wanted is None:
        draft.unplanned[d.key] = f"Nothing in Stigg claims this {noun}; a person decides what becomes of it."
        return
    if d.found is None:
        yield action(draft, d, f"{d.kind}.create", lane, d.wanted.document, cause="missing", verb="Create")
        return
    changed = [name for name in d.fields if name in UPDATABLE[d.kind]]
    before = {name: d.found.document.get(name) for name in changed}
    after = {name: d.wanted.document.get(name) for name in changed}
    cause = "metadata" if changed == ["metadata"] else "changed"
    yield action(draft, d, f"{d.kind}.update", lane, after, before=before, cause=cause, verb="Update")


def build_slot(draft: Draft, d: Difference) -> Iterator[Action]:
    """A slot that is missing, holds another content, is archived, or is not its product's default.

    New price and lookup_key (one call), then the default, then the archive of the old one: each step heals on the next
    run (BILLING 2).
    """
    if d.wanted is None:
        draft.unplanned[d.key] = "Nothing in Stigg claims this price; a person decides what becomes of it."
        return
    version = d.wanted.facts["version"]
    product = d.wanted.document["product"]
    holder = d.found.facts["version"] if d.found else None
    if holder != version or (d.found is not None and d.found.document["active"] is False):
        yield claim_slot(draft, d, version)
    if d.wanted.document["default"] and (holder != version or "default" in d.fields):
        after = {"default_price": version}
        yield action(
            draft, d, "product.set_default", CATALOG, after, before={"default_price": holder}, target=product,
            cause="price", verb="Set the default price of",
        )  # fmt: skip
    if holder is not None and holder != version and is_unclaimed(draft, holder):
        yield archive(draft, d, holder)


def claim_slot(draft: Draft, d: Difference, version: str) -> Action:
    """The write after which ``version`` holds the slot: a new price, or one that exists and is taken back."""
    assert d.wanted is not None
    lookup_key = d.key.partition(":")[2]
    cause = "missing" if d.found is None else "changed"
    if version in draft.known:
        after = {"active": True, "lookup_key": lookup_key}
        if d.found is not None:
            after["transfer_lookup_key"] = True
        return action(draft, d, "price.update", CATALOG, after, target=version, cause=cause, verb="Take back")
    after = new_price(draft.differences[version]) | {"lookup_key": lookup_key}
    if d.found is not None:  # its holder is ours, so the key may be taken from it
        after["transfer_lookup_key"] = True
    return action(draft, d, "price.create", CATALOG, after, target=version, cause=cause, verb="Create")


def new_price(d: Difference) -> Document:
    """What a creation of a missing price version sends: its content, its product, its metadata."""
    assert d.wanted is not None
    facts = d.wanted.facts
    return {**facts["content"], "product": facts["product"], "metadata": d.wanted.document["metadata"]}


def build_version(draft: Draft, d: Difference) -> Iterator[Action]:
    """A price version besides the one that its slot wants: needed and absent, or present and no longer needed."""
    slot = draft.differences.get(keys.slot_of(d.key))
    if slot is not None and any(c is not None and c.facts["version"] == d.key for c in (slot.wanted, slot.found)):
        return  # the same fact as its slot's difference
    if d.wanted is None:
        yield archive(draft, d, d.key)
    elif d.found is None and d.key in draft.known:
        yield action(draft, d, "price.update", CATALOG, {"active": True}, cause="needed", verb="Reactivate")
    elif d.found is None:
        yield action(draft, d, "price.create", CATALOG, new_price(d), cause="needed", verb="Create")
    else:
        before, after = ({"metadata": c.document.get("metadata", {})} for c in (d.found, d.wanted))
        yield action(draft, d, "price.update", CATALOG, after, before=before, cause="metadata", verb="Update")


def archive(draft: Draft, d: Difference, version: str) -> Action:
    return action(
        draft, d, "price.archive", CATALOG, {"active": False}, before={"active": True}, target=version,
        cause="superseded", verb="Archive",
    )  # fmt: skip


def is_unclaimed(draft: Draft, version: str) -> bool:
    d = draft.differences.get(version)
    return d is not None and d.wanted is None


def build_subscription(draft: Draft, d: Difference) -> Iterator[Action]:
    if d.wanted is None:
        draft.unplanned[d.key] = "Stripe bills it and Stigg does not claim it; a person decides."
    elif d.found is None:
        yield create_subscription(draft, d)
    elif d.found.facts.get("schedule"):
        draft.unplanned[d.key] = "A Stripe schedule manages it and would undo the change; a person decides."
    elif d.found.facts.get("paused"):
        draft.unplanned[d.key] = "It is paused in Stripe; a person decides."
    elif "customer" in d.fields:
        draft.unplanned[d.key] = "Stripe bills another customer for it, which cannot be changed; a person decides."
    else:
        yield update_subscription(draft, d)


def create_subscription(draft: Draft, d: Difference) -> Action:
    """Billed in full from where paid time began; one that began long ago charges nothing now and waits for a person."""
    assert d.wanted is not None
    start = dict(d.wanted.facts["start"])
    late = start.pop("late")
    items = d.wanted.document["items"]
    after = {**d.wanted.document, **start}
    cause = "late_start" if late else "missing"
    return action(
        draft, d, "subscription.create", SUBSCRIPTIONS, after, cause=cause, verb="Create",
        due_now={} if late else draft.book.one_interval(items), per_month=draft.book.per_month(items),
    )  # fmt: skip


def update_subscription(draft: Draft, d: Difference) -> Action:
    """The changed fields; items always with their quantity, and with an explicit proration."""
    assert d.wanted is not None and d.found is not None
    changed = [name for name in d.fields if name in UPDATABLE[SUBSCRIPTION]]
    before: Document = {name: d.found.document.get(name) for name in changed}
    after: Document = {name: d.wanted.document.get(name) for name in changed}
    if "items" not in changed:
        cause = "metadata" if changed == ["metadata"] else "changed"
        return action(draft, d, "subscription.update", SUBSCRIPTIONS, after, before=before, cause=cause, verb="Update")
    old, new = before["items"] or [], after["items"]
    more = difference(draft.book.per_month(new), draft.book.per_month(old))
    cause, behavior = judge(draft.policy, old, new, more)
    after["proration_behavior"] = behavior
    moment = change_time(draft, d, old, new)
    if behavior != "none" and moment is not None:
        after["proration_date"] = moment
    due = remaining(draft, d, old, new, moment) if behavior == "always_invoice" else {}
    return action(
        draft, d, "subscription.update", SUBSCRIPTIONS, after, before=before, cause=cause, verb="Change",
        due_now=due, per_month=more,
    )  # fmt: skip


def judge(
    policy: Policy, old: list[dict[str, str]], new: list[dict[str, str]], more: Mapping[str, Decimal]
) -> tuple[str, str]:
    """(cause, proration): a change of versions alone is a migration and prorates nothing; else up or down by money."""

    def slots(items: list[dict[str, str]]) -> list[tuple[str, str]]:
        return sorted((keys.slot_of(item["price"]), item["quantity"]) for item in items)

    if slots(old) == slots(new):
        return "migration", "none"
    if any(amount > 0 for amount in more.values()):
        return "upgrade", policy.upgrade_proration
    return "downgrade", policy.downgrade_proration


def changed_prices(old: list[dict[str, str]], new: list[dict[str, str]]) -> set[str]:
    was, now = ({item["price"]: item["quantity"] for item in items} for items in (old, new))
    return {price for price in {*was, *now} if was.get(price) != now.get(price)}


def change_time(draft: Draft, d: Difference, old: list[dict[str, str]], new: list[dict[str, str]]) -> int | None:
    """Stigg's time of the change, where it lies inside the running period of every item and not in the future."""
    assert d.wanted is not None and d.found is not None
    times = [d.wanted.facts["changed_at"].get(price) for price in changed_prices(old, new)]
    known = [moment for moment in times if moment is not None]
    periods = [(item["start"], item["end"]) for item in d.found.facts["items"].values()]
    if not known or not all(start <= max(known) < end for start, end in periods):
        return None
    return max(known) if max(known) <= draft.policy.now else None


def remaining(
    draft: Draft, d: Difference, old: list[dict[str, str]], new: list[dict[str, str]], moment: int | None
) -> dict[str, Decimal]:
    """What an immediate invoice of the change comes to, before Stripe is asked: the difference for the time that remains."""
    assert d.found is not None
    more = difference(draft.book.one_interval(new), draft.book.one_interval(old))
    found = list(d.found.facts["items"].values())
    if not found:
        return more
    start, end = found[0]["start"], found[0]["end"]
    share = Decimal(end - (moment or draft.policy.now)) / Decimal(end - start)
    return {currency: (amount * share).quantize(Decimal(1)) for currency, amount in more.items()}


def action(
    draft: Draft,
    d: Difference,
    kind: str,
    lane: str,
    after: Document,
    *,
    cause: str,
    verb: str,
    before: Document | None = None,
    target: str | None = None,
    due_now: Mapping[str, Decimal] | None = None,
    per_month: Mapping[str, Decimal] | None = None,
) -> Action:
    """An action of a difference, with its sentence and the drift rows that caused it."""
    about = target or d.key
    worth = f", {shown_all(per_month)} a month" if per_month and any(per_month.values()) else ""
    return Action(
        kind=kind,
        lane=lane,
        target=about,
        entity=d.entity,
        before=before,
        after=after,
        cause=cause,
        serial=str(d.wanted.document.get("customer", about)) if d.wanted else about,
        drift=draft.drift.get(d.key, []),
        sentence=f"{verb} {kind.partition('.')[0]} {about.partition(':')[2]}{worth}",
        due_now=dict(due_now or {}),
        per_month=dict(per_month or {}),
    )


BUILDERS: Mapping[str, Callable[[Draft, Difference], Iterator[Any]]] = {
    PRODUCT: build_product,
    PRICE: build_slot,
    PRICE_VERSION: build_version,
    CUSTOMER: build_customer,
    SUBSCRIPTION: build_subscription,
}
