"""One rule for what is not graded, answered or scored, so that with one sample all strategies agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.chains import made_chains
from tests.replay.pools import NAN, pools
from ttclib.replay.best_of_n import best_of_n, expected_best_of_n
from ttclib.replay.coverage import coverage
from ttclib.replay.estimate import Estimate, grades_by_answer
from ttclib.replay.revisions import select_from_chains
from ttclib.replay.selection import SELECTIONS, Solution, choose
from ttclib.replay.voting import elect, majority_vote, weighted_best_of_n


def padded(made) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pools of unequal size in one array each, padded with what would change every result."""
    sizes = np.array([len(pool.ids) for pool in made])

    def table(values, padding):
        return np.array([[*column, *[padding] * (sizes.max() - len(column))] for column in values])

    columns = ([pool.ids for pool in made], [pool.scores for pool in made], [pool.correct for pool in made])
    return (*(table(values, padding) for values, padding in zip(columns, (0, 7.0, 1.0), strict=True)), sizes)


def every_strategy(ids, scores, correct, sizes, budgets) -> dict[str, Estimate]:
    present = np.arange(ids.shape[1]) < sizes[:, None]
    right, lacking = ((kind & present).sum(axis=1) for kind in (correct == 1, np.isnan(correct)))
    return {
        "pass_at_k": coverage(sizes, right, lacking, budgets),
        "best_of_n": best_of_n(scores, correct, budgets, pool_sizes=sizes),
        "majority_vote": elect(ids, None, correct, budgets, pool_sizes=sizes),
        "weighted_best_of_n": elect(ids, scores, correct, budgets, pool_sizes=sizes),
    }


@given(st.lists(pools(), min_size=1, max_size=4))
def test_with_one_sample_all_strategies_choose_it(made):
    ids, scores, correct, sizes = padded(made)
    expected = [[np.mean(np.array(pool.correct) == 1), np.mean(np.isnan(pool.correct))] for pool in made]
    expected = np.where(np.array(expected)[:, 1:] == 1, NAN, expected)
    for name, found in every_strategy(ids, scores, correct, sizes, [1]).items():
        assert found.accuracy[:, 0] == pytest.approx(expected[:, 0], abs=1e-12, nan_ok=True), name
        assert found.ungraded[:, 0] == pytest.approx(expected[:, 1], abs=1e-12, nan_ok=True), name
        assert np.nan_to_num(found.mc_error).max() == 0
    for selection in ("hierarchical", "majority"):
        chains = made_chains(ids[..., None], correct[..., None], scores[..., None])
        lengths = (np.arange(ids.shape[1]) < sizes[:, None]).astype(int)
        found = select_from_chains(
            chains.answer_ids, scores[..., None], correct[..., None], lengths, [(1, 1)], selection=selection
        )
        assert found.accuracy[:, 0] == pytest.approx(expected[:, 0], abs=1e-12, nan_ok=True), selection
        assert found.ungraded[:, 0] == pytest.approx(expected[:, 1], abs=1e-12, nan_ok=True), selection
    for selection in SELECTIONS:
        for pool in made:
            one = choose([Solution(pool.scores[0], pool.ids[0], pool.correct[0])], selection)
            lacking = np.isnan(pool.correct[0])
            assert one == pytest.approx((NAN, NAN) if lacking else (pool.correct[0], 0.0), nan_ok=True)


@given(st.lists(pools(), min_size=1, max_size=4), st.data())
def test_the_truth_lies_between_all_of_the_ungraded_wrong_and_all_right(made, data):
    ids, scores, correct, sizes = padded(made)
    budgets = range(1, 9)
    found = every_strategy(ids, scores, correct, sizes, budgets)
    truth = correct.copy()
    for cell in np.argwhere(np.isnan(truth)):
        truth[tuple(cell)] = data.draw(st.sampled_from([0.0, 1.0]))
    for name, true in every_strategy(ids, scores, truth, sizes, budgets).items():
        low, high = found[name].accuracy, found[name].accuracy + found[name].ungraded
        known = ~np.isnan(low)
        assert np.all(low[known] <= true.accuracy[known] + 1e-12)
        assert np.all(high[known] >= true.accuracy[known] - 1e-12)
        assert np.all(true.ungraded[known] == 0) and np.all(high[known] <= 1 + 1e-12)
        assert np.array_equal(np.isnan(found[name].ungraded), ~known) and np.isnan(found[name].mc_error)[~known].all()


