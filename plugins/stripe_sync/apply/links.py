"""The links as they stand while writes are being made: what one write creates, the next one refers to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.core import keys
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.ownership import Signer
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.stripe_objects import Reading


class Registry:
    """Link keys and Stripe ids, both ways; safe to share between threads."""

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
    ) -> None:
        self._ids = dict(ids)
        self._keys = {id: key for key, id in ids.items()}
        self._lock = threading.Lock()
        self.signer = signer
        self.stigg = stigg
        self.test_clock = test_clock
        self._tax = {"tax_code": tax_code, "tax_behavior": tax_behavior} if tax and tax_code else {}
        self._reading = Reading({}, signer, tax=tax, retired=dict(retired or {}))

    def get(self, key: str) -> str | None:
        """The Stripe id of a link key."""
        with self._lock:
            return self._ids.get(key)

    def resolve(self, key: str) -> str:
        """The Stripe id of a link key. Raises RowFailed ``BLOCKED_BY`` where there is none."""
        found = self.get(key)
        if found is None:
            raise RowFailed(ReasonCode.BLOCKED_BY, f"{key} is not in Stripe yet.")
        return found

    def add(self, key: str, stripe_id: str) -> None:
        with self._lock:
            self._ids[key] = stripe_id
            self._keys[stripe_id] = key

    def tax_of(self) -> dict[str, str]:
        """The tax fields of an invoice item that we write: none while tax is off."""
        return dict(self._tax)

    def natural_id(self, key: str) -> str:
        """Return the id that the pipeline gives a product or coupon in Stripe."""
        return keys.stripe_id(key)

    def reading(self) -> Reading:
        """Return how Stripe's answer is read as ours, with the links as they stand now."""
        with self._lock:
            return replace(self._reading, known=dict(self._keys))
