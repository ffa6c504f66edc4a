"""How well a verifier tells right samples from wrong ones."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.resampling import interval
from ttclib.samples import Pool

QUALITY_SCHEMA = {
    "verifier": pl.String,
    "aggregation": pl.String,
    "bin": pl.Int64,
    "auc": pl.Float64,
    "auc_within": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "calibration_error": pl.Float64,
    "mean_score": pl.Float64,
    "accuracy": pl.Float64,
    "n_problems": pl.Int64,
    "n_mixed": pl.Int64,
    "n_samples": pl.Int64,
}


def auc(scores: ArrayLike, correct: ArrayLike) -> float:
    """Chance that a right sample scores above a wrong one, ties counted half.

    Parameters
    ----------
    scores : array_like of float
    correct : array_like of float or bool, same shape
        Samples whose score or grade is NaN are left out.

    Returns
    -------
    float
        In [0, 1]; NaN unless there is a right and a wrong sample.

    References
    ----------
    The Mann-Whitney statistic; Hanley and McNeil 1982.

    Examples
    --------
    >>> auc([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])
    0.875
    """
    score, right = np.ravel(np.asarray(scores, dtype=float)), np.ravel(np.asarray(correct, dtype=float))
    known = ~np.isnan(score) & ~np.isnan(right)
    score, right = score[known], right[known] > 0.5
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    if not n_right or not n_wrong:
        return float("nan")
    return float((rankdata(score)[right].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def within_problem_auc(scores: ArrayLike, correct: ArrayLike) -> np.ndarray:
    """The AUC inside each problem: what selecting among samples of one problem depends on.

    An AUC over all samples also rewards knowing which problems are easy, which selects nothing.

    Parameters
    ----------
    scores, correct : array_like of float, shape (problems, samples)

    Returns
    -------
    numpy.ndarray, shape (problems,)
        NaN for a problem whose samples are all right or all wrong.
    """
    rows = zip(np.asarray(scores, dtype=float), np.asarray(correct, dtype=float), strict=True)
    return np.array([auc(score, right) for score, right in rows])


def calibration(scores: ArrayLike, outcomes: ArrayLike, n_bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean score and mean outcome in bins of equal width.

    Parameters
    ----------
    scores : array_like of float
        In [0, 1].
    outcomes : array_like of float, same shape
        0 … 1.

    Returns
    -------
    list of (mean score, mean outcome, count)
        Empty bins are left out.

    Examples
    --------
    >>> calibration([0.1, 0.9, 0.9], [0, 1, 0], n_bins=2)
    [(0.1, 0.0, 1), (0.9, 0.5, 2)]
    """
    score, outcome = np.ravel(np.asarray(scores, dtype=float)), np.ravel(np.asarray(outcomes, dtype=float))
    number = np.clip((score * n_bins).astype(int), 0, n_bins - 1)
    members = [number == index for index in range(n_bins)]
    return [(float(score[m].mean()), float(outcome[m].mean()), int(m.sum())) for m in members if m.any()]


def expected_calibration_error(scores: ArrayLike, outcomes: ArrayLike, n_bins: int = 10) -> float:
    """Mean distance between score and outcome over `calibration`'s bins, weighted by count.

    References
    ----------
    Guo et al. 2017, arXiv:1706.04599.
    """
    bins = calibration(scores, outcomes, n_bins)
    total = sum(count for _, _, count in bins)
    return sum(abs(score - outcome) * count for score, outcome, count in bins) / total


def verifier_quality(
    pool: Pool,
    difficulty: Difficulty | None = None,
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    seed: int = 0,
) -> pl.DataFrame:
    """How well a verifier of the pool knows right from wrong, over all problems and by difficulty bin.

    Parameters
    ----------
    difficulty : Difficulty, optional
        One row a problem.
    verifier, aggregation : str
        As `Pool.verifier` and `Verifier.by` take them.

    Returns
    -------
    polars.DataFrame
        Columns as in `QUALITY_SCHEMA`, one row over all problems (`bin` null) and one a bin. `auc` is over
        all samples; `auc_within` is the mean over the `n_mixed` problems that have both right and wrong
        samples, with its interval; `calibration_error` is null for scores outside [0, 1].

    Raises
    ------
    RequestError
        As `Pool.verifier` and `Verifier.by`.
    """
    scores = pool.verifier(verifier).by(aggregation)
    known = pool.present & ~np.isnan(scores) & ~np.isnan(pool.correct)
    within = within_problem_auc(np.where(known, scores, np.nan), pool.correct)
    binned = np.zeros(len(scores), dtype=int) if difficulty is None else difficulty.bins
    n_bins = 0 if difficulty is None else difficulty.n_bins
    # A problem without any sample that counts says nothing of the verifier.
    counted = known.any(axis=1)
    found = interval(within, groups=np.where(counted, binned, 0), n_groups=n_bins, seed=seed)
    rows = []
    for number in range(n_bins + 1):
        member = counted & ((binned == number) | (number == 0))
        cells = known & member[:, None]
        score, right = scores[cells], pool.correct[cells]
        inside = score.size > 0 and score.min() >= 0 and score.max() <= 1
        rows.append(
            {
                "verifier": verifier,
                "aggregation": aggregation,
                "bin": number or None,
                "auc": auc(score, right),
                "auc_within": float(found.estimate[number]),
                "ci_low": float(found.low[number]),
                "ci_high": float(found.high[number]),
                "calibration_error": expected_calibration_error(score, right) if inside else None,
                "mean_score": float(score.mean()) if score.size else None,
                "accuracy": float(right.mean()) if score.size else None,
                "n_problems": int(member.sum()),
                "n_mixed": int((~np.isnan(within) & member).sum()),
                "n_samples": int(cells.sum()),
            }
        )
    return pl.DataFrame(rows, schema=QUALITY_SCHEMA).fill_nan(None)
