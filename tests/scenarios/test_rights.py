"""Keys with rights: each command works with the rights that docs/operations.md lists, and a refusal names the right (SB 8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import AccountRefused, NotAuthorized
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.runtime import preflight
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.setup.rights import RIGHTS, of_command
from tests.house import House, small_town
from tests.metering import DAY, MINUTE, cycle, month_end, until
from tests.scenarios.test_checkout import completed, opened, pays
from tests.scenarios.test_meters import by_meter
from tests.scenarios.test_recovery import all_kinds, first_day
from tests.switches import ends

Build = Callable[[WorldBuilder], House]
ADA = Hand("ada", "as the page says")
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
KEY = "rk_test_restricted"


def restrict(house: House, rights: list[str], *, wording: str = "new") -> None:
    """Let the pipeline have a key of these rights alone."""
    house.world.stripe_keys = ["sk_test_sandbox", {"key": KEY, "rights": rights, "wording": wording}]
    house.stripe_key = KEY


def within(house: House, work: Callable[[Any], object]) -> object:
    session = house.session()
    try:
        return work(session)
    finally:
        session.close()


def lifted(rights: list[str], right: str) -> list[str]:
    """The rights without one; of a write without its read as well."""
    return [name for name in rights if name != right]


def test_the_page_lists_the_rights_of_each_command() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("### What a restricted key needs")[2]
    every = tuple({r.of_setting for r in RIGHTS if r.of_setting})
    for command in ("reconcile", "usage", "checkout", "portal"):
        (row,) = re.findall(rf"^\| `{command}`[^|]*\|(.*)\|$", text, re.MULTILINE)
        on_page = set(re.findall(r"`(\w+_(?:read|write))`", row))
        assert on_page == set(of_command(command, *every)), command


def test_reconcile_works_with_its_rights_and_names_each_that_is_missing(house_of: Build) -> None:
    """SB 8.1-8.5, F4: first each right is taken away in turn, and nothing of what needs it is written; then all are there."""
    town = small_town()
    first_day(town)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("half")]
    house = house_of(town)
    house.change(stripe_feed=True)
    rights = of_command("reconcile", "stripe_feed")
    for right in rights:
        restrict(house, lifted(rights, right), wording="old" if right < "e" else "new")
        if right != "event_read":  # the first run reads everything, and no events
            with pytest.raises(NotAuthorized) as refused:
                house.reconcile()
            noun = right.rpartition("_")[0]
            assert refused.value.right.startswith(noun), right
            assert re.search(
                rf"give the restricted key this right in Stripe: {noun}_(read|write)\.$", str(refused.value)
            )
            assert "\n" not in str(refused.value)
    restrict(house, rights)
    house.reconcile()
    all_kinds(town)
    house.merge(town)
    assert set(house.reconcile()["results"]) <= {"done", "waiting"}
    restrict(house, lifted(rights, "event_read"))
    house.stigg("customers", customerId="c-1")["name"] = "Renamed again"
    with pytest.raises(NotAuthorized, match="this right in Stripe: event_read"):
        house.reconcile()


def test_a_right_to_read_alone_writes_nothing_and_names_the_write(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    rights = [name.replace("_write", "_read") for name in of_command("reconcile")]
    restrict(house, rights)
    with pytest.raises(NotAuthorized, match="this right in Stripe: product_write"):
        house.reconcile()
    assert house.objects("products") == []


def test_the_usage_job_works_with_its_rights(house_of: Build, metered: WorldBuilder) -> None:
    """By a meter: without one of its rights it stops with a sentence, and goes on when the key has it."""
    house = house_of(metered)
    by_meter(house)
    month_end(house)
    rights = of_command("usage", "usage_meters")
    for right in ("billing_meter_read", "billing_meter_event_write", "invoice_write"):
        restrict(house, lifted(rights, right))
        with pytest.raises(NotAuthorized, match=f"this right in Stripe: {right.rpartition('_')[0]}_"):
            house.usage()
    restrict(house, rights)
    house.usage()
    house.later(900)
    assert house.usage()["refused"] == []


@ends(
    "thin_events_by_event_read",
    yes="Stripe reports meter_event_customer_not_found.",
    no="Stripe's report of errors cannot be read:",
)
def test_what_the_report_of_a_meters_errors_adds_is_left_out_without_its_right(
    house_of: Build, metered: WorldBuilder, end: str
) -> None:
    """SB 4.6: the use of 1,234 calls stays unproven and its draft is held, whether or not the key may read why."""
    house = house_of(metered)
    by_meter(house)
    renewal = month_end(house)
    restrict(house, [*of_command("usage", "usage_meters"), "event_read"])
    house.usage()
    (event,) = house.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(house, renewal + 11 * MINUTE)
    given = house.usage()
    assert given["proven"] == 0
    assert any(end in text for text in given["refused"])
    assert cycle(house)["automatically_finalizes_at"] == renewal + DAY


def test_checkout_works_with_its_rights(house_of: Build, town: WorldBuilder) -> None:
    town.customer("new", "New customer", "new@example.test")
    house = house_of(town)
    house.reconcile()
    rights = of_command("checkout")
    for right in ("customer_write", "checkout_session_write"):
        restrict(house, lifted(rights, right))
        with pytest.raises(NotAuthorized, match=f"this right in Stripe: {right}"):
            opened(house)
    restrict(house, rights)
    page = opened(house)
    pays(house, page)
    assert completed(house, page["session"]) == {page["session"]: "provisioned"}


def test_the_portal_works_with_its_right(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    (right,) = of_command("portal")
    restrict(house, [])
    with pytest.raises(NotAuthorized, match=r"this right in Stripe: customer_portal_"):
        within(house, lambda session: portal.apply(session, ADA))
    restrict(house, [right])
    within(house, lambda session: portal.apply(session, ADA))


def test_connect_reads_with_its_rights_and_names_each_that_is_missing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    rights = of_command("connect", "stripe_feed", "tax")
    house.change(stripe_feed=True, tax=True)

    def said() -> dict[str, tuple[str, str]]:
        return within(house, lambda s: {c.name: (c.state, c.text) for c in connect.lines(s)})  # type: ignore[return-value]

    restrict(house, rights)
    assert said()["key rights"][0] == "ok"
    assert said()["Stripe account"][0] == "ok"
    assert "as Stripe names it when it refuses" in said()["account"][1]
    for right in ("coupon_read", "plan_read", "tax_settings_read"):
        restrict(house, lifted(rights, right))
        state, text = said()["key rights"]
        assert state == "failure"
        assert re.match(rf"the key lacks {right.removesuffix('_read')}_(read|write) \(", text), text


@pytest.mark.parametrize("wording", ["old", "new"])
@ends("account_right_grantable", yes={200}, no={403})
def test_the_account_is_proven_by_what_stripe_names(
    house_of: Build, town: WorldBuilder, wording: str, end: set[int]
) -> None:
    """F4, C11, SB 8.3: by GET /v1/account where the right can be given, else by the id in either refusal; never by nothing."""
    house = house_of(town)
    restrict(house, [*of_command("reconcile"), "accounts_kyc_basic_read"], wording=wording)
    assert house.reconcile()["results"] == {"done": 17}
    statuses = {r.status for r in house.world.requests if r.path == "/v1/account"}
    assert statuses == end
    house.world.account["id"] = "acct_1ANOTHER00000001"
    with pytest.raises(
        AccountRefused, match=r"belongs to the account acct_1ANOTHER00000001, and .* declares acct_1SANDBOX"
    ):
        within(house, preflight.account)


def test_an_account_that_nobody_names_is_not_proven(house_of: Build, town: WorldBuilder) -> None:
    """A revoked key names no account (SB 8.3)."""
    house = house_of(town)
    house.stripe_key = "rk_test_revoked"
    with pytest.raises(NotAuthorized, match="does not accept the key"):
        house.reconcile()
    assert house.writes() == 0


@pytest.mark.parametrize("granted", [True, False])
def test_an_expanded_object_needs_its_own_right(house_of: Build, town: WorldBuilder, granted: bool) -> None:
    """SB 8.5: lists of customers are read with their payment methods."""
    house = house_of(town)
    restrict(house, ["customer_read", *(["payment_method_read"] if granted else [])])
    session = house.session()
    try:
        params = {"expand": ["data.invoice_settings.default_payment_method"]}
        if granted:
            assert session.stripe.get("/v1/customers", **params)["data"] == []
        else:
            with pytest.raises(NotAuthorized, match="payment_method_read"):
                session.stripe.get("/v1/customers", **params)
    finally:
        session.close()
