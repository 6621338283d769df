"""Actual and target usage lines of a draft, compared by the keys of their ownership markers.

Pure. The lines of a draft are the proof of the billed usage (domain/usage/proof.py): each has our ownership marker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from stripe_sync.core import keys, money, ownership
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.renewals import renewal_of
from stripe_sync.domain.actual.taxes import manual_rates
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.usage.bills import LINE, Invoice, window_of
from stripe_sync.domain.usage.final_terms import FinalTerms
from stripe_sync.domain.usage.proof import UsageLine, proves

FINAL, DRAFT = "finalinvoice", "draft"
INSTANT = 60  # seconds after which an invoice counts as finalized immediately


def final_key(environment: str, subscription: str, bound: datetime) -> str:
    """The name of an invoice that we make for use that no renewal bills."""
    return keys.link_key(FINAL, keys.part(environment), keys.part(subscription), str(epoch(bound)))


def held(invoice: StripeInvoice, signer: Signer) -> dict[str, UsageLine]:
    """Return our lines on an invoice, by key. A line without a valid ownership marker is foreign."""
    return {line.key: line for line in reversed(own_lines(invoice, signer))}


def own_lines(invoice: StripeInvoice, signer: Signer) -> list[UsageLine]:
    """Our lines on an invoice as they stand there; a key may be there twice where a person copied a line."""
    found = []
    for line in invoice.lines.data:
        key = signer.key_of((line.metadata or {}).get(ownership.FIELD))
        if key is not None and key.startswith(f"{LINE}:"):
            found.append(usage_line(key, line))
    return found


def usage_line(key: str, line: InvoiceLine) -> UsageLine:
    """Return a line of an invoice as a usage line."""
    details = line.origin.invoice_item_details
    return UsageLine(
        key=key,
        quantity=line.units(),
        unit_amount=line.unit_amount(),
        amount=line.amount,
        start=line.period.start,
        end=line.period.end,
        currency=line.currency,
        item=(details.invoice_item if details is not None else None) or "",
    )


def _final_key(invoice: StripeInvoice, signer: Signer) -> str:
    """Return the key of the marker of one of our own invoices; empty for any other invoice."""
    key = signer.key_of((invoice.metadata or {}).get(ownership.FIELD)) or ""
    return key if key.startswith(f"{FINAL}:") else ""


def cutoff_of(invoice: StripeInvoice, signer: Signer) -> datetime | None:
    """Return where the windows end that an invoice bills: at the renewal that made it (``renewals.renewal_of``), at the end
    that our own invoice names. None for one that bills no use.
    """
    if final := _final_key(invoice, signer):
        return from_epoch(int(final.rpartition(":")[2]))
    renewal = renewal_of(invoice)
    return from_epoch(renewal) if renewal is not None else None


def subscription_of(invoice: StripeInvoice, signer: Signer) -> str | None:
    """Return the Stripe subscription of an invoice; for our own invoices, from the ownership marker."""
    if found := invoice.subscription():
        return found
    final = _final_key(invoice, signer)
    return keys.unescaped(final.split(":")[2]) if final else None


def was_finalized_immediately(invoice: StripeInvoice) -> bool:
    """Return whether a renewal of 0 was finalized immediately, so that no line could be added."""
    at = invoice.status_transitions.finalized_at
    is_final = invoice.status != InvoiceStatus.DRAFT and at is not None
    return is_final and (at or 0) - invoice.created < INSTANT and invoice.total == 0


def actions(
    invoice: Invoice,
    lines: Sequence[UsageLine],
    there: Sequence[UsageLine],
    *,
    entity: tuple[str, str],
    taken: Iterable[tuple[str, int]],
) -> list[Action]:
    """Return the writes after which a draft has exactly these lines of the windows ``taken``; other lines stay."""
    expected_keys, gone = {line.key for line in lines}, set(taken)
    id, currency = invoice.invoice, invoice.stripe.currency
    common: dict[str, Any] = {"entity": entity, "serial": f"invoice:{id}", "lane": Lane.USAGE, "cause": id}
    kept: dict[str, UsageLine] = {}
    result = []
    for line in there:
        if line.key in expected_keys and line.key not in kept:
            kept[line.key] = line
        elif line.key in kept or window_of(line.key) in gone:
            result.append(
                Action(
                    kind=ActionKind.USAGE_LINE_REMOVE,
                    target=line.key,
                    after={"deleted": True, "item": line.item},
                    before=content(line),
                    sentence=f"Take {line.key} off {id}.",
                    due_now={currency: Decimal(-line.amount)},
                    **common,
                )
            )
    for line in lines:
        now = kept.get(line.key)
        if now is None or not proves(now, line):
            result.append(put(invoice, line, now, common))
    return result


def put(invoice: Invoice, line: UsageLine, now: UsageLine | None, common: Mapping[str, Any]) -> Action:
    """Add a line to a draft, or make one that is there bill what it should."""
    shown = invoice.stripe
    after = content(line) | {"description": line.text, "currency": line.currency, "product": line.product}
    after |= (
        {"item": now.item}
        if now
        else {"invoice": invoice.invoice, "customer": shown.customer, **of_subscription(invoice)}
    )
    after["discountable"] = line.discountable
    if rates := manual_rates(shown):
        after["tax_rates"] = list(rates)
    period = f"{from_epoch(line.start):%Y-%m-%d} to {from_epoch(line.end):%Y-%m-%d}"
    cost = money.shown(Decimal(line.amount), shown.currency)
    return Action(
        kind=ActionKind.USAGE_LINE_CHANGE if now else ActionKind.USAGE_LINE_PUT,
        target=line.key,
        after=after,
        before=content(now) if now else None,
        sentence=f"Bill {money.plain(line.quantity)} of {line.text} from {period} on {invoice.invoice}: {cost}.",
        due_now={shown.currency: Decimal(line.amount - (now.amount if now else 0))},
        **common,
    )


def of_subscription(invoice: Invoice) -> dict[str, str]:
    """Return the Stripe subscription that an item is named for beside its invoice; none on an invoice of no subscription."""
    found = invoice.stripe.subscription()
    return {"subscription": found} if found else {}


def content(line: UsageLine) -> dict[str, Any]:
    """A line as actions write it."""
    return {
        "quantity": money.plain(line.quantity),
        "unit_amount": money.plain(line.unit_amount),
        "amount": str(line.amount),
        "start": line.start,
        "end": line.end,
    }


def is_final(invoice: Invoice, signer: Signer) -> bool:
    """Return whether an invoice is one of our own, which is filled and proven before it is switched on."""
    return bool(_final_key(invoice.stripe, signer))


def final_invoice(
    key: str, terms: FinalTerms, bound: datetime, *, subscription: str, entity: tuple[str, str]
) -> Action:
    """Create the invoice of the usage until a subscription ended, with auto_advance off until it is verified."""
    return Action(
        kind=ActionKind.FINAL_INVOICE_CREATE,
        target=key,
        lane=Lane.USAGE,
        entity=entity,
        after=terms.after(),
        cause="final",
        serial=f"subscription:{subscription}",
        sentence=f"Make an invoice for what {entity[1]} used until {bound:%Y-%m-%d %H:%M} UTC.",
    )


def switch_on(invoice: str, moment: int, coupons: Sequence[str], *, entity: tuple[str, str]) -> Action:
    """Switch a proven invoice of our own on; the coupons that were made for it are deleted."""
    after: dict[str, Any] = {"auto_advance": True, "automatically_finalizes_at": moment}
    return Action(
        kind=ActionKind.FINAL_INVOICE_RELEASE,
        target=keys.link_key("finalrelease", invoice),
        lane=Lane.USAGE,
        entity=entity,
        after=after | ({"coupons": list(coupons)} if coupons else {}),
        cause="final",
        serial=f"invoice:{invoice}",
        sentence=f"Switch {invoice} on: it is finalized at {from_epoch(moment):%Y-%m-%d %H:%M} UTC.",
    )


def take_away(invoice: str, coupons: Sequence[str], *, entity: tuple[str, str], why: str) -> Action:
    """Delete an invoice of our own that is not billed."""
    after: dict[str, Any] = {"deleted": True}
    return Action(
        kind=ActionKind.FINAL_INVOICE_DELETE,
        target=keys.link_key("finalrelease", invoice),
        lane=Lane.USAGE,
        entity=entity,
        after=after | ({"coupons": list(coupons)} if coupons else {}),
        cause="final",
        serial=f"invoice:{invoice}",
        sentence=f"Delete {invoice}: {why}",
    )


def timing(
    kind: str, invoice: str, *, was: int | None, moment: int | None, entity: tuple[str, str], why: str
) -> Action:
    """Return the write of a draft's finalization time; without one a hold stops it, and a release leaves the time to Stripe."""
    is_on = kind == "release"
    alone = "at the time that Stripe sets" if is_on else "manually only"
    when = f"at {from_epoch(moment):%Y-%m-%d %H:%M} UTC" if moment is not None else alone
    on = {"automatically_finalizes_at": moment, "auto_advance": True}  # one without the other never comes (SB 6.1)
    after = on if moment is not None else {"auto_advance": is_on}
    return Action(
        kind=ActionKind(f"{DRAFT}.{kind}"),
        target=keys.link_key(DRAFT, invoice),
        lane=Lane.USAGE,
        entity=entity,
        after=after,
        before={"automatically_finalizes_at": was},
        cause=kind,
        serial=f"invoice:{invoice}",
        sentence=f"{kind.title()} {invoice}: it is finalized {when}. {why}",
    )
