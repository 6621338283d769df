"""Usage ledger: the states of a window's quantity, the permitted transitions, and movements between states.

A movement takes a quantity and its amount out of one state and puts them into another, as double-entry bookkeeping does. So
the states of a window always sum to the quantity that Stigg reported (invariant 10). The database refuses other transitions
too (``sql/migrations/versions/0001_schema.sql``; a test compares both).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from stripe_sync.core.errors import FatalError


class UsageState(StrEnum):
    """Place of a quantity on its way from Stigg to an invoice. The values are stored; renaming one is a migration."""

    REPORTED = ""  # outside the ledger: the source of every reading, and the state of a window that was never read
    PENDING = "pending"  # read, not on an invoice yet
    SUBMITTED = "pushed"  # sent to Stripe, not verified yet
    VERIFIED = "proven"  # on a draft in lines that equal ours, or counted by a meter
    BILLED = "billed"  # on a finalized invoice
    REVERSED = "reversed"  # its invoice was voided or credited; an exception
    WAIVED = "waived"  # not billed, by decision of a person or because it costs nothing
    UNBILLABLE = "unbillable"  # no invoice has it; an exception with an amount
    BILLED_EXTERNALLY = "billed_before_us"  # counted by a meter before stripe_sync took over
    ROUNDED = "rounded"  # decimals that Stripe does not take, and minor units that it rounded otherwise than the ledger


OPEN = (UsageState.PENDING, UsageState.SUBMITTED)  # has to get onto an invoice yet
BILLABLE = (*OPEN, UsageState.VERIFIED)  # not on a finalized invoice yet
_S = UsageState
_GIVEN_UP = "No invoice has it and none will come by itself."
_VOIDED = "Its invoice was voided."
_WAIVED = "A person does not bill it, or it costs nothing."

PERMITTED: Mapping[tuple[UsageState, UsageState], str] = {
    (_S.REPORTED, _S.PENDING): "Stigg reported it, or a change of it.",
    (_S.REPORTED, _S.ROUNDED): "More decimals than Stripe takes; a quantity without amount.",
    (_S.PENDING, _S.SUBMITTED): "A write of it was sent, and its answer does not prove it.",
    (_S.PENDING, _S.VERIFIED): "Its lines on the draft equal ours.",
    (_S.PENDING, _S.BILLED): "A finalized invoice has it, and no run saw that before.",
    (_S.PENDING, _S.BILLED_EXTERNALLY): "A meter had counted it before stripe_sync sent anything.",
    (_S.PENDING, _S.REVERSED): _VOIDED,
    (_S.PENDING, _S.WAIVED): _WAIVED,
    (_S.PENDING, _S.UNBILLABLE): _GIVEN_UP,
    (_S.SUBMITTED, _S.PENDING): "Its draft sells a period after the end; another invoice bills it.",
    (_S.SUBMITTED, _S.VERIFIED): "Its lines on the draft equal ours, or the meter has counted it.",
    (_S.SUBMITTED, _S.BILLED): "A finalized invoice has it.",
    (_S.SUBMITTED, _S.REVERSED): _VOIDED,
    (_S.SUBMITTED, _S.WAIVED): _WAIVED,
    (_S.SUBMITTED, _S.UNBILLABLE): _GIVEN_UP,
    (_S.VERIFIED, _S.PENDING): "Its lines were changed in Stripe, or its draft sells a period after the end.",
    (_S.VERIFIED, _S.BILLED): "Its draft was finalized.",
    (_S.VERIFIED, _S.REVERSED): _VOIDED,
    (_S.VERIFIED, _S.WAIVED): _WAIVED,
    (_S.VERIFIED, _S.UNBILLABLE): "Its invoice was finalized or deleted without it.",
    (_S.BILLED, _S.REVERSED): "Its invoice was voided, or credit notes took it back.",
    (_S.REVERSED, _S.WAIVED): _WAIVED,
    (_S.UNBILLABLE, _S.WAIVED): _WAIVED,
    (_S.ROUNDED, _S.BILLED): "Stripe rounds its lines otherwise; an amount without quantity.",
}


class TransitionRefused(FatalError):
    """A movement that the table of permitted transitions does not have; nothing of it is stored."""


@dataclass(frozen=True)
class Balance:
    """Content of one state: units of the feature, and their amount in minor units."""

    quantity: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)

    def __add__(self, other: Balance) -> Balance:
        return Balance(self.quantity + other.quantity, self.amount + other.amount)

    def __sub__(self, other: Balance) -> Balance:
        return Balance(self.quantity - other.quantity, self.amount - other.amount)


Balances = Mapping[UsageState, Balance]


@dataclass(frozen=True, kw_only=True)
class Movement:
    """A balance on its way from one state of a window to another. The store adds run and time."""

    window: int
    source: UsageState
    target: UsageState
    balance: Balance
    invoice: str | None = None
    reason: str = ""
    person: str = ""


@dataclass(frozen=True, kw_only=True)
class Drain:
    """A decision to empty states of a window into another one, whatever lies in them when it is stored."""

    window: int
    sources: tuple[UsageState, ...]
    target: UsageState
    invoice: str | None = None
    reason: str = ""
    person: str = ""

    def movements(self, balances: Balances) -> list[Movement]:
        """Return its movements. Where its states are empty, one movement of 0 makes the target the window's state."""
        present = [state for state in self.sources if state in balances and state != self.target]
        filled = [state for state in present if balances[state] != Balance()]
        return [
            Movement(
                window=self.window,
                source=state,
                target=self.target,
                balance=balances[state],
                invoice=self.invoice,
                reason=self.reason,
                person=self.person,
            )
            for state in filled or present[-1:]
        ]


def check(movement: Movement) -> None:
    """Raise TransitionRefused where the table does not have a movement's transition."""
    if (movement.source, movement.target) not in PERMITTED:
        raise TransitionRefused(
            f"Usage window {movement.window}: a quantity may not go from '{movement.source or 'reported'}' to "
            f"'{movement.target or 'reported'}', and nothing was stored; report it with `stripe-sync usage`."
        )


def book(balances: Balances, movement: Movement) -> dict[UsageState, Balance]:
    """Return the balances of a window after a movement; the given ones stay as they are.

    What comes from Stigg is taken out of no state. Raises TransitionRefused for a transition that is not permitted.
    """
    check(movement)
    after = dict(balances)
    after[movement.target] = after.get(movement.target, Balance()) + movement.balance
    if movement.source is not UsageState.REPORTED:
        after[movement.source] = after.get(movement.source, Balance()) - movement.balance
    return after


def total(balances: Balances, states: Iterable[UsageState] | None = None) -> Balance:
    """Return the sum of some states, or of all: the quantity that Stigg reported, and its amount."""
    chosen = list(balances.values()) if states is None else [balances.get(state, Balance()) for state in states]
    return sum(chosen, Balance())
