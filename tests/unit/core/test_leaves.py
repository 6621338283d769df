"""Keys, ownership markers, periods, connections: the leaves."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from stripe_sync.core import keys, periods
from stripe_sync.core.clock import SystemClock
from stripe_sync.core.config import connections
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.ownership import Signer
from stripe_sync.core.settings import Environment
from stripe_sync.jobs.runtime.context import Session


def slot(feature: str | None = "seats", country: str | None = "US") -> str:
    charge = keys.feature_part(feature) if feature is not None else keys.FLAT
    return keys.price_slot("production", "plan", "pro", charge=charge, period="MONTHLY", country=country)


def test_a_lookup_key_reads_as_the_design_says() -> None:
    assert slot() == "production:plan:pro:seats:monthly:US"
    assert slot(None, None) == "production:plan:pro:base:monthly:default"


def test_a_feature_called_like_the_flat_fee_is_kept_apart() -> None:
    assert slot("base") != slot(None)
    assert slot("base") == "production:plan:pro:~62ase:monthly:US"


@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=2),
    st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=2),
)
def test_different_parts_never_meet_in_one_key(one: list[str], other: list[str]) -> None:
    a, b = (keys.joined(*map(keys.part, parts)) for parts in (one, other))
    assert (a == b) == (one == other)


@given(st.text(max_size=40).filter(lambda t: t.encode("utf-8", "ignore").decode() == t))
def test_an_escaped_part_can_be_read_back(text: str) -> None:
    assert keys.unescaped(keys.part(text)) == text


def test_a_lookup_key_that_is_too_long_is_cut_and_stays_its_own() -> None:
    slots = [keys.link_key("price", slot("x" * 300 + tail)) for tail in "ab"]
    long = [keys.lookup_key(s) for s in slots]
    assert all(len(key) == keys.LIMIT for key in long)
    assert long[0] != long[1]
    assert keys.lookup_key(keys.link_key("price", slot())) == slot()


REFS = st.text(alphabet="aB1-_.:~é", min_size=1, max_size=6)


@given(st.lists(REFS, min_size=1, max_size=3), st.lists(REFS, min_size=1, max_size=3))
def test_different_references_never_share_an_id(one: list[str], other: list[str]) -> None:
    """SB 9.1: an id that the caller chooses holds letters, digits, ``-`` and ``_`` alone."""
    a, b = (keys.stripe_id(keys.link_key("product", "e", *map(keys.part, refs))) for refs in (one, other))
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,120}", a)
    assert (a == b) == (one == other)


@pytest.mark.parametrize(
    ("key", "id"),
    [
        ("product:production:plan:pro:seats", "production--plan--pro--seats"),
        ("product:production:plan:plan-pro_2:base", "production--plan--plan-pro_2--base"),
        ("coupon:production:coupon:LAUNCH20:1a2b3c4d", "production--coupon--LAUNCH20--1a2b3c4d"),
    ],
)
def test_an_id_reads_as_its_parts(key: str, id: str) -> None:
    assert keys.stripe_id(key) == id


def test_an_escaped_or_long_id_ends_in_a_hash() -> None:
    escaped = keys.stripe_id(keys.link_key("product", keys.product_id("e", "plan", "größe.1")))
    assert re.fullmatch(r"e--plan--gr-e-1---[0-9a-f]{16}", escaped)
    long = [keys.stripe_id(keys.link_key("product", keys.product_id("e", "plan", "x" * 300 + t))) for t in "ab"]
    assert {len(id) for id in long} == {120} and long[0] != long[1]


def test_the_entity_behind_a_key() -> None:
    assert keys.entity_of("customer:test:c-1") == ("customer", "c-1")
    assert keys.entity_of("price:test:plan:pro:base:monthly:default@12345678") == ("plan", "pro")
    assert keys.slot_of("price:a:b@12345678") == "price:a:b"


def test_a_mark_is_ours_only_under_our_secret_our_account_and_unchanged() -> None:
    mine = Signer("acct_1", ("new", "old"))
    assert mine.key_of(mine.marker("customer:e:c")) == "customer:e:c"
    assert mine.key_of(Signer("acct_1", ("old",)).marker("customer:e:c")) == "customer:e:c", "old secrets are accepted"
    assert mine.key_of(Signer("acct_2", ("new",)).marker("customer:e:c")) is None
    assert mine.key_of(Signer("acct_1", ("stolen",)).marker("customer:e:c")) is None
    assert mine.key_of(mine.marker("customer:e:c").replace(":c", ":d")) is None
    assert mine.key_of(None) is mine.key_of("") is mine.key_of("junk") is None
    assert "new" not in repr(mine)
    assert len(mine.marker("price:" + "x" * keys.LIMIT + "@12345678")) <= 500, "the limit of a metadata value"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [("2026-01-31", 1, "2026-02-28"), ("2026-01-31", 2, "2026-03-31"), ("2028-01-31", 1, "2028-02-29"),
     ("2028-02-29", 12, "2029-02-28"), ("2028-02-29", 48, "2032-02-29"), ("2026-12-15", 1, "2027-01-15")],
)  # fmt: skip
def test_months_clamp_at_their_end_and_come_back(anchor: str, months: int, expected: str) -> None:
    assert periods.add_months(day(anchor), months) == day(expected)


@pytest.mark.parametrize(
    ("anchor", "bound", "kept"),
    [("2026-01-31", "2026-02-28", 31), ("2026-01-30", "2026-02-28", 30), ("2026-01-28", "2026-02-28", None),
     ("2026-01-31", "2026-03-31", None), ("2028-02-29", "2029-02-28", 29), ("2026-01-31", "2026-02-27", None)],
)  # fmt: skip
def test_the_day_that_a_short_month_took(anchor: str, bound: str, kept: int | None) -> None:
    assert periods.day_to_keep(day(anchor), day(bound)) == kept


@pytest.mark.parametrize(
    ("moment", "kept", "expected"),
    [("2026-02-28", 31, "2026-01-31"), ("2026-04-30", 31, "2026-03-31"), ("2026-03-31", 31, "2026-03-31"),
     ("2026-02-28", None, "2026-02-28"), ("2026-02-28", 29, "2026-01-29"), ("2026-01-30", 31, "2025-12-31")],
)  # fmt: skip
def test_an_anchor_with_its_day(moment: str, kept: int | None, expected: str) -> None:
    assert periods.anchor_with(day(moment), kept) == day(expected)


@pytest.mark.parametrize(
    ("moment", "kept", "expected"),
    [("2029-02-28", 29, "2028-02-29"), ("2027-02-28", 31, "2024-02-29"), ("2028-02-29", 31, "2024-02-29"),
     ("2030-11-30", 31, "2029-11-30"), ("2103-02-28", 29, "2096-02-29")],
)  # fmt: skip
def test_a_yearly_anchor_with_its_day_stays_in_its_month(moment: str, kept: int, expected: str) -> None:
    assert periods.anchor_with(day(moment), kept, "ANNUALLY") == day(expected)


@pytest.mark.parametrize(
    ("anchor", "interval", "after", "expected"),
    [("2026-01-31", "MONTHLY", "2026-01-31", "2026-02-28"), ("2026-01-31", "MONTHLY", "2026-02-28", "2026-03-31"),
     ("2026-01-31", "MONTHLY", "2027-02-27", "2027-02-28"), ("2026-05-15", "MONTHLY", "2026-03-01", "2026-05-15"),
     ("2024-02-29", "ANNUALLY", "2026-02-27", "2026-02-28"), ("2024-02-29", "ANNUALLY", "2027-02-28", "2028-02-29"),
     ("2025-11-30", "MONTHLY", "2026-01-01", "2026-01-30"), ("2026-12-31", "ANNUALLY", "2027-01-01", "2027-12-31")],
)  # fmt: skip
def test_the_next_bound_by_hand(anchor: str, interval: str, after: str, expected: str) -> None:
    assert periods.next_boundary(day(anchor), interval, day(after)) == day(expected)


@pytest.mark.parametrize(
    ("anchor", "interval", "moment", "expected"),
    [("2026-01-31", "MONTHLY", "2026-03-31", "2026-02-28"), ("2026-01-31", "MONTHLY", "2026-04-01", "2026-03-31"),
     ("2026-01-31", "MONTHLY", "2026-01-31", "2025-12-31"), ("2026-05-15", "MONTHLY", "2026-03-01", "2026-02-15"),
     ("2024-02-29", "ANNUALLY", "2026-02-28", "2025-02-28"), ("2024-02-29", "ANNUALLY", "2028-03-01", "2028-02-29"),
     ("2025-11-30", "MONTHLY", "2026-01-01", "2025-12-30"), ("2026-12-31", "ANNUALLY", "2026-12-01", "2025-12-31")],
)  # fmt: skip
def test_the_bound_before_by_hand(anchor: str, interval: str, moment: str, expected: str) -> None:
    assert periods.boundary_before(day(anchor), interval, day(moment)) == day(expected)


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 (made aware below)
    st.integers(min_value=0, max_value=2000),
    st.sampled_from(["MONTHLY", "ANNUALLY"]),
)
def test_the_next_bound_is_the_first_after_a_moment(anchor: datetime, days: int, interval: str) -> None:
    from datetime import timedelta

    anchor = anchor.replace(tzinfo=UTC)
    moment = anchor + timedelta(days=days)
    bound = periods.next_boundary(anchor, interval, moment)
    assert bound > moment
    step = periods.MONTHS[interval]
    count = next(n for n in range(200) if periods.add_months(anchor, n * step) == bound)
    assert count == 0 or periods.add_months(anchor, (count - 1) * step) <= moment


def test_a_connections_secret_is_not_in_its_text() -> None:
    found = connections.parse(
        "x", '{"conn_type": "stripe", "password": "sk_live_secret", "extra": {"token": "hidden"}}'
    )
    assert found.key() == "sk_live_secret"
    assert "secret" not in repr(found)
    assert "hidden" not in repr(found)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "no scheme", '{"extra": 5}', '{"port": "x"}'])
def test_a_connection_that_cannot_be_read_is_one_sentence_without_the_text(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        connections.from_environ("stripe_x", {"AIRFLOW_CONN_STRIPE_X": text})
    assert "AIRFLOW_CONN_STRIPE_X" in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [(None, None, "https://d"), ("http://127.0.0.1:5", None, "http://127.0.0.1:5"), ("api.test", 8443, "https://api.test:8443"),
     ("http://127.0.0.1", 5, "http://127.0.0.1:5"), ("https://a.test/", None, "https://a.test")],
)  # fmt: skip
def test_the_connections_host_is_the_apis_base_url(host: str | None, port: int | None, expected: str) -> None:
    assert connections.Connection("x", "stripe", host=host, port=port).base_url("https://d") == expected


def test_a_connection_without_a_key_says_so() -> None:
    with pytest.raises(ConfigurationError, match="no password"):
        connections.Connection("x", "stripe").key()


def test_what_was_asked_of_stripe_is_told_without_making_its_client() -> None:
    def refused(id: str) -> connections.Connection:
        raise ConfigurationError(f"{id} must not be asked for")

    session = Session(
        Environment(name="test", stripe_account="acct_1"), create_engine("sqlite://"), refused, SystemClock()
    )
    assert not session.tally.requests
    session.close()
