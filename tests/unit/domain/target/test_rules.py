"""The mapping as a table: names, prices, currencies, tiers, coupons and reasons, each expectation written by hand.

Amounts are from reference/currencies.md and reference/stigg_pricing_examples.md (E numbers), never computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stripe_sync.core import keys, money
from stripe_sync.core.decoding import from_stigg
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model import tariffs
from stripe_sync.domain.model.price_content import decode, encode
from stripe_sync.domain.model.stigg import Coupon, Customer, Price
from stripe_sync.domain.target.catalog import display_names
from stripe_sync.domain.target.catalog.prices import version
from stripe_sync.domain.target.coupons import content as coupon_content
from stripe_sync.domain.target.target_state import target_state
from tests.unit.domain.test_deciding import customer, inputs, package, price, subscription

D = Decimal
Row = tuple[str, Any, Any]


def usd(amount: str) -> dict[str, Any]:
    return {"amount": D(amount), "currency": "USD"}


def seats(**more: Any) -> dict[str, Any]:
    return price(billingModel="PER_UNIT", feature={"refId": "seats", "displayName": "Seats"}, **more)


def steps(*rows: tuple[str | None, str | None, str | None], currency: str = "USD") -> list[dict[str, Any]]:
    def cash(amount: str | None) -> dict[str, Any] | None:
        return None if amount is None else {"amount": D(amount), "currency": currency}

    return [
        {"upTo": D(up) if up else None, "unitPrice": cash(unit), "flatPrice": cash(flat)} for up, unit, flat in rows
    ]


NAMES: list[Row] = [
    ("name", ("plan", {}), "Acme Pro Plan"),
    ("name", ("plan", {"displayName": "Basic"}), "Acme Basic Plan"),
    ("name", ("addon", {"displayName": "10 Seats"}), "Acme 10 Seats Add-on"),
    ("name", ("addon", {"displayName": "10 Seats", "product": None}), "10 Seats Add-on"),
    ("name", ("plan", {"product": {"refId": "acme"}}), "acme Pro Plan"),
    ("name", ("plan", {"displayName": "שלום"}), "Acme שלום Plan"),
    ("name", ("plan", {"displayName": "👩‍👩‍👧 Family"}), "Acme 👩‍👩‍👧 Family Plan"),
    ("name", ("plan", {"displayName": "e\u0301clair"}), "Acme e\u0301clair Plan"),
    ("name", ("plan", {"displayName": "x" * 6000}), "Acme " + "x" * 4994 + "…"),
    ("name", ("plan", {"displayName": "a\x00b"}), "Acme ab Plan"),
    ("charge name", price(), "Acme Pro Plan - Base fee"),
    ("charge name", seats(), "Acme Pro Plan - Seats"),
    ("charge name", price(feature={"refId": "calls"}), "Acme Pro Plan - calls"),
    ("charge name", price(billingCadence="ONE_OFF"), "Acme Pro Plan - One-time fee"),
    ("charge name", seats(billingCadence="ONE_OFF"), "Acme Pro Plan - Seats, one time"),
    ("charge name", price(billingModel="MINIMUM_SPEND"), "Acme Pro Plan - Minimum spend"),
    ("coupon name", "Summer", "Summer"),
    ("coupon name", "x" * 40, "x" * 40),
    ("coupon name", "x" * 41, "x" * 39 + "…"),
]
KEYS: list[Row] = [
    ("slot", price(), "e:plan:pro:base:monthly:default"),
    ("slot", price(billingPeriod="ANNUALLY"), "e:plan:pro:base:annually:default"),
    ("slot", price(billingCountryCode="DE"), "e:plan:pro:base:monthly:DE"),
    ("slot", price(billingCountryCode="eu"), "e:plan:pro:base:monthly:eu"),
    ("slot", seats(), "e:plan:pro:seats:monthly:default"),
    ("slot", price(feature={"refId": "base"}), "e:plan:pro:~62ase:monthly:default"),
    ("slot", price(feature={"refId": "a:b"}), "e:plan:pro:a~3Ab:monthly:default"),
    ("slot", price(feature={"refId": "ü"}), "e:plan:pro:~C3~BC:monthly:default"),
    ("slot", price(billingCadence="ONE_OFF"), "e:plan:pro:base~once:monthly:default"),
    ("slot", price(billingModel="MINIMUM_SPEND"), "e:plan:pro:~minimum:monthly:default"),
    ("product", price(), "product:e:plan:pro:base"),
    ("product", seats(), "product:e:plan:pro:seats"),
    ("product", seats(billingCadence="ONE_OFF"), "product:e:plan:pro:seats~once"),
]
CONTENT: list[Row] = [
    ("amount", price(), "2000"),
    ("amount", price(price=usd("0")), "0"),
    ("amount", price(price=usd("10.99")), "1099"),
    ("amount", price(price=usd("10.990")), "1099"),
    ("amount", seats(price=usd("0.0027")), "0.27"),
    ("amount", seats(price=usd("0.00001")), "0.001"),
    ("amount", price(price={"amount": D(1200), "currency": "JPY"}), "1200"),
    ("amount", seats(price={"amount": D("0.0027"), "currency": "JPY"}), "0.0027"),
    ("amount", price(price={"amount": D(990), "currency": "ISK"}), "99000"),
    ("amount", price(price={"amount": D(5000), "currency": "UGX"}), "500000"),
    ("amount", price(price={"amount": D(25000), "currency": "MGA"}), "25000"),
    ("amount", price(price={"amount": D(150000), "currency": "IDR"}), "15000000"),
    ("amount", price(price={"amount": D("999"), "currency": "INR"}), "99900"),
    ("amount", price(billingModel="USAGE_BASED", price=usd("0.5")), "0"),
    ("interval", price(), "month"),
    ("interval", price(billingPeriod="ANNUALLY"), "year"),
    ("interval", price(billingCadence="ONE_OFF"), None),
    ("divide_by", seats(), None),
    ("divide_by", seats(blockSize=D(1)), None),
    ("divide_by", seats(blockSize=D(50)), "50:up"),
    ("divide_by", seats(blockSize=D(1000)), "1000:up"),
    ("tiers_mode", seats(price=None, tiersMode="GRADUATED", tiers=steps((None, "1", None))), "graduated"),
    ("tiers_mode", seats(price=None, tiersMode="VOLUME", tiers=steps((None, None, "1"))), "volume"),
    ("tiers", seats(price=None, tiersMode="GRADUATED", tiers=steps(("5", "20", "10"), (None, "10", None))),
     [{"up_to": "5", "unit_amount": "2000", "flat_amount": "1000"}, {"up_to": "inf", "unit_amount": "1000"}]),
    ("tiers", seats(price=None, tiersMode="VOLUME", tiers=steps(("10", None, "100"), (None, None, "400"))),
     [{"up_to": "10", "flat_amount": "10000"}, {"up_to": "inf", "flat_amount": "40000"}]),
    ("tiers", seats(price=None, tiersMode="GRADUATED", tiers=steps(("5", "0", "0"), (None, "1", None))),
     [{"up_to": "5"}, {"up_to": "inf", "unit_amount": "100"}]),
    ("tiers", seats(price=None, tiersMode="GRADUATED", blockSize=D(100), tiers=steps(("500", "3", None), (None, "2", None))),
     [{"up_to": "5", "unit_amount": "300"}, {"up_to": "inf", "unit_amount": "200"}]),
    ("tiers", seats(price=None, tiersMode="VOLUME", tiers=steps(("5", "0.00001", None), (None, "1", None))),
     [{"up_to": "5", "unit_amount": "0.001"}, {"up_to": "inf", "unit_amount": "100"}]),
    ("currency", seats(price=None, tiersMode="VOLUME", tiers=steps((None, "1", None), currency="EUR")), "eur"),
    ("billing_scheme", seats(price=None, tiersMode="VOLUME", tiers=steps((None, "1", None))), "tiered"),
    ("billing_scheme", price(), "per_unit"),
    ("usage_type", price(billingModel="USAGE_BASED"), "licensed"),
]  # fmt: skip
REFUSED: list[Row] = [
    ("refused", price(billingModel="CREDIT_BASED"), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", price(billingModel="NEW"), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", price(billingPeriod="WEEKLY"), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", price(billingCadence="NEW"), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", price(price=None), "NO_PRICE"),
    ("refused", price(price=usd("-1")), "BAD_AMOUNT"),
    ("refused", price(price=usd("0.001")), "BAD_AMOUNT"),
    ("refused", price(billingModel="MINIMUM_SPEND", price=usd("0.001")), "BAD_AMOUNT"),
    ("refused", price(price={"amount": D("990.5"), "currency": "ISK"}), "BAD_AMOUNT"),
    ("refused", seats(price={"amount": D("990.5"), "currency": "ISK"}), "BAD_AMOUNT"),
    ("refused", price(price={"amount": D("0.5"), "currency": "JPY"}), "BAD_AMOUNT"),
    ("refused", price(price={"amount": D(10), "currency": "HRK"}), "BAD_AMOUNT"),
    ("refused", price(price={"amount": D(10), "currency": "SLL"}), "BAD_AMOUNT"),
    ("refused", price(price={"amount": D(10), "currency": "MRO"}), "BAD_AMOUNT"),
    ("refused", seats(blockSize=D("2.5")), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", seats(price=None, tiersMode="NEW", tiers=steps((None, "1", None))), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", seats(price=None, tiersMode=None, tiers=steps((None, "1", None))), "PRICING_MODEL_NOT_SUPPORTED"),
    ("refused", seats(price=None, tiersMode="VOLUME", tiers=steps(("5", "1", None))), "BAD_AMOUNT"),
    ("refused", seats(price=None, tiersMode="VOLUME", tiers=steps(("2.5", "1", None), (None, "1", None))), "BAD_AMOUNT"),
    ("refused", seats(price=None, tiersMode="VOLUME", tiers=steps(("5", "1", "0.001"), (None, "1", None))), "BAD_AMOUNT"),
    ("refused", seats(price=None, tiersMode="VOLUME", blockSize=D(10), tiers=steps(("5", "1", None), (None, "1", None))),
     "BAD_AMOUNT"),
    ("refused", seats(price=None, tiersMode="VOLUME", tiers=[*steps(("5", "1", None)), *steps((None, "1", None), currency="EUR")]),
     "MIXED_CURRENCIES"),
    ("refused", seats(price=None, tiersMode="VOLUME", tiers=[{"upTo": None}]), "NO_PRICE"),
    ("refused", price(price=None, billingCadence="ONE_OFF", tiersMode="VOLUME", tiers=steps((None, "1", None))),
     "PRICING_MODEL_NOT_SUPPORTED"),
]  # fmt: skip
GRADUATED = {"currency": "usd", "interval": "month", "tiers_mode": "graduated",
             "tiers": [{"up_to": "5", "unit_amount": "2000"}, {"up_to": "10", "unit_amount": "1500"},
                       {"up_to": "inf", "unit_amount": "1000"}]}  # fmt: skip
FEES = GRADUATED | {"tiers": [{"up_to": "5", "unit_amount": "2000", "flat_amount": "1000"},
                              {"up_to": "10", "unit_amount": "1500", "flat_amount": "800"},
                              {"up_to": "inf", "unit_amount": "1000", "flat_amount": "500"}]}  # fmt: skip
STAIRS = {"currency": "usd", "interval": "month", "tiers_mode": "volume",
          "tiers": [{"up_to": "10", "flat_amount": "10000"}, {"up_to": "50", "flat_amount": "40000"},
                    {"up_to": "inf", "flat_amount": "70000"}]}  # fmt: skip
VOLUME, FEE_VOLUME = GRADUATED | {"tiers_mode": "volume"}, FEES | {"tiers_mode": "volume"}
BLOCK = {"currency": "usd", "interval": "month", "unit_amount": "1000", "divide_by": "50:up"}
COSTS: list[Row] = [
    ("E7", (GRADUATED, 20), "27500"), ("E10", (GRADUATED, 5), "10000"), ("E10", (GRADUATED, 6), "11500"),
    ("E10", (GRADUATED, 10), "17500"), ("E10", (GRADUATED, 11), "18500"), ("E10", (GRADUATED, 0), "0"),
    ("E8", (FEES, 20), "29800"), ("S13: the first flat fee at 0", (FEES, 0), "1000"), ("E8", (FEES, 5), "11000"),
    ("E9", (VOLUME, 20), "20000"), ("E10", (VOLUME, 5), "10000"), ("E10", (VOLUME, 6), "9000"),
    ("E10", (VOLUME, 10), "15000"), ("E10", (VOLUME, 11), "11000"),
    ("E11", (FEE_VOLUME, 20), "20500"), ("E11", (FEE_VOLUME, 7), "11300"),
    ("E12", (STAIRS, 10), "10000"), ("E12", (STAIRS, 11), "40000"), ("E12", (STAIRS, 50), "40000"),
    ("E12", (STAIRS, 51), "70000"),
    ("E5", (BLOCK, 50), "1000"), ("E5", (BLOCK, 51), "2000"), ("E5", (BLOCK, 100), "2000"), ("E5", (BLOCK, 101), "3000"),
    ("zero blocks", (BLOCK, 0), "0"),
]  # fmt: skip
EXPONENTS: list[Row] = [
    *(("exponent", code, 0) for code in ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND",
                                         "VUV", "XAF", "XOF", "XPF")),
    *(("exponent", code, 3) for code in ("BHD", "JOD", "KWD", "OMR", "TND")),
    *(("exponent", code, 2) for code in ("USD", "EUR", "ISK", "UGX", "HUF", "TWD", "IDR", "PKR", "INR", "GBP", "ALL")),
]  # fmt: skip


def coupon(**more: Any) -> dict[str, Any]:
    return {"refId": "c", "name": "C", "type": "PERCENTAGE", "percentOff": D(20)} | more


def off(**amounts: str) -> dict[str, Any]:
    rows = [{"currency": c, "amount": D(a)} for c, a in amounts.items()]
    return coupon(type="FIXED", percentOff=None, amountsOff=rows)


COUPONS: list[Row] = [
    ("coupon", coupon(), {"percent_off": "20", "duration": "forever"}),
    ("coupon", coupon(percentOff=D("12.50")), {"percent_off": "12.5", "duration": "forever"}),
    ("coupon", coupon(percentOff=D(100)), {"percent_off": "100", "duration": "forever"}),
    (
        "coupon",
        coupon(durationInMonths=D(3)),
        {"percent_off": "20", "duration": "repeating", "duration_in_months": "3"},
    ),
    ("coupon", off(USD="10"), {"amount_off": {"usd": "1000"}, "duration": "forever"}),
    ("coupon", off(USD="10", JPY="1500"), {"amount_off": {"usd": "1000", "jpy": "1500"}, "duration": "forever"}),
    ("coupon", coupon(percentOff=D(0)), "BAD_AMOUNT"),
    ("coupon", coupon(percentOff=D(101)), "BAD_AMOUNT"),
    ("coupon", coupon(percentOff=None), "BAD_AMOUNT"),
    ("coupon", coupon(durationInMonths=D("0.5")), "BAD_AMOUNT"),
    ("coupon", coupon(durationInMonths=D(0)), "BAD_AMOUNT"),
    ("coupon", off(), "BAD_AMOUNT"),
    ("coupon", off(USD="0"), "BAD_AMOUNT"),
    ("coupon", off(USD="0.001"), "BAD_AMOUNT"),
    ("coupon", off(ISK="0.5"), "BAD_AMOUNT"),
    ("coupon", coupon(type="NEW"), "PRICING_MODEL_NOT_SUPPORTED"),
]
FREE, TRIAL, CUSTOM = {"pricingType": "FREE"}, {"status": "IN_TRIAL"}, {"pricingType": "CUSTOM"}
ENDED, PAID = {"status": "CANCELED"}, dict[str, Any]()
CUSTOMERS: list[Row] = [
    ("customer", ([], {}), "NO_SUBSCRIPTION"),
    ("customer", ([ENDED], {}), "NO_SUBSCRIPTION"),
    ("customer", ([FREE], {}), "ONLY_FREE"),
    ("customer", ([FREE, ENDED], {}), "ONLY_FREE"),
    ("customer", ([TRIAL], {}), "ONLY_TRIAL"),
    ("customer", ([TRIAL | FREE], {}), "ONLY_TRIAL"),
    ("customer", ([CUSTOM], {}), "ONLY_CUSTOM"),
    ("customer", ([FREE, TRIAL], {}), "NOTHING_PAID"),
    ("customer", ([FREE, CUSTOM], {}), "NOTHING_PAID"),
    ("customer", ([TRIAL, CUSTOM], {}), "NOTHING_PAID"),
    ("customer", ([FREE, TRIAL, CUSTOM], {}), "NOTHING_PAID"),
    ("customer", ([PAID], {}), "WAITS_FOR_WRITE"),
    ("customer", ([FREE, PAID], {}), "WAITS_FOR_WRITE"),
    ("customer", ([], {"hasPaymentMethod": True}), "WAITS_FOR_WRITE"),
    ("customer", ([FREE], {"hasPaymentMethod": True}), "WAITS_FOR_WRITE"),
    ("customer", ([TRIAL], {"additionalMetaData": {"billing_name": "One, Inc."}}), "WAITS_FOR_WRITE"),
    ("customer", ([CUSTOM], {"additionalMetaData": {"billing_address": "Street 1"}}), "WAITS_FOR_WRITE"),
    ("customer", ([], {"additionalMetaData": {"else": "x"}}), "NO_SUBSCRIPTION"),
    ("customer", ([PAID], {"deletedAt": "2026-01-01T00:00:00Z"}), "ARCHIVED"),
]


def made(row: dict[str, Any], kind: str = "plan") -> Any:
    return version(inputs(), kind, package(), from_stigg(row, Price))


def name_of(given: tuple[str, dict[str, Any]]) -> str:
    return display_names.package_name(given[0], package(**given[1]))


def charge_name(row: dict[str, Any]) -> str:
    from stripe_sync.domain.target.catalog.prices import variant_of

    given = from_stigg(row, Price)
    return display_names.charge_name("plan", package(), given, variant=variant_of(given))


def reason(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or the reason code of its refusal."""
    try:
        return call()
    except EntityError as failure:
        return failure.reason


