"""Times of a subscription: start, end of the trial, anchor and cancellation, with their validation.

All moments are Unix seconds, UTC.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.world import currencies
from sandbox.world.refusal import StripeRefusal, invalid
from sandbox.world.state import Obj, World

DAY = 86_400
TRIAL_DAYS = 730  # at most
# What each part of an anchor's configuration may be, first and last.
BOUNDS = {"day_of_month": (1, 31), "month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


@dataclass(frozen=True)
class Timing:
    """The start, the anchor, the end of a trial, and the day of the month that an anchor's configuration asks for."""

    start: int
    anchor: int
    trial_end: int | None = None
    config: Obj | None = None


def timing(world: World, params: Obj) -> Timing:
    """Return the times of a creation: now unless backdated; the anchor is the trial's end, the requested time or the start."""
    start: int = params.get("backdate_start_date", world.now)
    if start > world.now:
        raise invalid("backdate_start_date must be in the past", param="backdate_start_date")
    trial_end = trial_of(world, params)
    config = params.get("billing_cycle_anchor_config")
    if config and "billing_cycle_anchor" in params:
        raise invalid(
            "You may only specify one of these parameters: billing_cycle_anchor, billing_cycle_anchor_config.",
            param="billing_cycle_anchor_config",
        )
    if config:
        check_config(config)
        config = {"hour": None, "minute": None, "month": None, "second": None} | config
        return Timing(start, next_day(world.now, config), trial_end, config)
    anchor: int = params.get("billing_cycle_anchor", trial_end or start)
    if "billing_cycle_anchor" in params and anchor <= world.now:
        raise invalid("billing_cycle_anchor must be in the future", param="billing_cycle_anchor")
    return Timing(start, anchor, trial_end)


def trial_of(world: World, params: Obj) -> int | None:
    """Return the requested end of the trial; None without one. Raises StripeRefusal for a time in the past."""
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if params.get("trial_from_plan") and (end is not None or days is not None):
        raise invalid("You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`.")
    if end is not None and days is not None:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.")
    if days is not None:
        if int(days) > TRIAL_DAYS:
            raise invalid(f"The maximum number of trial period days is {TRIAL_DAYS}.", param="trial_period_days")
        return world.now + DAY * int(days) if days else None
    if end in (None, "now"):
        return None
    if end <= world.now:
        raise not_in_future("trial_end", end)
    check_trial(world, int(end))
    return int(end)


def check_trial(world: World, end: int) -> None:
    """Refuse a trial that ends in more than two years (types, ``trial_end``)."""
    if end > world.now + (TRIAL_DAYS + 1) * DAY:
        raise invalid("Invalid timestamp: can be no more than two years in the future.", param="trial_end")


def check_config(config: Obj) -> None:
    """Refuse a day, a month or a time of day that is none."""
    for name, value in config.items():
        least, most = BOUNDS[name]
        param = f"billing_cycle_anchor_config[{name}]"
        if value < least:
            raise currencies.at_least(param, least, value)
        if value > most:
            raise currencies.at_most(param, most, value)


def next_day(now: int, config: Obj) -> int:
    """Return the next time after ``now`` of an anchor configuration; short months use their last day."""
    moment = datetime.fromtimestamp(now, UTC)
    clock = {
        name: moment.__getattribute__(name) if config[name] is None else config[name]
        for name in ("hour", "minute", "second")
    }
    for ahead in range(14):
        year, month = divmod(moment.year * 12 + moment.month - 1 + ahead, 12)
        if config["month"] not in (None, month + 1):
            continue
        day = min(config["day_of_month"], calendar.monthrange(year, month + 1)[1])
        found = int(datetime(year, month + 1, day, tzinfo=UTC, **clock).timestamp())
        if found > now:
            return found
    raise invalid("Invalid billing_cycle_anchor_config", param="billing_cycle_anchor_config")


def check_end(world: World, items: list[Obj], end: object) -> int | None:
    """Return the moment of ``cancel_at``: a time to come, or the first or last end of the items' periods."""
    if end in (None, ""):
        return None
    ends = [int(item["current_period_end"]) for item in items]
    if end in ("min_period_end", "max_period_end"):
        return min(ends) if end == "min_period_end" else max(ends)
    if not isinstance(end, int) or end <= world.now:
        raise not_in_future("cancel_at", end)
    return end


def pause_of(world: World, given: Obj | None) -> Obj | None:
    """Return the pause that a request sets; it ends at a time to come, or by a request."""
    if given and (given.get("resumes_at") or world.now + 1) <= world.now:
        raise not_in_future("pause_collection[resumes_at]", given["resumes_at"])
    return {"resumes_at": None} | given if given else None


def not_in_future(name: str, value: object) -> StripeRefusal:
    """Stripe's answer to a moment that is over (FACTS_A 68)."""
    return invalid(
        f"The parameter `{name}` expects a unix timestamp representing a date and time in the future. You specified the "
        f"value `{value}` which is in the past.",
        param=name,
    )