@given(st.lists(pools(), min_size=1, max_size=4))
def test_padding_is_not_seen(made):
    ids, scores, correct, sizes = padded(made)
    together = every_strategy(ids, scores, correct, sizes, range(1, 9))
    for row, pool in enumerate(made):
        table = [np.array([column]) for column in (pool.ids, pool.scores, pool.correct)]
        for name, alone in every_strategy(*table, sizes[[row]], range(1, 9)).items():
            for part in ("accuracy", "mc_error", "ungraded"):
                one, other = getattr(together[name], part)[row], getattr(alone, part)[0]
                np.testing.assert_allclose(one, other, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("sizes", [[2], [[2], [1]], [1.5, 2], [3, 1], [-1, 2]])
def test_pool_sizes_that_do_not_fit(sizes):
    with pytest.raises(ValueError, match="pool_sizes must"):
        best_of_n([[0.1, 0.2]] * 2, [[1, 0]] * 2, [1], pool_sizes=sizes)


def test_of_three_right_answers_and_one_ungradable_one_in_four_is_not_known():
    ids, scores, correct = [[0, 0, 0, -1]], [[0.1, 0.2, 0.3, 0.9]], [[1, 1, 1, NAN]]
    assert coverage([4], [3], [1], [1, 4]).accuracy[0] == pytest.approx([0.75, 1])
    assert best_of_n(scores, correct, [1, 4]).accuracy[0] == pytest.approx([0.75, 0])
    assert best_of_n(scores, correct, [1, 4]).ungraded[0] == pytest.approx([0.25, 1])
    assert elect(ids, None, correct, [1, 4]).accuracy[0] == pytest.approx([0.75, 1])
    assert elect(ids, scores, correct, [1, 4]).ungraded[0] == pytest.approx([0.25, 0])


def test_a_pool_of_which_nothing_is_graded_is_not_known():
    nothing = [[NAN, NAN]]
    assert np.isnan(expected_best_of_n([[0.1, 0.2]], nothing, [1, 2])).all()
    assert np.isnan(majority_vote([[0, 1]], nothing, [1, 2])).all()
    assert np.isnan(weighted_best_of_n([[0, 1]], [[0.1, 0.2]], nothing, [1, 2])).all()
    assert all(np.isnan(part).all() for part in coverage([2], [0], [2], [1, 2]))


def test_an_answer_has_one_grade_once_it_is_told():
    ids, correct = [[0, 0, 1, -1, 2, 2, 2, -1, 3, 3]], [[1, NAN, NAN, NAN, 0, 1, NAN, 1, NAN, 0]]
    told = grades_by_answer(ids, correct)
    assert told[0] == pytest.approx([1, 1, NAN, NAN, 0, 1, NAN, 1, 0, 0], nan_ok=True)
    told_first = grades_by_answer([[0, 0, 1]], [[1, NAN, 0]])
    assert majority_vote([[0, 0, 1]], told_first, [1, 3])[0] == pytest.approx([2 / 3, 1])
    np.testing.assert_array_equal(grades_by_answer(ids, told), told)


@given(pools())
def test_only_what_is_not_graded_is_told_and_only_by_those_who_agree(pool):
    ids, correct = np.array([pool.ids]), np.array([pool.correct])
    told = grades_by_answer(ids, correct)
    known = ~np.isnan(correct)
    assert np.array_equal(told[known], correct[known])
    for grade, answer in zip(told[~known], ids[~known], strict=True):
        found = {one for one, other in zip(pool.correct, pool.ids, strict=True) if other == answer and one in (0, 1)}
        assert grade == pytest.approx(found.pop() if answer >= 0 and len(found) == 1 else NAN, nan_ok=True)
