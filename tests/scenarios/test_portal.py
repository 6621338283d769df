"""The billing portal: every switch of the page's list, a configuration of our own, and links for customers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.runtime.manual_actions import Operator
from tests.support.harness import Harness
from tests.support.shell import command, environ

Build = Callable[[WorldBuilder], Harness]
ADA = Operator("ada", "as the page says")
PAGE = {"1": "on", "2.1": "on", "3": "on", "3.1": "off", "3.2": "off", "3.3": "on", "3.4": "either", "3.5": "either",
        "4.1": "on", "5.1": "off", "5.2": "off", "6.1": "off", "6.2": "off"}  # fmt: skip


def of_a_person(harness: Harness, **features: Any) -> str:
    """Return a configuration that a user created in the dashboard; the account's default."""
    made = harness.stripe().v1.billing_portal.configurations.create(
        {"features": features or {"invoice_history": {"enabled": True}}}
    )  # type: ignore[typeddict-item]
    harness.world.stripe["portal_configurations"][made.id]["is_default"] = True
    return made.id


def rows(harness: Harness) -> dict[str, dict[str, Any]]:
    session = harness.session()
    try:
        return {row.number: asdict(row) for row in portal.switches(session)[1]}
    finally:
        session.close()


def test_every_switch_of_the_page_is_there(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    assert rows(harness) == {}
    of_a_person(harness, subscription_cancel={"enabled": True}, customer_update={"enabled": True, "allowed_updates": ["name", "address"]},
                subscription_update={"enabled": True, "default_allowed_updates": ["quantity"]})  # fmt: skip
    found = rows(harness)
    assert {number: row["recommended"] for number, row in found.items()} == PAGE
    assert {number for number, row in found.items() if row["state"] == "differs"} == {
        "1",
        "2.1",
        "3.1",
        "4.1",
        "5.1",
        "6.2",
    }


def test_a_configuration_of_our_own_and_never_a_persons(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    theirs = of_a_person(harness)
    before = json.dumps(harness.world.stripe["portal_configurations"][theirs])
    session = harness.session()
    assert "was created with the recommended switches" in portal.apply(session, ADA)
    assert "has the recommended switches" in portal.apply(session, ADA)
    assert len(harness.objects("portal_configurations")) == 2
    assert json.dumps(harness.world.stripe["portal_configurations"][theirs]) == before
    assert portal.check(session).state == "ok"
    assert {row["state"] for row in rows(harness).values()} == {"ok", "optional"}
    with pytest.raises(ConfigurationError, match="No active portal configuration bpc_x"):
        portal.apply(session, ADA, "bpc_x")
    portal.apply(session, ADA, theirs)
    assert harness.world.stripe["portal_configurations"][theirs]["login_page"]["enabled"]
    session.close()


def test_a_link_for_a_customer(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    of_a_person(harness)
    harness.reconcile()
    session = harness.session()
    made = portal.link(session, "c-1", return_url="https://example.test/")
    assert made.url.startswith("https://billing.stripe.com/")
    with pytest.raises(ConfigurationError, match="nobody is not in Stripe"):
        portal.link(session, "nobody")
    session.close()


def test_the_command(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness)
    assert command(env, "portal", "test").returncode == 1
    assert "requires --reason" in command(env, "portal", "test", "--apply").stderr
    assert command(env, "portal", "test", "--apply", "--reason", "the page").returncode == 0
    shown = command(env, "portal", "test")
    assert (shown.returncode, "Launch customer portal with a link" in shown.stdout) == (0, True)
