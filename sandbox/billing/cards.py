"""Payment methods: Stripe's test numbers and tokens, and how each answers when it is charged.

The answer of a card follows from its last four digits, as with Stripe's test numbers, so a world or a test makes a card
decline by writing ``{"card": {"last4": "0341"}}`` or by ``POST /_world/payment_methods/PM`` while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Obj

Kind = Literal["paid", "declined", "requires_action", "processing"]


@dataclass(frozen=True)
class Answer:
    """The answer of a payment method to a charge. ``code`` and ``decline_code`` are Stripe's, empty where it pays."""

    kind: Kind
    code: str = ""
    decline_code: str = ""
    message: str = "Your card was declined."


PAYS = Answer("paid")
DEBITED = Answer("processing")
AUTHENTICATE = Answer(
    "requires_action", "authentication_required", "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)  # fmt: skip
# Keyed by the last four digits of a Stripe test number. The declining ones but 0341 cannot be attached to a customer.
CARDS = {
    "0002": Answer("declined", "card_declined", "generic_decline"),
    "0341": Answer("declined", "card_declined", "generic_decline"),
    "9995": Answer("declined", "card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "9987": Answer("declined", "card_declined", "lost_card"),
    "9979": Answer("declined", "card_declined", "stolen_card"),
    "0019": Answer("declined", "card_declined", "fraudulent"),
    "0069": Answer("declined", "expired_card", "expired_card", "Your card has expired."),
    "0127": Answer("declined", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "0119": Answer("declined", "processing_error", "processing_error",
                   "An error occurred while processing your card. Try again in a little bit."),
    "3220": AUTHENTICATE,
    "3184": AUTHENTICATE,
    "3155": AUTHENTICATE,
}  # fmt: skip
# Bank accounts whose debit fails days later, by their last four digits.
DEBITS_THAT_FAIL = {
    "1116": Answer("declined", "payment_intent_payment_attempt_failed", "no_account"),
    "1113": Answer("declined", "payment_intent_payment_attempt_failed", "account_closed"),
    "2227": Answer("declined", "payment_intent_payment_attempt_failed", "insufficient_funds"),
    "3001": Answer("declined", "payment_intent_payment_attempt_failed", "insufficient_funds"),
}
DEBITS = ("us_bank_account", "sepa_debit", "bacs_debit", "au_becs_debit", "acss_debit")
# After these Stripe keeps its schedule and charges nothing until the payment method changes (SB 12.9).
HARD = frozenset({
    "incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization",
    "revocation_of_all_authorizations", "authentication_required", "highest_risk_level", "transaction_not_allowed",
})  # fmt: skip
# What Stripe's test tokens stand for: ``tok_visa``, ``pm_card_visa``.
TOKENS = {
    "visa": ("visa", "4242"),
    "mastercard": ("mastercard", "4444"),
    "amex": ("amex", "0005"),
    "chargeDeclined": ("visa", "0002"),
    "visa_chargeDeclined": ("visa", "0002"),
    "chargeCustomerFail": ("visa", "0341"),
    "chargeDeclinedInsufficientFunds": ("visa", "9995"),
    "visa_chargeDeclinedInsufficientFunds": ("visa", "9995"),
    "chargeDeclinedLostCard": ("visa", "9987"),
    "visa_chargeDeclinedLostCard": ("visa", "9987"),
    "chargeDeclinedStolenCard": ("visa", "9979"),
    "visa_chargeDeclinedStolenCard": ("visa", "9979"),
    "chargeDeclinedFraudulent": ("visa", "0019"),
    "chargeDeclinedExpiredCard": ("visa", "0069"),
    "chargeDeclinedIncorrectCvc": ("visa", "0127"),
    "chargeDeclinedProcessingError": ("visa", "0119"),
    "threeDSecure2Required": ("visa", "3220"),
    "threeDSecureRequired": ("visa", "3220"),
    "authenticationRequired": ("visa", "3184"),
    "authenticationRequiredOnSetup": ("visa", "3155"),
}


def last4(method: Obj) -> str:
    """Return the last four digits of a payment method, empty where it has none."""
    return str((method.get(method["type"]) or {}).get("last4") or "")


def answer_of(method: Obj) -> Answer:
    """Return how a payment method answers an off-session charge."""
    if method["type"] in DEBITS:
        return DEBITED
    return CARDS.get(last4(method), PAYS)


def debit_result(method: Obj) -> Answer:
    """Return what becomes of a bank debit once the bank has answered."""
    return DEBITS_THAT_FAIL.get(last4(method), PAYS)


def is_attachable(method: Obj) -> bool:
    """Return whether a customer can be given the method: declining cards but 0341 are refused (FACTS_B 83)."""
    return answer_of(method).kind != "declined" or last4(method) == "0341"


def is_hard(answer: Answer) -> bool:
    """Return whether Stripe gives up charging this payment method."""
    return answer.decline_code in HARD


def of_token(token: str) -> tuple[str, str] | None:
    """Return (brand, last four digits) of a test token, with or without its prefix ``tok_`` or ``pm_card_``."""
    return TOKENS.get(token.removeprefix("tok_").removeprefix("pm_card_"))


def declined(answer: Answer, **more: Any) -> StripeRefusal:
    """Return the 402 of a declined card."""
    return StripeRefusal(
        answer.message, status=402, type="card_error", code=answer.code, decline_code=answer.decline_code, **more
    )
