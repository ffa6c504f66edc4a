"""An order whose every beginning holds something of everything."""

import numpy as np
import pytest

from ttclib.analysis.worth_reading import in_turns


@pytest.mark.parametrize("seed", range(4))
def test_strata_come_first_then_groups_then_all_in_turns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata, groups = rng.integers(-3, 5, 400), rng.integers(0, 60, 400)
    order = in_turns(strata, groups, seed=seed)
    assert sorted(order.tolist()) == list(range(400))
    kinds, named = set(strata.tolist()), set(groups.tolist())
    assert set(strata[order[: len(kinds)]].tolist()) == kinds
    covered = set(groups[order[: len(kinds)]].tolist())
    n_new = len(named - covered)
    assert set(groups[order[: len(kinds) + n_new]].tolist()) == named
    assert in_turns(strata, groups, seed=seed).tolist() == order.tolist() != in_turns(strata, groups, seed=9).tolist()


def test_strata_take_turns_while_they_last() -> None:
    strata = np.array([0] * 20 + [1] * 5)
    order = in_turns(strata, np.zeros(25, dtype=int))
    assert [set(strata[order[at : at + 2]].tolist()) for at in range(0, 10, 2)] == [{0, 1}] * 5


def test_a_stratum_takes_its_groups_in_turns() -> None:
    groups = np.repeat(np.arange(5), 8)
    order = in_turns(np.zeros(40, dtype=int), groups)
    assert [sorted(groups[order[at : at + 5]].tolist()) for at in range(0, 40, 5)] == [list(range(5))] * 8


def test_edges() -> None:
    assert in_turns([], []).tolist() == [] and in_turns([3], [7]).tolist() == [0]
    with pytest.raises(ValueError, match="two lists, alike"):
        in_turns([1, 2], [1])
