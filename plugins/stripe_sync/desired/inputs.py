"""What the desired state is made from: one frozen view of both snapshots and the links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stripe_sync import keys
from stripe_sync.marker import Signer
from stripe_sync.model.documents import Claim
from stripe_sync.model.status import EntityStatus
from stripe_sync.model.stigg_side import Customer, Package, Product, Subscription
from stripe_sync.model.stripe_side import StripeCustomer, StripePrice, StripeProduct, StripeSubscription
from stripe_sync.settings import Environment

BILLABLE = frozenset({"ACTIVE", "PAYMENT_PENDING", "NOT_STARTED", "IN_TRIAL"})
ENDED = frozenset({"CANCELED", "EXPIRED"})


@dataclass(frozen=True)
class StiggView:
    """The entities of a Stigg snapshot. ``broken`` are rows that could not be read, with their status."""

    products: Sequence[Product]
    plans: Sequence[Package]
    addons: Sequence[Package]
    customers: Sequence[Customer]
    subscriptions: Sequence[Subscription]
    broken: Sequence[EntityStatus] = ()

    def packages(self) -> list[tuple[str, Package]]:
        """Every version of every plan and add-on, with its kind (``plan`` or ``addon``)."""
        return [*(("plan", p) for p in self.plans), *(("addon", a) for a in self.addons)]


@dataclass(frozen=True)
class StripeView:
    """The objects of a Stripe snapshot, by id."""

    products: Mapping[str, StripeProduct]
    prices: Mapping[str, StripePrice]
    customers: Mapping[str, StripeCustomer]
    subscriptions: Mapping[str, StripeSubscription]


@dataclass(frozen=True)
class Links:
    """Both directions between link keys and Stripe ids. Foreign objects are in neither."""

    ids: Mapping[str, str]
    keys: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {id: key for key, id in self.ids.items()})


@dataclass(frozen=True)
class Inputs:
    """Everything that decides; ``now`` is the run's moment, UTC."""

    environment: Environment
    stigg: StiggView
    stripe: StripeView
    links: Links
    signer: Signer
    now: datetime

    def link_key(self, kind: str, id: str) -> str:
        """The link key of a customer or subscription."""
        return keys.link_key(kind, keys.part(self.environment.name), keys.part(id))

    def entity_url(self, kind: str, id: str) -> str:
        """Where Stigg's app shows an entity: the environment's template."""
        return self.environment.stigg_entity_url.format(environment=self.environment.name, kind=f"{kind}s", id=id)


@dataclass(frozen=True)
class Desired:
    """The claims of both sides, the status of every entity so far, and the keys about which nothing may be decided."""

    wanted: Sequence[Claim]
    found: Sequence[Claim]
    statuses: Mapping[tuple[str, str], EntityStatus]
