"""Checkout: a page on which somebody pays, and what follows when they have: Stigg gets its subscription, both are linked.

The page's subscription carries our mark under an id that was chosen beforehand, so nothing can be made twice: neither by
a success page that is loaded again, nor by the schedule that closes what nobody came back for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from stripe_sync.apply.results import Step
from stripe_sync.core import keys, ownership
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError, RowFailed, RunStopped, Waiting
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.domain.checkout import checkout_session as pages
from stripe_sync.domain.checkout.request import CheckoutRequest, provision
from stripe_sync.domain.model import stigg
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Customer
from stripe_sync.domain.model.stripe_status import SessionStatus
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.target.catalog import catalog
from stripe_sync.domain.target.coupons import coupons
from stripe_sync.domain.target.customers import claim as customer_claim
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.latest import Latest, latest
from stripe_sync.jobs.runtime.account import account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import checked_lately, held_at_observe
from stripe_sync.jobs.runtime.run_params import CheckoutFields
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.snapshots.families import Members
from stripe_sync.warehouse.writes import journal, leases
from stripe_sync.warehouse.writes.leases import Lease

PATIENCE = 30  # seconds that a customer may wait for another writer
PAID = ("paid", "no_payment_required")
SESSIONS = "/v1/checkout/sessions"


@step
def checkout(session: Session, run: Run) -> Result:
    """Opens a page for the run's parameter ``request``; gives its session, URL, subscription id and end (Unix seconds)."""
    request = requested(run.params.request or {})
    require_writable(session, run)
    with session.engine.connect() as connection:
        them = Members(customers={request.customer}, subscriptions={request.subscription})
        inputs = require(session, latest(session, run, connection)).of(them)
        key = pages.checkout_key(inputs, request.subscription)
        open_page = links.of_keys(connection, session.environment.name, [key]).get(key)
    if open_page is None:
        require_new(session, inputs, request.subscription)
        claims, _ = coupons(inputs)
        by_ref = {c.entity[1]: c.key for c in claims if c.entity}
        action = pages.action(inputs, catalog(inputs), by_ref, request, now=epoch(run.now))
        customer_in_stripe(session, run, inputs, request.customer)
        open_page = done(make(session, run, action, Lane.CHECKOUT)).stripe_id
    page = session.stripe.in_lane(Lane.CHECKOUT).get(f"{SESSIONS}/{open_page}")
    if page["status"] != SessionStatus.OPEN:
        raise ConfigurationError(
            f"The checkout of {request.subscription} is {page['status']}; choose another subscription id for another one."
        )
    return {
        "session": page["id"],
        "url": page["url"],
        "subscription": request.subscription,
        "expires_at": page["expires_at"],
    }


@step
def complete_checkout(session: Session, run: Run) -> Result:
    """Completes the session of the run's parameter ``session``, or every open one without it; says what became of each.

    Raises Waiting for the one that was asked for and is not paid yet.
    """
    asked = run.params.session
    if asked:
        return {"sessions": {asked: completed(session, run, asked)}}
    with session.engine.connect() as connection:
        waiting = links.of_kind(connection, session.environment.name, "checkout")
    results, problems = {}, []
    for id in waiting.values():
        try:
            results[id] = completed(session, run, id)
        except Waiting:
            results[id] = "open"
        except (RowFailed, RunStopped) as problem:
            problems.append(f"{id}: {problem}")
    if problems:
        raise RunStopped(f"{len(problems)} checkouts could not be completed; the first: {problems[0]}")
    return {"sessions": results}


def requested(given: CheckoutFields) -> CheckoutRequest:
    """The request in a run's parameters. Raises ConfigurationError, naming the field."""
    chosen = given.get("subscription") or f"checkout-{uuid.uuid4().hex[:16]}"
    try:
        return typed({**given, "subscription": chosen}, CheckoutRequest)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"The checkout cannot be made: {error}.") from None


def require(session: Session, newest: Latest | None) -> Latest:
    if newest is None:
        raise ConfigurationError(f"{session.environment.name} was never compared; run reconcile first.")
    return newest


def require_writable(session: Session, run: Run) -> None:
    """Checkouts are made where subscriptions are written, and in no other account."""
    name, environment = session.environment.name, session.environment
    if not checked_lately(session, run):
        account(session)
    for lane in (Lane.CUSTOMERS, Lane.SUBSCRIPTIONS):
        if environment.mode(lane) == Mode.OBSERVE:
            raise ConfigurationError(
                f"The lane {lane} of {name} is in observe, which makes no checkout; set it to propose or enforce."
            )
        if why := leases.pause_reason(session.engine, name, lane):
            raise ConfigurationError(f"The lane {lane} of {name} is paused: {why}.")
    if why := held_at_observe(session):
        raise ConfigurationError(why)


