"""Interpretation of answers from Stigg, as pure functions; an answer that fits no rule stays open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.jobs.setup.probing.answers import Found, No, Open, ProbeResult, Yes

# Fields that make two charges the same, regardless of their ids.
CONTENT = (
    "billingModel",
    "billingPeriod",
    "billingCadence",
    "billingCountryCode",
    "blockSize",
    "price",
    "tiersMode",
    "tiers",
    "feature",
)

# GraphQL's refusal of a field that the usage job reads.
UNKNOWN_FIELD = re.compile(r'Cannot query field "(series|points|timestamp|value|isResetPoint)"')


def ids_of_change(before: str, after: str) -> ProbeResult:
    """Return whether a change of plan gave the subscription a new id."""
    return No("It keeps its id.") if before == after else Yes("The plan that follows is a new subscription.")


def reason_of_end(status: str, reason: str | None) -> ProbeResult:
    """Return the reason with which a subscription ended that another one replaced."""
    if status == StiggStatus.ACTIVE:
        return Open("The change of plan kept the subscription, so none was replaced.")
    return Found(reason) if reason else Open(f"It is {status} and has no reason.")


def value_at_reset(values: Sequence[float], *, before: float) -> ProbeResult:
    """Return whether the value at a reset is the one after it, 0, or the last before."""
    if len(values) != 1:
        return Open(f"There are {len(values)} reset points, and one was made.")
    if values[0] == 0:
        return Found("after", 'Keep usage.reset_semantics = "after".')
    return (
        Found("before", 'Set usage.reset_semantics = "before".')
        if values[0] == before
        else Open(f"The value is {values[0]}.")
    )


def left_out(everything: Sequence[str], living: Sequence[str]) -> ProbeResult:
    """Return which points are missing without ended subscriptions, by timestamp."""
    gone = sorted(set(everything) - set(living))
    if not everything:
        return Open("No point is shown at all.")
    if not gone:
        return Found("none")
    early = max(gone) < min(set(everything) - set(gone), default="~")
    return Found("those before the living subscription" if early else f"{len(gone)} of {len(everything)}")


def without_resource(values: Sequence[float], first: float, second: float) -> ProbeResult:
    """Return what a history without a resource shows of a customer with two of them."""
    if not values:
        return Found("nothing")
    last = values[-1]
    if last == first + second:
        return Found("all of them together")
    return Found("one of them") if last in (first, second) else Open(f"The values are {list(values)}.")


def fields_of_usage(status: int, code: str, message: str) -> ProbeResult:
    """Return which fields a usage history has: only the refusal of a field by its name says that they are others."""
    if status == 200 and not code and not message:
        return Found("those of the schema")
    refused = UNKNOWN_FIELD.search(message)
    if refused is None:
        return Open(f"Stigg answered {status} {code}.".replace(" .", "."))
    return Found("others", f"Stigg has no field {refused[1]}. Update this package before usage is billed.")


def limit(status: int, code: str) -> ProbeResult:
    """Return in which form a request too many is refused."""
    if status == 429:
        return Found("status 429", f"The code is {code or 'none'}.")
    return (
        Found("status 200 with RateLimitExceeded")
        if code == "RateLimitExceeded"
        else Open(f"Stigg answered {status} {code}.")
    )


def content(price: Mapping[str, Any]) -> str:
    """Return the fields that identify a charge over versions, as a text."""
    return repr([price.get(name) for name in CONTENT])


def prices_over_versions(versions: Sequence[Sequence[Mapping[str, Any]]]) -> ProbeResult:
    """Return whether an unchanged charge keeps its id from one version of a plan to the next."""
    kept = changed = 0
    for before, after in pairwise(versions):
        ids = {content(price): price["id"] for price in before}
        same = [price["id"] == ids[content(price)] for price in after if content(price) in ids]
        kept, changed = kept + sum(same), changed + len(same) - sum(same)
    if not kept and not changed:
        return Open("No plan has an unchanged charge in two versions.")
    if kept and changed:
        return Found(f"{kept} of {kept + changed} keep theirs")
    return Yes() if kept else No(f"{changed} unchanged charges have new ids.")


def charges_of_addons(
    subscriptions: Sequence[Mapping[str, Any]], charges: Mapping[tuple[str, int], set[str]]
) -> ProbeResult:
    """Return where the further charges of add-ons appear; ``charges`` are ids of prices by (refId, version) of an add-on."""
    shown = missing = 0
    for row in subscriptions:
        prices = {charge["price"]["id"] for charge in row["prices"] if charge["price"]}
        for part in row["addons"]:
            own = charges.get((part["addon"]["refId"], part["addon"]["versionNumber"]), set())
            further = own - {(part["price"] or {}).get("id")}
            if len(own) > 1:
                shown, missing = shown + len(further & prices), missing + len(further - prices)
    if not shown and not missing:
        return Open("No subscription has an add-on with several charges by its period.")
    if not missing:
        return Found("in the subscription's prices")
    return (
        Found("nowhere in the subscription") if not shown else Open(f"{shown} of {shown + missing} are in its prices.")
    )
