"""One row a problem: how hard it is and how well that can be told; and what few samples tell of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttclib.analysis.difficulty import (
    cheap_difficulty,
    difficulty_agreement,
    difficulty_bins,
    oracle_difficulty,
    predicted_difficulty,
)
from ttclib.analysis.strategies import verifier_scores
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


def problem_profiles(pool: Pool, n_bins: int = 5) -> pl.DataFrame:
    """Difficulty of every problem, oracle and predicted, and its bins.

    Parameters
    ----------
    pool : Pool
    n_bins : int

    Returns
    -------
    polars.DataFrame
        Columns as in `PROFILE_SCHEMA`: `oracle` is pass@1, `predicted` the PRM's mean final score, null
        where unknown; bins from 1, the easiest, null where the difficulty is; `n_answers` counts
        different answers; `tokens` is the mean length of a completion.
    """
    oracle = oracle_difficulty(pool.correct)
    scored = pool.has_scores()
    predicted = predicted_difficulty(verifier_scores(pool)) if scored else np.full(len(oracle), np.nan)
    answers = [len(set(row[row >= 0].tolist())) for row in pool.answer_ids]
    tokens = np.where(pool.present, pool.completion_tokens, 0.0).sum(axis=1) / np.maximum(1, pool.pool_sizes)
    frame = pl.DataFrame(
        {
            "problem_id": pool.problem_ids,
            "n_samples": pool.pool_sizes,
            "n_correct": np.nansum(pool.correct, axis=1).astype(int),
            "oracle": oracle,
            "predicted": predicted,
            "oracle_bin": difficulty_bins(oracle, n_bins),
            "predicted_bin": difficulty_bins(predicted, n_bins),
            "n_answers": answers,
            "tokens": tokens,
        },
        schema=PROFILE_SCHEMA,
    )
    none = {name: pl.when(pl.col(name) > 0).then(pl.col(name)) for name in ("oracle_bin", "predicted_bin")}
    return frame.fill_nan(None).with_columns(**none)


def cheap_agreement(
    pool: Pool, ks: Sequence[int] | None = None, *, n_bins: int = 5, n_draws: int = 10, seed: int = 0
) -> pl.DataFrame:
    """How far the difficulty that k samples tell agrees with the one that the whole pool tells.

    Parameters
    ----------
    pool : Pool
    ks : sequence of int, optional
        Samples a problem; None: the powers of two below half the smallest pool.
    n_bins : int
    n_draws : int
        Random draws of k samples, averaged.
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `CHEAP_SCHEMA`, one row a kind and k. ``kind`` is ``"oracle"`` (k grades) or
        ``"predicted"`` (k scores, where there are any); both are held against the pass@1 of the whole
        pool, which the k samples are part of, so that the agreement is a little flattered.

    Raises
    ------
    RequestError
        A k beyond the pool, or no problem is graded.
    """
    reference = oracle_difficulty(pool.correct)
    half = int(pool.pool_sizes.min()) // 2
    sizes = list(ks) if ks is not None else [1 << exponent for exponent in range(max(1, half.bit_length()))]
    values = {"oracle": pool.correct}
    if pool.has_scores():
        values["predicted"] = verifier_scores(pool)
    rows = []
    for kind, table in values.items():
        for k in sizes:
            drawn = cheap_difficulty(table, k, n_draws=n_draws, seed=seed)
            told = [difficulty_agreement(reference, ease, n_bins, n_resamples=0, seed=seed) for ease in drawn]
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
