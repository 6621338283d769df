"""Settings of an environment as types: one frozen struct for each TOML table of environments.toml.

Reading them from the file is in ``core/config/settings.py``; a field's default is the setting's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from stripe_sync.core.lanes import Lane, Mode

Proration = Literal["always_invoice", "create_prorations", "none"]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a lane, table ``limits``. Money is in major units by currency, such as ``{usd = "5000"}``.

    ``actions`` and ``share`` are of one action group; ``deletes``, ``due_now`` and ``per_month`` of all groups that one run
    applies without a person; ``day_actions`` of the day. Amounts in a currency without a limit always need an approval.
    """

    actions: int = 50
    day_actions: int = 500
    share: float = 0.2
    deletes: int = 5
    due_now: dict[str, str] = {}
    per_month: dict[str, str] = {}
    # Of one invoice. Without a limit of its currency a window waits that is over ten times the largest so far of its charge and
    # over 10,000 (1,000,000 in currencies without decimals).
    usage: dict[str, str] = {}

    def money(self, which: Literal["due_now", "per_month", "usage"]) -> dict[str, Decimal]:
        """Return a money limit as decimals: major units by lower-case currency."""
        given: dict[str, str] = getattr(self, which)
        return {currency.lower(): Decimal(amount) for currency, amount in given.items()}


class UsageMeter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The meter in Stripe that counts a feature, in units of 10^-``decimals`` of the feature's."""

    meter: str
    decimals: int = 0


class UsageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Table ``usage``: reading quantities, putting them on invoices, and holding drafts."""

    schedule: str | None = "*/10 * * * *"
    interval_minutes: int = 10
    aggregation: dict[str, Literal["sum", "last", "max", "average"]] = {}
    meters: dict[str, UsageMeter] = {}
    reads_per_minute: int = 250
    reset_semantics: Literal["after", "before"] = "after"
    hold_hours: int = 24
    hold_by_auto_advance: bool = False


class StripeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Table ``stripe``: reading the account, pacing requests to it, and the terms of subscriptions in it."""

    feed: bool = True
    test_clock: str = ""
    readers: int = 32
    monthly_reads: int = 10_000
    max_read_quota_share: float = 0.6
    rate_limit_share: float = 0.8
    endpoint_rate: float = 25
    account_rate: float | None = None
    allow_shared_account: bool = False
    write_pool: str = ""
    dashboard_url: str = "https://dashboard.stripe.com"
    tax: bool = False
    tax_behavior: Literal["", "exclusive", "inclusive"] = ""
    tax_code: str = ""
    days_until_due: int = 30
    late_start_hours: int = 48
    backdated_start: Literal["next_period", "start"] = "next_period"
    upgrade_proration: Proration = "always_invoice"
    downgrade_proration: Proration = "create_prorations"
    end_proration: Literal["none", "propose"] = "propose"


class StiggSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Table ``stigg``: reading Stigg, pacing requests to it, and writing Stripe's ids back."""

    feed: bool = True
    scan_minutes: int = 0
    event_logs: bool = False
    page_size: int = 25
    rate_limit_share: float = 0.8
    entity_url: str = "https://app.stigg.io/{environment}/{kind}/{id}"
    native_integration: Literal["unknown", "removed"] = "unknown"
    write_billing_id: bool = False
    billing_name_key: str = "billing_name"
    billing_address_key: str = "billing_address"


class ReportSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Table ``report``: schedule, folder and recipients of the finance report."""

    schedule: str | None = "0 6 * * *"
    path: str = ""
    emails: list[str] = []
    names: bool = False


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Table ``alerts``: recipients of alerts."""

    webhook: str = ""
    emails: list[str] = []


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Stigg environment and one Stripe account."""

    stripe_account: str
    name: str = ""
    live: bool = False
    stigg_connection: str = "stigg_default"
    stripe_connection: str = "stripe_default"
    secret_connection: str = ""
    schedule: str | None = None
    tags: list[str] = []
    modes: dict[str, Mode] = {}
    accept_unknown: list[str] = []
    sync_customers: bool = True
    sync_subscriptions: bool = True
    full_sync_interval_hours: int = 24
    workers: int = 8
    max_plan_size: int = 15_000
    plan_max_age_minutes: int = 60
    approval_hours: int = 24
    usage: UsageSettings = UsageSettings()
    stripe: StripeSettings = StripeSettings()
    stigg: StiggSettings = StiggSettings()
    report: ReportSettings = ReportSettings()
    alerts: AlertSettings = AlertSettings()
    limits: Limits = Limits()

    def mode(self, lane: Lane) -> Mode:
        """Return the mode of a lane; observe unless the file says otherwise."""
        return self.modes.get(lane, Mode.OBSERVE)

    def reads_events(self) -> bool:
        """Return whether Stripe is read by its events; their time is the account's, so not on a test clock."""
        return self.stripe.feed and not self.stripe.test_clock

    def dashboard(self, account: str = "") -> str:
        """Return the URL of the Stripe dashboard in the environment's mode, for an account if one is named."""
        place = f"{self.stripe.dashboard_url}/{account}" if account else self.stripe.dashboard_url
        return place if self.live else f"{place}/test"

    def requests_per_second(self) -> float:
        """Return Stripe's limit on the whole account: 100 live, 25 in a sandbox, unless ``account_rate`` is set."""
        return self.stripe.account_rate or (100.0 if self.live else 25.0)

    def secret_id(self) -> str:
        """Return the connection whose password is the secret of the markers."""
        return self.secret_connection or f"stripe_sync_{self.name}"


# The tables of an environment, by name, in the order in which they are written.
TABLES: dict[str, type[msgspec.Struct]] = {
    "usage": UsageSettings,
    "stripe": StripeSettings,
    "stigg": StiggSettings,
    "report": ReportSettings,
    "alerts": AlertSettings,
    "limits": Limits,
}
