"""The meaning of an API's answer to each question of ``probe``: every answer that a question knows, and what leaves it open."""

from __future__ import annotations

import pytest

from stripe_sync.jobs.setup.probing.answers import word
from stripe_sync.jobs.setup.probing.stigg import readings as stigg_readings
from stripe_sync.jobs.setup.probing.stripe import readings

NEW = "Permission denied. Enabling \"Events Read\" ('event_read') permissions on this key would allow this request to continue."
OLD = "Having the 'rak_event_read' permission would allow this request to continue."
DAY = 86_400


@pytest.mark.parametrize(
    ("taken", "answer"),
    [
        ((17, 50, 17), "half up a line"),  # 16.5, 49.5, 16.83
        ((16, 50, 17), "half to even a line"),
        ((16, 49, 17), "half down a line"),
        ((16, 49, 16), "down a line"),
        ((17, 50, 16), "of the sum, the remainder on the last line"),  # 82.83 is 83
        ((0, 0, 83), "open"),
        ((17, 50), "open"),
    ],
)
def test_how_a_percentage_is_rounded(taken: tuple[int, ...], answer: str) -> None:
    assert word(readings.rounding_of_percent(taken)) == answer


@pytest.mark.parametrize(("charges", "answer"), [((100,), "one line"), ((60, 40), "a line a tier"), ((), "open")])
def test_the_lines_of_a_part_of_a_tiered_item(charges: tuple[int, ...], answer: str) -> None:
    assert word(readings.parts_of_tiers(charges)) == answer


@pytest.mark.parametrize(
    ("status", "before", "after", "answer"),
    [
        ("canceled", True, False, "yes"),
        ("canceled", True, True, "no"),
        ("canceled", False, False, "open"),
        ("active", True, False, "open"),
    ],
)
def test_whether_an_end_at_a_date_stops(status: str, before: bool, after: bool, answer: str) -> None:
    assert word(readings.stopped_by_end(status=status, before=before, after=after)) == answer


