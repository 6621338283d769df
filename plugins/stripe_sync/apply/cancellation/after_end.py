"""The renewals of a subscription after its end, each as a sentence with both sums until it is void or credited."""

from __future__ import annotations

from stripe_sync.apply.resource import Call
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual import stigg_end
from stripe_sync.domain.actual.endings import Collected, is_settled_after_end, renewed_after_end, split, unowed
from stripe_sync.domain.plan.actions import Action


def after_end(call: Call) -> list[str]:
    """Return a sentence with both sums for each renewal after the end that is neither void nor credited yet."""
    action, signer = call.action, call.links.signer
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    found = sorted(unowed(before, call.id, action.after.get("ended_in_stigg")))
    return [told for id in found if (told := renewal_after_end(call.api, action, invoice=id, signer=signer))]


def renewal_after_end(api: StripeApi, action: Action, *, invoice: str, signer: Signer) -> str:
    """Return a sentence with both sums of one invoice that sold a period after the end; empty where it is settled."""
    path = f"{PATHS['invoice']}/{invoice}"
    body, end = api.find(path), action.after.get("ended_in_stigg")
    if body is None or end is None:
        return ""
    lines = [line for page in api.pages(f"{path}/lines") for line in page]
    sums = split(lines, end, signer.own_lines(lines))
    if is_settled_after_end(body, sums):
        return ""
    between = action.after.get("ended_between")
    doubt = stigg_end.told(between) if between else ""
    return renewed_after_end(invoice, body["status"], body["currency"], sums, doubt=doubt)
