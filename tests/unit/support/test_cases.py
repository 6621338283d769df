"""The chosen cases of a parametrization depend on the seed; the seeds together have every case."""

from __future__ import annotations

import itertools

import pytest

from tests.support import cases


def test_a_few_neighbours_of_a_cross_have_each_value_and_the_whole_has_each_pair_once() -> None:
    for first, second in (("abcd", "xyz"), ("abcd", "xy"), ("abcd", "wxyz"), ("abc", "xy")):
        found = cases.crossed(first, second)
        assert sorted(found) == sorted(itertools.product(first, second))
        few = found[: len(first)]
        assert {pair[0] for pair in few} == set(first)
        assert {pair[1] for pair in few} == set(second)


def test_the_seeds_have_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ARE_ALL", False)
    for length, number in ((7, 2), (7, 3), (54, 18), (12, 4), (16, 4), (8, 4), (6, 3)):
        seen = set()
        for seed in range(length):
            monkeypatch.setattr(cases, "SEED", seed)
            chosen = cases.chosen_cases(range(length), number)
            assert len(set(chosen)) == number
            seen |= set(chosen)
        assert seen == set(range(length))


def test_the_long_proofs_have_all_cases_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ARE_ALL", True)
    assert cases.chosen_cases("abcde", 2) == list("abcde")
