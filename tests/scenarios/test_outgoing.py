"""An approval of a cancellation says which invoices it has collected and which it stops: amount and moment of each (BILLING 7).

The plan is 20.00 a month and 0.0027 a call; 1,234 calls before the renewal are 3.33 (1234 x 0.27 cents = 333.18).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import Transient
from stripe_sync.domain.actual.endings import Collected
from stripe_sync.jobs.reconcile import outgoing_invoices
from stripe_sync.jobs.runtime import approvals
from tests.scenarios.test_approvals import say, waiting
from tests.scenarios.test_month_end_endings import end_in_stigg, used_to_the_end
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, period_end, subscription, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def question_of(env: Harness) -> tuple[str, str]:
    """Return the hash and the body of the one question that waits, which names no person."""
    (question,) = waiting(env)
    session = env.session()
    try:
        body = approvals.question(session, question.request.hash)["body"]
    finally:
        session.close()
    assert "c1@example.test" not in body and "Customer 1" not in body
    return question.request.hash, body


def shown(env: Harness) -> str:
    """Return the sentence of the cancellation in the plan."""
    (action,) = [a for a in env.plan().plan.actions if a.kind == "subscription.cancel"]
    return action.sentence


def utc(moment: int) -> str:
    return f"{from_epoch(moment):%Y-%m-%d %H:%M} UTC"


def test_a_renewal_that_was_never_sold_is_named_as_stopped(harness_of: Build, metered: WorldBuilder) -> None:
    """Stripe finalizes the draft of 20.00 3,601 seconds after the renewal; the use is on none yet."""
    env = harness_of(metered)
    end = used_to_the_end(env)
    end_in_stigg(env, end - MINUTE)
    until(env, end + 10 * MINUTE)
    env.change(modes=env.environment.modes | {"subscriptions": "propose"})
    env.reconcile()
    draft = cycle(env)
    says = (
        f"{draft['id']} (draft, 20.00 USD) is stopped and not collected, since it came after the end; without that it goes "
        f"out at {utc(end + 3601)}."
    )
    hash, body = question_of(env)
    assert says in body and says in shown(env)
    say(env, approvals.approve, hash)
    env.reconcile(approval=hash)
    assert (subscription(env)["status"], draft["status"], draft["auto_advance"]) == ("canceled", "draft", False)


@ends("canceled_draft_advances", yes=True, no=False)
def test_a_renewal_that_is_owed_is_named_as_collected_at_its_own_time(
    harness_of: Build, metered: WorldBuilder, end: bool
) -> None:
    """SB 2.2: a person has put the draft of 20.00 and 3.33 off for longer than a month, and the next renewal would come first."""
    env = harness_of(metered)
    renewal = used_to_the_end(env)
    until(env, renewal + 10 * MINUTE)
    env.usage()
    draft, moment = cycle(env), renewal + 40 * DAY
    env.stripe().v1.invoices.update(draft["id"], {"auto_advance": True, "automatically_finalizes_at": moment})
    end_in_stigg(env, renewal + 20 * MINUTE)
    until(env, period_end(env) - HOUR)
    env.change(modes=env.environment.modes | {"subscriptions": "propose"})
    env.reconcile()
    says = f"{draft['id']} (draft, 23.33 USD) is collected: it goes out at {utc(moment)}, or is left to a person"
    hash, body = question_of(env)
    assert says in body
    say(env, approvals.approve, hash)
    env.reconcile(approval=hash)
    assert (subscription(env)["status"], draft["auto_advance"]) == ("canceled", end)
    assert draft["automatically_finalizes_at"] == (moment if end else None), "as announced"


def test_one_without_a_draft_and_one_that_cannot_be_read_say_so(
    harness_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = harness_of(metered)
    end = used_to_the_end(env)
    end_in_stigg(env, end - 2 * MINUTE)
    until(env, end - MINUTE)
    env.change(modes=env.environment.modes | {"subscriptions": "propose"})
    assert shown(env).endswith("It has no draft and no open invoice.")

    def lost(*given: Any) -> Iterator[Collected]:
        raise Transient("no answer")

    monkeypatch.setattr(outgoing_invoices, "unfinished", lost)
    assert shown(env).endswith("look at them in Stripe before you decide.")
