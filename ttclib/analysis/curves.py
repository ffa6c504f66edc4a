"""Accuracy against budget for a strategy, with intervals and cost: the table behind every chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.cost import flops_per_token
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty, predicted_difficulty
from ttclib.analysis.intervals import bootstrap_mean, simultaneous_band
from ttclib.analysis.revisions import replay_revisions
from ttclib.analysis.strategies import (
    NEEDS_SCORES,
    REVISIONS,
    SAMPLING,
    STRATEGIES,
    TREE_SEARCH,
    Transform,
    cap_length,
    check_budgets,
    outcomes_of,
    verifier_scores,
)
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import Pool

__all__ = [
    "CURVE_SCHEMA",
    "DIFFICULTIES",
    "INTERVALS",
    "NEEDS_SCORES",
    "REVISIONS",
    "SAMPLING",
    "STRATEGIES",
    "TREE_SEARCH",
    "accuracy_curves",
    "bin_problems",
    "check_budgets",
    "curves_in_pool",
    "curves_of_outcomes",
    "powers_of_two",
    "revision_curves",
    "verifier_scores",
]
DIFFICULTIES = ("oracle", "predicted")
INTERVALS = ("pointwise", "simultaneous")
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
    "variant": pl.String,
    "mc_error": pl.Float64,
}


def accuracy_curves(
    pool: Pool,
    strategies: Sequence[str],
    budgets: Sequence[int],
    *,
    tree: Any = None,
    chains: Any = None,
    verifier: str = "prm",
    aggregation: str = "last",
    transform: Transform | None = None,
    length_cap: int | None = None,
    n_subsets: int | None = None,
    bins: int | None = None,
    difficulty: str = "oracle",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    level: float = 0.95,
    interval: str = "pointwise",
) -> pl.DataFrame:
    """Expected accuracy of strategies at budgets, over all problems and by difficulty bin.

    Parameters
    ----------
    pool : Pool
    strategies : sequence of str
        Of `STRATEGIES`.
    budgets : sequence of int
        Generations a problem; for the sampling strategies 1 to the largest pool.
    tree, chains : optional
        What the store holds beside the pool, for tree search and revisions.
    verifier : str
        What scores a sample: ``prm``, ``orm``, a verifier's own name, or ``logprob``, the policy's own mean
        token log-probability. Weighted votes use its ``exp``, so that weights are positive.
    aggregation : {"last", "min", "prod", "mean"}
        How the PRM's step scores become one score.
    transform : callable, optional
        Of the scores, before they weigh a vote.
    length_cap : int, optional
        Completion tokens at which every sample is cut: a longer one is unanswered. Sampling only; bins
        stay those of the whole samples.
    n_subsets : int, optional
        Of votes that are not exact; None: as many as keep their error below 0.001.
    bins : int, optional
        Number of difficulty bins; None: over all problems only.
    difficulty : {"oracle", "predicted"}
        What the bins are made by.
    options : mapping of strategy to mapping, optional
        Keywords of strategies that read a tree or chains.
    seed : int
        Of voting's subsets and of the bootstrap.
    level : float
        Coverage of the intervals.
    interval : {"pointwise", "simultaneous"}
        Whether each interval covers with that chance, or all of a curve at once.

    Returns
    -------
    polars.DataFrame
        As `curves_of_outcomes` gives it, budgets in the order they were asked for.

    Raises
    ------
    RequestError
        An unknown name, a budget out of range, scores that the store does not hold.
    NotInStore
        A strategy needs a tree or chains that the store lacks.
    """
    for strategy in strategies:
        one_of(strategy, STRATEGIES, "strategy")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    if bins is not None and not 1 <= bins <= len(pool.problem_ids):
        raise RequestError(f"{bins} bins: allowed 1 to {len(pool.problem_ids)}, the number of problems")
    replayed = pool if length_cap is None else cap_length(pool, length_cap)
    choices: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "seed": seed, "options": options}
    shown: dict[str, Any] = {**_bins_shown(pool, bins, difficulty), "level": level, "interval": interval}
    facts = _facts_of(pool)
    curves = []
    for strategy in strategies:
        if strategy in REVISIONS and chains is not None:
            curves.append(revision_curves(chains, budgets, **choices, **shown))
            continue
        outcomes = outcomes_of(
            replayed, strategy, budgets, tree=tree, transform=transform, n_subsets=n_subsets, **choices
        )
        curves.append(curves_of_outcomes(outcomes, budgets=budgets, seed=seed, **facts, **shown))
    return pl.concat(curves)


def curves_in_pool(
    pool: Pool,
    outcomes: Sequence[Outcomes],
    budgets: Sequence[int],
    *,
    bins: int | None = None,
    difficulty: str = "oracle",
) -> pl.DataFrame:
    """The same table from what the strategies have come to already, at some of its budgets.

    Parameters
    ----------
    pool : Pool
        Which was replayed.
    outcomes : sequence of Outcomes
    budgets, bins, difficulty
        As in `accuracy_curves`.
    """
    return curves_of_outcomes(outcomes, budgets=budgets, **_facts_of(pool), **_bins_shown(pool, bins, difficulty))


def _facts_of(pool: Pool) -> dict[str, Any]:
    """What `curves_of_outcomes` tells of the samples behind its rows."""
    return {
        "samples_of_problems": dict(zip(pool.problem_ids, pool.pool_sizes.tolist(), strict=True)),
        "n_parameters": pool.policy_parameters,
    }


def _bins_shown(pool: Pool, bins: int | None, difficulty: str) -> dict[str, Any]:
    """The bins that `curves_of_outcomes` shows."""
    if bins is None:
        return {"bins_of_problems": None, "n_bins": 0}
    binned = bin_problems(pool, bins, difficulty)
    return {"bins_of_problems": dict(zip(pool.problem_ids, binned.tolist(), strict=True)), "n_bins": bins}


def revision_curves(
    chains: Any,
    budgets: Sequence[int],
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    bins_of_problems: Mapping[str, int] | None = None,
    n_bins: int | None = None,
    seed: int = 0,
    level: float = 0.95,
    interval: str = "pointwise",
) -> pl.DataFrame:
    """The same table for revisions, which need no pool.

    Parameters
    ----------
    chains : Chains
        As `ttclib.store.chains.load_chains` gives it; its model's parameters make the FLOPs, and
        `n_samples` counts its answers.
    budgets : sequence of int
        Answers a problem, over all chains.
    verifier, aggregation, options, seed, level, interval
        As in `accuracy_curves`; the options of revisions are `ratio` and `selection`, as in
        `ttclib.analysis.revisions.replay_revisions`.
    bins_of_problems, n_bins
        As in `curves_of_outcomes`.

    Raises
    ------
    RequestError
        Unknown verifier, ratio or selection, or no scores of the verifier.
    NotInStore
        The chains are too few or too short for a budget.
    """
    own = (options or {}).get("revisions", {})
    outcomes = replay_revisions(chains, budgets, verifier=verifier, aggregation=aggregation, seed=seed, **own)
    facts = chains.policy_model
    n_answers = chains.lengths.sum(axis=1).tolist()
    rows = curves_of_outcomes(
        outcomes,
        budgets=budgets,
        bins_of_problems=bins_of_problems,
        n_bins=n_bins,
        samples_of_problems=dict(zip(chains.problem_ids, n_answers, strict=True)),
        n_parameters=None if facts is None else facts.n_parameters,
        seed=seed,
        level=level,
        interval=interval,
    )
    if own.get("ratio") != "all":
        return rows
    # A split belongs to one budget.
    budget_of = [(one.variant, int(np.nanmax(one.cost("generations")))) for one in outcomes]
    held = pl.DataFrame(budget_of, schema={"variant": pl.String, "budget": pl.Int64}, orient="row")
    return rows.join(held, on=["variant", "budget"], how="semi", maintain_order="left")


def curves_of_outcomes(
    outcomes: Sequence[Outcomes],
    *,
    budgets: Sequence[int] | None = None,
    bins_of_problems: Mapping[str, int] | None = None,
    n_bins: int | None = None,
    samples_of_problems: Mapping[str, int] | None = None,
    n_parameters: int | None = None,
    seed: int = 0,
    level: float = 0.95,
    interval: str = "pointwise",
) -> pl.DataFrame:
    """Rows of a table of curves from what strategies came to on every problem.

    Parameters
    ----------
    outcomes : sequence of Outcomes
    budgets : sequence of int, optional
        Which to show and in what order; one that an `Outcomes` lacks is left out. None: all.
    bins_of_problems : mapping of problem id to int, optional
        Difficulty bin, from 1; a problem that is not there, or is 0, is in none.
    n_bins : int, optional
        Bins to show, empty ones included; None: up to the last that holds a problem.
    samples_of_problems : mapping of problem id to int, optional
        Samples behind each problem; None: `n_samples` is null.
    n_parameters : int, optional
        Of the policy, for FLOPs.
    seed : int
        Of the bootstrap.
    level : float
        Coverage of the intervals.
    interval : {"pointwise", "simultaneous"}
        Whether each interval covers with that chance, or all of a curve at once.

    Returns
    -------
    polars.DataFrame
        Columns as in `CURVE_SCHEMA`. `bin` is null over all problems, else 1 (easiest) …;
        `n_problems` counts the problems for which the budget is defined; `n_samples` is the number
        of samples behind them; `tokens` are the expected completion tokens a problem; `flops` are
        2 · policy parameters · tokens; null where a token count or the parameters are unknown.
        `variant` tells strategies of one name apart. `mc_error` is the standard error of `accuracy` from
        averaging over random subsets instead of all: 0 where it is exact, null where it is not known.
    """
    one_of(interval, INTERVALS, "interval")
    rows = []
    n_bins = max((bins_of_problems or {"": 0}).values()) if n_bins is None else n_bins
    for one in outcomes:
        binned = np.array([(bins_of_problems or {}).get(problem_id, 0) for problem_id in one.problem_ids], dtype=int)
        n_samples = np.array([(samples_of_problems or {}).get(problem_id, 0) for problem_id in one.problem_ids])
        place = {budget: column for column, budget in enumerate(one.budgets)}
        shown = [budget for budget in (budgets or one.budgets) if budget in place]
        asked = [place[budget] for budget in shown]
        completion_tokens = one.cost("completion_tokens")
        for number in [None, *range(1, n_bins + 1)]:
            member = np.ones(len(binned), dtype=bool) if number is None else binned == number
            accuracy = one.accuracy[member][:, asked]
            if interval == "simultaneous":
                _, low, high = simultaneous_band(accuracy, level=level, seed=seed, bounds=(0, 1))
            else:
                low, high = bootstrap_mean(accuracy, level=level, seed=seed, bounds=(0, 1))
            for at, (budget, column) in enumerate(zip(shown, asked, strict=True)):
                counted = member & ~np.isnan(one.accuracy[:, column])
                tokens = float(completion_tokens[counted, column].mean()) if counted.any() else np.nan
                rows.append(
                    {
                        "strategy": one.strategy,
                        "budget": int(budget),
                        "bin": number,
                        "accuracy": float(one.accuracy[counted, column].mean()) if counted.any() else None,
                        "ci_low": float(low[at]),
                        "ci_high": float(high[at]),
                        "n_problems": int(counted.sum()),
                        "n_samples": None if samples_of_problems is None else int(n_samples[counted].sum()),
                        "tokens": tokens,
                        "flops": None if n_parameters is None else flops_per_token(n_parameters) * tokens,
                        "variant": one.variant,
                        "mc_error": _error_of_mean(one, counted, column),
                    }
                )
    return pl.DataFrame(rows, schema=CURVE_SCHEMA).fill_nan(None)


def _error_of_mean(one: Outcomes, counted: np.ndarray, column: int) -> float | None:
    """Monte-Carlo standard error of the mean over problems, whose subsets are drawn independently."""
    if one.mc_error is None or not counted.any():
        return None
    return float(np.sqrt((one.mc_error[counted, column] ** 2).sum()) / counted.sum())


def bin_problems(pool: Pool, n_bins: int, difficulty: str = "oracle") -> np.ndarray:
    """The difficulty bin of each problem, 1 (easiest) … n_bins, shape (problems,)."""
    one_of(difficulty, DIFFICULTIES, "difficulty")
    ease = oracle_difficulty(pool.correct) if difficulty == "oracle" else predicted_difficulty(verifier_scores(pool))
    return difficulty_bins(ease, n_bins)


def powers_of_two(pool: Pool) -> list[int]:
    """1, 2, 4 … up to the smallest pool: the budgets that every problem can answer."""
    return [1 << exponent for exponent in range(int(pool.pool_sizes.min()).bit_length())]
