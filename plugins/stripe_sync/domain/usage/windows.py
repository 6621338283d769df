"""Usage windows: the life of a charge in half-open periods [start, end), without gap or overlap (invariant 10).

A charge of a Stripe subscription is opened with its terms, gets a revision when they change, and is closed. A window ends
where a billing period ends in Stripe, or where the terms change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from stripe_sync.domain.model.price_content import EncodedPrice
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.ledger import Balance, Balances, UsageState
from stripe_sync.domain.usage.terms import Aggregation, Terms

Timeline = tuple[str, str]  # Stripe's subscription, the charge's name


@dataclass(frozen=True)
class Measured:
    """Ids of a charge: the customer, the feature and the item in Stripe. It has no terms."""

    subscription: str  # Stigg's
    customer: str
    feature: str
    resource: str | None
    item: str


@dataclass(frozen=True)
class TermsRevision:
    """From a moment on a charge has these terms; None where it is closed, with the side that ended it as ``why``."""

    id: int
    since: datetime
    terms: Terms | None
    measured: Measured
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A half-open period of a charge with what was read of it, and where that quantity is.

    ``state`` and ``invoice`` are those of its newest movement that is not to ``rounded``. ``quantity`` is Stigg's newest with
    the decimals that Stripe takes; None where it was never read.
    """

    id: int
    subscription: str  # Stripe's
    charge: str
    start: datetime
    end: datetime
    terms: Terms
    measured: Measured
    quantity: Decimal | None = None
    read_at: datetime | None = None
    state: UsageState = UsageState.REPORTED
    invoice: str | None = None
    reason: str = ""
    balances: Balances

    def balance(self, *states: UsageState) -> Balance:
        """Return what lies in some states."""
        return ledger.total(self.balances, states)

    def __str__(self) -> str:
        return f"{self.measured.feature} of {self.measured.subscription} (row {self.id})"


@dataclass(frozen=True)
class UnstoredWindow:
    """A window to be stored: its terms revision, start and end."""

    revision: TermsRevision
    start: datetime
    end: datetime


def unstored_windows(
    revisions: Sequence[TermsRevision], covered_until: datetime | None, bounds: Collection[datetime], now: datetime
) -> list[UnstoredWindow]:
    """The windows that have ended and are not stored yet. ``covered_until`` is where the stored ones end.

    A window has the terms that held when it ended: what changes without cutting it, such as a limit, counts for all of it.
    """
    cursor = covered_until or revisions[0].since
    edges = {b for b in bounds if cursor < b <= now} | {c for c in cuts(revisions) if cursor < c <= now}
    result = []
    for edge in sorted(edges):
        revision = max((o for o in revisions if o.since < edge), key=lambda o: o.since, default=None)
        if revision is not None and revision.terms is not None:
            result.append(UnstoredWindow(revision, cursor, edge))
        cursor = edge
    return result


def cuts(revisions: Sequence[TermsRevision]) -> set[datetime]:
    """The moments at which a window has to end because what follows is priced otherwise."""
    ordered = sorted(revisions, key=lambda o: o.since)
    return {later.since for earlier, later in pairwise(ordered) if price_inputs(earlier) != price_inputs(later)}


class PriceBasis(NamedTuple):
    """Values that determine the price of a quantity, except limits."""

    content: EncodedPrice
    block: str
    divide: str
    round: str
    aggregation: Aggregation
    counted: tuple[str, str, str | None]


def price_inputs(revision: TermsRevision) -> PriceBasis | None:
    """Return the values that determine the price of a quantity; None where nothing is charged."""
    if revision.terms is None:
        return None
    terms, measured = revision.terms, revision.measured
    counted = (measured.customer, measured.feature, measured.resource)
    return PriceBasis(terms.content, terms.block, terms.divide, terms.round, terms.aggregation, counted)
