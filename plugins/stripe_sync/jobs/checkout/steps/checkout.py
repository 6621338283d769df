"""Checkout steps: open a checkout session; after payment create the subscription in Stigg and link both sides.

The session's subscription has our ownership marker under an id that is chosen beforehand, so nothing is created twice:
neither by a success page that is loaded again, nor by the scheduled DAG that completes sessions.
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
from stripe_sync.core.decoding import from_stigg, typed
from stripe_sync.core.errors import ConfigurationError, EntityError, FatalError, NotReady
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.domain.checkout import checkout_session
from stripe_sync.domain.checkout.request import CheckoutRequest, provision, trial_note
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Customer
from stripe_sync.domain.model.stripe_status import SessionStatus
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.target import customers
from stripe_sync.domain.target.catalog.catalog import catalog
from stripe_sync.domain.target.coupons import coupons
from stripe_sync.jobs.checkout.second_sale import SESSIONS, require_first
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.latest import Latest, latest
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import checked_lately, read_only_reason
from stripe_sync.jobs.runtime.results.checkout import CompletedCheckouts, OpenedCheckout
from stripe_sync.jobs.runtime.run_params import CheckoutFields
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots.families import Members
from stripe_sync.warehouse.writes import journal, leases
from stripe_sync.warehouse.writes.leases import Lease

LEASE_WAIT = 30  # seconds that a customer waits at most for another writer
PAID = ("paid", "no_payment_required")


@step(OpenedCheckout)
def checkout(session: Session, run: Run) -> OpenedCheckout:
    """Open a session for the run's parameter ``request``; return it with its page, or the open one of the same subscription."""
    request = checkout_request(run.params.request or {})
    require_writable(session, run)
    with connect_to_read(session.engine) as connection:
        members = Members(customers={request.customer}, subscriptions={request.subscription})
        inputs = require(session, latest(session, run, connection)).of(members)
        key = checkout_session.checkout_key(inputs, request.subscription)
        open_page = links.of_keys(connection, session.environment.name, [key]).get(key)
    if note := trial_note(inputs, request):
        session.progress(note)
    if open_page is None:
        require_new(session, inputs, request.subscription)
        require_first(session, inputs, request)
        targets, _ = coupons(inputs)
        by_ref = {c.entity[1]: c.key for c in targets if c.entity}
        action = checkout_session.action(inputs, catalog(inputs), by_ref, request, now=epoch(run.now))
        customer_in_stripe(session, run, inputs, request.customer)
        open_page = done(make(session, run, action, Lane.CHECKOUT)).stripe_id
    page = session.stripe.in_lane(Lane.CHECKOUT).get(f"{SESSIONS}/{open_page}")
    if page["status"] != SessionStatus.OPEN:
        raise ConfigurationError(
            f"The checkout of {request.subscription} is {page['status']}. Use another subscription id for a new checkout."
        )
    return OpenedCheckout(
        session=page["id"],
        url=page["url"],
        subscription=request.subscription,
        expires_at=page["expires_at"],
        note=note,
    )


@step(CompletedCheckouts)
def complete_checkout(session: Session, run: Run) -> CompletedCheckouts:
    """Complete the session of the run's parameter ``session``, or all open ones; return their states under ``sessions``.

    Raises NotReady where the given session is not paid yet.
    """
    requested_session = run.params.session
    if requested_session:
        return CompletedCheckouts(sessions={requested_session: complete(session, run, requested_session)})
    with connect_to_read(session.engine) as connection:
        waiting = links.of_kind(connection, session.environment.name, "checkout")
    results, problems = {}, []
    for id in waiting.values():
        try:
            results[id] = complete(session, run, id)
        except NotReady:
            results[id] = "open"
        except (EntityError, FatalError) as problem:
            problems.append(f"{id}: {problem}")
    if problems:
        raise FatalError(f"{len(problems)} checkouts could not be completed. The first: {problems[0]}")
    return CompletedCheckouts(sessions=results)


def checkout_request(given: CheckoutFields) -> CheckoutRequest:
    """Decode the request of a run's parameters. Raises ConfigurationError, which names the invalid field."""
    chosen = given.get("subscription") or f"checkout-{uuid.uuid4().hex[:16]}"
    try:
        return typed({**given, "subscription": chosen}, CheckoutRequest)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"Invalid checkout request: {error}.") from None


def require(session: Session, newest: Latest | None) -> Latest:
    """Return the newest compared snapshots. Raises ConfigurationError before the first comparison."""
    if newest is None:
        raise ConfigurationError(f"{session.environment.name} has no comparison yet. Run reconcile first.")
    return newest


