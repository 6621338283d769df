"""Inputs of the target state: an immutable view of both snapshots and the links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stripe_sync.core import keys
from stripe_sync.core.ownership import Signer
from stripe_sync.core.settings import Environment
from stripe_sync.domain.model.documents import ObjectDocument
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.domain.model.stigg import Coupon, Customer, Package, Product, Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.domain.model.stripe import StripeCoupon, StripeCustomer, StripePrice, StripeProduct
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription

BILLABLE = frozenset({StiggStatus.ACTIVE, StiggStatus.PAYMENT_PENDING, StiggStatus.NOT_STARTED, StiggStatus.IN_TRIAL})
ENDED = frozenset({StiggStatus.CANCELED, StiggStatus.EXPIRED})


@dataclass(frozen=True)
class StiggView:
    """The entities of a Stigg snapshot. ``broken`` are rows that could not be read, with their status."""

    products: Sequence[Product]
    plans: Sequence[Package]
    addons: Sequence[Package]
    customers: Sequence[Customer]
    subscriptions: Sequence[Subscription]
    broken: Sequence[EntityStatus] = ()
    coupons: Sequence[Coupon] = ()

    def packages(self) -> list[tuple[str, Package]]:
        """Every version of every plan and add-on, with its kind (``plan`` or ``addon``)."""
        return [*(("plan", p) for p in self.plans), *(("addon", a) for a in self.addons)]


@dataclass(frozen=True)
class StripeView:
    """The objects of a Stripe snapshot, by id. ``unpaid`` are open invoices that a creation or a change made."""

    products: Mapping[str, StripeProduct]
    prices: Mapping[str, StripePrice]
    customers: Mapping[str, StripeCustomer]
    subscriptions: Mapping[str, StripeSubscription]
    coupons: Mapping[str, StripeCoupon] = field(default_factory=dict)
    drafts: Mapping[str, StripeInvoice] = field(default_factory=dict)
    unpaid: Mapping[str, StripeInvoice] = field(default_factory=dict)


@dataclass(frozen=True)
class Links:
    """Both directions between link keys and Stripe ids. Foreign objects are in neither.

    ``retired`` are link keys, by Stripe id, of coupons that we deleted: their discounts go on and are still ours.
    ``ignored`` are the link keys that a person exempted.
    """

    ids: Mapping[str, str]
    retired: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    keys: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {id: key for key, id in self.ids.items()})


@dataclass(frozen=True)
class Inputs:
    """All inputs of a decision; ``now`` is the time of the run, UTC."""

    environment: Environment
    stigg: StiggView
    stripe: StripeView
    links: Links
    signer: Signer
    now: datetime
    suggestions: Mapping[str, str] = field(default_factory=dict)  # why an entity waits for a person, by link key
    seen: Mapping[str, Seen] = field(default_factory=dict)  # by subscription that is not paid for by now
    ended_by_us: frozenset[str] = frozenset()  # ids of canceled Stripe subscriptions that the journal's writes ended

    def is_due(self, moment: datetime) -> bool:
        """Return whether a time is not after the run's."""
        return moment <= self.now

    def link_key(self, kind: str, id: str) -> str:
        """Return the link key of a customer or subscription."""
        return keys.link_key(kind, keys.part(self.environment.name), keys.part(id))

    def package_product(self, kind: str, ref_id: str, charge: str | None = None) -> str:
        """Return the link key of a package's product, or of the product of one of its charges."""
        return keys.link_key("product", keys.product_id(self.environment.name, kind, ref_id, charge))

    def package_product_of(self, key: str) -> str:
        """Return the link key of a package's main product, from that of one of its products."""
        kind, ref = keys.package_of(key)
        return self.package_product(kind, keys.unescaped(ref))

    def entity_url(self, kind: str, id: str) -> str:
        """Return the URL of an entity in the Stigg app, by the environment's template."""
        return self.environment.stigg.entity_url.format(environment=self.environment.name, kind=f"{kind}s", id=id)


@dataclass(frozen=True)
class TargetState:
    """Target and actual documents, and the status of every entity so far.

    ``timers`` has, by subscription id, the next time at which a decision may change without a change of data.
    """

    targets: Sequence[ObjectDocument]
    found: Sequence[ObjectDocument]
    statuses: Mapping[tuple[str, str], EntityStatus]
    timers: Mapping[str, datetime] = field(default_factory=dict)
