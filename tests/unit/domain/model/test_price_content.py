"""The stored form of a price's content stays: each hash was written down before the content had types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.decoding import from_stigg, from_stripe
from stripe_sync.domain.model import stigg, stripe
from stripe_sync.domain.model.price_content import (
    PerUnit,
    PriceContent,
    Recurrence,
    Rounding,
    Tier,
    Tiered,
    TiersMode,
    TransformQuantity,
    UsageType,
    decode,
    encode,
)
from stripe_sync.domain.target.catalog.prices import content_hash, version
from tests.unit.domain.target.test_rules import seats, steps, usd
from tests.unit.domain.test_deciding import inputs, package, price

D = Decimal
TIERED = seats(price=None, tiersMode="GRADUATED")
OF_STIGG = [
    (price(), "base:monthly:default@65756672"),
    (price(billingPeriod="ANNUALLY"), "base:annually:default@39a56688"),
    (price(billingCadence="ONE_OFF"), "base~once:monthly:default@ac22fe6b"),
    (price(billingModel="MINIMUM_SPEND"), "~minimum:monthly:default@65756672"),
    (price(billingModel="USAGE_BASED", price=usd("0.5")), "base:monthly:default@3a039920"),
    (seats(price=usd("0.0027")), "seats:monthly:default@bd885b3c"),
    (seats(blockSize=D(50)), "seats:monthly:default@b9f1752c"),
    (TIERED | {"tiers": steps(("5", "20", "10"), (None, "10", None))}, "seats:monthly:default@88849b43"),
    (TIERED | {"tiers": steps(("5", "0", "0"), (None, "1", None))}, "seats:monthly:default@12f62eed"),
    (
        TIERED | {"blockSize": D(100), "tiers": steps(("500", "3", None), (None, "2", None))},
        "seats:monthly:default@b38f445d",
    ),
    (
        TIERED | {"tiersMode": "VOLUME", "tiers": steps(("10", None, "100"), (None, None, "400"))},
        "seats:monthly:default@f7fc307c",
    ),
]
METERED = {"interval": "month", "interval_count": 3, "usage_type": "metered", "meter": "mtr_1"}
OF_STRIPE = [
    (
        {
            "unit_amount_decimal": "0.270",
            "recurring": METERED,
            "transform_quantity": {"divide_by": 60, "round": "down"},
        },
        "0d4bfa3f5a169940e8332cb85c36cf34bc1c4cba3ee1ad00217fba4f3fd5a59e",
    ),
    (
        {
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "recurring": {"interval": "year"},
            "tiers": [
                {"up_to": 5, "unit_amount_decimal": "2000", "flat_amount_decimal": "1000.0"},
                {"up_to": None, "unit_amount_decimal": "0", "flat_amount_decimal": None},
            ],
        },
        "00a3dbc8351f14bb1de6bad74c869585f44186c58421d61bcd1885fb15777be1",
    ),
    (
        {"billing_scheme": "tiered", "tiers_mode": "volume"},  # tiers were not expanded
        "41b629a7597d4afb50ba77aaa540a629a161cbc294ca2752249896614133b080",
    ),
    ({"unit_amount_decimal": None}, "4547b4b2660482558f4dd8210b529891e8390dc80c4ebb0f07d5d04fd2209da6"),
]


@pytest.mark.parametrize(("row", "key"), OF_STIGG)
def test_the_version_key_of_every_pricing_model_stays(row: dict[str, Any], key: str) -> None:
    made = version(inputs(), "plan", package(), from_stigg(row, stigg.Price))
    assert made.key == f"price:e:plan:pro:{key}"


@pytest.mark.parametrize(("row", "digest"), OF_STRIPE)
def test_the_hash_of_a_price_in_stripe_stays(row: dict[str, Any], digest: str) -> None:
    given = {"id": "price_1", "product": "prod_1", "currency": "usd", "active": True} | row
    assert content_hash(encode(from_stripe(given, stripe.StripePrice).content())) == digest


amounts = st.decimals(min_value=0, max_value=10**9, places=12)
packages = st.builds(TransformQuantity, st.integers(1, 10**6), st.sampled_from(Rounding))
tiers = st.builds(Tier, up_to=st.one_of(st.none(), st.integers(1, 10**9)), unit_amount=amounts, flat_amount=amounts)
schemes = st.one_of(
    st.builds(PerUnit, unit_amount=st.one_of(st.none(), amounts), transform_quantity=st.one_of(st.none(), packages)),
    st.builds(Tiered, st.sampled_from(TiersMode), st.lists(tiers, max_size=4).map(tuple)),
)
recurrences = st.builds(
    Recurrence,
    interval=st.sampled_from(["month", "year"]),
    count=st.integers(1, 12),
    usage_type=st.sampled_from(UsageType),
    meter=st.one_of(st.none(), st.just("mtr_1")),
)


@given(
    st.builds(
        PriceContent,
        currency=st.sampled_from(["usd", "jpy"]),
        scheme=schemes,
        recurrence=st.one_of(st.none(), recurrences),
    )
)
def test_a_content_is_decoded_as_it_was_encoded(content: PriceContent) -> None:
    assert decode(encode(content)) == content
    assert encode(decode(encode(content))) == encode(content)
