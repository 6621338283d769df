"""The test customer of a question in Stigg: created for it; afterwards its subscriptions are ended and it is archived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.clients.stigg import documents
from stripe_sync.clients.stigg import probe_documents as own
from stripe_sync.clients.stigg.client import StiggApi, stamp
from stripe_sync.core.errors import StripeSyncError, UnknownShape
from stripe_sync.domain.model.stigg_status import PackageStatus
from stripe_sync.jobs.setup.probing.questions import Asking
from stripe_sync.jobs.setup.probing.test_account import NAME

Obj = dict[str, Any]


@dataclass
class StiggCustomer:
    """The customer ``id`` with the ids of its subscriptions."""

    api: StiggApi
    id: str
    now: datetime
    made: list[str] = field(default_factory=list)

    def subscribe(self, plan: Obj, **more: Any) -> str:
        """Provision a plan, by the month, with one unit of each committed feature; return the id that Stigg gives."""
        features = {p["feature"]["refId"] for p in plan["prices"] if p["billingModel"] == "PER_UNIT"}
        given: Obj = {"customerId": self.id, "planId": plan["refId"], "billingPeriod": "MONTHLY", "skipTrial": True}
        if features:
            given["billableFeatures"] = [{"featureId": feature, "quantity": 1} for feature in sorted(features)]
        answer = self.api.call(documents.PROVISION, input=given | more)["provisionSubscriptionV2"]
        if answer["status"] != "SUCCESS" or answer["subscription"] is None:
            raise UnknownShape(f"Stigg returned {answer['status']} for a new subscription of {plan['refId']}.")
        self.made.append(answer["subscription"]["subscriptionId"])
        return self.made[-1]

    def use(self, feature: str, value: int, time: datetime, **more: Any) -> None:
        """Report usage at a time."""
        given = {"customerId": self.id, "featureId": feature, "value": value, "createdAt": stamp(time)}
        self.api.call(own.REPORT_USAGE, input=given | more)

    def history(self, feature: str, **more: Any) -> list[Obj]:
        """Return the points of the last day: timestamp, value and isResetPoint."""
        series = self.api.call(documents.USAGE_HISTORY, input=self.last_day(feature) | more)["usageHistoryV2"]["series"]
        return [point for one in series for point in one["points"]]

    def last_day(self, feature: str) -> dict[str, str]:
        """Return the input of a usage history from a day before now to a day after it."""
        start, end = self.now - timedelta(days=1), self.now + timedelta(days=1)
        return {"customerId": self.id, "featureId": feature, "startDate": stamp(start), "endDate": stamp(end)}

    def end(self) -> list[str]:
        """End the subscriptions and archive the customer; return the failures."""
        remaining = []
        for subscription in dict.fromkeys(reversed(self.made)):
            try:
                self.api.cancel(subscription)
            except StripeSyncError as error:
                remaining.append(f"Stigg subscription {subscription}: {error}")
        try:
            self.api.call(own.ARCHIVE_CUSTOMER, input={"customerId": self.id})
        except StripeSyncError as error:
            remaining.append(f"Stigg customer {self.id}: {error}")
        return remaining


@contextmanager
def customer_of(asking: Asking) -> Iterator[StiggCustomer]:
    """Create a customer for one question and remove it afterwards. Raises UnknownShape where Stigg bills by an integration."""
    session = asking.session
    if vendors := session.stigg.billing_integrations():
        raise UnknownShape(
            f"The integration of {', '.join(vendors)} is connected in Stigg and would bill the objects of probe. Disconnect it "
            "in this environment, or probe another one."
        )
    made = StiggCustomer(session.stigg, asking.account.id(), session.clock.now())
    session.stigg.call(own.MAKE_CUSTOMER, input={"customerId": made.id, "name": NAME, "email": "probe@example.com"})
    left = asking.account.left
    try:
        yield made
    finally:
        remaining = made.end()
        left.remaining += remaining
        left.archived += [] if remaining else [f"Stigg customer {made.id}"]


def paid_plans(api: StiggApi, *, with_usage: bool = False) -> list[Obj]:
    """Return the published plans in their latest version that cost something by the month, those with usage if ``with_usage``."""
    rows = [row for page in api.pages("plans", documents.PLANS) for row in page]
    return [
        row | {"prices": monthly}
        for row in rows
        if row["status"] == PackageStatus.PUBLISHED
        and row["isLatest"]
        and row["pricingType"] == "PAID"
        and (monthly := [price for price in row["prices"] or () if price["billingPeriod"] == "MONTHLY"])
        and (not with_usage or usage_feature(monthly))
    ]


def usage_feature(prices: list[Obj]) -> str:
    """Return the first feature that is billed by its use, empty where none is."""
    return next((str(price["feature"]["refId"]) for price in prices if price["billingModel"] == "USAGE_BASED"), "")
