"""Stigg's rate limits: every call is paced, and one too many is repeated until the minute is over (G2, SB 18.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import from_document
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stigg.pacing import limit_of
from stripe_sync.core.config.settings import load
from stripe_sync.core.errors import Transient, UnknownShape
from tests.support.harness import Harness
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def requested(harness: Harness) -> list[int]:
    return [r.status for r in harness.world.requests if r.side == "stigg"]


def test_every_call_is_paced_below_stiggs_limit(harness_of: Build, small_world: WorldBuilder) -> None:
    """33 customers, one a page: at 10 a second allowed and 7.5 a second sent, none is refused."""
    for number in range(30):
        small_world.customer(f"c-more-{number}", "More", f"more{number}@example.test")
    harness = harness_of(small_world)
    harness.world.stigg_limits |= {"seconds": 1, "reads": 10, "customerSubscriptions": 10}
    harness.change(stigg={"page_size": 1, "rate_limit_share": 0.15})  # of 3,000 a minute
    harness.reconcile()
    assert len(requested(harness)) > 33
    assert set(requested(harness)) == {200}
    assert harness.status("s-1") == ("SUCCESS", "")


def test_a_run_that_meets_the_limit_goes_on_when_it_is_over(harness_of: Build, small_world: WorldBuilder) -> None:
    """Another client uses up the environment's limit: 429 without Retry-After, for three seconds at a time."""
    harness = harness_of(small_world)
    harness.world.stigg_limits |= {"seconds": 3, "reads": 2}
    harness.change(stigg={"page_size": 1})  # three customers, one a page
    harness.reconcile()
    assert 429 in requested(harness)
    assert harness.status("s-1") == ("SUCCESS", "")


def asked_for_pages_of_50(harness_of: Build, small_world: WorldBuilder, **answers: bool) -> str:
    """Return the status of s-1 after a run with pages of 50 of 31 customers, or why it stopped."""
    for number in range(28):
        small_world.customer(f"c-more-{number}", "More", f"more{number}@example.test")
    harness = harness_of(small_world)
    harness.world.unknowns |= answers
    harness.change(stigg={"page_size": 50})
    try:
        harness.reconcile()
    except UnknownShape as stopped:
        assert harness.writes() == 0
        return str(stopped)
    assert len(harness.objects("customers")) >= 3
    return harness.status("s-1")[0]


@ends("large_pages", yes="SUCCESS", no="Stigg may refuse pages of 50. Set stigg.page_size = 25.")
def test_a_page_larger_than_stigg_gives_stops_the_run_with_stiggs_sentence(
    harness_of: Build, small_world: WorldBuilder, end: str
) -> None:
    """SB 18.3, where Stigg refuses such a page."""
    assert end in asked_for_pages_of_50(harness_of, small_world, stigg_pages_clamp=False)


@ends("stigg_pages_clamp", yes="SUCCESS", no="Stigg may refuse pages of 50. Set stigg.page_size = 25.")
def test_a_page_that_stigg_cuts_without_a_word_loses_no_row(
    harness_of: Build, small_world: WorldBuilder, end: str
) -> None:
    """SB 18.3: rows are counted, and pages followed to the last one."""
    assert end in asked_for_pages_of_50(harness_of, small_world, large_pages=False)


@pytest.mark.parametrize("patience", [0.0, 30.0])
def test_a_request_too_many_is_asked_again_until_the_limit_is_over(small_world: WorldBuilder, patience: float) -> None:
    """Two attempts would be over long before four seconds are; a limit is waited for."""
    document = small_world.document()
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
     ("Customers", "query", 3000), ("ProbeUsage", "mutation ProbeUsage", 3000)],
)  # fmt: skip
def test_each_operation_has_its_limit(operation: str, document: str, limit: float) -> None:
    assert limit_of(operation, document) == limit


def test_the_share_of_stiggs_limits_is_above_0_and_at_most_1(tmp_path: Any) -> None:
    file = tmp_path / "environments.toml"
    file.write_text('[environments.a]\nstripe_account = "acct_1"\nstigg.rate_limit_share = 1.5\n')
    with pytest.raises(Exception, match=r"stigg\.rate_limit_share: it must be above 0 and at most 1"):
        load(file)
