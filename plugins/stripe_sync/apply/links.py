"""Links during a run's writes: objects that one write creates are referenced by the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.core import keys
from stripe_sync.core.errors import EntityError
from stripe_sync.core.ownership import Signer
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.stripe_objects import DecodingContext
from stripe_sync.domain.usage.final_terms import RecordedCoupon

# Returns the content of our coupons among these Stripe ids, also of those deleted since.
RecordedCoupons = Callable[[Iterable[str]], Mapping[str, RecordedCoupon]]


def no_coupons(ids: Iterable[str]) -> Mapping[str, RecordedCoupon]:
    """Return no content of any coupon: nothing was recorded."""
    return {}


class LinkIndex:
    """Index of link keys and Stripe ids in both directions. Thread-safe."""

    def __init__(
        self,
        ids: Mapping[str, str],
        signer: Signer,
        *,
        tax: bool = False,
        tax_code: str = "",
        tax_behavior: str = "",
        retired: Mapping[str, str] | None = None,
        stigg: StiggApi | None = None,
        test_clock: str = "",
        recorded_coupons: RecordedCoupons = no_coupons,
    ) -> None:
        self._ids = dict(ids)
        self._keys = {id: key for key, id in ids.items()}
        self._lock = threading.Lock()
        self.signer = signer
        self.stigg = stigg
        self.test_clock = test_clock
        self.recorded_coupons = recorded_coupons
        self._tax = {"tax_code": tax_code, "tax_behavior": tax_behavior} if tax and tax_code else {}
        self._context = DecodingContext({}, signer, tax=tax, retired_keys=dict(retired or {}))

    def get(self, key: str) -> str | None:
        """Return the Stripe id of a link key, or None."""
        with self._lock:
            return self._ids.get(key)

    def resolve(self, key: str) -> str:
        """Return the Stripe id of a link key. Raises EntityError ``BLOCKED_BY`` where it has none."""
        found = self.get(key)
        if found is None:
            raise EntityError(ReasonCode.BLOCKED_BY, f"{key} is not in Stripe yet.")
        return found

    def add(self, key: str, stripe_id: str) -> None:
        """Add a link."""
        with self._lock:
            self._ids[key] = stripe_id
            self._keys[stripe_id] = key

    def tax_of(self) -> dict[str, str]:
        """Return the tax fields of our invoice items; empty while tax is off."""
        return dict(self._tax)

    def natural_id(self, key: str) -> str:
        """Return the Stripe id of a product or coupon, which the pipeline chooses."""
        return keys.stripe_id(key)

    def decoding_context(self) -> DecodingContext:
        """Return the view that decodes Stripe's answers, with the links as they stand now."""
        with self._lock:
            return replace(self._context, key_by_stripe_id=dict(self._keys))