def customer_reason(given: tuple[list[dict[str, Any]], dict[str, Any]]) -> str:
    subscriptions = [subscription(**{"subscriptionId": f"s-{n}"} | more) for n, more in enumerate(given[0])]
    found = target_state(inputs([package()], [customer(**given[1])], subscriptions))
    return found.statuses["customer", "c-1"].reason.value


RULES: dict[str, Callable[[Any], Any]] = {
    "name": name_of,
    "charge name": charge_name,
    "coupon name": lambda text: display_names.cut(text, display_names.LIMITS["coupon"]),
    "slot": lambda row: keys.slot_of(made(row).key).partition(":")[2],
    "product": lambda row: made(row).product,
    "amount": lambda row: encode(made(row).content)["unit_amount"],
    "refused": lambda row: reason(lambda: made(row)),
    "exponent": money.exponent,
    "coupon": lambda row: reason(lambda: coupon_content("", from_stigg(row, Coupon))),
    "customer": customer_reason,
}
ROWS = [*NAMES, *KEYS, *CONTENT, *REFUSED, *COSTS, *EXPONENTS, *COUPONS, *CUSTOMERS]


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(ROWS) >= 150


@pytest.mark.parametrize(("rule", "given", "expected"), ROWS)
def test_the_mapping(rule: str, given: Any, expected: Any) -> None:
    if rule in RULES:
        assert RULES[rule](given) == expected
    elif isinstance(given, tuple):
        tariff = tariffs.of_content(decode(given[0]))
        assert tariff is not None
        assert tariff.amount(D(given[1])) == D(expected)
    else:
        assert encode(made(given).content).get(rule) == expected


def test_a_customer_that_is_not_synced_says_every_condition_that_holds() -> None:
    found = target_state(inputs([package()], [from_stigg({"customerId": "c-1"}, Customer)], []))
    detail = found.statuses["customer", "c-1"].detail
    assert all(code in detail for code in ("NO_SUBSCRIPTION", "NO_BILLING_INFORMATION", "NO_PAYMENT_METHOD"))


def test_the_page_for_users_explains_every_reason() -> None:
    text = (Path(__file__).parents[4] / "docs" / "mapping.md").read_text(encoding="utf-8")
    assert [reason for reason in ReasonCode if reason and f"`{reason}`" not in text] == []
