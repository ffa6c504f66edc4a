"""Checkpoints predicted from the others: how pass@1 is spread as a function of size and training, and how far it holds.

Each checkpoint's counts give a beta-binomial; log alpha and log beta are a quadratic in log N and log D over the
others, which gives the held-out one's pass@k at any k. The interval is the jackknife+ of Barber et al. 2021,
arXiv:1905.02928, on log(−log(1 − pass@k)): it needs no model of the errors, covers with at least 1 − 2·(1 − level),
mostly with `level`, and is as wide as predictions of the others miss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.fits import LARGEST_LOG, fit_beta_binomial
from ttclib.analysis.weighted_fits import covered
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k

ENOUGH_SOLVED = 10  # problems with a right answer, below which how pass@1 is spread cannot be told
FEWEST = 12  # checkpoints: twice as many as the quadratic has terms
KS = (1, 16, 128, 1024)

HELD_OUT_SCHEMA = {
    "policy": pl.String,
    "n_parameters": pl.Int64,
    "training_tokens": pl.Int64,
    "k": pl.Int64,
    "predicted": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "measured": pl.Float64,
    "holds": pl.Boolean,
    "n_problems": pl.Int64,
}


def predict_held_out(
    policies: Sequence[str],
    n_parameters: ArrayLike,
    training_tokens: ArrayLike,
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    ks: Sequence[int] = KS,
    *,
    level: float = 0.95,
) -> pl.DataFrame:
    """Predict pass@k of each checkpoint from the others, and see whether the interval holds what was measured.

    Parameters
    ----------
    n_parameters, training_tokens : array_like, shape (policies,)
        N and D.
    n_samples, n_correct : array_like of int, shape (policies, problems)
        Every problem counts alike.

    Returns
    -------
    polars.DataFrame
        Columns as in `HELD_OUT_SCHEMA`, a row a checkpoint and k that its pools hold. Checkpoints that solve fewer than
        `ENOUGH_SOLVED` problems are left out.

    Raises
    ------
    RequestError
        Fewer than `FEWEST` checkpoints, or all of one size or one length of training.
    """
    n, c = np.broadcast_arrays(np.asarray(n_samples, dtype=int), np.asarray(n_correct, dtype=int))
    enough = np.flatnonzero(((c > 0).sum(axis=1) >= ENOUGH_SOLVED) & ((c < n).sum(axis=1) > 0) & (n.min(axis=1) > 0))
    if len(enough) < FEWEST:
        raise RequestError(
            f"predicting a checkpoint from the others needs {FEWEST} that solve {ENOUGH_SOLVED} problems or more, of "
            f"several sizes and lengths of training: there are {len(enough)}"
        )
    sizes, tokens = (np.asarray(one, dtype=float)[enough] for one in (n_parameters, training_tokens))
    terms = _terms(sizes, tokens)
    if np.linalg.matrix_rank(terms) < terms.shape[1]:
        raise RequestError("predicting a checkpoint from the others needs three sizes and three lengths of training")
    fits = np.log([fit_beta_binomial(n[at], c[at]) for at in enough])
    draws = np.asarray(ks, dtype=float)
    seen = np.stack([np.asarray(pass_at_k(n[at][:, None], c[at][:, None], draws[None])).mean(axis=0) for at in enough])
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.log(-np.log1p(-seen))
    target = np.where(np.isfinite(target), target, np.nan)
    rows = []
    for i, at in enumerate(enough):
        others = np.delete(np.arange(len(enough)), i)
        low, middle, high = _interval(terms, fits, target, i, others, draws, level)
        for place, k in enumerate(ks):
            if np.isnan(target[i, place]):
                continue
            rows.append(
                {
                    "policy": policies[int(at)],
                    "n_parameters": int(sizes[i]),
                    "training_tokens": int(tokens[i]),
                    "k": int(k),
                    "predicted": float(middle[place]),
                    "ci_low": float(low[place]),
                    "ci_high": float(high[place]),
                    "measured": float(seen[i, place]),
                    "holds": bool(low[place] <= seen[i, place] <= high[place]),
                    "n_problems": n.shape[1],
                }
            )
    return pl.DataFrame(rows, schema=HELD_OUT_SCHEMA)


def _terms(sizes: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """1, log N, log D and their squares and product, centred so that they are told apart well."""
    x, z = (np.log10(one) - np.log10(one).mean() for one in (sizes, tokens))
    return np.column_stack([np.ones(len(x)), x, z, x**2, z**2, x * z])


def _interval(
    terms: np.ndarray,
    fits: np.ndarray,
    target: np.ndarray,
    held: int,
    others: np.ndarray,
    draws: np.ndarray,
    level: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends and middle of one checkpoint's pass@k at each k, from the others alone."""
    own, given = terms[others], fits[others]
    inverse = np.linalg.pinv(own.T @ own)
    found = inverse @ own.T @ given
    left = own @ inverse  # (others, terms)
    leverage = np.clip((left * own).sum(axis=1), 0, 1 - 1e-9)
    missed = (given - own @ found) / (1 - leverage)[:, None]
    # Without another one, too: its own prediction, and the held-out one's.
    its = given - missed
    here = terms[held] @ found - (left @ terms[held])[:, None] * missed
    misses = np.abs(target[others] - _on_scale(its, draws))
    predicted = _on_scale(here, draws)
    middle = _on_scale((terms[held] @ found)[None], draws)[0]
    low, high = np.full(len(draws), np.nan), np.full(len(draws), np.nan)
    for place in range(len(draws)):
        known = ~np.isnan(misses[:, place])
        below, above = (np.sort(predicted[known, place] + sign * misses[known, place]) for sign in (-1.0, 1.0))
        cut = int(np.floor((1 - level) * (known.sum() + 1)))
        if cut >= 1:
            low[place], high[place] = below[cut - 1], above[len(above) - cut]
        else:  # too few to leave any out
            low[place], high[place] = -np.inf, np.inf
    low, middle, high = (-np.expm1(-np.exp(one)) for one in (np.minimum(low, middle), middle, np.maximum(high, middle)))
    return low, middle, high


def _on_scale(fits: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """log(−log(1 − pass@k)) of log alpha and log beta, shape (fits, k)."""
    alpha, beta = np.exp(np.clip(fits, -LARGEST_LOG, LARGEST_LOG)).T
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(-np.log1p(-np.clip(covered(alpha, beta, draws), 1e-300, 1 - 1e-16))))