def require_new(session: Session, inputs: Inputs, subscription: str) -> None:
    """Nobody is sold a subscription that they have: neither side may know the id."""
    if inputs.link_key("subscription", subscription) in inputs.links.ids or session.stigg.find_subscription(
        subscription
    ):
        raise ConfigurationError(f"There is a subscription {subscription} already; choose another subscription id.")


def customer_in_stripe(session: Session, run: Run, inputs: Inputs, id: str) -> None:
    """Makes the Stripe customer where there is none: a checkout is a reason to be in Stripe."""
    key = inputs.link_key("customer", id)
    if key in inputs.links.ids:
        return
    row = session.stigg.customer(id)
    if row is None:
        raise ConfigurationError(f"Stigg has no customer {id}.")
    customer = stigg.decode(row, Customer)
    if customer.billing_id:
        raise ConfigurationError(
            f"Stigg says that {id} is {customer.billing_id} in Stripe, and they are not linked; reconcile, or link them."
        )
    action = Action(
        kind=ActionKind.CUSTOMER_CREATE, lane=Lane.CUSTOMERS, target=key, after=dict(customer_claim(inputs, customer, key).document),
        entity=("customer", id), serial=key, sentence=f"Create customer {id}",
    )  # fmt: skip
    step = make(session, run, action, Lane.CUSTOMERS)
    if step.result != "dropped":  # made by another run meanwhile
        done(step)


def make(session: Session, run: Run, action: Action, lane: Lane) -> Step:
    """Makes one action under its lane's lease, after those who write there now."""
    with patiently(session, run, lane) as lease:
        (step,) = write(session, run, [action], lease)
        return step


@contextmanager
def patiently(session: Session, run: Run, lane: Lane) -> Iterator[Lease]:
    """The lane's lease, waited for."""
    policy = Retrying(
        retry=retry_if_exception_type(Waiting),
        stop=stop_after_delay(PATIENCE),
        wait=wait_random(0.05, 0.5),
        reraise=True,
    )
    name = session.environment.name
    lease = policy(leases.take, session.engine, name, lane, f"{run.id}/{uuid.uuid4().hex[:8]}", counted=False)
    with leases.kept(session.engine, lease):
        yield lease


def done(step: Step) -> Step:
    """The step, where it was made. Raises RunStopped with the reason where it was not."""
    if step.result != "done":
        raise RunStopped(f"{step.action.sentence} was not done: {step.detail or step.reason.value or step.result}")
    return step


def completed(session: Session, run: Run, id: str) -> str:
    """``provisioned`` or ``expired``. Raises Waiting while nobody has paid, ConfigurationError for a session of others."""
    api = session.stripe.in_lane(Lane.CHECKOUT)
    page = api.find(f"{SESSIONS}/{id}", expand=["subscription"])
    key = session.signer.key_of(((page or {}).get("metadata") or {}).get(ownership.FIELD))
    name = session.environment.name
    if page is None or key is None or not key.startswith(f"checkout:{keys.part(name)}:"):
        raise ConfigurationError(f"{id} is no checkout of {name}; give the id of a session that checkout opened.")
    if page["status"] == SessionStatus.EXPIRED:
        close(session, key, "expired")
        return "expired"
    if page["status"] != SessionStatus.COMPLETE or page["payment_status"] not in PAID:
        raise Waiting(f"{id} is {page['status']} and {page['payment_status']}; it is completed once it is paid.")
    subscription = keys.entity_of(key)[1]
    with session.engine.begin() as connection:
        held = keys.link_key("subscription", keys.part(name), keys.part(subscription))
        links.add(connection, name, held, page["subscription"]["id"], source="created")
        request = journal.newest_action(connection, name, key)
    if request is None:
        raise RunStopped(f"{id} was opened by another warehouse; provision {subscription} in Stigg by hand.")
    trial_end = page["subscription"].get("trial_end")
    given = provision(
        request["after"]["how"]["request"], billing_id=page["subscription"]["id"],
        start=from_epoch(page["subscription"]["start_date"]), trial_end=from_epoch(trial_end) if trial_end else None,
    )  # fmt: skip
    done(make(session, run, pages.provisioning(name, given), Lane.CHECKOUT))
    close(session, key, "completed")
    return "provisioned"


def close(session: Session, key: str, why: str) -> None:
    with session.engine.begin() as connection:
        links.end(connection, session.environment.name, key, by=f"the pipeline: {why}")
