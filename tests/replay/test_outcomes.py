"""The shape that all strategies share."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.replay.outcomes import Outcomes


def outcomes(**changed):
    fields = {
        "strategy": "best_of_n",
        "variant": "best_of_n",
        "budgets": (1, 4),
        "problem_ids": ("a", "b", "c"),
        "accuracy": np.zeros((3, 2)),
        "costs": {"generations": np.ones((3, 2))},
    }
    return Outcomes(**(fields | changed))


def test_a_cost_that_was_not_given_is_not_known():
    assert outcomes().cost("generations").tolist() == [[1, 1]] * 3
    assert np.isnan(outcomes().cost("prm_tokens")).all()
    with pytest.raises(ValueError, match="unknown cost tokens: allowed generations"):
        outcomes().cost("tokens")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"accuracy": np.zeros((2, 3))}, r"accuracy must have shape \(problems, budgets\) = \(3, 2\), got \(2, 3\)"),
        ({"costs": {"prm_tokens": np.zeros(3)}}, "prm_tokens must have shape"),
        ({"costs": {"money": np.zeros((3, 2))}}, "unknown cost money"),
        ({"budgets": (4, 1)}, "budgets must ascend"),
        ({"budgets": (4, 4)}, "budgets must ascend"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        outcomes(**changed)
