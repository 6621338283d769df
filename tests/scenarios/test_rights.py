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
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.setup.rights import RIGHTS, of_command
from tests.scenarios.test_checkout import completed, opened, pays
from tests.scenarios.test_meters import by_meter
from tests.scenarios.test_recovery import all_kinds, first_day
from tests.support.harness import Harness, build_small_world
from tests.support.metering import DAY, MINUTE, cycle, month_end, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
ADA = Operator("ada", "as the page says")
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
KEY = "rk_test_restricted"


def restrict(harness: Harness, rights: list[str], *, wording: str = "new") -> None:
    """Let the pipeline have a key of these rights alone."""
    harness.world.stripe_keys = ["sk_test_sandbox", {"key": KEY, "rights": rights, "wording": wording}]
    harness.stripe_key = KEY


def within(harness: Harness, work: Callable[[Any], object]) -> object:
    session = harness.session()
    try:
        return work(session)
    finally:
        session.close()


def lifted(rights: list[str], right: str) -> list[str]:
    """The rights without one; of a write without its read as well."""
    return [name for name in rights if name != right]


def test_the_page_lists_the_rights_of_each_command() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("### Permissions of a restricted key")[2]
    every = tuple({r.of_setting for r in RIGHTS if r.of_setting})
    for command in ("reconcile", "usage", "checkout", "portal"):
        (row,) = re.findall(rf"^\| `{command}`[^|]*\|(.*)\|$", text, re.MULTILINE)
        on_page = set(re.findall(r"`(\w+_(?:read|write))`", row))
        assert on_page == set(of_command(command, *every)), command


def test_reconcile_works_with_its_rights_and_names_each_that_is_missing(harness_of: Build) -> None:
    """SB 8.1-8.5, F4: first each right is taken away in turn, and nothing of what needs it is written; then all are there."""
    small_world = build_small_world()
    first_day(small_world)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("half")]
    harness = harness_of(small_world)
    harness.change(stripe={"feed": True})
    rights = of_command("reconcile", "stripe.feed")
    for right in rights:
        restrict(harness, lifted(rights, right), wording="old" if right < "e" else "new")
        if right != "event_read":  # the first run reads everything, and no events
            with pytest.raises(NotAuthorized) as refused:
                harness.reconcile()
            noun = right.rpartition("_")[0]
            assert refused.value.right.startswith(noun), right
            assert re.search(rf"Grant it to the restricted key in Stripe: {noun}_(read|write)\.$", str(refused.value))
            assert "\n" not in str(refused.value)
    restrict(harness, rights)
    harness.reconcile()
    all_kinds(small_world)
    harness.merge(small_world)
    assert set(harness.reconcile()["results"]) <= {"done", "waiting"}
    restrict(harness, lifted(rights, "event_read"))
    harness.stigg("customers", customerId="c-1")["name"] = "Renamed again"
    with pytest.raises(NotAuthorized, match="restricted key in Stripe: event_read"):
        harness.reconcile()


