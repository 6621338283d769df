"""Rules of settings that their types cannot state, a function for each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import InvalidOperation

from stripe_sync.core.lanes import LANES
from stripe_sync.core.settings import Environment, Limits, StiggSettings, StripeSettings, UsageSettings

# A setting, "" for the table itself, and the sentence that says what is wrong and the way out.
Problem = tuple[str, str]

SHARE = "it must be above 0 and at most 1."


def problems(environment: Environment) -> Iterator[Problem]:
    """Yield each broken rule: the setting's name below the environment's table, and the sentence."""
    yield from _of_environment(environment)
    yield from ((f"stripe.{name}", why) for name, why in _of_stripe(environment.stripe, live=environment.live))
    yield from ((f"stigg.{name}", why) for name, why in _of_stigg(environment.stigg))
    yield from ((f"usage.{name}", why) for name, why in _of_usage(environment.usage))
    yield from _of_limits(environment.limits)


def shared_account(environments: Iterable[Environment]) -> str:
    """Return the sentence for two environments on one account, of which both must say so (BILLING 1); "" if none are."""
    seen: dict[str, Environment] = {}
    for environment in environments:
        other = seen.setdefault(environment.stripe_account, environment)
        if other is not environment and not _share(environment, other):
            return (
                f"{other.name} and {environment.name} use the same Stripe account; if that is meant, set "
                f"stripe.allow_shared_account = true in both."
            )
    return ""


def _share(*environments: Environment) -> bool:
    return all(environment.stripe.allow_shared_account for environment in environments)


def _of_environment(environment: Environment) -> Iterator[Problem]:
    plain = environment.name.replace("-", "").replace("_", "")
    if not environment.name.isascii() or not plain.isalnum():
        yield "", "a name is letters, digits, - and _, because it is part of keys and DAG ids."
    if not environment.stripe_account.startswith("acct_"):
        yield "stripe_account", "it must be the id of the account, such as acct_1Abc."
    for lane in environment.modes:
        if lane not in LANES:
            yield f"modes.{lane}", f"no such lane; lanes are {', '.join(LANES)}."
    if environment.max_plan_size < 1:
        yield "max_plan_size", "it is a number of differences, 1 and more."


def _of_stripe(settings: StripeSettings, *, live: bool) -> Iterator[Problem]:
    if settings.test_clock and (live or not settings.test_clock.startswith("clock_")):
        yield (
            "test_clock",
            "it is the id of a test clock, such as clock_1Abc, and a live account has none: leave it out.",
        )
    if settings.tax and not (settings.tax_behavior and settings.tax_code.startswith("txcd_")):
        yield (
            "tax",
            (
                'with tax on, set tax_behavior = "exclusive" or "inclusive", and tax_code to a code of Stripe\'s such as '
                "txcd_10103001."
            ),
        )
    if not 0 < settings.rate_limit_share <= 1:
        yield "rate_limit_share", SHARE
    for name, rate in (("endpoint_rate", settings.endpoint_rate), ("account_rate", settings.account_rate or 1)):
        if rate <= 0:
            yield name, "it is requests a second, above 0."


def _of_stigg(settings: StiggSettings) -> Iterator[Problem]:
    if not 0 < settings.rate_limit_share <= 1:
        yield "rate_limit_share", SHARE
    if not 0 <= settings.scan_minutes <= 60:
        yield "scan_minutes", "0 (every run) to 60; what is compared may not be older than an hour."


def _of_usage(settings: UsageSettings) -> Iterator[Problem]:
    for name, number in (
        ("interval_minutes", settings.interval_minutes),
        ("reads_per_minute", settings.reads_per_minute),
        ("hold_hours", settings.hold_hours),
    ):
        if number < 1:
            yield name, "it is a whole number, 1 and more."
    for feature, chosen in settings.meters.items():
        if not chosen.meter.startswith("mtr_") or not 0 <= chosen.decimals <= 9:
            yield f"meters.{feature}", 'give a meter of Stripe and 0 to 9 decimals, such as {meter = "mtr_1Abc"}.'


def _of_limits(limits: Limits) -> Iterator[Problem]:
    for which in ("due_now", "per_month", "usage"):
        try:
            limits.money(which)
        except InvalidOperation:
            yield f"limits.{which}", 'it is amounts in major units by currency, such as {usd = "5000"}.'
