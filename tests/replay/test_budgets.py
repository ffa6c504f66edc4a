"""Every estimator takes whole budgets only, however they are typed."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.voting import majority_vote, weighted_best_of_n

IDS, SCORES, CORRECT = [[0, 1, 1, 2]], [[0.9, 0.5, 0.4, 0.3]], [[0, 1, 1, 0]]
ESTIMATORS = {
    "pass_at_k": lambda budgets: pass_at_k(4, 2, budgets),
    "best_of_n": lambda budgets: expected_best_of_n(SCORES, CORRECT, budgets),
    "majority_vote": lambda budgets: majority_vote(IDS, CORRECT, budgets),
    "weighted_best_of_n": lambda budgets: weighted_best_of_n(IDS, SCORES, CORRECT, budgets),
}
each = pytest.mark.parametrize("estimate", ESTIMATORS.values(), ids=ESTIMATORS)


@each
@pytest.mark.parametrize("wrong", [2.5, float("nan"), float("inf"), "two", None])
def test_a_budget_that_is_not_whole_is_refused(estimate, wrong):
    with pytest.raises(ValueError, match="must be a whole number of samples, got"):
        estimate([1, wrong])


@each
@pytest.mark.parametrize("wrong", [0, -1])
def test_a_budget_below_one_is_refused(estimate, wrong):
    with pytest.raises(ValueError, match=f"must be at least 1, got {wrong}"):
        estimate([1, wrong])


@each
@pytest.mark.parametrize("same", [(1, 2), np.array([1, 2], dtype=np.int32), [1.0, 2.0], [np.int64(1), np.float64(2)]])
def test_whole_numbers_of_any_type_are_taken(estimate, same):
    np.testing.assert_array_equal(estimate(same), estimate([1, 2]))
