"""The control API under ``/_world/``: read a world, advance its clock, load another one."""

from __future__ import annotations

from dataclasses import asdict, fields
from functools import partial
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.billing import test_clocks
from sandbox.resources.stripe.checkout import complete
from sandbox.resources.stripe.objects import record
from sandbox.world import state
from sandbox.world.refusal import NotModelled, StripeRefusal
from sandbox.world.state import BadWorld, Fault, World


class Control:
    """The /_world/ routes of one world; the same on either port."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        return [
            Route("/_world/clock", self.clock, methods=["GET", "POST"]),
            Route("/_world/state", self.state),
            Route("/_world/requests", self.requests, methods=["GET", "DELETE"]),
            Route("/_world/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_world/load", self.load, methods=["POST"]),
            Route("/_world/unknowns", self.unknowns, methods=["GET", "POST"]),
            Route("/_world/checkout/{session}", self.checkout, methods=["POST"]),
            Route("/_world/stigg/{collection}", self.stigg, methods=["POST"]),
        ]

    async def clock(self, http: HttpRequest) -> Response:
        """GET: the time. POST ``{"advance": seconds}`` or ``{"now": time}`` advances it."""
        if http.method == "POST":
            given = await http.json()
            now = state.parse_time(given["now"]) if "now" in given else self.world.now + int(given["advance"])
            try:
                self.move(now)
            except (BadWorld, NotModelled) as error:
                return JSONResponse({"error": str(error)}, 400 if isinstance(error, BadWorld) else 501)
        return JSONResponse({"now": self.world.now, "iso": state.iso(self.world.now)})

    def move(self, now: int) -> None:
        if now < self.world.now:
            raise BadWorld("the clock only moves forward")
        test_clocks.pass_time(self.world, now, partial(record, self.world))

    async def state(self, http: HttpRequest) -> Response:
        """Return the world as a world file."""
        return JSONResponse(state.to_document(self.world))

    async def requests(self, http: HttpRequest) -> Response:
        """Return the requests since the start, or since the last DELETE."""
        if http.method == "DELETE":
            self.world.requests.clear()
        return JSONResponse([asdict(r) for r in self.world.requests])

    async def faults(self, http: HttpRequest) -> Response:
        """Faults still to come. POST adds one, such as ``{"method": "POST", "path": "/v1/customers", "when": "after"}``."""
        if http.method == "DELETE":
            self.world.faults.clear()
        elif http.method == "POST":
            try:
                self.world.faults.append(Fault(**await http.json()))
            except TypeError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([asdict(f) for f in self.world.faults])

    async def unknowns(self, http: HttpRequest) -> Response:
        """Assumed answers of this world to open questions. POST ``{"coupon_id_reuse": false}`` changes it."""
        if http.method == "POST":
            given = await http.json()
            if wrong := set(given) - set(self.world.unknowns):
                return JSONResponse({"error": f"no such unknown: {', '.join(sorted(wrong))}"}, 400)
            self.world.unknowns |= given
        return JSONResponse(self.world.unknowns)

    async def load(self, http: HttpRequest) -> Response:
        """Replace the whole world by a world document."""
        try:
            fresh = state.from_document(await http.json())
        except BadWorld as error:
            return JSONResponse({"error": str(error)}, 400)
        for part in fields(World):
            setattr(self.world, part.name, getattr(fresh, part.name))
        return JSONResponse({"now": self.world.now})

    async def checkout(self, http: HttpRequest) -> Response:
        """Play the customer of a checkout session: types an address and a card in, and pays."""
        try:
            return JSONResponse(complete(self.world, http.path_params["session"]))
        except StripeRefusal as refusal:
            return JSONResponse(refusal.body, refusal.status)

    async def stigg(self, http: HttpRequest) -> Response:
        """Change rows of Stigg as a person would in its app: ``{"where": {...}, "set": {...}}`` or ``{"add": row}``."""
        rows = self.world.stigg[http.path_params["collection"]]
        given: Any = await http.json()
        if "add" in given:
            rows.append(given["add"])
            return JSONResponse({"changed": 1})
        found = [row for row in rows if all(row.get(k) == v for k, v in given["where"].items())]
        for row in found:
            row |= given["set"]
        return JSONResponse({"changed": len(found)})
