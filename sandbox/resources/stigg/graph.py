"""Stigg's GraphQL: the part of its schema that a billing pipeline uses, answered from the world.

References between objects are kept by id in the world (``plan: {refId, versionNumber}``) and resolved on request.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema

from sandbox.resources.stigg import changes, customers, provision, usage
from sandbox.world.refusal import NotModelled, StiggRefusal
from sandbox.world.state import Obj, World, iso

MAX_PAGE, SMALL_PAGE = 50, 25  # not published; the sizes that Stigg's own documents use
LISTS = {
    "products": "products",
    "plans": "plans",
    "addons": "addons",
    "coupons": "coupons",
    "features": "features",
    "customers": "customers",
    "customerSubscriptions": "subscriptions",
    "integrations": "integrations",
}


@cache
def schema() -> GraphQLSchema:
    """Return the served schema. Resolvers are chosen by ``resolve``."""
    return build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))


def resolve(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
    """Resolve a field: roots by name, references by lookup, others from the world."""
    world: World = info.context
    parent, name = info.parent_type.name, info.field_name
    if parent in ("Query", "Mutation"):
        return root(world, parent, name, args)
    value = source.get(name) if isinstance(source, dict) else None
    if value is None and name == "environmentId":
        return world.environment["id"]
    if value is None and name in ("refId", "customerId", "subscriptionId"):
        return source.get({"refId": "customerId" if parent == "Customer" else "subscriptionId"}.get(name, "refId"))
    if isinstance(value, list):
        value = [completed(world, parent, name, part) for part in value]
        return filtered(value, args.get("filter") or {})
    return completed(world, parent, name, value)


def completed(world: World, parent: str, name: str, value: Any) -> Any:
    """Return the object behind a reference, with what the reference itself says on top."""
    if not isinstance(value, dict):
        return value
    if name in ("plan", "basePlan", "addon", "compatibleAddons"):
        return package(world, value) | value
    if name in ("customer", "payingCustomer"):
        return one(world.stigg["customers"], customerId=value.get("customerId")) | value
    if name == "product":
        return one(world.stigg["products"], refId=value.get("refId")) | value
    if name == "price" and "id" in value and "amount" not in value:
        return next((p for p in all_prices(world) if p["id"] == value["id"]), {}) | value
    if name == "feature":
        return one(world.stigg["features"], refId=value.get("refId")) | value
    return value


def package(world: World, reference: Obj) -> Obj:
    """Return the version of a plan or add-on that a reference names; its latest if it names none."""
    rows = [p for p in (*world.stigg["plans"], *world.stigg["addons"]) if p["refId"] == reference.get("refId")]
    version = reference.get("versionNumber")
    matching = [p for p in rows if version is None or p["versionNumber"] == version]
    return max(matching, key=lambda p: int(p["versionNumber"]), default={})


def all_prices(world: World) -> Iterator[Obj]:
    for owner in (*world.stigg["plans"], *world.stigg["addons"]):
        yield from owner.get("prices") or ()
        yield from owner.get("overagePrices") or ()


def one(rows: list[Obj], **fields: Any) -> Obj:
    return next((row for row in rows if all(row.get(k) == v for k, v in fields.items())), {})


def root(world: World, parent: str, name: str, args: Obj) -> Any:
    """Resolve a root field. One that is not modelled is refused by name."""
    if name == "integrations" and not world.unknowns["integrations_readable"]:
        raise StiggRefusal("Access denied", code="AccessDeniedError")
    if name == "eventLogs":
        if not world.unknowns["event_logs_readable"]:
            raise StiggRefusal("Access denied", code="AccessDeniedError")
        return connection(world, world.stigg["eventLogs"], args)
    if name in LISTS:
        return connection(world, world.stigg[LISTS[name]], args)
    if name == "environments":
        return connection(world, [world.environment], args)
    if name == "currentEnvironment":
        return world.environment["id"]
    if name == "getSubscription":
        return get_subscription(world, args["input"]["subscriptionId"])
    if name == "getCustomerByRefId":
        return one(world.stigg["customers"], customerId=args["input"]["customerId"]) or None
    if name in INPUTS:
        return INPUTS[name](world, args["input"])
    raise NotModelled(f"{parent}.{name}")


def get_subscription(world: World, id: str) -> Obj:
    found = one(world.stigg["subscriptions"], subscriptionId=id)
    if not found:
        raise StiggRefusal(f"Subscription not found: {id}", code="SubscriptionNotFound")
    return found


def provision_subscription(world: World, given: Obj) -> Obj:
    """Make a subscription; one that is paid ends the one of the same customer and resource."""
    provision.checked(world, given)
    row = changes.provisioned(world, given)
    result = provision.made_id(row["subscriptionId"], "result")
    return {"id": result, "status": "SUCCESS", "isScheduled": False, "subscription": row}


def cancel_subscription(world: World, given: Obj) -> Obj:
    found = get_subscription(world, given["subscriptionRefId"])
    if found["status"] in ("CANCELED", "EXPIRED"):
        raise StiggRefusal("Subscription is already canceled or expired", code="SubscriptionAlreadyCanceledOrExpired")
    if given.get("subscriptionCancellationTime", "IMMEDIATE") != "IMMEDIATE":
        raise NotModelled(f"cancelSubscription: {given['subscriptionCancellationTime']}")
    ended = iso(world.now)
    found |= {"status": "CANCELED", "cancelReason": "Immediate", "cancellationDate": ended, "effectiveEndDate": ended}
    return found


INPUTS: dict[str, Callable[[World, Obj], Any]] = {
    "archiveCustomer": customers.archive,
    "cancelSubscription": cancel_subscription,
    "provisionCustomer": customers.provision,
    "provisionSubscriptionV2": provision_subscription,
    "reportUsage": usage.report,
    "updateOneCustomer": customers.update,
    "usageHistoryV2": usage.history,
}


def connection(world: World, rows: list[Obj], args: Obj) -> Obj:
    """Return a page of rows in Stigg's form: filtered, sorted, ten rows by default."""
    paging = args.get("paging") or {"first": 10}
    if "last" in paging or "before" in paging:
        raise NotModelled("paging backwards")
    rows = sorted_rows(filtered(rows, args.get("filter") or {}), args.get("sorting") or [])
    first = paging.get("first", 10)
    largest = MAX_PAGE if world.unknowns["large_pages"] else SMALL_PAGE
    if first > largest and not world.unknowns["stigg_pages_clamp"]:
        raise StiggRefusal(f"paging.first can be at most {largest}", code="BadUserInput")
    first = min(first, largest)
    start = position(paging["after"]) + 1 if paging.get("after") else 0
    shown = rows[start : start + first]
    edges = [{"cursor": cursor(start + i), "node": row} for i, row in enumerate(shown)]
    info = {
        "hasNextPage": start + first < len(rows),
        "hasPreviousPage": start > 0,
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return {"edges": edges, "pageInfo": info, "totalCount": len(rows)}


def cursor(index: int) -> str:
    return base64.b64encode(f"arrayconnection:{index}".encode()).decode()


def position(text: str) -> int:
    try:
        return int(base64.b64decode(text).decode().removeprefix("arrayconnection:"))
    except ValueError:
        raise StiggRefusal(f"Invalid cursor: {text}", code="BadUserInput") from None


def sorted_rows(rows: list[Obj], sorting: list[Obj]) -> list[Obj]:
    for rule in reversed(sorting):
        field, down = rule["field"], rule["direction"] == "DESC"
        rows = sorted(rows, key=lambda row: (row.get(field) is not None, str(row.get(field))), reverse=down)
    return rows


def filtered(rows: list[Any], rules: Obj) -> list[Any]:
    return [row for row in rows if not isinstance(row, dict) or passes(row, rules)] if rules else rows


def passes(row: Obj, rules: Obj) -> bool:
    for name, rule in rules.items():
        if name == "and":
            if not all(passes(row, r) for r in rule):
                return False
        elif name == "or":
            if not any(passes(row, r) for r in rule):
                return False
        elif not compare(row.get(name), rule):
            return False
    return True


def compare(value: Any, rule: Obj) -> bool:
    """Return the result of one comparison in a Stigg filter input."""
    tests: dict[str, Callable[[Any], bool]] = {
        "eq": lambda given: value == given,
        "neq": lambda given: value != given,
        "in": lambda given: value in given,
        "notIn": lambda given: value not in given,
        "is": lambda given: value is given or value == given,
        "isNot": lambda given: value != given,
        "gt": lambda given: value is not None and value > given,
        "gte": lambda given: value is not None and value >= given,
        "lt": lambda given: value is not None and value < given,
        "lte": lambda given: value is not None and value <= given,
    }
    for operation, given in rule.items():
        if operation not in tests:
            raise NotModelled(f"filter operation {operation}")
        if not tests[operation](given):
            return False
    return True


def type_name(value: Any, info: GraphQLResolveInfo[Any], _type: Any) -> str:
    """Return the type of an object that a field of a union holds."""
    if info.field_name == "credentials":
        return "StripeCredentials"
    return "SyncRevisionPriceBillingData" if "priceGroupPackageBillingId" in value else "SyncRevisionBillingData"


def error_body(error: GraphQLError) -> Obj:
    """Return an error in Stigg's form."""
    original = error.original_error
    code = original.code if isinstance(original, StiggRefusal) else "GRAPHQL_VALIDATION_FAILED"
    return {"message": error.message, "extensions": {"code": code, "traceId": "sandbox"}, "path": error.path}
