"""Requests of a handler without a network: the service, the arguments and the idempotency key of each write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.table import HANDLERS
from stripe_sync.clients.stripe.answers import Written
from stripe_sync.core.lanes import Lane
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.plan.actions import Action, ActionKind

SIGNER = Signer("acct_1", ["secret"])


@dataclass(frozen=True)
class Request:
    """One write: the endpoint, the arguments of the SDK's service without its options, and the idempotency key."""

    endpoint: str
    arguments: tuple[Any, ...]
    key: str


class _Service:
    """A service of the SDK that returns the arguments of its call."""

    def __getattr__(self, name: str) -> _Service:
        return self

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return arguments


@dataclass
class RecordingApi:
    """A Stripe client that keeps its writes and reads ``objects`` by path."""

    objects: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)

    def get(self, path: str, /, **params: Any) -> dict[str, Any]:
        return self.objects[path]

    def find(self, path: str, /, *, expand: list[str] | None = None) -> dict[str, Any] | None:
        return self.objects.get(path)

    def pages(self, path: str, /, **params: Any) -> Iterator[list[dict[str, Any]]]:
        yield from ()

    def write(self, endpoint: str, call: Any, *, idempotency_key: str) -> Written:
        *arguments, _ = call(_Service(), {"idempotency_key": idempotency_key})
        self.sent.append(Request(endpoint, tuple(arguments), idempotency_key))
        return Written({"id": "written_1", "object": "written"}, None)


def index(**settings: Any) -> LinkIndex:
    """Return the links of the examples: ``KIND:eu:x`` is the Stripe id ``KIND_x``."""
    kinds = {"customer": "cus", "price": "price", "product": "prod", "coupon": "coupon", "subscription": "sub"}
    ids = {f"{kind}:eu:{n}": f"{short}_{n}" for kind, short in kinds.items() for n in "abcd"}
    return LinkIndex(ids, SIGNER, **settings)


def call_of(kind: ActionKind, target: str, after: dict[str, Any], *, api: Any, links: LinkIndex, **more: Any) -> Call:
    """Return the call of an action."""
    return Call(api, Action(kind=kind, lane=Lane.CATALOG, target=target, after=after, **more), links)


def sent(
    kind: ActionKind,
    target: str,
    after: dict[str, Any],
    *,
    objects: Mapping[str, dict[str, Any]] | None = None,
    links: LinkIndex | None = None,
    **more: Any,
) -> list[Request]:
    """Return the requests of an action under the idempotency key ``key``."""
    api = RecordingApi(objects or {})
    HANDLERS[kind].send(call_of(kind, target, after, api=api, links=links or index(), **more), "key")
    return api.sent
