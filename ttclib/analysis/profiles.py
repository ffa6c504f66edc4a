"""One row a problem: how hard it is and how well that can be told; and what few samples tell of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttclib.analysis.agreement import cheap_difficulty, difficulty_agreement
from ttclib.analysis.difficulty import difficulty_bins, predicted_difficulty
from ttclib.samples import Pool

PROFILE_SCHEMA = {
    "problem_id": pl.String,
    "n_samples": pl.Int64,
    "n_correct": pl.Int64,
    "oracle": pl.Float64,
    "predicted": pl.Float64,
    "oracle_bin": pl.Int64,
    "predicted_bin": pl.Int64,
    "n_answers": pl.Int64,
    "tokens": pl.Float64,
}
CHEAP_SCHEMA = {
    "kind": pl.String,
    "k": pl.Int64,
    "spearman": pl.Float64,
    "same_bin": pl.Float64,
    "within_one": pl.Float64,
}


def problem_profiles(
    pool: Pool, n_bins: int = 5, *, verifier: str = "prm", aggregation: str = "last", seed: int = 0
) -> pl.DataFrame:
    """Difficulty of every problem, oracle and predicted, and its bins.

    Parameters
    ----------
    pool : Pool
        Of counts there is nothing but `n_samples`, `n_correct`, `oracle` and its bin.
    n_bins : int
    verifier, aggregation : str
        Who predicts.
    seed : int
        Of the side to which problems of equal difficulty fall.

    Returns
    -------
    polars.DataFrame
        Columns as in `PROFILE_SCHEMA`: `oracle` is pass@1, `predicted` the verifier's mean final score, null
        where unknown; bins from 1, the easiest, null where the difficulty is; `n_answers` counts
        different answers; `tokens` is the mean length of a completion.
    """
    n, right = pool.n_graded.astype(float), pool.n_correct.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        oracle = np.where(n > 0, right / n, np.nan)
        tokens = np.where(pool.present, pool.completion_tokens, 0.0).sum(axis=1) / np.maximum(1, pool.pool_sizes)
    scored = pool.has_scores(verifier)
    scores = pool.verifier(verifier).by(aggregation) if scored else np.zeros((len(n), 0))
    predicted = predicted_difficulty(scores)
    frame = pl.DataFrame(
        {
            "problem_id": pool.problem_ids,
            "n_samples": pool.pool_sizes,
            "n_correct": right.astype(int),
            "oracle": oracle,
            "predicted": predicted,
            "oracle_bin": difficulty_bins(oracle, n_bins, seed=seed),
            "predicted_bin": difficulty_bins(predicted, n_bins, seed=seed),
            "n_answers": [len(set(row[row >= 0].tolist())) for row in pool.answer_ids],
            "tokens": np.where(pool.present.any(axis=1), tokens, np.nan),
        },
        schema=PROFILE_SCHEMA,
    )
    none = {name: pl.when(pl.col(name) > 0).then(pl.col(name)) for name in ("oracle_bin", "predicted_bin")}
    return frame.fill_nan(None).with_columns(**none)


def cheap_agreement(
    pool: Pool,
    ks: Sequence[int] | None = None,
    *,
    n_bins: int = 5,
    n_draws: int = 10,
    verifier: str = "prm",
    aggregation: str = "last",
    seed: int = 0,
) -> pl.DataFrame:
    """How far the difficulty that k samples tell agrees with pass@1 on the samples that they leave.

    Parameters
    ----------
    pool : Pool
    ks : sequence of int, optional
        Samples a problem; None: the powers of two up to half the smallest pool.
    n_bins : int
    n_draws : int
        Random draws of k samples, averaged.
    verifier, aggregation : str
        Who predicts.
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `CHEAP_SCHEMA`, one row a kind and k. ``kind`` is ``"oracle"`` (k grades) or ``"predicted"``
        (k scores, where there are any). Ties are parted at random: k = 1 cannot make five bins, and says so.

    Raises
    ------
    RequestError
        A k beyond the pool, or no problem is graded.
    """
    half = int(pool.pool_sizes.min()) // 2
    sizes = list(ks) if ks is not None else [1 << exponent for exponent in range(max(1, half.bit_length()))]
    values = {"oracle": pool.correct}
    if pool.has_scores(verifier):
        values["predicted"] = pool.verifier(verifier).by(aggregation)
    rows = []
    for kind, table in values.items():
        for k in sizes:
            drawn = zip(*cheap_difficulty(table, k, pool.correct, n_draws=n_draws, seed=seed), strict=True)
            told = [
                difficulty_agreement(unseen, ease, n_bins, n_resamples=0, seed=seed + 2 * at)
                for at, (ease, unseen) in enumerate(drawn)
            ]
            rho = np.array([one.spearman for one in told])
            rows.append(
                {
                    "kind": kind,
                    "k": k,
                    "spearman": float(np.nanmean(rho)) if not np.isnan(rho).all() else np.nan,
                    "same_bin": float(np.mean([one.same_bin for one in told])),
                    "within_one": float(np.mean([one.within_one for one in told])),
                }
            )
    return pl.DataFrame(rows, schema=CHEAP_SCHEMA).fill_nan(None)
