"""Difference between the target and the actual state of one object. No variant has an optional side."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_sync.domain.model.documents import ObjectDocument


@dataclass(frozen=True)
class Missing:
    """Stigg has the object and Stripe has not."""

    target: ObjectDocument

    @property
    def documents(self) -> tuple[ObjectDocument, ...]:
        """Return the documents of both sides that exist, the target first."""
        return (self.target,)

    @property
    def kind(self) -> str:
        """Return the kind of the object."""
        return self.target.kind

    @property
    def key(self) -> str:
        """Return the link key of the object."""
        return self.target.key

    @property
    def entity(self) -> tuple[str, str] | None:
        """Return the Stigg entity that this is about, (kind, id), if it is known."""
        return self.target.entity

    @property
    def stripe_id(self) -> str | None:
        """Return the id in Stripe: none."""
        return None

    @property
    def is_exempt(self) -> bool:
        """Return whether a person exempted the object in Stripe: there is none."""
        return False


@dataclass(frozen=True)
class Extra:
    """Stripe has an object of the pipeline that nothing in Stigg asks for."""

    actual: ObjectDocument

    @property
    def documents(self) -> tuple[ObjectDocument, ...]:
        """Return the documents of both sides that exist."""
        return (self.actual,)

    @property
    def kind(self) -> str:
        """Return the kind of the object."""
        return self.actual.kind

    @property
    def key(self) -> str:
        """Return the link key of the object."""
        return self.actual.key

    @property
    def entity(self) -> tuple[str, str] | None:
        """Return the Stigg entity that this is about: none."""
        return None

    @property
    def stripe_id(self) -> str | None:
        """Return the id in Stripe."""
        return self.actual.stripe_id

    @property
    def is_exempt(self) -> bool:
        """Return whether a person exempted the object."""
        return bool(self.actual.facts.get("ignored"))


@dataclass(frozen=True)
class Changed:
    """Both sides have the object; ``fields`` names the top-level fields that differ."""

    target: ObjectDocument
    actual: ObjectDocument
    fields: tuple[str, ...]

    @property
    def documents(self) -> tuple[ObjectDocument, ...]:
        """Return the documents of both sides, the target first."""
        return (self.target, self.actual)

    @property
    def kind(self) -> str:
        """Return the kind of the object."""
        return self.target.kind

    @property
    def key(self) -> str:
        """Return the link key of the object."""
        return self.target.key

    @property
    def entity(self) -> tuple[str, str] | None:
        """Return the Stigg entity that this is about, (kind, id), if it is known."""
        return self.target.entity

    @property
    def stripe_id(self) -> str | None:
        """Return the id in Stripe."""
        return self.actual.stripe_id

    @property
    def is_exempt(self) -> bool:
        """Return whether a person exempted the object."""
        return bool(self.actual.facts.get("ignored"))


Difference = Missing | Extra | Changed
Targeted = Missing | Changed  # Stigg asks for the object
Existing = Extra | Changed  # Stripe has the object
