"""Difficulty and its bins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import make_pool
from ttclib.analysis.difficulty import (
    bin_thresholds,
    cheap_difficulty,
    check_bins,
    difficulty_agreement,
    difficulty_bins,
    difficulty_table,
    oracle_difficulty,
    predicted_difficulty,
    threshold_bins,
)
from ttclib.analysis.folds import split_pool
from ttclib.errors import RequestError

NAN = float("nan")


def test_oracle_is_pass_at_1_of_the_graded_samples():
    ease = oracle_difficulty([[1, 0, 0, 1], [1, NAN, NAN, 0], [NAN, NAN, NAN, NAN]])
    assert ease[:2].tolist() == [0.5, 0.5]
    assert np.isnan(ease[2])


def test_predicted_is_the_mean_score_of_the_scored_samples():
    ease = predicted_difficulty([[0.9, 0.5], [NAN, 0.2], [NAN, NAN]])
    assert ease[:2] == pytest.approx([0.7, 0.2])
    assert np.isnan(ease[2])


def test_bin_1_is_the_easiest():
    assert difficulty_bins([0.1, 0.9, 0.5, 0.7, 0.3], 5).tolist() == [5, 1, 3, 2, 4]


def test_ties_keep_their_order():
    assert difficulty_bins([0.5] * 4, 2).tolist() == [1, 1, 2, 2]


def test_unknown_is_in_no_bin():
    assert difficulty_bins([NAN, 0.1, 0.2], 2).tolist() == [0, 2, 1]
    assert difficulty_bins([NAN, NAN], 3).tolist() == [0, 0]


def test_refuses_no_bins():
    with pytest.raises(ValueError, match="n_bins"):
        difficulty_bins([0.1], 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 8))
def test_bins_differ_by_one_at_most_and_never_swap_easy_and_hard(ease, n_bins):
    bins = difficulty_bins(ease, n_bins)
    sizes = np.bincount(bins, minlength=n_bins + 1)[1:]
    assert sizes.sum() == len(ease)
    assert sizes.max() - sizes.min() <= 1
    order = np.argsort(bins, kind="stable")
    for easier, harder in pairwise(order):
        assert bins[easier] == bins[harder] or ease[easier] >= ease[harder]


def test_absolute_thresholds_of_liu_et_al():
    assert threshold_bins([1, 0.5, 0.499, 0.1, 0.099, 0, NAN]).tolist() == [1, 1, 2, 2, 3, 3, 0]
    assert threshold_bins([[0.9, 0.2]], [0.8, 0.6, 0.4]).tolist() == [[1, 4]]
    with pytest.raises(RequestError, match="from the easiest down"):
        threshold_bins([0.5], [0.1, 0.5])


@given(st.lists(st.integers(0, 1000), min_size=6, max_size=40, unique=True), st.integers(1, 4))
def test_thresholds_give_back_the_bins_where_nothing_ties(values, n_bins):
    ease = np.array(values) / 1000
    bins = difficulty_bins(ease, n_bins)
    thresholds = bin_thresholds(ease, bins)
    assert len(thresholds) == n_bins - 1
    assert threshold_bins(ease, thresholds).tolist() == bins.tolist()


def test_a_tie_across_the_edge_goes_to_the_easier_bin():
    ease = [1.0, 0.5, 0.5, 0.0]
    thresholds = bin_thresholds(ease, difficulty_bins(ease, 2))
    assert thresholds == (0.5,)
    assert threshold_bins(ease, thresholds).tolist() == [1, 1, 1, 2]


def test_bins_too_small_for_the_folds():
    check_bins(np.array([1, 1, 2, 2, 0]))
    with pytest.raises(
        RequestError, match="3 problems in 2 bins: 2 folds need at least 4 problems; use at most 1 bins"
    ):
        check_bins(np.array([1, 1, 2]))
    with pytest.raises(RequestError, match="bin 2 holds 0 problems"):
        check_bins(threshold_bins([0.9] * 4 + [0.0] * 4))


def test_table_counts_ties_and_problems_never_solved():
    ease = [1.0, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0, NAN]
    table = difficulty_table(ease, difficulty_bins(ease, 3))
    assert table["bin"].to_list() == [0, 1, 2, 3]
    assert table["n_problems"].to_list() == [1, 3, 2, 2]
    assert table["n_never"].to_list() == [0, 0, 1, 2]
    assert table["n_always"].to_list() == [0, 2, 0, 0]
    assert table["n_tied"].to_list() == [0, 1, 2, 2]
    assert table.row(1)[2:5] == pytest.approx((0.5, 2.5 / 3, 1.0))


@pytest.mark.parametrize("n_parts", [2, 3])
def test_parts_of_a_pool_are_disjoint_and_complete(n_parts):
    # Every sample is told from the others by its score; the pools differ in size.
    scores = np.arange(21.0).reshape(3, 7)
    pool = make_pool([[1] * 7, [0] * 5, [1, 0, 1]], scores=scores)
    parts = split_pool(pool, n_parts, seed=1)
    for problem, size in enumerate((7, 5, 3)):
        held = [set(part.scores["last"][problem, part.present[problem]]) for part in parts]
        assert set().union(*held) == set(scores[problem, :size])
        assert sum(map(len, held)) == size and max(map(len, held)) - min(map(len, held)) <= 1
    for part in parts:
        assert part.problem_ids == pool.problem_ids and part.prompt_tokens.shape == (3,)
        for problem in range(3):
            where = part.present[problem]
            assert part.correct[problem, where] == pytest.approx(
                pool.correct[problem, part.scores["last"][problem, where].astype(int) % 7]
            )
    with pytest.raises(RequestError, match="problem 'p2' has 3 samples: 4 parts need 4"):
        split_pool(pool, 4)


def test_bins_of_one_half_are_out_of_fold_for_the_other():
    # All problems alike: with bins of the same samples bin 1 looks easier than it is, out of fold it does not.
    pool = make_pool(np.random.default_rng(0).integers(0, 2, size=(400, 16)))
    first, second = split_pool(pool)
    bins = difficulty_bins(oracle_difficulty(first.correct), 4)
    assert oracle_difficulty(first.correct)[bins == 1].mean() > 0.65
    assert oracle_difficulty(second.correct)[bins == 1].mean() == pytest.approx(0.5, abs=0.07)  # 4 standard errors


def test_cheap_difficulty_is_the_mean_of_k_samples():
    rng = np.random.default_rng(1)
    values = rng.random((4, 9))
    values[1, 3:] = NAN
    ease = cheap_difficulty(values, 4, n_draws=3000)
    assert np.isnan(ease[:, 1]).all()  # it has 3 samples
    for problem in (0, 2, 3):
        assert ease[:, problem].mean() == pytest.approx(values[problem].mean(), abs=0.015)
        # Without replacement: the variance of the mean is s²/k · (1 − k/n).
        assert ease[:, problem].var() == pytest.approx(values[problem].var(ddof=1) / 4 * (1 - 4 / 9), rel=0.15)
    assert cheap_difficulty(values[[0, 2]], 9)[0] == pytest.approx(values[[0, 2]].mean(axis=1))
    for k in (0, 10):
        with pytest.raises(RequestError, match=f"{k} difficulty samples: allowed 1 to 9"):
            cheap_difficulty(values, k)


def test_agreement_with_itself_reversed_and_by_chance():
    ease = np.random.default_rng(2).random(60)
    same = difficulty_agreement(ease, ease, 5)
    assert same.spearman == pytest.approx(1) and same.same_bin == 1 and same.confusion.trace() == 60
    against = difficulty_agreement(ease, -ease, 5)
    assert against.spearman == pytest.approx(-1) and against.confusion[0, 4] == 12
    other = difficulty_agreement(ease, np.random.default_rng(3).random(60), 5)
    assert other.spearman_low < 0 < other.spearman_high and other.spearman_low < other.spearman < other.spearman_high
    assert other.confusion.sum() == other.n_problems == 60


def test_agreement_equals_scipys_and_leaves_out_the_unknown():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 6, size=(2, 40)) / 5
    a[3], b[7] = NAN, NAN
    both = ~np.isnan(a) & ~np.isnan(b)
    found = difficulty_agreement(a, b, 3)
    assert found.spearman == pytest.approx(spearmanr(a[both], b[both]).statistic)
    assert found.n_problems == 38
    assert np.isnan(difficulty_agreement([0.5, 0.5], [0.1, 0.2], 2).spearman)
    with pytest.raises(RequestError, match="no problem has both"):
        difficulty_agreement([NAN, 1], [1, NAN])
