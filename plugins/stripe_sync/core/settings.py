"""environments.toml: which Stigg environment and which Stripe account belong together, and what may be done there.

Reading it is cheap and without side effects, so that DAG files may do it. Every problem is one sentence that names the
file, the place and the way out.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import msgspec

from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES, Lane, Mode


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one group may do by itself. Money is in major units by currency, such as ``{usd = "5000"}``.

    A currency without a limit may not be moved at all without a person.
    """

    actions: int = 50
    day_actions: int = 500
    share: float = 0.2
    deletes: int = 5
    due_now: dict[str, str] = {}
    per_month: dict[str, str] = {}
    usage: dict[
        str, str
    ] = {}  # of one invoice; a currency that is left out has no limit, since a draft does not wait for ever

    def money(self, which: Literal["due_now", "per_month", "usage"]) -> dict[str, Decimal]:
        """A money limit as decimals, major units by lower-case currency."""
        given: dict[str, str] = getattr(self, which)
        return {currency.lower(): Decimal(amount) for currency, amount in given.items()}


class UsageMeter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The meter in Stripe that counts a feature, in units of 10^-``decimals`` of the feature's."""

    meter: str
    decimals: int = 0


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
    limits: Limits = Limits()
    test_clock: str = ""
    native_integration: Literal["unknown", "removed"] = "unknown"
    sync_customers: bool = True
    sync_subscriptions: bool = True
    days_until_due: int = 30
    late_start_hours: int = 48
    backdated_start: Literal["next_period", "start"] = "next_period"
    billing_name_key: str = "billing_name"
    billing_address_key: str = "billing_address"
    tax: bool = False
    tax_behavior: Literal["", "exclusive", "inclusive"] = ""
    tax_code: str = ""
    usage_schedule: str | None = "*/10 * * * *"
    usage_interval_minutes: int = 10
    usage_aggregation: dict[str, Literal["sum", "last", "max", "average"]] = {}
    usage_meters: dict[str, UsageMeter] = {}
    usage_reads_per_minute: int = 250
    reset_point: Literal["after", "before"] = "after"
    alert_webhook: str = ""
    alert_emails: list[str] = []
    report_schedule: str | None = "0 6 * * *"
    report_path: str = ""
    report_emails: list[str] = []
    report_names: bool = False
    hold_hours: int = 24
    hold_by_auto_advance: bool = False
    upgrade_proration: Literal["always_invoice", "create_prorations", "none"] = "always_invoice"
    downgrade_proration: Literal["always_invoice", "create_prorations", "none"] = "create_prorations"
    end_proration: Literal["none", "propose"] = "propose"
    stigg_page_size: int = 25
    stigg_rate_share: float = 0.8
    stigg_entity_url: str = "https://app.stigg.io/{environment}/{kind}/{id}"
    stripe_dashboard_url: str = "https://dashboard.stripe.com"
    accept_unknown: list[str] = []
    stripe_feed: bool = True
    stigg_feed: bool = True
    stigg_scan_minutes: int = 0
    stigg_event_logs: bool = False
    write_pool: str = ""
    write_billing_id: bool = False
    full_read_hours: int = 24
    shares_account: bool = False
    rate_share: float = 0.8
    endpoint_rate: float = 25
    account_rate: float | None = None
    workers: int = 8
    readers: int = 32
    plan_max_age_minutes: int = 60
    plan_at_most: int = 15_000
    approval_hours: int = 24
    monthly_reads: int = 10_000
    reads_share: float = 0.6

    def mode(self, lane: Lane) -> Mode:
        """The mode of a lane; observe unless the file says otherwise."""
        return self.modes.get(lane, Mode.OBSERVE)

    def reads_events(self) -> bool:
        """Whether Stripe is read by its events; their time is the account's, so not on a test clock."""
        return self.stripe_feed and not self.test_clock

    def dashboard(self, account: str = "") -> str:
        """Stripe's dashboard in the mode of the environment; of an account where one is named."""
        place = f"{self.stripe_dashboard_url}/{account}" if account else self.stripe_dashboard_url
        return place if self.live else f"{place}/test"

    def requests_per_second(self) -> float:
        """Stripe's limit on the whole account: 100 live, 25 in a sandbox, unless Stripe agreed to another."""
        return self.account_rate or (100.0 if self.live else 25.0)

    def secret_id(self) -> str:
        """The connection whose password is the secret of the markers."""
        return self.secret_connection or f"stripe_sync_{self.name}"


def path_from(environ: Mapping[str, str]) -> Path:
    """``STRIPE_SYNC_CONFIG``, else environments.toml in the working folder."""
    return Path(environ.get("STRIPE_SYNC_CONFIG", "environments.toml"))


def load(path: Path | None = None) -> dict[str, Environment]:
    """All environments by name. Raises ConfigurationError."""
    path = path or path_from(os.environ)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no settings file {path}: copy environments.toml from the README, or set STRIPE_SYNC_CONFIG to yours."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    if not isinstance(document.get("environments"), dict) or not document["environments"]:
        raise ConfigurationError(f"{path} declares no environment; add a table [environments.NAME].")
    for name in document.keys() - {"environments"}:
        raise ConfigurationError(f"{path}: there is no table {name}; everything stands under [environments.NAME].")
    named = {name: read(path, name, table) for name, table in document["environments"].items()}
    for environment in named.values():
        check(path, environment)
    check_accounts(path, named)
    return named