def test_the_timetable_counts_from_the_first_failure() -> None:
    assert word(readings.timetable([DAY, 2 * DAY, 4 * DAY + DAY // 2], "canceled")) == "1, 3.5 days"
    assert word(readings.timetable([DAY], "past_due")) == "open"


@pytest.mark.parametrize(
    ("status", "renewal", "answer"),
    [("unpaid", "draft", "yes"), ("unpaid", "open", "no"), ("unpaid", "", "open"), ("canceled", "", "open")],
)
def test_the_renewal_of_an_unpaid_subscription(status: str, renewal: str, answer: str) -> None:
    assert word(readings.renewal_of_unpaid(status, renewal)) == answer


@pytest.mark.parametrize(
    ("account", "item", "invoice", "answer"),
    [
        ("usd", "eur", "eur", "the item's"),
        ("usd", "eur", "usd", "the account's"),
        ("usd", "eur", "gbp", "open"),
        ("eur", "eur", "eur", "open"),
    ],
)
def test_whose_currency_an_invoice_has(account: str, item: str, invoice: str, answer: str) -> None:
    assert word(readings.currency_of_pending(account=account, item=item, invoice=invoice)) == answer


@pytest.mark.parametrize(
    ("refused", "answer"), [((True, True), "all"), ((False, True), "second"), ((False, False), "none")]
)
def test_which_values_are_refused(refused: tuple[bool, bool], answer: str) -> None:
    assert word(readings.refused_values(dict(zip(("first", "second"), refused, strict=True)))) == answer


@pytest.mark.parametrize(
    ("type", "answer"),
    [("idempotency_error", "yes"), ("invalid_request_error", "no"), ("", "open"), ("api_error", "open")],
)
def test_the_type_of_a_key_in_use(type: str, answer: str) -> None:
    assert word(readings.kind_of_conflict(type)) == answer


@pytest.mark.parametrize(
    ("status", "message", "restricted", "answer", "granted"),
    [
        (200, "", True, "one that this key has", "yes"),
        (403, NEW, True, "event_read", "open"),
        (403, OLD, True, "event_read", "open"),
        (403, "Something else.", True, "open", "open"),
        (200, "", False, "open", "open"),
    ],
)
def test_the_right_of_an_endpoint(status: int, message: str, restricted: bool, answer: str, granted: str) -> None:
    assert word(readings.right_of(status, message, restricted=restricted)) == answer
    assert word(readings.grantable(status, message, restricted=restricted)) == granted


def test_the_names_of_the_native_integration() -> None:
    rows = [{"stiggEntityId": "a", "note": "b"}, {"stiggEntityUrl": "c"}, {}]
    assert word(readings.native_names(rows)) == "stiggEntityId, stiggEntityUrl"
    assert word(readings.native_names([{"note": "b"}])) == "open"


def test_the_ids_of_a_change_of_plan() -> None:
    assert word(stigg_readings.ids_of_change("a", "a")) == "no"
    assert word(stigg_readings.ids_of_change("a", "b")) == "yes"


@pytest.mark.parametrize(
    ("status", "reason", "answer"),
    [("CANCELED", "Immediate", "Immediate"), ("CANCELED", None, "open"), ("ACTIVE", None, "open")],
)
def test_the_reason_of_what_was_replaced(status: str, reason: str | None, answer: str) -> None:
    assert word(stigg_readings.reason_of_end(status, reason)) == answer


@pytest.mark.parametrize(
    ("values", "answer"), [((0,), "after"), ((5,), "before"), ((3,), "open"), ((), "open"), ((0, 0), "open")]
)
def test_the_value_at_a_reset(values: tuple[float, ...], answer: str) -> None:
    assert word(stigg_readings.value_at_reset(values, before=5)) == answer


@pytest.mark.parametrize(
    ("living", "answer"),
    [(["1", "2", "3"], "none"), (["2", "3"], "those before the living subscription"), (["1", "3"], "1 of 3")],
)
def test_what_is_left_out_without_ended_subscriptions(living: list[str], answer: str) -> None:
    assert word(stigg_readings.left_out(["1", "2", "3"], living)) == answer
    assert word(stigg_readings.left_out([], [])) == "open"


@pytest.mark.parametrize(
    ("values", "answer"), [([5, 8], "all of them together"), ([5], "one of them"), ([], "nothing"), ([9], "open")]
)
def test_what_is_shown_without_a_resource(values: list[float], answer: str) -> None:
    assert word(stigg_readings.without_resource(values, 5, 3)) == answer


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [
        (429, "", "status 429"),
        (429, "RateLimitExceeded", "status 429"),
        (200, "RateLimitExceeded", "status 200 with RateLimitExceeded"),
        (400, "BadUserInput", "open"),
        (500, "", "open"),
    ],
)
def test_how_a_request_too_many_is_refused(status: int, code: str, answer: str) -> None:
    assert word(stigg_readings.limit(status, code)) == answer


def test_whether_an_unchanged_charge_keeps_its_id() -> None:
    first, same, other = ({"id": id, "billingModel": model} for id, model in (("1", "A"), ("2", "A"), ("3", "B")))
    assert word(stigg_readings.prices_over_versions([[first], [same]])) == "no"
    assert word(stigg_readings.prices_over_versions([[first], [first, other]])) == "yes"
    assert word(stigg_readings.prices_over_versions([[first], [other]])) == "open"
    assert word(stigg_readings.prices_over_versions([[first, other], [same, other]])) == "1 of 2 keep theirs"


def test_where_the_further_charges_of_an_addon_are() -> None:
    def changed_in(*prices: str) -> str:
        row = {
            "prices": [{"price": {"id": id}} for id in prices],
            "addons": [{"addon": {"refId": "extra", "versionNumber": 1}, "price": {"id": "1"}}],
        }
        return word(stigg_readings.charges_of_addons([row], {("extra", 1): {"1", "2"}}))

    assert changed_in("2") == "in the subscription's prices"
    assert changed_in() == "nowhere in the subscription"
    assert word(stigg_readings.charges_of_addons([], {})) == "open"


@pytest.mark.parametrize(
    ("status", "code", "message", "answer"),
    [
        (200, "", "", "those of the schema"),
        (400, "GRAPHQL_VALIDATION_FAILED", 'Cannot query field "series" on type "UsageHistoryV2".', "others"),
        (200, "GRAPHQL_VALIDATION_FAILED", 'Cannot query field "isResetPoint" on type "UsagePoint".', "others"),
        (400, "GRAPHQL_VALIDATION_FAILED", 'Cannot query field "usageHistoryV2" on type "Query".', "open"),
        (200, "FeatureNotFound", "The feature was not found", "open"),
        (400, "", "", "open"),
        (403, "AccessDeniedError", "Denied", "open"),
        (500, "UnexpectedError", "Internal error", "open"),
    ],
)
def test_the_fields_of_a_usage_history(status: int, code: str, message: str, answer: str) -> None:
    assert word(stigg_readings.fields_of_usage(status, code, message)) == answer
