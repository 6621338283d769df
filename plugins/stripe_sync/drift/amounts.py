"""What a difference is worth a month, in minor units by currency; currencies are never added to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stripe_sync import money
from stripe_sync.model.documents import SUBSCRIPTION, Claim, Difference, Document

MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Rate:
    """One price: minor units a unit and interval."""

    currency: str
    unit_amount: Decimal
    months: int

    def amount(self, quantity: Decimal) -> Decimal:
        """The price of a quantity for one interval."""
        return self.unit_amount * quantity

    def per_month(self, quantity: Decimal) -> Decimal:
        return self.amount(quantity) / self.months


class PriceBook:
    """The rate of every price version that either side knows."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self.rates = rates

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> PriceBook:
        """A book of the price versions among these claims; other claims and prices without a unit amount are passed."""
        rates = {}
        for claim in claims:
            content = claim.facts.get("content")
            if content and content.get("unit_amount") is not None and content.get("interval") in MONTHS:
                months = MONTHS[content["interval"]] * int(content.get("interval_count") or 1)
                rates[claim.key] = Rate(content["currency"], Decimal(content["unit_amount"]), months)
        return cls(rates)

    def per_month(self, items: Iterable[Mapping[str, str]]) -> dict[str, Decimal]:
        """What items are worth a month; a price that is not known counts nothing."""
        known = ((self.rates.get(item["price"]), Decimal(item["quantity"])) for item in items)
        return money.total({rate.currency: rate.per_month(quantity)} for rate, quantity in known if rate)

    def one_interval(self, items: Iterable[Mapping[str, str]]) -> dict[str, Decimal]:
        """What items cost for one interval of their own, each line rounded as an invoice rounds it."""
        known = ((self.rates.get(item["price"]), Decimal(item["quantity"])) for item in items)
        return money.total(
            {rate.currency: Decimal(money.round_minor(rate.amount(quantity)))} for rate, quantity in known if rate
        )

    def drift_per_month(self, d: Difference, name: str, before: Any, after: Any) -> dict[str, Decimal]:
        """What Stigg claims more than Stripe bills, for one drift row of a subscription; nothing for others."""
        if d.kind != SUBSCRIPTION:
            return {}
        if name.startswith("items."):
            price = name.removeprefix("items.").removesuffix(".quantity")
            more = Decimal(after or 0) - Decimal(before or 0)
            return self.per_month([{"price": price, "quantity": str(more)}])
        if name:
            return {}
        return difference(self.per_month(items_of(after)), self.per_month(items_of(before)))


def items_of(document: Document | None) -> list[dict[str, str]]:
    items: list[dict[str, str]] = (document or {}).get("items", [])
    return items


def difference(more: Mapping[str, Decimal], less: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """``more`` minus ``less``, currency by currency."""
    return money.total([more, {currency: -amount for currency, amount in less.items()}])
