"""Renewal drafts that no cancellation stops, of periods after the end: none is paid (BILLING 7, C3).

The subscription is 40.00 a month by card. It ended in Stigg a minute before its renewal, whose draft of 40.00 is not owed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault, iso
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_changes import attach_card
from tests.support.harness import Harness
from tests.support.kills import killed_in
from tests.support.metering import HOUR, MINUTE, cycle, metered_world, period_end, subscription, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
AFTER_END = ("PENDING", "RENEWED_AFTER_END")


def renewed_after_its_end(harness_of: Build) -> Harness:
    """Return a harness ten minutes after a renewal of 40.00, whose subscription ended in Stigg a minute before it."""
    world = metered_world()
    world.plan("pro", "Pro", [flat(40)], version=2)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "pro", method="CHARGE")
    env = harness_of(world)
    env.reconcile()
    attach_card(env, "c-1", "4242")
    env.reconcile()
    end = period_end(env)
    until(env, end - 3 * MINUTE)
    env.stigg("subscriptions", subscriptionId="s-1").update(
        {"status": "CANCELED", "cancelReason": "Immediate", "cancellationDate": iso(end - MINUTE),
         "effectiveEndDate": iso(end - MINUTE)}
    )  # fmt: skip
    until(env, end + 10 * MINUTE)
    return env


def stops(env: Harness) -> int:
    """Return how often the pipeline has switched the renewal's draft off."""
    path = f"/v1/invoices/{cycle(env)['id']}"
    sent = [r.params for r in env.world.requests if r.method == "POST" and r.path == path]
    assert all(params == {"auto_advance": False} for params in sent)
    return len(sent)


@pytest.mark.parametrize("customer", [True, False], ids=["the customer's open ones", "its open ones"])
@ends("cancel_stops_drafts", yes=0, no=1)
def test_a_draft_that_is_not_owed_is_never_finalized(harness_of: Build, customer: bool, end: int) -> None:
    """SB 2.1: where finalized invoices alone are stopped, the pipeline switches the draft off itself."""
    env = renewed_after_its_end(harness_of)
    env.world.unknowns["cancel_stops_customer"] = customer
    env.reconcile()
    draft = cycle(env)
    assert (subscription(env)["status"], draft["auto_advance"], stops(env)) == ("canceled", False, end)
    until(env, env.world.now + 4 * HOUR)
    env.reconcile()
    assert (draft["status"], draft["total"], stops(env)) == ("draft", 4000, end)
    assert env.status("s-1") == AFTER_END


@ends("cancel_stops_drafts", yes=0, no=1)
def test_a_run_that_is_killed_before_it_stops_the_draft_is_finished_by_the_next(harness_of: Build, end: int) -> None:
    """The intent has the draft; the next run comes 20 minutes later, within the hour."""
    env = renewed_after_its_end(harness_of)
    with killed_in(ActionKind.SUBSCRIPTION_CANCEL, "finish"):
        env.reconcile("killed")
    assert (subscription(env)["status"], cycle(env)["auto_advance"]) == ("canceled", bool(end))
    env.later(20 * MINUTE)
    env.reconcile("after")
    assert (cycle(env)["auto_advance"], stops(env)) == (False, end)
    env.later(2 * HOUR)
    assert cycle(env)["status"] == "draft"


def test_a_draft_that_cannot_be_stopped_is_a_sentence_with_its_time(harness_of: Build) -> None:
    env = renewed_after_its_end(harness_of)
    env.world.unknowns["cancel_stops_drafts"] = False
    draft = cycle(env)
    env.world.faults.append(Fault("POST", f"/v1/invoices/{draft['id']}", status=400))
    env.reconcile("refused")
    assert env.status("s-1") == AFTER_END
    (found,) = statuses.find(env.engine, "test", "s-1")
    assert f"Stripe finalizes and collects it at {iso(draft['automatically_finalizes_at'])[:10]}" in found.detail
    assert f"switch auto_advance of {draft['id']} off by hand" in found.detail
    env.stripe().v1.invoices.update(draft["id"], {"auto_advance": False})
    env.reconcile()
    (found,) = statuses.find(env.engine, "test", "s-1")
    assert "by hand" not in found.detail, "it is stopped; void it"