def environment(name: str, path: Path | None = None) -> Environment:
    """One environment. Raises ConfigurationError, naming those that exist."""
    environments = load(path)
    if name not in environments:
        raise ConfigurationError(f"There is no environment {name}; declared are {', '.join(sorted(environments))}.")
    return environments[name]


def read(path: Path, name: str, table: object) -> Environment:
    """One table as an environment. Raises ConfigurationError, naming the setting."""
    for setting in ("cancel_invoice_now", "cancel_prorate"):
        if isinstance(table, Mapping) and setting in table:
            raise ConfigurationError(
                f"{path}: environments.{name}.{setting}: a subscription is always canceled with invoice_now=false and "
                f"prorate=false, and what is owed is billed by lines of ours; take the setting out."
            )
    try:
        return msgspec.structs.replace(typed(table, Environment), name=name)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        where = f"environments.{name}{place.rstrip('`')}"
        raise ConfigurationError(f"{path}: {where}: {message[:1].lower()}{message[1:]}.") from None


def check(path: Path, environment: Environment) -> None:
    """What the types cannot say."""
    where = f"{path}: environments.{environment.name}"
    if not environment.name.isascii() or not environment.name.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(
            f"{where}: a name is letters, digits, - and _, because it is part of keys and DAG ids."
        )
    if not environment.stripe_account.startswith("acct_"):
        raise ConfigurationError(f"{where}.stripe_account: it must be the id of the account, such as acct_1Abc.")
    if environment.test_clock and (environment.live or not environment.test_clock.startswith("clock_")):
        raise ConfigurationError(
            f"{where}.test_clock: it is the id of a test clock, such as clock_1Abc, and a live account has none: leave it out."
        )
    for lane in environment.modes:
        if lane not in LANES:
            raise ConfigurationError(f"{where}.modes.{lane}: no such lane; lanes are {', '.join(LANES)}.")
    if environment.tax and not (environment.tax_behavior and environment.tax_code.startswith("txcd_")):
        raise ConfigurationError(
            f'{where}.tax: with tax on, set tax_behavior = "exclusive" or "inclusive", and tax_code to a code of Stripe\'s '
            f"such as txcd_10103001."
        )
    for name in ("rate_share", "stigg_rate_share"):
        if not 0 < getattr(environment, name) <= 1:
            raise ConfigurationError(f"{where}.{name}: it must be above 0 and at most 1.")
    if not 0 <= environment.stigg_scan_minutes <= 60:
        raise ConfigurationError(
            f"{where}.stigg_scan_minutes: 0 (every run) to 60; what is compared may not be older than an hour."
        )
    if min(environment.usage_interval_minutes, environment.usage_reads_per_minute, environment.hold_hours) < 1:
        raise ConfigurationError(
            f"{where}: usage_interval_minutes, usage_reads_per_minute and hold_hours are whole numbers, 1 and more."
        )
    if environment.plan_at_most < 1:
        raise ConfigurationError(f"{where}.plan_at_most: how many differences a plan takes up, 1 and more.")
    for feature, chosen in environment.usage_meters.items():
        if not chosen.meter.startswith("mtr_") or not 0 <= chosen.decimals <= 9:
            raise ConfigurationError(
                f'{where}.usage_meters.{feature}: give a meter of Stripe and 0 to 9 decimals, such as {{meter = "mtr_1Abc"}}.'
            )
    if environment.endpoint_rate <= 0 or (environment.account_rate or 1) <= 0:
        raise ConfigurationError(f"{where}: endpoint_rate and account_rate are requests a second, above 0.")
    try:
        for which in ("due_now", "per_month", "usage"):
            environment.limits.money(which)
    except InvalidOperation:
        raise ConfigurationError(
            f'{where}.limits: due_now, per_month and usage are amounts in major units by currency, such as {{usd = "5000"}}.'
        ) from None


def check_accounts(path: Path, environments: Mapping[str, Environment]) -> None:
    """Two environments on one account are refused unless both declare it (BILLING 1)."""
    seen: dict[str, Environment] = {}
    for environment in environments.values():
        other = seen.setdefault(environment.stripe_account, environment)
        if other is not environment and not (environment.shares_account and other.shares_account):
            raise ConfigurationError(
                f"{path}: {other.name} and {environment.name} use the same Stripe account; "
                f"if that is meant, set shares_account = true in both."
            )


HEADINGS = (
    "schedule", "usage_schedule", "report_schedule", "report_path", "report_emails", "tags", "approval_hours",
    "alert_webhook", "alert_emails", "write_pool",
)  # fmt: skip


def headings(path: Path | None = None) -> dict[str, dict[str, Any]]:
    """Names, schedules, tags, how long a question waits and who is told of failures: what a DAG file needs."""
    return {name: {field: getattr(env, field) for field in HEADINGS} for name, env in load(path).items()}


def readable_headings(path: Path | None = None) -> dict[str, dict[str, Any]]:
    """The same; nothing where the file cannot be read: the DAG file of reconcile is the one that says why."""
    try:
        return headings(path)
    except ConfigurationError:
        return {}