def test_a_right_to_read_alone_writes_nothing_and_names_the_write(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    rights = [name.replace("_write", "_read") for name in of_command("reconcile")]
    restrict(harness, rights)
    with pytest.raises(NotAuthorized, match="restricted key in Stripe: product_write"):
        harness.reconcile()
    assert harness.objects("products") == []


def test_the_usage_job_works_with_its_rights(harness_of: Build, metered: WorldBuilder) -> None:
    """By a meter: without one of its rights it stops with a sentence, and goes on when the key has it."""
    harness = harness_of(metered)
    by_meter(harness)
    month_end(harness)
    rights = of_command("usage", "usage.meters")
    for right in ("billing_meter_read", "billing_meter_event_write", "invoice_write"):
        restrict(harness, lifted(rights, right))
        with pytest.raises(NotAuthorized, match=f"restricted key in Stripe: {right.rpartition('_')[0]}_"):
            harness.usage()
    restrict(harness, rights)
    harness.usage()
    harness.later(900)
    assert harness.usage()["refused"] == []


@ends(
    "thin_events_by_event_read",
    yes="Stripe reports meter_event_customer_not_found.",
    no="Stripe's report of errors cannot be read:",
)
def test_what_the_report_of_a_meters_errors_adds_is_left_out_without_its_right(
    harness_of: Build, metered: WorldBuilder, end: str
) -> None:
    """SB 4.6: the use of 1,234 calls stays unproven and its draft is held, whether or not the key may read why."""
    harness = harness_of(metered)
    by_meter(harness)
    renewal = month_end(harness)
    restrict(harness, [*of_command("usage", "usage.meters"), "event_read"])
    harness.usage()
    (event,) = harness.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(harness, renewal + 11 * MINUTE)
    given = harness.usage()
    assert given["proven"] == 0
    assert any(end in text for text in given["refused"])
    assert cycle(harness)["automatically_finalizes_at"] == renewal + DAY


def test_checkout_works_with_its_rights(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.customer("new", "New customer", "new@example.test")
    harness = harness_of(small_world)
    harness.reconcile()
    rights = of_command("checkout")
    for right in ("customer_write", "checkout_session_write"):
        restrict(harness, lifted(rights, right))
        with pytest.raises(NotAuthorized, match=f"restricted key in Stripe: {right}"):
            opened(harness)
    restrict(harness, rights)
    page = opened(harness)
    pays(harness, page)
    assert completed(harness, page["session"]) == {page["session"]: "provisioned"}


def test_the_portal_works_with_its_right(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    (right,) = of_command("portal")
    restrict(harness, [])
    with pytest.raises(NotAuthorized, match=r"restricted key in Stripe: customer_portal_"):
        within(harness, lambda session: portal.apply(session, ADA))
    restrict(harness, [right])
    within(harness, lambda session: portal.apply(session, ADA))


def test_connect_reads_with_its_rights_and_names_each_that_is_missing(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    rights = of_command("connect", "stripe.feed", "stripe.tax")
    harness.change(stripe={"feed": True, "tax": True})

    def printed() -> dict[str, tuple[str, str]]:
        return within(harness, lambda s: {c.name: (c.state, c.text) for c in connect.lines(s)})  # type: ignore[return-value]

    restrict(harness, rights)
    assert printed()["key rights"][0] == "ok"
    assert printed()["Stripe account"][0] == "ok"
    assert "from Stripe's refusal of" in printed()["account"][1]
    for right in ("coupon_read", "plan_read", "tax_settings_read"):
        restrict(harness, lifted(rights, right))
        state, text = printed()["key rights"]
        assert state == "failure"
        assert re.match(rf"the key lacks {right.removesuffix('_read')}_(read|write) \(", text), text


@pytest.mark.parametrize("wording", ["old", "new"])
@ends("account_right_grantable", yes={200}, no={403})
def test_the_account_is_proven_by_what_stripe_names(
    harness_of: Build, small_world: WorldBuilder, wording: str, end: set[int]
) -> None:
    """F4, C11, SB 8.3: by GET /v1/account where the right can be given, else by the id in either refusal; never by nothing."""
    harness = harness_of(small_world)
    restrict(harness, [*of_command("reconcile"), "accounts_kyc_basic_read"], wording=wording)
    assert harness.reconcile()["results"] == {"done": 17}
    statuses = {r.status for r in harness.world.requests if r.path == "/v1/account"}
    assert statuses == end
    harness.world.account["id"] = "acct_1ANOTHER00000001"
    with pytest.raises(AccountRefused, match=r"belongs to acct_1ANOTHER00000001, and .* declares acct_1SANDBOX"):
        within(harness, preflight.check_account)


def test_an_account_that_nobody_names_is_not_proven(harness_of: Build, small_world: WorldBuilder) -> None:
    """A revoked key names no account (SB 8.3)."""
    harness = harness_of(small_world)
    harness.stripe_key = "rk_test_revoked"
    with pytest.raises(NotAuthorized, match="does not accept the key"):
        harness.reconcile()
    assert harness.writes() == 0


@pytest.mark.parametrize("granted", [True, False])
def test_an_expanded_object_needs_its_own_right(harness_of: Build, small_world: WorldBuilder, granted: bool) -> None:
    """SB 8.5: lists of customers are read with their payment methods."""
    harness = harness_of(small_world)
    restrict(harness, ["customer_read", *(["payment_method_read"] if granted else [])])
    session = harness.session()
    try:
        params = {"expand": ["data.invoice_settings.default_payment_method"]}
        if granted:
            assert session.stripe.get("/v1/customers", **params)["data"] == []
        else:
            with pytest.raises(NotAuthorized, match="payment_method_read"):
                session.stripe.get("/v1/customers", **params)
    finally:
        session.close()
