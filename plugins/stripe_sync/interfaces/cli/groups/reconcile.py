"""Commands of the reconcile and report jobs: plan, apply, status, explain, backfill, report."""

from __future__ import annotations

from typing import Annotated

import typer

from stripe_sync.interfaces.cli.options import AsJson, Customers, Env, Only, command_group

group = command_group()


@group.command()
def plan(
    env: Env,
    only: Only = None,
    customer: Customers = None,
    full: Annotated[bool, typer.Option("--full", help="Read all of Stripe instead of its recent events.")] = False,
    against: Annotated[str | None, typer.Option(metavar="HASH", help="Compare with this earlier plan.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read both sides and show the planned writes. Exits with 2 if there are any."""
    from stripe_sync.interfaces.cli import commands

    params = {"entities": only or [], "customers": customer or [], "full": full}
    raise typer.Exit(commands.plan(env, params, against=against, as_json=as_json))


@group.command()
def apply(
    env: Env,
    plan: Annotated[
        str | None, typer.Option(metavar="HASH", help="Apply this plan instead of creating a new one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without a question; guards and limits still hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan, evaluate the guards, write, verify, report. Exits with 2 if something waits for a person."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.apply(env, plan, yes=yes, as_json=as_json))


@group.command()
def status(
    env: Env,
    id: Annotated[str | None, typer.Argument(metavar="ID", help="A Stigg id or a Stripe id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the number of entities in each sync status, or the status and reason of one entity."""
    from stripe_sync.interfaces.cli import status as status_output

    raise typer.Exit(status_output.status(env, id, as_json=as_json))


@group.command()
def explain(
    env: Env,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="A Stigg id or a Stripe id.")],
    as_json: AsJson = False,
) -> None:
    """Show one customer: both sides, links, statuses, open drift, and its writes in order of time."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.explain_customer(env, customer, as_json=as_json))


@group.command()
def backfill(
    env: Env,
    since: Annotated[str, typer.Option(metavar="TIME", help="Start, such as 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option(metavar="TIME", help="End; default: now.")] = "",
    only: Only = None,
    customer: Customers = None,
    repair: Annotated[bool, typer.Option("--repair", help="Apply the plan, within the guards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan what was created or changed in a period, from a full read against the current target; --repair applies it."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.backfill(env, since, until, only or [], customer or [], repair=repair, as_json=as_json))


@group.command()
def report(
    env: Env,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="A folder, or its URL in an object store.")] = None,
    month: Annotated[str, typer.Option(metavar="MONTH", help="Audit this month again, such as 2026-10.")] = "",
    names: Annotated[bool, typer.Option("--names", help="Show customers' names and e-mail addresses.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the drift report for finance as HTML, XLSX, CSV and JSON; nothing is written in Stripe or Stigg."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.report(env, out, month, names=names, as_json=as_json))
