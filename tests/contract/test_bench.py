"""The benchmarks at a size at which nothing is measured: so that they cannot rot."""

from __future__ import annotations

import pytest

from bench import __main__ as bench
from tests.support import warehouses


@pytest.mark.parametrize(
    "stage",
    ["limited read", "free read", "compare", "deciding", "usage close", "memory", "pages and report", "DAG files"],
)
def test_a_stage_runs_and_gives_figures(stage: str) -> None:
    with warehouses.fresh() as (url, _):
        figures = bench.STAGES[stage](url, 0.002)
    assert figures
    assert all({"stage", "what", "reached"} <= set(figure) for figure in figures)
