"""Checkout: a page with the right prices, and one subscription on both sides once it is paid, for any number of completions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, usage
from sandbox.world.state import Fault
from stripe_sync.core.errors import ConfigurationError, FatalError, NotReady, Transient
from stripe_sync.jobs.checkout.steps import checkout
from stripe_sync.jobs.runtime.manual_actions import Operator, pause
from stripe_sync.warehouse.step_results import row_of
from tests.support.cases import chosen_cases, crossed
from tests.support.harness import Harness
from tests.support.shell import ENFORCE, LIMITS, TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400
REQUEST = {"customer": "new", "plan": "pro", "success_url": "https://example.test/paid", "subscription": "s-new",
           "quantities": {"seats": 3}}  # fmt: skip


@pytest.fixture
def shop(small_world: WorldBuilder) -> WorldBuilder:
    """Return the small world with a customer who has bought nothing yet."""
    small_world.customer("new", "New customer", "new@example.test")
    return small_world


def opened(harness: Harness, **more: Any) -> dict[str, Any]:
    session = harness.session()
    try:
        return row_of(checkout.checkout(session, harness.run(session, request=REQUEST | more)))
    finally:
        session.close()


def completed(harness: Harness, id: str = "") -> dict[str, str]:
    session = harness.session()
    try:
        return dict(checkout.complete_checkout(session, harness.run(session, session=id)).sessions)
    finally:
        session.close()


def pays(harness: Harness, page: dict[str, Any]) -> None:
    """The customer comes to the page and pays."""
    httpx.post(f"{harness.stripe_url}/_world/checkout/{page['session']}", verify=False).raise_for_status()


def bought(harness: Harness) -> dict[str, Any]:
    """Return the customer's subscriptions in Stripe."""
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-new"]
    return found


def lines(harness: Harness) -> list[tuple[int, int]]:
    """(quantity, unit amount) of what was bought."""
    return sorted((i["quantity"], i["price"]["unit_amount"]) for i in bought(harness)["items"]["data"])


def test_who_pays_has_one_subscription_on_both_sides_and_the_next_run_has_nothing_to_do(
    harness_of: Build, shop: WorldBuilder
) -> None:
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    assert page["url"].startswith("https://checkout.stripe.com/")
    pays(harness, page)
    assert completed(harness, page["session"]) == {page["session"]: "provisioned"}
    assert lines(harness) == [(1, 2000), (3, 500)]
    assert harness.stigg("subscriptions", subscriptionId="s-new")["billingId"] == bought(harness)["id"]
    frozen = harness.frozen()
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")
    assert harness.frozen() == frozen, "nothing had to be corrected"
    assert len([c for c in harness.objects("customers") if c["metadata"].get("stiggCustomerId") == "new"]) == 1


def test_a_page_without_tax_sells_an_untaxed_subscription_whatever_the_accounts_default_is(
    harness_of: Build, shop: WorldBuilder
) -> None:
    """SB 21.7: the account taxes each request that does not send automatic_tax; a page sends false."""
    harness = harness_of(shop)
    harness.reconcile()
    harness.world.tax_settings = {"status": "active", "status_details": {"active": {}}}
    harness.world.billing["automatic_tax"] = True
    page = opened(harness)
    (sent,) = [r.params for r in harness.world.requests if (r.method, r.path) == ("POST", "/v1/checkout/sessions")]
    assert sent["automatic_tax"] == {"enabled": False}
    assert "customer_update" not in sent
    pays(harness, page)
    assert completed(harness, page["session"]) == {page["session"]: "provisioned"}
    assert bought(harness)["automatic_tax"]["enabled"] is False


def test_a_success_page_that_is_loaded_twice_changes_nothing(harness_of: Build, shop: WorldBuilder) -> None:
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    assert opened(harness) == page, "the same id is the same page"
    pays(harness, page)
    completed(harness, page["session"])
    frozen, stigg = harness.frozen(), len(harness.world.stigg["subscriptions"])
    completed(harness, page["session"])
    assert (harness.frozen(), len(harness.world.stigg["subscriptions"])) == (frozen, stigg)
    with pytest.raises(ConfigurationError, match="Use another subscription id"):
        opened(harness)


def test_the_schedule_completes_what_nobody_came_back_for_and_closes_what_expired(
    harness_of: Build, shop: WorldBuilder
) -> None:
    shop.customer("other", "Other", "other@example.test")
    harness = harness_of(shop)
    harness.reconcile()
    paid, left = opened(harness), opened(harness, customer="other", subscription="s-other")
    pays(harness, paid)
    assert completed(harness) == {paid["session"]: "provisioned", left["session"]: "open"}
    harness.later(DAY)
    assert completed(harness) == {left["session"]: "expired"}
    requests = len(harness.world.requests)
    assert completed(harness) == {}
    assert len(harness.world.requests) == requests, "with no open page nobody is asked anything"


