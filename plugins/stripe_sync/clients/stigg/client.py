"""One client of one Stigg environment: GraphQL over httpx, tried again where that is safe."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import TracebackType
from typing import Any

import httpx
import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from stripe_sync.clients.stigg import documents
from stripe_sync.clients.stigg.pacing import Budget, NoBudget, limit_of
from stripe_sync.clients.stigg.refusals import AlreadyEnded, refuse
from stripe_sync.clients.stigg.streams import timed
from stripe_sync.core import deadlines
from stripe_sync.core.errors import Incomplete, RowFailed, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

API = "https://api.stigg.io"
ATTEMPTS = 5
PATIENCE_SECONDS = 150.0  # a limit is of one minute, and no answer says when it is over
SMALL_PAGE = 25  # rows that Stigg gives in a page whatever its largest is
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_name = re.compile(r"(?:query|mutation)\s+(\w+)")


class StiggApi:
    """Reads and changes of one environment; a key belongs to exactly one. Raises errors of our tree alone.

    ``budget`` paces every call; ``patience`` is for how many seconds one that Stigg refuses as too many is asked again.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = API,
        page_size: int = SMALL_PAGE,
        attempts: int = ATTEMPTS,
        budget: Budget | None = None,
        patience: float = PATIENCE_SECONDS,
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
                verify=trusted(),
            )
        )

    def __enter__(self) -> StiggApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()

    def environment(self) -> dict[str, Any]:
        """The environment that the key belongs to: id, slug, displayName, type."""
        id = self.call(documents.CURRENT_ENVIRONMENT)["currentEnvironment"]
        found = next(
            (e for page in self.pages("environments", documents.ENVIRONMENTS) for e in page if e["id"] == id), None
        )
        if found is None:
            raise UnknownShape("Stigg names a current environment that is not in its list of environments.")
        return found

    def subscription(self, id: str) -> dict[str, Any]:
        """One subscription: its id and status. Raises RowFailed where Stigg does not have it."""
        found: dict[str, Any] = self.call(documents.SUBSCRIPTION, input={"subscriptionId": id})["getSubscription"]
        return found

    def find_subscription(self, id: str) -> dict[str, Any] | None:
        """One subscription, or None where Stigg does not have it."""
        try:
            return self.subscription(id)
        except RowFailed as refused:
            if "SubscriptionNotFound" not in refused.detail:
                raise
            return None

    def customer(self, id: str) -> dict[str, Any] | None:
        """One customer as it is now, or None where Stigg does not have it."""
        found: dict[str, Any] | None = self.call(documents.CUSTOMER, input={"customerId": id})["getCustomerByRefId"]
        return found

    def provision(self, given: dict[str, Any]) -> dict[str, Any]:
        """Makes a subscription under an id of ours. Raises RowFailed where Stigg wants a payment first."""
        answer = self.call(documents.PROVISION, input=given)["provisionSubscriptionV2"]
        if answer["status"] != "SUCCESS" or answer["subscription"] is None:
            raise RowFailed(ReasonCode.STIGG_REFUSED, f"Stigg answers {answer['status']} to {given['subscriptionId']}.")
        made: dict[str, Any] = answer["subscription"]
        return made

    def set_billing_id(self, customer: str, billing_id: str) -> str:
        """Writes a customer's Stripe id to Stigg; gives the id that Stigg has then."""
        given = {"customerId": customer, "billingId": billing_id}
        found: str = self.call(documents.UPDATE_CUSTOMER, input=given)["updateOneCustomer"]["billingId"]
        return found

    def cancel(self, id: str) -> dict[str, Any]:
        """Cancels a subscription at once, without proration; one that has ended already is as good."""
        given = {"subscriptionRefId": id, "subscriptionCancellationTime": "IMMEDIATE", "prorate": False}
        try:
            found: dict[str, Any] = self.call(documents.CANCEL, input=given)["cancelSubscription"]
        except AlreadyEnded:
            return self.subscription(id)
        return found

    def usage(
        self, customer: str, feature: str, *, resource: str | None, start: datetime, end: datetime
    ) -> list[dict[str, Any]]:
        """The running values of a feature in [start, end): points with timestamp, value (Decimal) and isResetPoint.

        Of subscriptions that ended as well. One call a pair; Stigg takes 250 a minute.
        """
        given: dict[str, Any] = {
            "customerId": customer, "featureId": feature, "includeInactiveSubscriptions": True,
            "startDate": stamp(start), "endDate": stamp(end),
        }  # fmt: skip
        if resource is not None:
            given["resourceId"] = resource
        series = self.call(documents.USAGE_HISTORY, input=given)["usageHistoryV2"]["series"]
        if len(series) > 1:
            raise UnknownShape(f"Stigg shows {len(series)} series for one customer and feature; one was asked for.")
        return list(series[0]["points"]) if series else []

    def billing_integrations(self) -> list[str]:
        """The vendors of the billing integrations that are connected in Stigg, such as STRIPE."""
        return [row["vendorIdentifier"] for page in self.pages("integrations", documents.INTEGRATIONS) for row in page]

    def pages(self, root: str, document: str, **variables: Any) -> Iterator[list[dict[str, Any]]]:
        """All pages of a list. Raises Incomplete where rows went missing while it was read, or Stigg counts others."""
        after: str | None = None
        seen = counted = 0
        while True:
            paging = {"first": self.page_size} | ({"after": after} if after else {})
            found = self.page(document, **variables, paging=paging)[root]
            rows = [edge["node"] for edge in found["edges"]]
            before, counted = counted, found.get("totalCount", 0)
            if counted < before:
                raise Incomplete(f"{before - counted} {root} went away while Stigg's list was read; extract again.")
            seen += len(rows)
            yield rows
            if not found["pageInfo"]["hasNextPage"]:
                if "totalCount" in found and counted != seen:
                    raise Incomplete(f"Stigg counts {counted} {root} and showed {seen}; extract again.")
                return
            after = found["pageInfo"]["endCursor"]

    def page(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of one page. A refusal of more than Stigg's smallest page says how to ask for that."""
        try:
            return self.call(document, **variables)
        except UnknownShape as refused:
            if self.page_size <= SMALL_PAGE:
                raise
            raise UnknownShape(
                f"{refused} Stigg may refuse pages of {self.page_size}; set stigg.page_size = {SMALL_PAGE}."
            ) from None

    def call(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of one document; partial data beside errors is a failure."""
        found = _name.search(document)
        name = found.group(1) if found else ""
        policy = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=self.is_enough,
            wait=wait_random_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        return policy(self.once, name, document, variables)

    def is_enough(self, state: RetryCallState) -> bool:
        """Return whether a call was tried often enough; for a limit, long enough, since it says not when it is over."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, Transient) and error.limited:
            return (state.seconds_since_start or 0.0) >= self.patience
        return state.attempt_number >= self.attempts

    def once(self, name: str, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of one request. A request too many slows the operation down for everybody."""
        self.budget.wait(name, limit_of(name, document))
        try:
            return self.asked(name, document, variables)
        except Transient as failure:
            if failure.limited:
                self.budget.slow_down(name)
            raise

    def raw(self, document: str, **variables: Any) -> tuple[int, str]:
        """The status and the error's code of one request that is made once, beside the budget; for what limits are."""
        found = _name.search(document)
        status, answer = self.sent(found.group(1) if found else "", document, variables)
        errors = answer.get("errors") if isinstance(answer, dict) else None
        return status, str((errors[0].get("extensions") or {}).get("code") or "") if errors else ""

    def asked(self, name: str, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        status, answer = self.sent(name, document, variables)
        refuse(name, status, answer)
        data: dict[str, Any] = answer["data"]
        return data

    def sent(self, name: str, document: str, variables: dict[str, Any]) -> tuple[int, Any]:
        """The status and the decoded body of one request; None for a body that is no JSON."""
        body = {"query": document, "operationName": name, "variables": variables}
        try:
            with deadlines.within(deadlines.SECONDS):
                response = self.http.post(
                    f"{self.base_url}/graphql", json=body, headers={"x-graphql-operation-name": name}
                )
        except httpx.HTTPError as error:
            raise Transient(
                f"Stigg does not answer {name} ({type(error).__name__}); check the network and the connection's host."
            ) from None
        try:
            return response.status_code, _decoder.decode(response.content)
        except msgspec.DecodeError:
            return response.status_code, None


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that are trusted: read once a process, since reading them takes longer than a request."""
    return httpx.create_ssl_context()


def stamp(moment: datetime) -> str:
    """A moment as Stigg reads it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"
