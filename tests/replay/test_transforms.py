"""Transforms keep the order of scores, so best-of-N, and change what a vote weighs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.strategies.weighted_best_of_n import RANGES, TRANSFORMS, logit, rank, sigmoid, softmax
from ttclib.replay.voting import weighted_best_of_n

NAN = float("nan")
each = pytest.mark.parametrize("transform", [logit, rank, sigmoid, softmax])


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
    # Two fair votes for B against one good one for A: sums favour B, evidence favours A.
    ids, scores = [[0, 1, 1]], [[0.95, 0.6, 0.6]]
    assert weighted_best_of_n(ids, scores, [[1, 0, 0]], [3])[0, 0] == 0
    assert weighted_best_of_n(ids, logit(scores), [[1, 0, 0]], [3])[0, 0] == 1
    with pytest.raises(RequestError, match="must not be below 0, got -0.405"):
        weighted_best_of_n(ids, logit([[0.95, 0.6, 0.4]]), [[1, 0, 0]], [3])


@pytest.mark.parametrize("transform", [rank, sigmoid, softmax])
def test_raw_logits_can_vote_once_transformed(transform):
    # All scores are negative, A has two of the best three: as they stand, more votes would lose.
    scores = transform([[-1.0, -1.5, -2.0, -9.0]])
    assert weighted_best_of_n([[0, 0, 1, 1]], scores, [[1, 1, 0, 0]], [4])[0, 0] == 1


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "none"])
@given(scores=st.lists(st.lists(st.floats(0, 1) | st.just(NAN), min_size=3, max_size=3), min_size=1, max_size=3))
def test_what_comes_out_lies_in_its_range(name, scores):
    moved = TRANSFORMS[name](np.array(scores))
    low, high = RANGES[name]
    assert moved.shape == np.shape(scores) and np.array_equal(np.isnan(moved), np.isnan(scores))
    assert np.nanmin([*moved.ravel(), high]) >= low and np.nanmax([*moved.ravel(), low]) <= high


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.floats(-500, 500))
def test_a_softmax_is_of_each_problem(scores, shift):
    both = softmax([scores, np.array(scores) + shift])
    assert both.sum(axis=1) == pytest.approx([1, 1])
    assert both[1] == pytest.approx(both[0], rel=1e-9)
    assert both[0] == pytest.approx(np.exp(scores) / np.exp(scores).sum(), rel=1e-9)
    assert softmax(np.reshape(scores, (1, -1, 1)))[0, :, 0] == pytest.approx(both[0])  # chains: of all their answers


def test_a_softmax_of_nothing_and_of_extremes():
    np.testing.assert_array_equal(softmax([[NAN, NAN], [-np.inf, NAN]]), [[NAN, NAN], [-np.inf, NAN]])
    assert softmax([[-1e6, -1e6 - 1, -np.inf]])[0].tolist() == pytest.approx([0.731058, 0.268941, -np.inf], abs=1e-5)
    with pytest.raises(ValueError, match="softmax needs finite scores, got inf"):
        softmax([[np.inf, 0.0]])


@given(st.floats(-30, 30))
def test_a_sigmoid_undoes_a_logit(score):
    assert sigmoid([score])[0] == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-12)
    assert sigmoid(logit([0.3])) == pytest.approx([0.3])


def test_a_logit_needs_probabilities():
    with pytest.raises(ValueError, match="between 0 and 1, got 1.5"):
        logit([0.2, 1.5])


def test_ranks_do_not_depend_on_spacing():
    scores = np.array([[0.1, 5.0], [NAN, 0.1]])
    np.testing.assert_array_equal(rank(scores), rank(np.exp(scores)))
    assert np.isnan(rank([[NAN]])).all()


def test_by_name():
    assert list(TRANSFORMS) == list(RANGES) == ["none", "logit", "rank", "sigmoid", "softmax"]
    assert TRANSFORMS["none"] is RANGES["none"] is None
    assert [name for name, ends in RANGES.items() if ends and ends[0] < 0] == ["logit"]
