"""The parts of a module in ``resources/``: a call, an object of one of the two APIs, and the handler of one kind of action.

A handler has everything about one kind: parameters and sending (``send``), the comparison of the answer with the action
(``resource``), and the search for the result of an interrupted call (``recover``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET, UnsetType

from stripe_sync.apply import verification
from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.results import FollowUp
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.parameters.encoding import CLEARED, MetadataChange, Parameters
from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import Action


@dataclass(frozen=True)
class Call:
    """An action with its lane's Stripe client and the links, as its handler needs them."""

    api: StripeApi
    action: Action
    links: LinkIndex

    @property
    def id(self) -> str:
        """Return the Stripe id of the target. Raises EntityError ``BLOCKED_BY`` if it has none."""
        return self.links.resolve(self.action.target)

    @property
    def stigg(self) -> StiggApi:
        """Return the client of Stigg."""
        assert self.links.stigg is not None, "actions in Stigg need a client for it"
        return self.links.stigg

    @property
    def stigg_id(self) -> str:
        """Return the Stigg id of the target."""
        return keys.entity_of(self.action.target)[1]

    def marker(self) -> dict[str, str]:
        """Return metadata with the ownership marker of the target."""
        return {ownership.FIELD: self.links.signer.marker(self.action.target)}

    def is_target(self, found: Found) -> bool:
        """Return whether an object has a valid ownership marker of the target."""
        marker = (found.object.get("metadata") or {}).get(ownership.FIELD)
        return self.links.signer.key_of(marker) == self.action.target


@dataclass(frozen=True)
class Resource:
    """One kind of object: reading the target of an action, and comparing an answer with it.

    ``name`` is the noun of the object, under which its answers are stored. ``document`` returns the fields of an answer that
    was not deleted. ``instructions`` are the names in ``after`` that control the write and are not fields.
    """

    name: str
    read: Callable[[Call], Found]
    document: Callable[[Call, Found], Document]
    instructions: frozenset[str] = frozenset()

    def differences(self, call: Call, found: Found) -> list[str]:
        """Return the names of the fields in which an object differs from the action."""
        return list(verification.mismatches(call.action.after, self._fields(call, found), self.instructions))

    def check_before(self, call: Call, found: Found) -> None:
        """Raise EntityError ``CHANGED_SINCE`` where the object differs from the action's state before; the next run plans it again."""
        wrong = list(verification.mismatches(call.action.before, self._fields(call, found), self.instructions))
        if wrong:
            raise EntityError(
                ReasonCode.CHANGED_SINCE, f"{', '.join(wrong)} changed in Stripe after the plan. Create a new plan."
            )

    def recover_update(self, call: Call, since: datetime) -> Iterator[Found]:
        """Yield the target if it already equals the action, which shows that the update was made."""
        found = self.read(call)
        if not self.differences(call, found):
            yield found

    def _fields(self, call: Call, found: Found) -> Document:
        return {"deleted": True} if found.object.get("deleted") else self.document(call, found)


@dataclass(frozen=True)
class Handler:
    """One kind of action. ``send`` gets the idempotency key, ``recover`` the time since which a call may have been made.

    ``recover`` yields the objects that an interrupted call may have written; a created one counts only with the ownership
    marker. ``prepare`` notes facts before the call; ``finish`` does the follow-up. Both get the run's time.
    """

    resource: Resource
    send: Callable[[Call, str], Written]
    recover: Callable[[Call, datetime], Iterator[Found]]
    prepare: Callable[[Call, datetime], Action] | None = None
    finish: Callable[[Call, str, datetime], FollowUp] | None = None


def reader(collection: Collection) -> Callable[[Call], Found]:
    """Return the function that reads the target of an action from a collection."""
    return lambda call: collection.read(call.api, call.id)


def change(resource: Resource, collection: Collection, build: Callable[[Call], Parameters]) -> Handler:
    """Return the handler of a change of the target by its id."""

    def send(call: Call, key: str) -> Written:
        return collection.update(call.api, call.id, build(call), key=key)

    return Handler(resource, send, resource.recover_update)


def metadata(given: Mapping[str, str] | None, links: LinkIndex) -> dict[str, str]:
    """Return metadata with the link key replaced by its marker. Only our names are sent; foreign ones are kept."""
    result = dict(given or {})
    if ownership.FIELD in result:
        result[ownership.FIELD] = links.signer.marker(result[ownership.FIELD])
    return result


def field_text(call: Call, name: str) -> str | UnsetType:
    """Return a field of an action; None becomes an empty text, which removes the value in Stripe."""
    after = call.action.after
    return (after[name] or CLEARED) if name in after else UNSET


def field_metadata(call: Call) -> dict[str, str] | UnsetType:
    """Return the metadata of an action, with its marker."""
    after = call.action.after
    return metadata(after["metadata"], call.links) if "metadata" in after else UNSET


def without_marker(call: Call) -> MetadataChange:
    """Return the parameters that remove our metadata; foreign names are not sent and are kept."""
    return MetadataChange(metadata=call.action.after["how"]["metadata"])


def existing(call: Call, collection: Collection, *, id: str, refused: EntityError) -> Written:
    """Return the object that already has the id, if it has the ownership marker of this target.

    Raises ``refused`` for any other refusal, EntityError ``ID_TAKEN`` if the object is not ours.
    """
    if refused.reason != ReasonCode.ID_TAKEN:
        raise refused
    found = collection.find(call.api, id)
    if found is not None and call.is_target(found):
        return Written(found.object, None)
    raise EntityError(ReasonCode.ID_TAKEN, f"A {collection.name} with the id {id} exists and is not ours.") from None
