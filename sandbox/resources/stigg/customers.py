"""Customers of Stigg: made, changed and archived."""

from __future__ import annotations

import uuid

from sandbox.world.refusal import NotModelled, StiggRefusal
from sandbox.world.state import Obj, World, iso

CHANGEABLE = {"name", "email", "billingId", "additionalMetaData"}


def provision(world: World, given: Obj) -> Obj:
    """Make a customer; an id that is there already is that customer, changed."""
    for name in set(given) - CHANGEABLE - {"customerId"}:
        raise NotModelled(f"provisionCustomer: {name}")
    row = next((c for c in world.stigg["customers"] if c["customerId"] == given["customerId"]), None)
    if row is None:
        id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"customer/{given['customerId']}"))
        row = {"id": id, "createdAt": iso(world.now), "hasPaymentMethod": False, "deletedAt": None}
        world.stigg["customers"].append(row)
    row |= given | {"updatedAt": iso(world.now)}
    return {"customer": row}


def update(world: World, given: Obj) -> Obj:
    """Change a customer."""
    found = living(world, given["customerId"])
    for name in set(given) - CHANGEABLE - {"customerId"}:
        raise NotModelled(f"updateOneCustomer: {name}")
    found |= given | {"updatedAt": iso(world.now)}
    return found


def archive(world: World, given: Obj) -> Obj:
    """Archive a customer: it stays, with the moment at which that happened."""
    found = living(world, given["customerId"])
    found |= {"deletedAt": iso(world.now), "updatedAt": iso(world.now)}
    return found


def living(world: World, id: str) -> Obj:
    """Return a customer. Raises StiggRefusal."""
    found: Obj | None = next((c for c in world.stigg["customers"] if c["customerId"] == id), None)
    if found is None:
        raise StiggRefusal(f"Customer not found: {id}", code="CustomerNotFound")
    return found
