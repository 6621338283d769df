"""An environment on a Stripe test clock (F28): customers on it, lists scoped to it, and its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.config import settings
from stripe_sync.core.errors import ConfigurationError, FatalError
from tests.support.cases import chosen_cases, crossed
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, ledger, lines, use
from tests.support.pairs import Pair, paired

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400


@pytest.mark.parametrize("apart", [-400 * DAY, 0, 400 * DAY])
def test_a_month_on_a_test_clock(harness_of: Build, metered: WorldBuilder, apart: int) -> None:
    """Everything is on the clock and in its time, however far the account's own time is from it (SB 10.8)."""
    harness = harness_of(metered)
    with paired(harness, account_time=harness.world.now + apart) as pair:
        assert set(harness.reconcile()["results"]) == {"done"}
        (customer,), (subscription,) = pair.objects("customers"), pair.objects("subscriptions")
        assert (customer["test_clock"], subscription["test_clock"]) == (pair.clock, pair.clock)
        writes = writes_of(pair)
        harness.reconcile()
        assert writes_of(pair) == writes, "what is on the clock is seen, and made once"
        end = subscription["items"]["data"][0]["current_period_end"]
        pair.until(end - 3 * MINUTE)
        harness.reconcile()
        use(harness, 1234, end - 2 * MINUTE)
        pair.until(end + MINUTE)
        harness.usage()
        draft = pair.objects("invoices")[-1]
        assert (draft["status"], draft["created"]) == ("draft", end)
        # 1234 calls at 0.0027 USD are 3.3318 USD: 333 cents.
        assert (lines(draft), draft["total"]) == ([("1234", 333)], 2000 + 333)
        pair.until(end + HOUR + 2 * MINUTE)
        harness.usage()
        assert draft["status"] == "open"
        assert ledger(harness)["billed"][1] == 333
        harness.reconcile()
        assert not harness.drift()


def writes_of(pair: Pair) -> int:
    return sum(r.side == "stripe" and r.method != "GET" and "preview" not in r.path for r in pair.account.requests)


@pytest.mark.parametrize(
    ("path", "apart"),
    chosen_cases(
        crossed(["/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions"], [-400 * DAY, 400 * DAY]), 4
    ),
)
def test_a_lost_answer_is_found_again_whatever_the_accounts_time_is(
    harness_of: Build, metered: WorldBuilder, path: str, apart: int
) -> None:
    """Recovery lookups begin at the run's time, which is the clock's and not the account's."""
    harness = harness_of(metered)
    harness.attempts = 1
    with paired(harness, account_time=harness.world.now + apart) as pair:
        pair.account.faults.append(Fault("POST", path, when="after", kind="reset", times=3))
        with pytest.raises(FatalError, match="unknown outcome"):
            harness.reconcile()
        pair.account.faults.clear()
        pair.account.replays.clear()
        harness.reconcile()
        harness.reconcile()
        names = ("products", "prices", "customers", "subscriptions")
        marked = [o["metadata"]["stiggSyncKey"] for name in names for o in pair.objects(name) if o["metadata"]]
        assert len(marked) == len(set(marked)), "nothing is made twice"
        assert len(pair.objects("subscriptions")) == 1


def test_a_clock_that_advances_is_waited_for(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    with paired(harness) as pair:
        pair.account.limits["clock_polls"] = 3
        moment = harness.world.now + HOUR
        harness.stripe().v1.test_helpers.test_clocks.advance(pair.clock, {"frozen_time": moment})
        assert harness.session().clock.now().timestamp() == moment


def test_a_clock_of_another_account_is_one_sentence(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.change(stripe={"test_clock": "clock_1OfAnotherAccount"})
    with pytest.raises(
        ConfigurationError, match=r"has no test clock clock_1OfAnotherAccount\. Set test_clock to a clock of this"
    ):
        harness.reconcile()
    assert harness.writes() == 0


@pytest.mark.parametrize("lines", ['live = true\nstripe.test_clock = "clock_1Abc"', 'stripe.test_clock = "2027-01-31"'])
def test_a_clock_is_refused_when_live_and_where_it_is_no_id(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "environments.toml"
    path.write_text(f'[environments.test]\nstripe_account = "acct_1Abc"\n{lines}\n')
    with pytest.raises(ConfigurationError, match=r"environments.test.stripe.test_clock: it is the id of a test clock"):
        settings.load(path)
