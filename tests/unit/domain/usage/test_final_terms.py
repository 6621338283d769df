"""The terms of the last invoice of a subscription, field by field (BILLING 7, F5, F6)."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.core.charge_minimum import is_billable, is_chargeable, left_as_debt
from stripe_sync.domain.usage.final_terms import RecordedCoupon, final_terms, fixed_in, with_used_up, without_fixed

END = 1_800_000_000


def subscription(**more: Any) -> dict[str, Any]:
    return {
        "customer": "cus_1", "currency": "usd", "collection_method": "charge_automatically", "discounts": [],
        "default_payment_method": None, "automatic_tax": {"enabled": False}, "default_tax_rates": [],
        "invoice_settings": {"issuer": {"type": "self"}},
    } | more  # fmt: skip


def discount(coupon: str, end: int | None = None) -> dict[str, Any]:
    return {"id": f"di_{coupon}", "end": end, "source": {"type": "coupon", "coupon": coupon}}


def terms(body: dict[str, Any], live: Any = None, recorded: Any = None) -> Any:
    contents = {id: RecordedCoupon(**content) for id, content in (recorded or {}).items()}
    return final_terms(body, moment=END, live=live or {}, recorded=contents, key="k")


def test_no_discount_is_said_and_not_left_out() -> None:
    after = terms(subscription()).after()
    assert after["discounts"] == []
    assert after["auto_advance"] is False
    assert "payment_method" not in after and "default_tax_rates" not in after


@pytest.mark.parametrize("shown", ["pm_1", {"id": "pm_1", "object": "payment_method"}])
def test_the_card_of_the_subscription(shown: Any) -> None:
    assert terms(subscription(default_payment_method=shown)).after()["payment_method"] == "pm_1"


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"default_source": "card_1"}, {"source": "card_1"}),
        ({"default_source": {"id": "card_1", "object": "card"}}, {"source": "card_1"}),
        ({"default_source": "card_1", "default_payment_method": "pm_1"}, {"payment_method": "pm_1"}),
    ],
)
def test_the_source_of_the_subscription_pays_where_it_has_no_payment_method(
    fields: dict[str, Any], sent: dict[str, str]
) -> None:
    """SB 12.1: ``default_payment_method`` comes before ``default_source``."""
    after = terms(subscription(**fields)).after()
    assert {name: after[name] for name in ("payment_method", "source") if name in after} == sent


def test_terms_of_payment() -> None:
    after = terms(subscription(collection_method="send_invoice", days_until_due=14)).after()
    assert (after["collection_method"], after["days_until_due"]) == ("send_invoice", "14")


def test_tax_is_automatic_or_by_rates() -> None:
    assert terms(subscription(automatic_tax={"enabled": True})).after()["automatic_tax"] is True
    assert terms(subscription(default_tax_rates=[{"id": "txr_1"}])).after()["default_tax_rates"] == ["txr_1"]


@pytest.mark.parametrize(("end", "kept"), [(None, True), (END + 1, True), (END, False), (END - 1, False)])
def test_a_discount_that_has_ended_is_not_given(end: int | None, kept: bool) -> None:
    found = terms(subscription(discounts=[discount("half", end)]), {"half": {"id": "half", "valid": True}})
    assert found.discounts == (("half",) if kept else ())


@pytest.mark.parametrize("live", [None, {"id": "half", "valid": False}, {"id": "half", "deleted": True}])
def test_a_coupon_that_is_gone_is_replaced_by_one_of_the_same_content(live: Any) -> None:
    found = terms(subscription(discounts=[discount("half")]), {"half": live}, {"half": {"percent_off": "50"}})
    (coupon,) = found.coupons
    assert (coupon["percent_off"], coupon["duration"]) == ("50", "once")
    assert found.discounts == (coupon["id"],)
    assert not found.problem
    assert terms(subscription(discounts=[discount("half")]), {"half": live}, {"half": {"percent_off": "50"}}) == found


def test_a_fixed_amount_is_that_of_the_currency() -> None:
    found = terms(
        subscription(discounts=[discount("five")]), {}, {"five": {"amount_off": {"usd": "500", "eur": "450"}}}
    )
    assert (found.coupons[0]["amount_off"], found.coupons[0]["currency"]) == ("500", "usd")


@pytest.mark.parametrize(
    ("own", "start", "end", "given"),
    [([], END, None, ("theirs",)), ([], END + 1, None, ()), ([], 0, END, ()), (["half"], 0, None, ("half",))],
)  # fmt: skip
def test_the_customers_discount_is_that_of_a_subscription_without_one(
    own: list[str], start: int, end: int | None, given: tuple[str, ...]
) -> None:
    live = {id: {"id": id, "valid": True} for id in ("half", "theirs")}
    body = subscription(discounts=[discount(id) for id in own])
    inherited = discount("theirs", end) | {"start": start}
    assert final_terms(body, moment=END, live=live, recorded={}, key="k", inherited=inherited).discounts == given


def test_a_customers_coupon_that_is_gone_waits_for_a_person() -> None:
    gone = discount("theirs") | {"start": 0}
    assert "theirs" in final_terms(
        subscription(), moment=END, live={"theirs": None}, recorded={}, key="k", inherited=gone
    ).problem  # fmt: skip


def test_a_foreign_coupon_that_is_gone_waits_for_a_person() -> None:
    assert "theirs" in terms(subscription(discounts=[discount("theirs")])).problem


@pytest.mark.parametrize(
    "more",
    [{"on_behalf_of": "acct_2"}, {"transfer_data": {"destination": "acct_2"}}, {"application_fee_percent": 5},
     {"invoice_settings": {"issuer": {"type": "account", "account": "acct_2"}}}],
)  # fmt: skip
def test_money_of_others_waits_for_a_person(more: dict[str, Any]) -> None:
    assert terms(subscription(**more)).problem


@pytest.mark.parametrize(
    ("amount", "currency", "chargeable"),
    [(0, "usd", True), (49, "usd", False), (50, "usd", True), (29, "gbp", False), (30, "gbp", True), (-5, "usd", True),
     (174_99, "huf", False), (175_00, "huf", True), (49, "jpy", False), (50, "jpy", True)],
)  # fmt: skip
def test_the_least_that_is_charged(amount: int, currency: str, chargeable: bool) -> None:
    assert is_chargeable(amount, currency) is chargeable


@pytest.mark.parametrize(
    ("total", "balance", "debt", "billable"),
    [
        (40, 0, 40, False),
        (40, -40, 0, True),  # the credit covers it
        (40, -10, 30, False),
        (40, 9, 40, False),
        (40, 10, 0, True),  # 50 are charged
        (1500, -1480, 20, True),  # 14.80 of it are paid by the credit
        (1500, -2000, 0, True),
        (1500, 500, 0, True),
        (0, 20, 0, True),  # the debt was there before
        (0, 0, 0, True),
    ],
)  # fmt: skip
def test_what_stripe_leaves_of_a_last_invoice_as_a_debt(total: int, balance: int, debt: int, billable: bool) -> None:
    """FACTS_A 20-22."""
    assert left_as_debt(total, balance, "usd") == debt
    assert is_billable(total, balance, "usd") is billable


@pytest.mark.parametrize("behavior", ["keep_as_draft", "void", "mark_uncollectible"])
def test_a_pause_waits_for_a_person(behavior: str) -> None:
    assert behavior in terms(subscription(pause_collection={"behavior": behavior})).problem
    assert terms(subscription(pause_collection=None)).problem == ""


def test_discounts_that_a_renewal_after_the_end_used_up_come_back() -> None:
    body = subscription(discounts=[discount("half")])
    used = [discount("half"), discount("once") | {"start": END - 5}, discount("later") | {"start": END + 1}]
    found = with_used_up(body, [*used, *used], END)["discounts"]
    assert [d["id"] for d in found] == ["di_half", "di_once"]
    assert body["discounts"] == [discount("half")], "nothing given is changed"


@pytest.mark.parametrize(("fixed", "problem"), [((), ""), (("other",), ""), (("half",), "is a fixed amount")])
def test_a_fixed_amount_is_not_taken_off_two_last_invoices(fixed: tuple[str, ...], problem: str) -> None:
    live = {"half": {"id": "half", "valid": True}}
    found = without_fixed(terms(subscription(discounts=[discount("half")]), live), fixed)
    assert (problem in found.problem, bool(found.problem)) == (True, bool(problem))
    assert found.discounts == ("half",)


def test_the_discounts_of_a_fixed_amount_are_live_or_made_for_the_invoice() -> None:
    live = {"half": {"id": "half", "percent_off": 50}, "five": {"id": "five", "percent_off": None}, "lost": None}
    recorded = {"lost": {"amount_off": {"usd": "500"}}}
    found = terms(subscription(discounts=[discount(id) for id in live]), live, recorded)
    assert fixed_in(found, ["five"]) == ["five", found.coupons[0]["id"]]


def test_an_earlier_problem_is_kept() -> None:
    found = terms(subscription(discounts=[discount("half")], on_behalf_of="acct_2"), {"half": {"id": "half"}})
    assert without_fixed(found, ["half"]) == found
