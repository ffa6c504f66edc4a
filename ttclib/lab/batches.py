"""Sequences of unequal length → batches of about equal size, with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def batches_by_length(
    lengths: Sequence[int] | np.ndarray, *, max_tokens: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Group sequences of similar length so that no padded batch exceeds a number of tokens.

    Parameters
    ----------
    lengths : sequence or array of int
        Tokens of each sequence.
    max_tokens : int
        Most tokens in a batch, padding included.
    rng : numpy.random.Generator
        Decides the order among equal lengths and the order of the batches.

    Yields
    ------
    numpy.ndarray
        Indices into `lengths`.
    """
    sizes = np.asarray(lengths)
    order = np.lexsort((rng.random(len(sizes)), sizes))
    batches: list[np.ndarray] = []
    start = 0
    for stop in range(1, len(order) + 1):
        is_last = stop == len(order)
        if is_last or sizes[order[stop]] * (stop + 1 - start) > max_tokens:
            batches.append(order[start:stop])
            start = stop
    for index in rng.permutation(len(batches)):
        yield batches[index]


def pad(sequences: Sequence[Sequence[int]], fill: int) -> np.ndarray:
    """Right-pad to the longest, as an array of shape (sequences, tokens)."""
    padded = np.full((len(sequences), max(map(len, sequences))), fill, dtype=np.int64)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
    return padded
