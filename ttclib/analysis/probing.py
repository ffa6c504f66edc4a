"""Cheap difficulty, used as it would be: k samples tell the bin, and are among those selected from at the end.

Whoever draws k lucky samples both takes the problem for easier than it is and has right answers to select
from. So the two are not averaged apart: each draw orders a problem's samples at random, the first k of
them place it, and the first max(N, k) are what the chosen strategy selects from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.binning import difficulty_bins
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.difficulty import difficulty_of_ease
from ttclib.analysis.frontier import finite
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.ledger import LEDGERS
from ttclib.analysis.optimise import FOLDS, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends
from ttclib.errors import RequestError, one_of
from ttclib.replay.budgets import doublings
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import Strategy, reading, strategies, strategy
from ttclib.samples import Pool, Verifier

PROBED_SCHEMA = {
    "n_probes": pl.Int64,
    "budget": pl.Int64,
    "n_bins": pl.Float64,
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
    chosen_from: Sequence[str] = ("majority_vote", "best_of_n", "weighted_best_of_n"),
    baseline: str = "best_of_n",
    difficulty: str = "oracle",
    n_bins: int = 5,
    verifier: str = "prm",
    aggregation: str = "last",
    n_draws: int = 10,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> pl.DataFrame:
    """The best choice among sampling strategies where k samples tell the difficulty and are used again.

    Parameters
    ----------
    n_probes, budgets : sequence of int
        k and N, 1 to the smallest pool. At N the strategy selects from max(N, k) samples, which is what it costs.
    chosen_from : sequence of str
        Strategies to choose from.
    baseline : str
        What the saving is told against, without knowing any difficulty.
    difficulty : {"oracle", "predicted"}
        What the k samples tell: their grades or their scores.
    n_bins : int
        At most; problems that tie are kept together, so k samples may make fewer bins, and bins too small for
        the folds are joined.
    verifier, aggregation
        Whose scores are read.
    n_draws : int
        Random orders of every problem's samples, averaged.
    level, n_resamples, seed
        Of the intervals; every replicate chooses anew in every draw.

    Returns
    -------
    polars.DataFrame
        One row a (k, N), columns as in `PROBED_SCHEMA`. `factor` = baseline_cost / cost, above 1 it saves with
        everything paid for; null where the baseline's pool does not reach the accuracy, and an end of its interval
        where it is open. `n_bins` is the mean number of bins that k samples made.

    Raises
    ------
    RequestError
        k or N outside 1 to the smallest pool, a strategy that is none of whole samples, or too few problems.
    """
    smallest = int(pool.pool_sizes.min())
    able = [name for name in reading("pool") if not strategies()[name].needs_truth]
    for name in (*chosen_from, baseline):
        one_of(name, able, "sampling strategy")
    for what, sizes in (("difficulty samples", n_probes), ("budget", budgets)):
        if bad := [size for size in sizes if not 1 <= size <= smallest]:
            raise RequestError(f"{bad[0]} {what}: allowed 1 to {smallest}, the smallest pool")
    needs_scores = difficulty == "predicted" or any(strategy(name).needs_scores for name in (*chosen_from, baseline))
    judge = pool.verifier(verifier) if needs_scores else None
    values = pool.correct if judge is None or difficulty == "oracle" else judge.by(aggregation)
    read: dict[str, Any] = {"aggregation": aggregation, "seed": seed}
    powers = doublings(smallest)
    base = strategy(baseline)().replay(pool, sorted({*powers, smallest}), verifier=judge, **read)
    sizes = sorted({max(size, k) for size in budgets for k in n_probes})
    rng = np.random.default_rng(seed)
    total: dict[int, dict[str, Any]] = {k: {"bins": 0.0} for k in n_probes}
    for _ in range(n_draws):
        order = np.where(pool.present, rng.random(pool.present.shape), np.inf).argsort(axis=1)
        drawn = prefixes(pool, order, [strategy(name)() for name in chosen_from], sizes, verifier, judge, read)
        for k in n_probes:
            told = difficulty_of_ease(np.take_along_axis(values, order[:, :k], axis=1).mean(axis=1), 1)
            told = replace(told, bins=joined(difficulty_bins(told.ease, n_bins, ties="together")), ties="together")
            for size in {max(size, k) for size in budgets}:
                one_size = [_at(one, sizes.index(size)) for one in drawn]
                candidates = candidates_of(one_size, told, ledger=LEDGERS["snell"])
                choice = optimise(
                    candidates, [float(size)], difficulty=told, beside=base.accuracy[candidates.rows], partitions=5,
                    n_resamples=n_resamples, seed=seed,
                )  # fmt: skip
                start = {"means": 0.0, "draws": 0.0, "beside": 0.0, "doubt": choice.doubt}
                found = total[k].setdefault(str(size), start)
                found["means"] += choice.means[0, 0] / n_draws
                found["draws"] += choice.draws[:, 0, 0] / n_draws
                found["beside"] += choice.beside[:, 0] / n_draws
            total[k]["bins"] += told.n_bins / n_draws
    paid = np.asarray(base.budgets, dtype=float)
    rows = []
    for k in n_probes:
        for budget in budgets:
            size = max(budget, k)
            found = total[k][str(size)]
            u = found["doubt"][:, 0]
            draws = np.clip(found["draws"], 0.0, 1.0)
            worst, best = draws * (1 - u), draws * (1 - u) + u
            easy, hard = found["beside"] * (1 - u[:, None]), found["beside"] * (1 - u[:, None]) + u[:, None]
            low, high = ends(worst, best, level)
            needed = float(cost_for(paid, base.accuracy.mean(axis=0), np.array([found["means"]]))[0])
            ratios = [cost_for(paid, side, one[:, None])[:, 0] / size for side, one in ((hard, worst), (easy, best))]
            factor_low, factor_high = ends(ratios[0], ratios[1], level)
            rows.append(
                {
                    "n_probes": k,
                    "budget": budget,
                    "n_bins": total[k]["bins"],
                    "cost": float(size),
                    "accuracy": float(found["means"]),
                    "ci_low": float(low),
                    "ci_high": float(high),
                    "baseline_cost": needed,
                    "factor": needed / size,
                    "factor_low": float(factor_low),
                    "factor_high": float(factor_high),
                    "n_problems": len(pool.problem_ids),
                }
            )
    return finite(pl.DataFrame(rows, schema=PROBED_SCHEMA))


def joined(bins: np.ndarray) -> np.ndarray:
    """Bins that each hold as many problems as there are folds: a smaller one joins the next, the last the one before.

    Examples
    --------
    >>> joined(np.array([1] * 6 + [2] * 2 + [3] * 5)).tolist()
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    """
    sizes = np.bincount(bins, minlength=int(bins.max(initial=0)) + 1)[1:]
    label, count, labels = 1, 0, []
    for size in sizes:
        labels.append(label)
        count += int(size)
        if count >= FOLDS:
            label, count = label + 1, 0
    if count and label > 1:
        labels = [min(one, label - 1) for one in labels]
    return np.where(bins > 0, np.array([0, *labels])[bins], 0)


def prefixes(
    pool: Pool,
    order: np.ndarray,
    chosen: Sequence[Strategy],
    sizes: Sequence[int],
    verifier: str,
    judge: Verifier | None,
    read: Mapping[str, Any],
) -> list[Outcomes]:
    """Strategies on exactly the first N samples of an order, for each N."""
    tables: list[list[np.ndarray]] = [[] for _ in chosen]
    for size in sizes:
        first = pool.of_samples(order[:, :size])
        of_first = None if judge is None else first.verifiers.get(judge.name) or first.verifier(verifier)
        for one, columns in zip(chosen, tables, strict=True):  # a budget of the whole pool is that pool and no other
            columns.append(one.replay(first, [size], verifier=of_first, **read).accuracy)
    ids = tuple(pool.problem_ids)
    return [
        Outcomes(one.name, one.variant, tuple(sizes), ids, np.hstack(columns), {})
        for one, columns in zip(chosen, tables, strict=True)
    ]


def _at(one: Outcomes, column: int) -> Outcomes:
    return replace(one, budgets=(one.budgets[column],), accuracy=one.accuracy[:, [column]])