def test_a_run_between_the_payment_and_the_completion_leaves_it_alone(harness_of: Build, shop: WorldBuilder) -> None:
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    pays(harness, page)
    harness.reconcile()
    assert bought(harness)["status"] == "active"
    completed(harness, page["session"])
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")


def test_one_that_is_not_paid_waits(harness_of: Build, shop: WorldBuilder) -> None:
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    with pytest.raises(NotReady, match="completed after payment"):
        completed(harness, page["session"])


def test_a_plan_with_a_trial_is_sold_without_it_and_the_answer_says_so(harness_of: Build, shop: WorldBuilder) -> None:
    """BILLING 14 is not built for trials: the page charges 20.00 + 3 x 5.00 = 35.00 at once, and Stigg has no trial either."""
    shop.stigg["plans"][0]["defaultTrialConfig"] = {"duration": 14, "units": "DAY"}
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    assert "without the trial of 14 days" in page["note"]
    assert opened(harness, trial_days=7)["note"] == page["note"].replace("14", "7"), "also where it is requested"
    assert "note" not in opened(harness, trial_days=0), "a trial of no days is none"
    pays(harness, page)
    completed(harness, page["session"])
    assert (bought(harness)["status"], bought(harness)["trial_end"]) == ("active", None)
    assert harness.world.stripe["invoices"][bought(harness)["latest_invoice"]]["amount_paid"] == 3500
    assert harness.stigg("subscriptions", subscriptionId="s-new")["status"] == "ACTIVE"
    invoices = list(harness.objects("invoices"))
    harness.reconcile()
    assert (harness.status("s-new"), harness.objects("invoices")) == (("SUCCESS", ""), invoices)


def test_addons_coupon_country_and_period_are_priced_as_stigg_prices_them(
    harness_of: Build, shop: WorldBuilder
) -> None:
    """By hand: 30.00 in Germany + 3 x 5.00 + 2 x 10.00 + 3 x 3.00 of the add-on + 99.00 once = 173.00, half of it 86.50."""
    shop.feature("calls", "Calls", meterType="Incremental")
    shop.plan("world", "World", [
        flat(20), flat(30, country="DE"), flat(200, period="ANNUALLY"), per_unit("seats", 5), usage("calls", 0.5),
    ])  # fmt: skip
    shop.addon("care", "Care", [flat(10), per_unit("seats", 3), flat(99) | {"billingCadence": "ONE_OFF"}])
    shop.coupon("half", percent=50)
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness, plan="world", country="DE", addons={"care": 2}, coupon="half")
    pays(harness, page)
    completed(harness, page["session"])
    assert lines(harness) == [(1, 0), (1, 3000), (2, 1000), (3, 300), (3, 500)], "use is anchored by a price of nothing"
    invoice = harness.world.stripe["invoices"][bought(harness)["latest_invoice"]]
    assert (invoice["subtotal"], invoice["total"]) == (17_300, 8650)
    before = [list(harness.objects(kind)) for kind in ("invoices", "invoiceitems")]
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")
    assert len(bought(harness)["discounts"]) == 1, "the coupon is attached once"
    assert [harness.objects(kind) for kind in ("invoices", "invoiceitems")] == before, (
        "nothing is charged a second time"
    )


