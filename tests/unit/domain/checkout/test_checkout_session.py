"""A checkout page sells what reconcile would create: a line for every charge, at the total of the first invoice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stigg
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.settings import StripeSettings
from stripe_sync.domain.checkout import checkout_session
from stripe_sync.domain.checkout.request import CheckoutRequest, trial_note
from stripe_sync.domain.model.documents import SUBSCRIPTION, ObjectDocument
from stripe_sync.domain.model.inputs import Inputs, Links
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stigg import Coupon
from stripe_sync.domain.target.catalog.catalog import catalog
from stripe_sync.domain.target.coupons import coupons
from stripe_sync.domain.target.target_state import target_state
from tests.oracles.first_invoice import Sale, page_total
from tests.unit.domain.test_deciding import NOW, customer, inputs, package, price, subscription

Obj = dict[str, Any]
STAMP = NOW.isoformat().replace("+00:00", "Z")


def usd(amount: float) -> Obj:
    return {"amount": amount, "currency": "USD"}


def fee(amount: float, **more: Any) -> Obj:
    return price(price=usd(amount)) | more


def seats(feature: str, amount: float, **more: Any) -> Obj:
    return price(billingModel="PER_UNIT", price=usd(amount), feature={"refId": feature}) | more


def tiers(feature: str, mode: str, *steps: tuple[int | None, float, float], **more: Any) -> Obj:
    rows = [{"upTo": up_to, "unitPrice": usd(unit), "flatPrice": usd(flat)} for up_to, unit, flat in steps]
    return seats(feature, 0, price=None, tiersMode=mode, tiers=rows) | more


def once(charge: Obj) -> Obj:
    return charge | {"billingCadence": "ONE_OFF"}


def use(feature: str) -> Obj:
    return seats(feature, 0.01) | {"billingModel": "USAGE_BASED"}


def committed(feature: str) -> st.SearchStrategy[Obj]:
    """Return charges of committed units in each pricing model."""
    return st.sampled_from(
        [
            seats(feature, 5),
            seats(feature, 0.0027),
            seats(feature, 10, blockSize=5),
            tiers(feature, "GRADUATED", (5, 20, 10), (None, 10, 0)),
            tiers(feature, "GRADUATED", (10, 3, 0), (None, 2, 1), blockSize=5),
            tiers(feature, "VOLUME", (5, 20, 10), (None, 10.5, 0)),
            tiers(feature, "VOLUME", (10, 0, 100), (None, 0, 400)),
            seats(feature, 7) | {"billingModel": "FLAT_FEE"},
        ]
    )


@st.composite
def package_charges(draw: st.DrawFn, name: str) -> list[Obj]:
    """Draw the charges of a plan or an add-on: a recurring fee or committed units first, and any others after it."""
    first = draw(st.one_of(st.sampled_from([fee(0), fee(20), fee(19.99)]), committed(f"{name}-first")))
    further = [committed(f"{name}-units"), st.just(use(f"{name}-calls")), st.just(once(fee(99)))]
    further += [st.just(once(seats(f"{name}-setup", 45))), st.just(fee(50, billingModel="MINIMUM_SPEND"))]
    return [first, *(draw(charge) for charge in further if draw(st.booleans()))]


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """Draw a plan, 0 to 3 add-ons with quantities, committed units, and a coupon or none."""
    plan = draw(package_charges("plan"))
    addons = [(draw(package_charges(f"addon-{n}")), draw(st.integers(1, 4))) for n in range(draw(st.integers(0, 3)))]
    charges = [*plan, *(charge for prices, _ in addons for charge in prices)]
    features = sorted({charge["feature"]["refId"] for charge in charges if "feature" in charge})
    units = {feature: draw(st.integers(1, 30)) for feature in features}
    percent, cents = draw(st.sampled_from([(0, 0), (50, 0), (0, 1000)]))
    return Sale(plan, units, addons, percent_off=percent, cents_off=cents)


def identified(charges: list[Obj], name: str) -> list[Obj]:
    return [charge | {"id": f"{name}-{n}"} for n, charge in enumerate(charges)]


def coupon_of(sale: Sale) -> Obj | None:
    if sale.percent_off:
        return {"refId": "half", "name": "Half", "type": "PERCENTAGE", "percentOff": sale.percent_off}
    if sale.cents_off:
        return {"refId": "ten", "name": "Ten", "type": "FIXED", "amountsOff": [usd(sale.cents_off // 100)]}
    return None


def shop(sale: Sale, *, tax: bool) -> Inputs:
    """Return the catalog of a sale on both sides: everything is in Stripe already."""
    settings: Obj = {"stripe": StripeSettings(tax=True, tax_code="txcd_1", tax_behavior="exclusive")} if tax else {}
    coupon = coupon_of(sale)
    found = inputs([package("pro", identified(sale.plan, "plan"))], [customer()], **settings)
    stigg = replace(
        found.stigg,
        addons=[package(f"a{n}", identified(charges, f"a{n}")) for n, (charges, _) in enumerate(sale.addons)],
        coupons=[from_stigg(coupon, Coupon)] if coupon else [],
    )
    found = replace(found, stigg=stigg)
    keys = [*catalog_prices(found), *(target.key for target in coupons(found)[0])]
    return replace(found, links=Links({key: f"id_{n}" for n, key in enumerate(keys)}))


def catalog_prices(found: Inputs) -> dict[str, Obj]:
    """Return the content of each price version by its key."""
    return {v.key: dict(encode(v.content)) for v in catalog(found).versions.values()}


def request_of(sale: Sale) -> CheckoutRequest:
    """Return the request of a sale: units of committed charges, which are those that an add-on's quantity does not count."""
    further = [charge for charges, _ in sale.addons for charge in charges[1:]]
    named = {
        c["feature"]["refId"] for c in [*sale.plan, *further] if "feature" in c and c["billingModel"] != "USAGE_BASED"
    }
    coupon = coupon_of(sale)
    return CheckoutRequest(
        customer="c-1",
        plan="pro",
        success_url="https://example.test/paid",
        subscription="s-1",
        quantities={feature: sale.units[feature] for feature in named},
        addons={f"a{n}": quantity for n, (_, quantity) in enumerate(sale.addons)},
        coupon=coupon["refId"] if coupon else "",
    )


