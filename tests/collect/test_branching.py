"""Rows that branch: every draw goes on from the row it stood in, and draws that said the same share one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from ttclib.collect.engines.branching import RoomyLayer, branch  # noqa: E402


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=30))
def test_draws_share_a_row_exactly_while_they_say_the_same(choices: list[tuple[int, int]]) -> None:
    rows, tokens = (np.array(column) for column in zip(*choices, strict=True))
    sources, token_of_row, after = branch(rows, tokens)
    assert sources[after].tolist() == rows.tolist()
    assert token_of_row[after].tolist() == tokens.tolist()
    assert sorted(set(after.tolist())) == list(range(len(set(choices))))
    # A row is copied only where its place is needed, or where it is not the first to go on from it.
    for row in set(rows.tolist()):
        if row < len(sources):
            assert sources[row] == row


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=9), min_size=1, max_size=6))
def test_the_cache_holds_what_each_row_has_said(selections: list[list[int]]) -> None:
    layer, expected = RoomyLayer(), [[0], [1]]
    layer.update(*[torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)] * 2)
    for step, wanted in enumerate(selections):
        indices = [index % len(expected) for index in wanted]
        layer.batch_select_indices(torch.tensor(indices))
        said = torch.arange(len(indices), dtype=torch.float32) + 10 * (step + 1)
        keys, values = layer.update(said.reshape(-1, 1, 1, 1), -said.reshape(-1, 1, 1, 1))
        expected = [[*expected[index], int(value)] for index, value in zip(indices, said, strict=True)]
        assert keys[:, 0, :, 0].tolist() == expected
        assert values[:, 0, 1:, 0].tolist() == [[-value for value in row[1:]] for row in expected]


def test_the_cache_outgrows_its_room_in_tokens_and_rows() -> None:
    layer = RoomyLayer()
    layer.update(*[torch.zeros(1, 2, 3, 4)] * 2)
    for step in range(2 * RoomyLayer._STEPS_OF_ROOM):
        layer.batch_select_indices(torch.zeros(step + 1, dtype=torch.long))
        keys, _ = layer.update(*[torch.full((step + 1, 2, 1, 4), float(step))] * 2)
    assert keys.shape == (2 * RoomyLayer._STEPS_OF_ROOM, 2, 3 + 2 * RoomyLayer._STEPS_OF_ROOM, 4)
    assert keys[:, 1, 3:, 2].eq(torch.arange(2.0 * RoomyLayer._STEPS_OF_ROOM)).all()
