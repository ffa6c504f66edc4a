"""Difficulty and its bins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty, predicted_difficulty

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
