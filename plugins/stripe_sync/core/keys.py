"""Names that one thing keeps for ever: link keys, Stripe ids of our choosing, lookup keys.

Parts are joined by ``:``; in a part, every byte outside A-Z a-z 0-9 . _ - is written ``~XX``, so different parts never
meet in one key. The same key is the link key and, up to 200 characters, the ``lookup_key``. Stripe takes only letters, digits, ``-`` and ``_`` in
the ids of products and coupons, so these are made of the key by ``stripe_id``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

FLAT: Final = "base"  # the charge of a flat fee
# What is charged besides a feature's own charge. ``~`` before a small letter occurs in no escaped part.
ONCE, OVERAGE, MINIMUM, METERED = "~once", "~overage", "~minimum", "~metered"
ANYWHERE: Final = "default"  # the price for every country that has none of its own
LIMIT: Final = 200  # characters of a lookup_key at Stripe
# Kinds of keys that say more than their last part.
PRODUCT, PRICE, COUPON, CUSTOMER, SUBSCRIPTION = "product", "price", "coupon", "customer", "subscription"
STIGG_SUBSCRIPTION, ONE_OFF, RENEWAL = "stigg_subscription", "oneoff", "renewal"
OWN: Final = "discount"  # the second part of a coupon that one subscription alone has
PACKAGE, CHARGE, OVERRIDDEN = 2, 3, 6  # places in the parts of a product or price
VERSION = re.compile(r"@([0-9a-f]{8})\Z")
UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
ID_LIMIT: Final = 120  # characters of an id that the pipeline chooses; Stripe's own limit is not documented below 5000
ID_PART = re.compile(r"[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*")  # a part that an id carries as it is
NOT_ID = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True)
class LinkKey:
    """Name by which links, markers and actions know one thing, such as ``customer:production:c-17``.

    ``parts`` are escaped, as they are stored; the first is the environment. ``version`` are the 8 hex digits of a price's
    content, empty for the price's slot and for every other kind.
    """

    kind: str
    parts: tuple[str, ...]
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> LinkKey:
        """Return the key of a text. Every text has one, and ``str`` gives the same text back."""
        found = VERSION.search(text)
        kind, *parts = (text[: found.start()] if found else text).split(":")
        return cls(kind, tuple(parts), found.group(1) if found else "")

    def __str__(self) -> str:
        slot = joined(self.kind, *self.parts)
        return f"{slot}@{self.version}" if self.version else slot

    @property
    def environment(self) -> str:
        """Name of the environment, escaped."""
        return self.parts[0] if self.parts else ""

    @property
    def id(self) -> str:
        """Last part, such as a customer's id in Stigg."""
        return unescaped(self.parts[-1]) if self.parts else ""

    @property
    def package(self) -> tuple[str, str]:
        """(kind, escaped refId) of the package of a product or price; empty texts for other kinds of key."""
        return (self.parts[1], self.parts[2]) if len(self.parts) > PACKAGE else ("", "")

    @property
    def charge(self) -> str:
        """Escaped charge of a price, or of a charge's product; empty for a package's product."""
        return self.parts[CHARGE] if len(self.parts) > CHARGE else ""

    @property
    def subscription(self) -> str | None:
        """Id of the subscription whose own price this is; None for a price of the catalog."""
        return unescaped(self.parts[OVERRIDDEN]) if len(self.parts) > OVERRIDDEN else None

    def is_own_coupon(self) -> bool:
        """Whether one subscription alone has this coupon."""
        return self.kind == COUPON and self.parts[1:2] == (OWN,)

    def of_kind(self, kind: str) -> LinkKey:
        """Return the key of another kind with the same parts."""
        return LinkKey(kind, self.parts)

    def owner(self) -> LinkKey | None:
        """Return the key of the customer or subscription with which this is decided; None for what is the catalog's."""
        environment, *rest = self.parts or ("",)
        if self.kind in (CUSTOMER, SUBSCRIPTION):
            return self
        if self.kind in (STIGG_SUBSCRIPTION, ONE_OFF, RENEWAL):
            return LinkKey(SUBSCRIPTION, self.parts[:2])
        if self.kind == PRICE and len(self.parts) > OVERRIDDEN:
            return LinkKey(SUBSCRIPTION, (environment, self.parts[OVERRIDDEN]))
        return LinkKey(SUBSCRIPTION, (environment, rest[1])) if self.is_own_coupon() else None

    def entity(self) -> tuple[str, str]:
        """Return (kind, id) of the Stigg entity that this is about."""
        if self.kind in (PRODUCT, PRICE) and len(self.parts) > PACKAGE:
            return self.parts[1], unescaped(self.parts[PACKAGE])
        if self.kind == COUPON and len(self.parts) > PACKAGE:
            return (SUBSCRIPTION if self.is_own_coupon() else COUPON), unescaped(self.parts[PACKAGE])
        return self.kind, self.id


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
    return unescaped(LinkKey.parse(key).parts[-2])


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
    return str(LinkKey(kind, parts))


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
    return LinkKey.parse(key).package


def subscription_of(key: str) -> str | None:
    """The id of the subscription whose own price a version key is about; None for a price of the catalog."""
    return LinkKey.parse(key).subscription


def owner(key: str) -> str:
    """The link key of the customer or subscription with which a thing is decided; empty for what is the catalog's."""
    found = LinkKey.parse(key).owner()
    return str(found) if found is not None else ""


def entity_of(key: str) -> tuple[str, str]:
    """(kind, id) of the Stigg entity that a link key is about."""
    return LinkKey.parse(key).entity()


def unescaped(text: str) -> str:
    """The text of an escaped part."""
    raw = re.sub(rb"~([0-9A-F]{2})", lambda m: bytes([int(m.group(1), 16)]), text.encode())
    return raw.decode(errors="replace")
