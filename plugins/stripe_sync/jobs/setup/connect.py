"""Everything that should be right before an environment is scheduled: a line each, with the way out. Nothing is written.

The first lines are those of every run's preflight; the others are read only when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import func, select

from stripe_sync.core.clock import SystemClock
from stripe_sync.core.errors import AccountRefused, NotAuthorized, RowFailed, StripeSyncError
from stripe_sync.core.lanes import LANES
from stripe_sync.domain.usage.holds.grace import is_short
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.runtime import preflight
from stripe_sync.jobs.runtime.answers import answered
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.preflight import Check, CheckState
from stripe_sync.jobs.setup.rights import Right, needed
from stripe_sync.jobs.usage.drafts.grace import graces_of
from stripe_sync.warehouse.usage import draft_holds, figures

SKEW = timedelta(seconds=30)
GRACE_GOOD, TOLERANCE = 3 * 3600, 60  # seconds (BILLING 9)


def lines(session: Session) -> Iterator[Check]:
    """Every check in order; one that cannot be made is a failure with its reason, and the others go on.

    Of another account than the environment's nothing more is read.
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


def whose(session: Session) -> Check:
    """The account by the name that its dashboard shows."""
    found = session.client.account()
    if set(found) == {"id"}:
        return Check("account", CheckState.OK, f"{found['id']}, as Stripe names it when it refuses GET /v1/account; the right "
                     "accounts_kyc_basic_read would show its name")  # fmt: skip
    dashboard = (found.get("settings") or {}).get("dashboard") or {}
    name = dashboard.get("display_name") or (found.get("business_profile") or {}).get("name") or "without a name"
    return Check(
        "account",
        CheckState.OK,
        f"{name}, {found.get('country') or 'no country'}, default currency {found.get('default_currency') or 'unknown'}",
    )


def rights(session: Session) -> Check:
    """Return which read rights the key lacks. A write right shows only by a write, so these are named as not checked."""
    wanted = needed(session.environment)
    missing = [right for right in wanted if not may_read(session, right)]
    all_of_them = ", ".join(right.shown() for right in wanted)
    if missing:
        lacking = ", ".join(right.shown() for right in missing)
        return Check("key rights", CheckState.FAILURE, f"the key lacks {lacking}; it needs {all_of_them}")
    unchecked = ", ".join(right.name() for right in wanted if right.name().endswith("_write"))
    return Check(
        "key rights",
        CheckState.OK,
        f"it may read all; it needs {all_of_them}. Not checked, since only a write shows it: {unchecked}",
    )


def may_read(session: Session, right: Right) -> bool:
    try:
        session.client.get(right.path, **({} if right.path.endswith("settings") else {"limit": 1}))
    except NotAuthorized:
        return False
    except RowFailed:
        pass  # it may ask, and there is nothing
    return True


def version(session: Session) -> Check:
    """The version that every request names, whatever the account's own is."""
    return Check("API version", CheckState.OK, f"requests name {session.client.version}; the account's own is not used")


def clocks(session: Session) -> Check:
    """The warehouse's clock beside ours: leases and budgets are by the warehouse's."""
    with session.engine.connect() as connection:
        there = connection.execute(select(func.clock_timestamp())).scalar_one()
    apart = abs(there - SystemClock().now())
    return Check(
        "clocks",
        CheckState.WARNING if apart > SKEW else CheckState.OK,
        f"the warehouse's and this machine's are {apart.total_seconds():.0f} s apart",
    )


def limits(session: Session) -> Check:
    """What a group may do by itself, as it is set."""
    held = session.environment.limits
    money = [f"{name} {dict(getattr(held, name)) or 'nothing'}" for name in ("due_now", "per_month")]
    text = f"{held.actions} actions a group, {held.day_actions} a day, {held.deletes} deletes, {', '.join(money)}"
    return Check("limits", CheckState.OK, text)


def modes(session: Session) -> Check:
    environment = session.environment
    return Check("modes", CheckState.OK, ", ".join(f"{lane} {environment.mode(lane)}" for lane in LANES))


def grace(session: Session) -> Check:
    """How long drafts of renewals wait, as those show it that nobody moved: the ones that are there, else the newest seen."""
    name = session.environment.name
    with session.engine.connect() as connection:
        moved, seen = draft_holds.holds(connection, name), figures.newest_grace(connection, name)
    bodies = session.stripe.page("/v1/invoices", status="draft", limit=100)["data"]
    found = graces_of(session, bodies, moved) or dict([seen] if seen else ())
    if not found:
        return Check(
            "grace period",
            CheckState.WARNING,
            "unknown: there is no draft of a renewal; at least 1 hour is needed, 3 are good",
        )
    least = min(found.values())
    if is_short(least):
        return Check("grace period", CheckState.FAILURE, f"drafts are finalized after {least // 60} minutes; set at least 1 hour in "
                     "Stripe, Settings, Billing, Invoices")  # fmt: skip
    said = f"drafts are finalized after {least / 3600:.1f} hours"
    if least < GRACE_GOOD - TOLERANCE:
        return Check("grace period", CheckState.WARNING, f"{said}; 3 hours or more leave room for what goes wrong")
    return Check("grace period", CheckState.OK, said)


def grace_or_why(session: Session) -> Check:
    """The same, or why it cannot be read."""
    try:
        return grace(session)
    except StripeSyncError as error:
        return Check("grace period", CheckState.FAILURE, str(error))


def meters(session: Session) -> Check:
    """The meters that bill use by the settings: they have to be there, active, and to sum (BILLING 8)."""
    chosen = session.environment.usage.meters
    wrong = []
    for feature, named in sorted(chosen.items()):
        found = session.stripe.find(f"/v1/billing/meters/{named.meter}")
        if found is None:
            wrong.append(f"{feature}: Stripe has no meter {named.meter}")
        elif found["status"] != "active":
            wrong.append(f"{feature}: the meter {named.meter} is {found['status']}; reactivate it")
        elif found["default_aggregation"]["formula"] != "sum":
            wrong.append(f"{feature}: the meter {named.meter} does not sum; make one that does")
    if wrong:
        return Check("meters", CheckState.FAILURE, f"{'; '.join(wrong)}; correct usage.meters")
    told = f"{len(chosen)} of usage.meters are active and sum" if chosen else "use is billed by lines of our own"
    return Check("meters", CheckState.OK, told)


def unknowns(session: Session) -> Check:
    """Which questions a lane waits for before it may enforce."""
    known = answered(session)
    if known.forbidden:
        return Check(
            "unknowns", CheckState.FAILURE, "; ".join(why for found in known.forbidden.values() for why in found)
        )
    if not known.open_questions:
        return Check("unknowns", CheckState.OK, "every question that a lane waits for is answered or accepted")
    named = "; ".join(f"{lane}: {', '.join(names)}" for lane, names in known.open_questions.items())
    return Check("unknowns", CheckState.WARNING, f"{named}; run probe, or accept them by name in accept_unknown")


MORE: dict[str, Callable[[Session], Check]] = {
    "account": whose,
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
