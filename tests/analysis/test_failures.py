"""Shapes of wrong solutions, against counting by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.analysis.trace import failure_shapes

SOLUTIONS = st.lists(
    st.tuples(st.lists(st.sampled_from(["a\n", "b", " a", "c"]), max_size=5), st.sampled_from([0.0, 1.0, np.nan])),
    min_size=1,
    max_size=30,
)


@given(SOLUTIONS, st.integers(1, 3))
def test_against_counting_by_hand(cells: list[tuple[list[str], float]], few: int) -> None:
    groups = [place % 3 for place in range(len(cells))]
    table = failure_shapes([steps for steps, _ in cells], [right for _, right in cells], groups, few=few)
    assert table["group"].to_list() == sorted(set(groups))
    for row in table.iter_rows(named=True):
        wrong = [
            steps for (steps, right), group in zip(cells, groups, strict=True) if group == row["group"] and right == 0
        ]
        assert row["n_wrong"] == len(wrong)
        if not wrong:
            assert row["repeats_step"] is None and row["few_steps"] is None
            continue
        twice = sum(any(a.strip() == b.strip() for a, b in combinations(steps, 2)) for steps in wrong)
        assert row["repeats_step"] == pytest.approx(twice / len(wrong))
        assert row["few_steps"] == pytest.approx(sum(len(steps) <= few for steps in wrong) / len(wrong))


def test_white_space_does_not_tell_steps_apart() -> None:
    table = failure_shapes([["7 * 7\n", "7 * 7"], ["7*7", "49"]], [0, 0], [1, 2])
    assert table["repeats_step"].to_list() == [1.0, 0.0]


def test_lengths_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match="2 solutions, 1 grades and 1 groups"):
        failure_shapes([["a"], ["b"]], [1], [1])
