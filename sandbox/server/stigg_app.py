"""Stigg's server: one GraphQL endpoint, with errors in Stigg's form."""

from __future__ import annotations

from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from sandbox.resources.stigg import graph
from sandbox.server.faults import PAGE
from sandbox.server.stigg_limits import Limits
from sandbox.world.refusal import NotModelled, StiggRefusal
from sandbox.world.state import Fault, Obj, Request, World

# Errors that are answers: a refusal, or a world without a field that may not be null. Any other is a defect of this sandbox.
KNOWN = (StiggRefusal, TypeError)


class StiggApp:
    """One Stigg environment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0
        self.limits = Limits(world)

    async def handle(self, http: HttpRequest) -> Response:
        self.count += 1
        if http.headers.get("x-api-key") not in self.world.stigg_keys:
            return failure(GraphQLError("Unauthenticated", extensions={"code": "Unauthenticated"}), status=401)
        try:
            given = await http.json()
            query, variables = given["query"], given.get("variables") or {}
        except (ValueError, TypeError, KeyError):
            return failure(GraphQLError("The body must be a JSON object with a query"), status=400)
        name = str(given.get("operationName") or "")
        fault = self.world.fault("STIGG", name)
        if fault and fault.kind == "strange":
            return JSONResponse({"status": "busy"})
        if fault and fault.kind == "html":
            return Response(PAGE, media_type="text/html")
        if fault and fault.when == "before":
            return broken(fault)
        status, body = self.answer(query, variables, name or None)
        if fault:
            return broken(fault)
        self.world.requests.append(Request("stigg", "POST", name, variables, status, f"stigg-{self.count}"))
        return JSONResponse(body, status)

    def answer(self, query: str, variables: Obj, name: str | None) -> tuple[int, Obj]:
        try:
            document, problems = validated(query)
        except GraphQLError as error:
            return 400, {"errors": [graph.error_body(error)]}
        if problems:
            return 400, {"errors": [graph.error_body(p) for p in problems]}
        if limit := self.limits.exceeded(*operation_of(document), variables):
            return 429, {"errors": [limited(limit)]}
        result = execute_sync(
            graph.schema(),
            document,
            context_value=self.world,
            variable_values=variables,
            operation_name=name,
            field_resolver=graph.resolve,
            type_resolver=graph.type_name,
        )
        body: Obj = {"data": result.data}
        if result.errors:
            body["errors"] = [graph.error_body(e) for e in result.errors]
            gap = next((e.original_error for e in result.errors if isinstance(e.original_error, NotModelled)), None)
            if gap:
                return 501, {
                    "errors": [{"message": f"The sandbox does not model {gap}", "extensions": {"code": "NotModelled"}}]
                }
            defects = [e.original_error for e in result.errors if not isinstance(e.original_error, KNOWN)]
            if defects and defects[0] is not None:
                raise defects[0]
        return 200, body


@lru_cache(maxsize=256)
def validated(query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Return a query's document and what the schema refuses in it; the schema of all worlds is one. Raises GraphQLError."""
    document = parse(query)
    return document, validate(graph.schema(), document)


def operation_of(document: DocumentNode) -> tuple[str, str]:
    """Return (query or mutation, the name of its first root field)."""
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    field = next(node for node in operation.selection_set.selections if isinstance(node, FieldNode))
    return operation.operation.value, field.name.value


def limited(limit: str) -> Obj:
    """Return the error of a request too many; nothing says when to ask again."""
    extensions = {"code": "RateLimitExceeded", "traceId": "sandbox"}
    return {"message": f"Rate limit exceeded ({limit}).", "extensions": extensions}


def broken(fault: Fault) -> Response:
    """Return the answer to a fault: an error without a code."""
    return JSONResponse({"errors": [{"message": "An error that this world was told to make."}]}, fault.status)


def failure(error: GraphQLError, *, status: int) -> Response:
    extensions = {"traceId": "sandbox"} | (error.extensions or {"code": "BadUserInput"})
    return JSONResponse({"errors": [{"message": error.message, "extensions": extensions}]}, status)
