"""The parts of a module in ``resources/``: a call, an object of one of the two APIs, and the handler of one kind of action.

A handler says everything about one kind: parameters and sending (``send``), the comparison of the answer with the action
(``resource``), and the search for the result of an interrupted call (``recover``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stripe_sync.apply import verification
from stripe_sync.apply.links import Registry
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.client import Found, StripeApi, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import Action

Params = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """An action with the client of Stripe in its lane and the links: what its handler needs."""

    api: StripeApi
    action: Action
    links: Registry

    @property
    def id(self) -> str:
        """Return the Stripe id of the target. Raises RowFailed ``BLOCKED_BY`` if it has none."""
        return self.links.resolve(self.action.target)

    @property
    def stigg(self) -> StiggApi:
        """Return the client of Stigg."""
        assert self.links.stigg is not None, "actions in Stigg need a client for it"
        return self.links.stigg

    @property
    def stigg_id(self) -> str:
        """Return the Stigg id that the target names."""
        return keys.entity_of(self.action.target)[1]

    def mark(self) -> dict[str, str]:
        """Return metadata with the ownership marker of the target."""
        return {ownership.FIELD: self.links.signer.mark(self.action.target)}

    def is_target(self, found: Found) -> bool:
        """Return whether an object carries the genuine marker of the target."""
        marker = (found.object.get("metadata") or {}).get(ownership.FIELD)
        return self.links.signer.key_of(marker) == self.action.target


@dataclass(frozen=True)
class Resource:
    """One kind of object: how the target of an action is read, and how an answer is compared.

    ``name`` is the noun of the object, under which its answers are kept. ``document`` returns the fields of an answer that
    was not deleted. ``instructions`` are the names in ``after`` that say how to write and are no fields.
    """

    name: str
    read: Callable[[Call], Found]
    document: Callable[[Call, Found], Document]
    instructions: frozenset[str] = frozenset()

    def differences(self, call: Call, found: Found) -> list[str]:
        """Return the names of the fields in which an object is not as the action has it."""
        return list(verification.mismatches(call.action.after, self._fields(call, found), self.instructions))

    def check_before(self, call: Call, found: Found) -> None:
        """Refuse a change whose state of before no longer holds; the next run plans it anew."""
        wrong = list(verification.mismatches(call.action.before, self._fields(call, found), self.instructions))
        if wrong:
            raise RowFailed(
                ReasonCode.CHANGED_SINCE, f"{', '.join(wrong)} changed in Stripe since the plan was made; plan again."
            )

    def recover_update(self, call: Call, since: datetime) -> Iterator[Found]:
        """Yield the target if it is as the action has it: a change that was made has left that trace."""
        found = self.read(call)
        if not self.differences(call, found):
            yield found

    def _fields(self, call: Call, found: Found) -> Document:
        return {"deleted": True} if found.object.get("deleted") else self.document(call, found)


@dataclass(frozen=True)
class Handler:
    """One kind of action. ``send`` is given the idempotency key, ``recover`` the moment since which a call may have been made.

    ``recover`` yields the objects that an interrupted call may have made; one that it created counts only with the marker.
    ``prepare`` notes what has to be known before the call, ``finish`` does what follows it and returns what a person has to
    see to; both are given the run's moment.
    """

    resource: Resource
    send: Callable[[Call, str], Written]
    recover: Callable[[Call, datetime], Iterator[Found]]
    prepare: Callable[[Call, datetime], Action] | None = None
    finish: Callable[[Call, str, datetime], list[str]] | None = None


def reader(collection: Collection) -> Callable[[Call], Found]:
    """Return the function that reads the target of an action in a list of Stripe's."""
    return lambda call: collection.read(call.api, call.id)


def change(resource: Resource, collection: Collection, build: Callable[[Call], Params]) -> Handler:
    """Return the handler of a change of the target by its id."""

    def send(call: Call, key: str) -> Written:
        return collection.update(call.api, call.id, build(call), key=key)

    return Handler(resource, send, resource.recover_update)


def metadata(given: Mapping[str, str] | None, links: Registry) -> dict[str, str]:
    """Return metadata with the link key turned into its marker. Only our names are sent, so foreign ones stay."""
    result = dict(given or {})
    if ownership.FIELD in result:
        result[ownership.FIELD] = links.signer.mark(result[ownership.FIELD])
    return result


def fields(call: Call) -> Params:
    """Return the fields of an action as they are; an absent one is unset with an empty text."""
    after = call.action.after
    found = {name: "" if value is None else value for name, value in after.items() if name != "metadata"}
    if "metadata" in after:
        found["metadata"] = metadata(after["metadata"], call.links)
    return found


def without_marker(call: Call) -> Params:
    """Return the parameters that take our metadata off; foreign names are not sent, so they stay."""
    return {"metadata": call.action.after["how"]["metadata"]}


def existing(call: Call, collection: Collection, *, id: str, refused: RowFailed) -> Written:
    """Return the object that has the id already, if it carries the marker of this very target.

    Raises ``refused`` for any other refusal, RowFailed ``ID_TAKEN`` if the object is not ours.
    """
    if refused.reason != ReasonCode.ID_TAKEN:
        raise refused
    there = collection.find(call.api, id)
    if there is not None and call.is_target(there):
        return Written(there.object, None)
    raise RowFailed(ReasonCode.ID_TAKEN, f"A {collection.name} with the id {id} exists and is not ours.") from None
