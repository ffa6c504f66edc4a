"""Verifier quality against pairs counted one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import build_store, make_pool, real_data
from ttclib.analysis.difficulty import tell_difficulty
from ttclib.analysis.verifier import (
    QUALITY_SCHEMA,
    auc,
    calibration,
    expected_calibration_error,
    verifier_quality,
    within_problem_auc,
)
from ttclib.store import load_pool

NAN = float("nan")
samples = st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.9, NAN]), st.sampled_from([0.0, 1.0, NAN])), max_size=9)


@given(samples)
def test_auc_is_the_share_of_pairs_in_order(pairs):
    known = [(score, right) for score, right in pairs if not np.isnan(score) and not np.isnan(right)]
    right, wrong = ([score for score, grade in known if grade == g] for g in (1, 0))
    expected = np.mean([(a > b) + (a == b) / 2 for a, b in product(right, wrong)]) if right and wrong else NAN
    assert auc([s for s, _ in pairs], [r for _, r in pairs]) == pytest.approx(expected, nan_ok=True)


def test_knowing_which_problems_are_easy_selects_nothing():
    scores, correct = [[0.9, 0.9], [0.1, 0.1]], [[1, 1], [0, 0]]
    assert auc(scores, correct) == 1
    assert np.isnan(within_problem_auc(scores, correct)).all()


def test_calibration_by_hand():
    assert calibration([0.05, 0.95, 0.85], [0, 1, 0], n_bins=2) == [(0.05, 0, 1), (pytest.approx(0.9), 0.5, 2)]
    assert expected_calibration_error([0.05, 0.95, 0.85], [0, 1, 0], n_bins=2) == pytest.approx((0.05 + 0.8) / 3)


def test_the_table_over_all_and_by_bin(tmp_path):
    pool = load_pool(build_store(tmp_path / "s.duckdb", n_problems=40, n_samples=16))
    frame = verifier_quality(pool, tell_difficulty(pool.correct, 4))
    assert dict(frame.schema) == QUALITY_SCHEMA and frame["bin"].to_list() == [None, 1, 2, 3, 4]
    first, scores = frame.row(0, named=True), pool.verifier("prm").by("last")
    within = within_problem_auc(scores, pool.correct)
    assert first["auc"] == pytest.approx(auc(scores, pool.correct))
    assert first["auc_within"] == pytest.approx(np.nanmean(within)) and first["n_mixed"] == (~np.isnan(within)).sum()
    assert first["ci_low"] < first["auc_within"] < first["ci_high"]
    assert frame["n_problems"].to_list() == [40, 10, 10, 10, 10]
    assert first["accuracy"] == pytest.approx(pool.correct.mean())
    assert first["calibration_error"] == pytest.approx(expected_calibration_error(scores, pool.correct))
    assert frame["accuracy"].to_list()[1:] == sorted(frame["accuracy"].to_list()[1:], reverse=True)


def test_what_cannot_be_said_is_null():
    pool = make_pool([[1, 1], [None, 0]], scores=[[3.0, 2.0], [0.5, NAN]])
    row = verifier_quality(pool).row(0, named=True)
    assert row["auc"] is None and row["auc_within"] is None and row["calibration_error"] is None
    assert (row["n_problems"], row["n_mixed"], row["n_samples"]) == (1, 0, 2)


def test_a_weak_real_verifier():
    tasks = real_data("codet_humaneval_164x100.jsonl")
    correct = [[float(passed) for passed in task["passed"]] for task in tasks]
    pool = make_pool(correct, scores=[[float(n) for n in task["tests_passed"]] for task in tasks])
    row = verifier_quality(pool).row(0, named=True)
    # Useful within a problem, and yet best-of-100 falls: the few wrong samples that pass every test win.
    assert 0.7 < row["ci_low"] < row["auc_within"] < row["ci_high"] < 0.85
    assert row["calibration_error"] is None and 0 < row["n_mixed"] < row["n_problems"] == 164
