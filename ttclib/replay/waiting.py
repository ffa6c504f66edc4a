"""What must be waited for: tokens that are decoded, or read, one after the other, with all that can run side by side.

Parallel samples are waited for as long as the longest of them decodes, which no mean tells; the answers of a chain
follow each other. A verifier reads when all is drawn, all samples side by side. (A search waits in every round:
`ttclib.replay.spending`.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.best_of_n import expected_largest
from ttclib.replay.revisions import Split


def waits_of_samples(
    completion_tokens: ArrayLike, read_tokens: ArrayLike, budgets: ArrayLike, *, pool_sizes: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """Expected waiting for N samples side by side, over every size-N subset of the pool.

    Parameters
    ----------
    completion_tokens : array_like of float, shape (problems, samples)
        NaN: unknown, and so is its problem's waiting.
    read_tokens : array_like of float, shape (problems, samples)
        What a verifier reads of each; 0 where nobody reads.
    budgets : array_like of int, shape (budgets,)
    pool_sizes : array_like of int, shape (problems,), keyword-only, optional
        Samples of each problem, which stand first in its row.

    Returns
    -------
    dict of str to numpy.ndarray, shape (problems, budgets)
        ``serial_tokens`` and ``serial_prm_tokens``; NaN where N exceeds the pool.

    Examples
    --------
    >>> waits_of_samples([[10.0, 30.0]], [[12.0, 32.0]], [1, 2])["serial_tokens"].tolist()
    [[20.0, 30.0]]
    """
    return {
        name: expected_largest(values, budgets, pool_sizes=pool_sizes)
        for name, values in (("serial_tokens", completion_tokens), ("serial_prm_tokens", read_tokens))
    }


def waits_of_chains(
    completion_tokens: np.ndarray, read_tokens: np.ndarray, lengths: np.ndarray, splits: Sequence[Split]
) -> dict[str, np.ndarray]:
    """Expected waiting for chains of revisions side by side, over every subset of the chains.

    Parameters
    ----------
    completion_tokens, read_tokens : float array, shape (problems, chains, positions)
        As in `waits_of_samples`.
    lengths : int array, shape (problems, chains)
        Answers of each chain; what lies behind is padding.
    splits : sequence of (sequential, parallel)

    Returns
    -------
    dict of str to numpy.ndarray, shape (problems, splits)
        ``serial_tokens``, of the chain whose answers are longest together, and ``serial_prm_tokens``, of the longest
        reading; NaN where a problem has fewer chains of that length.

    Examples
    --------
    >>> tokens = np.array([[[10.0, 20.0], [25.0, 1.0]]])
    >>> waits = waits_of_chains(tokens, tokens + 100, np.array([[2, 2]]), [(1, 2), (2, 2), (2, 1)])
    >>> waits["serial_tokens"].tolist(), waits["serial_prm_tokens"].tolist()
    ([[25.0, 30.0, 28.0]], [[125.0, 125.0, 122.5]])
    """
    of_chain = {
        "serial_tokens": np.cumsum(completion_tokens, axis=2),
        "serial_prm_tokens": np.maximum.accumulate(read_tokens, axis=2),
    }
    table = {name: np.full((len(lengths), len(splits)), np.nan) for name in of_chain}
    for column, (sequential, parallel) in enumerate(splits):
        if sequential > completion_tokens.shape[2]:
            continue
        long_enough = lengths >= sequential
        first = np.argsort(~long_enough, axis=1, kind="stable")
        for name, values in of_chain.items():
            chains = np.take_along_axis(values[:, :, sequential - 1], first, axis=1)
            table[name][:, column] = expected_largest(chains, [parallel], pool_sizes=long_enough.sum(axis=1))[:, 0]
    return table
