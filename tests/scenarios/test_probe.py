"""``probe`` asks each question in objects of its own, and only the refusal that a question is about is a "no" (BILLING 12)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, usage
from sandbox.world.state import UNKNOWNS as SWITCHES
from sandbox.world.state import Fault
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.raw_requests import RawRequests
from stripe_sync.core.errors import AccountRefused, ConfigurationError, NotAuthorized, StripeSyncError
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.setup.probe import Probed, probe
from stripe_sync.jobs.setup.probing.answers import word
from stripe_sync.jobs.setup.probing.questions import QUESTIONS, Asking, ask
from stripe_sync.jobs.setup.probing.rights import RIGHTS as LISTED
from stripe_sync.jobs.setup.probing.test_account import NAME, Account
from stripe_sync.warehouse import manual_actions
from tests.support.cases import SEED, chosen_cases
from tests.support.harness import Harness

PARTS = int(os.environ.get("TEST_PARTS", "1"))
PAGE = Path(__file__).parents[2] / "docs" / "unknowns.md"
Build = Callable[[WorldBuilder], Harness]
# question: (switch of the sandbox, its answer while the switch is on, its answer while it is off)
ANSWERS = {
    "coupon_id_reuse": ("coupon_id_reuse", "yes", "no"),
    "zero_renewal_waits": ("zero_renewal_waits", "yes", "no"),
    "finalization_moves": ("finalization_moves", "yes", "no"),
    "draft_meter_lines_follow": ("draft_meter_lines_follow", "yes", "no"),
    "missing_location_finalizes": ("missing_location_finalizes", "yes", "no"),
    "one_off_without_location": ("one_off_without_location", "yes", "no"),
    "pending_negative_with_tax": ("pending_negative_with_tax", "yes", "no"),
    "cancel_removes_prorations": ("cancel_removes_prorations", "yes", "no"),
    "negative_last_to_balance": ("negative_last_to_balance", "yes", "no"),
    "cancel_stops_drafts": ("cancel_stops_drafts", "yes", "no"),
    "cancel_stops_customer": ("cancel_stops_customer", "yes", "no"),
    "canceled_draft_advances": ("canceled_draft_advances", "yes", "no"),
    "time_needs_auto_advance": ("time_needs_auto_advance", "yes", "no"),
    "integrations_readable": ("integrations_readable", "yes", "no"),
    "event_logs_readable": ("event_logs_readable", "yes", "no"),
    "item_ties_up": ("item_ties_up", "yes", "no"),
    "item_moves_finalization": ("item_moves_finalization", "yes", "no"),
    "removed_meter_bills": ("removed_meter_bills", "yes", "no"),
    "isk_rounds": ("isk_rounds", "yes", "no"),
    "refusals_replay": ("refusals_replay", "yes", "no"),
    "clear_usage_refused": ("clear_usage_refused", "yes", "no"),
    "proration_floors": ("proration_floors", "yes", "no"),
    "end_removal_resets_anchor": ("end_removal_resets_anchor", "yes", "no"),
    "debit_refused_at_once": ("debit_refused_at_once", "yes", "no"),
    "debit_leaves_incomplete": ("debit_leaves_incomplete", "yes", "no"),
    "failed_debit_expires": ("failed_debit_expires", "yes", "no"),
    "smallest_lead": ("short_leads_refused", "3600 s", "60 s"),
    "largest_page": ("large_pages", "50", "25"),
    "items_inherit_tax_rates": ("items_inherit_tax_rates", "yes", "no"),
    "subscription_id_on_change": ("plan_change_keeps_id", "no", "yes"),
    "replaced_reason": ("replaced_is_upgrade", "UpgradeOrDowngrade", "Immediate"),
    "reset_point_value": ("reset_point_is_after", "after", "before"),
    "unpaid_renewals_stay_drafts": ("unpaid_renewals_stay_drafts", "yes", "no"),
    "in_flight_is_idempotency_error": ("in_flight_is_idempotency_error", "yes", "no"),
    "thin_events_right": ("thin_events_by_event_read", "one that this key has", "v2_core_events_read"),
    "restricted_key_rights": ("account_right_grantable", "yes", "open"),
}
# Questions that the sandbox answers one way.
ONE_ANSWER = {
    "interval_change": {"yes"},
    "clock_events": {"the clock's"},
    "meter_counts_per_customer": {"yes"},
    "percent_rounding": {"half up a line"},
    "end_at_date_stops": {"yes"},
    "tiers_in_parts": {"one line"},
    "payment_timetable": {"1, 2, 4, 6, 8, 10, 12, 14 days"},
    "currency_of_pending": {"the item's"},
    "both_due_dates": {"yes"},
    "refused_values": {"all"},
    "metadata_of_coupons": {"stiggEntityId"},
    "inactive_usage": {"those before the living subscription"},
    "usage_without_resource": {"all of them together"},
    "stigg_limit_answer": {"status 429"},
    "product_prices_by_content": {"no"},
    "addon_charges": {"in the subscription's prices"},
    "usage_fields": {"those of the schema"},
    "default_price_archived": {"no"},
}
# Switches that change the sentence of a question and not its answer.
SENTENCES = {"stigg_pages_clamp": "largest_page"}
# Questions that wait until a draft is finalized, and the settings of an account that delay it for days.
OF_DRAFTS = ("canceled_draft_advances", "cancel_stops_customer", "cancel_stops_drafts", "isk_rounds", "meter_counts_per_customer",
             "missing_location_finalizes", "negative_last_to_balance", "one_off_without_location", "payment_timetable",
             "pending_negative_with_tax", "unpaid_renewals_stay_drafts")  # fmt: skip
DELAYS: tuple[dict[str, float], ...] = ({"grace_hours": 72}, {"webhook_failing": True})
OF_STIGG = {name for name, ask_it in QUESTIONS.items() if ".probing.stigg." in ask_it.__module__}
TAXED = {"status": "active", "defaults": {"tax_behavior": "exclusive", "tax_code": "txcd_10103001", "provider": "stripe"},
         "head_office": {"address": {"country": "US"}}, "status_details": {"active": {}}}  # fmt: skip


RIGHTS = re.findall(
    r"`(\w+_(?:read|write))`",
    (PAGE.parent / "operations.md").read_text(encoding="utf-8").split("## Probe")[1].split("## ")[0],
)


def restrict(harness: Harness, rights: list[str]) -> None:
    """Give the harness a restricted key with these rights."""
    harness.stripe_key = "rk_test_ofTheProbe"
    harness.world.stripe_keys[:] = ["sk_test_sandbox", {"key": harness.stripe_key, "rights": rights, "wording": "new"}]


def catalog(small_world: WorldBuilder) -> None:
    """Add what Stigg's questions need: plans billed for use, a plan in two versions, an add-on with two charges in use."""
    small_world.feature("calls", "API calls", meterType="Incremental")
    small_world.stigg["products"][0]["multipleSubscriptions"] = True
    small_world.plan("team", "Team", [flat(40), usage("calls", 0.5)])
    small_world.plan("max", "Max", [flat(80), usage("calls", 0.4)])
    extra = small_world.addon("extra", "Extra", [flat(7), usage("calls", 0.2)])
    row = small_world.subscription("s-9", "c-9", "pro", addons={"extra": 1})
    row["prices"].append(small_world.charge_of("s-9", extra["prices"][1], {}))
    small_world.plan("pro", "Pro", [flat(20), per_unit("seats", 6)], version=2)


