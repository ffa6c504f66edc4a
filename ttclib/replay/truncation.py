"""Length caps: what the same samples would have come to, had each been cut at so many tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape
from ttclib.replay.budgets import as_budgets


class Truncated(NamedTuple):
    """Samples after a cap, arrays of shape (problems, samples)."""

    # numpy.ndarray of float; 0 beyond the cap; NaN where a sample was not graded or its length is not known
    correct: np.ndarray
    answer_ids: np.ndarray  # numpy.ndarray of int; −1 beyond the cap: no answer, no vote
    completion_tokens: np.ndarray  # numpy.ndarray of float; at most the cap
    # numpy.ndarray of float; −inf beyond the cap, below every other score; all NaN if none were given
    scores: np.ndarray


def truncate(
    correct: ArrayLike,
    answer_ids: ArrayLike,
    completion_tokens: ArrayLike,
    max_tokens: int,
    *,
    scores: ArrayLike | None = None,
) -> Truncated:
    """Cut every sample at a number of tokens; the answer stands at the end, so a cut sample has none.

    Parameters
    ----------
    correct : array_like of float or bool, shape (problems, samples)
        1, 0, NaN: not graded.
    answer_ids : array_like of int, shape (problems, samples)
        As in `ttclib.replay.voting.majority_vote`.
    completion_tokens : array_like of float, shape (problems, samples)
        NaN: not known; what a cap would have done to such a sample is not known either.
    max_tokens : int
        At least 1. A sample of exactly this length is whole.
    scores : array_like of float, shape (problems, samples), keyword-only, optional

    Raises
    ------
    ValueError
        The cap is below 1 or not whole, or shapes differ.

    References
    ----------
    Accuracy against a length cap by truncation of cached samples: Chen et al. 2024, arXiv:2412.21187.

    Examples
    --------
    >>> cut = truncate([[1, 1]], [[0, 0]], [[10, 30]], 20, scores=[[0.4, 0.9]])
    >>> cut.correct.tolist(), cut.answer_ids.tolist(), cut.completion_tokens.tolist(), cut.scores.tolist()
    ([[1.0, 0.0]], [[0, -1]], [[10.0, 20.0]], [[0.4, -inf]])
    """
    cap = float(as_budgets(max_tokens, "max_tokens"))
    right, ids, tokens = as_grades(correct), as_answers(answer_ids), as_table(completion_tokens, "completion_tokens")
    given = np.full(right.shape, np.nan) if scores is None else as_table(scores, "scores")
    check_one_shape(correct=right, answer_ids=ids, completion_tokens=tokens, scores=given)
    beyond, unknown = tokens > cap, np.isnan(tokens)
    return Truncated(
        correct=np.where(beyond, 0.0, np.where(unknown, np.nan, right)),
        answer_ids=np.where(beyond, -1, ids),
        completion_tokens=np.minimum(tokens, cap),
        scores=np.where(beyond & (scores is not None), -np.inf, given),
    )