def test_what_cannot_be_sold_is_one_sentence_and_writes_nothing(harness_of: Build, shop: WorldBuilder) -> None:
    shop.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(shop)
    with pytest.raises(ConfigurationError, match="Run reconcile first"):
        opened(harness)
    harness.reconcile()
    writes = harness.writes()
    for wrong, why in (
        ({"plan": "gold"}, "no published plan gold"),
        ({"plan": "free"}, "only paid plans"),
        ({"customer": "nobody"}, "Customer nobody not found in Stigg"),
        ({"quantities": {}}, "say how many, such as seats=1"),
        ({"quantities": {"seats": 1, "doors": 2}}, "no committed charge for doors"),
        ({"addons": {"gym": 1}}, "no published add-on gym"),
        ({"coupon": "nope"}, "no active coupon nope"),
        ({"period": "WEEKLY"}, "no period WEEKLY"),
        ({"period": "ANNUALLY"}, "no price for ANNUALLY"),
        ({"trial_days": 9999}, "0 to 730 days"),
        ({"quantities": {"seats": "many"}}, "Invalid checkout request"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            opened(harness, **wrong)  # type: ignore[arg-type]
    harness.change(modes={})
    with pytest.raises(ConfigurationError, match="in observe"):
        opened(harness)
    harness.change(modes={"customers": "enforce", "subscriptions": "propose"})
    session = harness.session()
    pause(session, "subscriptions", Operator("ada", "an incident"))
    session.close()
    with pytest.raises(ConfigurationError, match="paused: an incident"):
        opened(harness)
    assert harness.writes() == writes


def test_a_session_of_somebody_else_is_refused(harness_of: Build, shop: WorldBuilder) -> None:
    harness = harness_of(shop)
    harness.reconcile()
    price = next(p for p in harness.objects("prices") if p["unit_amount"] == 2000)
    foreign = harness.stripe().v1.checkout.sessions.create(
        {"mode": "subscription", "success_url": "https://x.test", "line_items": [{"price": price["id"], "quantity": 1}]}
    )
    for id in (foreign.id, "cs_test_nothing"):
        with pytest.raises(ConfigurationError, match="is not a checkout session of test"):
            completed(harness, id)


@pytest.mark.parametrize(
    ("endpoint", "when"),
    chosen_cases(
        crossed(
            [("POST", "/v1/customers"), ("POST", "/v1/checkout/sessions"), ("STIGG", "Provision")], ["before", "after"]
        ),
        3,
    ),
)
def test_an_answer_that_was_lost_makes_nothing_twice(
    harness_of: Build, shop: WorldBuilder, endpoint: tuple[str, str], when: str
) -> None:
    harness = harness_of(shop)
    harness.attempts = 1
    harness.reconcile()
    harness.world.faults.append(Fault(*endpoint, when=when, kind="reset", times=3))
    page = None
    for _ in range(6):
        try:
            page = page or opened(harness)
            if harness.world.stripe["checkout_sessions"][page["session"]]["status"] == "open":
                pays(harness, page)
            completed(harness, page["session"])
            break
        except (FatalError, Transient):
            continue
    assert len(harness.objects("checkout_sessions")) == 1
    assert len([c for c in harness.objects("customers") if c["email"] == "new@example.test"]) == 1
    harness.stigg("subscriptions", subscriptionId="s-new")
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")


def test_the_commands(harness_of: Build, shop: WorldBuilder) -> None:
    harness = harness_of(shop)
    env = environ(harness, TOML + ENFORCE + LIMITS)
    assert command(env, "apply", "test", "--yes").returncode == 0
    requested = ("--customer", "new", "--plan", "pro", "--success-url", "https://example.test/paid", "--quantity", "seats=3",
             "--subscription", "s-new")  # fmt: skip
    message = command(env, "checkout", "test", *requested)
    assert message.returncode == 0, message.stderr
    url, session = message.stdout.splitlines()[0], message.stdout.split("session ")[1].split(",")[0]
    assert url.startswith("https://checkout.stripe.com/")
    assert command(env, "complete-checkout", "test", session).returncode == 2
    httpx.post(f"{harness.stripe_url}/_world/checkout/{session}", verify=False).raise_for_status()
    done = command(env, "complete-checkout", "test", session)
    assert (done.returncode, "provisioned" in done.stdout) == (0, True), done.stderr
    assert "No checkout session is open." in command(env, "complete-checkout", "test").stdout
    assert "seats=3" in command(env, "checkout", "test", *requested[:-4], "--quantity", "seats").stderr


def test_a_second_subscription_of_one_product_is_not_sold(harness_of: Build, shop: WorldBuilder) -> None:
    """BILLING 14: a second one would bill twice; the page that is open or paid counts as well, and a resource has its own."""
    harness = harness_of(shop)
    harness.reconcile()
    page = opened(harness)
    assert opened(harness)["session"] == page["session"], "the same id gives the same page"
    writes = harness.writes()
    with pytest.raises(ConfigurationError, match=f"already has the checkout page {page['session']}"):
        opened(harness, subscription="s-second")
    pays(harness, page)
    with pytest.raises(ConfigurationError, match="under subscription s-new"):
        opened(harness, subscription="s-second")
    completed(harness, page["session"])
    harness.reconcile()
    with pytest.raises(ConfigurationError, match="already has the paid subscription s-new"):
        opened(harness, subscription="s-second")
    assert harness.writes() == writes
    assert opened(harness, subscription="s-other", resource="site-2")["session"] != page["session"]
