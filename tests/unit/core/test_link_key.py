"""Link keys as links, markers and plans hold them: no byte of a text may change."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stripe_sync.core import keys
from stripe_sync.core.keys import LinkKey

PRICE = "price:production:plan:pro:seats:monthly:default@1a2b3c4d"
OVERRIDE = "price:eu:addon:a~3Ab:~62ase~once:annually:DE:s~2F1@1a2b3c4d"
OWN_COUPON = "coupon:eu:discount:s-1:SPRING:0badcafe"
# (text, owner, entity, package, subscription)
READ = [
    ("customer:eu:c~3A17", "customer:eu:c~3A17", ("customer", "c:17"), ("", ""), None),
    ("subscription:eu:s-1", "subscription:eu:s-1", ("subscription", "s-1"), ("", ""), None),
    ("stigg_subscription:eu:s-1", "subscription:eu:s-1", ("stigg_subscription", "s-1"), ("", ""), None),
    ("oneoff:eu:s-1:0badcafe", "subscription:eu:s-1", ("oneoff", "0badcafe"), ("s-1", "0badcafe"), None),
    ("product:eu:plan:pro", "", ("plan", "pro"), ("plan", "pro"), None),
    ("product:eu:addon:a~3Ab:base", "", ("addon", "a:b"), ("addon", "a~3Ab"), None),
    (PRICE, "", ("plan", "pro"), ("plan", "pro"), None),
    (OVERRIDE, "subscription:eu:s~2F1", ("addon", "a:b"), ("addon", "a~3Ab"), "s/1"),
    ("coupon:eu:coupon:SPRING:0badcafe", "", ("coupon", "SPRING"), ("coupon", "SPRING"), None),
    (OWN_COUPON, "subscription:eu:s-1", ("subscription", "s-1"), ("discount", "s-1"), None),
]


@pytest.mark.parametrize(("text", "owner", "entity", "package", "subscription"), READ)
def test_a_key_is_read(
    text: str, owner: str, entity: tuple[str, str], package: tuple[str, str], subscription: str | None
) -> None:
    assert keys.owner(text) == owner
    assert keys.entity_of(text) == entity
    assert keys.package_of(text) == package
    assert keys.subscription_of(text) == subscription


def test_a_key_is_written() -> None:
    slot = keys.price_slot("production", "plan", "pro", charge="seats", period="MONTHLY", country=None)
    assert keys.version_key(keys.link_key("price", slot), "1a2b3c4d" + "0" * 56) == PRICE
    made = LinkKey("price", ("production", "plan", "pro", "seats", "monthly", "default"), "1a2b3c4d")
    assert (str(made), LinkKey.parse(PRICE)) == (PRICE, made)


def test_only_a_coupon_of_one_subscription_is_its_own() -> None:
    assert [LinkKey.parse(text).is_own_coupon() for text in (OWN_COUPON, "coupon:eu:coupon:a:b", PRICE)] == [
        True,
        False,
        False,
    ]


@given(st.text())
@example("")
@example(":")
@example("price:e:plan:a@1a2b3c4d@1a2b3c4d")
@example("meterevent:e:s@1a2b3c4d:calls:1:0")
def test_every_text_is_formatted_as_it_was(text: str) -> None:
    assert str(LinkKey.parse(text)) == text


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_escaped_parts_come_back(parts: list[str]) -> None:
    key = LinkKey.parse(keys.link_key("customer", *map(keys.part, parts)))
    assert [keys.unescaped(part) for part in key.parts] == parts
