"""Checkout and billing portal from a shell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError, Waiting
from stripe_sync.domain.checkout.portal_settings import wrong
from stripe_sync.interfaces.cli.commands import new_run, session_of
from stripe_sync.interfaces.cli.manual_actions import by_hand
from stripe_sync.interfaces.cli.output import out, table
from stripe_sync.jobs.checkout import portal as portals
from stripe_sync.jobs.checkout.steps import checkout as checkouts


def numbers(given: Iterable[str]) -> dict[str, int]:
    """``seats=3`` as {"seats": 3}. Raises ConfigurationError for anything else."""
    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise ConfigurationError(f"{text} is not understood; write a name and a whole number, such as seats=3.")
        found[name] = int(number)
    return found


def checkout(
    env: str, request: dict[str, Any], quantities: Iterable[str], addons: Iterable[str], *, as_json: bool
) -> int:
    """Opens the page and prints its URL."""
    asked = request | {"quantities": numbers(quantities), "addons": numbers(addons)}
    with session_of(env, quiet=True) as session:
        page = checkouts.checkout(session, new_run(session, {"request": asked}))
    if as_json:
        out(page)
    else:
        print(page["url"])
        print(
            f"session {page['session']}, subscription {page['subscription']}, until {from_epoch(page['expires_at']):%Y-%m-%d %H:%M} UTC"
        )
    return 0


def complete_checkout(env: str, id: str, *, as_json: bool) -> int:
    """What became of one session, or of all open ones; 2 where the one that was asked for is not paid yet."""
    with session_of(env, quiet=True) as session:
        try:
            found = checkouts.complete_checkout(session, new_run(session, {"session": id}))["sessions"]
        except Waiting as waiting:
            out({"waits": str(waiting)}) if as_json else print(waiting)
            return 2
    rows = [{"session": session_id, "state": state} for session_id, state in found.items()]
    out(rows) if as_json else table(rows) if rows else print("No checkout is open.")
    return 0


def portal(env: str, customer: str, return_url: str, *, as_json: bool) -> int:
    """A link for a customer, or the switches; 1 where a switch is not as recommended."""
    with session_of(env, quiet=True) as session:
        if customer:
            made = portals.link(session, customer, return_url=return_url)
            out(made) if as_json else print(made["url"])
            return 0
        configuration, rows = portals.switches(session)
    if as_json:
        out({"configuration": configuration["id"] if configuration else None, "switches": rows})
    elif configuration is None:
        print("The billing portal is not configured; --apply makes a configuration.")
    else:
        print(f"configuration {configuration['id']}")
        table(rows)
    return 1 if configuration is None or wrong(rows) else 0


def portal_apply(env: str, configuration: str, reason: str, person: str | None, *, as_json: bool) -> int:
    if not reason:
        raise ConfigurationError("--apply wants --reason; it is kept beside what you do.")
    return by_hand(env, lambda s, h: portals.apply(s, h, configuration), reason, person, as_json=as_json)
