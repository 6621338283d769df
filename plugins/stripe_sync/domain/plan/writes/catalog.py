"""Actions for products, prices, coupons and customers: objects that charge nothing without a subscription."""

from __future__ import annotations

from collections.abc import Iterator

from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.difference import Changed, Difference, Existing, Extra, Missing, Targeted
from stripe_sync.domain.model.documents import COUPON, CUSTOMER, PRODUCT, Document
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Unplanned, cause_of

UPDATABLE = {
    PRODUCT: {"name", "active", "tax_code", "metadata"},
    COUPON: {"name", "metadata"},
    CUSTOMER: {"name", "description", "email", "metadata"},
}


def build_product(draft: Draft, d: Difference) -> Iterator[Outcome]:
    """Yield the deactivation of a product that bills no subscription any more; products are never deleted."""
    if isinstance(d, Changed) and d.target.document["active"] is False:
        changed = [name for name in d.fields if name in UPDATABLE[PRODUCT]]
        before, after = sides(d, changed)
        verb = "Deactivate" if "active" in changed else "Update"
        kind = ActionKind.PRODUCT_RETIRE if "active" in changed else ActionKind.PRODUCT_UPDATE
        yield draft.action(d, kind, Lane.CATALOG, after, before=before, cause="retired", verb=verb)
        return
    yield from build_plain(draft, d, lane=Lane.CATALOG, kinds=(ActionKind.PRODUCT_CREATE, ActionKind.PRODUCT_UPDATE))


def build_customer(draft: Draft, d: Difference) -> Iterator[Outcome]:
    yield from build_plain(
        draft, d, lane=Lane.CUSTOMERS, kinds=(ActionKind.CUSTOMER_CREATE, ActionKind.CUSTOMER_UPDATE)
    )


def build_coupon(draft: Draft, d: Difference) -> Iterator[Outcome]:
    """A coupon that nothing will attach is deleted; what it was attached to keeps its discount (BILLING 4)."""
    if isinstance(d, Extra):
        before = d.actual.document
        yield draft.action(
            d, ActionKind.COUPON_DELETE, Lane.CATALOG, {"deleted": True}, before=before, cause="unused", verb="Delete"
        )
    elif isinstance(d, Missing):
        after = {**d.target.document, **d.target.facts["content"]}
        yield draft.action(d, ActionKind.COUPON_CREATE, Lane.CATALOG, after, cause="missing", verb="Create")
    else:
        yield from build_plain(draft, d, lane=Lane.CATALOG, kinds=(ActionKind.COUPON_CREATE, ActionKind.COUPON_UPDATE))


def build_plain(draft: Draft, d: Difference, *, lane: Lane, kinds: tuple[ActionKind, ActionKind]) -> Iterator[Outcome]:
    """Yield the creation of an object, or one update of its changed fields; ``kinds`` are these two."""
    if isinstance(d, Extra):
        yield Unplanned(
            d.key, f"This {kinds[0].noun} is not active in Stigg. Delete it in Stripe, link it, or exempt it."
        )
        return
    if isinstance(d, Missing):
        yield draft.action(d, kinds[0], lane, d.target.document, cause="missing", verb="Create")
        return
    changed = [name for name in d.fields if name in UPDATABLE[d.kind]]
    before, after = sides(d, changed)
    yield draft.action(d, kinds[1], lane, after, before=before, cause=cause_of(d, changed), verb="Update")


def sides(d: Changed, changed: list[str]) -> tuple[Document, Document]:
    """The changed fields as they are and as they should be; an absent one is None."""
    return (
        {name: d.actual.document.get(name) for name in changed},
        {name: d.target.document.get(name) for name in changed},
    )


def build_slot(draft: Draft, d: Difference) -> Iterator[Action]:
    """Yield the writes of a price key that is missing, archived, not the product's default, outdated or without a target.

    New price and lookup_key (one call), then the default, then the archive of the old one: each step is repeated by the next
    run (BILLING 2).
    """
    if isinstance(d, Extra):
        yield from release_slot(draft, d)
        return
    version = d.target.facts["version"]
    product = d.target.document["product"]
    holder = d.actual.facts["version"] if isinstance(d, Changed) else None
    if holder != version or (isinstance(d, Changed) and d.actual.document["active"] is False):
        yield move_price_key(draft, d, version)
    if d.target.document["default"] and not is_default(draft, d, version):
        after = {"default_price": version}
        yield draft.action(
            d,
            ActionKind.PRODUCT_SET_DEFAULT,
            Lane.CATALOG,
            after,
            before={"default_price": holder},
            target=product,
            cause="price",
            verb="Set the default price of",
        )
    if holder is not None and holder != version and has_no_target(draft, holder):
        yield archive(draft, d, holder)


def is_default(draft: Draft, d: Targeted, version: str) -> bool:
    """Return whether the target version of a price key is known to be its product's default already."""
    if isinstance(d, Changed):
        return d.actual.facts["version"] == version and "default" not in d.fields
    seen = draft.differences.get(version)
    return isinstance(seen, Existing) and bool(seen.actual.facts.get("default"))


