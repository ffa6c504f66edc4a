"""Majority and weighted votes against enumeration, the binomial and their own invariants."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from tests.builders import real_data
from tests.replay.exact import at_each_size, elected
from tests.replay.pools import NAN, pools
from ttclib.errors import RequestError
from ttclib.replay.listing import listed_election
from ttclib.replay.voting import _sample, elect, majority_vote, subsets_for, weighted_best_of_n


@pytest.mark.parametrize("n_subsets", [None, 1], ids=["listed", "counted"])  # one subset leaves only the counting
@given(pools())
def test_majority_is_the_mean_over_all_subsets(n_subsets, pool):
    budgets = range(1, len(pool.ids) + 1)
    agrees(elect([pool.ids], None, [pool.correct], budgets, n_subsets=n_subsets), pool, by_heads=True)


@given(pools())
def test_weighted_is_the_mean_over_all_subsets(pool):
    agrees(elect([pool.ids], [pool.scores], [pool.correct], range(1, len(pool.ids) + 1)), pool)


def agrees(found, pool, by_heads=False):
    if np.isnan(pool.correct).all():
        assert all(np.isnan(part).all() for part in found)
        return
    weights = [1.0] * len(pool.ids) if by_heads else pool.scores
    accuracy, ungraded = at_each_size(len(pool.ids), elected(pool.ids, weights, pool.correct))
    assert found.accuracy[0] == pytest.approx(accuracy, abs=1e-12)
    assert found.ungraded[0] == pytest.approx(ungraded, abs=1e-12)
    assert not found.mc_error.any()


@given(pools())
def test_random_subsets_come_within_their_own_error(pool):
    # More samples than are listed: the pool, four times over.
    ids, weights, correct = (np.tile([column], 4) for column in pool)
    if np.isnan(correct).all():
        return
    budgets = np.arange(1, ids.shape[1] + 1)
    drawn = elect(ids, weights, correct, budgets, n_subsets=8000)
    exact = np.array([drawn.accuracy, drawn.ungraded])
    if ids.shape[1] <= 12:
        listed = at_each_size(ids.shape[1], elected(*(column[0].tolist() for column in (ids, weights, correct))))
        assert np.all(np.abs(exact[:, 0] - listed) <= 5 * drawn.mc_error[0] + 1e-3)
    assert np.all(drawn.mc_error <= 0.5 / np.sqrt(3999))
    assert drawn.mc_error[0, [0, -1]].tolist() == [0, 0]


@given(pools(largest=6, scores=(0.1, 0.2, 0.3, 0.9)))
def test_the_loop_over_random_subsets_comes_within_its_own_error(pool):
    column = np.array(pool.ids)
    class_right = np.array([1.0, 0.0, 1.0])
    right = [class_right[answer] if answer >= 0 else 0.0 for answer in pool.ids]
    budgets = np.arange(1, len(column) + 1)
    mean, error = _sample(column, np.array(pool.scores), class_right, budgets, 4000, (1, 0))
    expected = at_each_size(len(column), elected(pool.ids, pool.scores, right))[0]
    # 4,000 pairs: five standard errors, and 1e-3 for events so rare that the error is not seen.
    assert np.all(np.abs(mean - expected) <= 5 * error + 1e-3)
    assert np.all(error <= 0.5 / np.sqrt(3999))
    assert mean[-1] == pytest.approx(expected[-1], abs=1e-12) and error[-1] == pytest.approx(0, abs=1e-9)


def test_the_error_that_is_reported_is_the_one_that_is_made():
    # Over 200 seeds: the spread of the estimates against the mean of their reported errors.
    rng = np.random.default_rng(0)
    ids, scores = rng.integers(0, 4, (1, 40)), rng.random((1, 40))
    runs = [elect(ids, scores, ids == 1, [3, 10, 15], n_subsets=200, seed=seed) for seed in range(200)]
    spread = np.std([run.accuracy[0] for run in runs], axis=0)
    assert spread == pytest.approx(np.mean([run.mc_error[0] for run in runs], axis=0), rel=0.2)


@pytest.mark.parametrize("n_problems", [1, 30])
def test_by_default_the_error_of_the_mean_is_below_one_in_a_thousand(n_problems):
    rng = np.random.default_rng(1)
    ids, scores = rng.integers(0, 3, (n_problems, 40)), rng.random((n_problems, 40))
    error = elect(ids, scores, ids == 1, [3, 10, 20]).mc_error
    assert np.all(error > 0)
    assert np.all(np.sqrt((error**2).sum(axis=0)) / n_problems < 1e-3)


def test_a_large_pool_counted_and_sampled_agree():
    rng = np.random.default_rng(2)
    ids = np.where(rng.random((6, 200)) < 0.3, 0, rng.integers(-1, 12, (6, 200)))
    budgets = [1, 2, 3, 8, 50, 120, 199, 200]
    exact = elect(ids, None, ids == 0, budgets)
    sampled = elect(ids, np.full(ids.shape, 0.25), ids == 0, budgets, n_subsets=4000)
    assert not exact.mc_error.any() and sampled.mc_error[:, 2:-1].any()
    assert np.all(np.abs(exact.accuracy - sampled.accuracy) <= 5 * sampled.mc_error + 1e-3)


@pytest.mark.parametrize("sizes", [(5, 4, 4), (40, 37, 30, 5, 1), (9, 9, 9, 9, 9), (2, *[1] * 20), (3, 70), (70, 3)])
def test_votes_are_counted_as_whole_numbers_count_them(sizes):
    # Three samples do not vote. Ways are integers, a tie of the winner with T others counts 1/(1 + T).
    ids = np.repeat(np.arange(-1, len(sizes)), (3, *sizes))
    n_samples, winner, rivals = len(ids), sizes[0], sizes[1:]
    ways = [Fraction(0)] * (n_samples + 1)
    for m in range(1, winner + 1):
        counts = {(0, 0): 1}  # (votes together, rivals with m) → ways
        for rival in rivals:
            grown: dict[tuple[int, int], int] = {}
            for (votes, tied), number in counts.items():
                for own in range(min(rival, m) + 1):
                    key = (votes + own, tied + (own == m))
                    grown[key] = grown.get(key, 0) + number * comb(rival, own)
            counts = grown
        for (votes, tied), number in counts.items():
            for silent in range(4):
                ways[m + votes + silent] += Fraction(number * comb(winner, m) * comb(3, silent), 1 + tied)
    expected = [float(ways[n] / comb(n_samples, n)) for n in range(1, n_samples + 1)]
    result = elect([ids], None, [ids == 0], range(1, n_samples + 1), n_subsets=1)
    assert not result.mc_error.any()
    assert result.accuracy[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("n_samples", "n_right"), [(2048, 1024), (2048, 990), (20_000, 10_100), (20_000, 40)])
def test_large_pools_of_two_answers_follow_the_hypergeometric(n_samples, n_right):
    budgets = np.array([1, 2, 3, 10, 101, n_samples // 2, n_samples - 3, n_samples])
    ids = np.repeat([0, 1], [n_right, n_samples - n_right])
    result = elect([ids], None, [ids == 0], budgets)
    more = hypergeom.sf(budgets // 2, n_samples, n_right, budgets)
    tie = np.where(budgets % 2 == 0, hypergeom.pmf(budgets // 2, n_samples, n_right, budgets), 0.0)
    assert not result.mc_error.any()
    assert result.accuracy[0] == pytest.approx(more + tie / 2, abs=1e-9)


def test_too_many_answers_to_count_are_sampled():
    ids = np.random.default_rng(3).integers(0, 400, (2, 900))
    result = elect(ids, None, ids < 300, [5, 800], n_subsets=50)
    assert result.mc_error.any()
    assert 0.6 < result.accuracy[0, 0] < 0.9


def test_a_vote_that_is_certain_ends_early_and_changes_nothing():
    # The sampled vote stops where one answer has more than any other gets from the whole pool: here from 26 on.
    ids = np.repeat([[0, 1, 2]], [60, 25, 15], axis=1)
    sampled = elect(ids, np.full(ids.shape, 0.25), ids == 0, range(1, 101), n_subsets=4000)
    counted = elect(ids, None, ids == 0, range(1, 101))
    assert (sampled.accuracy[0, 60:] > 0.999).all()
    assert np.all(np.abs(sampled.accuracy - counted.accuracy) <= 5 * sampled.mc_error + 2e-3)


def test_answers_a_b_b_c():
    # Heads: B 2 of 4. Weights: A .9, B .95, C .3.
    ids, scores, b_right = [[0, 1, 1, 2]], [[0.9, 0.5, 0.45, 0.3]], [[0, 1, 1, 0]]
    assert majority_vote(ids, b_right, [4])[0, 0] == 1
    assert weighted_best_of_n(ids, scores, b_right, [4])[0, 0] == 1
    assert weighted_best_of_n(ids, [[0.96, 0.5, 0.45, 0.3]], b_right, [4])[0, 0] == 0


@pytest.mark.parametrize(("voters", "expected"), [(3, 0.648), (5, 0.68256), (11, 0.753498)])
def test_independent_votes(voters, expected):
    assert binom.sf(voters // 2, voters, 0.6) == pytest.approx(expected, abs=1e-6)
    # A pool of 1,000 at p = .6 exactly: draws without replacement, so off by a thousandth.
    correct = np.repeat([1.0, 0.0], [600, 400])[None]
    result = elect(correct, None, correct, [voters])
    assert result.mc_error[0, 0] == 0 and result.accuracy[0, 0] == pytest.approx(expected, abs=2e-3)
    without_replacement = hypergeom.sf(voters // 2, 1000, 600, voters)
    assert result.accuracy[0, 0] == pytest.approx(without_replacement, abs=1e-12)


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


def test_where_nobody_votes_one_is_taken_at_random():
    ids, correct = [[-1, -1, -1, 4]], [[1, 0, 0, 0]]
    assert majority_vote(ids, correct, [1, 2, 3, 4])[0] == pytest.approx([1 / 4, 1 / 2 * 1 / 3, 1 / 4 * 1 / 3, 0])
    assert majority_vote([[-1, -1]], [[1, 0]], [1, 2]).tolist() == [[0.5, 0.5]]
    assert weighted_best_of_n([[0, 1]], [[NAN, NAN]], [[1, 0]], [1, 2]).tolist() == [[0.5, 0.5]]
    # And in a pool that is counted, of which 37 of 40 have no answer.
    ids, correct = np.repeat([[-1, 0]], [37, 3], axis=1), np.repeat([[1, 0, 0]], [10, 27, 3], axis=1)
    assert majority_vote(ids, correct, [5, 37, 38])[0] == pytest.approx(
        [comb(37, 5) / comb(40, 5) * 10 / 37, 1 / comb(40, 3) * 10 / 37, 0], abs=1e-12
    )


def test_what_an_answer_is_worth_is_what_its_voters_are():
    # The winner, by heads or by weight, is right in one of its three samples and not graded in another.
    ids, scores, correct = [[5, 5, 5, 8]], [[0.5, 0.5, 0.5, 0.1]], [[1, 0, NAN, 1]]
    for found in (elect(ids, None, correct, [4]), elect(ids, scores, correct, [4])):
        assert (found.accuracy[0, 0], found.ungraded[0, 0]) == pytest.approx((1 / 3, 1 / 3))


@pytest.mark.parametrize("scores", [[[-0.1, 0.2]], [[-3e-9, 0.5]]])
def test_weights_below_0_are_refused_with_what_helps(scores):
    with pytest.raises(RequestError, match="below 0, got -.*softmax: within each problem, sigmoid, or rank"):
        weighted_best_of_n([[0, 1]], scores, [[1, 0]], [2])
    assert weighted_best_of_n([[-1, 1]], scores, [[1, 0]], [2])[0, 0] == 0  # it does not vote


def test_unscored_samples_do_not_vote():
    assert weighted_best_of_n([[0, 0, 1]], [[NAN, NAN, 0.1]], [[0, 0, 1]], [3])[0, 0] == 1


def test_undefined_above_the_pool_and_without_grades():
    assert np.isnan(majority_vote([[0, 1]], [[1, 0]], [3])[0, 0])
    assert np.isnan(majority_vote([[0, 1]], [[NAN, NAN]], [1, 2])).all()


def test_same_seed_same_result_and_budgets_in_any_order():
    rng = np.random.default_rng(0)
    ids, scores = rng.integers(0, 5, (3, 30)), rng.random((3, 30))
    correct = (ids == 2).astype(float)

    def vote(budgets, seed=7):
        return weighted_best_of_n(ids, scores, correct, budgets, n_subsets=100, seed=seed)

    first = vote([1, 4, 30])
    np.testing.assert_array_equal(first, vote([1, 4, 30]))
    np.testing.assert_array_equal(first[:, ::-1], vote([30, 4, 1]))
    np.testing.assert_array_equal(first[:, [1, 1]], vote([4, 4]))
    assert not np.array_equal(first, vote([1, 4, 30], seed=8))


def test_refuses_a_wrong_shape_and_budget_zero():
    with pytest.raises(ValueError, match="share one shape"):
        majority_vote([[0, 1]], [[1]], [1])
    with pytest.raises(ValueError, match="at least 1"):
        majority_vote([[0]], [[1]], [0])
    with pytest.raises(ValueError, match="n_subsets must be at least 1, got 0"):
        majority_vote([[0]], [[1]], [1], n_subsets=0)
    with pytest.raises(ValueError, match="answer_ids must be whole numbers, negative or NaN for no answer, got 0.5"):
        majority_vote([[0.5]], [[1]], [1])


def test_an_infinite_weight_is_refused_only_where_it_votes():
    with pytest.raises(ValueError, match="must be finite"):
        weighted_best_of_n([[0, 1]], [[np.inf, 0.1]], [[1, 0]], [2])
    assert weighted_best_of_n([[-1, 1]], [[-np.inf, 0.1]], [[0, 1]], [2])[0, 0] == 1


def test_subsets_by_problems():
    assert [subsets_for(n) for n in (1, 100, 500, 10_000)] == [250_000, 2500, 500, 100]


@given(pools(), st.floats(1e-15, 1e15))
def test_scale_of_weights_does_not_matter(pool, scale):
    budgets = range(1, len(pool.ids) + 1)
    plain = elect([pool.ids], [pool.scores], [pool.correct], budgets)
    scaled = elect([pool.ids], [np.array(pool.scores) * scale], [pool.correct], budgets)
    np.testing.assert_allclose(scaled, plain, atol=1e-12)


@given(pools())
def test_equal_weights_are_heads(pool):
    budgets = range(1, len(pool.ids) + 1)
    weighted = elect([pool.ids], [[0.3] * len(pool.ids)], [pool.correct], budgets)
    np.testing.assert_allclose(weighted, elect([pool.ids], None, [pool.correct], budgets), atol=1e-12)


@given(pools())
def test_names_of_answers_do_not_matter(pool):
    budgets = range(1, len(pool.ids) + 1)
    renamed = [[1000 - answer if answer >= 0 else -7 for answer in pool.ids]]
    np.testing.assert_allclose(
        elect(renamed, None, [pool.correct], budgets), elect([pool.ids], None, [pool.correct], budgets), atol=1e-12
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


def test_a_budget_comes_to_the_same_whatever_others_are_asked_for():
    rng = np.random.default_rng(2)
    ids, scores = rng.integers(0, 6, (3, 60)), rng.random((3, 60))
    alone, among, all_of_them = (
        elect(ids, scores, ids == 1, budgets, n_subsets=40).accuracy
        for budgets in ([16], [1, 16, 33, 60], range(1, 61))
    )
    np.testing.assert_array_equal(alone[:, 0], among[:, 1])
    np.testing.assert_array_equal(alone[:, 0], all_of_them[:, 15])


def test_a_pool_whose_subsets_take_several_portions_to_list():
    # 17 samples, 2^17 subsets: by heads the same is counted.
    column = np.array([0] * 7 + [1] * 6 + [2] * 3 + [-1])
    listed = listed_election(column, np.ones(17), np.array([1.0, 0.0, 0.0]))
    counted = elect([column], None, [column == 0], range(3, 18), n_subsets=1)
    assert listed[0] == 0 and listed[3:] == pytest.approx(counted.accuracy[0], abs=1e-10)


@given(st.lists(pools(), min_size=1, max_size=4), st.booleans())
def test_the_whole_pool_alone_is_what_it_is_among_budgets(several, weighted):
    size = min(len(pool.ids) for pool in several)
    if size < 3:
        return
    parts = ([pool.ids[:size] for pool in several], [pool.correct[:size] for pool in several])
    scores = [pool.scores[:size] for pool in several] if weighted else None
    alone = elect(parts[0], scores, parts[1], [size])
    among = elect(parts[0], scores, parts[1], [2, size])
    for one, other in zip(alone, among, strict=True):
        assert one[:, 0] == pytest.approx(other[:, -1], abs=1e-12, nan_ok=True)
