"""A cancellation whose answer was lost: its repetition is a 404 (SB 2.8, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from stripe_sync.apply.cancellation.cancel import COMMENT, cancel
from stripe_sync.clients.stripe.answers import Written
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import ActionKind
from tests.support.sent import RecordingApi, call_of, index

PATH = "/v1/subscriptions/sub_a"


@dataclass
class GoneApi(RecordingApi):
    """Answers every DELETE with a 404; the subscription then has the status and the comment of ``after``."""

    after: tuple[str, str | None] = ("canceled", COMMENT)

    def write(self, endpoint: str, call: Any, *, idempotency_key: str) -> Written:
        status, comment = self.after
        self.objects = {PATH: body(status) | {"cancellation_details": {"comment": comment}}}
        raise EntityError(ReasonCode.STRIPE_REFUSED, "Stripe refused (resource_missing).", is_missing=True)


def body(status: str) -> dict[str, Any]:
    items = {"object": "list", "data": [], "has_more": False, "total_count": 0}
    terms = {"customer": "cus_a", "currency": "usd", "collection_method": "send_invoice"}
    return {"id": "sub_a", "object": "subscription", "status": status, "items": items} | terms


def canceled(status: str, comment: str | None) -> Written:
    api = GoneApi({PATH: body("active")}, after=(status, comment))
    kind = ActionKind.SUBSCRIPTION_CANCEL
    after = {"status": "canceled"}
    return cancel(call_of(kind, "subscription:eu:a", after, api=api, links=index(), before={}), "key")


def test_a_subscription_that_is_canceled_now_is_written() -> None:
    found = canceled("canceled", COMMENT)
    assert (found.object["status"], found.note) == ("canceled", "Its first answer was lost.")


def test_the_cancellation_of_another_party_is_named() -> None:
    assert canceled("canceled", None).note == "Another party canceled it at the same time."


def test_a_subscription_that_still_runs_is_refused() -> None:
    with pytest.raises(EntityError, match="resource_missing"):
        canceled("active", None)
