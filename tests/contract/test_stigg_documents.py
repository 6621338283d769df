"""Our GraphQL documents against Stigg's schema, and the sandbox's Stigg against what is known of the real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from graphql import build_schema, parse, validate

from sandbox.builder import WorldBuilder
from sandbox.resources.stigg.graph import schema
from stripe_sync.clients.stigg import documents, probe_documents
from stripe_sync.clients.stigg.client import StiggApi, refuse
from stripe_sync.core.errors import Incomplete, NotAuthorized, Transient
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
DOCUMENTS = {
    name: value
    for name, value in (vars(documents) | vars(probe_documents)).items()
    if isinstance(value, str) and value.lstrip().startswith(("query", "mutation")) and name != "PACKAGES"
}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_document_is_valid(name: str) -> None:
    assert validate(schema(), parse(DOCUMENTS[name])) == []


def test_a_field_that_stigg_does_not_have_is_found() -> None:
    broken = documents.PRODUCTS.replace("displayName", "display_name")
    assert "display_name" in str(validate(schema(), parse(broken))[0])


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_list_names_its_page_size(name: str) -> None:
    assert "edges" not in DOCUMENTS[name] or "paging: $paging" in DOCUMENTS[name]


def test_the_served_schema_is_a_schema() -> None:
    assert build_schema("type Query { a: Int }")
    assert schema().query_type is not None


def post(harness: Harness, query: str, **variables: Any) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return httpx.post(f"{harness.stigg_url}/graphql", json=body, headers={"X-API-KEY": "server-sandbox"}, verify=False)


def test_a_list_without_paging_is_silently_ten_rows(harness_of: Build, small_world: WorldBuilder) -> None:
    for number in range(4, 20):
        small_world.customer(f"c-{number}")
    harness = harness_of(small_world)
    data = post(harness, "{ customers { totalCount edges { node { customerId } } pageInfo { hasNextPage } } }").json()[
        "data"
    ]
    assert (len(data["customers"]["edges"]), data["customers"]["totalCount"]) == (10, 19)
    api = StiggApi("server-sandbox", base_url=harness.stigg_url, page_size=5)
    with api:
        pages = list(api.pages("customers", documents.CUSTOMERS))
    assert [len(page) for page in pages] == [5, 5, 5, 4]
    assert len({row["customerId"] for page in pages for row in page}) == 19


def test_what_is_not_modelled_is_501_with_its_name(harness_of: Build, small_world: WorldBuilder) -> None:
    answer = post(
        harness_of(small_world), 'mutation { archivePlan(input: {id: "00000000-0000-4000-8000-000000000001"}) { id } }'
    )
    assert answer.status_code == 501
    assert "Mutation.archivePlan" in answer.text


def test_event_logs_are_refused_where_the_key_may_not_read_them(harness_of: Build, small_world: WorldBuilder) -> None:
    answer = post(harness_of(small_world), "{ eventLogs { edges { node { id } } } }")
    assert answer.json()["errors"][0]["extensions"]["code"] == "AccessDeniedError"


def test_a_document_with_an_unknown_field_is_refused(harness_of: Build, small_world: WorldBuilder) -> None:
    answer = post(harness_of(small_world), "{ customers { edges { node { colour } } } }")
    assert answer.status_code == 400
    assert "colour" in answer.json()["errors"][0]["message"]


def test_a_wrong_key_stops_the_run(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    with (
        StiggApi("server-wrong", base_url=harness.stigg_url) as api,
        pytest.raises(NotAuthorized, match="Correct the password of the connection"),
    ):
        api.environment()


def test_a_page_that_shifts_under_the_reader_is_an_incomplete_extract(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    with StiggApi("server-sandbox", base_url=harness.stigg_url, page_size=2) as api:
        pages = api.pages("customers", documents.CUSTOMERS)
        next(pages)
        del harness.world.stigg["customers"][0]
        with pytest.raises(Incomplete, match="extract again"):
            list(pages)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"errors": [{"message": "x", "extensions": {"code": "RateLimitExceeded"}}]}, Transient),
        (200, {"errors": [{"message": "x", "extensions": {"code": "Unauthenticated"}}]}, NotAuthorized),
        (401, {"errors": [{"message": "x"}]}, NotAuthorized),
        (403, None, NotAuthorized),
        (429, None, Transient),
        (503, None, Transient),
    ],
)
def test_errors_come_with_status_200_as_well(status: int, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        refuse("Customers", status, body)
