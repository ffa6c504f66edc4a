"""Transforms keep the order of scores, so best-of-N, and change what a vote weighs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.transforms import TRANSFORMS, logit, rank
from ttclib.replay.voting import weighted_best_of_n

NAN = float("nan")
each = pytest.mark.parametrize("transform", [logit, rank])


@each
@given(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9, NAN]), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_best_of_n_does_not_change(transform, scores, random):
    correct = [[float(random.random() < 0.5) for _ in scores]]
    budgets = range(1, len(scores) + 1)
    plain = expected_best_of_n([scores], correct, budgets)
    np.testing.assert_allclose(expected_best_of_n(transform([scores]), correct, budgets), plain, atol=1e-12)


@each
def test_what_is_not_known_or_was_cut_stays(transform):
    moved = transform([[NAN, -np.inf, 0.0, 1.0]])
    assert np.isnan(moved[0, 0]) and moved[0, 1] == -np.inf
    assert np.isfinite(moved[0, 2:]).all() and moved[0, 2] < moved[0, 3]


def test_a_logit_adds_evidence():
    # Two doubtful votes for B against one good one for A: sums favour B, evidence favours A.
    ids, scores = [[0, 1, 1]], [[0.7, 0.4, 0.4]]
    assert weighted_best_of_n(ids, scores, [[1, 0, 0]], [3])[0, 0] == 0
    assert weighted_best_of_n(ids, logit(scores), [[1, 0, 0]], [3])[0, 0] == 1


def test_a_logit_needs_probabilities():
    with pytest.raises(ValueError, match="between 0 and 1, got 1.5"):
        logit([0.2, 1.5])


def test_ranks_do_not_depend_on_spacing():
    scores = np.array([[0.1, 5.0], [NAN, 0.1]])
    np.testing.assert_array_equal(rank(scores), rank(np.exp(scores)))
    assert np.isnan(rank([[NAN]])).all()


def test_by_name():
    assert list(TRANSFORMS) == ["none", "logit", "rank"] and TRANSFORMS["none"] is None
