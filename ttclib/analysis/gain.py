"""What a gain is made of: answers that the first side finds, too, given more often, or answers that it never found."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.columns import schema
from ttclib.analysis.resampling import interval
from ttclib.analysis.winners import leads
from ttclib.errors import RequestError
from ttclib.replay.coverage import log_binomial, pass_at_k
from ttclib.samples import Pool

HELD_BY = 0.9  # the share of problems that must hold as many samples as both sides are compared with
MEASURES = ("accuracy", "known", "new", "coverage", "distinct", "entropy", "agreement")
GAIN_SCHEMA = schema("measure", "first", "second", "difference", "ci_low", "ci_high", "winner", "budget", "n_problems")


def known_and_new(
    n_first: ArrayLike, c_first: ArrayLike, n_second: ArrayLike, c_second: ArrayLike, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """pass@1 of both sides, parted by whether k samples of the first side hold a right one.

    With w the chance that they do, a problem's part in what is *known* is E[w·x] for an answer x of either side, and
    what is *new* is E[(1 − w)·x]. The k samples are others than the one that is looked at, so that both parts are
    unbiased; together they are pass@1.

    Parameters
    ----------
    n_first, c_first, n_second, c_second : array_like of int, shape (problems,)
        Samples and right ones of each side.
    k : int
        From 1 to the smallest `n_first` less 1.

    Returns
    -------
    known, new : float array, shape (problems, 2)
        Of the first and the second side.

    Raises
    ------
    RequestError
        A pool of the first side has no k samples beside the one that is looked at.

    Examples
    --------
    >>> known, new = known_and_new([4, 4], [2, 0], [4, 4], [4, 2], 3)
    >>> known.tolist(), new.tolist()
    ([[0.5, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.5]])
    """
    n, c, m, d = (np.asarray(values, dtype=float) for values in (n_first, c_first, n_second, c_second))
    if k < 1 or np.any(n < k + 1):
        raise RequestError(
            f"k = {k}: give 1 to {max(0, int(n.min(initial=np.inf)) - 1)}, one less than the smallest pool"
        )
    missed = 1.0 - np.asarray(pass_at_k(n, c, k))  # k of all samples are wrong
    # One that is right, and k of the others all wrong.
    alone = np.where(c > 0, c / n * (1.0 - np.asarray(pass_at_k(n - 1, np.maximum(c - 1, 0), k))), 0.0)
    new = np.column_stack([alone, missed * d / m])
    return np.column_stack([c / n, d / m]) - new, new


def variety(answer_ids: np.ndarray, present: np.ndarray, k: int) -> np.ndarray:
    """How varied k answers of each problem are, in expectation over all subsets of its pool.

    Parameters
    ----------
    answer_ids : int array, shape (problems, samples)
        −1: no answer.
    present : bool array, shape (problems, samples)
    k : int
        Samples that are looked at, at least 2.

    Returns
    -------
    float array, shape (problems, 3)
        Different answers as a share of k; the answers' entropy as a share of log k, none being one of the answers;
        the chance that two samples give one answer. NaN: fewer than k samples.

    Examples
    --------
    >>> variety(np.array([[0, 0, 1, 1]]), np.ones((1, 4), dtype=bool), 4).round(3).tolist()
    [[0.5, 0.5, 0.333]]
    """
    found = np.full((len(answer_ids), 3), np.nan)
    for row, (ids, here) in enumerate(zip(answer_ids, present, strict=True)):
        n = int(here.sum())
        if n < k or k < 2:
            continue
        counts = np.bincount(ids[here & (ids >= 0)])
        counts = counts[counts > 0]
        none = n - int(counts.sum())
        parts = _entropy_parts(n, k)
        found[row, 0] = np.sum(pass_at_k(n, counts, k)) / k
        found[row, 1] = max(0.0, float(parts[counts].sum() + parts[none])) / np.log(k)
        found[row, 2] = np.sum(counts * (counts - 1.0)) / (n * (n - 1.0))
    return found


@lru_cache(maxsize=64)
def _entropy_parts(n: int, k: int) -> np.ndarray:
    """What an answer that c of n samples give adds to the entropy of k of them, in expectation, for c = 0 … n."""
    c, j = np.arange(n + 1)[:, None], np.arange(1, k + 1)[None]
    possible = (j <= c) & (k - j <= n - c)
    j, c = (np.where(possible, value, 0) for value in np.broadcast_arrays(j, c))
    rest, left = np.where(possible, n - c, k), np.where(possible, k - j, k)
    chance = np.exp(log_binomial(c, j) + log_binomial(rest, left) - log_binomial(np.array(n), np.array(k)))
    share = np.maximum(j, 1) / k
    return np.where(possible, chance * -share * np.log(share), 0.0).sum(axis=1)


def samples_of_both(first: Pool, second: Pool) -> int:
    """As many samples as 90% of the problems hold of both sides.

    Raises
    ------
    RequestError
        That is fewer than two.
    """
    least = np.sort(np.minimum(first.pool_sizes, second.pool_sizes))[::-1]
    k = int(least[min(len(least) - 1, int(np.ceil(HELD_BY * len(least))) - 1)])
    if k < 2:
        raise RequestError(
            f"most problems hold {k} sample of '{first.policy}' or of '{second.policy}': what a gain is made of shows "
            "in several samples of each problem; draw more with `ttc sample`"
        )
    return k


def gain(first: Pool, second: Pool, k: int | None = None, *, seed: int = 0) -> pl.DataFrame:
    """Second less first, and what that is made of: accuracy a sample on what the first finds, reach, and variety.

    Parameters
    ----------
    first, second : Pool
        On the same problems in the same order. Without answers, or with counts alone, variety is left out.
    k : int, optional
        Samples of each side, at least 2; None: `samples_of_both`. Problems with fewer are left out.

    Returns
    -------
    polars.DataFrame
        Columns as in `GAIN_SCHEMA`, a row for each of `MEASURES`; `budget` is k, for ``known`` and ``new`` the samples
        in which the first side was looked for, one less.

    Raises
    ------
    RequestError
        Other problems, a k that no problem holds, or nothing is graded.

    References
    ----------
    Yue et al. 2025, arXiv:2504.13837, hold pass@k of two models side by side for this.
    """
    if first.problem_ids != second.problem_ids:
        raise RequestError("the two sides are of other problems: choose those of both first")
    if k is not None and k < 2:
        raise RequestError(f"{k} samples: give at least 2")
    size = samples_of_both(first, second) if k is None else k
    held = (np.minimum(first.pool_sizes, second.pool_sizes) >= size) & (first.n_graded > 0) & (second.n_graded > 0)
    if not held.any():
        raise RequestError(f"{size} samples: no problem holds as many graded ones of both sides")
    one, other = first.of_problems(held), second.of_problems(held)
    counts = (one.pool_sizes, one.n_correct, other.pool_sizes, other.n_correct)
    known, new = known_and_new(*counts, size - 1)
    cover = np.column_stack([np.asarray(pass_at_k(side.pool_sizes, side.n_correct, size)) for side in (one, other)])
    tables = {"accuracy": known + new, "known": known, "new": new, "coverage": cover}
    if all(side.counts is None and side.has_answers for side in (one, other)):
        both = [variety(side.answer_ids, side.present, size) for side in (one, other)]
        for place, name in enumerate(("distinct", "entropy", "agreement")):
            tables[name] = np.column_stack([table[:, place] for table in both])
    before, after = (np.stack([table[:, side] for table in tables.values()], axis=1) for side in (0, 1))
    found = interval((after, before), "difference", seed=seed)
    winners = leads(list((before - after).T), -found.high, -found.low, names=("first", "second"))
    rows = [
        {
            "measure": name,
            "first": float(before[:, place].mean()),
            "second": float(after[:, place].mean()),
            "difference": float(found.estimate[place]),
            "ci_low": float(found.low[place]),
            "ci_high": float(found.high[place]),
            "winner": winners[place],
            "budget": size - 1 if name in ("known", "new") else size,
            "n_problems": int(held.sum()),
        }
        for place, name in enumerate(tables)
    ]
    return pl.DataFrame(rows, schema=GAIN_SCHEMA)