def release_slot(draft: Draft, d: Extra) -> Iterator[Action]:
    """A charge that its package no longer has: its price gives up default and lookup_key, and is archived if unneeded."""
    holder, product = d.actual.facts["version"], d.actual.document["product"]
    if d.actual.document["default"]:
        yield clear_default(draft, d, holder, product)
    before = {"lookup_key": keys.lookup_key(d.key)}
    yield draft.action(
        d,
        ActionKind.PRICE_RELEASE,
        Lane.CATALOG,
        {"lookup_key": None},
        before=before,
        target=holder,
        cause="released",
        verb="Take the lookup_key from",
    )
    if has_no_target(draft, holder):
        yield archive(draft, d, holder)


def clear_default(draft: Draft, d: Difference, holder: str, product: str) -> Action:
    """A default price cannot be archived."""
    return draft.action(
        d,
        ActionKind.PRODUCT_SET_DEFAULT,
        Lane.CATALOG,
        {"default_price": None},
        before={"default_price": holder},
        target=product,
        cause="released",
        verb="Clear the default price of",
    )


def move_price_key(draft: Draft, d: Targeted, version: str) -> Action:
    """The write after which ``version`` holds the slot: a new price, or one that exists and is taken back or adopted."""
    lookup_key = keys.lookup_key(d.key)
    cause = "missing" if isinstance(d, Missing) else "changed"
    seen = draft.differences.get(version)
    if version in draft.known:
        after: Document = {"active": True, "lookup_key": lookup_key}
        if isinstance(seen, Targeted):
            after |= {name: seen.target.document[name] for name in ("metadata",) if name in seen.target.document}
            if isinstance(seen, Changed) and not seen.actual.facts.get("marked", True):
                cause = "adoption"
        if isinstance(d, Changed):
            after["transfer_lookup_key"] = True
        return draft.action(
            d, ActionKind.PRICE_UPDATE, Lane.CATALOG, after, target=version, cause=cause, verb="Take back"
        )
    assert isinstance(seen, Targeted), "a price version that Stripe does not have is missing there"
    after = new_price(seen) | {"lookup_key": lookup_key}
    if isinstance(d, Changed):  # its holder is ours, so the key may be taken from it
        after["transfer_lookup_key"] = True
    return draft.action(d, ActionKind.PRICE_CREATE, Lane.CATALOG, after, target=version, cause=cause, verb="Create")


def new_price(d: Targeted) -> Document:
    """Return the fields that create a missing price version: its content, product and metadata."""
    facts, document = d.target.facts, d.target.document
    tax = {"tax_behavior": document["tax_behavior"]} if "tax_behavior" in document else {}
    return {**facts["content"], "product": facts["product"], "metadata": document["metadata"], **tax}


def build_version(draft: Draft, d: Difference) -> Iterator[Outcome]:
    """Yield the writes of a price version that is not current: referenced and absent, or present and no longer referenced."""
    slot = draft.differences.get(keys.slot_of(d.key))
    folded = slot is not None and any(side.facts["version"] == d.key for side in slot.documents)
    if isinstance(d, Changed) and "tax_behavior" in d.fields:
        yield from set_tax_behavior(draft, d)
    if folded:
        return  # the same fact as its slot's difference
    if isinstance(d, Extra):
        yield from retire(draft, d)
    elif isinstance(d, Missing) and d.key in draft.known:
        yield draft.action(
            d, ActionKind.PRICE_UPDATE, Lane.CATALOG, {"active": True}, cause="needed", verb="Reactivate"
        )
    elif isinstance(d, Missing):
        yield draft.action(d, ActionKind.PRICE_CREATE, Lane.CATALOG, new_price(d), cause="needed", verb="Create")
    elif "metadata" in d.fields:
        before, after = sides(d, ["metadata"])
        cause = cause_of(d, ["metadata"])
        yield draft.action(d, ActionKind.PRICE_UPDATE, Lane.CATALOG, after, before=before, cause=cause, verb="Update")


def set_tax_behavior(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Prices whose tax behaviour is unspecified get it once; Stripe changes it never after."""
    held = d.actual.document.get("tax_behavior")
    if held is not None:
        yield Unplanned(
            d.key,
            f"Its tax behaviour is {held}, which Stripe never changes. Archive the price in Stripe, or change stripe.tax_behavior.",
        )
        return
    before, after = sides(d, ["tax_behavior"])
    yield draft.action(
        d, ActionKind.PRICE_UPDATE, Lane.CATALOG, after, before=before, cause="tax", verb="Set the tax behaviour of"
    )


def retire(draft: Draft, d: Extra) -> Iterator[Action]:
    """Yield the archiving of a version that bills no subscription, after the write of its only subscription."""
    if keys.subscription_of(d.key) is None:
        if d.actual.facts["default"]:  # a release that was interrupted after its first step
            yield clear_default(draft, d, d.key, d.actual.facts["product"])
        yield archive(draft, d, d.key)
        return
    yield draft.action(
        d,
        ActionKind.PRICE_RETIRE,
        Lane.SUBSCRIPTIONS,
        {"active": False},
        before={"active": True},
        cause="override_ended",
        verb="Archive",
    )


def archive(draft: Draft, d: Difference, version: str) -> Action:
    return draft.action(
        d,
        ActionKind.PRICE_ARCHIVE,
        Lane.CATALOG,
        {"active": False},
        before={"active": True},
        target=version,
        cause="superseded",
        verb="Archive",
    )


def has_no_target(draft: Draft, version: str) -> bool:
    return isinstance(draft.differences.get(version), Extra)
