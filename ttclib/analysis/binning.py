"""Difficulty bins: by quantiles or thresholds of ease, ties by chance, and where a new problem falls.

Ease is pass@1 or a mean score, higher is easier. Bin 1 is the easiest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, one_of

TIES = ("split", "together")


ABSOLUTE_THRESHOLDS = (0.5, 0.1)  # easy 50-100 %, medium 10-50 %, hard 0-10 %: Liu et al., arXiv:2502.06703


def difficulty_bins(ease: ArrayLike, n_bins: int = 5, *, ties: str = "split", seed: int = 0) -> np.ndarray:
    """Quantile bins of about equal size, 1 the easiest.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        pass@1 or mean score.
    n_bins : int
        At least 1.
    ties : {"split", "together"}
        ``split``: problems of equal ease stand in random order, so bins differ by one in size at most. ``together``:
        they share the bin of the middle of their ranks; a bin may then be large or missing, and bins are numbered
        without gaps. Never does the order of the problems decide.
    seed : int
        Of the random order.

    Returns
    -------
    numpy.ndarray of int, shape (problems,)
        1 … n_bins; 0: `ease` is NaN, the problem is in no bin.

    Examples
    --------
    >>> difficulty_bins([0.9, 0.1, 0.5, float("nan")], 3).tolist()
    [1, 3, 2, 0]
    >>> difficulty_bins([1.0, 1.0, 1.0, 0.5, 0.0, 0.0], 3, ties="together").tolist()
    [1, 1, 1, 2, 3, 3]
    """
    one_of(ties, TIES, "way with ties")
    values = np.asarray(ease, dtype=float)
    if n_bins < 1:
        raise RequestError(f"{n_bins} difficulty bins: give at least 1")
    known = np.flatnonzero(~np.isnan(values))
    bins = np.zeros(len(values), dtype=int)
    if not len(known):
        return bins
    if ties == "split":
        keys = np.random.default_rng(seed).random(len(values))[known]
        ranked = known[np.lexsort((keys, -values[known]))]
        bins[ranked] = 1 + np.arange(len(ranked)) * n_bins // len(ranked)
        return bins
    _, number, size = np.unique(-values[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - size / 2
    of_value = np.minimum((middle * n_bins / len(known)).astype(int), n_bins - 1)
    bins[known] = 1 + np.unique(of_value, return_inverse=True)[1][number.ravel()]
    return bins


def threshold_bins(ease: ArrayLike, thresholds: Sequence[float] = ABSOLUTE_THRESHOLDS) -> np.ndarray:
    """Bins by absolute thresholds, 1 the easiest; a value on a threshold belongs to the easier bin.

    Parameters
    ----------
    ease : array_like of float, any shape
    thresholds : sequence of float
        Descending. By default easy 50–100 %, medium 10–50 %, hard 0–10 % pass@1.

    Returns
    -------
    numpy.ndarray of int, the shape of `ease`
        1 … len(thresholds) + 1; 0: `ease` is NaN.

    Raises
    ------
    RequestError
        Thresholds do not descend.

    References
    ----------
    Liu et al. 2025, arXiv:2502.06703, for the default.

    Examples
    --------
    >>> threshold_bins([1.0, 0.5, 0.3, 0.1, 0.02]).tolist()
    [1, 1, 2, 2, 3]
    """
    cuts = np.asarray(thresholds, dtype=float)
    if np.any(np.diff(cuts) > 0) or np.isnan(cuts).any():
        raise RequestError(f"thresholds {list(thresholds)}: give them from the easiest down, such as 0.5,0.1")
    values = np.asarray(ease, dtype=float)
    bins = 1 + (values[..., None] < cuts).sum(axis=-1)
    return np.where(np.isnan(values), 0, bins)


def bin_thresholds(ease: ArrayLike, bins: ArrayLike) -> tuple[float, ...]:
    """The ease that parts each bin from the next, halfway between their nearest problems.

    Where problems tie across the edge the threshold is that value (see `Difficulty.tied_shares`).

    Examples
    --------
    >>> bin_thresholds([0.9, 0.1, 0.5], [1, 3, 2])
    (0.7, 0.3)
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins)
    cuts = []
    for number in range(1, int(numbers.max(initial=0))):
        easier, harder = values[(numbers <= number) & (numbers > 0)], values[numbers > number]
        if not len(easier):
            raise RequestError(f"difficulty bin {number} and all easier ones are empty: use fewer bins")
        cuts.append((float(easier.min()) + float(harder.max())) / 2)
    return tuple(cuts)


