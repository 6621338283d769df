"""Connection checks of an environment, one line per check with its fix. Nothing is written.

The first checks are those of every run's preflight; the others run only on request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import func, select

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core.clock import SystemClock
from stripe_sync.core.errors import AccountRefused, EntityError, NotAuthorized, StripeSyncError
from stripe_sync.core.lanes import LANES
from stripe_sync.domain.usage.holds.grace import is_short
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.runtime import preflight
from stripe_sync.jobs.runtime.answers import answered
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.preflight import Check, CheckState
from stripe_sync.jobs.setup.rights import Right, needed
from stripe_sync.jobs.usage.drafts.grace import graces_of
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, figures

SKEW = timedelta(seconds=30)
GRACE_GOOD, TOLERANCE = 3 * 3600, 60  # seconds (BILLING 9)


def lines(session: Session) -> Iterator[Check]:
    """Yield the result of every check in order; a check that raises is a failure, and the others continue.

    If the key belongs to another account than the environment's, only the preflight checks run.
    """
    is_other = False
    for found, error in preflight.checks(session):
        yield found
        is_other |= isinstance(error, AccountRefused) and found.name in ("links", "Stripe account")
    if is_other:
        return
    for name, check in MORE.items():
        try:
            yield check(session)
        except StripeSyncError as error:
            yield Check(name, CheckState.FAILURE, str(error))


def account_name(session: Session) -> Check:
    """Return the account's name in the dashboard, its country and currency."""
    found = session.client.account()
    if set(found) == {"id"}:
        return Check(
            "account",
            CheckState.OK,
            f"{found['id']}, from Stripe's refusal of GET /v1/account; the permission "
            "accounts_kyc_basic_read would show its name",
        )
    dashboard = (found.get("settings") or {}).get("dashboard") or {}
    name = dashboard.get("display_name") or (found.get("business_profile") or {}).get("name") or "without a name"
    return Check(
        "account",
        CheckState.OK,
        f"{name}, {found.get('country') or 'no country'}, default currency {found.get('default_currency') or 'unknown'}",
    )


def rights(session: Session) -> Check:
    """Return the read permissions that the key lacks. Write permissions are listed as not checked: only a write shows them."""
    required = needed(session.environment)
    missing = [right for right in required if not may_read(session, right)]
    all_of_them = ", ".join(right.shown() for right in required)
    if missing:
        lacking = ", ".join(right.shown() for right in missing)
        return Check("key rights", CheckState.FAILURE, f"the key lacks {lacking}; required: {all_of_them}")
    unchecked = ", ".join(right.name() for right in required if right.name().endswith("_write"))
    return Check(
        "key rights",
        CheckState.OK,
        f"all read permissions are granted; required: {all_of_them}. Not checked, since only a write shows it: {unchecked}",
    )


def may_read(session: Session, right: Right) -> bool:
    """Return whether the key may read the kind of object of a permission."""
    try:
        session.client.get(right.path, **({} if right.path.endswith("settings") else {"limit": 1}))
    except NotAuthorized:
        return False
    except EntityError:
        pass  # the read is allowed, and the object does not exist
    return True


def version(session: Session) -> Check:
    """Return the API version of every request; the account's default version is not used."""
    return Check(
        "API version", CheckState.OK, f"{session.client.version} for all requests; the account's default is not used"
    )


def clocks(session: Session) -> Check:
    """Compare the clocks of the warehouse and this machine; leases and budgets use the warehouse's."""
    with connect_to_read(session.engine) as connection:
        there = connection.execute(select(func.clock_timestamp())).scalar_one()
    apart = abs(there - SystemClock().now())
    return Check(
        "clocks",
        CheckState.WARNING if apart > SKEW else CheckState.OK,
        f"warehouse and this machine differ by {apart.total_seconds():.0f} s",
    )


