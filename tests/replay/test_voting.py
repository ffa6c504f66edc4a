"""Majority and weighted votes against enumeration, the binomial and their own invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.builders import real_data
from tests.replay.exact import elected, mean_over_subsets
from ttclib.replay.voting import majority_vote, weighted_best_of_n

NAN = float("nan")
# Mean of 4,000 subsets, each in [0, 1]: standard error at most .5 / sqrt(4000) = .0079. Five of them.
N_SUBSETS, TOLERANCE = 4000, 0.04


@st.composite
def elections(draw):
    """Answers (some none), weights (some missing) and which answer is right (some ungraded)."""
    size = draw(st.integers(2, 7))
    ids = draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))
    weights = draw(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.9, NAN]), min_size=size, max_size=size))
    grade = {answer: draw(st.sampled_from([0.0, 1.0, NAN])) for answer in range(4)} | {-1: 0.0}
    return ids, weights, [grade[answer] for answer in ids]


@given(elections())
def test_majority_comes_close_to_the_mean_over_all_subsets(election):
    ids, _, correct = election
    budgets = range(1, len(ids) + 1)
    result = majority_vote([ids], [correct], budgets, n_subsets=N_SUBSETS, seed=1)[0]
    if np.isnan(correct).all():
        assert np.isnan(result).all()
        return
    value = elected(ids, [1.0] * len(ids), correct)
    expected = [mean_over_subsets(len(ids), n, value) for n in budgets]
    assert result == pytest.approx(expected, abs=TOLERANCE)
    assert result[[0, -1]] == pytest.approx([expected[0], expected[-1]], abs=1e-12)  # N = 1, N = pool: exact


@given(elections())
def test_weighted_comes_close_to_the_mean_over_all_subsets(election):
    ids, weights, correct = election
    budgets = range(1, len(ids) + 1)
    result = weighted_best_of_n([ids], [weights], [correct], budgets, n_subsets=N_SUBSETS, seed=1)[0]
    if np.isnan(correct).all() or np.isnan(weights).all():
        assert np.isnan(result).all()
        return
    expected = [mean_over_subsets(len(ids), n, elected(ids, weights, correct)) for n in budgets]
    assert result == pytest.approx(expected, abs=TOLERANCE)
    assert result[[0, -1]] == pytest.approx([expected[0], expected[-1]], abs=1e-12)


def test_answers_a_b_b_c():
    # Heads: B 2 of 4. Weights: A .9, B .95, C .3.
    ids, scores, b_right = [[0, 1, 1, 2]], [[0.9, 0.5, 0.45, 0.3]], [[0, 1, 1, 0]]
    assert majority_vote(ids, b_right, [4])[0, 0] == 1
    assert weighted_best_of_n(ids, scores, b_right, [4])[0, 0] == 1
    assert weighted_best_of_n(ids, [[0.96, 0.5, 0.45, 0.3]], b_right, [4])[0, 0] == 0


@pytest.mark.parametrize(("voters", "expected"), [(3, 0.648), (5, 0.68256), (11, 0.753498)])
def test_independent_votes(voters, expected):
    assert binom.sf(voters // 2, voters, 0.6) == pytest.approx(expected, abs=1e-6)
    # A pool of 1,000 draws at p = .6 exactly; subsets of it are as good as independent (off by less than .001).
    # Standard error of the mean over 10 problems x 1,000 subsets: .005.
    correct = np.zeros((10, 1000))
    correct[:, :600] = 1
    result = majority_vote(correct.astype(int), correct, [voters], n_subsets=1000).mean()
    assert result == pytest.approx(expected, abs=0.015)


def test_ties_split_the_vote():
    assert majority_vote([[0, 1]], [[1, 0]], [2])[0, 0] == 0.5
    assert majority_vote([[0, 0, 1, 1, 2, 2]], [[1, 1, 0, 0, 0, 0]], [6])[0, 0] == pytest.approx(1 / 3)
    # .1 + .2 is not .3 in floating point, and still a tie.
    assert weighted_best_of_n([[0, 0, 1]], [[0.1, 0.2, 0.3]], [[1, 1, 0]], [3])[0, 0] == 0.5


def test_tiny_weights_are_told_apart():
    # The product of twenty step scores near .1.
    assert weighted_best_of_n([[0, 1]], [[3e-20, 1e-20]], [[1, 0]], [2])[0, 0] == 1


def test_samples_without_an_answer_take_a_place_and_do_not_vote():
    ids, correct = [[-1, -1, -1, 4]], [[0, 0, 0, 1]]
    assert majority_vote(ids, correct, [1, 4])[0] == pytest.approx([0.25, 1.0])
    assert majority_vote([[-1, -1]], [[0, 0]], [1, 2])[0].tolist() == [0.0, 0.0]


def test_unscored_samples_do_not_vote():
    assert weighted_best_of_n([[0, 0, 1]], [[NAN, NAN, 0.1]], [[0, 0, 1]], [3])[0, 0] == 1


def test_undefined_above_the_pool_and_without_grades_or_scores():
    assert np.isnan(majority_vote([[0, 1]], [[1, 0]], [3])[0, 0])
    assert np.isnan(majority_vote([[0, 1]], [[NAN, NAN]], [1, 2])).all()
    assert np.isnan(weighted_best_of_n([[0, 1]], [[NAN, NAN]], [[1, 0]], [1, 2])).all()


def test_same_seed_same_result_and_budgets_in_any_order():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 5, (3, 30))
    correct = (ids == 2).astype(float)
    first = majority_vote(ids, correct, [1, 4, 30], seed=7)
    np.testing.assert_array_equal(first, majority_vote(ids, correct, [1, 4, 30], seed=7))
    np.testing.assert_array_equal(first[:, ::-1], majority_vote(ids, correct, [30, 4, 1], seed=7))
    np.testing.assert_array_equal(first[:, [1, 1]], majority_vote(ids, correct, [4, 4], seed=7))
    assert not np.array_equal(first, majority_vote(ids, correct, [1, 4, 30], seed=8))


def test_refuses_a_wrong_shape_and_budget_zero():
    with pytest.raises(ValueError, match="share one shape"):
        majority_vote([[0, 1]], [[1]], [1])
    with pytest.raises(ValueError, match="at least 1"):
        majority_vote([[0]], [[1]], [0])


@given(elections(), st.floats(1e-15, 1e15))
def test_scale_of_weights_does_not_matter(election, scale):
    ids, weights, correct = election
    budgets = range(1, len(ids) + 1)
    plain = weighted_best_of_n([ids], [weights], [correct], budgets, n_subsets=20)
    scaled = weighted_best_of_n([ids], [np.array(weights) * scale], [correct], budgets, n_subsets=20)
    np.testing.assert_allclose(scaled, plain, atol=1e-12)


@given(elections())
def test_equal_weights_are_heads(election):
    ids, _, correct = election
    budgets = range(1, len(ids) + 1)
    weighted = weighted_best_of_n([ids], [[0.3] * len(ids)], [correct], budgets, n_subsets=20)
    np.testing.assert_allclose(weighted, majority_vote([ids], [correct], budgets, n_subsets=20), atol=1e-12)


@given(elections())
def test_names_of_answers_do_not_matter(election):
    ids, _, correct = election
    budgets = range(1, len(ids) + 1)
    renamed = [[1000 - answer if answer >= 0 else -7 for answer in ids]]
    np.testing.assert_allclose(
        majority_vote(renamed, [correct], budgets, n_subsets=20),
        majority_vote([ids], [correct], budgets, n_subsets=20),
        atol=1e-12,
    )


def test_arithmetic_of_a_real_model():
    problems = real_data("smollm2_arith_120x128.jsonl.gz")
    ids, correct = [], []
    for problem in problems:
        classes: dict[str, int] = {}
        answers = [sample["answer"] for sample in problem["samples"]]
        ids.append([-1 if answer is None else classes.setdefault(answer, len(classes)) for answer in answers])
        correct.append([float(sample["correct"]) for sample in problem["samples"]])
    result = majority_vote(ids, correct, [1, 128], n_subsets=1).mean(axis=0)
    assert result == pytest.approx([0.077, 0.175], abs=6e-4)
