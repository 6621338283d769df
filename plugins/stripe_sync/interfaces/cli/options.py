"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Env = Annotated[str, typer.Argument(metavar="ENV", help="An environment of environments.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Reason = Annotated[str, typer.Option(help="Why; it is stored with the action.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="PERSON", help="The person who acts; default: the shell's user.")
]
Kind = Annotated[str, typer.Argument(metavar="KIND", help="plan, addon, coupon, customer or subscription.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The entity's id in Stigg.")]
Lane = Annotated[str, typer.Argument(metavar="LANE", help="A lane; default: all lanes.")]
Hash = Annotated[str, typer.Argument(metavar="HASH", help="The approval's hash, as status and the request show it.")]
Invoice = Annotated[str, typer.Argument(metavar="INVOICE", help="The id of a draft in Stripe.")]
Only = Annotated[list[str] | None, typer.Option(metavar="KIND", help="product, price, coupon, customer, subscription.")]
Customers = Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this customer's entities.")]


def command_group() -> typer.Typer:
    """Return an empty command group; its commands become commands of ``stripe-sync`` itself."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
