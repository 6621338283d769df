"""Client of one Stigg environment: GraphQL over httpx, with retries where that is safe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any

import httpx
import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from stripe_sync.clients.stigg import documents
from stripe_sync.clients.stigg.pacing import Budget, NoBudget, limit_of
from stripe_sync.clients.stigg.refusals import AlreadyEnded, RawAnswer, raw_answer, refuse
from stripe_sync.clients.stigg.streams import timed, trusted_certificates
from stripe_sync.core import deadlines
from stripe_sync.core.errors import EntityError, Incomplete, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

API = "https://api.stigg.io"
ATTEMPTS = 5
RATE_LIMIT_SECONDS = 150.0  # a limit counts requests of one minute, and no answer says when it ends
SMALL_PAGE = 25  # rows per page that Stigg always accepts
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_name = re.compile(r"(?:query|mutation)\s+(\w+)")


class StiggApi:
    """Client of one Stigg environment, the one of the key. Raises only errors of ``core.errors``.

    ``budget`` paces every call; a rate-limited call is retried for ``patience`` seconds.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = API,
        page_size: int = SMALL_PAGE,
        attempts: int = ATTEMPTS,
        budget: Budget | None = None,
        patience: float = RATE_LIMIT_SECONDS,
    ) -> None:
        self.base_url = base_url
        self.page_size = page_size
        self.attempts = attempts
        self.patience = patience if attempts > 1 else 0.0
        self.budget = budget or NoBudget()
        self.http = timed(
            httpx.Client(
                headers={"X-API-KEY": key, "X-API-VERSION": "1"},
                timeout=httpx.Timeout(30, connect=10),
                verify=trusted_certificates(),
            )
        )

    def __enter__(self) -> StiggApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def environment(self) -> dict[str, Any]:
        """Return the environment of the key: id, slug, displayName, type. Raises UnknownShape where it is not listed."""
        id = self.call(documents.CURRENT_ENVIRONMENT)["currentEnvironment"]
        rows = (row for page in self.pages("environments", documents.ENVIRONMENTS) for row in page)
        found = next((row for row in rows if row["id"] == id), None)
        if found is None:
            raise UnknownShape(
                "Stigg's current environment is not in its list of environments. Check the key's permissions."
            )
        return found

    def subscription(self, id: str) -> dict[str, Any]:
        """Read one subscription: id, subscriptionId, status, billingId. Raises EntityError where it does not exist."""
        found: dict[str, Any] = self.call(documents.SUBSCRIPTION, input={"subscriptionId": id})["getSubscription"]
        return found

    def find_subscription(self, id: str) -> dict[str, Any] | None:
        """Read one subscription; None where it does not exist."""
        try:
            return self.subscription(id)
        except EntityError as refused:
            if "SubscriptionNotFound" not in refused.detail:
                raise
            return None

    def customer(self, id: str) -> dict[str, Any] | None:
        """Read one customer; None where it does not exist."""
        found: dict[str, Any] | None = self.call(documents.CUSTOMER, input={"customerId": id})["getCustomerByRefId"]
        return found

    def provision(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a subscription under the given id. Raises EntityError where Stigg requires a payment first."""
        answer = self.call(documents.PROVISION, input=body)["provisionSubscriptionV2"]
        if answer["status"] != "SUCCESS" or answer["subscription"] is None:
            raise EntityError(
                ReasonCode.STIGG_REFUSED,
                f"Stigg returned {answer['status']} for {body['subscriptionId']}. Check it in Stigg.",
            )
        created: dict[str, Any] = answer["subscription"]
        return created

    def set_billing_id(self, customer: str, billing_id: str) -> str:
        """Write a customer's Stripe id to Stigg, and return the id in Stigg's answer."""
        body = {"customerId": customer, "billingId": billing_id}
        found: str = self.call(documents.UPDATE_CUSTOMER, input=body)["updateOneCustomer"]["billingId"]
        return found

    def cancel(self, id: str) -> dict[str, Any]:
        """Cancel a subscription immediately, without proration; do nothing if it has ended already."""
        body = {"subscriptionRefId": id, "subscriptionCancellationTime": "IMMEDIATE", "prorate": False}
        try:
            found: dict[str, Any] = self.call(documents.CANCEL, input=body)["cancelSubscription"]
        except AlreadyEnded:
            return self.subscription(id)
        return found

    def usage(
        self, customer: str, feature: str, *, resource: str | None, start: datetime, end: datetime
    ) -> list[dict[str, Any]]:
        """Return the cumulative values of a feature in [start, end): points with timestamp, value (Decimal) and isResetPoint.

        Ended subscriptions are included. Stigg allows 250 of these calls per minute.
        """
        body: dict[str, Any] = {
            "customerId": customer,
            "featureId": feature,
            "includeInactiveSubscriptions": True,
            "startDate": stamp(start),
            "endDate": stamp(end),
        }
        if resource is not None:
            body["resourceId"] = resource
        series = self.call(documents.USAGE_HISTORY, input=body)["usageHistoryV2"]["series"]
        if len(series) > 1:
            raise UnknownShape(f"Stigg returned {len(series)} usage series of one feature; one was expected.")
        return list(series[0]["points"]) if series else []

    def billing_integrations(self) -> list[str]:
        """Return the vendors of the billing integrations that are connected in Stigg, such as STRIPE."""
        return [row["vendorIdentifier"] for page in self.pages("integrations", documents.INTEGRATIONS) for row in page]

    def pages(self, root: str, document: str, **variables: Any) -> Iterator[list[dict[str, Any]]]:
        """Yield all pages of a list. Raises Incomplete where rows disappeared during the read, or Stigg's count differs."""
        after: str | None = None
        rows_read = total = 0
        while True:
            paging = {"first": self.page_size} | ({"after": after} if after else {})
            found = self.page(document, **variables, paging=paging)[root]
            rows = [edge["node"] for edge in found["edges"]]
            total_before, total = total, found.get("totalCount", 0)
            if total < total_before:
                raise Incomplete(
                    f"{total_before - total} {root} disappeared while Stigg's list was read. Run extract again."
                )
            rows_read += len(rows)
            yield rows
            if not found["pageInfo"]["hasNextPage"]:
                if "totalCount" in found and total != rows_read:
                    raise Incomplete(f"Stigg counts {total} {root} and returned {rows_read}. Run extract again.")
                return
            after = found["pageInfo"]["endCursor"]

    def page(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of one page; a refusal of a large page names the setting for a smaller one."""
        try:
            return self.call(document, **variables)
        except UnknownShape as refused:
            if self.page_size <= SMALL_PAGE:
                raise
            raise UnknownShape(
                f"{refused} Stigg may refuse pages of {self.page_size}. Set stigg.page_size = {SMALL_PAGE}."
            ) from None

    def call(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of one document, with retries; partial data with errors is a failure."""
        found = _name.search(document)
        name = found.group(1) if found else ""
        policy = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=self.should_stop,
            wait=wait_random_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        return policy(self.once, name, document, variables)

    def should_stop(self, state: RetryCallState) -> bool:
        """Return whether to stop retrying: after ``attempts``, or for a rate limit after ``patience`` seconds."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, Transient) and error.limited:
            return (state.seconds_since_start or 0.0) >= self.patience
        return state.attempt_number >= self.attempts

    def once(self, name: str, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of one request; a rate limit slows the operation down for all workers."""
        self.budget.wait(name, limit_of(name, document))
        try:
            return self.answer_of(name, document, variables)
        except Transient as failure:
            if failure.limited:
                self.budget.slow_down(name)
            raise

    def raw(self, document: str, **variables: Any) -> RawAnswer:
        """Send one request of ``probe`` outside the budget, without retries, and return its status and error."""
        found = _name.search(document)
        return raw_answer(*self.send(found.group(1) if found else "", document, variables))

    def answer_of(self, name: str, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return its data. Raises the error of a refusal."""
        status, answer = self.send(name, document, variables)
        refuse(name, status, answer)
        data: dict[str, Any] = answer["data"]
        return data

    def send(self, name: str, document: str, variables: dict[str, Any]) -> tuple[int, Any]:
        """Send one request and return its status and decoded body; None for a body that is not JSON."""
        body = {"query": document, "operationName": name, "variables": variables}
        try:
            with deadlines.within(deadlines.SECONDS):
                response = self.http.post(
                    f"{self.base_url}/graphql", json=body, headers={"x-graphql-operation-name": name}
                )
        except httpx.HTTPError as error:
            raise Transient(
                f"Stigg does not answer {name} ({type(error).__name__}). Check the network and the connection's host."
            ) from None
        try:
            return response.status_code, _decoder.decode(response.content)
        except msgspec.DecodeError:
            return response.status_code, None


def stamp(time: datetime) -> str:
    """Format a UTC time for Stigg."""
    return f"{time:%Y-%m-%dT%H:%M:%S.000Z}"
