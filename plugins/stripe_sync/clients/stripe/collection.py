"""Stripe collections: reading, finding, creating, updating and deleting the objects of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe

from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import EXPANDED
from stripe_sync.clients.stripe.nested_lists import with_items
from stripe_sync.clients.stripe.parameters.encoding import Parameters, encode
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import EntityError

# Clocks of two machines differ: a search for created objects starts this much earlier.
SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Collection:
    """A Stripe collection: the noun of its objects, its path and the SDK's service."""

    name: str
    path: str
    service: Callable[[stripe.StripeClient], Any]

    def read(self, api: StripeApi, id: str) -> Found:
        """Read an object with its expanded parts and all of its items."""
        path, expand = f"{self.path}/{id}", EXPANDED.get(self.name)
        return Found(with_items(api, api.get(path, expand=expand) if expand else api.get(path)))

    def find(self, api: StripeApi, id: str) -> Found | None:
        """Read an object by its id; None where it does not exist."""
        found = api.find(f"{self.path}/{id}")
        return Found(found) if found is not None else None

    def created_since(self, api: StripeApi, since: datetime, **filters: Any) -> Iterator[Found]:
        """Yield the objects that were created since a time, newest first."""
        for page in api.pages(self.path, created={"gte": epoch(since - SKEW)}, **filters):
            yield from map(Found, page)

    def create(self, api: StripeApi, params: Parameters, *, key: str) -> Written:
        """Create an object under an idempotency key."""
        given = encode(params)
        return api.write(
            f"post {self.path}",
            lambda client, options: self.service(client).create(given, options),
            idempotency_key=key,
        )

    def update(self, api: StripeApi, id: str, params: Parameters, *, key: str) -> Written:
        """Change an object by its id."""
        given = encode(params)
        return api.write(
            f"post {self.path}/{{id}}",
            lambda client, options: self.service(client).update(id, given, options),
            idempotency_key=key,
        )

    def delete(self, api: StripeApi, id: str, *, key: str) -> Written:
        """Delete an object by its id.

        A DELETE has no idempotency key (SB 7.1): its repetition after a lost answer is a 404, and the deletion was made.
        """
        try:
            return api.write(
                f"delete {self.path}/{{id}}",
                lambda client, options: self.service(client).delete(id, {}, options),
                idempotency_key=key,
            )
        except EntityError as refused:
            if not refused.is_missing:
                raise
            return Written(self.deleted(id).object, None)

    def delete_if_there(self, api: StripeApi, id: str, *, key: str) -> Written:
        """Delete an object by its id; one that is gone already is done."""
        return self.delete(api, id, key=key) if self.find(api, id) else Written(self.deleted(id).object, None)

    def deleted(self, id: str) -> Found:
        """Return Stripe's answer about an object that is gone."""
        return Found({"id": id, "object": self.name, "deleted": True})

    def recover_deletion(self, api: StripeApi, id: str) -> Iterator[Found]:
        """Yield the answer of a deletion if the object is gone."""
        if self.find(api, id) is None:
            yield self.deleted(id)
