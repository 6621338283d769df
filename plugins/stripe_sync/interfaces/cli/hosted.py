"""The commands ``checkout``, ``complete-checkout`` and ``portal``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.domain.checkout.portal_settings import wrong
from stripe_sync.interfaces.cli.commands import new_run, session_of
from stripe_sync.interfaces.cli.manual_actions import run_manual_action
from stripe_sync.interfaces.cli.output import out, table
from stripe_sync.jobs.checkout import portal as portal_job
from stripe_sync.jobs.checkout.steps import checkout as checkout_steps
from stripe_sync.warehouse.step_results import row_of


def numbers(given: Iterable[str]) -> dict[str, int]:
    """Parse ``seats=3`` to {"seats": 3}. Raises ConfigurationError for anything else."""
    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise ConfigurationError(f"Invalid quantity: {text}. Use a name and an integer, such as seats=3.")
        found[name] = int(number)
    return found


def checkout(
    env: str, request: dict[str, Any], quantities: Iterable[str], addons: Iterable[str], *, as_json: bool
) -> int:
    """Open a checkout session and print its URL; return 0."""
    body = request | {"quantities": numbers(quantities), "addons": numbers(addons)}
    with session_of(env, quiet=True) as session:
        page = checkout_steps.checkout(session, new_run(session, {"request": body}))
    if as_json:
        out(row_of(page))
    else:
        print(page.url)
        print(
            f"session {page.session}, subscription {page.subscription}, until {from_epoch(page.expires_at):%Y-%m-%d %H:%M} UTC"
        )
        if page.note:
            print(page.note)
    return 0


def complete_checkout(env: str, id: str, *, as_json: bool) -> int:
    """Complete one session, or all open ones, and print their states; return 2 where the given one is not paid yet."""
    with session_of(env, quiet=True) as session:
        try:
            found = checkout_steps.complete_checkout(session, new_run(session, {"session": id})).sessions
        except NotReady as waiting:
            out({"waits": str(waiting)}) if as_json else print(waiting)
            return 2
    rows = [{"session": session_id, "state": state} for session_id, state in found.items()]
    out(rows) if as_json else table(rows) if rows else print("No checkout session is open.")
    return 0


def portal(env: str, customer: str, return_url: str, *, as_json: bool) -> int:
    """Print a portal link for a customer, or the switches; return 1 where a switch is not as recommended."""
    with session_of(env, quiet=True) as session:
        if customer:
            created = portal_job.link(session, customer, return_url=return_url)
            out(asdict(created)) if as_json else print(created.url)
            return 0
        configuration, rows = portal_job.switches(session)
    if as_json:
        out({"configuration": configuration, "switches": [asdict(row) for row in rows]})
    elif configuration is None:
        print("The billing portal is not configured. Create a configuration: --apply.")
    else:
        print(f"configuration {configuration}")
        table([asdict(row) for row in rows])
    return 1 if configuration is None or wrong(rows) else 0


def portal_apply(env: str, configuration: str, reason: str, person: str | None, *, as_json: bool) -> int:
    """Set the recommended switches on a configuration; return 0."""
    if not reason:
        raise ConfigurationError("--apply requires --reason; it is stored with the action.")
    return run_manual_action(env, lambda s, h: portal_job.apply(s, h, configuration), reason, person, as_json=as_json)
