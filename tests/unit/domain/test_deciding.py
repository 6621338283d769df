"""Deciding, without a database and without HTTP: names, reasons, drift rows, plans, guards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.decoding import from_stigg, from_stripe
from stripe_sync.core.errors import EntityError
from stripe_sync.core.ownership import Signer
from stripe_sync.core.settings import Environment, Limits
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.difference import Difference, Missing
from stripe_sync.domain.drift.rows import rows
from stripe_sync.domain.model import stripe
from stripe_sync.domain.model.documents import ObjectDocument
from stripe_sync.domain.model.inputs import Inputs, Links, StiggView, StripeView
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stigg import Customer, Package, Subscription
from stripe_sync.domain.plan import builder
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan, ordered
from stripe_sync.domain.plan.guards import GuardContext, evaluate_guards
from stripe_sync.domain.target.catalog import display_names
from stripe_sync.domain.target.catalog.catalog import catalog
from stripe_sync.domain.target.target_state import target_state
from stripe_sync.jobs.extract import ownership_links
from stripe_sync.warehouse.snapshots.snapshots import ObjectWithMarker

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SIGNER = Signer("acct_1", ("secret",))


def price(id: str = "p-1", **more: Any) -> dict[str, Any]:
    row = {"id": id, "billingModel": "FLAT_FEE", "billingPeriod": "MONTHLY", "price": {"amount": 20, "currency": "USD"}}
    return row | more


def package(ref: str = "pro", prices: list[dict[str, Any]] | None = None, **more: Any) -> Package:
    row = {"id": "u", "refId": ref, "displayName": ref.title(), "versionNumber": 1, "status": "PUBLISHED",
           "isLatest": True, "pricingType": "PAID", "product": {"refId": "acme", "displayName": "Acme"},
           "prices": [price()] if prices is None else prices}  # fmt: skip
    return from_stigg(row | more, Package)


def subscription(**more: Any) -> Subscription:
    row = {"subscriptionId": "s-1", "status": "ACTIVE", "pricingType": "PAID", "customer": {"customerId": "c-1"},
           "plan": {"refId": "pro", "versionNumber": 1}, "startDate": "2026-11-16T06:00:00.000Z",
           "billingPeriod": "MONTHLY", "paymentCollectionMethod": "INVOICE",
           "currentBillingPeriodEnd": "2026-12-16T06:00:00.000Z",
           "prices": [{"price": price(), "updatedAt": "2026-11-16T06:00:00.000Z"}]}  # fmt: skip
    return from_stigg(row | more, Subscription)


def inputs(
    plans: list[Package] | None = None,
    customers: list[Customer] | None = None,
    subscriptions: list[Subscription] | None = None,
    **settings: Any,
) -> Inputs:
    return Inputs(
        Environment(stripe_account="acct_1", name="e", **settings),
        StiggView((), plans or [], [], customers or [], subscriptions or []),
        StripeView({}, {}, {}, {}),
        Links({}),
        SIGNER,
        NOW,
    )


def customer(**more: Any) -> Customer:
    return from_stigg({"customerId": "c-1", "name": "One"} | more, Customer)


def test_names_in_the_pages_formats() -> None:
    assert display_names.package_name("plan", package("basic")) == "Acme Basic Plan"
    assert display_names.package_name("addon", package("x", displayName="10 Seats")) == "Acme 10 Seats Add-on"
    assert display_names.package_name("addon", package("x", displayName="10 Seats", product=None)) == "10 Seats Add-on"
    assert display_names.package_name("plan", package("x", product={"refId": "acme"})) == "acme X Plan"
    assert display_names.package_name("plan", package("x", displayName="שלום 👩‍👩‍👧")) == "Acme שלום 👩‍👩‍👧 Plan"


@given(st.text(max_size=60), st.integers(min_value=2, max_value=30))
def test_a_cut_name_fits_and_ends_between_graphemes(text: str, limit: int) -> None:
    import regex

    cut = display_names.cut(text, limit)
    assert len(cut) <= limit
    if cut != text:
        assert cut.endswith("…")
        graphemes = regex.findall(r"\X", text)
        assert cut[:-1] in {"".join(graphemes[:n]) for n in range(len(graphemes) + 1)}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"pricingType": "FREE"}, "FREE"),
        ({"pricingType": "CUSTOM"}, "CUSTOM_PRICE"),
        ({"prices": []}, "NO_PRICE"),
        ({"prices": [price(billingModel="CREDIT_BASED")]}, "PRICING_MODEL_NOT_SUPPORTED"),
        ({"prices": [price(billingModel="SOMETHING_NEW")]}, "PRICING_MODEL_NOT_SUPPORTED"),
        ({"prices": [price(tiers=[{"upTo": None}])]}, "PRICING_MODEL_NOT_SUPPORTED"),
        ({"prices": [price(billingCadence="SOMETIMES")]}, "PRICING_MODEL_NOT_SUPPORTED"),
        ({"prices": [price(), price("p-2", price={"amount": 3, "currency": "USD"})]}, "AMBIGUOUS_CHARGE"),
        ({"prices": [price(billingPeriod="WEEKLY")]}, "PRICING_MODEL_NOT_SUPPORTED"),
        ({"prices": [price(price=None)]}, "NO_PRICE"),
        ({"prices": [price(price={"amount": -1, "currency": "USD"})]}, "BAD_AMOUNT"),
        ({"prices": [price(price={"amount": Decimal("0.001"), "currency": "USD"})]}, "BAD_AMOUNT"),
        ({"prices": [price(price={"amount": Decimal("990.5"), "currency": "ISK"})]}, "BAD_AMOUNT"),
    ],
)
def test_why_a_package_is_not_in_stripe(more: dict[str, Any], reason: str) -> None:
    made = catalog(inputs([package(**more)]))
    assert made.targets == []
    assert [s.reason.value for s in made.statuses] == [reason]


@pytest.mark.parametrize(
    ("subscriptions", "more", "reason"),
    [
        ([], {}, "NO_SUBSCRIPTION"),
        ([{"status": "CANCELED"}], {}, "NO_SUBSCRIPTION"),
        ([{"pricingType": "FREE"}], {}, "ONLY_FREE"),
        ([{"status": "IN_TRIAL"}], {}, "ONLY_TRIAL"),
        ([{"pricingType": "CUSTOM"}], {}, "ONLY_CUSTOM"),
        ([{"isCustomPriceSubscription": True}], {}, "ONLY_CUSTOM"),
        ([{"pricingType": "FREE"}, {"status": "IN_TRIAL"}], {}, "NOTHING_PAID"),
        ([{}], {"deletedAt": "2026-01-01T00:00:00Z"}, "ARCHIVED"),
        ([{}], {}, "WAITS_FOR_WRITE"),
        ([], {"hasPaymentMethod": True}, "WAITS_FOR_WRITE"),
        ([], {"additionalMetaData": {"billing_name": "One, Inc."}}, "WAITS_FOR_WRITE"),
        ([{"status": "NOT_STARTED"}], {}, "WAITS_FOR_WRITE"),
    ],
)
def test_why_a_customer_is_or_is_not_in_stripe(
    subscriptions: list[dict[str, Any]], more: dict[str, Any], reason: str
) -> None:
    made = target_state(inputs([package()], [customer(**more)], [subscription(**s) for s in subscriptions]))
    assert made.statuses["customer", "c-1"].reason.value == reason


@pytest.mark.parametrize(
    ("more", "status", "reason"),
    [
        ({}, "PENDING", "WAITS_FOR_WRITE"),
        ({"status": "CANCELED"}, "NO_SYNC_REQUIRED", "ENDED"),
        ({"status": "EXPIRED"}, "NO_SYNC_REQUIRED", "ENDED"),
        ({"pricingType": "FREE"}, "NO_SYNC_REQUIRED", "FREE"),
        ({"pricingType": "CUSTOM"}, "NO_SYNC_REQUIRED", "CUSTOM_PRICE"),
        ({"status": "IN_TRIAL"}, "NO_SYNC_REQUIRED", "TRIAL"),
        ({"status": "NOT_STARTED"}, "PENDING", "NOT_STARTED"),
        ({"status": "PAYMENT_PENDING"}, "PENDING", "PAYMENT_PENDING"),
        ({"status": "HIBERNATING"}, "ERROR", "UNKNOWN_STATUS"),
        ({"customer": {"customerId": "nobody"}}, "ERROR", "CUSTOMER_MISSING"),
        ({"paymentCollectionMethod": "NONE"}, "ERROR", "NEEDS_A_PERSON"),
        ({"paymentCollectionMethod": "CHARGE"}, "PENDING", "NO_PAYMENT_METHOD"),
        ({"prices": []}, "ERROR", "NO_PRICE"),
        ({"prices": [{"price": price("unknown")}]}, "ERROR", "NO_PRICE"),
        ({"prices": [{"price": price(feature={"refId": "f"}), "usageLimit": Decimal("1.5")}]}, "ERROR", "BAD_AMOUNT"),
        ({"prices": [{"price": price(f"p-{n}")} for n in range(21)]}, "ERROR", "TOO_MANY_ITEMS"),
    ],
)
def test_why_a_subscription_is_or_is_not_in_stripe(more: dict[str, Any], status: str, reason: str) -> None:
    charges = [price(), *(price(f"p-{n}", feature={"refId": f"f-{n}"}) for n in range(21))]
    given = [{**part, "usageLimit": part.get("usageLimit", 1)} for part in more.get("prices", [])]
    more = more | ({"prices": given} if given else {})
    made = target_state(inputs([package(prices=charges)], [customer()], [subscription(**more)]))
    found = made.statuses["subscription", "s-1"]
    assert (found.status.value, found.reason.value) == (status, reason)
    target_keys = {c.key for c in made.targets if c.kind == "subscription"}
    assert target_keys == ({"subscription:e:s-1"} if reason == "WAITS_FOR_WRITE" else set())


def test_syncing_of_either_can_be_switched_off() -> None:
    parts = ([package()], [customer()], [subscription()])
    off = target_state(inputs(*parts, sync_customers=False))
    assert off.statuses["customer", "c-1"].reason == off.statuses["subscription", "s-1"].reason == "CUSTOMER_SYNC_OFF"
    off = target_state(inputs(*parts, sync_subscriptions=False))
    assert off.statuses["subscription", "s-1"].reason == "SUBSCRIPTION_SYNC_OFF"


@pytest.mark.parametrize(("hours", "late"), [(0, False), (47, False), (48, False), (49, True), (24 * 40, True)])
def test_a_late_start_charges_nothing_for_the_running_period(hours: int, late: bool) -> None:
    begin = NOW - timedelta(hours=hours)
    made = target_state(inputs([package()], [customer()], [subscription(startDate=begin.isoformat())]))
    (target,) = [c for c in made.targets if c.kind == "subscription"]
    start = target.facts["start"]
    assert start["late"] is late
    assert ("backdate_start_date" in start) is not late
    assert start["billing_cycle_anchor"] > NOW.timestamp()


@pytest.mark.parametrize(
    ("begin", "end", "timers"),
    [
        (timedelta(hours=-1), timedelta(days=30), timedelta(hours=47) + timedelta.resolution),  # late from then on
        (timedelta(hours=-1), timedelta(hours=5), timedelta(hours=5)),  # the next period
        (timedelta(days=-40), timedelta(days=-10), timedelta(days=21)),  # the one after: it began on 7 October at 9
        (timedelta(hours=2), timedelta(days=30), timedelta(hours=2)),  # what is paid for begins
    ],
)
def test_a_missing_one_is_decided_again_when_its_start_becomes_another(
    begin: timedelta, end: timedelta, timers: timedelta
) -> None:
    row = subscription(startDate=(NOW + begin).isoformat(), currentBillingPeriodEnd=(NOW + end).isoformat())
    about = inputs([package()], [customer()], [row])

    def document_at(now: datetime) -> ObjectDocument:
        (target,) = [c for c in target_state(replace(about, now=now)).targets if c.kind == "subscription"]
        return target

    first = document_at(NOW)
    assert target_state(about).timers == {"s-1": NOW + timers}
    assert document_at(NOW + timers - timedelta.resolution) == first, "until then nothing about it moves"
    assert document_at(NOW + timers) != first


def test_versions_of_a_price_are_told_apart_by_content_alone() -> None:
    first = catalog(inputs([package()])).versions["p-1"].key
    renamed = catalog(inputs([package(displayName="Else", prices=[price("p-2")])])).versions["p-2"].key
    dearer = catalog(inputs([package(prices=[price(price={"amount": 21, "currency": "USD"})])])).versions["p-1"].key
    assert first == renamed
    assert first.rpartition("@")[0] == dearer.rpartition("@")[0]
    assert first != dearer


def test_decoding_names_the_field_and_not_its_value() -> None:
    with pytest.raises(EntityError) as refused:
        from_stigg({"customerId": "c", "email": {"secret": "a@b.test"}}, Customer)
    assert "email" in refused.value.detail
    assert "a@b.test" not in refused.value.detail


def test_stripes_decimals_are_read_exactly() -> None:
    row = {"id": "p", "product": "x", "currency": "usd", "active": True, "unit_amount_decimal": "0.000000000001"}
    assert encode(from_stripe(row, stripe.StripePrice).content())["unit_amount"] == "0.000000000001"


def test_a_mark_proves_a_link_only_for_one_living_object() -> None:
    def row(id: str, key: str, *, status: str | None = None, deleted: bool = False) -> ObjectWithMarker:
        return ObjectWithMarker(id, SIGNER.marker(key), status, deleted)

    proofs, suggestions = ownership_links.proven(
        [row("cus_1", "customer:e:a"), row("cus_2", "customer:e:b"), row("cus_3", "customer:e:b"),
         row("cus_4", "customer:e:c", deleted=True), row("sub_5", "subscription:e:d", status="canceled"),
         ObjectWithMarker("cus_6", "customer:e:f forged", None, deleted=False)],
        SIGNER, {"customer:e:x": "cus_9"},
    )  # fmt: skip
    assert proofs == [("customer:e:a", "cus_1")]
    assert suggestions == [("customer:e:b", "cus_2"), ("customer:e:b", "cus_3")]


def action(**more: Any) -> Action:
    fields: dict[str, Any] = {
        "kind": ActionKind.CUSTOMER_CREATE,
        "lane": "customers",
        "target": "customer:e:c",
        "after": {"a": 1},
    }
    return Action(**(fields | more))


def test_an_actions_hash_covers_what_an_approval_is_about_and_nothing_else() -> None:
    base = action()
    assert action(sentence="Other words", due_now={"usd": Decimal(1)}, drift=["x"]).hash == base.hash
    for other in (
        {"kind": ActionKind.CUSTOMER_UPDATE},
        {"target": "customer:e:d"},
        {"after": {"a": 2}},
        {"before": {"a": 0}},
    ):
        assert action(**other).hash != base.hash


@given(st.permutations(range(6)))
def test_the_order_of_a_plan_does_not_depend_on_the_order_of_drift(order: list[int]) -> None:
    made = [action(target=f"customer:e:{n}") for n in range(6)]
    plan = Plan(environment="e", actions=ordered([made[n] for n in order]))
    assert plan.hash == Plan(environment="e", actions=ordered(made)).hash


def target(kind: str, key: str, document: dict[str, Any], **more: Any) -> ObjectDocument:
    return ObjectDocument(kind, key, document, **more)


def built(differences: list[Difference], known: frozenset[str] = frozenset()) -> tuple[Plan, dict[str, str]]:
    book = PriceBook.of([c for d in differences for c in d.documents])
    return builder.build(
        "e", differences=differences, drift=rows(differences, book), book=book, known=known,
        policy=builder.Policy("always_invoice", "create_prorations", int(NOW.timestamp())),
    )  # fmt: skip


def test_a_dependent_names_what_it_waits_for() -> None:
    made = target_state(inputs([package()], [customer()], [subscription()]))
    plan, _ = built([Missing(c) for c in made.targets])
    by_kind = {a.kind: a for a in plan.actions}
    assert by_kind["price.create"].hash in by_kind["subscription.create"].depends_on
    assert by_kind["customer.create"].hash in by_kind["subscription.create"].depends_on
    assert by_kind["price.create"].hash in by_kind["product.set_default"].depends_on
    assert not any(a.hash in a.depends_on for a in plan.actions)


def test_money_of_a_missing_subscription_is_reckoned_by_hand() -> None:
    made = target_state(inputs([package()], [customer()], [subscription()]))
    differences = [Missing(c) for c in made.targets]
    drift = rows(differences, PriceBook.of(made.targets))
    (row,) = [r for r in drift if r.kind == "subscription"]
    assert row.per_month == {"usd": Decimal(2000)}
    assert row.sentence == "The subscription s-1 is not in Stripe (20.00 USD a month)."


def test_each_limit_refuses_alone_and_says_where() -> None:
    environment = Environment(
        stripe_account="acct_1", name="e", modes={"customers": "enforce"},
        limits=Limits(actions=1, day_actions=10, share=0.1, due_now={"usd": "1"}),
    )  # fmt: skip
    plan = Plan(
        environment="e",
        actions=[
            action(kind=ActionKind.CUSTOMER_UPDATE, target=f"customer:e:{n}", before={}, due_now={"usd": Decimal(300)})
            for n in (1, 2)
        ],
    )
    (guard_result,) = evaluate_guards(
        plan, environment, GuardContext(linked={"customers": 10}, written_today={"customers": 9})
    )
    assert guard_result.decision == "wait"
    assert [r.rsplit(" of ", 1)[-1] for r in guard_result.refusals] == [
        "environments.e.limits.actions.", "environments.e.limits.day_actions.", "environments.e.limits.share.",
        "environments.e.limits.due_now.usd.",
    ]  # fmt: skip


def test_what_a_plan_does_not_reach_counts_as_well() -> None:
    limits = Limits(actions=100, share=0.5)
    environment = Environment(stripe_account="acct_1", name="e", modes={"customers": "enforce"}, limits=limits)
    plan = Plan(environment="e", actions=[action(kind=ActionKind.CUSTOMER_UPDATE, before={})])
    context = GuardContext(linked={"customers": 200}, deferred={"customers": 100})
    (guard_result,) = evaluate_guards(plan, environment, context)
    assert guard_result.decision == "wait"
    assert guard_result.refusals == [
        "1 actions and 100 outside this plan are more than the 100 of environments.e.limits.actions.",
        "1 and 100 outside this plan of 200 objects of customers are more than the share 0.5 of environments.e.limits.share.",
    ]
    (guard_result,) = evaluate_guards(plan, environment, msgspec.structs.replace(context, deferred={}))
    assert guard_result.decision == "apply"


def test_money_that_rises_cannot_hide_money_that_falls() -> None:
    environment = Environment(
        stripe_account="acct_1", name="e", modes={"customers": "enforce"}, limits=Limits(per_month={"usd": "5"})
    )
    amounts = (Decimal(100_000), Decimal(-100_000))
    plan = Plan(environment="e", actions=[action(target=f"c:{n}", per_month={"usd": a}) for n, a in enumerate(amounts)])
    (guard_result,) = evaluate_guards(plan, environment, GuardContext())
    assert "2000.00 USD per month is more than 5.00 USD" in guard_result.refusals[0]
