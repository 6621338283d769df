"""Metered versions of usage charges that a Stripe meter bills (BILLING 8)."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from stripe_sync.core import keys
from stripe_sync.domain.model import meter_units as meters
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.meter_units import ChargeAmounts
from stripe_sync.domain.model.price_content import (
    UsageType,
    encode,
)
from stripe_sync.domain.model.stigg import Package, Price
from stripe_sync.domain.target.catalog.amounts import ONE, block_of
from stripe_sync.domain.target.catalog.prices import PriceVersion, charged, content_hash, recurrence_of, slot


def by_meter(
    inputs: Inputs, v: PriceVersion, kind: str, package: Package, price: Price, *, subscription: str | None = None
) -> PriceVersion | None:
    """Return the metered version of a usage charge with a configured meter that Stripe can price, else None (BILLING 8)."""
    chosen = inputs.environment.usage.meters.get(price.feature.ref_id) if price.feature else None
    if chosen is None or not v.usage or v.variant or v.metered:
        return None
    assert price.feature is not None
    where = f"the {kind} {package.ref_id}, charge {price.feature.ref_id}"
    change = price.feature.unit_transformation
    amounts = ChargeAmounts(
        content=charged(where, replace_model(price)),
        block=block_of(price) if price.tiers else ONE,
        divide=change.divide if change else ONE,
        round=change.round if change else "UP",
    )
    same = meters.content(amounts, chosen.decimals)
    if same is None:
        return None
    interval = recurrence_of(where, price)
    assert interval is not None, "a charge for use is charged again and again"
    content = replace(same, recurrence=replace(interval, usage_type=UsageType.METERED, meter=chosen.meter))
    name = slot(inputs, kind, package, price, variant=v.variant, subscription=subscription, metered=True)
    return replace(v, key=keys.version_key(name, content_hash(encode(content))), content=content)


def replace_model(price: Price) -> Price:
    """Return a usage charge as a per-unit charge, for its amounts."""
    return msgspec.structs.replace(price, billing_model="PER_UNIT")
