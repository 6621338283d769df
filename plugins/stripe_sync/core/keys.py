"""Permanent keys: link keys, lookup keys, and the Stripe ids that the pipeline chooses.

Parts are joined by ``:``. In a part, every byte outside A-Z a-z 0-9 . _ - is escaped as ``~XX``, so different parts never
give the same key. The link key is also the ``lookup_key``, up to 200 characters. Stripe accepts only letters, digits, ``-``
and ``_`` in ids of products and coupons; ``stripe_id`` derives these ids from the key.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

FLAT: Final = "base"  # the charge of a flat fee
# Further charges of a feature. ``~`` before a lower-case letter occurs in no escaped part.
ONE_OFF_VARIANT, OVERAGE, MINIMUM, METERED = "~once", "~overage", "~minimum", "~metered"
ANYWHERE: Final = "default"  # the price for countries without a localized price
LIMIT: Final = 200  # characters of a lookup_key at Stripe
# Kinds of keys.
PRODUCT, PRICE, COUPON, CUSTOMER, SUBSCRIPTION = "product", "price", "coupon", "customer", "subscription"
STIGG_SUBSCRIPTION, ONE_OFF, RENEWAL = "stigg_subscription", "oneoff", "renewal"
OWN: Final = "discount"  # the second part of a coupon for one subscription
PACKAGE, CHARGE, OVERRIDDEN = 2, 3, 6  # positions in the parts of a product or price
VERSION = re.compile(r"@([0-9a-f]{8})\Z")
UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
ID_LIMIT: Final = 120  # characters of an id that the pipeline chooses; Stripe's own limit is not documented below 5000
ID_PART = re.compile(r"[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*")  # a part that is used in an id unchanged
NOT_ID = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True)
class LinkKey:
    """Key of one object in links, markers and actions, such as ``customer:production:c-17``.

    ``parts`` are escaped, as they are stored; the first is the environment. ``version`` is the 8 hex digits of a price's
    content; empty for a price key without a version and for other kinds.
    """

    kind: str
    parts: tuple[str, ...]
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> LinkKey:
        """Parse a text, without errors; ``str`` of the result is the same text."""
        found = VERSION.search(text)
        kind, *parts = (text[: found.start()] if found else text).split(":")
        return cls(kind, tuple(parts), found.group(1) if found else "")

    def __str__(self) -> str:
        slot = joined(self.kind, *self.parts)
        return f"{slot}@{self.version}" if self.version else slot

    @property
    def environment(self) -> str:
        """Return the name of the environment, escaped."""
        return self.parts[0] if self.parts else ""

    @property
    def id(self) -> str:
        """Return the last part, such as a customer's id in Stigg."""
        return unescaped(self.parts[-1]) if self.parts else ""

    @property
    def package(self) -> tuple[str, str]:
        """Return (kind, escaped refId) of the package of a product or price; empty texts for other kinds."""
        return (self.parts[1], self.parts[2]) if len(self.parts) > PACKAGE else ("", "")

    @property
    def charge(self) -> str:
        """Return the escaped charge of a price or of a charge's product; empty for a package's product."""
        return self.parts[CHARGE] if len(self.parts) > CHARGE else ""

    @property
    def subscription(self) -> str | None:
        """Return the id of the subscription of a subscription-specific price; None for a price of the catalog."""
        return unescaped(self.parts[OVERRIDDEN]) if len(self.parts) > OVERRIDDEN else None

    def is_own_coupon(self) -> bool:
        """Return whether this is the coupon of one subscription."""
        return self.kind == COUPON and self.parts[1:2] == (OWN,)

    def of_kind(self, kind: str) -> LinkKey:
        """Return the key of another kind with the same parts."""
        return LinkKey(kind, self.parts)

    def owner(self) -> LinkKey | None:
        """Return the key of the customer or subscription that this belongs to; None for the catalog."""
        environment, *rest = self.parts or ("",)
        if self.kind in (CUSTOMER, SUBSCRIPTION):
            return self
        if self.kind in (STIGG_SUBSCRIPTION, ONE_OFF, RENEWAL):
            return LinkKey(SUBSCRIPTION, self.parts[:2])
        if self.kind == PRICE and len(self.parts) > OVERRIDDEN:
            return LinkKey(SUBSCRIPTION, (environment, self.parts[OVERRIDDEN]))
        return LinkKey(SUBSCRIPTION, (environment, rest[1])) if self.is_own_coupon() else None

    def entity(self) -> tuple[str, str]:
        """Return (kind, id) of the Stigg entity of this key."""
        if self.kind in (PRODUCT, PRICE) and len(self.parts) > PACKAGE:
            return self.parts[1], unescaped(self.parts[PACKAGE])
        if self.kind == COUPON and len(self.parts) > PACKAGE:
            return (SUBSCRIPTION if self.is_own_coupon() else COUPON), unescaped(self.parts[PACKAGE])
        return self.kind, self.id


