"""Canonical documents: the fields that Stigg owns of one Stripe object, in a form in which equal means equal.

Decimals are text in lowest terms, sets are sorted, absent is no key, other objects are named by link key. Both sides are
reduced to this form by pure code; PostgreSQL compares the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
CANON_VERSION = 1

PRODUCT, PRICE, PRICE_VERSION, COUPON = "product", "price", "price_version", "coupon"
CUSTOMER, SUBSCRIPTION = "customer", "subscription"
STIGG_SUBSCRIPTION = "stigg_subscription"  # a subscription as Stigg holds it: what a cancellation in Stripe is sent to


@dataclass(frozen=True)
class ObjectDocument:
    """One document of one side. ``key`` is the link key; ``entity`` is the Stigg entity as (kind, id).

    ``facts`` are not compared: values that a writer needs in addition to the document, such as item ids or the time of a change.
    """

    kind: str
    key: str
    document: Document
    entity: tuple[str, str] | None = None
    stripe_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def clean_text(text: str | None) -> str | None:
    """Return text that PostgreSQL and Stripe accept: without NUL; None for empty text."""
    return (text or "").replace("\x00", "") or None


def compact(document: Mapping[str, Any]) -> Document:
    """Return the document without keys of absent values: null, empty text, empty list or object."""
    return {k: v for k, v in document.items() if v is not None and v not in ("", [], {})}
