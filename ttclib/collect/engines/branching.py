"""Draws that have said the same so far share a row of the batch, which branches where they part.

Samples of one problem begin alike, easy ones to the end: their next token comes from one distribution,
which is computed once. Each draw takes its token from it by its own random number, so what is drawn
is what each would have drawn alone. Rows only branch and end; they never meet again.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


def branch(row_of_draw: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the next step, when each draw has chosen a token.

    Parameters
    ----------
    row_of_draw : ndarray of int, shape (draws,)
        The row that each draw stood in.
    tokens : ndarray of int, shape (draws,)
        What it chose.

    Returns
    -------
    sources : ndarray of int, shape (rows,)
        The old row that each new row goes on from; as many as possible stay where they are.
    token_of_row : ndarray of int, shape (rows,)
    row_of_draw : ndarray of int, shape (draws,)

    Examples
    --------
    >>> sources, tokens, rows = branch(np.array([0, 0, 0, 2]), np.array([5, 6, 5, 5]))
    >>> sources.tolist(), tokens.tolist(), rows.tolist()
    ([0, 0, 2], [5, 6, 5], [0, 1, 0, 2])
    """
    width = int(tokens.max()) + 1
    children, child_of_draw = np.unique(row_of_draw * width + tokens, return_inverse=True)
    parents, n_rows = children // width, len(children)
    eldest = np.unique(parents, return_index=True)[1]
    stay = eldest[parents[eldest] < n_rows]
    places = np.full(n_rows, -1)
    places[stay] = parents[stay]
    places[places < 0] = np.setdiff1d(np.arange(n_rows), parents[stay])
    sources, token_of_row = np.empty_like(places), np.empty_like(places)
    sources[places], token_of_row[places] = parents, children % width
    return sources, token_of_row, places[child_of_draw]


class RoomyLayer(DynamicLayer):
    """Keys and values in a buffer with room for tokens and rows: a step writes what is new and copies what branched."""

    _STEPS_OF_ROOM = 64

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add tokens to every row; returns the keys and values of all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._buffers = [states.new_empty(0) for states in (key_states, value_states)]
        held, (n_rows, heads, added, size) = self.get_seq_length(), key_states.shape
        if not held or self._buffers[0].shape[-2] < held + added:
            self._make_room((max(n_rows, len(self._buffers[0])), heads, held + added + self._STEPS_OF_ROOM, size))
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:n_rows, :, held : held + added] = states
        self._show(n_rows, held + added)
        return cast(Any, (self.keys, self.values))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Row i goes on from row `indices[i]`; rows may be taken several times."""
        n_rows, held = len(indices), self.get_seq_length()
        if n_rows > len(self._buffers[0]):
            self._make_room((n_rows * 3 // 2, *self._buffers[0].shape[1:]))
        moved = (indices != torch.arange(n_rows, device=indices.device)).nonzero()[:, 0]
        for buffer in self._buffers:
            buffer[moved, :, :held] = buffer[indices[moved], :, :held]
        self._show(n_rows, held)

    def _make_room(self, shape: tuple[int, ...]) -> None:
        """Larger buffers that hold what the old ones held."""
        roomy = [buffer.new_empty(shape) for buffer in self._buffers]
        if held := self.get_seq_length():
            for buffer, states in zip(roomy, cast(Any, (self.keys, self.values)), strict=True):
                buffer[: len(states), :, :held] = states
        self._buffers = roomy

    def _show(self, n_rows: int, n_tokens: int) -> None:
        self.keys, self.values = (buffer[:n_rows, :, :n_tokens] for buffer in self._buffers)


def roomy_cache(config: Any) -> DynamicCache:
    """A cache whose plain layers have room; those of sliding windows and the like stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
