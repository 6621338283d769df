"""An approval of a cancellation says which invoices it has collected and which it stops: amount and moment of each (BILLING 7).

The plan is 20.00 a month and 0.0027 a call; 1,234 calls before the renewal are 3.33 (1234 x 0.27 cents = 333.18).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.clock import from_epoch
from stripe_sync.desired.endings import Collected
from stripe_sync.errors import Transient
from stripe_sync.pipeline import approve, outgoing
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, period_end, subscription, until
from tests.scenarios.test_approvals import say, waiting
from tests.scenarios.test_month_end_endings import end_in_stigg, used_to_the_end
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def asked(house: House) -> tuple[str, str]:
    """Return the hash and the body of the one question that waits, which names no person."""
    (question,) = waiting(house)
    session = house.session()
    try:
        body = approve.question(session, question.request.hash)["body"]
    finally:
        session.close()
    assert "c1@example.test" not in body and "Customer 1" not in body
    return question.request.hash, body


def shown(house: House) -> str:
    """Return the sentence of the cancellation in the plan."""
    (action,) = [a for a in house.plan().plan.actions if a.kind == "subscription.cancel"]
    return action.sentence


def utc(moment: int) -> str:
    return f"{from_epoch(moment):%Y-%m-%d %H:%M} UTC"


def test_a_renewal_that_was_never_sold_is_named_as_stopped(house_of: Build, metered: WorldBuilder) -> None:
    """Stripe finalizes the draft of 20.00 3,601 seconds after the renewal; the use is on none yet."""
    house = house_of(metered)
    end = used_to_the_end(house)
    end_in_stigg(house, end - MINUTE)
    until(house, end + 10 * MINUTE)
    house.change(modes=house.environment.modes | {"subscriptions": "propose"})
    house.reconcile()
    draft = cycle(house)
    says = (
        f"{draft['id']} (draft, 20.00 USD) is stopped and not collected, since it came after the end; without that it goes "
        f"out at {utc(end + 3601)}."
    )
    hash, body = asked(house)
    assert says in body and says in shown(house)
    say(house, approve.approve, hash)
    house.reconcile(approval=hash)
    assert (subscription(house)["status"], draft["status"], draft["auto_advance"]) == ("canceled", "draft", False)


@ends("canceled_draft_advances", yes=True, no=False)
def test_a_renewal_that_is_owed_is_named_as_collected_at_its_own_time(
    house_of: Build, metered: WorldBuilder, end: bool
) -> None:
    """SB 2.2: a person has put the draft of 20.00 and 3.33 off for longer than a month, and the next renewal would come first."""
    house = house_of(metered)
    renewal = used_to_the_end(house)
    until(house, renewal + 10 * MINUTE)
    house.usage()
    draft, moment = cycle(house), renewal + 40 * DAY
    house.stripe().v1.invoices.update(draft["id"], {"auto_advance": True, "automatically_finalizes_at": moment})
    end_in_stigg(house, renewal + 20 * MINUTE)
    until(house, period_end(house) - HOUR)
    house.change(modes=house.environment.modes | {"subscriptions": "propose"})
    house.reconcile()
    says = f"{draft['id']} (draft, 23.33 USD) is collected: it goes out at {utc(moment)}, or is left to a person"
    hash, body = asked(house)
    assert says in body
    say(house, approve.approve, hash)
    house.reconcile(approval=hash)
    assert (subscription(house)["status"], draft["auto_advance"]) == ("canceled", end)
    assert draft["automatically_finalizes_at"] == (moment if end else None), "as it was told"


def test_one_without_a_draft_and_one_that_cannot_be_read_say_so(
    house_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(metered)
    end = used_to_the_end(house)
    end_in_stigg(house, end - 2 * MINUTE)
    until(house, end - MINUTE)
    house.change(modes=house.environment.modes | {"subscriptions": "propose"})
    assert shown(house).endswith("It has no draft and no open invoice.")

    def lost(*given: Any) -> Iterator[Collected]:
        raise Transient("no answer")

    monkeypatch.setattr(outgoing, "unfinished", lost)
    assert shown(house).endswith("look at them in Stripe before you decide.")
