"""Modelled operations: a table of (verb, path template) and its handler.

A handler is given the call and returns the object that Stripe would answer. The table also names the parameters that a
handler understands: one that Stripe knows and the handler does not is answered with 501 and its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sandbox.world.refusal import NotModelled
from sandbox.world.state import Obj, World


@dataclass
class Call:
    """One request after decoding: the ids of its path, its typed parameters, its key and request id."""

    world: World
    ids: list[str]
    params: Obj
    request_id: str
    idempotency_key: str | None
    verb: str = "post"


Handler = Callable[[Call], Obj]


@dataclass(frozen=True)
class Route:
    verb: str
    path: str
    handler: Handler
    understands: frozenset[str]


ROUTES: list[Route] = []
PAGING = {"limit", "starting_after", "ending_before", "created"}


def route(verb: str, path: str, *understands: str) -> Callable[[Handler], Handler]:
    """Register a handler for an operation, with the parameters that it understands."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(verb, path, handler, frozenset(understands) | {"expand"}))
        return handler

    return register


@cache
def pattern(path: str) -> re.Pattern[str]:
    return re.compile("^" + re.sub(r"\{[^}]+\}", "([^/]+)", path) + "$")


@cache
def by_literals(count: int) -> list[Route]:
    """Return the first ``count`` operations that were registered, those with the fewest templates first."""
    return sorted(ROUTES[:count], key=lambda r: r.path.count("{"))


def match(verb: str, path: str) -> tuple[Route, list[str]] | None:
    """Return the modelled operation of a path and the ids in it; literal paths win over templated ones."""
    for route_of_path in by_literals(len(ROUTES)):
        found = pattern(route_of_path.path).match(path)
        if found and route_of_path.verb == verb:
            return route_of_path, list(found.groups())
    return None


def refuse_unmodelled(route: Route, params: Obj) -> None:
    """501 for a parameter that Stripe knows and this sandbox does not."""
    for name in params:
        if name not in route.understands:
            raise NotModelled(f"{route.verb.upper()} {route.path}: parameter {name}")