def world_of(small_world: WorldBuilder) -> WorldBuilder:
    """Add what the questions need to the small world: more rows in Stigg than any page has, and a catalog."""
    for number in range(4, 60):
        small_world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
    catalog(small_world)
    return small_world


def prepared(found: Harness) -> Harness:
    """Set an account up: Stripe Tax, unpaid subscriptions, a coupon of the native integration, and a restricted key."""
    found.world.stigg_limits["entity"] = 30
    found.world.tax_settings = TAXED
    found.world.limits["clock_polls"] = 1
    found.world.billing["after_retries"] = "unpaid"
    found.world.faults.append(Fault("POST", "/v1/coupons", kind="delay", seconds=0.05, times=10**6))
    restrict(found, [*RIGHTS, "accounts_kyc_basic_read"])
    native = RawRequests(StripeApi("sk_test_sandbox", base_url=found.stripe_url))
    native.call("post", "/v1/coupons", id="native", percent_off=5, duration="forever", metadata={"stiggEntityId": "c"})
    return found


@pytest.fixture
def harness(harness_of: Build, small_world: WorldBuilder) -> Harness:
    return prepared(harness_of(world_of(small_world)))


def answer_of_broken(harness: Harness, name: str, status: int) -> tuple[str, str]:
    """Ask one question of servers whose every answer is an error that is about nothing."""
    harness.attempts = 1
    restrict(
        harness, [*RIGHTS, "accounts_kyc_basic_read", "v2_core_events_read"]
    )  # a 403 of a right would be its answer
    paths = (("STIGG", ""), ("POST", "/v"), ("GET", "/v"), ("DELETE", "/v"))
    return answer(harness, name, *(Fault(method, path, status=status, times=10**6) for method, path in paths))


