"""Questions to a Stigg environment for tests about subscriptions and usage, with a customer of its own in the plans that it has."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.clients.stigg import documents
from stripe_sync.clients.stigg import probe_documents as own
from stripe_sync.jobs.setup.probing.answers import Open, ProbeResult
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stigg import readings
from stripe_sync.jobs.setup.probing.stigg.test_customer import StiggCustomer, customer_of, paid_plans, usage_feature

BEFORE, AFTER = 5, 3
MUTATIONS = 40  # more than the 30 a minute that Stigg documents for one customer (SB 18.1)
NO_PLANS = Open("It needs two published paid plans by the month of one product in this Stigg environment.")
NO_USAGE = Open(
    "It needs two published paid plans by the month of one product, the first billed for use, in this environment."
)


def changed(asking: Asking, customer: StiggCustomer) -> tuple[str, str] | None:
    """Go from one paid plan to another of its product; return both ids, None where the environment has no such plans."""
    plans = paid_plans(asking.session.stigg)
    for plan in plans:
        other = next((row for row in plans if row["product"] == plan["product"] and row is not plan), None)
        if other is not None:
            return customer.subscribe(plan), customer.subscribe(other)
    return None


@question("subscription_id_on_change")
def subscription_id_on_change(asking: Asking) -> ProbeResult:
    """Provision a paid plan and then another one, and compare the ids."""
    with customer_of(asking) as customer:
        ids = changed(asking, customer)
        return readings.ids_of_change(*ids) if ids else NO_PLANS


@question("replaced_reason")
def replaced_reason(asking: Asking) -> ProbeResult:
    """Provision a paid plan and then another one, and read the reason for which the first one ended."""
    with customer_of(asking) as customer:
        ids = changed(asking, customer)
        if ids is None:
            return NO_PLANS
        row = customer.api.call(own.ENDING, input={"subscriptionId": ids[0]})["getSubscription"]
        return readings.reason_of_end(row["status"], row["cancelReason"])


def used(asking: Asking, customer: StiggCustomer) -> str | None:
    """Use a feature, change the plan, and use it again; return the feature, None where the environment has no such plans."""
    api = asking.session.stigg
    for plan in paid_plans(api, with_usage=True):
        other = next(
            (p for p in paid_plans(api) if p["product"] == plan["product"] and p["refId"] != plan["refId"]), None
        )
        if other is None:
            continue
        feature = usage_feature(plan["prices"])
        customer.subscribe(plan, startDate=moment(customer, hours=2))
        customer.use(feature, BEFORE, customer.now - timedelta(hours=1))
        customer.subscribe(other)
        customer.use(feature, AFTER, customer.now)
        return feature
    return None


def moment(customer: StiggCustomer, *, hours: int) -> str:
    """Return a moment before now, as Stigg reads it."""
    return f"{customer.now - timedelta(hours=hours):%Y-%m-%dT%H:%M:%S.000Z}"


@question("reset_point_value")
def reset_point_value(asking: Asking) -> ProbeResult:
    """Use, change the plan, use again, and read the point of the reset."""
    with customer_of(asking) as customer:
        feature = used(asking, customer)
        if feature is None:
            return NO_USAGE
        points = customer.history(feature, includeInactiveSubscriptions=True)
        return readings.value_at_reset([float(p["value"]) for p in points if p["isResetPoint"]], before=BEFORE)


@question("inactive_usage")
def inactive_usage(asking: Asking) -> ProbeResult:
    """Use, change the plan, use again, and read the history with and without ended subscriptions."""
    with customer_of(asking) as customer:
        feature = used(asking, customer)
        if feature is None:
            return NO_USAGE
        everything, living = (customer.history(feature, includeInactiveSubscriptions=all) for all in (True, False))
        return readings.left_out([p["timestamp"] for p in everything], [p["timestamp"] for p in living])


@question("usage_without_resource")
def usage_without_resource(asking: Asking) -> ProbeResult:
    """Use a feature on two resources of a customer, and read the history without naming one."""
    api = asking.session.stigg
    several = {
        row["refId"] for page in api.pages("products", own.MULTIPLE) for row in page if row["multipleSubscriptions"]
    }
    plan = next((p for p in paid_plans(api, with_usage=True) if p["product"]["refId"] in several), None)
    if plan is None:
        return Open("It needs a paid plan that is billed for use, of a product with several subscriptions a customer.")
    feature = usage_feature(plan["prices"])
    with customer_of(asking) as customer:
        for resource, value in (("one", BEFORE), ("two", AFTER)):
            customer.subscribe(plan, resourceId=resource)
            customer.use(feature, value, customer.now, resourceId=resource)
        return readings.without_resource([float(p["value"]) for p in customer.history(feature)], BEFORE, AFTER)


@question("usage_fields")
def usage_fields(asking: Asking) -> ProbeResult:
    """Read the usage history of a customer with the fields that the usage job reads."""
    plan = next(iter(paid_plans(asking.session.stigg, with_usage=True)), None)
    if plan is None:
        return Open("It needs a published paid plan by the month that is billed for use in this Stigg environment.")
    with customer_of(asking) as customer:
        given = customer.last_day(usage_feature(plan["prices"]))
        found = customer.api.raw(documents.USAGE_HISTORY, input=given)
        return readings.fields_of_usage(found.status, found.code, found.message)


@question("stigg_limit_answer")
def stigg_limit_answer(asking: Asking) -> ProbeResult:
    """Change one customer of its own more often than the documented limit of a minute, and read the refusal."""
    with customer_of(asking) as customer:
        for number in range(MUTATIONS):
            given = {"customerId": customer.id, "name": f"{customer.id} {number}"}
            found = customer.api.raw(own.RENAME_CUSTOMER, input=given)
            if found.status != 200 or found.code:
                return readings.limit(found.status, found.code)
    return Open(f"{MUTATIONS} changes of one customer were taken, so no limit was met.")
