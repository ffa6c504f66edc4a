"""Side by side: two policies at equal budget, and strategies at equal total compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.efficiency import finite
from ttclib.analysis.groups import align, charged_budgets, group_means, ordered_interval, resample_weights
from ttclib.analysis.interpolation import accuracy_at
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

COMPARISON_SCHEMA = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "first": pl.Float64,
    "second": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
}
MATCHED_SCHEMA = {
    "variant": pl.String,
    "bin": pl.Int64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "n_problems": pl.Int64,
}


def compare_policies(
    first: Outcomes,
    second: Outcomes,
    bins: ArrayLike | None = None,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pl.DataFrame:
    """Two policies, or two strategies of one, on the problems they share, at the budgets they share.

    With `pass_at_k` outcomes the rows split a gain in two: at budget 1 it is accuracy a sample, at the
    largest budget it is coverage. A policy that only samples more widely gains in the second alone.

    Parameters
    ----------
    first, second : Outcomes
    bins : array_like of int, shape (problems of the first,), optional
    level, n_resamples, seed
        Of the bootstrap over problems, paired.

    Returns
    -------
    polars.DataFrame
        Columns as in `COMPARISON_SCHEMA`; `difference` is second minus first; only problems that both define.

    Raises
    ------
    RequestError
        No shared problem, or no shared budget.
    """
    pair = align([replace(first, variant="first"), replace(second, variant="second")], bins)
    shared = [b for b in pair.budgets if all(b in charged_budgets(one) for one in pair.outcomes)]
    if not shared:
        raise RequestError(
            f"no shared budget: '{first.variant}' has {', '.join(map(str, charged_budgets(first)))}, "
            f"'{second.variant}' {', '.join(map(str, charged_budgets(second)))}"
        )
    tables = pair.at_budgets(shared).accuracy
    both = ~np.isnan(tables).any(axis=0)
    weights = resample_weights(len(pair.bins), n_resamples, seed)
    n_bins = int(pair.bins.max(initial=0))
    one, two = (group_means(np.where(both, table, np.nan), pair.bins, weights, n_bins) for table in tables)
    low, high = ordered_interval(two - one, level)
    rows = []
    for group in range(n_bins + 1):
        member = np.ones(len(pair.bins), dtype=bool) if group == 0 else pair.bins == group
        for column, budget in enumerate(shared):
            at = (group, column)
            rows.append(
                {
                    "bin": group or None,
                    "budget": budget,
                    "first": float(one[0][at]),
                    "second": float(two[0][at]),
                    "difference": float((two - one)[0][at]),
                    "ci_low": float(low[at]),
                    "ci_high": float(high[at]),
                    "n_problems": int((both[:, column] & member).sum()),
                }
            )
    return finite(pl.DataFrame(rows, schema=COMPARISON_SCHEMA))


def matched_compute(
    outcomes: Sequence[Outcomes],
    bins: ArrayLike | None = None,
    *,
    ledger: Ledger = LEDGERS["snell"],
    policy: ModelFacts | None = None,
    verifier: ModelFacts | None = None,
    n_points: int = 8,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """Strategies at equal cost, to see whether the framework matters once everything is paid for.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        The first is what the others are compared with.
    bins : array_like of int, shape (problems of the first,), optional
    ledger, policy, verifier
        What cost is.
    n_points : int
        Costs at which they are compared, evenly spaced in log over the range that all of them cover.
    level, n_resamples, seed
        Of the bootstrap over problems, paired.

    Returns
    -------
    polars.DataFrame
        Columns as in `MATCHED_SCHEMA`. Accuracy is interpolated in log cost between budgets; `difference` is to the
        first strategy. A group in which no cost is common to all has no rows.

    Raises
    ------
    RequestError
        As `Ledger.price` does, or no shared problem.
    """
    aligned = align(outcomes, bins)
    weights = resample_weights(len(aligned.bins), n_resamples, seed)
    n_bins = int(aligned.bins.max(initial=0))
    means = [group_means(one.accuracy, aligned.bins, weights, n_bins) for one in aligned.outcomes]
    costs = [
        group_means(
            np.where(np.isnan(one.accuracy), np.nan, ledger.price(one, policy, verifier)),
            aligned.bins,
            weights[:1],
            n_bins,
        )[0]
        for one in aligned.outcomes
    ]
    rows = []
    for group in range(n_bins + 1):
        ends = np.array([(np.nanmin(cost[group]), np.nanmax(cost[group])) for cost in costs])
        low_end, high_end = ends[:, 0].max(), ends[:, 1].min()
        if not low_end <= high_end:
            continue
        wanted = np.unique(np.geomspace(low_end, high_end, n_points))
        at = [accuracy_at(cost[group], mean[:, group], wanted) for cost, mean in zip(costs, means, strict=True)]
        size = len(aligned.bins) if group == 0 else int((aligned.bins == group).sum())
        for one, found in zip(aligned.outcomes, at, strict=True):
            (low, high), (below, above) = ordered_interval(found, level), ordered_interval(found - at[0], level)
            rows += [
                {
                    "variant": one.variant,
                    "bin": group or None,
                    "cost": float(wanted[i]),
                    "accuracy": float(found[0, i]),
                    "ci_low": float(low[i]),
                    "ci_high": float(high[i]),
                    "difference": float(found[0, i] - at[0][0, i]),
                    "difference_low": float(below[i]),
                    "difference_high": float(above[i]),
                    "n_problems": size,
                }
                for i in range(len(wanted))
            ]
    return finite(pl.DataFrame(rows, schema=MATCHED_SCHEMA))
