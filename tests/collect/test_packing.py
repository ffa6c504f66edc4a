"""Rows that solutions share: each is whole in its row, and is scored as by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from ttclib.collect.verifiers import common, load_prm
from ttclib.collect.verifiers.packing import Row, pack
from ttclib.config import PrmConfig

SOLUTIONS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=12)


def ancestors(row: Row, token: int) -> list[int]:
    found = []
    while token >= 0:
        found.append(token)
        token = row.parents[token]
    return found[::-1]


@given(SOLUTIONS, st.integers(1, 20))
def test_every_solution_stands_whole_in_one_row(solutions: list[list[int]], capacity: int) -> None:
    rows = pack(solutions, capacity)
    assert sorted(number for row in rows for number, _ in row.solutions) == list(range(len(solutions)))
    for row in rows:
        assert len(row.ids) <= capacity or len(row.solutions) == 1 or len(set(map(tuple, solutions))) < len(solutions)
        for number, places in row.solutions:
            assert ancestors(row, places[-1]) == places
            assert [row.ids[place] for place in places] == solutions[number]
            assert [row.depths[place] for place in places] == list(range(len(places)))


@given(SOLUTIONS)
def test_with_room_enough_every_distinct_prefix_stands_there_once(solutions: list[list[int]]) -> None:
    (row,) = pack(solutions, 1000)
    assert len(row.ids) == len({tuple(ids[:length]) for ids in solutions for length in range(1, len(ids) + 1)})


@pytest.mark.parametrize("num_labels", [1, 2])
def test_shared_rows_score_as_rows_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_labels: int
) -> None:
    from tests.models import save_tiny_prm

    prm = load_prm(PrmConfig(path=str(save_tiny_prm(tmp_path / "prm", num_labels=num_labels))))
    rng = np.random.default_rng(0)
    lines = [f"{a}+{b}\n" for a in range(3) for b in range(3)]
    solutions = [
        prm.encode(f"{problem}*7=\n", ["1+1\n", *rng.choice(lines, size=rng.integers(1, 4)).tolist()])
        for problem in range(3)
        for _ in range(10)
    ]
    reads: list[int] = []
    read = prm._read
    monkeypatch.setattr(
        prm, "_read", lambda batch, places: (reads.append(sum(len(r.ids) for r in batch)), read(batch, places))[1]
    )
    shared = prm.score(solutions)
    monkeypatch.setattr(common, "WORTH_IT", 0)
    alone = prm.score(solutions)
    assert reads[0] < 0.6 * reads[-1] == 0.6 * sum(len(ids) for ids, _ in solutions)
    for one, other in zip(shared, alone, strict=True):
        assert one.prm_tokens == other.prm_tokens
        np.testing.assert_allclose(one.step_scores or [], other.step_scores or [], atol=1e-5)