def limits(session: Session) -> Check:
    """Return the limits for actions without approval."""
    limits = session.environment.limits
    money = [f"{name} {dict(getattr(limits, name)) or 'nothing'}" for name in ("due_now", "per_month")]
    text = f"{limits.actions} actions per group, {limits.day_actions} per day, {limits.deletes} deletes, {', '.join(money)}"
    return Check("limits", CheckState.OK, text)


def modes(session: Session) -> Check:
    """Return the mode of each lane."""
    environment = session.environment
    return Check("modes", CheckState.OK, ", ".join(f"{lane} {environment.mode(lane)}" for lane in LANES))


def grace(session: Session) -> Check:
    """Return the grace period of renewal drafts, from drafts whose finalization time was not moved, else the newest known."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        moved_drafts, newest = draft_holds.holds(connection, name), figures.newest_grace(connection, name)
    drafts = [FoundInvoice(row) for row in session.stripe.page("/v1/invoices", status="draft", limit=100)["data"]]
    found = graces_of(session, drafts, moved_drafts) or dict([newest] if newest else ())
    if not found:
        return Check(
            "grace period",
            CheckState.WARNING,
            "unknown: no draft of a renewal exists; at least 1 hour is required, 3 hours are recommended",
        )
    least = min(found.values())
    if is_short(least):
        return Check(
            "grace period",
            CheckState.FAILURE,
            f"drafts are finalized after {least // 60} minutes; set at least 1 hour in "
            "Stripe, Settings, Billing, Invoices",
        )
    text = f"drafts are finalized after {least / 3600:.1f} hours"
    if least < GRACE_GOOD - TOLERANCE:
        return Check("grace period", CheckState.WARNING, f"{text}; 3 hours or more are recommended")
    return Check("grace period", CheckState.OK, text)


def grace_or_why(session: Session) -> Check:
    """Return the grace period check; a failed read is a failure."""
    try:
        return grace(session)
    except StripeSyncError as error:
        return Check("grace period", CheckState.FAILURE, str(error))


def meters(session: Session) -> Check:
    """Check that the meters of usage.meters exist, are active and use ``sum`` (BILLING 8)."""
    chosen = session.environment.usage.meters
    wrong = []
    for feature, meter in sorted(chosen.items()):
        found = session.stripe.find(f"/v1/billing/meters/{meter.meter}")
        if found is None:
            wrong.append(f"{feature}: meter {meter.meter} not found in Stripe")
        elif found["status"] != "active":
            wrong.append(f"{feature}: meter {meter.meter} is {found['status']}; reactivate it")
        elif found["default_aggregation"]["formula"] != "sum":
            wrong.append(f"{feature}: meter {meter.meter} does not use sum; create one that does")
    if wrong:
        return Check("meters", CheckState.FAILURE, f"{'; '.join(wrong)}; correct usage.meters")
    text = f"{len(chosen)} of usage.meters are active and use sum" if chosen else "usage is billed by invoice lines"
    return Check("meters", CheckState.OK, text)


def unknowns(session: Session) -> Check:
    """Return the open questions that keep lanes from enforcing."""
    known = answered(session)
    if known.forbidden:
        return Check(
            "unknowns", CheckState.FAILURE, "; ".join(why for found in known.forbidden.values() for why in found)
        )
    if not known.open_questions:
        return Check("unknowns", CheckState.OK, "all required questions are answered or accepted")
    named = "; ".join(f"{lane}: {', '.join(names)}" for lane, names in known.open_questions.items())
    return Check(
        "unknowns", CheckState.WARNING, f"{named}; run stripe-sync probe, or accept them by name in accept_unknown"
    )


MORE: dict[str, Callable[[Session], Check]] = {
    "account": account_name,
    "key rights": rights,
    "API version": version,
    "clocks": clocks,
    "modes": modes,
    "limits": limits,
    "grace period": grace,
    "meters": meters,
    "billing portal": portal.check,
    "unknowns": unknowns,
}
