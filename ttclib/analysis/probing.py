"""Cheap difficulty, used as it would be: k samples tell the bin, and are among those selected from at the end.

Whoever draws k lucky samples both takes the problem for easier than it is and has right answers to select
from. So the two are not averaged apart: each draw orders a problem's samples at random, the first k of
them place it, and the first max(N, k) are what the chosen strategy selects from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import rankdata

from ttclib.analysis.compute_optimal import compute_optimal
from ttclib.analysis.efficiency import finite
from ttclib.analysis.groups import group_means, ordered_interval, resample_weights
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.strategies import SAMPLING, sampling_outcomes, verifier_scores
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import Pool

PROBED_SCHEMA = {
    "n_probes": pl.Int64,
    "budget": pl.Int64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "baseline_cost": pl.Float64,
    "factor": pl.Float64,
    "factor_low": pl.Float64,
    "factor_high": pl.Float64,
    "n_problems": pl.Int64,
}


def probed_choice(
    pool: Pool,
    n_probes: Sequence[int],
    budgets: Sequence[int],
    *,
    strategies: Sequence[str] = ("majority_vote", "best_of_n", "weighted_best_of_n"),
    baseline: str = "best_of_n",
    difficulty: str = "oracle",
    n_bins: int = 5,
    verifier: str = "prm",
    aggregation: str = "last",
    n_draws: int = 10,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """The compute-optimal choice among sampling strategies where k samples tell the difficulty and are used again.

    Parameters
    ----------
    pool : Pool
    n_probes, budgets : sequence of int
        k and N, 1 to the smallest pool. At N the strategy selects from max(N, k) samples, which is what it costs.
    strategies : sequence of str
        To choose from.
    baseline : str
        What the saving is told against, without knowing any difficulty.
    difficulty : {"oracle", "predicted"}
        What the k samples tell: their grades or their scores.
    n_bins : int
        At most; problems that tie are kept together, so k samples may make fewer bins.
    verifier, aggregation
        As in `sampling_outcomes`.
    n_draws : int
        Random orders of every problem's samples, averaged.
    level, n_resamples, seed
        Of the bootstrap over problems; every replicate chooses anew in every draw.

    Returns
    -------
    polars.DataFrame
        One row a (k, N), columns as in `PROBED_SCHEMA`. `factor` = baseline_cost / cost, above 1 it saves with
        everything paid for; null where the baseline's pool does not reach the accuracy.

    Raises
    ------
    RequestError
        k or N outside 1 to the smallest pool, a strategy that is none of whole samples, or fewer than two problems.
    """
    smallest = int(pool.pool_sizes.min())
    for strategy in (*strategies, baseline):
        one_of(strategy, [name for name in SAMPLING if name != "pass_at_k"], "sampling strategy")
    for what, sizes in (("difficulty samples", n_probes), ("budget", budgets)):
        if bad := [size for size in sizes if not 1 <= size <= smallest]:
            raise RequestError(f"{bad[0]} {what}: allowed 1 to {smallest}, the smallest pool")
    values = pool.correct if difficulty == "oracle" else verifier_scores(pool)
    chosen_by: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation}
    weights = resample_weights(len(pool.problem_ids), n_resamples, seed)
    powers = [1 << exponent for exponent in range(smallest.bit_length())]
    base = sampling_outcomes(pool, baseline, sorted({*powers, smallest}), seed=seed, **chosen_by)
    nowhere = np.zeros(len(pool.problem_ids), dtype=int)
    base_accuracy = group_means(base.accuracy, nowhere, weights)[:, 0]
    sizes = sorted({max(size, k) for size in budgets for k in n_probes})
    total = {k: np.zeros((len(weights), len(budgets))) for k in n_probes}
    rng = np.random.default_rng(seed)
    for _ in range(n_draws):
        order = np.where(pool.present, rng.random(pool.present.shape), np.inf).argsort(axis=1)
        prefixes = _prefixes(pool, order, strategies, sizes, chosen_by, seed)
        for k in n_probes:
            ease = np.take_along_axis(values, order[:, :k], axis=1).mean(axis=1)
            columns = [sizes.index(max(size, k)) for size in budgets]
            distinct = sorted(set(columns))
            cut = [_columns(one, distinct) for one in prefixes]
            chosen = compute_optimal(cut, tied_bins(ease, n_bins), n_assignments=10, seed=seed)
            total[k] += chosen.resampled(weights)[:, 0][:, [distinct.index(column) for column in columns]]
    rows = []
    for k in n_probes:
        accuracy = total[k] / n_draws
        needed = cost_for(np.asarray(base.budgets, dtype=float), base_accuracy, accuracy)
        cost = np.maximum(np.asarray(budgets, dtype=float), k)
        (low, high), (factor_low, factor_high) = (ordered_interval(t, level) for t in (accuracy, needed / cost))
        rows += [
            {
                "n_probes": k,
                "budget": budget,
                "cost": float(cost[i]),
                "accuracy": float(accuracy[0, i]),
                "ci_low": float(low[i]),
                "ci_high": float(high[i]),
                "baseline_cost": float(needed[0, i]),
                "factor": float(needed[0, i] / cost[i]),
                "factor_low": float(factor_low[i]),
                "factor_high": float(factor_high[i]),
                "n_problems": len(pool.problem_ids),
            }
            for i, budget in enumerate(budgets)
        ]
    return finite(pl.DataFrame(rows, schema=PROBED_SCHEMA))


def tied_bins(ease: np.ndarray, n_bins: int) -> np.ndarray:
    """Bins of about equal size in which problems of equal ease stay together, none with fewer than two.

    Returns
    -------
    numpy.ndarray of int, shape (problems,)
        1 (easiest) …, without gaps; 0: `ease` is NaN.

    Examples
    --------
    >>> tied_bins(np.array([1.0, 1.0, 1.0, 0.5, 0.0, 0.0]), 3).tolist()
    [1, 1, 1, 2, 2, 2]
    """
    known = np.flatnonzero(~np.isnan(ease))
    bins = np.zeros(len(ease), dtype=int)
    if not len(known):
        return bins
    middle = rankdata(-ease[known]) - 0.5  # ties share the middle of their ranks
    rough = np.minimum((middle * n_bins / len(known)).astype(int), n_bins - 1)
    number, held = 1, 0
    labels: dict[int, int] = {}
    sizes = np.bincount(rough, minlength=n_bins)
    for group in np.flatnonzero(sizes):
        labels[int(group)] = number
        held += int(sizes[group])
        if held >= 2:
            number, held = number + 1, 0
    if held and number > 1:  # what is left over joins the bin before
        labels = {group: min(label, number - 1) for group, label in labels.items()}
    bins[known] = [labels[int(group)] for group in rough]
    return bins


def _prefixes(
    pool: Pool,
    order: np.ndarray,
    strategies: Sequence[str],
    sizes: Sequence[int],
    chosen_by: dict[str, Any],
    seed: int,
) -> list[Outcomes]:
    """Strategies on exactly the first N samples of an order, for each N."""
    tables: dict[str, list[np.ndarray]] = {strategy: [] for strategy in strategies}
    for size in sizes:
        first = pool.of_samples(order[:, :size])
        for strategy in strategies:  # a budget of the whole pool is that pool and no other
            tables[strategy].append(sampling_outcomes(first, strategy, [size], seed=seed, **chosen_by).accuracy)
    ids = tuple(pool.problem_ids)
    return [Outcomes(name, name, tuple(sizes), ids, np.hstack(columns), {}) for name, columns in tables.items()]


def _columns(one: Outcomes, columns: Sequence[int]) -> Outcomes:
    return replace(one, budgets=tuple(one.budgets[c] for c in columns), accuracy=one.accuracy[:, list(columns)])
