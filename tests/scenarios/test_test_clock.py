"""An environment on a Stripe test clock (F28): customers on it, lists scoped to it, and its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core import settings
from stripe_sync.core.errors import ConfigurationError, RunStopped
from tests.house import House
from tests.metering import HOUR, MINUTE, ledger, lines, use
from tests.pairs import Pair, paired

Build = Callable[[WorldBuilder], House]
DAY = 86_400


@pytest.mark.parametrize("apart", [-400 * DAY, 0, 400 * DAY])
def test_a_month_on_a_test_clock(house_of: Build, metered: WorldBuilder, apart: int) -> None:
    """Everything is on the clock and in its time, however far the account's own time is from it (SB 10.8)."""
    house = house_of(metered)
    with paired(house, account_time=house.world.now + apart) as pair:
        assert set(house.reconcile()["results"]) == {"done"}
        (customer,), (subscription,) = pair.objects("customers"), pair.objects("subscriptions")
        assert (customer["test_clock"], subscription["test_clock"]) == (pair.clock, pair.clock)
        writes = writes_of(pair)
        house.reconcile()
        assert writes_of(pair) == writes, "what is on the clock is seen, and made once"
        end = subscription["items"]["data"][0]["current_period_end"]
        pair.until(end - 3 * MINUTE)
        house.reconcile()
        use(house, 1234, end - 2 * MINUTE)
        pair.until(end + MINUTE)
        house.usage()
        draft = pair.objects("invoices")[-1]
        assert (draft["status"], draft["created"]) == ("draft", end)
        # 1234 calls at 0.0027 USD are 3.3318 USD: 333 cents.
        assert (lines(draft), draft["total"]) == ([("1234", 333)], 2000 + 333)
        pair.until(end + HOUR + 2 * MINUTE)
        house.usage()
        assert draft["status"] == "open"
        assert ledger(house)["billed"][1] == 333
        house.reconcile()
        assert not house.drift()


def writes_of(pair: Pair) -> int:
    return sum(r.side == "stripe" and r.method != "GET" and "preview" not in r.path for r in pair.account.requests)


@pytest.mark.parametrize("path", ["/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions"])
@pytest.mark.parametrize("apart", [-400 * DAY, 400 * DAY])
def test_a_lost_answer_is_found_again_whatever_the_accounts_time_is(
    house_of: Build, metered: WorldBuilder, path: str, apart: int
) -> None:
    """What an interrupted call made is looked for from the run's moment on, which is the clock's and not the account's."""
    house = house_of(metered)
    house.attempts = 1
    with paired(house, account_time=house.world.now + apart) as pair:
        pair.account.faults.append(Fault("POST", path, when="after", kind="reset", times=3))
        with pytest.raises(RunStopped, match="unknown outcome"):
            house.reconcile()
        pair.account.faults.clear()
        pair.account.replays.clear()
        house.reconcile()
        house.reconcile()
        names = ("products", "prices", "customers", "subscriptions")
        marked = [o["metadata"]["stiggSyncKey"] for name in names for o in pair.objects(name) if o["metadata"]]
        assert len(marked) == len(set(marked)), "nothing is made twice"
        assert len(pair.objects("subscriptions")) == 1


def test_a_clock_that_advances_is_waited_for(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    with paired(house) as pair:
        pair.account.limits["clock_polls"] = 3
        moment = house.world.now + HOUR
        house.stripe().v1.test_helpers.test_clocks.advance(pair.clock, {"frozen_time": moment})
        assert house.session().clock.now().timestamp() == moment


def test_a_clock_of_another_account_is_one_sentence(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.change(test_clock="clock_1OfAnotherAccount")
    with pytest.raises(ConfigurationError, match="has no test clock clock_1OfAnotherAccount: set test_clock to one of"):
        house.reconcile()
    assert house.writes() == 0


@pytest.mark.parametrize("lines", ['live = true\ntest_clock = "clock_1Abc"', 'test_clock = "2027-01-31"'])
def test_a_clock_is_refused_when_live_and_where_it_is_no_id(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "environments.toml"
    path.write_text(f'[environments.test]\nstripe_account = "acct_1Abc"\n{lines}\n')
    with pytest.raises(ConfigurationError, match=r"environments.test.test_clock: it is the id of a test clock"):
        settings.load(path)
