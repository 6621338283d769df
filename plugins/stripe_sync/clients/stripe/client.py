"""Client of one Stripe account: paced by a budget, retries where that is safe, keeps secrets out of messages."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar

import stripe
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from stripe_sync.clients.stripe import test_clock as clock_lists
from stripe_sync.clients.stripe.answers import Written, checked, decode, decoded, template
from stripe_sync.clients.stripe.budget import Budget, NoBudget, Tally
from stripe_sync.clients.stripe.http import Http, body_of
from stripe_sync.clients.stripe.parameters.encoding import Parameters, encode
from stripe_sync.clients.stripe.refusals import translate
from stripe_sync.core.errors import EntityError, Incomplete, NotAuthorized, Transient

API = "https://api.stripe.com"
ATTEMPTS = 6
TIMEOUT_SECONDS = 30
PAGE = 100
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Total:
    """The total of an invoice, and without tax, minor units of its currency."""

    currency: str
    amount: Decimal
    untaxed: Decimal


class StripeApi:
    """Client of one Stripe account: raw requests for reads, the SDK's typed services for writes.

    Raises only errors of ``core.errors``. With ``test_clock``, lists return only the objects of that clock.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = API,
        budget: Budget | None = None,
        attempts: int = ATTEMPTS,
        test_clock: str = "",
    ) -> None:
        stripe.enable_telemetry = False
        self.base_url = base_url
        self.budget = budget or NoBudget()
        self.attempts = attempts
        self.test_clock = test_clock  # id of a test clock, or empty
        self.tally = Tally()
        self.test_key = key.startswith(("sk_test_", "rk_test_"))
        self.live_key = key.startswith(("sk_live_", "rk_live_"))
        self.restricted_key = key.startswith("rk_")
        self.version = str(stripe.api_version)
        self.http = Http(timeout=TIMEOUT_SECONDS)
        self.client = stripe.StripeClient(
            key, base_addresses={"api": base_url}, max_network_retries=2, http_client=self.http
        )

    def __enter__(self) -> StripeApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()  # type: ignore[no-untyped-call]

    def in_lane(self, lane: str) -> StripeApi:
        """Return the same client with the priority of a lane."""
        client = copy.copy(self)
        client.budget = self.budget.in_lane(lane)
        return client

    def account(self) -> dict[str, Any]:
        """Return the account that the key belongs to; only its ``id`` where the key has no right to read it.

        Stripe names the account in the refusal, which is evidence as well (SB 8.3). Raises NotAuthorized where it does not.
        """
        try:
            return self.get("/v1/account")
        except NotAuthorized as refused:
            if not refused.account:
                raise
            return {"id": refused.account}

    def get(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Read one object or page. Raises EntityError ``STRIPE_REFUSED`` where it does not exist."""

        def once() -> dict[str, Any]:
            return decoded(body_of(self.client.raw_request("get", path, **params)), path)

        return self.attempt(f"get {template(path)}", once)

    def find(self, path: str, /, *, expand: list[str] | None = None) -> dict[str, Any] | None:
        """Read one object by its path; None where it does not exist."""
        try:
            return self.get(path, expand=expand) if expand else self.get(path)
        except EntityError as refused:
            if refused.is_missing:
                return None
            raise

    def page(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Read one page of a list. Raises Incomplete for an empty page with ``has_more``."""
        clock = self.test_clock
        found = clock_lists.page(self.get, clock, path, **params) if clock else self.get(path, **params)
        if found["has_more"] and not found["data"]:
            raise Incomplete(f"Stripe returned an empty page of {template(path)} with has_more. Run extract again.")
        return found

    def pages(self, path: str, /, **params: Any) -> Iterator[list[dict[str, Any]]]:
        """Yield all pages of a list, newest first, 100 objects per page. Raises Incomplete for an empty page with ``has_more``."""
        after: dict[str, str] = {}
        while True:
            page = self.page(path, limit=PAGE, **params, **after)
            yield page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def write(self, endpoint: str, call: Callable[[stripe.StripeClient, Any], Any], *, idempotency_key: str) -> Written:
        """Send one write by a typed service; ``call`` gets the client and the request's options.

        ``endpoint`` is the template of the method and path, such as ``post /v1/customers/{id}``.
        """
        options: Mapping[str, Any] = {"idempotency_key": idempotency_key}

        def once() -> Written:
            answer = call(self.client, options)
            response = answer.last_response
            if response is None:
                return Written(checked(answer.to_dict(), "", endpoint), None)
            is_replayed = response.headers.get("idempotent-replayed") == "true"
            return Written(checked(decode(response.body), "", endpoint), response.request_id, is_replayed)

        return self.attempt(endpoint, once)

    def preview(self, params: Parameters) -> Total:
        """Preview the immediate invoice of a change; a POST, so it does not use the read allocation."""
        given: Any = encode(params)
        found = self.attempt(
            "post /v1/invoices/create_preview",
            lambda: checked(self.client.v1.invoices.create_preview(given).to_dict(), "", "create_preview"),
        )
        untaxed = found["total_excluding_tax"]
        total = Decimal(found["total"])
        return Total(found["currency"], total, total if untaxed is None else Decimal(untaxed))

    def attempt(self, endpoint: str, call: Callable[[], Answer]) -> Answer:
        """Make a call within the budget; after Transient retry with exponential, random waits."""

        def once() -> Answer:
            start = time.monotonic()
            self.budget.wait(endpoint)
            self.tally.count_request(endpoint, waited=time.monotonic() - start)
            try:
                return call()
            except stripe.StripeError as error:
                translated = translate(error, endpoint)
                if isinstance(translated, Transient) and translated.limited:
                    self.tally.count_limited(endpoint)
                    self.budget.slow_down(endpoint, translated.limited)
                raise translated from None

        policy = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(self.attempts),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        return policy(once)


def check_mode(api: StripeApi, *, live: bool, connection: str) -> None:
    """Compare the key's mode with the environment's. Raises NotAuthorized before any request."""
    if live and api.test_key:
        raise NotAuthorized(
            f"The environment is live and connection {connection} has a test key. Store a live key there."
        )
    if not live and not api.test_key:
        raise NotAuthorized(
            f"The environment is not live and connection {connection} has no test key. Store a key that begins with "
            f"rk_test_ or sk_test_ there."
        )
