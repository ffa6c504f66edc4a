"""Accuracy against cost: rows, intervals, and the points that nothing beats."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.strategies_made import made
from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.frontier import FRONTIER_SCHEMA, frontier, pareto
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError

NAN = float("nan")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_pareto_equals_its_definition(points):
    cost, accuracy = np.array(points, dtype=float).T
    expected = [
        not any(
            (c <= cost[i] and a >= accuracy[i]) and (c < cost[i] or a > accuracy[i])
            for c, a in zip(cost, accuracy, strict=True)
        )
        for i in range(len(points))
    ]
    assert pareto(cost, accuracy).tolist() == expected


def test_an_undefined_point_is_no_part_of_the_frontier():
    assert pareto([1, NAN, 2], [NAN, 0.9, 0.5]).tolist() == [False, False, True]


def strategies():
    rng = np.random.default_rng(0)
    ease = np.linspace(0.9, 0.1, 20)[:, None]
    best = made(np.clip(ease + np.array([0.0, 0.05, 0.1]) + rng.normal(0, 0.02, (20, 3)), 0, 1))
    beam = made(
        np.clip(ease + np.array([0.2, 0.3]), 0, 1), variant="beam_search (M=4)", budgets=[2, 4],
        costs={"generations": [2.0, 4.0], "completion_tokens": 50.0},
    )  # fmt: skip
    bound = made(np.ones((20, 3)), variant="pass_at_k")
    return [best, beam, bound], np.repeat([1, 2], 10), ease[:, 0]


def test_rows_of_all_strategies_and_of_the_choice():
    outcomes, bins, ease = strategies()
    result = frontier(outcomes, bins, ease=ease, n_resamples=50)
    frame = result.frame
    assert dict(frame.schema) == FRONTIER_SCHEMA and result.unit == "generations a problem"
    assert len(frame) == 3 * (3 + 2 + 3 + 3)
    best = frame.filter(pl.col("variant") == "best_of_n", pl.col("bin").is_null())
    assert best["accuracy"].to_list() == pytest.approx(outcomes[0].accuracy.mean(axis=0).tolist())
    assert best["cost"].to_list() == [1, 2, 4] and best["n_problems"].to_list() == [20] * 3
    hard = frame.filter(pl.col("strategy") == "beam_search", pl.col("bin") == 2)
    assert hard["accuracy"].to_list() == pytest.approx(outcomes[1].accuracy[10:].mean(axis=0).tolist())
    assert ((frame["ci_low"] <= frame["accuracy"] + 1e-9) & (frame["accuracy"] <= frame["ci_high"] + 1e-9)).all()
    chosen = frame.filter(strategy="compute_optimal")
    assert chosen.filter(pl.col("bin").is_null())["chosen"].to_list() == [None] * 3
    assert chosen.filter(bin=2)["chosen"].to_list() == ["best_of_n", "beam_search (M=4)", "beam_search (M=4)"]
    assert (chosen["optimism"] >= -1e-9).all()
    assert result.chosen is not None and len(result.chosen.policy.thresholds) == 1


def test_the_bound_is_shown_but_neither_chosen_nor_marked():
    outcomes, bins, _ = strategies()
    frame = frontier(outcomes, bins, n_resamples=5).frame
    assert not frame.filter(strategy="pass_at_k")["pareto"].any()
    overall = frame.filter(pl.col("bin").is_null(), pl.col("pareto"))
    assert overall.filter(strategy="beam_search")["budget"].to_list() == [2, 4]


def test_without_bins_nothing_is_chosen():
    outcomes, _, _ = strategies()
    result = frontier(outcomes, n_resamples=5)
    assert result.chosen is None and result.frame["bin"].is_null().all()
    assert result.frame["strategy"].unique().sort().to_list() == ["beam_search", "best_of_n", "pass_at_k"]


def test_only_problems_that_all_hold_are_compared():
    first = made(np.array([[0.0], [1.0], [0.5]]), problem_ids=("a", "b", "c"))
    second = made(np.array([[0.25], [0.75]]), variant="x", problem_ids=("c", "a"))
    frame = frontier([first, second], n_resamples=5).frame
    assert frame["accuracy"].to_list() == [0.25, 0.5] and frame["n_problems"].to_list() == [2, 2]


def test_difficulty_is_charged_to_the_choice_alone():
    outcomes, bins, _ = strategies()
    book = ledger(difficulty=True)
    with pytest.raises(RequestError, match="charges difficulty: say how many samples told it"):
        frontier(outcomes, bins, ledger=book)
    result = frontier(outcomes, bins, ledger=book, bill=DifficultyBill(64, queries=2), n_resamples=5)
    frame = result.frame.filter(pl.col("bin").is_null())
    assert frame.filter(strategy="best_of_n")["cost"].to_list() == [1, 2, 4]
    assert frame.filter(strategy="compute_optimal")["cost"].to_list() == [33, 34, 36]
    assert result.unit == "generations a problem (difficulty)"


def test_seed_and_interval_of_the_mean():
    outcomes, bins, _ = strategies()
    first, again, other = (frontier(outcomes[:1], bins, n_resamples=40, seed=seed).frame for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)
    wide = frontier(outcomes[:1], bins, n_resamples=40, seed=1, level=0.99).frame
    assert ((wide["ci_low"] <= first["ci_low"]) & (wide["ci_high"] >= first["ci_high"])).all()
