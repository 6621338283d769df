"""Preflight checks of an environment, one line per check with its fix. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from stripe_sync.core.clock import SystemClock
from stripe_sync.core.errors import AccountRefused, ConfigurationError, NotAuthorized, StripeSyncError
from stripe_sync.jobs.runtime import read_quota
from stripe_sync.jobs.runtime.account import check_account, check_linked_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import Preflight
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.snapshots import stripe_events
from stripe_sync.warehouse.writes.budget import reads_this_month

CHECKED_EVERY = timedelta(hours=1)
NATIVE_INTEGRATION = "Stigg's native integration"
SKEW = timedelta(seconds=60)
WARN_AT = 0.8  # share of the monthly reads


class CheckState(StrEnum):
    """Outcome of a check of an environment."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Check:
    """Result of one check."""

    name: str
    state: CheckState
    text: str


def checked_lately(session: Session, run: Run) -> bool:
    """Return whether a run checked the account within the last hour; it is also checked before the first write."""
    state = stripe_events.find(session.engine, session.environment.name) if session.environment.reads_events() else None
    return state is not None and run.now - state.checked_at < CHECKED_EVERY


def checks(session: Session, without: Collection[str] = ()) -> Iterator[tuple[Check, StripeSyncError | None]]:
    """Yield each check in order, with the error of a failure."""
    for name, check in CHECKS.items():
        if name in without:
            continue
        try:
            found = check(session)
            yield (found if isinstance(found, Check) else Check(name, CheckState.OK, found)), None
        except StripeSyncError as error:
            yield Check(name, CheckState.FAILURE, str(error)), error


@step(Preflight)
def preflight(session: Session, run: Run) -> Preflight:
    """Run the checks and raise the first failure; return the account and the reason for observe mode, empty if none."""
    lately = checked_lately(session, run)
    for check, error in checks(session, without=("Stripe account", "schedule") if lately else ("schedule",)):
        if error is not None:
            raise error
        session.progress(f"  {check.name}: {check.text}")
    if not lately:
        stripe_events.checked(session.engine, session.environment.name, now=run.now)
    return Preflight(account=session.environment.stripe_account, held_at_observe=read_only_reason(session))


def warehouse(session: Session) -> str:
    """Return the version of the warehouse."""
    return f"PostgreSQL {session.engine.dialect.server_version_info}"


def secret(session: Session) -> str:
    """Check that the secret of ownership markers can be read."""
    return f"ownership markers are signed for {session.signer.account}"


def machine_clock(session: Session) -> str:
    """Compare this machine's clock with Stripe's. Raises ConfigurationError above 60 seconds; the time of a test is the test's."""
    if not isinstance(session.clock, SystemClock):
        return "the time of a sandbox or of a test clock"
    ahead = session.client.http.ahead
    if ahead is None:
        return "compared within the last hour"
    if abs(ahead) > SKEW:
        raise ConfigurationError(
            f"The clock of this machine differs from Stripe's by {ahead.total_seconds():.0f} s, more than {SKEW.seconds} s, so that "
            "ends and renewals would be read wrongly. Synchronize it (NTP), then run again."
        )
    return f"{ahead.total_seconds():.0f} s ahead of Stripe"


def stigg_environment(session: Session) -> str:
    """Compare Stigg's environment type with the mode. Raises AccountRefused unless both are production, or neither."""
    found = session.stigg.environment()
    production = found["type"] == "PRODUCTION"
    if production != session.environment.live:
        raise AccountRefused(
            f"Stigg's environment {found['slug']} is of type {found['type']}, and {session.environment.name} is "
            f"{'live' if session.environment.live else 'not live'}; PRODUCTION requires a live Stripe account, and a live account requires PRODUCTION."
        )
    return f"{found['slug']}, {found['type']}"


def native_integration(session: Session) -> Check:
    """Check that Stigg's native Stripe integration is not connected."""
    connected = is_natively_connected(session)
    if why := _reason_for_observe(session, connected):
        return Check(NATIVE_INTEGRATION, CheckState.WARNING, why)
    if connected is None:
        return Check(NATIVE_INTEGRATION, CheckState.OK, "declared removed; this key cannot read Stigg's integrations")
    return Check(NATIVE_INTEGRATION, CheckState.OK, "not connected")


