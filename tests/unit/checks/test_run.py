"""Queries of checks with their parameters as literals."""

from __future__ import annotations

import pytest

from stripe_sync.checks.run import fill_query
from stripe_sync.core.errors import ConfigurationError


def test_parameters_become_literals_and_casts_and_comments_stay_apart() -> None:
    query = "-- of :run\nselect n::int, '5 %' as share from t where environment = :environment and n > :judged"
    assert fill_query(query, {"environment": "it's", "judged": 7, "unused": 1}) == (
        "select n::int, '5 %' as share from t where environment = 'it''s' and n > 7"
    )


def test_a_parameter_without_a_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="parameter judged"):
        fill_query("select :judged", {})
