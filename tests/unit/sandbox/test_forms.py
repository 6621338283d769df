"""Form bodies as Stripe reads them, and the words of what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.world import forms
from sandbox.world.refusal import StripeRefusal
from sandbox.world.stripe_types import spec


def read(path: str, text: str) -> dict[str, Any]:
    return forms.read(text, spec()["operations"][path]["post"]["params"], kind="")


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("items[0][price]=a&items[1][price]=b", ["a", "b"]),
        ("items[10][price]=b&items[9][price]=a", ["a", "b"]),
        ("items[][price]=a&items[][quantity]=2&items[][price]=b", ["a", "b"]),
    ],
)
def test_lists_are_read_by_index_or_in_order(text: str, prices: list[str]) -> None:
    found = read("/v1/subscriptions", "customer=cus_1&" + text)
    assert [item["price"] for item in found["items"]] == prices


def test_keys_of_metadata_may_be_numbers() -> None:
    assert read("/v1/customers", "metadata[1]=x&metadata[0]=y")["metadata"] == {"1": "x", "0": "y"}


@pytest.mark.parametrize(
    ("path", "text", "message", "param"),
    [
        ("/v1/customers", "metadata[a][b]=c", 'Invalid string: {"b"=>"c"}', "metadata[a]"),
        ("/v1/customers", "name[]=c", 'Invalid string: ["c"]', "name"),
        ("/v1/customers", "metadata=c", "Invalid object", "metadata"),
        ("/v1/subscriptions", "customer=c&items=c", "Invalid array", "items"),
        ("/v1/subscriptions", "customer=c&items[a][price]=c", "Invalid array", "items"),
        ("/v1/subscriptions", "customer=c&trial_end=soon", "Invalid integer: soon", "trial_end"),
        ("/v1/products", "name=c&active=maybe", "Invalid boolean: maybe", "active"),
        (
            "/v1/subscriptions",
            "customer=c&proration_behavior=c",
            "Invalid proration_behavior: must be one of create_prorations, none, or always_invoice",
            "proration_behavior",
        ),
    ],
)
def test_what_fits_no_type_is_refused_in_stripes_words(path: str, text: str, message: str, param: str) -> None:
    with pytest.raises(StripeRefusal) as refused:
        read(path, text)
    assert (str(refused.value), refused.value.param) == (message, param)


@pytest.mark.parametrize("where", ["metadata", "items[0][metadata]"])
def test_metadata_is_checked_wherever_it_is_given(where: str) -> None:
    with pytest.raises(StripeRefusal, match="up to 500 characters"):
        read("/v1/subscriptions", f"customer=c&items[0][price]=p&{where}[a]=" + "x" * 501)
