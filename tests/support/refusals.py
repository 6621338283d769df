"""Refusals of the two APIs: a story keeps each one that the sandbox has by default, unless it is listed here with its reason.

The harness gives a world its switches as ``Switches``, which note every way in which a story sets one. A story under ``@ends``
runs under both answers, so that the refusal is one of its ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from sandbox.world.state import UNKNOWNS, World

# The answers under which something is refused, or kept a draft, that is not under the other.
REFUSING = {
    "account_right_grantable": False, "canceled_draft_advances": False, "clear_usage_refused": True,
    "coupon_id_reuse": False, "debit_refused_at_once": True, "event_logs_readable": False, "finalization_moves": False,
    "integrations_readable": False, "isk_rounds": False, "large_pages": False, "missing_location_finalizes": False,
    "one_off_without_location": True, "pending_negative_with_tax": True, "short_leads_refused": True,
    "stigg_pages_clamp": False, "thin_events_by_event_read": False, "time_needs_auto_advance": True,
}  # fmt: skip
# The stories that switch a refusal off, and why they cannot do otherwise.
ALLOWED = {
    "test_probe.py::test_each_switch_gives_each_answer": "each answer of each switch is requested, the refusing one too",
    "test_stigg_feed.py::test_event_logs_name_the_subscriptions_that_changed": "Stigg's logs tell something only where they "
    "may be read; the story after it has the refusal as one of its ends",
}


class Switches(dict[str, bool]):
    """The answers of a world; ``lax`` are the refusals that were switched off, also those that were switched on again."""

    lax: frozenset[str] = frozenset()

    def __init__(self, given: Mapping[str, bool]) -> None:
        super().__init__()
        self.update(given)

    def __setitem__(self, name: str, answer: bool) -> None:
        super().__setitem__(name, answer)
        if is_lax(name, answer=answer):
            self.lax |= {name}

    def update(self, given: Mapping[str, bool] | Iterable[tuple[str, bool]] = (), /, **more: bool) -> None:  # type: ignore[override]
        for name, answer in {**dict(given), **more}.items():
            self[name] = answer

    def __ior__(self, given: Mapping[str, bool] | Iterable[tuple[str, bool]]) -> Switches:  # type: ignore[override,misc]
        self.update(given)
        return self


def is_lax(name: str, *, answer: bool) -> bool:
    """Return whether an answer switches off what the sandbox refuses by default."""
    return name in REFUSING and UNKNOWNS[name] is REFUSING[name] is not answer


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Fail at the end where the test that runs has switched a refusal off, in the world's document or later."""
    world.unknowns = Switches(world.unknowns)
    yield
    check(world, os.environ.get("PYTEST_CURRENT_TEST", ""))


def give(world: World, switch: str, *, answer: bool) -> None:
    """Give one of the two answers that a story runs under."""
    dict.__setitem__(world.unknowns, switch, answer)


def check(world: World, story: str) -> None:
    """Fail where a story has switched a refusal off; ``story`` is pytest's name of it."""
    switches = world.unknowns
    lax = switches.lax if isinstance(switches, Switches) else set(Switches(switches).lax)
    assert not lax or name_of(story) in ALLOWED, f"{name_of(story)} switches refusals off: {', '.join(sorted(lax))}"


def name_of(story: str) -> str:
    """Return ``test_file.py::test_name`` of pytest's name of a test, without its folder and its parameters."""
    return story.rpartition("/")[2].partition(" (")[0].partition("[")[0]
