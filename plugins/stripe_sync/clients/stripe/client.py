"""One client of one Stripe account: paced by a budget, tried again where that is safe, quiet about secrets."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, TypeVar

import msgspec
import stripe
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from stripe_sync.clients.stripe import test_clock as scoped
from stripe_sync.clients.stripe.http import Http, body_of
from stripe_sync.clients.stripe.refusals import translate
from stripe_sync.core.errors import Incomplete, NotAuthorized, RowFailed, Transient

API = "https://api.stripe.com"
ATTEMPTS = 6
TIMEOUT_SECONDS = 30
PAGE = 100
Answer = TypeVar("Answer")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
# An id has a digit or a capital letter behind its prefix; names such as subscription_items have none.
_ids = re.compile(r"(?<=/)(?:[a-z]+_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6,}|[^/]*:[^/]*)")


class Budget(Protocol):
    """Who says when a request may start."""

    def wait(self, endpoint: str) -> None: ...

    def slow_down(self, endpoint: str, reason: str) -> None: ...

    def in_lane(self, lane: str) -> Budget: ...


@dataclass
class Tally:
    """What a client has asked by endpoint: requests, seconds waited for the budget, and answers that said to slow down."""

    requests: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    waited: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def asked(self, endpoint: str, seconds: float) -> None:
        with self._lock:
            self.requests[endpoint] += 1
            self.waited[endpoint] += seconds

    def slowed(self, endpoint: str) -> None:
        with self._lock:
            self.limited[endpoint] += 1


class NoBudget:
    """Every request may start at once."""

    def wait(self, endpoint: str) -> None: ...

    def slow_down(self, endpoint: str, reason: str) -> None: ...

    def in_lane(self, lane: str) -> Budget:
        return self


@dataclass(frozen=True)
class Found:
    """An object as a read of one of the two APIs shows it."""

    object: dict[str, Any]


@dataclass(frozen=True)
class Written(Found):
    """The answer of a write, and under which request Stripe did it.

    ``replayed``: Stripe kept the answer for the idempotency key, so ``object`` is as it was when it was made (SB 7.4).
    """

    request_id: str | None
    replayed: bool = False


class StripeApi:
    """Reads by raw requests, writes by the typed services. Raises errors of our tree alone."""

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
        self.test_clock = test_clock  # lists show its objects alone
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
        """Closes the connections."""
        self.http.close()  # type: ignore[no-untyped-call]

    def in_lane(self, lane: str) -> StripeApi:
        """The same client, served in the order of a lane."""
        other = copy.copy(self)
        other.budget = self.budget.in_lane(lane)
        return other

    def account(self) -> dict[str, Any]:
        """Return the account that the key belongs to; its ``id`` alone where the key may not read it.

        Stripe names the account in the refusal, which proves it as well (SB 8.3). Raises NotAuthorized where it does not.
        """
        try:
            return self.get("/v1/account")
        except NotAuthorized as refused:
            if not refused.account:
                raise
            return {"id": refused.account}

    def get(self, path: str, /, **params: Any) -> dict[str, Any]:
        """One object or page. Raises RowFailed ``STRIPE_REFUSED`` where Stripe does not have it."""

        def once() -> dict[str, Any]:
            return decoded(body_of(self.client.raw_request("get", path, **params)), path)

        return self.attempt(f"get {template(path)}", once)

    def find(self, path: str, /, *, expand: list[str] | None = None) -> dict[str, Any] | None:
        """One object by its path, or None where Stripe does not have it."""
        try:
            return self.get(path, expand=expand) if expand else self.get(path)
        except RowFailed as refused:
            if "resource_missing" in refused.detail:
                return None
            raise

    def page(self, path: str, /, **params: Any) -> dict[str, Any]:
        """One page of a list. Raises Incomplete for one that goes on and shows nothing."""
        clock = self.test_clock
        found = scoped.page(self.get, clock, path, **params) if clock else self.get(path, **params)
        if found["has_more"] and not found["data"]:
            raise Incomplete(f"Stripe says that {template(path)} goes on and shows nothing of it; extract again.")
        return found

    def pages(self, path: str, /, **params: Any) -> Iterator[list[dict[str, Any]]]:
        """All pages of a list, newest first, 100 objects a page. Raises Incomplete for a page that ends nowhere."""
        after: dict[str, str] = {}
        while True:
            page = self.page(path, limit=PAGE, **params, **after)
            yield page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def write(self, what: str, call: Callable[[stripe.StripeClient, Any], Any], *, idempotency_key: str) -> Written:
        """One write by a typed service; ``call`` is given the client and the request's options."""
        options: Mapping[str, Any] = {"idempotency_key": idempotency_key}

        def once() -> Written:
            answer = call(self.client, options)
            response = answer.last_response
            if response is None:
                return Written(checked(answer.to_dict(), "", what), None)
            repeated = response.headers.get("idempotent-replayed") == "true"
            return Written(checked(_decoder.decode(response.body), "", what), response.request_id, repeated)

        return self.attempt(what, once)

    def preview(self, params: Any) -> dict[str, Any]:
        """The invoice that a change would make at once; a POST, so free of the read allocation."""
        return self.attempt(
            "post /v1/invoices/create_preview",
            lambda: checked(self.client.v1.invoices.create_preview(params).to_dict(), "", "create_preview"),
        )

    def attempt(self, what: str, call: Callable[[], Answer]) -> Answer:
        """A call within the budget, tried again after Transient with growing, random waits."""

        def once() -> Answer:
            begun = time.monotonic()
            self.budget.wait(what)
            self.tally.asked(what, time.monotonic() - begun)
            try:
                return call()
            except stripe.StripeError as error:
                translated = translate(error, what)
                if isinstance(translated, Transient) and translated.limited:
                    self.tally.slowed(what)
                    self.budget.slow_down(what, translated.limited)
                raise translated from None

        policy = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(self.attempts),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        return policy(once)


def decoded(body: bytes, path: str) -> dict[str, Any]:
    """Return the object of an answer. Raises Transient for a page of something that stands before Stripe."""
    try:
        found: Any = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    return checked(found, path, f"get {template(path)}")


def checked(found: Any, path: str, what: str) -> dict[str, Any]:
    """Return an answer that is an object of Stripe's. Raises Transient for one of something that stands before Stripe."""
    if not isinstance(found, dict):
        raise Transient(f"Stripe's answer is no JSON object: {what}; look whether a proxy answers.")
    if not ("object" in found or ("data" in found and path.startswith("/v2/"))):
        raise Transient(f"The answer is no object of Stripe's: {what}; look whether a proxy answers.")
    return found


def template(path: str) -> str:
    """A path without its ids: the name of an endpoint, safe in messages."""
    return _ids.sub("{id}", path)


def check_mode(api: StripeApi, *, live: bool, connection: str) -> None:
    """The key's mode is the environment's. Raises NotAuthorized before anything is asked."""
    if live and api.test_key:
        raise NotAuthorized(
            f"The environment is live and the connection {connection} holds a test key; put a live key there."
        )
    if not live and not api.test_key:
        raise NotAuthorized(
            f"The environment is not live and the connection {connection} holds no test key; put a key that begins with "
            f"rk_test_ or sk_test_ there."
        )
