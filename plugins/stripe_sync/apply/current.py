"""Where the target of an action is, and what it is now."""

from __future__ import annotations

from typing import Any

from stripe_sync.apply import verification
from stripe_sync.apply.links import Registry
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.clients.stripe.endpoints import PATHS, WHOLE
from stripe_sync.clients.stripe.whole import with_items
from stripe_sync.core import keys
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

Row = dict[str, Any]


def object_kind(action: Action) -> str:
    """The kind of object that the target is in Stripe; a schedule is released on its subscription."""
    return "subscription" if action.noun == "schedule" else action.noun


def path_of(action: Action) -> str:
    """The list that the target's kind lives in."""
    return PATHS[object_kind(action)]


def current(api: StripeApi, action: Action, registry: Registry) -> Row:
    """The target of an update as it is now, with the parts that Stripe leaves out unless asked and all of its items."""
    if action.kind.startswith("stigg."):
        return stigg_of(registry).subscription(stigg_id(action))
    path = f"{path_of(action)}/{registry.resolve(action.target)}"
    asked = WHOLE.get(object_kind(action))
    return with_items(api, api.get(path, expand=asked) if asked else api.get(path))


def as_it_is(api: StripeApi, written: Written) -> Row:
    """Return what was written as it is now: a replayed answer is read again, and a subscription has all of its items."""
    row = written.object
    kind = str(row.get("object", ""))
    path = "/v1/checkout/sessions" if kind == "checkout.session" else PATHS.get(kind)
    if written.replayed and path is not None:
        row = api.find(f"{path}/{row['id']}", expand=WHOLE.get(kind)) or row
    return with_items(api, row) if kind == "subscription" else row


def check_before(action: Action, held: Row, registry: Registry) -> None:
    """Refuses a change whose before-state no longer holds; the next run plans it anew."""
    wrong = list(verification.mismatches(action.before, verification.document(action, held, registry)))
    if wrong:
        raise RowFailed(
            ReasonCode.CHANGED_SINCE, f"{', '.join(wrong)} changed in Stripe since the plan was made; plan again."
        )


def stigg_of(registry: Registry) -> StiggApi:
    assert registry.stigg is not None, "actions in Stigg need a client for it"
    return registry.stigg


def stigg_id(action: Action) -> str:
    return keys.entity_of(action.target)[1]
