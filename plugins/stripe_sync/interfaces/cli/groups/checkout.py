"""Commands for Stripe's hosted pages: checkout, complete-checkout, portal."""

from __future__ import annotations

from typing import Annotated

import typer

from stripe_sync.interfaces.cli.options import AsJson, By, Env, command_group

group = command_group()


@group.command()
def checkout(
    env: Env,
    customer: Annotated[str, typer.Option(metavar="ID", help="The customer's id in Stigg.")],
    plan: Annotated[str, typer.Option(metavar="ID", help="The plan's id in Stigg.")],
    success_url: Annotated[
        str, typer.Option(metavar="URL", help="Destination after payment; may contain {CHECKOUT_SESSION_ID}.")
    ],
    cancel_url: Annotated[str, typer.Option(metavar="URL", help="Destination if the customer does not pay.")] = "",
    period: Annotated[str, typer.Option(help="MONTHLY or ANNUALLY.")] = "MONTHLY",
    quantity: Annotated[list[str] | None, typer.Option(metavar="FEATURE=NUMBER", help="Committed units.")] = None,
    addon: Annotated[list[str] | None, typer.Option(metavar="ADDON=NUMBER", help="An add-on and its quantity.")] = None,
    coupon: Annotated[str, typer.Option(metavar="ID", help="A coupon's id in Stigg.")] = "",
    country: Annotated[str, typer.Option(metavar="CODE", help="The country of localized prices.")] = "",
    resource: Annotated[str, typer.Option(metavar="ID", help="The resource of the subscription.")] = "",
    trial_days: Annotated[
        int | None, typer.Option(help="Days of trial, which no page sells yet; the answer says so.")
    ] = None,
    subscription: Annotated[
        str, typer.Option(metavar="ID", help="The new subscription's id; the same id returns the same checkout page.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Open Stripe's checkout page for a customer and a plan, and print its URL."""
    from stripe_sync.interfaces.cli import hosted

    request = {
        "customer": customer,
        "plan": plan,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "period": period,
        "coupon": coupon,
        "country": country,
        "resource": resource,
        "trial_days": trial_days,
        "subscription": subscription,
    }
    raise typer.Exit(hosted.checkout(env, request, quantity or [], addon or [], as_json=as_json))


@group.command(name="complete-checkout")
def complete_checkout(
    env: Env,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A checkout session; default: all open ones.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create the paid subscription in Stigg. Exits with 2 while the session is not paid."""
    from stripe_sync.interfaces.cli import hosted

    raise typer.Exit(hosted.complete_checkout(env, session, as_json=as_json))


@group.command()
def portal(
    env: Env,
    customer: Annotated[str, typer.Option(metavar="ID", help="Print a portal link for this customer.")] = "",
    return_url: Annotated[str, typer.Option(metavar="URL", help="Destination after the portal.")] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Set the recommended switches on the configuration that we manage.")
    ] = False,
    configuration: Annotated[
        str, typer.Option(metavar="ID", help="Set them on this configuration, which a person created.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; required by --apply.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show the billing portal's switches, print a portal link for a customer, or set the switches."""
    from stripe_sync.interfaces.cli import hosted

    if apply or configuration:
        raise typer.Exit(hosted.portal_apply(env, configuration, reason, by, as_json=as_json))
    raise typer.Exit(hosted.portal(env, customer, return_url, as_json=as_json))
