"""Names that one thing keeps for ever: link keys, Stripe ids of our choosing, lookup keys.

Parts are joined by ``:``; in a part, every byte outside A-Z a-z 0-9 . _ - is written ``~XX``, so different parts never
meet in one key. The same key is the link key and, up to 200 characters, the ``lookup_key``. Stripe takes only letters, digits, ``-`` and ``_`` in
the ids of products and coupons, so these are made of the key by ``stripe_id``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

FLAT: Final = "base"  # the charge of a flat fee
# What is charged besides a feature's own charge. ``~`` before a small letter occurs in no escaped part.
ONCE, OVERAGE, MINIMUM, METERED = "~once", "~overage", "~minimum", "~metered"
ANYWHERE: Final = "default"  # the price for every country that has none of its own
LIMIT: Final = 200  # characters of a lookup_key at Stripe
UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
ID_LIMIT: Final = 120  # characters of an id that the pipeline chooses; Stripe's own limit is not documented below 5000
ID_PART = re.compile(r"[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*")  # a part that an id carries as it is
NOT_ID = re.compile(r"[^A-Za-z0-9_]+")


def part(text: str) -> str:
    """One part of a key, escaped without loss."""
    return UNSAFE.sub(lambda found: b"~%02X" % found.group()[0], text.encode()).decode()


def feature_part(ref_id: str) -> str:
    """The part of a feature's charge; a feature that is called like the flat fee's part is kept apart from it."""
    return f"~{ord(ref_id[0]):02X}{ref_id[1:]}" if ref_id == FLAT else part(ref_id)


def joined(*parts: str) -> str:
    """Join escaped parts to one key."""
    return ":".join(parts)


def lookup_key(slot: str) -> str:
    """Return the ``lookup_key`` of a price's slot, at most 200 characters: the key, or its head and the hash of the whole."""
    key = slot.partition(":")[2]
    if len(key) <= LIMIT:
        return key
    return f"{key[: LIMIT - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def product_id(environment: str, kind: str, package: str, charge: str | None = None) -> str:
    """The Stripe id of a package's product, or of one of its charges'. ``kind`` is plan or addon."""
    parts = [part(environment), kind, part(package)]
    return joined(*parts, charge) if charge is not None else joined(*parts)


def price_slot(
    environment: str,
    kind: str,
    package: str,
    *,
    charge: str,
    period: str,
    country: str | None,
    subscription: str | None = None,
) -> str:
    """The lookup_key of a price: environment, kind, package, charge, period, country. One version holds it at a time.

    With a subscription it is the name of that subscription's own price, which never is a lookup_key.
    """
    parts = [part(environment), kind, part(package), charge, period.lower(), part(country) if country else ANYWHERE]
    return joined(*parts) if subscription is None else joined(*parts, part(subscription))


def coupon_id(environment: str, ref_id: str, content_hash: str) -> str:
    """The Stripe id of a coupon of the catalog: its environment, its refId and its content."""
    return joined(part(environment), "coupon", part(ref_id), content_hash[:8])


def own_coupon_id(environment: str, subscription: str, ref_id: str, content_hash: str) -> str:
    """The Stripe id of a coupon that one subscription alone has: it was changed in the catalog since, or began long ago."""
    return joined(part(environment), "discount", part(subscription), part(ref_id), content_hash[:8])


def coupon_ref(key: str) -> str:
    """The refId of the coupon that a coupon's link key is about."""
    return unescaped(key.split(":")[-2])


def stripe_id(key: str) -> str:
    """Return the id in Stripe of a product or coupon, from its link key: at most 120 characters of A-Z a-z 0-9 - _.

    Stripe refuses every other character (SB 9.1). Parts are joined by ``--``. Where a part holds anything but letters,
    digits, ``_`` and single inner hyphens, or the id would be too long, the readable form ends in ``---`` and 16 hex
    digits of the key's SHA-256. ``---`` occurs in no other id, so different keys never share an id.
    """
    name = key.partition(":")[2]
    parts = name.split(":")
    id = "--".join(parts)
    if len(id) <= ID_LIMIT and all(ID_PART.fullmatch(part) for part in parts):
        return id
    readable = "--".join(NOT_ID.sub("-", unescaped(part)).strip("-") for part in parts)
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{readable[: ID_LIMIT - 19]}---{digest}"


def link_key(kind: str, *parts: str) -> str:
    """The name by which actions and links know a thing, such as ``customer:production:c-17``."""
    return f"{kind}:{':'.join(parts)}"


def version_key(slot: str, content_hash: str) -> str:
    """One content of a price, whether or not it holds the slot: ``<slot link key>@<8 hex digits>``."""
    return f"{slot}@{content_hash[:8]}"


def slot_of(version: str) -> str:
    """The slot of a version key."""
    return version.rpartition("@")[0]


def same_charge(version: str) -> str:
    """The slot of a version key, whichever way the charge is billed: by a meter of Stripe's, or by lines of our own."""
    return slot_of(version).replace(METERED, "", 1)


def package_of(key: str) -> tuple[str, str]:
    """(kind, escaped refId) of the package that a product's or price's link key is about."""
    parts = key.split(":")
    return (parts[2], parts[3]) if len(parts) > 3 else ("", "")


def subscription_of(key: str) -> str | None:
    """The id of the subscription whose own price a version key is about; None for a price of the catalog."""
    parts = key.split(":")
    return unescaped(parts[7].partition("@")[0]) if len(parts) > 7 else None


def owner(key: str) -> str:
    """The link key of the customer or subscription with which a thing is decided; empty for what is the catalog's."""
    kind, *parts = key.split(":")
    if kind in ("customer", "subscription"):
        return key
    if kind in ("stigg_subscription", "oneoff", "renewal"):
        return link_key("subscription", *parts[:2])
    if kind == "price" and len(parts) > 6:
        return link_key("subscription", parts[0], parts[6].partition("@")[0])
    if kind == "coupon" and parts[1:2] == ["discount"]:
        return link_key("subscription", parts[0], parts[2])
    return ""


def entity_of(key: str) -> tuple[str, str]:
    """(kind, id) of the Stigg entity that a link key is about."""
    kind, *parts = key.split(":")
    if kind in ("product", "price") and len(parts) > 2:
        return parts[1], unescaped(parts[2])
    if kind == "coupon" and len(parts) > 2:
        return ("subscription" if parts[1] == "discount" else "coupon"), unescaped(parts[2])
    return kind, unescaped(parts[-1])


def unescaped(text: str) -> str:
    """The text of an escaped part."""
    raw = re.sub(rb"~([0-9A-F]{2})", lambda m: bytes([int(m.group(1), 16)]), text.encode())
    return raw.decode(errors="replace")