def asking(session: Session) -> Asking:
    """Return the clients and the account of a question; neither client retries more often than the harness."""
    session.stigg.attempts = min(session.attempts, session.stigg.attempts)
    return Asking(Account(RawRequests(session.stripe, wait_seconds=0), patience=3, pause=0), session)


def answer(harness: Harness, name: str, *faults: Fault) -> tuple[str, str]:
    """Ask one question; its answer and the sentence about it. Nothing may be left but what Stripe never deletes."""
    session = harness.session()
    given = asking(session)  # asks whose account it is
    harness.world.faults[:0] = faults
    result, _ = ask(name, given)
    session.close()
    return word(result), result.detail


def probed(harness: Harness) -> Probed:
    session = harness.session()
    found = probe(session, patience=3, pause=0)
    session.close()
    return found


def cases(names: Iterable[str]) -> list[tuple[str, dict[str, float]]]:
    """Return each question, and some of those that wait for a draft in an account that delays it."""
    delayed = [(name, delay) for delay in DELAYS for name in OF_DRAFTS if name in names]
    return [*((name, {}) for name in sorted(names)), *chosen_cases(delayed, 6)]


@pytest.mark.parametrize(("name", "delay"), cases(ANSWERS))
def test_each_switch_gives_each_answer(harness: Harness, name: str, delay: dict[str, float]) -> None:
    harness.world.billing.update(delay)
    switch, on, off = ANSWERS[name]
    for value, expected in ((True, on), (False, off)):
        harness.world.unknowns[switch] = value
        assert answer(harness, name)[0] == expected, answer(harness, name)


@pytest.mark.parametrize(("name", "delay"), cases(ONE_ANSWER))
def test_questions_without_a_switch_are_answered(harness: Harness, name: str, delay: dict[str, float]) -> None:
    harness.world.billing.update(delay)
    assert answer(harness, name)[0] in ONE_ANSWER[name], answer(harness, name)


