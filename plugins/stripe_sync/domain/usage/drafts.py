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
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.usage.bills import LINE, Invoice, window_of
from stripe_sync.domain.usage.final_terms import FinalTerms
from stripe_sync.domain.usage.proof import UsageLine, proves

FINAL, DRAFT = "finalinvoice", "draft"
INSTANT = 60  # seconds after which an invoice counts as finalized immediately


def final_key(environment: str, subscription: str, bound: datetime) -> str:
    """The name of an invoice that we make for use that no renewal bills."""
    return keys.link_key(FINAL, keys.part(environment), keys.part(subscription), str(epoch(bound)))


def held(body: Mapping[str, Any], signer: Signer) -> dict[str, UsageLine]:
    """Return our lines on an invoice, by key. A line without a valid ownership marker is foreign."""
    return {line.key: line for line in reversed(own_lines(body, signer))}


def own_lines(body: Mapping[str, Any], signer: Signer) -> list[UsageLine]:
    """Our lines on an invoice as they stand there; a key may be there twice where a person copied a line."""
    found = []
    for line in body["lines"]["data"]:
        key = signer.key_of((line.get("metadata") or {}).get(ownership.FIELD))
        if key is None or not key.startswith(f"{LINE}:"):
            continue
        details = line["parent"]["invoice_item_details"] or {}
        unit = (line.get("pricing") or {}).get("unit_amount_decimal")
        found.append(
            UsageLine(
                key,
                Decimal(str(line.get("quantity_decimal") or line.get("quantity") or 0)),
                Decimal(str(unit if unit is not None else line["amount"])),
                int(line["amount"]),
                line["period"]["start"],
                line["period"]["end"],
                line["currency"],
                item=str(details.get("invoice_item") or ""),
            )
        )
    return found


def cutoff_of(body: Mapping[str, Any], signer: Signer) -> datetime | None:
    """Return where the windows end that an invoice bills: at the renewal that made it (``renewals.renewal_of``), at the end
    that our own invoice names. None for one that bills no use.
    """
    final = signer.key_of((body.get("metadata") or {}).get(ownership.FIELD)) or ""
    if final.startswith(f"{FINAL}:"):
        return from_epoch(int(final.rpartition(":")[2]))
    renewal = renewal_of(body)
    return from_epoch(renewal) if renewal is not None else None


def subscription_of(body: Mapping[str, Any], signer: Signer) -> str | None:
    """Return the Stripe subscription of an invoice; for our own invoices, from the ownership marker."""
    details = (body.get("parent") or {}).get("subscription_details") or {}
    found = details.get("subscription")
    if found:
        return str(found["id"] if isinstance(found, dict) else found)
    final = signer.key_of((body.get("metadata") or {}).get(ownership.FIELD)) or ""
    return keys.unescaped(final.split(":")[2]) if final.startswith(f"{FINAL}:") else None


def was_finalized_immediately(body: Mapping[str, Any]) -> bool:
    """Return whether a renewal of 0 was finalized immediately, so that no line could be added."""
    at = (body.get("status_transitions") or {}).get("finalized_at")
    return body["status"] != "draft" and at is not None and at - body["created"] < INSTANT and body["total"] == 0


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
    id, currency = invoice.invoice, invoice.body["currency"]
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
    body = invoice.body
    after = content(line) | {"description": line.text, "currency": line.currency, "product": line.product}
    after |= (
        {"item": now.item}
        if now
        else {"invoice": invoice.invoice, "customer": body["customer"], **of_subscription(invoice)}
    )
    after["discountable"] = line.discountable
    if rates := manual_rates(body):
        after["tax_rates"] = list(rates)
    period = f"{from_epoch(line.start):%Y-%m-%d} to {from_epoch(line.end):%Y-%m-%d}"
    cost = money.shown(Decimal(line.amount), body["currency"])
    return Action(
        kind=ActionKind.USAGE_LINE_CHANGE if now else ActionKind.USAGE_LINE_PUT,
        target=line.key,
        after=after,
        before=content(now) if now else None,
        sentence=f"Bill {money.plain(line.quantity)} of {line.text} from {period} on {invoice.invoice}: {cost}.",
        due_now={body["currency"]: Decimal(line.amount - (now.amount if now else 0))},
        **common,
    )


def of_subscription(invoice: Invoice) -> dict[str, str]:
    """Return the Stripe subscription that an item is named for beside its invoice; none on an invoice of no subscription."""
    details = (invoice.body.get("parent") or {}).get("subscription_details") or {}
    found = details.get("subscription")
    return {"subscription": str(found["id"] if isinstance(found, dict) else found)} if found else {}


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
    key = signer.key_of((invoice.body.get("metadata") or {}).get(ownership.FIELD)) or ""
    return key.startswith(f"{FINAL}:")


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
