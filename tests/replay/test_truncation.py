"""Length caps: a sample whose answer lies beyond the cap is unanswered."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.strategies.whole_samples import truncate
from ttclib.replay.voting import majority_vote

NAN = float("nan")
TOKENS = np.array([[10.0, 30.0, 20.0, NAN]])
CORRECT = np.array([[1.0, 1.0, NAN, 0.0]])


def test_a_longer_sample_is_unanswered_wrong_and_has_spent_the_cap():
    cut = truncate(CORRECT, [[4, 4, 5, 6]], TOKENS, 20, scores=[[0.2, 0.9, 0.5, 0.1]])
    np.testing.assert_array_equal(cut.correct, [[1, 0, NAN, NAN]])
    assert cut.answer_ids.tolist() == [[4, -1, 5, 6]]
    np.testing.assert_array_equal(cut.completion_tokens, [[10, 20, 20, NAN]])
    np.testing.assert_array_equal(cut.scores, [[0.2, -np.inf, 0.5, 0.1]])


def test_without_scores_there_are_none():
    assert np.isnan(truncate(CORRECT, [[4, 4, 5, 6]], TOKENS, 20).scores).all()


def test_a_problem_cut_whole_is_wrong_and_not_unknown():
    cut = truncate([[1, 1]], [[0, 0]], [[50, 60]], 20, scores=[[0.9, 0.8]])
    assert expected_best_of_n(cut.scores, cut.correct, [1, 2]).tolist() == [[0, 0]]
    assert majority_vote(cut.answer_ids, cut.correct, [1, 2]).tolist() == [[0, 0]]


@pytest.mark.parametrize("cap", [0, -3, 2.5, NAN])
def test_a_cap_is_a_whole_number_of_tokens(cap):
    with pytest.raises(ValueError, match="max_tokens must be"):
        truncate(CORRECT, [[4, 4, 5, 6]], TOKENS, cap)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="completion_tokens"):
        truncate([[1, 0]], [[0, 1]], [[5]], 9)
