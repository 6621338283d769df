"""The hold of a draft as it is recorded: appended and never changed, the newest of a draft counts. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stripe_sync.domain.model.kinds import Cause


@dataclass(frozen=True)
class DraftHold:
    """A hold, or (``held`` False) its end. ``original`` is when the draft would be finalized without it.

    ``is_stop`` says that ``auto_advance`` was switched off, else the time was moved to ``until``. ``person`` is empty where
    the pipeline did it; ``causes`` are what such a hold waits for.
    """

    invoice: str
    held: bool
    original: datetime | None
    until: datetime | None
    reason: str
    person: str = ""
    causes: frozenset[Cause] = frozenset()
    is_stop: bool = False

    def is_live(self) -> bool:
        """Return whether the pipeline holds the draft, and no person."""
        return self.held and not self.person

    def is_own_stop(self) -> bool:
        """Return whether the pipeline has stopped the draft, which is its own to undo."""
        return self.is_live() and self.is_stop

    def is_persons(self) -> bool:
        """Return whether a person holds the draft."""
        return self.held and bool(self.person)

    def is_let_go(self) -> bool:
        """Return whether a person released the draft: it goes out as it is."""
        return not self.held and bool(self.person)
