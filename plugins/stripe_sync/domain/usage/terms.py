"""Terms of a usage charge: its price, its units and its included quantity (BILLING 3 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

import msgspec

from stripe_sync.core import money
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.meter_units import ChargeAmounts, Meter
from stripe_sync.domain.model.price_content import EncodedPrice, decode, encode
from stripe_sync.domain.model.stigg import Price, Subscription
from stripe_sync.domain.model.tariffs import Line, of_content
from stripe_sync.domain.target.catalog.amounts import block_of
from stripe_sync.domain.target.catalog.metered_prices import replace_model
from stripe_sync.domain.target.catalog.prices import PriceVersion, charged

Aggregation = Literal["sum", "last", "max", "average"]
ZERO = Decimal(0)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Terms of one usage charge from a time on. Decimals are text; amounts are minor units.

    ``content`` is the price in Stripe's form, ``block`` how many units one unit of its tiers stands for; ``included`` units
    are free (an overage's limit), then units are divided and rounded; ``minimum`` was charged in advance and is drawn from
    by all charges of the subscription. ``meter`` is what bills it where its item in Stripe is metered.
    """

    content: EncodedPrice
    label: str
    product: str
    aggregation: Aggregation = "sum"
    block: str = "1"
    included: str = "0"
    divide: str = "1"
    round: str = "UP"
    minimum: str | None = None
    meter: Meter | None = None

    @property
    def currency(self) -> str:
        return self.content["currency"]

    def amounts(self) -> ChargeAmounts:
        """Return the amounts that a meter's price would need."""
        return ChargeAmounts(
            content=decode(self.content),
            block=Decimal(self.block),
            divide=Decimal(self.divide),
            round=self.round,
            plain=self.minimum is None and Decimal(self.included) == 0,
        )

    def units(self, quantity: Decimal) -> Decimal:
        """Return the billed units of a quantity; 0 for a negative quantity (a correction)."""
        units = max(ZERO, quantity - Decimal(self.included))
        if self.divide != "1":
            rounding = ROUND_FLOOR if self.round == "DOWN" else ROUND_CEILING
            units = (units / Decimal(self.divide)).to_integral_value(rounding)
        block = Decimal(self.block)
        return (units / block).to_integral_value(ROUND_CEILING) if block != 1 else units

    def lines(self, quantity: Decimal) -> list[Line]:
        """The lines of an invoice for a quantity of use: one at least, so that nothing used is seen as well."""
        tariff = of_content(decode(self.content))
        assert tariff is not None, "a price of use has its amounts"
        return list(tariff.lines(self.units(quantity))) or [Line(ZERO, ZERO)]

    def amount(self, quantity: Decimal) -> int:
        """Return the amount of a quantity: each line rounded half up, then summed."""
        return sum(money.round_minor(line.quantity * line.unit_amount) for line in self.lines(quantity))


def terms(
    inputs: Inputs, subscription: Subscription, price: Price, version: PriceVersion, *, included: Decimal
) -> Terms:
    """The terms of one charge. Raises EntityError where what it costs, or what is counted, is not known."""
    assert price.feature is not None, "a charge for use is of a feature"
    where = f"the charge for {price.feature.ref_id} of {subscription.subscription_id}"
    change = price.feature.unit_transformation
    return Terms(
        content=encode(charged(where, replace_model(price))),
        label=price.feature.display_name or price.feature.ref_id,
        product=version.product,
        aggregation=aggregation(inputs, price),
        block=money.plain(block_of(price)) if price.tiers else "1",
        included=money.plain(included),
        divide=money.plain(change.divide) if change else "1",
        round=change.round if change else "UP",
        minimum=minimum(subscription, price),
    )


def aggregation(inputs: Inputs, price: Price) -> Aggregation:
    """Return the aggregation of running values: incremental features are summed; others by the environment's setting."""
    assert price.feature is not None, "a charge for use is of a feature"
    found = inputs.environment.usage.aggregation.get(price.feature.ref_id)
    if found is None and price.feature.meter_type == "Fluctuating":
        raise EntityError(
            ReasonCode.NO_AGGREGATION,
            f"The feature {price.feature.ref_id} rises and falls; say in environments.{inputs.environment.name}."
            f"usage.aggregation whether its last, max or average value is billed.",
        )
    return found or "sum"


def minimum(subscription: Subscription, price: Price) -> str | None:
    """Return the minimum spend of the same billing interval that the subscription pays in advance, minor units."""
    found = dict(minimums(subscription))
    if found and price.billing_period not in found:
        raise EntityError(
            ReasonCode.PRICING_MODEL_NOT_SUPPORTED,
            f"The minimum spend of {subscription.subscription_id} has a different billing interval than its usage.",
        )
    return found.get(price.billing_period)


def minimums(subscription: Subscription) -> Iterator[tuple[str, str]]:
    """(billing period, minor units) of what is charged in advance of use."""
    for part in subscription.prices or ():
        if part.price is not None and part.price.billing_model == "MINIMUM_SPEND" and part.price.price is not None:
            amount = part.price.price
            yield part.price.billing_period, money.plain(money.to_minor(amount.amount, amount.currency))
    whole = subscription.minimum_spend
    if whole is not None and subscription.billing_period:
        yield subscription.billing_period, money.plain(money.to_minor(whole.minimum.amount, whole.minimum.currency))
