"""Whether this is the right place to work at: one line a check, each with its way out. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from stripe_sync.core.errors import AccountRefused, ConfigurationError, NotAuthorized, StripeSyncError
from stripe_sync.jobs.runtime import read_quota
from stripe_sync.jobs.runtime.account import account, linked_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.warehouse.snapshots import stripe_events
from stripe_sync.warehouse.writes.budget import reads_this_month

CHECKED_EVERY = timedelta(hours=1)
WARN_AT = 0.8  # of the monthly reads


class CheckState(StrEnum):
    """Outcome of a check of an environment."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Check:
    """One line of the preflight."""

    name: str
    state: CheckState
    text: str


def checked_lately(session: Session, run: Run) -> bool:
    """Whether a run checked the account within the hour; it is checked before the first write besides."""
    state = stripe_events.find(session.engine, session.environment.name) if session.environment.reads_events() else None
    return state is not None and run.now - state.checked_at < CHECKED_EVERY


def checks(session: Session, without: Collection[str] = ()) -> Iterator[tuple[Check, StripeSyncError | None]]:
    """Every check in order, with the error that a failure is."""
    for name, check in CHECKS.items():
        if name in without:
            continue
        try:
            found = check(session)
            yield (found if isinstance(found, Check) else Check(name, CheckState.OK, found)), None
        except StripeSyncError as error:
            yield Check(name, CheckState.FAILURE, str(error)), error


@step
def preflight(session: Session, run: Run) -> Result:
    """Raises the first failure; else gives the account and whether writes are held at observe, and why."""
    lately = checked_lately(session, run)
    for check, error in checks(session, without=("Stripe account", "schedule") if lately else ("schedule",)):
        if error is not None:
            raise error
        session.progress(f"  {check.name}: {check.text}")
    if not lately:
        stripe_events.checked(session.engine, session.environment.name, now=run.now)
    return {"account": session.environment.stripe_account, "held_at_observe": held_at_observe(session)}


def warehouse(session: Session) -> str:
    return f"PostgreSQL {session.engine.dialect.server_version_info}"


def secret(session: Session) -> str:
    return f"marks are made for {session.signer.account}"


def stigg_environment(session: Session) -> str:
    """Production goes with live alone. Raises AccountRefused."""
    found = session.stigg.environment()
    production = found["type"] == "PRODUCTION"
    if production != session.environment.live:
        raise AccountRefused(
            f"Stigg's environment {found['slug']} is of type {found['type']}, and {session.environment.name} is "
            f"{'live' if session.environment.live else 'not live'}; production goes with live Stripe accounts alone."
        )
    return f"{found['slug']}, {found['type']}"


def native_integration(session: Session) -> Check:
    """Whether Stigg's own Stripe integration may be writing as well."""
    why = held_at_observe(session)
    name = "Stigg's native integration"
    return Check(name, CheckState.WARNING, why) if why else Check(name, CheckState.OK, "not connected")


def held_at_observe(session: Session) -> str:
    """Why nothing may be written, or an empty text. What cannot be read counts as connected (BILLING 10)."""
    declared = session.environment.stigg.native_integration == "removed"
    try:
        connected = any(vendor.startswith("STRIPE") for vendor in session.stigg.billing_integrations())
    except NotAuthorized:
        if declared:
            return ""
        return (
            "Stigg's integrations cannot be read with this key, so its native Stripe integration counts as connected; "
            'everything is held at observe until stigg.native_integration = "removed" is declared.'
        )
    if connected:
        return "Stigg's native Stripe integration is connected; everything is held at observe until it is removed."
    return ""


def read_allocation(session: Session) -> Check:
    """How much of Stripe's monthly allocation of reads was used; a warning before it is spent."""
    allowed = session.environment.stripe.monthly_reads
    used = reads_this_month(session.engine, session.environment.stripe_account)
    text = f"{used} of {allowed} reads this month by this warehouse (stripe.monthly_reads)"
    return Check("reads", CheckState.WARNING if used > WARN_AT * allowed else CheckState.OK, text)


def reads_of_schedule(session: Session) -> Check:
    """What the schedule reads a month, before anything changes. Raises ConfigurationError over the share that is allowed."""
    environment = session.environment
    cost, allowed = read_quota.a_month(session), environment.stripe.monthly_reads
    text = f"the schedule {environment.schedule or '(none)'} reads about {cost} times a month, of {allowed} (stripe.monthly_reads)"
    if cost > environment.stripe.max_read_quota_share * allowed:
        raise ConfigurationError(
            f"{text[:1].upper()}{text[1:]}: more than the share {environment.stripe.max_read_quota_share} of stripe.max_read_quota_share. Run less often, "
            f"leave stripe.feed on, or set stripe.monthly_reads to what your account may read (500 a transaction in 30 days)."
        )
    return Check("schedule", CheckState.OK, text)


def stripe_tax(session: Session) -> str:
    """With tax on, Stripe Tax is set up and collects somewhere. Raises AccountRefused."""
    if not session.environment.stripe.tax:
        return "off"
    settings = session.stripe.get("/v1/tax/settings")
    if settings["status"] != "active":
        missing = ((settings.get("status_details") or {}).get("pending") or {}).get("missing_fields") or []
        raise AccountRefused(
            f"{session.environment.name} has stripe.tax = true, and Stripe Tax is not set up in its account (missing: "
            f"{', '.join(missing) or 'see its dashboard'}); set it up, or turn tax off."
        )
    registered = session.stripe.get("/v1/tax/registrations", status="active", limit=100)["data"]
    if not registered:
        raise AccountRefused(
            f"{session.environment.name} has stripe.tax = true, and its Stripe account has no active tax registration, so no tax "
            f"would be collected; add one in Stripe, or turn tax off."
        )
    countries = sorted({row["country"] for row in registered})
    return f"set up; registered in {', '.join(countries)}"


CHECKS: dict[str, Callable[[Session], str | Check]] = {
    "warehouse": warehouse,
    "secret": secret,
    "links": linked_account,
    "Stripe account": account,
    "Stigg environment": stigg_environment,
    "native integration": native_integration,
    "Stripe Tax": stripe_tax,
    "reads": read_allocation,
    "schedule": reads_of_schedule,
}
