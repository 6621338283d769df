"""Actions and plans: immutable, ordered, and named by hashes of their content.

An action is one write. It names other objects by link key, never by Stripe id, so its hash is the same whether or not
those exist yet. The hash covers kind, target, before and after: what an approval is about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from stripe_sync.core.lanes import Lane

Amounts = dict[str, Decimal]
AND = "+"  # between the causes of one action
RENEWED = "renewed"  # the cause of a change that a renewal has overtaken, and of its item on the open draft

LANES = (Lane.CANCELLATIONS, Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS)


class ActionKind(StrEnum):
    """Kinds of actions in the order in which a plan makes them: objects that others refer to come first.

    The part before the dot is the noun of the object. Values are part of action hashes: they never change.
    """

    STIGG_CANCEL = "stigg.cancel"
    CHECKOUT_CREATE = "checkout.create"
    STIGG_PROVISION = "stigg.provision"
    STIGG_SET_BILLING_ID = "stigg.name"
    PRODUCT_CREATE = "product.create"
    PRODUCT_UPDATE = "product.update"
    PRICE_CREATE = "price.create"
    PRICE_UPDATE = "price.update"
    PRODUCT_SET_DEFAULT = "product.set_default"
    PRICE_RELEASE = "price.release"
    PRICE_ARCHIVE = "price.archive"
    PRODUCT_RETIRE = "product.retire"
    COUPON_CREATE = "coupon.create"
    COUPON_UPDATE = "coupon.update"
    COUPON_DELETE = "coupon.delete"
    CUSTOMER_CREATE = "customer.create"
    CUSTOMER_UPDATE = "customer.update"
    SUBSCRIPTION_CREATE = "subscription.create"
    SCHEDULE_RELEASE = "schedule.release"
    INVOICE_ITEM_CREATE = "invoiceitem.create"
    SUBSCRIPTION_UPDATE = "subscription.update"
    SUBSCRIPTION_CANCEL = "subscription.cancel"
    PRICE_RETIRE = "price.retire"
    DRAFT_HOLD = "draft.hold"
    FINAL_INVOICE_CREATE = "finalinvoice.create"
    USAGE_LINE_REMOVE = "usageline.remove"
    USAGE_LINE_CHANGE = "usageline.change"
    USAGE_LINE_PUT = "usageline.put"
    METER_EVENT_SEND = "meterevent.send"
    FINAL_INVOICE_DELETE = "finalinvoice.delete"
    FINAL_INVOICE_RELEASE = "finalinvoice.release"
    DRAFT_RELEASE = "draft.release"
    PRODUCT_STRIP = "product.strip"
    PRICE_STRIP = "price.strip"
    COUPON_STRIP = "coupon.strip"
    CUSTOMER_STRIP = "customer.strip"
    SUBSCRIPTION_STRIP = "subscription.strip"

    @property
    def noun(self) -> str:
        """Return the noun of the object that is written."""
        return self.value.partition(".")[0]

    @property
    def is_creation(self) -> bool:
        """Return whether the write makes its target."""
        return self.value.endswith(".create")

    @property
    def is_end(self) -> bool:
        """Return whether an object ends: such actions have a limit of their own (``limits.deletes``)."""
        return self in _ENDS


_ENDS = frozenset(
    {
        ActionKind.PRICE_ARCHIVE,
        ActionKind.PRICE_RETIRE,
        ActionKind.PRODUCT_RETIRE,
        ActionKind.COUPON_DELETE,
        ActionKind.SUBSCRIPTION_CANCEL,
        ActionKind.STIGG_CANCEL,
    }
)


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One write. Money is in minor units by currency; ``before`` is absent for creations.

    Actions of one ``serial`` (a customer's link key, or the target) are never made at the same time. ``paid_by`` names the
    payment method that pays what the write charges, ``refused`` says why Stripe refused to preview it, ``is_previewed`` that
    ``due_now`` is Stripe's own amount, and ``noted`` is what was read right before the write and is needed to finish it; none
    is a part of the hash.
    """

    kind: ActionKind
    lane: Lane
    target: str
    after: dict[str, Any]
    before: dict[str, Any] | None = None
    entity: tuple[str, str] | None = None
    cause: str = ""
    serial: str = ""
    depends_on: list[str] = []
    drift: list[str] = []
    sentence: str = ""
    due_now: Amounts = {}
    per_month: Amounts = {}
    paid_by: str = ""
    refused: str = ""
    is_previewed: bool = False
    noted: dict[str, Any] = {}

    @property
    def hash(self) -> str:
        """16 hex digits over kind, target, before and after."""
        content = [self.kind, self.target, self.before, self.after]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def noun(self) -> str:
        """Return the noun of the object that is written."""
        return self.kind.noun

    @property
    def causes(self) -> tuple[str, ...]:
        """Return its causes one by one: each may hold it back (guards.py)."""
        return tuple(self.cause.split(AND))

    @property
    def group(self) -> str:
        """The unit of limits and approvals: lane, kind and cause. An overtaken change and its item are one decision."""
        is_overtaken = self.kind == ActionKind.INVOICE_ITEM_CREATE and self.cause == RENEWED
        return f"{self.lane}/{ActionKind.SUBSCRIPTION_UPDATE if is_overtaken else self.kind}/{self.cause}"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Ordered actions. ``hash`` names the set and order of actions alone, so the same plan has the same name."""

    environment: str
    actions: list[Action] = []

    @property
    def hash(self) -> str:
        """16 hex digits over the environment and the hashes of the actions, in order."""
        return plan_hash(self.environment, self.actions)

    def groups(self) -> dict[str, list[Action]]:
        """The actions by group, in the order of the plan."""
        groups: dict[str, list[Action]] = {}
        for action in self.actions:
            groups.setdefault(action.group, []).append(action)
        return groups

    def stages(self) -> list[tuple[ActionKind, list[Action]]]:
        """Return the actions by kind, in the order in which the executor makes them and the explanation prints them."""
        return [(kind, found) for kind in ActionKind if (found := [a for a in self.actions if a.kind == kind])]


def ordered(actions: Sequence[Action]) -> list[Action]:
    """Return the actions in the order of their kinds, then by target."""
    order = {kind: number for number, kind in enumerate(ActionKind)}
    return sorted(actions, key=lambda a: (order[a.kind], a.target))


def plan_hash(environment: str, actions: Sequence[Action]) -> str:
    """Return 16 hex digits over the environment and the hashes of the actions, in order."""
    content = json.dumps([environment, [action.hash for action in actions]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