def require_writable(session: Session, run: Run) -> None:
    """Raise ConfigurationError unless customers and subscriptions may be written in this account."""
    name, environment = session.environment.name, session.environment
    if not checked_lately(session, run):
        check_account(session)
    for lane in (Lane.CUSTOMERS, Lane.SUBSCRIPTIONS):
        if environment.mode(lane) == Mode.OBSERVE:
            raise ConfigurationError(
                f"Lane {lane} of {name} is in observe mode, which opens no checkout. Set it to propose or enforce."
            )
        if why := leases.pause_reason(session.engine, name, lane):
            raise ConfigurationError(f"Lane {lane} of {name} is paused: {why}. Resume it first.")
    if why := read_only_reason(session):
        raise ConfigurationError(why)


def require_new(session: Session, inputs: Inputs, subscription: str) -> None:
    """Raise ConfigurationError where either side has a subscription of this id."""
    if inputs.link_key("subscription", subscription) in inputs.links.ids or session.stigg.find_subscription(
        subscription
    ):
        raise ConfigurationError(f"Subscription {subscription} already exists. Use another subscription id.")


def customer_in_stripe(session: Session, run: Run, inputs: Inputs, id: str) -> None:
    """Create the Stripe customer if it is not linked; a checkout requires one."""
    key = inputs.link_key("customer", id)
    if key in inputs.links.ids:
        return
    row = session.stigg.customer(id)
    if row is None:
        raise ConfigurationError(f"Customer {id} not found in Stigg. Use the id of an existing customer.")
    customer = from_stigg(row, Customer)
    if customer.billing_id:
        raise ConfigurationError(
            f"Customer {id} has the billing id {customer.billing_id} in Stigg, and they are not linked. Run reconcile, or link them."
        )
    action = Action(
        kind=ActionKind.CUSTOMER_CREATE,
        lane=Lane.CUSTOMERS,
        target=key,
        after=dict(customers.customer_target(inputs, customer, key).document),
        entity=("customer", id),
        serial=key,
        sentence=f"Create customer {id}",
    )
    step = make(session, run, action, Lane.CUSTOMERS)
    if step.result != "dropped":  # another run has created it
        done(step)


def make(session: Session, run: Run, action: Action, lane: Lane) -> Step:
    """Write one action under its lane's lease, after current writers."""
    with lease_of(session, run, lane) as lease:
        (step,) = write(session, run, [action], lease)
        return step


@contextmanager
def lease_of(session: Session, run: Run, lane: Lane) -> Iterator[Lease]:
    """Hold the lane's lease; wait for it up to 30 s. Raises NotReady."""
    policy = Retrying(
        retry=retry_if_exception_type(NotReady),
        stop=stop_after_delay(LEASE_WAIT),
        wait=wait_random(0.05, 0.5),
        reraise=True,
    )
    name = session.environment.name
    lease = policy(leases.take, session.engine, name, lane, f"{run.id}/{uuid.uuid4().hex[:8]}", counted=False)
    with leases.kept(session.engine, lease):
        yield lease


def done(step: Step) -> Step:
    """Return a written step. Raises FatalError with the reason where it was not written."""
    if step.result != "done":
        raise FatalError(f"{step.action.sentence} failed: {step.detail or step.reason.value or step.result}")
    return step


def complete(session: Session, run: Run, id: str) -> str:
    """Complete one session; return ``provisioned`` or ``expired``.

    Raises NotReady while it is not paid, ConfigurationError for a session that checkout did not open.
    """
    api = session.stripe.in_lane(Lane.CHECKOUT)
    page = api.find(f"{SESSIONS}/{id}", expand=["subscription"])
    key = session.signer.key_of(((page or {}).get("metadata") or {}).get(ownership.FIELD))
    name = session.environment.name
    if page is None or key is None or not key.startswith(f"checkout:{keys.part(name)}:"):
        raise ConfigurationError(
            f"{id} is not a checkout session of {name}. Use the id that stripe-sync checkout printed."
        )
    if page["status"] == SessionStatus.EXPIRED:
        close(session, key, "expired")
        return "expired"
    if page["status"] != SessionStatus.COMPLETE or page["payment_status"] not in PAID:
        raise NotReady(f"{id} is {page['status']} and {page['payment_status']}. It is completed after payment.")
    subscription = keys.entity_of(key)[1]
    with session.engine.begin() as connection:
        target = keys.link_key("subscription", keys.part(name), keys.part(subscription))
        links.add(connection, name, target, page["subscription"]["id"], source="created")
        request = journal.newest_action(connection, name, key)
    if request is None:
        raise FatalError(f"{id} was opened by another warehouse. Provision {subscription} in Stigg manually.")
    trial_end = page["subscription"].get("trial_end")
    body = provision(
        request["after"]["how"]["request"],
        billing_id=page["subscription"]["id"],
        start=from_epoch(page["subscription"]["start_date"]),
        trial_end=from_epoch(trial_end) if trial_end else None,
    )
    done(make(session, run, checkout_session.provisioning(name, body), Lane.CHECKOUT))
    close(session, key, "completed")
    return "provisioned"


def close(session: Session, key: str, why: str) -> None:
    """End the link of a session."""
    with session.engine.begin() as connection:
        links.end(connection, session.environment.name, key, by=f"the pipeline: {why}")
