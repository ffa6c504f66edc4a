"""Solutions that begin alike share a row: what they have in common is read once.

Candidates of a search differ in their last step, samples of a problem share its prompt and often
more. A row is a tree of tokens laid out flat: a token attends to its ancestors alone and stands at
its depth, so a causal model computes for each solution what it would compute by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

MIN_CAPACITY = 256  # tokens a row can always take; longer rows cost attention over other branches
WORTH_IT = 0.8  # of the tokens that are left when shared, at most


@dataclass
class Row:
    """Token i, its parent (-1: none) and depth; of each solution in it, its number and where its tokens stand."""

    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    solutions: list[tuple[int, list[int]]] = field(default_factory=list)


def pack(solutions: Sequence[Sequence[int]], capacity: int) -> list[Row]:
    """Lay solutions out in rows of at most `capacity` tokens, or of one solution that is longer.

    Examples
    --------
    >>> (row,) = pack([[1, 2, 3], [1, 2, 4, 5]], capacity=8)
    >>> row.ids, row.parents, row.depths, row.solutions
    ([1, 2, 3, 4, 5], [-1, 0, 1, 1, 3], [0, 1, 2, 2, 3], [(0, [0, 1, 2]), (1, [0, 1, 3, 4])])
    """
    rows: list[Row] = []
    before: Sequence[int] = []
    places: list[int] = []
    for number in sorted(range(len(solutions)), key=lambda number: list(solutions[number])):
        ids = solutions[number]
        shared = 0  # in this order, no earlier solution shares more than the one before
        while shared < min(len(ids), len(before)) and ids[shared] == before[shared]:
            shared += 1
        if not rows or len(rows[-1].ids) + len(ids) - shared > capacity:
            rows.append(Row())
            shared = 0
        row = rows[-1]
        places = places[:shared]
        for depth in range(shared, len(ids)):
            row.parents.append(places[-1] if places else -1)
            places.append(len(row.ids))
            row.ids.append(ids[depth])
            row.depths.append(depth)
        row.solutions.append((number, list(places)))
        before = ids
    return rows


def as_tensors(rows: Sequence[Row], device: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids and positions, shape (rows, longest), and the additive mask, shape (rows, 1, longest, longest)."""
    longest = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    positions = np.zeros_like(ids)
    sees = np.zeros((len(rows), longest, longest), dtype=bool)
    sees[:, np.arange(longest), np.arange(longest)] = True  # padding sees itself, so that nothing is NaN
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        positions[number, : len(row.ids)] = row.depths
        for token, parent in enumerate(row.parents):
            if parent >= 0:
                sees[number, token] |= sees[number, parent]
    mask = torch.zeros(sees.shape, dtype=dtype, device=device)
    mask.masked_fill_(~torch.from_numpy(sees).to(device), torch.finfo(dtype).min)
    return torch.from_numpy(ids).to(device), torch.from_numpy(positions).to(device), mask[:, None]
