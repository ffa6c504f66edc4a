"""Searches beside sampling: every mean is over the same problems, whatever was collected on which."""

from pathlib import Path

import numpy as np
import pytest

from tests.show.stores import make_store
from ttclib.show.notebook import open_pool
from ttclib.show.searches import open_searches
from ttclib.show.strategies import open_strategies
from ttclib.store import SamplePool


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> SamplePool:
    """Eight samples; beam search at 8 on all problems but one, at 4 on all; revisions on all."""
    folder = tmp_path_factory.mktemp("uneven")
    return open_pool(make_store(folder / "s.duckdb", n_samples=8, search=True, uneven=True, revisions=True))


def test_a_budget_that_one_problem_lacks_is_left_out_and_said(uneven: SamplePool) -> None:
    held = open_searches(uneven, ["beam_search"])
    (beam,) = held.searches
    assert beam.budgets == (4,) and len(beam.problem_ids) == len(uneven.problem_ids)
    assert not any(np.isnan(one.accuracy).any() for one in held.outcomes)
    assert any("left out at budgets 8, held on fewer than 12 problems" in note for note in held.notes)


def test_strategies_are_compared_on_shared_problems_or_on_all(uneven: SamplePool, tmp_path: Path) -> None:
    names = ["majority_vote", "beam_search", "revisions"]
    held = open_strategies(uneven, names)
    assert {one.strategy for one in held.outcomes} == set(names)
    assert not any(np.isnan(one.accuracy).any() for one in held.outcomes)

    # Searched on fewer problems than sampled: all on the fewer, or the search left out.
    few = make_store(tmp_path / "few.duckdb", n_problems=4, n_samples=8, search=True)
    make_store(tmp_path / "few.duckdb", n_problems=6, n_samples=8, seed=1)
    pool = open_pool(few)
    shared, every = open_strategies(pool, names[:2]), open_strategies(pool, names[:2], shared_problems=False)
    assert {one.strategy for one in shared.outcomes} == set(names[:2])
    assert all(len(one.problem_ids) == 4 for one in shared.outcomes)
    assert "compared on the 4 problems that all strategies hold" in shared.caption
    assert {one.strategy for one in every.outcomes} == {"majority_vote"}
    assert len(every.outcomes[0].problem_ids) == 6 and any("fewer than 6 problems" in note for note in every.notes)
