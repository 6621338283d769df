"""Pending invoice items of a canceled subscription: billed, proposed as credits, or left to a person (BILLING 7). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stripe_sync.domain.model.stripe_invoices import StripeInvoiceItem


@dataclass(frozen=True)
class Pending:
    """One pending item; amounts in minor units, times in Unix seconds. ``own``: a proration, or an item with our ownership marker.

    ``tax`` is its treatment: the ``tax_behavior`` of its price, then a bar and the ids of its own tax rates. A one-off charge
    is ``discountable``; a proration is not, since its amount contains the discounts (SB 3.3, 5.5).
    """

    id: str
    amount: int
    currency: str
    product: str | None
    own: bool
    start: int
    end: int
    tax: str = "|"
    discountable: bool = False


@dataclass(frozen=True)
class Net:
    """Net amount of the items of one product, currency and treatment by tax and discounts; ``items`` are their ids."""

    product: str
    currency: str
    amount: int
    start: int
    end: int
    items: tuple[str, ...]
    tax: str = "|"
    discountable: bool = False

    @property
    def behavior(self) -> str:
        """Return the ``tax_behavior`` that its items had; empty where they had none."""
        return self.tax.partition("|")[0]

    @property
    def rates(self) -> list[str]:
        """Return the ids of the tax rates that its items had of their own."""
        return [id for id in self.tax.partition("|")[2].split(",") if id]


@dataclass(frozen=True)
class Settlement:
    """Settlement of pending items: ``billed`` nets are positive; ``credited`` nets are proposals and are not offset."""

    billed: tuple[Net, ...]
    credited: tuple[Net, ...]
    persons: tuple[Pending, ...]

    def billed_ids(self) -> frozenset[str]:
        """Return the ids of our items that our own invoice bills."""
        return frozenset(id for net in self.billed for id in net.items)

    def taken(self) -> frozenset[str]:
        """Return the ids of our items; those that remain in Stripe are deleted."""
        return frozenset(id for net in (*self.billed, *self.credited) for id in net.items)


def settle(items: Iterable[Pending]) -> Settlement:
    """Group our pending items by product, tax and discountability; return their nets. Foreign items are left to a person."""
    groups: dict[tuple[str, str, str, bool], list[Pending]] = {}
    persons = []
    for item in items:
        if item.own and item.product is not None:
            groups.setdefault((item.product, item.currency, item.tax, item.discountable), []).append(item)
        else:
            persons.append(item)
    nets = [net_of(product, currency, found) for (product, currency, *_), found in sorted(groups.items())]
    return Settlement(
        tuple(net for net in nets if net.amount > 0), tuple(net for net in nets if net.amount <= 0), tuple(persons)
    )


def net_of(product: str, currency: str, items: list[Pending]) -> Net:
    """Return the net of items of one product."""
    return Net(
        product,
        currency,
        sum(i.amount for i in items),
        min(i.start for i in items),
        max(i.end for i in items),
        tuple(sorted(i.id for i in items)),
        items[0].tax,
        items[0].discountable,
    )


def pending(item: StripeInvoiceItem, *, has_marker: bool, behavior: str = "") -> Pending:
    """Return a Stripe invoice item; ``has_marker``: it has our valid ownership marker.

    ``behavior`` is the ``tax_behavior`` of its price, empty where it has none.
    """
    rates = sorted(rate if isinstance(rate, str) else rate.id for rate in item.tax_rates or ())
    return Pending(
        id=item.id,
        amount=item.amount,
        currency=item.currency,
        product=item.product(),
        own=bool(item.proration) or has_marker,
        start=item.period.start,
        end=item.period.end,
        tax=f"{behavior}|{','.join(rates)}",
        discountable=bool(item.discountable),
    )