def place_problems(
    ease: ArrayLike, thresholds: Sequence[float], tied_shares: Sequence[float | None] | None = None, seed: int = 0
) -> np.ndarray:
    """Bins of new problems by the thresholds of old ones, of which some may have stood on both sides.

    A quantile bin may part problems of one ease, such as those never solved. A new problem of just that ease then
    falls on either side at random, in the proportion of the old ones: no bin is out of reach.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        NaN: bin 0.
    thresholds : sequence of float
        Descending.
    tied_shares : sequence of (float or None), optional
        As `Difficulty.tied_shares`.

    Examples
    --------
    >>> place_problems([0.9, 0.0, 0.0, 0.0, 0.0], (0.5, 0.0), (None, 0.5)).tolist()[:1]
    [1]
    """
    values = np.asarray(ease, dtype=float)
    bins = threshold_bins(values, thresholds)
    luck = np.random.default_rng(seed).random(len(values))
    for cut, share in zip(thresholds, tied_shares or [None] * len(thresholds), strict=True):
        if share is not None:  # one number for all thresholds, whose shares rise: no bin is passed over
            bins = np.where((values == cut) & (luck >= share), bins + 1, bins)
    return bins


def check_bins(bins: ArrayLike, n_folds: int = 2, clusters: ArrayLike | None = None) -> None:
    """Refuse bins that are too small to choose on some folds and score on another.

    Raises
    ------
    RequestError
        Fewer problems than folds x bins, or a bin with fewer problems than folds.
    """
    given = np.asarray(bins)
    members = np.arange(len(given)) if clusters is None else np.asarray(clusters)
    if not (given > 0).any():
        raise RequestError("no problem is in a difficulty bin: grade or score the samples first")
    count = int(given.max())
    n_problems = len(np.unique(members[given > 0]))
    if n_problems < n_folds:
        raise RequestError(
            f"{n_problems} problem: choosing on some and scoring on others needs at least {n_folds}; sample more"
        )
    if n_problems < n_folds * count:
        raise RequestError(
            f"{n_problems} problems in {count} bins: {n_folds} folds need at least {n_folds * count} problems"
            + (f"; use at most {n_problems // n_folds} bins" if n_problems >= n_folds else ": add problems")
        )
    sizes = [len(np.unique(members[given == number])) for number in range(1, count + 1)]
    if min(sizes) < n_folds:
        number = int(np.argmin(sizes)) + 1
        raise RequestError(
            f"difficulty bin {number} holds {min(sizes)} problems, {n_folds} folds need at least {n_folds}: "
            "use fewer bins, other thresholds or more problems"
        )


def difficulty_table(ease: ArrayLike, bins: ArrayLike) -> pl.DataFrame:
    """What each bin holds, its ties and the problems never solved.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
    bins : array_like of int, shape (problems,)

    Returns
    -------
    polars.DataFrame
        One row a bin: `bin`, `n_problems`, `ease_low`, `ease_mean`, `ease_high`, `n_never` (ease 0: with
        pass@1 never solved), `n_always` (ease 1), `n_tied` (problems whose ease also stands in another bin:
        chance parted them). A row with bin 0 counts the problems without an ease.
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins, dtype=int)
    rows = []
    for number in range(0 if (numbers == 0).any() else 1, int(numbers.max(initial=0)) + 1):
        inside = values[numbers == number]
        elsewhere = values[(numbers != number) & (numbers > 0)]
        empty = number == 0 or not len(inside)
        rows.append(
            {
                "bin": number,
                "n_problems": len(inside),
                "ease_low": None if empty else float(inside.min()),
                "ease_mean": None if empty else float(inside.mean()),
                "ease_high": None if empty else float(inside.max()),
                "n_never": int((inside == 0).sum()),
                "n_always": int((inside == 1).sum()),
                "n_tied": int(np.isin(inside, elsewhere).sum()),
            }
        )
    return pl.DataFrame(rows, schema=_TABLE_SCHEMA)


_TABLE_SCHEMA = {
    "bin": pl.Int64,
    "n_problems": pl.Int64,
    "ease_low": pl.Float64,
    "ease_mean": pl.Float64,
    "ease_high": pl.Float64,
    "n_never": pl.Int64,
    "n_always": pl.Int64,
    "n_tied": pl.Int64,
}