def test_every_question_and_every_switch_is_told_apart() -> None:
    assert set(QUESTIONS) == set(ANSWERS) | set(ONE_ANSWER)
    rows = dict(re.findall(r"^\| `(\w+)` \|.*?\|.*?\| *(.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for name, how in rows.items() if how.startswith("asks")} == set(QUESTIONS)
    left = set(SWITCHES) - {switch for switch, _, _ in ANSWERS.values()} - set(SENTENCES)
    text = PAGE.read_text(encoding="utf-8")
    assert all(re.search(rf"(?:by hand|asks)[^\n]*`{switch}`", text) for switch in left), (
        "each other one is told how to see"
    )


@pytest.mark.parametrize(
    ("clamps", "detail"), [(True, "A page of 100 is cut to 50"), (False, "Set stigg.page_size = 50.")]
)
def test_a_page_of_stigg_that_is_cut_is_distinguished_from_one_that_is_refused(
    harness: Harness, clamps: bool, detail: str
) -> None:
    harness.world.unknowns["stigg_pages_clamp"] = clamps
    found = answer(harness, SENTENCES["stigg_pages_clamp"])
    assert found[0] == "50"
    assert found[1].startswith(detail)


@pytest.mark.parametrize("status", [400, 403, 500])
def test_an_unrelated_refusal_leaves_each_question_open(harness: Harness, status: int) -> None:
    answers = {}
    for name in sorted(QUESTIONS):
        harness.world.faults.clear()
        answers[name] = answer_of_broken(harness, name, status)[0]
    assert answers == dict.fromkeys(QUESTIONS, "open")


@pytest.mark.parametrize("name", chosen_cases(sorted(QUESTIONS), 18))
def test_an_unrelated_400_at_any_write_is_no_answer(harness: Harness, name: str) -> None:
    """Each write of a question in turn, and each request to Stigg, is refused for another reason."""
    right = answer(harness, name)[0]
    for nth in range(1, 30):
        fault = (
            Fault("STIGG", "", nth=nth, status=400) if name in OF_STIGG else Fault("POST", "/v1/", nth=nth, status=400)
        )
        harness.world.faults.clear()
        found = answer(harness, name, fault)
        assert found[0] in ("open", right), (nth, found)
        if harness.world.faults:
            break


def test_what_a_probe_made_is_deleted_or_archived_and_listed(harness: Harness) -> None:
    found = probed(harness)
    assert {a.name for a in found.answers if a.answer == "open"} == {"restricted_key_rights"}
    left = {
        name: [o for o in harness.objects(name) if not o.get("deleted") and o["id"] != "native"]
        for name in ("customers", "coupons", "test_clocks", "products", "prices", "meters", "tax_rates")
    }
    assert (left["customers"], left["coupons"], left["test_clocks"]) == ([], [], [])
    assert [o for o in left["products"] if o["name"] != NAME or o["active"]] == []
    assert not any(o["active"] for name in ("prices", "tax_rates") for o in left[name])
    assert {o["status"] for o in left["meters"]} == {"inactive"}
    listed = {line.split()[1] for line in found.left.archived if not line.startswith("Stigg")}
    inline = {o["id"] for o in left["prices"] if o["recurring"] is None}
    assert listed == {o["id"] for name in ("products", "prices", "meters", "tax_rates") for o in left[name]} - inline
    assert found.left.remaining == []
    assert {s["status"] for s in harness.objects("subscriptions")} <= {"canceled", "incomplete_expired"}
    made = {c["customerId"] for c in harness.world.stigg["customers"] if c["customerId"].startswith(NAME)}
    assert {f"Stigg customer {id}" for id in made} == {line for line in found.left.archived if line.startswith("Stigg")}
    assert all(c["deletedAt"] for c in harness.world.stigg["customers"] if c["customerId"] in made)
    assert {s["status"] for s in harness.world.stigg["subscriptions"] if s["customer"]["customerId"] in made} == {
        "CANCELED"
    }


def test_an_open_question_keeps_the_answer_that_it_had(harness: Harness) -> None:
    probed(harness)
    before = manual_actions.answers(harness.engine, "test")
    assert before["finalization_moves"] == "yes"
    harness.world.faults.append(Fault("POST", "/v1/test_helpers", status=403, times=10**6))
    assert {a.name: a.answer for a in probed(harness).answers}["finalization_moves"] == "open"
    assert manual_actions.answers(harness.engine, "test") == before


def test_a_no_forbids_what_depends_on_it(harness: Harness) -> None:
    """If Stripe does not move a draft's time, usage does not enforce, accepted or not, unless drafts are held otherwise."""
    harness.world.unknowns["finalization_moves"] = False
    probed(harness)
    refused = forbidden_of(harness)
    assert refused == {"usage": ("Stripe does not move the finalization time of a renewal's draft (finalization_moves), so "
                                 "drafts cannot be held. Set usage.hold_by_auto_advance = true.",)}  # fmt: skip
    harness.change(usage={"hold_by_auto_advance": True})
    assert forbidden_of(harness) == {}


def forbidden_of(harness: Harness) -> dict[str, tuple[str, ...]]:
    from stripe_sync.core.open_questions import forbidden

    return forbidden(manual_actions.answers(harness.engine, "test"), harness.environment)


def test_the_listed_rights_are_all_that_a_probe_needs(harness: Harness) -> None:
    """A restricted key with the rights of docs/operations.md."""
    restrict(harness, RIGHTS)
    found = probed(harness)
    assert {a.name for a in found.answers if a.answer == "open"} == {"restricted_key_rights"}, found.answers
    assert found.left.remaining == []


@pytest.mark.parametrize("part", [(SEED + number) % 8 for number in range(PARTS)])
def test_a_missing_right_leaves_questions_open_and_answers_none(harness: Harness, part: int) -> None:
    """The 403 of a right is no answer to any question. Each part takes every eighth right away, one at a time.

    TEST_SEED says which part, TEST_PARTS how many; soak runs all eight.
    """
    full = {a.name: a.answer for a in probed(harness).answers}
    for right in RIGHTS[part::8]:
        restrict(harness, [name for name in RIGHTS if name != right])
        answers = probed(harness).answers
        found, message = ({a.name: a.answer for a in answers}, {a.name: a.detail for a in answers})
        changed = {name: answer for name, answer in found.items() if answer != full[name]}
        assert set(changed.values()) == {"open"}, (right, changed)
        assert all(right.rpartition("_")[0] in message[name] for name in changed), f"each says that it needs {right}"


def test_a_clock_of_another_account_is_one_sentence_before_any_request_to_stigg(harness: Harness) -> None:
    harness.change(stripe={"test_clock": "clock_other000001"})
    refusal = refused(harness, ConfigurationError)
    assert "has no test clock clock_other000001" in refusal
    assert [request.side for request in harness.world.requests if request.side == "stigg"] == []


def refused(harness: Harness, kind: type[StripeSyncError]) -> str:
    """Probe, and return the sentence with which it is refused; neither Stripe nor Stigg is written to."""
    harness.world.requests.clear()
    session = harness.session()
    with pytest.raises(kind) as refusal:
        probe(session, patience=3, pause=0)
    session.close()
    assert harness.writes() == 0
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_the_rights_of_the_page_are_those_that_a_refusal_lists() -> None:
    assert sorted(RIGHTS) == sorted(LISTED)


def test_a_key_without_any_right_is_one_sentence_that_lists_them(harness: Harness) -> None:
    restrict(harness, [])
    refusal = refused(harness, NotAuthorized)
    assert all(right in refusal for right in RIGHTS)
    assert [request.side for request in harness.world.requests if request.side == "stigg"] == []


@pytest.mark.parametrize("key", ["sk_live_1Abc", "rk_live_1Abc"])
def test_a_live_key_in_an_environment_that_is_not_live_sends_nothing(harness: Harness, key: str) -> None:
    harness.stripe_key = key
    assert "is not live and connection stripe_default has no test key" in refused(harness, NotAuthorized)
    assert harness.world.requests == []


@pytest.mark.parametrize("key", ["sk_live_1Abc", "rk_live_1Abc", "sk_test_sandbox"])
def test_a_live_environment_is_not_probed(harness: Harness, key: str) -> None:
    harness.stripe_key = key
    harness.change(live=True)
    assert "test is live. Probe a Stripe sandbox" in refused(harness, AccountRefused)
    assert harness.world.requests == []
