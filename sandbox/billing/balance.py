"""The customer's balance: amounts that an invoice applies, leaves and restores (FACTS_A 20-23, FACTS_B 63-67).

A negative balance is a credit of the customer's, a positive one a debt. Amounts are minor units of the invoice's currency.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.world.state import EventSink, Obj, World

# The smallest amount that Stripe charges, in minor units (reference/currencies.md, 4).
MINIMUM = {
    "gbp": 30, "aed": 200, "myr": 200, "pln": 200, "ron": 200, "dkk": 250, "nok": 300, "sek": 300, "hkd": 400,
    "mxn": 1000, "thb": 1000, "czk": 1500, "huf": 17_500, "jpy": 50, "krw": 50,
}  # fmt: skip
MINIMUM_OF_OTHERS = 50
MAXIMUM = 99_999_999
MAXIMA = {"idr": 999_999_999_999}


@dataclass(frozen=True)
class Settled:
    """The amount due of an invoice, and the balance that it leaves."""

    due: int
    ending: int


def settled(total: int, starting: int, currency: str, *, hundreds: bool = False) -> Settled:
    """Return what a total asks for where the balance is ``starting``, and the balance that is left.

    What cannot be charged is left on the balance: credits, amounts under the minimum and over the maximum, and, with
    ``hundreds``, the difference between an amount and the nearest hundred.
    """
    open_amount = total + starting
    if open_amount < MINIMUM.get(currency, MINIMUM_OF_OTHERS) or open_amount > MAXIMA.get(currency, MAXIMUM):
        return Settled(0, open_amount)
    if hundreds:
        due = (open_amount + 50) // 100 * 100
        return Settled(due, open_amount - due)
    return Settled(open_amount, 0)


def of_customer(world: World, invoice: Obj) -> int:
    """Return the balance of an invoice's customer, 0 where that is deleted."""
    return int(world.stripe["customers"].get(invoice["customer"], {}).get("balance") or 0)


def settle(world: World, invoice: Obj) -> Settled:
    """Return what an invoice would ask for if it were finalized now; nothing is changed."""
    currency = invoice["currency"]
    hundreds = currency == "ugx" or (currency == "isk" and world.unknowns["isk_rounds"])
    return settled(invoice["total"], of_customer(world, invoice), currency, hundreds=hundreds)


def check_whole(world: World, invoice: Obj) -> Obj | None:
    """Return the error of an invoice in ISK that does not come to whole kronur, unless Stripe rounds it like UGX."""
    if invoice["currency"] != "isk" or settle(world, invoice).due % 100 == 0:
        return None
    return {
        "type": "invalid_request_error",
        "code": "invalid_charge_amount_no_decimal_compatible",
        "message": "Amounts in ISK must be divisible by 100.",
    }


def apply(world: World, invoice: Obj, sink: EventSink) -> None:
    """Take an invoice's share of the balance at its finalization; ``total`` stays."""
    starting, result = of_customer(world, invoice), settle(world, invoice)
    invoice |= {
        "starting_balance": starting,
        "ending_balance": result.ending,
        "amount_due": result.due,
        "amount_remaining": result.due,
    }
    move(world, invoice["customer"], result.ending - starting, sink, invoice=invoice, type="applied_to_invoice")


def give_back(world: World, invoice: Obj, sink: EventSink) -> None:
    """Return what an invoice took from the balance, when it is voided (SB 21.8)."""
    taken = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    move(world, invoice["customer"], -taken, sink, invoice=invoice, type="unapplied_from_invoice")


def move(
    world: World, customer: str, amount: int, sink: EventSink, *, type: str, invoice: Obj | None = None,
    currency: str | None = None, **more: object,
) -> Obj | None:  # fmt: skip
    """Change a customer's balance and note it in the ledger; nothing is noted of a change of 0 (FACTS_B 64)."""
    owner = world.stripe["customers"][customer]
    if amount == 0 or owner.get("deleted"):
        return None
    before = dict(owner)
    owner["balance"] = (owner.get("balance") or 0) + amount
    owner["currency"] = owner["currency"] or currency or (invoice or {}).get("currency")
    row = {
        "id": world.next_id("cbtxn"), "object": "customer_balance_transaction", "amount": amount,
        "checkout_session": None, "created": world.now, "credit_note": None, "currency": owner["currency"],
        "customer": customer, "customer_account": None, "description": None, "ending_balance": owner["balance"],
        "invoice": invoice["id"] if invoice else None, "livemode": False, "metadata": {}, "type": type,
    }  # fmt: skip
    sink("customer.updated", owner, before)
    return world.put("balance_transactions", row | more)
