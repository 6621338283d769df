"""Permissions of a restricted key by command; docs/operations.md lists them, and a test runs each command with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from stripe_sync.core.settings import Environment


@dataclass(frozen=True)
class Right:
    """The permission for one kind of object: ``noun`` is Stripe's, such as ``plan``, and ``label`` the Dashboard's row.

    ``commands`` has the level of each command: ``read``, or ``write``, which includes ``read``. ``path`` is a request that
    verifies the read permission. ``of_setting`` is the setting that requires the permission, such as ``stripe.tax``; empty if it is always required.
    """

    noun: str
    label: str
    path: str
    commands: Mapping[str, str]
    of_setting: str = ""

    def name(self) -> str:
        """Return the permission for all commands together, such as ``plan_write``."""
        return f"{self.noun}_{'write' if 'write' in self.commands.values() else 'read'}"

    def shown(self) -> str:
        """Return the permission with the Dashboard's label."""
        return f"{self.name()} ({self.label})"


RIGHTS = (
    Right("product", "Products", "/v1/products", {"reconcile": "write"}),
    Right("plan", "Prices", "/v1/prices", {"reconcile": "write"}),
    Right("coupon", "Coupons", "/v1/coupons", {"reconcile": "write"}),
    Right("customer", "Customers", "/v1/customers", {"reconcile": "write", "checkout": "write"}),
    Right("payment_method", "Payment methods", "/v1/payment_methods", {"reconcile": "read", "checkout": "read"}),
    Right("subscription", "Subscriptions", "/v1/subscriptions", {"reconcile": "write", "checkout": "read"}),
    Right("invoice", "Invoices", "/v1/invoices", {"reconcile": "write", "usage": "write"}),
    Right("credit_note", "Credit notes", "/v1/credit_notes", {"usage": "read"}),
    Right("checkout_session", "Checkout sessions", "/v1/checkout/sessions", {"checkout": "write"}),
    Right("customer_portal", "Customer portal", "/v1/billing_portal/configurations", {"portal": "write"}),
    Right("event", "Events", "/v1/events", {"reconcile": "read"}, "stripe.feed"),
    Right("tax_settings", "Tax settings", "/v1/tax/settings", {"reconcile": "read", "usage": "read"}, "stripe.tax"),
    Right("billing_meter", "Meters", "/v1/billing/meters", {"reconcile": "read", "usage": "read"}, "usage.meters"),
    Right("billing_meter_event", "Meter events", "/v1/billing/meters", {"usage": "write"}, "usage.meters"),
    Right(
        "billing_clock",
        "Test clocks",
        "/v1/test_helpers/test_clocks",
        {"reconcile": "read", "usage": "read"},
        "stripe.test_clock",
    ),
)


def needed(environment: Environment) -> list[Right]:
    """Return the permissions that an environment's key needs for all commands together."""
    return [r for r in RIGHTS if not r.of_setting or attrgetter(r.of_setting)(environment)]


def of_command(command: str, *settings: str) -> list[str]:
    """Return the permissions of a command with these settings on; ``connect`` reads everything that other commands need."""
    on = [r for r in RIGHTS if not r.of_setting or r.of_setting in settings]
    if command == "connect":
        return [f"{r.noun}_read" for r in on if r.noun != "billing_meter_event"]
    return [f"{r.noun}_{r.commands[command]}" for r in on if command in r.commands]
