"""Actions and plans: frozen, ordered, and named by hashes of their content.

An action is one write. It names other objects by link key, never by Stripe id, so its hash is the same whether or not
those exist yet. The hash covers kind, target, before and after: what an approval is about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from stripe_sync.core.lanes import Lane

Amounts = dict[str, Decimal]
AND = "+"  # between the causes of one action

SUBSCRIPTIONS, USAGE = Lane.SUBSCRIPTIONS, Lane.USAGE
LANES = (Lane.CANCELLATIONS, Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS)
# The order of stages: what others refer to comes first.
STAGES = (
    "stigg.cancel", "checkout.create", "stigg.provision", "stigg.name",
    "product.create", "product.update", "price.create", "price.update", "product.set_default", "price.release", "price.archive",
    "product.retire", "coupon.create", "coupon.update", "coupon.delete",
    "customer.create", "customer.update",
    "subscription.create", "schedule.release", "invoiceitem.create", "subscription.update", "subscription.cancel",
    "price.retire",
    "draft.hold", "finalinvoice.create", "usageline.remove", "usageline.change", "usageline.put", "meterevent.send",
    "finalinvoice.delete", "finalinvoice.release", "draft.release",
    "product.strip", "price.strip", "coupon.strip", "customer.strip", "subscription.strip",
)  # fmt: skip
DELETES = frozenset(
    {"price.archive", "price.retire", "product.retire", "coupon.delete", "subscription.cancel", "stigg.cancel"}
)


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One write. Money is in minor units by currency; ``before`` is absent for creations.

    Actions of one ``serial`` (a customer's link key, or the target) are never made at the same time. ``paid_by`` names the
    payment method that pays what the write charges, ``refused`` says why Stripe refused to preview it, and ``noted`` is what
    was read right before the write and is needed to finish it; none is a part of the hash.
    """

    kind: str
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
    noted: dict[str, Any] = {}

    @property
    def hash(self) -> str:
        """16 hex digits over kind, target, before and after."""
        content = [self.kind, self.target, self.before, self.after]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def noun(self) -> str:
        """What it is a write of: the part of its kind before the dot."""
        return self.kind.partition(".")[0]

    @property
    def causes(self) -> tuple[str, ...]:
        """Return its causes one by one: each may hold it back (guards.py)."""
        return tuple(self.cause.split(AND))

    @property
    def group(self) -> str:
        """The unit of limits and approvals: lane, kind and cause."""
        return f"{self.lane}/{self.kind}/{self.cause}"


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

    def stages(self) -> list[tuple[str, list[Action]]]:
        """The actions stage by stage: what the executor does and the explanation prints, in this order."""
        return [(stage, found) for stage in STAGES if (found := [a for a in self.actions if a.kind == stage])]


def ordered(actions: Sequence[Action]) -> list[Action]:
    """Actions in the order of stages, then by target."""
    return sorted(actions, key=lambda a: (STAGES.index(a.kind), a.target))


def plan_hash(environment: str, actions: Sequence[Action]) -> str:
    """Return 16 hex digits over the environment and the hashes of the actions, in order."""
    content = json.dumps([environment, [action.hash for action in actions]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
