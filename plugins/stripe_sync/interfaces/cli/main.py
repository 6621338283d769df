"""``stripe-sync``: plan, apply and look, from a shell.

Exit codes: 0 done and nothing left to do, 1 an error, 2 actions are planned (``plan``) or wait for a person (``apply``).
Nothing heavy is imported before a command runs, so ``--help`` is quick.
"""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer

from stripe_sync.core.errors import StripeSyncError
from stripe_sync.interfaces.cli.notices import show_settings_warnings

app = typer.Typer(
    name="stripe-sync", help="Keeps Stigg and Stripe in agreement.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
Env = Annotated[str, typer.Argument(metavar="ENV", help="An environment of environments.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept beside what you do.")]
By = Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Who; the user of this shell if left out.")]


@app.command()
def connect(
    env: Env,
    first_plan: Annotated[bool, typer.Option("--first-plan", help="Say what the first plan would do, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, keys, accounts and integrations, a line each; nothing is written."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.connect(env, first_plan=first_plan, as_json=as_json))


@app.command()
def init(as_json: AsJson = False) -> None:
    """Make the warehouse's tables and Airflow's pools, and check every environment's connections; idempotent."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.init(as_json=as_json))


@app.command()
def disconnect(
    env: Env,
    confirm: Annotated[str, typer.Option(metavar="ENV", help="The environment's name again: do it.")] = "",
    strip: Annotated[bool, typer.Option("--strip", help="Take our metadata off the objects in Stripe.")] = False,
    reason: Reason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Say what disconnecting would do; with --confirm, close the links. Nothing is deleted in Stripe."""
    from stripe_sync.interfaces.cli import environments

    raise typer.Exit(environments.disconnect(env, confirm, reason, by, strip=strip, as_json=as_json))


@app.command()
def plan(
    env: Env,
    only: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="product, price, coupon, customer, subscription.")
    ] = None,
    customer: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only what is about this customer.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything in Stripe, and not what its events name.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(metavar="HASH", help="Say what differs from this earlier plan.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read both sides and show what would be written. Exits with 2 if there is anything."""
    from stripe_sync.interfaces.cli import commands

    params = {"entities": only or [], "customers": customer or [], "full": full}
    raise typer.Exit(commands.plan(env, params, against=against, as_json=as_json))


@app.command()
def apply(
    env: Env,
    plan: Annotated[str | None, typer.Option(metavar="HASH", help="Apply this plan instead of planning anew.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; guards and limits stay.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan, pass the guards, write, verify, report. Exits with 2 if something waits for a person."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.apply(env, plan, yes=yes, as_json=as_json))


@app.command()
def status(
    env: Env,
    id: Annotated[str | None, typer.Argument(metavar="ID", help="A Stigg id or a Stripe id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the sync status of all entities in numbers, or of one with its reason."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.status(env, id, as_json=as_json))


@app.command()
def explain(
    env: Env, customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="A Stigg id or a Stripe id.")],
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """One page about one customer: both sides, links, statuses, open drift, and what was written, in order of time."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.explain_customer(env, customer, as_json=as_json))


Kind = Annotated[str, typer.Argument(metavar="KIND", help="plan, addon, coupon, customer or subscription.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The entity's id in Stigg.")]
Lane = Annotated[str, typer.Argument(metavar="LANE", help="One lane; all of them if it is left out.")]


@app.command()
def link(
    env: Env, kind: Kind, id: Id, stripe_id: Annotated[str, typer.Argument(metavar="STRIPE_ID")], reason: Reason,
    by: By = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say that a Stigg entity and a Stripe object are one; the next run compares them."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.link(env, kind, id, stripe_id, reason, by, as_json=as_json))


@app.command()
def unlink(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """End a link; what is in Stripe stays as it is, and no mark makes the link again."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.unlink(env, kind, id, reason, by, as_json=as_json))


@app.command()
def ignore(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Exempt an entity: its drift is shown as accepted, and nothing about it is written."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.ignore(env, kind, id, reason, by, as_json=as_json))


@app.command()
def resync(env: Env, kind: Kind, id: Id, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Take an entity up again, and reconcile it alone, under the guards."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.resync(env, kind, id, reason, by, as_json=as_json))


@app.command()
def pause(env: Env, reason: Reason, lane: Lane = "", by: By = None, as_json: AsJson = False) -> None:
    """The brake: no write of the lane begins until it is resumed."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.pause(env, lane, reason, by, as_json=as_json))


@app.command()
def resume(env: Env, reason: Reason, lane: Lane = "", by: By = None, as_json: AsJson = False) -> None:
    """Take the brake off."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.resume(env, lane, reason, by, as_json=as_json))


Hash = Annotated[str, typer.Argument(metavar="HASH", help="The set of actions, as status or the question names it.")]


@app.command()
def approve(env: Env, hash: Hash, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Say yes to a set of actions; what of it is still the same is made now, and nothing else."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.approve(env, hash, reason, by, as_json=as_json))


@app.command()
def reject(env: Env, hash: Hash, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Say no to a set of actions; it is not asked about again for a week."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.reject(env, hash, reason, by, as_json=as_json))


@app.command()
def retry(
    env: Env, id: Annotated[str, typer.Argument(metavar="ID", help="A Stigg id, or the target as status shows it.")],
    reason: Reason, by: By = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Free what was refused again and again; the next run tries it."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.retry(env, id, reason, by, as_json=as_json))


@app.command()
def backfill(
    env: Env,
    since: Annotated[str, typer.Option(metavar="MOMENT", help="From when on, such as 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option(metavar="MOMENT", help="Until when; now if it is left out.")] = "",
    only: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="product, price, coupon, customer, subscription.")
    ] = None,
    customer: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only what is about this customer.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write what the guards allow, and not only plan it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take up what was made or changed in a window: read everything, plan against the present, repair if told to."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.backfill(env, since, until, only or [], customer or [], repair=repair, as_json=as_json))


@app.command()
def prune(
    env: Env,
    days: Annotated[int, typer.Option(metavar="DAYS", help="Keep so many days; 62 at least.")] = 120,
    reason: Reason = "retention",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take away old plans, comparisons and replaced mirrors; the journal, the ledger and what people did stay."""
    from stripe_sync.interfaces.cli import manual_actions

    raise typer.Exit(manual_actions.prune(env, days, reason, by, as_json=as_json))


@app.command()
def usage(
    env: Env,
    audit: Annotated[
        str | None,
        typer.Option(metavar="MONTH", help="Only compare a month's invoices, such as 2026-11, with the ledger."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put what was used on the drafts that are due, prove it, and hold what is not proven. Exits with 2 if something waits."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.audited(env, audit, as_json=as_json) if audit else usage_job.usage(env, as_json=as_json))


@app.command()
def report(
    env: Env,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="A folder, or the URL of one in an object store.")
    ] = None,
    month: Annotated[str, typer.Option(metavar="MONTH", help="Audit this month anew, such as 2026-10.")] = "",
    names: Annotated[bool, typer.Option("--names", help="Show customers' names and e-mail addresses.")] = False,
    as_json: AsJson = False,
) -> None:
    """The drift report for finance, as HTML, XLSX, CSV and JSON; nothing is written in Stripe or Stigg."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.report(env, out, month, names=names, as_json=as_json))


Invoice = Annotated[str, typer.Argument(metavar="INVOICE", help="The id of a draft in Stripe.")]


@app.command()
def hold(env: Env, invoice: Invoice, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Let a draft wait until the deadline of usage.hold_hours, or until it is released."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.hold(env, invoice, reason, by, as_json=as_json))


@app.command()
def release(env: Env, invoice: Invoice, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Give a held draft its own moment of finalization back, or five minutes from now."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.release(env, invoice, reason, by, as_json=as_json))


@app.command()
def waive(
    env: Env, row: Annotated[str, typer.Argument(metavar="ROW", help="A row of usage, by its number.")], reason: Reason,
    by: By = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say that a window of usage is not billed."""
    from stripe_sync.interfaces.cli import usage_job

    raise typer.Exit(usage_job.waive(env, row, reason, by, as_json=as_json))


@app.command()
def checkout(
    env: Env,
    customer: Annotated[str, typer.Option(metavar="ID", help="The customer's id in Stigg.")],
    plan: Annotated[str, typer.Option(metavar="ID", help="The plan's id in Stigg.")],
    success_url: Annotated[str, typer.Option(metavar="URL", help="Where the customer goes who has paid; it may hold "
                                             "{CHECKOUT_SESSION_ID}.")],
    cancel_url: Annotated[str, typer.Option(metavar="URL", help="Where the customer goes who has not.")] = "",
    period: Annotated[str, typer.Option(help="MONTHLY or ANNUALLY.")] = "MONTHLY",
    quantity: Annotated[list[str] | None, typer.Option(metavar="FEATURE=NUMBER", help="Committed units.")] = None,
    addon: Annotated[list[str] | None, typer.Option(metavar="ADDON=NUMBER")] = None,
    coupon: Annotated[str, typer.Option(metavar="ID", help="A coupon's id in Stigg.")] = "",
    country: Annotated[str, typer.Option(metavar="CODE", help="The country whose prices are sold.")] = "",
    resource: Annotated[str, typer.Option(metavar="ID", help="The resource that is subscribed.")] = "",
    trial_days: Annotated[int | None, typer.Option(help="The plan's own trial if it is left out.")] = None,
    subscription: Annotated[str, typer.Option(metavar="ID", help="The id of the subscription to be; the same id gives the "
                                              "same page.")] = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Open Stripe's checkout page for a customer and a plan, and print its URL."""
    from stripe_sync.interfaces.cli import hosted

    request = {"customer": customer, "plan": plan, "success_url": success_url, "cancel_url": cancel_url, "period": period,
               "coupon": coupon, "country": country, "resource": resource, "trial_days": trial_days,
               "subscription": subscription}  # fmt: skip
    raise typer.Exit(hosted.checkout(env, request, quantity or [], addon or [], as_json=as_json))


@app.command(name="complete-checkout")
def complete_checkout(
    env: Env,
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="Stripe's session; every open one if left out.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Give Stigg what was paid for on a checkout page. Exits with 2 while it is not paid."""
    from stripe_sync.interfaces.cli import hosted

    raise typer.Exit(hosted.complete_checkout(env, session, as_json=as_json))


@app.command()
def portal(
    env: Env,
    customer: Annotated[str, typer.Option(metavar="ID", help="Print a link for this customer.")] = "",
    return_url: Annotated[str, typer.Option(metavar="URL", help="Where the customer goes after it.")] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Set the recommended switches on a configuration of ours.")
    ] = False,
    configuration: Annotated[str, typer.Option(metavar="ID", help="Set them on this one, which a person made.")] = "",
    reason: Annotated[str, typer.Option(help="Why; --apply wants it.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show the billing portal's switches, give a customer a link to it, or set the switches."""
    from stripe_sync.interfaces.cli import hosted

    if apply or configuration:
        raise typer.Exit(hosted.portal_apply(env, configuration, reason, by, as_json=as_json))
    raise typer.Exit(hosted.portal(env, customer, return_url, as_json=as_json))


@app.command()
def probe(env: Env, as_json: AsJson = False) -> None:
    """Ask a Stripe sandbox and a Stigg environment for tests what is not known for certain; keep the answers."""
    from stripe_sync.interfaces.cli import commands

    raise typer.Exit(commands.probe(env, as_json=as_json))


def run() -> None:
    """The entry point: usage errors exit 1, and known errors are one sentence."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an embedded database is stopped
    show_settings_warnings()
    try:
        result: Any = app(standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except StripeSyncError as problem:
        print(f"stripe-sync: {problem}", file=sys.stderr)
    except typer.Abort:
        print("stripe-sync: stopped; nothing was written after this.", file=sys.stderr)
    except KeyboardInterrupt:
        print("stripe-sync: interrupted; the next run settles what was under way.", file=sys.stderr)
    except typer.TyperException as problem:
        print(f"stripe-sync: {problem.format_message()}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    run()
