"""Accuracy of one strategy by budget and bin: the contract's columns, and every number by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ttclib.analysis.curves import CURVE_SCHEMA, accuracy_curve
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.samples import ModelFacts

NAN = np.nan


def outcomes(accuracy, tokens=None, *, ids=None, parameters: int | None = 10, **fields) -> Outcomes:
    values = np.asarray(accuracy, dtype=float)
    costs = {} if tokens is None else {"completion_tokens": np.asarray(tokens, dtype=float)}
    names = ids or tuple(f"p{row}" for row in range(len(values)))
    source = Source(policy="walker", policy_model=ModelFacts("walker", parameters))
    budgets = tuple(4**column for column in range(values.shape[1]))
    return Outcomes("beam_search", "beam_search (M=4)", budgets, names, values, costs, source=source, **fields)


def test_rows_by_hand():
    one = outcomes([[0.0, 0.5], [1.0, 0.5], [NAN, 1.0]], [[10, 40], [20, 80], [NAN, 60]])
    frame = accuracy_curve(one, np.array([2, 1, 0]), n_bins=2, n_samples=np.array([0, 3, 5]))
    assert frame.schema == pl.Schema(CURVE_SCHEMA)
    assert frame.select("bin", "budget").rows() == [(None, 1), (None, 4), (1, 1), (1, 4), (2, 1), (2, 4)]
    assert frame["accuracy"].to_list() == pytest.approx([0.5, 2 / 3, 1, 0.5, 0, 0.5])
    assert frame["n_problems"].to_list() == [2, 3, 1, 1, 1, 1]
    assert frame["n_samples"].to_list() == [3, 8, 3, 3, 0, 0]
    assert frame["tokens"].to_list() == [15, 60, 20, 80, 10, 40]
    assert frame["flops"].to_list() == [300, 1200, 400, 1600, 200, 800]
    assert frame["variant"].unique().to_list() == ["beam_search (M=4)"]
    assert frame["policy"].unique().to_list() == ["walker"]
    assert ((frame["ci_low"] <= frame["accuracy"]) & (frame["accuracy"] <= frame["ci_high"])).all()


def test_what_is_unknown_is_null():
    bare = accuracy_curve(outcomes([[1.0]]))
    assert bare.select("tokens", "flops", "generations", "n_samples").row(0) == (None,) * 4
    partly = accuracy_curve(outcomes([[1.0], [0.0]], [[10], [NAN]]))
    assert partly["tokens"][0] is None and partly["flops"][0] is None and partly["accuracy"][0] == 0.5
    sizeless = accuracy_curve(outcomes([[1.0]], [[10]], parameters=None))
    assert sizeless["tokens"][0] == 10 and sizeless["flops"][0] is None


def test_a_bin_that_holds_nobody_stays():
    row = accuracy_curve(outcomes([[1.0]]), np.array([1]), n_bins=2).filter(pl.col("bin") == 2).row(0, named=True)
    assert (row["n_problems"], row["accuracy"], row["ci_low"], row["ci_high"]) == (0, None, None, None)


def test_all_right_is_not_known_to_be_right():
    # Twenty problems, each surely right: the rate of the next may still be lower, never higher.
    row = accuracy_curve(outcomes(np.ones((20, 1)))).row(0, named=True)
    assert row["accuracy"] == row["ci_high"] == 1 and 0.75 < row["ci_low"] < 0.95
    row = accuracy_curve(outcomes(np.zeros((20, 1)))).row(0, named=True)
    assert row["accuracy"] == row["ci_low"] == 0 and 0.05 < row["ci_high"] < 0.25


def test_two_halves_of_one_problem_are_one_problem():
    # Told on one half, scored on the other: twice the rows tell nothing more about other problems.
    rng = np.random.default_rng(0)
    own = rng.random((30, 1))
    ids = tuple(f"p{row}" for row in range(30))
    once = accuracy_curve(outcomes(own, ids=ids)).row(0, named=True)
    twice = accuracy_curve(outcomes(np.vstack([own, own]), ids=ids * 2)).row(0, named=True)
    assert twice["n_problems"] == 30 and twice["accuracy"] == pytest.approx(once["accuracy"])
    width, same = (row["ci_high"] - row["ci_low"] for row in (once, twice))
    assert same == pytest.approx(width, rel=0.05)


def test_the_monte_carlo_error_of_a_mean_is_that_of_independent_draws():
    one = outcomes([[0.5], [0.7], [NAN]], mc_error=np.array([[0.03], [0.04], [NAN]]))
    assert accuracy_curve(one)["mc_error"][0] == pytest.approx(0.05 / 2)
    assert accuracy_curve(outcomes([[0.5]]))["mc_error"][0] == 0 or outcomes([[0.5]]).mc_error is None


def test_bands_of_a_whole_curve_hold_the_pointwise_ones():
    one = outcomes(np.random.default_rng(0).random((40, 3)))
    point, whole = (accuracy_curve(one, family=family) for family in ("pointwise", "simultaneous"))
    assert (whole["ci_high"] - whole["ci_low"] >= point["ci_high"] - point["ci_low"] - 1e-9).all()
