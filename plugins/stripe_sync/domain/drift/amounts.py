"""Monthly amounts of differences, in minor units by currency; amounts of two currencies are not added together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stripe_sync.core import money
from stripe_sync.domain.drift.difference import Changed, Difference
from stripe_sync.domain.model import tariffs
from stripe_sync.domain.model.documents import SUBSCRIPTION, Document, ObjectDocument
from stripe_sync.domain.model.price_content import EncodedPrice, decode
from stripe_sync.domain.model.tariffs import Tariff

Items = Iterable[Mapping[str, str]]


@dataclass(frozen=True)
class PriceBook:
    """The tariff of every price version that either side knows, by link key."""

    rates: Mapping[str, Tariff]

    @classmethod
    def of(cls, documents: Iterable[ObjectDocument]) -> PriceBook:
        """Return a book of the price versions among these documents, without metered prices and prices without an amount."""
        rates = {}
        for document in documents:
            content: EncodedPrice | None = document.facts.get("content")
            if not content or not ("unit_amount" in content or "tiers" in content):
                continue
            price = decode(content)
            tariff = None if price.is_metered else tariffs.of_content(price)
            if tariff is not None:
                rates[document.key] = tariff
        return cls(rates)

    def also(self, documents: Iterable[ObjectDocument]) -> PriceBook:
        """Return the book with more price versions."""
        more = PriceBook.of(documents).rates
        return PriceBook({**self.rates, **more}) if more else self

    def per_month(self, items: Items) -> dict[str, Decimal]:
        """Return the monthly amount of items before discounts; an unknown price counts as 0."""
        return money.total({rate.currency: rate.per_month(quantity)} for rate, quantity in self.known(items))

    def one_interval(self, items: Items) -> dict[str, Decimal]:
        """Return the amount of items for one billing interval each, rounded per line as on an invoice."""
        return money.total({rate.currency: rounded(rate, quantity)} for rate, quantity in self.known(items))

    def known(self, items: Items) -> list[tuple[Tariff, Decimal]]:
        return [(self.rates[i["price"]], Decimal(i["quantity"])) for i in items if i["price"] in self.rates]

    def drift_per_month(self, d: Difference, name: str, before: Any, after: Any) -> dict[str, Decimal]:
        """Return the monthly amount in Stigg minus the one in Stripe, for a drift row of a subscription; else empty."""
        if d.kind != SUBSCRIPTION:
            return {}
        if name.startswith("items."):
            price = name.removeprefix("items.").removesuffix(".quantity")
            old, new = ([{"price": price, "quantity": str(q)}] if q is not None else [] for q in (before, after))
            return difference(self.per_month(new), self.per_month(old))
        if name == "pause":
            return self.per_month(items_of(d.target.document)) if isinstance(d, Changed) else {}
        if name:
            return {}
        return difference(self.per_month(items_of(after)), self.per_month(items_of(before)))


def rounded(rate: Tariff, quantity: Decimal) -> Decimal:
    return sum((Decimal(money.round_minor(part)) for part in rate.parts(quantity)), Decimal(0))


def items_of(document: Document | None) -> list[dict[str, str]]:
    items: list[dict[str, str]] = (document or {}).get("items", [])
    return items


def difference(more: Mapping[str, Decimal], less: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """``more`` minus ``less``, currency by currency."""
    return money.total([more, {currency: -amount for currency, amount in less.items()}])
