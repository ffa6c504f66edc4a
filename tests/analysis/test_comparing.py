"""Two policies at equal budget; strategies at equal cost."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made
from ttclib.analysis.comparing import COMPARISON_SCHEMA, MATCHED_SCHEMA, compare_policies, matched_compute
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError

NAN = float("nan")


def test_policies_on_shared_problems_and_budgets():
    first = made([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7], [0.0, 0.0, 0.0]], problem_ids=("a", "b", "c"))
    second = made([[0.9, 0.7], [0.2, NAN], [0.3, 0.4]], budgets=(1, 4), problem_ids=("b", "x", "a"))
    frame = compare_policies(first, second, [1, 2, 2], n_resamples=50)
    assert dict(frame.schema) == COMPARISON_SCHEMA
    rows = frame.to_dicts()
    assert [(row["bin"], row["budget"]) for row in rows] == [(b, n) for b in (None, 1, 2) for n in (1, 4)]
    assert [row["first"] for row in rows] == pytest.approx([0.3, 0.5, 0.1, 0.3, 0.5, 0.7])
    assert [row["difference"] for row in rows] == pytest.approx([0.3, 0.05, 0.2, 0.1, 0.4, 0.0])
    assert [row["n_problems"] for row in rows] == [2, 2, 1, 1, 1, 1]


def test_pairs_that_one_side_does_not_define_are_left_out():
    frame = compare_policies(made([[0.1], [NAN], [0.5]]), made([[0.3], [0.9], [NAN]]), n_resamples=5)
    assert frame.row(0, named=True)["difference"] == pytest.approx(0.2) and frame["n_problems"][0] == 1


def test_the_interval_is_paired():
    ease = np.random.default_rng(0).random((60, 1))
    row = compare_policies(made(ease), made(ease + 0.01)).row(0, named=True)
    assert row["ci_low"] == pytest.approx(0.01) == row["ci_high"]


def test_no_shared_budget_is_refused():
    with pytest.raises(RequestError, match="no shared budget: 'best_of_n' has 1, 'dvts' 4"):
        compare_policies(made([[0.1]]), made([[0.1]], variant="dvts", budgets=[4]))


def test_equal_cost_is_not_equal_budget():
    # The search spends four times the tokens at every budget: its curve, moved, is the other one.
    tokens = np.array([10.0, 20, 40, 80, 160])
    best = made([[0.1, 0.2, 0.3, 0.4, 0.5]] * 6, costs={"completion_tokens": tokens})
    beam = made([[0.3, 0.4, 0.5, 0.6, 0.7]] * 6, variant="beam_search", costs={"completion_tokens": 4 * tokens})
    frame = matched_compute([best, beam], ledger=ledger(unit="tokens"), n_points=3, n_resamples=10)
    assert dict(frame.schema) == MATCHED_SCHEMA
    assert frame["cost"].unique().sort().to_list() == pytest.approx([40, 80, 160])
    beam_rows = frame.filter(variant="beam_search")
    assert beam_rows["accuracy"].to_list() == pytest.approx([0.3, 0.4, 0.5])
    assert beam_rows["difference"].to_list() == pytest.approx([0, 0, 0], abs=1e-9)
    at_equal_budget = matched_compute([best, beam], n_points=3, n_resamples=10).filter(variant="beam_search")
    assert at_equal_budget["difference"].to_list() == pytest.approx([0.2] * 3)


def test_a_group_without_a_common_cost_has_no_rows():
    costs = np.repeat([[1.0, 2.0], [10.0, 20.0]], 2, axis=0)
    best = made(np.full((4, 2), 0.5), costs={"completion_tokens": costs})
    other = made(np.full((4, 2), 0.5), variant="x", costs={"completion_tokens": np.full((4, 2), [1.5, 3.0])})
    frame = matched_compute([best, other], [1, 1, 2, 2], ledger=ledger(unit="tokens"), n_resamples=2)
    assert frame.filter(pl.col("bin") == 1).height and not frame.filter(pl.col("bin") == 2).height
