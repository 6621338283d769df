"""Pending invoice items of a subscription that is canceled: what of them is billed, credited, or a person's (BILLING 7). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pending:
    """One pending item; amounts in minor units, times in Unix seconds. ``own``: a proration, or an item with our mark."""

    id: str
    amount: int
    currency: str
    product: str | None
    own: bool
    start: int
    end: int


@dataclass(frozen=True)
class Net:
    """What the items of one product and currency come to. ``items`` are their ids."""

    product: str
    currency: str
    amount: int
    start: int
    end: int
    items: tuple[str, ...]


@dataclass(frozen=True)
class Settlement:
    """``billed`` are positive, ``credited`` negative: these are proposals, and never set off against the others."""

    billed: tuple[Net, ...]
    credited: tuple[Net, ...]
    persons: tuple[Pending, ...]

    def taken(self) -> frozenset[str]:
        """Return the ids of the items that are ours: those that Stripe leaves are deleted."""
        return frozenset(id for net in (*self.billed, *self.credited) for id in net.items)


def settle(items: Iterable[Pending]) -> Settlement:
    """Divide pending items. The net is taken by product; one that comes to nothing is neither billed nor credited."""
    groups: dict[tuple[str, str], list[Pending]] = {}
    persons = []
    for item in items:
        if item.own and item.product is not None:
            groups.setdefault((item.product, item.currency), []).append(item)
        else:
            persons.append(item)
    nets = [net_of(product, currency, found) for (product, currency), found in sorted(groups.items())]
    return Settlement(
        tuple(net for net in nets if net.amount > 0), tuple(net for net in nets if net.amount <= 0), tuple(persons)
    )


def net_of(product: str, currency: str, items: list[Pending]) -> Net:
    return Net(
        product, currency, sum(i.amount for i in items), min(i.start for i in items), max(i.end for i in items),
        tuple(sorted(i.id for i in items)),
    )  # fmt: skip


def pending(body: dict[str, Any], *, marked: bool) -> Pending:
    """Return an invoice item of Stripe's; ``marked`` says whether it carries our genuine mark."""
    product = ((body.get("pricing") or {}).get("price_details") or {}).get("product")
    return Pending(
        body["id"], int(body["amount"]), body["currency"], product, bool(body.get("proration")) or marked,
        body["period"]["start"], body["period"]["end"],
    )  # fmt: skip