def part(text: str) -> str:
    """Escape one part of a key; ``unescaped`` is the inverse."""
    return UNSAFE.sub(lambda found: b"~%02X" % found.group()[0], text.encode()).decode()


def feature_part(ref_id: str) -> str:
    """Return the part of a feature's charge; a feature with the flat fee's name gets a different part."""
    return f"~{ord(ref_id[0]):02X}{ref_id[1:]}" if ref_id == FLAT else part(ref_id)


def joined(*parts: str) -> str:
    """Join escaped parts to one key."""
    return ":".join(parts)


def lookup_key(slot: str) -> str:
    """Return the ``lookup_key`` of a price, at most 200 characters: the key, or its beginning and a hash of the key."""
    key = slot.partition(":")[2]
    if len(key) <= LIMIT:
        return key
    return f"{key[: LIMIT - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def product_id(environment: str, kind: str, package: str, charge: str | None = None) -> str:
    """Return the key of a package's product, or of the product of one of its charges. ``kind`` is plan or addon."""
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
    """Return the price key: environment, kind, package, charge, period, country. One version at a time has it as lookup_key.

    With a subscription it is the key of a subscription-specific price, which has no lookup_key.
    """
    parts = [part(environment), kind, part(package), charge, period.lower(), part(country) if country else ANYWHERE]
    return joined(*parts) if subscription is None else joined(*parts, part(subscription))


def coupon_id(environment: str, ref_id: str, content_hash: str) -> str:
    """Return the key of a coupon of the catalog: environment, refId and content."""
    return joined(part(environment), "coupon", part(ref_id), content_hash[:8])


def own_coupon_id(environment: str, subscription: str, ref_id: str, content_hash: str) -> str:
    """Return the key of a coupon for one subscription, whose coupon differs from the catalog's or began earlier."""
    return joined(part(environment), "discount", part(subscription), part(ref_id), content_hash[:8])


def coupon_ref(key: str) -> str:
    """Return the refId of the coupon of a link key."""
    return unescaped(LinkKey.parse(key).parts[-2])


def stripe_id(key: str) -> str:
    """Return the Stripe id of a product or coupon from its link key: at most 120 characters of A-Z a-z 0-9 - _.

    Stripe refuses every other character (SB 9.1). Parts are joined by ``--``. Where a part has anything but letters,
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
    """Return a link key, such as ``customer:production:c-17``, from escaped parts."""
    return str(LinkKey(kind, parts))


def version_key(slot: str, content_hash: str) -> str:
    """Return the key of a price version: ``<price link key>@<8 hex digits>``."""
    return f"{slot}@{content_hash[:8]}"


def slot_of(version: str) -> str:
    """Return the price link key of a version key."""
    return version.rpartition("@")[0]


def same_line_item(version: str) -> str:
    """Return the price link key of a version key, the same for a charge that is billed by a Stripe meter or by our lines."""
    return slot_of(version).replace(METERED, "", 1)


def package_of(key: str) -> tuple[str, str]:
    """Return (kind, escaped refId) of the package of a product's or price's link key."""
    return LinkKey.parse(key).package


def subscription_of(key: str) -> str | None:
    """Return the id of the subscription of a subscription-specific price's key; None for a price of the catalog."""
    return LinkKey.parse(key).subscription


def owner(key: str) -> str:
    """Return the link key of the customer or subscription that a key belongs to; empty for the catalog."""
    found = LinkKey.parse(key).owner()
    return str(found) if found is not None else ""


def entity_of(key: str) -> tuple[str, str]:
    """Return (kind, id) of the Stigg entity of a link key."""
    return LinkKey.parse(key).entity()


def unescaped(text: str) -> str:
    """Return the text of an escaped part."""
    raw = re.sub(rb"~([0-9A-F]{2})", lambda m: bytes([int(m.group(1), 16)]), text.encode())
    return raw.decode(errors="replace")
