"""Accuracy against budget for a strategy, with intervals and cost: the table behind every chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttclib.analysis.cost import flops_per_token
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty, predicted_difficulty
from ttclib.analysis.intervals import bootstrap_mean
from ttclib.errors import RequestError, one_of
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.voting import majority_vote, weighted_best_of_n
from ttclib.store.pool import AGGREGATIONS, LOGPROB, SamplePool

STRATEGIES = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
NEEDS_SCORES = ("best_of_n", "weighted_best_of_n")
VERIFIERS = ("prm", LOGPROB)
DIFFICULTIES = ("oracle", "predicted")
CURVE_SCHEMA = {
    "strategy": pl.String,
    "budget": pl.Int64,
    "bin": pl.Int64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
    "n_samples": pl.Int64,
    "tokens": pl.Float64,
    "flops": pl.Float64,
}


def accuracy_curves(
    pool: SamplePool,
    strategies: Sequence[str],
    budgets: Sequence[int],
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    bins: int | None = None,
    difficulty: str = "oracle",
    seed: int = 0,
    level: float = 0.95,
) -> pl.DataFrame:
    """Expected accuracy of strategies at budgets, over all problems and by difficulty bin.

    Parameters
    ----------
    pool : SamplePool
    strategies : sequence of str
        Of `STRATEGIES`.
    budgets : sequence of int
        Samples a problem, 1 to the largest pool.
    verifier : {"prm", "logprob"}
        What scores a sample: the PRM, or the policy's own mean token log-probability. Weighted
        votes use ``exp`` of the log-probability, so that weights are positive.
    aggregation : {"last", "min", "prod", "mean"}
        How the PRM's step scores become one score.
    bins : int, optional
        Number of difficulty bins; None: over all problems only.
    difficulty : {"oracle", "predicted"}
        What the bins are made by.
    seed : int
        Of voting's subsets and of the bootstrap.
    level : float
        Coverage of the intervals.

    Returns
    -------
    polars.DataFrame
        Columns as in `CURVE_SCHEMA`. `bin` is null over all problems, else 1 (easiest) …;
        `n_problems` counts the problems whose pool holds the budget; `n_samples` is the number of
        samples behind them; `tokens` are the expected completion tokens a problem; `flops` are
        2 · policy parameters · tokens; null where a token count or the parameters are unknown.

    Raises
    ------
    RequestError
        An unknown name, a budget out of range, scores that the store does not hold.
    """
    for strategy in strategies:
        one_of(strategy, STRATEGIES, "strategy")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    check_budgets(budgets, pool)
    if bins is not None and not 1 <= bins <= len(pool.problem_ids):
        raise RequestError(f"{bins} bins: allowed 1 to {len(pool.problem_ids)}, the number of problems")
    scores = verifier_scores(pool, verifier, aggregation) if set(strategies) & set(NEEDS_SCORES) else None
    binned = np.zeros(len(pool.problem_ids), dtype=int) if bins is None else bin_problems(pool, bins, difficulty)
    tokens = expected_tokens(pool, budgets)
    rows = []
    for strategy in strategies:
        accuracy = per_problem_accuracy(pool, strategy, budgets, scores, seed=seed)
        for number in [None] if bins is None else [None, *range(1, bins + 1)]:
            member = np.ones(len(binned), dtype=bool) if number is None else binned == number
            low, high = bootstrap_mean(accuracy[member], level=level, seed=seed)
            for column, budget in enumerate(budgets):
                counted = member & ~np.isnan(accuracy[:, column])
                spent = float(tokens[counted, column].mean()) if counted.any() else np.nan
                flops = None if pool.policy_parameters is None else flops_per_token(pool.policy_parameters) * spent
                rows.append(
                    {
                        "strategy": strategy,
                        "budget": int(budget),
                        "bin": number,
                        "accuracy": float(accuracy[counted, column].mean()) if counted.any() else None,
                        "ci_low": float(low[column]),
                        "ci_high": float(high[column]),
                        "n_problems": int(counted.sum()),
                        "n_samples": int(pool.pool_sizes[counted].sum()),
                        "tokens": spent,
                        "flops": flops,
                    }
                )
    return pl.DataFrame(rows, schema=CURVE_SCHEMA).fill_nan(None)


def per_problem_accuracy(
    pool: SamplePool, strategy: str, budgets: Sequence[int], scores: np.ndarray | None, *, seed: int = 0
) -> np.ndarray:
    """Expected accuracy of one strategy on every problem, shape (problems, budgets).

    Pools of unequal size are taken one size at a time; NaN where a pool is smaller than the budget.
    """
    accuracy = np.full((len(pool.problem_ids), len(budgets)), np.nan)
    for size in np.unique(pool.pool_sizes):
        member = pool.pool_sizes == size
        cells = (member, slice(0, int(size)))
        correct, ids = pool.correct[cells], pool.answer_ids[cells]
        score = None if scores is None else scores[cells]
        if strategy == "pass_at_k":
            graded = (~np.isnan(correct)).sum(axis=1)
            accuracy[member] = pass_at_k(
                graded[:, None], np.nansum(correct, axis=1)[:, None], np.asarray(budgets)[None]
            )
        elif strategy == "majority_vote":
            accuracy[member] = majority_vote(ids, correct, budgets, seed=seed)
        elif strategy == "best_of_n":
            assert score is not None
            accuracy[member] = expected_best_of_n(score, correct, budgets)
        else:
            assert score is not None
            accuracy[member] = weighted_best_of_n(ids, score, correct, budgets, seed=seed)
    return accuracy


def verifier_scores(pool: SamplePool, verifier: str = "prm", aggregation: str = "last") -> np.ndarray:
    """One score a sample, shape (problems, samples), from what the store holds.

    Raises
    ------
    RequestError
        Unknown verifier or aggregation, or the store has none of its scores.
    """
    one_of(verifier, VERIFIERS, "verifier")
    one_of(aggregation, AGGREGATIONS, "aggregation")
    scores = np.exp(pool.scores[LOGPROB]) if verifier == LOGPROB else pool.scores[aggregation]
    if np.isnan(scores).all():
        remedy = "score it with `ttc score`" if verifier == "prm" else "sample it with ttclib, which keeps them"
        raise RequestError(f"'{pool.store}' holds no {verifier} scores for policy '{pool.policy}': {remedy}")
    return scores


def bin_problems(pool: SamplePool, n_bins: int, difficulty: str = "oracle") -> np.ndarray:
    """The difficulty bin of each problem, 1 (easiest) … n_bins, shape (problems,)."""
    one_of(difficulty, DIFFICULTIES, "difficulty")
    ease = oracle_difficulty(pool.correct) if difficulty == "oracle" else predicted_difficulty(verifier_scores(pool))
    return difficulty_bins(ease, n_bins)


def expected_tokens(pool: SamplePool, budgets: Sequence[int]) -> np.ndarray:
    """Completion tokens of N random samples, shape (problems, budgets); NaN where a count is missing."""
    held = np.where(pool.present, pool.completion_tokens, 0.0).sum(axis=1) / np.maximum(1, pool.pool_sizes)
    return held[:, None] * np.asarray(budgets, dtype=float)[None]


def check_budgets(budgets: Sequence[int], pool: SamplePool) -> None:
    """Refuse a budget below 1 or above every pool."""
    largest = int(pool.pool_sizes.max())
    for budget in budgets:
        if not 1 <= budget <= largest:
            raise RequestError(
                f"budget {budget} is out of range: the pool of '{pool.policy}' holds {largest} samples a problem, "
                f"allowed 1 to {largest}"
            )


def powers_of_two(pool: SamplePool) -> list[int]:
    """1, 2, 4 … up to the smallest pool: the budgets that every problem can answer."""
    return [1 << exponent for exponent in range(int(pool.pool_sizes.min()).bit_length())]
