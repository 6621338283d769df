"""Manual commands on links, lanes and approvals; each requires a reason, which is stored with the person."""

from __future__ import annotations

from typing import Annotated

import typer

from stripe_sync.interfaces.cli.options import AsJson, By, Env, Hash, Id, Kind, Lane, Reason, command_group

group = command_group()


@group.command()
def link(
    env: Env,
    kind: Kind,
    id: Id,
    stripe_id: Annotated[str, typer.Argument(metavar="STRIPE_ID", help="The id of an existing object in Stripe.")],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Link a Stigg entity to an existing Stripe object; the next run compares them."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.link(env, kind, id, stripe_id, reason, by, as_json=as_json))


@group.command()
def unlink(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """End a link. The Stripe object is not changed, and its ownership marker does not restore the link."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.unlink(env, kind, id, reason, by, as_json=as_json))


@group.command()
def ignore(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Exempt an entity: its drift is shown as accepted, and nothing is written for it."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.ignore(env, kind, id, reason, by, as_json=as_json))


@group.command()
def resync(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """End an entity's exemption and reconcile it alone, within the guards."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.resync(env, kind, id, reason, by, as_json=as_json))


@group.command()
def pause(env: Env, reason: Reason, lane: Lane = "", by: By = None, as_json: AsJson = False) -> None:
    """Pause a lane, or all lanes: no new write starts until you resume it."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.pause(env, lane, reason, by, as_json=as_json))


@group.command()
def resume(env: Env, reason: Reason, lane: Lane = "", by: By = None, as_json: AsJson = False) -> None:
    """Resume a paused lane, or all lanes."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.resume(env, lane, reason, by, as_json=as_json))


@group.command()
def approve(env: Env, hash: Hash, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Approve a set of actions. Those that a new plan still contains are applied now."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.approve(env, hash, reason, by, as_json=as_json))


@group.command()
def reject(env: Env, hash: Hash, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Reject a set of actions; approval for it is not requested again for a week."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.reject(env, hash, reason, by, as_json=as_json))


@group.command()
def retry(
    env: Env,
    id: Annotated[str, typer.Argument(metavar="ID", help="A Stigg id, or the target as status shows it.")],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Release an entity whose writes were refused repeatedly; the next run retries it."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.retry(env, id, reason, by, as_json=as_json))