def page_of(found: Inputs, request: CheckoutRequest) -> Obj:
    """Return the instructions of the page that a request opens."""
    by_ref = {target.entity[1]: target.key for target in coupons(found)[0] if target.entity}
    made = checkout_session.action(found, catalog(found), by_ref, request, now=epoch(NOW))
    how: Obj = made.after["how"]
    return how


def reconciled(found: Inputs, sale: Sale) -> ObjectDocument:
    """Return the target that reconcile makes of the subscription that Stigg has after the sale."""
    further = [charge for n, (charges, _) in enumerate(sale.addons) for charge in identified(charges, f"a{n}")[1:]]
    prices = [
        {"price": charge, "usageLimit": sale.quantity(charge) if "feature" in charge else None, "updatedAt": STAMP}
        for charge in [*identified(sale.plan, "plan"), *further]
    ]
    addons = [
        {
            "addon": {"refId": f"a{n}", "versionNumber": 1},
            "quantity": quantity,
            "price": identified(charges, f"a{n}")[0],
        }
        for n, (charges, quantity) in enumerate(sale.addons)
    ]
    coupon = coupon_of(sale)
    row = subscription(
        prices=prices, addons=addons, coupons=[coupon | {"startDate": STAMP}] if coupon else [], startDate=STAMP
    )
    state = target_state(replace(found, stigg=replace(found.stigg, subscriptions=[row])))
    (target,) = [target for target in state.targets if target.kind == SUBSCRIPTION]
    return target


@given(sale=sales(), tax=st.booleans())
def test_a_page_sells_every_charge_at_the_total_of_the_first_invoice(sale: Sale, tax: bool) -> None:
    found = shop(sale, tax=tax)
    page, target = page_of(found, request_of(sale)), reconciled(found, sale)
    assert page["items"] == target.document["items"]
    assert page["one_off"] == list(target.facts["one_off"].values())
    assert page["attach"] == target.facts["attach"]
    assert page["automatic_tax"] == bool(target.document.get("automatic_tax")) == tax
    assert page["once"] == target.document.get("once", []), "one-off charges are recorded as charged"
    lines = [*page["items"], *page["one_off"]]
    off = {"percent_off": sale.percent_off, "cents_off": sale.cents_off}
    assert page_total(lines, catalog_prices(found), **off) == sale.total()


PLAN = [fee(20), seats("seats", 5)]


@pytest.mark.parametrize(
    ("addon", "total"),
    [
        ([fee(10)], 5500),
        ([fee(10), seats("seats", 3)], 6400),
        ([fee(10), once(fee(99))], 15_400),
        ([fee(10), seats("seats", 3), once(fee(99)), use("calls")], 16_300),
    ],
)
def test_an_addon_with_several_charges_sells_each(addon: list[Obj], total: int) -> None:
    """By hand: 20.00 + 3 x 5.00 + 2 x 10.00 = 55.00; with 3 x 3.00 more 64.00; with 99.00 once 154.00; with both 163.00."""
    sale = Sale(PLAN, {"seats": 3, "calls": 0}, [(addon, 2)])
    found = shop(sale, tax=False)
    page = page_of(found, request_of(sale))
    assert sale.total() == total
    assert page_total([*page["items"], *page["one_off"]], catalog_prices(found)) == total


def test_an_addon_of_which_none_is_bought_sells_no_further_charge() -> None:
    sale = Sale(PLAN, {"seats": 3}, [([fee(10), once(fee(99))], 0)])
    found = shop(sale, tax=False)
    assert page_of(found, request_of(sale))["one_off"] == []


def test_a_committed_charge_of_an_addon_without_a_quantity_is_refused_by_name() -> None:
    sale = Sale([fee(20)], {"desks": 3}, [([fee(10), seats("desks", 3)], 1)])
    request = CheckoutRequest(customer="c-1", plan="pro", success_url="x", subscription="s-1", addons={"a0": 1})
    with pytest.raises(ConfigurationError, match="The add-on a0 is sold by desks; say how many, such as desks=1"):
        page_of(shop(sale, tax=False), request)


def test_no_page_sells_a_trial() -> None:
    sale = Sale([fee(20)], {}, [])
    found = shop(sale, tax=False)
    trial = package("pro", identified(sale.plan, "plan"), defaultTrialConfig={"duration": 1, "units": "MONTH"})
    found = replace(found, stigg=replace(found.stigg, plans=[trial]))
    request = request_of(sale)
    assert page_of(found, request)["trial_days"] == 0
    assert "without the trial of 30 days" in (trial_note(found, request) or "")
