"""Commands of the usage job: usage and its manual actions on drafts and windows."""

from __future__ import annotations

from typing import Annotated

import typer

from stripe_sync.interfaces.cli.options import AsJson, By, Env, Invoice, Reason, command_group

group = command_group()


@group.command()
def usage(
    env: Env,
    audit: Annotated[
        str | None,
        typer.Option(metavar="MONTH", help="Only compare the invoices of a month, such as 2026-11, with the ledger."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write due usage to draft invoices and verify it; hold unverified drafts. Exits with 2 if something waits for a person."""
    from stripe_sync.interfaces.cli import usage_job

    run = usage_job.usage(env, as_json=as_json) if not audit else usage_job.audit_invoices(env, audit, as_json=as_json)
    raise typer.Exit(run)


@group.command()
def hold(env: Env, invoice: Invoice, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Hold a draft until it is released, at most until the deadline of usage.hold_hours."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.hold(env, invoice, reason, by, as_json=as_json))


@group.command()
def release(env: Env, invoice: Invoice, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Restore the finalization time of a held draft, or set it five minutes from now if that time has passed."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.release(env, invoice, reason, by, as_json=as_json))


@group.command()
def waive(
    env: Env,
    row: Annotated[str, typer.Argument(metavar="ROW", help="The number of a usage row.")],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Waive the unbilled usage of a window."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.waive(env, row, reason, by, as_json=as_json))
