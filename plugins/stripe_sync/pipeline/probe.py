"""Asks the real APIs what could not be known before, in objects that it names and takes away again (BILLING 12).

It refuses live accounts and Stigg's production environments. Answers are kept with their date and request ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stripe_sync.errors import AccountRefused, NotAuthorized, RowFailed, UnknownShape
from stripe_sync.pipeline.preflight import account, stigg_environment
from stripe_sync.pipeline.session import Session
from stripe_sync.stigg_api import documents
from stripe_sync.unknowns import UNKNOWNS
from stripe_sync.warehouse import hands

PREFIX = "stripe_sync-probe"
PAGES = (100, 50, 25)


@dataclass(frozen=True)
class Answer:
    """What was found out: ``yes``, ``no``, a number, or ``not asked`` with the way to find it out."""

    name: str
    answer: str
    detail: str = ""
    request_ids: tuple[str, ...] = ()


def probe(session: Session) -> list[Answer]:
    """Asks every question that can be asked, and keeps the answers. Raises AccountRefused for a live account."""
    if session.environment.live:
        raise AccountRefused(
            f"{session.environment.name} is live; probe a Stripe sandbox and a Stigg environment for tests."
        )
    account(session)
    stigg_environment(session)
    found = list(asked(session))
    for one in found:
        if one.answer != "not asked":
            hands.answer(
                session.engine, session.environment.name, one.name, answer=one.answer, detail=one.detail,
                request_ids=one.request_ids,
            )  # fmt: skip
    return found


def asked(session: Session) -> Iterator[Answer]:
    for unknown in UNKNOWNS:
        ask = QUESTIONS.get(unknown.name)
        if ask is None:
            yield Answer(unknown.name, "not asked", f"{unknown.question} docs/unknowns.md says how to see it.")
        else:
            yield ask(session)


def coupon_id_reuse(session: Session) -> Answer:
    """Makes a coupon, deletes it, and makes it again."""
    id = f"{PREFIX}-{uuid.uuid4().hex[:8]}"
    params: Any = {"id": id, "percent_off": 1, "duration": "forever", "name": PREFIX}
    seen: list[str] = []
    for attempt in ("first", "second"):
        try:
            made = session.stripe.write(
                "post /v1/coupons", lambda c, o: c.v1.coupons.create(params, o), idempotency_key=f"{id}-{attempt}"
            )
        except RowFailed as refused:
            if attempt == "first":
                raise
            return Answer("coupon_id_reuse", "no", refused.detail, tuple(seen))
        seen += requests(made)
        delete(session, "coupon", id)
    return Answer("coupon_id_reuse", "yes", request_ids=tuple(seen))


def requests(made: Any) -> tuple[str, ...]:
    return (made.request_id,) if made.request_id else ()


def delete(session: Session, kind: str, id: str) -> None:
    def call(client: Any, options: Any) -> Any:
        service = client.v1.products if kind == "product" else client.v1.coupons
        return service.delete(id, {}, options)

    session.stripe.write(f"delete /v1/{kind}s/{{id}}", call, idempotency_key=f"{PREFIX}-{uuid.uuid4().hex}")


def integrations_readable(session: Session) -> Answer:
    try:
        session.stigg.billing_integrations()
    except NotAuthorized as refused:
        return Answer("integrations_readable", "no", str(refused))
    return Answer("integrations_readable", "yes")


def event_logs_readable(session: Session) -> Answer:
    try:
        session.stigg.call(documents.EVENT_LOGS, paging={"first": 1})
    except (NotAuthorized, UnknownShape) as refused:
        return Answer("event_logs_readable", "no", str(refused))
    return Answer("event_logs_readable", "yes")


def largest_page(session: Session) -> Answer:
    """Tries pages, the largest first."""
    for size in PAGES:
        try:
            session.stigg.call(documents.PRODUCTS, paging={"first": size})
        except UnknownShape:
            continue
        return Answer("largest_page", str(size), f"Set stigg_page_size = {size}." if size > 25 else "")
    return Answer("largest_page", f"less than {PAGES[-1]}", "Set stigg_page_size lower.")


QUESTIONS: dict[str, Callable[[Session], Answer]] = {
    "coupon_id_reuse": coupon_id_reuse,
    "integrations_readable": integrations_readable,
    "event_logs_readable": event_logs_readable,
    "largest_page": largest_page,
}
