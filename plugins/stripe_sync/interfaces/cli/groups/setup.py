"""Commands that set an environment up and maintain it: connect, init, disconnect, probe, prune."""

from __future__ import annotations

from typing import Annotated

import typer

from stripe_sync.interfaces.cli.options import AsJson, By, Env, Reason, command_group

group = command_group()


@group.command()
def connect(
    env: Env,
    first_plan: Annotated[bool, typer.Option("--first-plan", help="Also show the first plan.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, keys, accounts and integrations; nothing is written."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.connect(env, first_plan=first_plan, as_json=as_json))


@group.command()
def init(as_json: AsJson = False) -> None:
    """Create the warehouse's tables and Airflow's pools, and check the connections of every environment; idempotent."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.init(as_json=as_json))


@group.command()
def disconnect(
    env: Env,
    confirm: Annotated[str, typer.Option(metavar="ENV", help="The environment's name: disconnect it.")] = "",
    strip: Annotated[bool, typer.Option("--strip", help="Remove our metadata from the objects in Stripe.")] = False,
    reason: Reason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show the effects of disconnecting; with --confirm, end the links. Nothing is deleted in Stripe."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.disconnect(env, confirm, reason, by, strip=strip, as_json=as_json))


@group.command()
def probe(env: Env, as_json: AsJson = False) -> None:
    """Answer open questions on a Stripe sandbox and a Stigg test environment, and store the answers."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.probe(env, as_json=as_json))


@group.command()
def prune(
    env: Env,
    days: Annotated[int, typer.Option(metavar="DAYS", help="Days to keep; 62 at least.")] = 120,
    reason: Reason = "retention",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Delete old plans, comparisons and superseded snapshots; journal, ledger and manual actions are kept."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.prune(env, days, reason, by, as_json=as_json))
