"""Which samples are worth reading: where the verifier errs, and where strategies disagree."""

from __future__ import annotations

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.samples import Pool

KINDS = ("high_scored_wrong", "low_scored_right", "disagreement", "any")


def samples_to_read(
    pool: Pool, kind: str, *, verifier: str = "prm", aggregation: str = "last", limit: int = 20, seed: int = 0
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
    rng = np.random.default_rng(seed)
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
