"""What the estimators take, and how they refuse the rest."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.replay.arrays import as_answers, as_table
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.voting import majority_vote, weighted_best_of_n

NAN = float("nan")


@pytest.mark.parametrize(
    "correct",
    [[[1, 0, 0]], [[True, False, False]], np.array([[1, 0, 0]], dtype=np.int8), np.array([[1.0, 0, 0]], np.float32)],
)
def test_grades_of_any_type_are_the_same(correct):
    assert expected_best_of_n([[0.9, 0.5, 0.1]], correct, [2])[0, 0] == pytest.approx(2 / 3)
    assert majority_vote([[0, 1, 1]], correct, [3])[0, 0] == 0


def test_none_is_not_known():
    assert np.isnan(as_table([[1, None]], "correct")[0, 1])
    assert as_answers([[None, 2, -7, NAN]]).tolist() == [[-1, 2, -1, -1]]
    assert expected_best_of_n([[None, 0.1]], [[1, 0]], [2])[0, 0] == 0
    assert majority_vote([[0, None, 1]], [[1, 0, None]], [3])[0, 0] == 0.5


@pytest.mark.parametrize("call", [expected_best_of_n, majority_vote])
def test_rows_of_unequal_length_say_so(call):
    with pytest.raises(ValueError, match="must have rows of one length, got 2 to 3 samples: replay each pool size"):
        call([[1, 2, 3], [1, 2]], [[1, 0, 0], [1, 0, 0]], [1])


@pytest.mark.parametrize("wrong", [[["a", "b"]], [[{}]]])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="scores must be numbers of shape"):
        expected_best_of_n(wrong, [[1, 0]], [1])


@pytest.mark.parametrize("wrong", [[0.1, 0.2], 0.1, [[[0.1]]]])
def test_another_dimension_is_refused(wrong):
    with pytest.raises(ValueError, match=r"scores must have shape \(problems, samples\), got"):
        expected_best_of_n(wrong, [[1, 0]], [1])


def test_a_grade_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="correct must lie between 0 and 1, or be NaN, got 2"):
        expected_best_of_n([[0.1]], [[2]], [1])


def test_shapes_that_disagree_are_named():
    with pytest.raises(ValueError, match=r"one shape .*answer_ids \(1, 2\), scores \(1, 3\), correct \(1, 2\)"):
        weighted_best_of_n([[0, 1]], [[0.1, 0.2, 0.3]], [[1, 0]], [1])


def test_no_problems_give_no_rows():
    empty = np.empty((0, 4))
    assert expected_best_of_n(empty, empty, [1, 2]).shape == majority_vote(empty, empty, [1, 2]).shape == (0, 2)
    assert weighted_best_of_n(np.empty((2, 0)), np.empty((2, 0)), np.empty((2, 0)), [1]).shape == (2, 1)
