"""The statuses of entities from what was decided of them and what differs."""

from __future__ import annotations

from collections.abc import Iterable

from stripe_sync.core import keys
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.drift.difference import Difference
from stripe_sync.domain.model.documents import COUPON, CUSTOMER, PRODUCT, SUBSCRIPTION, ObjectDocument
from stripe_sync.domain.model.inputs import TargetState
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.usage.charges import Problem


def entity_statuses(state: TargetState, differences: Iterable[Difference]) -> list[EntityStatus]:
    """Everybody's status: an entity that waits for a write and has no difference is a success."""
    differing = {d.entity for d in differences if d.entity}
    main = {actual.entity: actual.stripe_id for actual in own_ids(state)}
    result = []
    for status in state.statuses.values():
        entity = (status.kind, status.id)
        stripe_id = status.stripe_id or main.get(entity)
        settled = status.reason is ReasonCode.WAITS_FOR_WRITE and entity not in differing
        result.append(
            EntityStatus(
                status.kind,
                status.id,
                Status.SUCCESS if settled else status.status,
                ReasonCode.NONE if settled else status.reason,
                status.detail,
                stripe_id,
            )
        )
    return result


def uncounted(problem: Problem) -> EntityStatus:
    """A subscription whose use cannot be billed as it is (BILLING 8): in error, whatever else is right about it."""
    reason = ReasonCode(problem.reason)
    return EntityStatus(
        SUBSCRIPTION, problem.subscription, Status.ERROR, reason, problem.detail, problem.stripe_subscription
    )


def own_ids(state: TargetState) -> Iterable[ObjectDocument]:
    """Yield the actual documents of entities' main objects, with the entity: the objects that billing ids name."""
    owners = {actual.key: actual.entity for actual in state.targets}
    for actual in state.found:
        entity = owners.get(actual.key)
        package = actual.kind == PRODUCT and not keys.LinkKey.parse(actual.key).charge
        coupon = actual.kind == COUPON and entity is not None and entity[0] == "coupon"
        if entity and (package or coupon or actual.kind in (CUSTOMER, SUBSCRIPTION)):
            yield ObjectDocument(actual.kind, actual.key, actual.document, entity, actual.stripe_id)
