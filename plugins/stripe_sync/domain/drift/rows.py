"""One drift row a difference: which field, before and after, a sentence, a severity, and the money a month."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from stripe_sync.core import keys
from stripe_sync.core.money import shown_all
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.dashboards import DashboardLinks
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.model.documents import (
    COUPON,
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    STIGG_SUBSCRIPTION,
    SUBSCRIPTION,
)
from stripe_sync.domain.model.stripe_status import SubscriptionStatus

Severity = Literal["money", "text", "note"]


class DriftState(StrEnum):
    """Relation of the two sides: missing in Stripe, unclaimed in Stigg, ended in Stigg alone, different in a field."""

    MISSING = "missing"
    UNCLAIMED = "unclaimed"
    ENDED = "ended"
    DIFFERS = "differs"


NOUN = {
    PRODUCT: "product",
    PRICE: "price",
    PRICE_VERSION: "price version",
    COUPON: "coupon",
    CUSTOMER: "customer",
    SUBSCRIPTION: "subscription",
    STIGG_SUBSCRIPTION: "subscription in Stigg",
}
TEXT_FIELDS = frozenset({"name", "description", "email"})
NOTE_FIELDS = frozenset({"metadata", "default", "once", "tax_code"})


@dataclass(frozen=True)
class DriftRow:
    """One difference. ``per_month`` is the monthly amount in Stigg minus the one in Stripe, in minor units.

    ``accepted``: a person exempted the object. ``since`` is when it was first seen, ISO 8601 in UTC, once it is stored.
    """

    id: str
    kind: str
    key: str
    entity: tuple[str, str] | None
    state: DriftState
    field: str
    before: Any
    after: Any
    severity: Severity
    sentence: str
    per_month: Mapping[str, Decimal] = dataclass_field(default_factory=dict)
    stripe_id: str | None = None
    stripe_url: str = ""
    stigg_url: str = ""
    accepted: bool = False
    since: str | None = None


def rows(
    differences: Sequence[Difference],
    book: PriceBook,
    dashboards: DashboardLinks | None = None,
    *,
    ignored: Collection[str] = (),
) -> list[DriftRow]:
    """The drift rows of one comparison, in order of kind, key and field; ``ignored`` are keys that a person exempted."""
    folded = folded_versions(differences)
    where = dashboards or DashboardLinks("", "", "")
    parts = (row for d in differences if d.key not in folded for row in rows_of(d, book, where))
    accepted = (replace(row, accepted=True) if row.key in ignored else row for row in parts)
    return sorted(accepted, key=lambda row: (row.kind, row.key, row.field))


def by_object(found: Sequence[DriftRow]) -> list[list[DriftRow]]:
    """The rows of each object together, in their order: what people call one difference, with its fields."""
    groups: dict[str, list[DriftRow]] = {}
    for row in found:
        groups.setdefault(row.key, []).append(row)
    return list(groups.values())


def folded_versions(differences: Iterable[Difference]) -> set[str]:
    """Price versions whose difference is the same fact as that of their slot: the one that comes, the one that goes."""
    same: set[str] = set()
    for d in differences:
        if d.kind == PRICE:
            same |= {side.facts["version"] for side in d.documents}
    return {d.key for d in differences if d.kind == PRICE_VERSION and d.key in same}


def rows_of(d: Difference, book: PriceBook, dashboards: DashboardLinks) -> Iterator[DriftRow]:
    if isinstance(d, Missing):
        yield row(d, DriftState.MISSING, after=d.target.document, book=book, dashboards=dashboards)
    elif isinstance(d, Extra):
        yield row(d, DriftState.UNCLAIMED, before=d.actual.document, book=book, dashboards=dashboards)
    elif is_ending(d):
        yield row(d, DriftState.ENDED, before=d.actual.document, book=book, dashboards=dashboards)
    else:
        for name, before, after in changes(d):
            yield row(d, DriftState.DIFFERS, name=name, before=before, after=after, book=book, dashboards=dashboards)


def is_ending(d: Changed) -> bool:
    """Return whether the target is the end of an object that Stripe still bills."""
    return d.target.document.get("status") == SubscriptionStatus.CANCELED


def changes(d: Changed) -> Iterator[tuple[str, Any, Any]]:
    """(field, before, after), with metadata and items taken apart."""
    for name in d.fields:
        before, after = d.actual.document.get(name), d.target.document.get(name)
        if name == "items":
            yield from item_changes(before or [], after or [])
        elif name == "metadata":
            for key in sorted({*(before or {}), *(after or {})}):
                if (before or {}).get(key) != (after or {}).get(key):
                    yield f"metadata.{key}", (before or {}).get(key), (after or {}).get(key)
        else:
            yield name, before, after


def item_changes(before: list[dict[str, str]], after: list[dict[str, str]]) -> Iterator[tuple[str, Any, Any]]:
    """Quantities by price: an item that comes has none before, one that goes has none after."""
    old = {item["price"]: item["quantity"] for item in before}
    new = {item["price"]: item["quantity"] for item in after}
    for price in sorted({*old, *new}):
        if old.get(price) != new.get(price):
            yield f"items.{price}.quantity", old.get(price), new.get(price)


def row(
    d: Difference,
    state: DriftState,
    *,
    name: str = "",
    before: Any = None,
    after: Any = None,
    book: PriceBook,
    dashboards: DashboardLinks,
) -> DriftRow:
    """Return the drift row of a field, or of the whole object where ``name`` is empty."""
    per_month = book.drift_per_month(d, name, before, after)
    identity = json.dumps([d.kind, d.key, state, name, before, after], sort_keys=True)
    return DriftRow(
        id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        kind=d.kind,
        key=d.key,
        entity=d.entity,
        state=state,
        field=name,
        before=before,
        after=after,
        severity=severity(d, state, name),
        sentence=sentence(d, state, name, before, after, per_month),
        per_month=per_month,
        stripe_id=d.stripe_id,
        stripe_url=dashboards.stripe(d.kind, d.stripe_id),
        stigg_url=dashboards.stigg_of(d.entity),
        accepted=d.is_exempt,
    )


def severity(d: Difference, state: DriftState, name: str) -> Severity:
    """``money`` where a bill is or may become wrong, ``text`` where people read something wrong, else ``note``."""
    head = name.split(".")[0]
    if head in TEXT_FIELDS:
        return "text"
    if head in NOTE_FIELDS or (state == DriftState.UNCLAIMED and d.kind != SUBSCRIPTION):
        return "note"
    return "money" if d.kind in (PRICE, PRICE_VERSION, SUBSCRIPTION, STIGG_SUBSCRIPTION) else "note"


def sentence(
    d: Difference, state: DriftState, name: str, before: Any, after: Any, per_month: Mapping[str, Decimal]
) -> str:
    """Return the message of a difference, without names and addresses of people."""
    subject = f"{NOUN[d.kind]} {label_of(d)}"
    if d.kind == STIGG_SUBSCRIPTION:
        return f"The {subject} lives, and {d.stripe_id or 'its Stripe subscription'} is canceled in Stripe."
    amount = f" ({shown_all(per_month)} a month)" if any(per_month.values()) else ""
    if isinstance(d, Missing):
        return f"The {subject} is not in Stripe{amount}."
    if isinstance(d, Extra):
        return f"The {subject} is in Stripe and not active in Stigg{amount}."
    if state == DriftState.ENDED:
        assert d.target is not None
        return f"Stripe bills the {subject}{amount}. {d.target.facts['why']}"
    if name == "pause":
        return f"The {subject} is paused in Stripe ({before}) and billed nothing there{amount}."
    if d.kind == CUSTOMER and name in TEXT_FIELDS:
        return f"The {name} of the {subject} is not the one that Stigg has."
    label = item_label(name) if name.startswith("items.") else name
    left, right = format_value(before), format_value(after)
    return f"The {label} of the {subject} is {left} in Stripe and {right} in Stigg{amount}."


def label_of(d: Difference) -> str:
    """Return the display name: a customer's or subscription's id in Stigg, else the link key."""
    return (
        keys.entity_of(d.key)[1] if d.kind in (CUSTOMER, SUBSCRIPTION, STIGG_SUBSCRIPTION) else d.key.partition(":")[2]
    )


def item_label(name: str) -> str:
    """``items.price:production:plan:pro:seats:monthly:default@1a2b3c4d.quantity`` as ``quantity of plan pro seats``."""
    price = keys.LinkKey.parse(name.removeprefix("items.").removesuffix(".quantity"))
    return f"quantity of {' '.join([*price.package, price.charge])}"


def format_value(value: Any) -> str:
    return "absent" if value is None else "yes" if value is True else "no" if value is False else str(value)
