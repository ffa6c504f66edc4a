"""Which samples a reader should see first: those that say most, and those of every kind in turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, one_of
from ttclib.samples import Pool


def in_turns(strata: ArrayLike, groups: ArrayLike, *, seed: int = 0) -> np.ndarray:
    """Places of things in an order whose every beginning is spread as evenly as it can be.

    First one of each stratum; then one of each group that has none; then a round over the strata, in which a stratum
    takes its groups in turns. Else at random.

    Parameters
    ----------
    strata : int array, shape (things,)
        Such as right answers of bin 3.
    groups : int array, shape (things,)
        Such as the problem.

    Returns
    -------
    int array, shape (things,)

    Examples
    --------
    >>> in_turns([0, 0, 0, 1], [0, 0, 1, 0]).tolist()[:2] in ([0, 3], [3, 0], [1, 3], [3, 1], [2, 3], [3, 2])
    True
    """
    stratum, group = np.asarray(strata, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    if stratum.shape != group.shape or stratum.ndim != 1:
        raise ValueError(f"strata of shape {stratum.shape} and groups of shape {group.shape}: allowed two lists, alike")
    drawn = np.random.default_rng(seed).permutation(len(stratum))
    stratum, group = stratum[drawn], group[drawn]
    both = stratum * (np.ptp(group) + 1 if len(group) else 1) + group
    turn = _turns(stratum, np.lexsort((_turns(both, np.arange(len(drawn))), stratum)))
    rounds = np.lexsort((stratum, turn))
    first = turn == 0
    is_new = np.zeros(len(drawn), dtype=bool)
    is_new[rounds[np.unique(group[rounds], return_index=True)[1]]] = True
    is_new &= ~np.isin(group, group[first])
    # Stable: within each of the three parts the order of the rounds stays.
    part = np.where(first, 0, np.where(is_new, 1, 2))[rounds]
    return np.asarray(drawn[rounds[np.argsort(part, kind="stable")]])


def _turns(kinds: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which of its kind each thing is, from 0, where they are counted in an order."""
    by_kind = order[np.argsort(kinds[order], kind="stable")]
    begins = np.flatnonzero(np.r_[True, np.diff(kinds[by_kind]) != 0]) if len(order) else by_kind
    turns = np.empty(len(order), dtype=np.int64)
    turns[by_kind] = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    return turns


KINDS = ("high_scored_wrong", "low_scored_right", "disagreement", "any")


def samples_to_read(
    pool: Pool, kind: str, *, verifier: str = "prm", aggregation: str = "last", limit: int = 20
) -> list[tuple[int, int]]:
    """Cells of a pool to read, the most telling first; of equal ones a random order.

    Parameters
    ----------
    kind : {"high_scored_wrong", "low_scored_right", "disagreement", "any"}
        Wrong samples by score from the top; right ones from the bottom; of each problem where the
        whole pool's best-of-N and majority vote answer differently, the best-scored sample of the
        one and of the other, problems with one of the two right first; or samples at random.
    verifier, aggregation
        As in `ttclib.samples.Pool.verifier`.
    limit : int
        At most so many samples.

    Returns
    -------
    list of (row, column)

    Raises
    ------
    RequestError
        An unknown name, or the store has no scores and `kind` needs them.
    """
    one_of(kind, KINDS, "kind of samples")
    if limit < 1:
        raise RequestError(f"limit must be at least 1, got {limit}")
    rng = np.random.default_rng(0)
    if kind == "any":
        cells = np.argwhere(pool.present)
        return _pairs(rng.permutation(cells)[:limit])
    scores = pool.verifier(verifier).by(aggregation)
    if kind == "disagreement":
        return _disagreements(pool, scores)[:limit]
    wrong = kind == "high_scored_wrong"
    cells = np.argwhere((pool.correct == (0 if wrong else 1)) & ~np.isnan(scores))
    cells = rng.permutation(cells)
    value = scores[cells[:, 0], cells[:, 1]]
    return _pairs(cells[np.argsort(-value if wrong else value, kind="stable")][:limit])


def _disagreements(pool: Pool, scores: np.ndarray) -> list[tuple[int, int]]:
    """Best-scored sample overall and best-scored one of the most frequent answer, where their answers differ."""
    found = []
    for row in range(len(pool.problem_ids)):
        known = np.flatnonzero(~np.isnan(scores[row]) & (pool.answer_ids[row] >= 0))
        if not len(known):
            continue
        best = int(known[scores[row, known].argmax()])
        values, counts = np.unique(pool.answer_ids[row, known], return_counts=True)
        voted = values[counts.argmax()]
        if voted == pool.answer_ids[row, best]:
            continue
        same = known[pool.answer_ids[row, known] == voted]
        other = int(same[scores[row, same].argmax()])
        right = np.nansum([pool.correct[row, best], pool.correct[row, other]])
        found.append((right == 1, scores[row, best] - scores[row, other], [(row, best), (row, other)]))
    found.sort(key=lambda item: (not item[0], -item[1]))
    return [cell for _, _, pair in found for cell in pair]


def _pairs(cells: np.ndarray) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in cells]
