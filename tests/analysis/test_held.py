"""What a store holds in part is replayed in part, and what it lacks is told."""

from __future__ import annotations

import numpy as np
import pytest
from ttclib.analysis.held import held_outcomes
from ttclib.replay.search import Algorithm, search_outcomes

from tests.builders import make_pool
from tests.replay.toy import ToyTrees, toys
from ttclib.errors import RequestError


class Partly(ToyTrees):
    """Trees of which the problems from `held` on have their first steps alone."""

    held = 3

    def step(self, problem: int, path: str):
        return None if problem >= self.held and "." in path else super().step(problem, path)


def pool(n_problems=6):
    return make_pool(
        np.random.default_rng(0).integers(0, 2, (n_problems, 8)), problem_ids=[f"p{n}" for n in range(n_problems)]
    )


def test_a_search_has_the_problems_that_were_collected_for_it():
    trees = Partly(toys(6))
    (one,) = held_outcomes(pool(), ["beam_search"], [1, 4, 8], tree=trees)
    assert one.problem_ids == tuple(trees.problem_ids[:3]) and one.budgets == (4, 8)
    whole = search_outcomes(ToyTrees(toys(6)), Algorithm("beam_search", beam_width=4), [4, 8])
    np.testing.assert_allclose(one.accuracy, whole.accuracy[:3])
    for name, table in one.costs.items():
        np.testing.assert_allclose(table, whole.costs[name][:3])


def test_what_is_lacking_is_told():
    said = []
    found = held_outcomes(pool(), ["majority_vote", "dvts", "revisions"], [1, 2, 99], notify=said.append)
    assert [one.variant for one in found] == ["majority_vote"] and found[0].budgets == (1, 2)
    assert said == ["left out, since the store does not hold it: dvts (not collected), revisions (not collected)"]
    unscored = make_pool([[1, 0]], scores=[[np.nan, np.nan]])
    with pytest.raises(RequestError, match="'memory' holds none of best_of_n for policy 'policy'"):
        held_outcomes(unscored, ["best_of_n"], [1], notify=said.append)
    assert said[-1].endswith("best_of_n (no prm scores)")
