"""Tokens after the answer, and accuracy under a length cap."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.analysis.lengths import length_cap_curve, outcome_efficiency
from ttclib.errors import RequestError

NAN = float("nan")


def test_outcome_efficiency_by_hand():
    # Right at half of its tokens, right at the end, wrong, not graded: (1/2 + 1 + 0) / 3.
    assert outcome_efficiency([1, 1, 0, NAN], [50, 80, NAN, 10], [100, 80, 60, 20]) == pytest.approx(0.5)
    assert outcome_efficiency([[1, 0]], [[5, 0]], [[20, 20]]) == pytest.approx(0.125)
    assert np.isnan(outcome_efficiency([NAN], [1], [1]))


@pytest.mark.parametrize("found", [0, 101, NAN])
def test_the_first_right_answer_lies_within_the_sample(found):
    with pytest.raises(RequestError, match=r"must lie in \(0, completion_tokens\]"):
        outcome_efficiency([1], [found], [100])


def test_length_caps_by_hand():
    correct = [[1, 1, 0], [1, NAN, NAN]]
    length = [[10, 40, 20], [30, 5, NAN]]
    table = length_cap_curve(correct, length, [5, 20, 30, 40])
    assert table["accuracy"].to_list() == pytest.approx([0, (1 / 3) / 2, (1 / 3 + 1) / 2, (2 / 3 + 1) / 2])
    assert table["answered"].to_list() == pytest.approx([0, (2 / 3) / 2, (2 / 3 + 1) / 2, 1])
    assert table["tokens"].to_list() == pytest.approx([5, (50 / 3 + 20) / 2, (60 / 3 + 30) / 2, (70 / 3 + 30) / 2])
    assert table["n_problems"].to_list() == [2] * 4
    assert (table["ci_low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["ci_high"]).all()


def test_a_problem_without_grades_is_left_out():
    assert length_cap_curve([[NAN], [1]], [[3], [3]], [3])["accuracy"].to_list() == [1.0]


def test_refusals():
    with pytest.raises(RequestError, match="length cap 0"):
        length_cap_curve([[1]], [[3]], [0])
    with pytest.raises(RequestError, match="one shape"):
        length_cap_curve([[1]], [[3, 4]], [1])
    with pytest.raises(RequestError, match="one shape"):
        outcome_efficiency([1], [1, 2], [1, 2])