def read_only_reason(session: Session) -> str:
    """Return the reason why all lanes are limited to observe mode, or an empty text."""
    return _reason_for_observe(session, is_natively_connected(session))


def is_natively_connected(session: Session) -> bool | None:
    """Return whether Stigg's native Stripe integration is connected; None where the key cannot read integrations."""
    try:
        return any(vendor.startswith("STRIPE") for vendor in session.stigg.billing_integrations())
    except NotAuthorized:
        return None


def _reason_for_observe(session: Session, connected: bool | None) -> str:
    """Return the reason for observe mode. Integrations that cannot be read count as connected (BILLING 10)."""
    if connected:
        return (
            "Stigg's native Stripe integration is connected. All lanes are limited to observe mode until you remove it."
        )
    if connected is None and session.environment.stigg.native_integration != "removed":
        return (
            "Stigg's integrations cannot be read with this key, so its native Stripe integration counts as connected. "
            'All lanes are limited to observe mode until you declare stigg.native_integration = "removed".'
        )
    return ""


def read_allocation(session: Session) -> Check:
    """Return the used share of the monthly read allocation in Stripe, with a warning above 80 %."""
    allowed = session.environment.stripe.monthly_reads
    used = reads_this_month(session.engine, session.environment.stripe_account)
    text = f"{used} of {allowed} reads this month by this warehouse (stripe.monthly_reads)"
    return Check("reads", CheckState.WARNING if used > WARN_AT * allowed else CheckState.OK, text)


def reads_of_schedule(session: Session) -> Check:
    """Estimate the monthly reads of the schedule. Raises ConfigurationError above the allowed share."""
    environment = session.environment
    cost, allowed = read_quota.estimated_monthly_reads(session), environment.stripe.monthly_reads
    text = f"the schedule {environment.schedule or '(none)'} needs about {cost} reads per month, of {allowed} (stripe.monthly_reads)"
    if cost > environment.stripe.max_read_quota_share * allowed:
        raise ConfigurationError(
            f"{text[:1].upper()}{text[1:]}: more than the share {environment.stripe.max_read_quota_share} of stripe.max_read_quota_share. Run less often, "
            f"keep stripe.feed on, or set stripe.monthly_reads to your account's allocation (500 per transaction in 30 days)."
        )
    return Check("schedule", CheckState.OK, text)


def stripe_tax(session: Session) -> str:
    """Check that Stripe Tax is active and has a registration, if tax is on. Raises AccountRefused."""
    if not session.environment.stripe.tax:
        return "off"
    settings = session.stripe.get("/v1/tax/settings")
    if settings["status"] != "active":
        missing = ((settings.get("status_details") or {}).get("pending") or {}).get("missing_fields") or []
        raise AccountRefused(
            f"{session.environment.name} has stripe.tax = true, and Stripe Tax is not set up in its account (missing: "
            f"{', '.join(missing) or 'see its dashboard'}). Set it up, or set stripe.tax = false."
        )
    registered = session.stripe.get("/v1/tax/registrations", status="active", limit=100)["data"]
    if not registered:
        raise AccountRefused(
            f"{session.environment.name} has stripe.tax = true, and its Stripe account has no active tax registration, so no tax "
            f"would be collected. Add a registration in Stripe, or set stripe.tax = false."
        )
    countries = sorted({row["country"] for row in registered})
    return f"set up; registered in {', '.join(countries)}"


CHECKS: dict[str, Callable[[Session], str | Check]] = {
    "warehouse": warehouse,
    "secret": secret,
    "links": check_linked_account,
    "Stripe account": check_account,
    "machine clock": machine_clock,
    "Stigg environment": stigg_environment,
    NATIVE_INTEGRATION: native_integration,
    "Stripe Tax": stripe_tax,
    "reads": read_allocation,
    "schedule": reads_of_schedule,
}
