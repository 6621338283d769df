"""Stigg's rate limits: every call is paced, and one too many is asked again until the minute is over (G2, SB 18.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import from_document
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stigg.pacing import limit_of
from stripe_sync.core.errors import Transient, UnknownShape
from stripe_sync.core.settings import load
from tests.house import House
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def asked(house: House) -> list[int]:
    return [r.status for r in house.world.requests if r.side == "stigg"]


def test_every_call_is_paced_below_stiggs_limit(house_of: Build, town: WorldBuilder) -> None:
    """33 customers, one a page: at 10 a second allowed and 7.5 a second asked, none is refused."""
    for number in range(30):
        town.customer(f"c-more-{number}", "More", f"more{number}@example.test")
    house = house_of(town)
    house.world.stigg_limits |= {"seconds": 1, "reads": 10, "customerSubscriptions": 10}
    house.change(stigg_page_size=1, stigg_rate_share=0.15)  # of 3,000 a minute
    house.reconcile()
    assert len(asked(house)) > 33
    assert set(asked(house)) == {200}
    assert house.status("s-1") == ("SUCCESS", "")


def test_a_run_that_meets_the_limit_goes_on_when_it_is_over(house_of: Build, town: WorldBuilder) -> None:
    """Somebody else uses the environment's limit up: 429 without Retry-After, for three seconds at a time."""
    house = house_of(town)
    house.world.stigg_limits |= {"seconds": 3, "reads": 2}
    house.change(stigg_page_size=1)  # three customers, one a page
    house.reconcile()
    assert 429 in asked(house)
    assert house.status("s-1") == ("SUCCESS", "")


def asked_for_pages_of_50(house_of: Build, town: WorldBuilder, **answers: bool) -> str:
    """Return the status of s-1 after a run that asked for pages of 50 of 31 customers, or why it stopped."""
    for number in range(28):
        town.customer(f"c-more-{number}", "More", f"more{number}@example.test")
    house = house_of(town)
    house.world.unknowns |= answers
    house.change(stigg_page_size=50)
    try:
        house.reconcile()
    except UnknownShape as stopped:
        assert house.writes() == 0
        return str(stopped)
    assert len(house.objects("customers")) >= 3
    return house.status("s-1")[0]


@ends("large_pages", yes="SUCCESS", no="Stigg may refuse pages of 50; set stigg_page_size = 25.")
def test_a_page_larger_than_stigg_gives_stops_the_run_with_stiggs_sentence(
    house_of: Build, town: WorldBuilder, end: str
) -> None:
    """SB 18.3."""
    assert end in asked_for_pages_of_50(house_of, town)


@ends("stigg_pages_clamp", yes="SUCCESS", no="Stigg may refuse pages of 50; set stigg_page_size = 25.")
def test_a_page_that_stigg_cuts_without_a_word_loses_no_row(house_of: Build, town: WorldBuilder, end: str) -> None:
    """SB 18.3: rows are counted, and pages followed to the last one."""
    assert end in asked_for_pages_of_50(house_of, town, large_pages=False)


@pytest.mark.parametrize("patience", [0.0, 30.0])
def test_a_request_too_many_is_asked_again_until_the_limit_is_over(town: WorldBuilder, patience: float) -> None:
    """Two attempts would be over long before four seconds are; a limit is waited for."""
    document = town.document()
    document["stigg"]["limits"] = {"seconds": 4, "reads": 1}
    with (
        running(from_document(document)) as (_, url),
        StiggApi("server-sandbox", base_url=url, attempts=2, patience=patience) as api,
    ):
        assert api.environment()["slug"] == "sandbox"
        if patience:
            assert api.environment()["slug"] == "sandbox"
        else:
            with pytest.raises(Transient) as failure:
                api.environment()
            assert failure.value.limited == "CurrentEnvironment"


@pytest.mark.parametrize(
    ("operation", "document", "limit"),
    [("Cancel", "\nmutation Cancel", 250), ("UsageHistory", "query", 250), ("Subscriptions", "query", 1500),
     ("Customers", "query", 3000)],
)  # fmt: skip
def test_each_operation_has_its_limit(operation: str, document: str, limit: float) -> None:
    assert limit_of(operation, document) == limit


def test_the_share_of_stiggs_limits_is_above_0_and_at_most_1(tmp_path: Any) -> None:
    file = tmp_path / "environments.toml"
    file.write_text('[environments.a]\nstripe_account = "acct_1"\nstigg_rate_share = 1.5\n')
    with pytest.raises(Exception, match="stigg_rate_share: it must be above 0 and at most 1"):
        load(file)
