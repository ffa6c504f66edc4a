"""Accuracy against budget of a strategy, with intervals and cost: the table behind every chart."""

from __future__ import annotations

import numpy as np
import polars as pl

from ttclib.analysis.cost import flops_per_token
from ttclib.analysis.resampling import interval
from ttclib.replay.outcomes import Outcomes

CURVE_SCHEMA = {
    "strategy": pl.String,
    "budget": pl.Int64,
    "bin": pl.Int64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
    "n_samples": pl.Int64,
    "generations": pl.Float64,
    "tokens": pl.Float64,
    "flops": pl.Float64,
    "variant": pl.String,
    "policy": pl.String,
    "setting": pl.String,
    "mc_error": pl.Float64,
    "ungraded": pl.Float64,
}


def accuracy_curve(
    one: Outcomes,
    bins: np.ndarray | None = None,
    *,
    n_bins: int = 0,
    n_samples: np.ndarray | None = None,
    level: float = 0.95,
    family: str = "pointwise",
    seed: int = 0,
) -> pl.DataFrame:
    """The rows of one strategy: over all problems, then by difficulty bin.

    Parameters
    ----------
    one : Outcomes
        Rows with one problem id, told and scored on different samples, are one problem.
    bins : int array, shape (rows,), optional
        Difficulty bin, from 1; 0: in none.
    n_bins : int
        Bins to show, empty ones included.
    n_samples : int array, shape (rows,), optional
        Samples behind each row; None: `n_samples` is null.
    family : {"pointwise", "simultaneous"}
        Whether each interval covers with that chance, or all of a curve at once.
    seed : int
        Of the intervals.

    Returns
    -------
    polars.DataFrame
        Columns as in `CURVE_SCHEMA`. `bin` is null over all problems, else 1 (easiest) …;
        `n_problems` counts the problems for which the budget is defined; `n_samples` is the number
        of samples behind them; `generations` and `tokens` are the expected answers charged and completion tokens a
        problem; `flops` are 2 · policy parameters · tokens; null where a token count or the parameters are unknown.
        `variant` tells strategies of one name apart. `mc_error` is the standard error of `accuracy` from
        averaging over random subsets instead of all: 0 where it is exact. `ungraded` is the share of answers chosen
        that could not be graded, by which accuracy would be higher were all of them right.
    """
    numbers = np.zeros(len(one.problem_ids), dtype=int) if bins is None else np.asarray(bins, dtype=int)
    problems = np.unique(one.problem_ids, return_inverse=True)[1]
    clusters = problems if len(set(one.problem_ids)) < len(one.problem_ids) else None
    ends = interval(
        one.accuracy, groups=numbers, n_groups=n_bins, clusters=clusters, level=level, family=family, seed=seed
    )
    model = one.source.policy_model
    parameters = None if model is None else model.n_parameters
    setting = one.source.setting
    rows = []
    for group in range(n_bins + 1):
        member = np.ones(len(numbers), dtype=bool) if group == 0 else numbers == group
        for column, budget in enumerate(one.budgets):
            counted = member & ~np.isnan(one.accuracy[:, column])
            tokens = _mean(one.cost("completion_tokens")[counted, column])
            rows.append(
                {
                    "strategy": one.strategy,
                    "budget": int(budget),
                    "bin": group or None,
                    "accuracy": float(ends.estimate[group, column]),
                    "ci_low": float(ends.low[group, column]),
                    "ci_high": float(ends.high[group, column]),
                    "n_problems": len(np.unique(problems[counted])),
                    "n_samples": None if n_samples is None else int(n_samples[counted].sum()),
                    "generations": _mean(one.cost("generations")[counted, column]),
                    "tokens": tokens,
                    "flops": None if parameters is None or tokens is None else flops_per_token(parameters) * tokens,
                    "variant": one.variant,
                    "policy": one.source.policy,
                    "setting": "" if setting is None else setting.name,
                    "mc_error": _error_of_mean(one, counted, column),
                    "ungraded": 0.0 if one.ungraded is None else _mean(one.ungraded[counted, column]),
                }
            )
    return pl.DataFrame(rows, schema=CURVE_SCHEMA).fill_nan(None)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) and not np.isnan(values).any() else None


def _error_of_mean(one: Outcomes, counted: np.ndarray, column: int) -> float | None:
    """Monte-Carlo standard error of the mean over problems, whose subsets are drawn independently."""
    if one.mc_error is None or not counted.any():
        return None
    return float(np.sqrt((one.mc_error[counted, column] ** 2).sum()) / counted.sum())
