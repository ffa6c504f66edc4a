"""Two pools side by side: two policies, or two verifiers of one policy, on the problems that both hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ttclib.analysis.intervals import bootstrap_mean
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes

COMPARE_SCHEMA = {
    "strategy": pl.String,
    "budget": pl.Int64,
    "first": pl.Float64,
    "second": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
}


def paired_differences(
    first: Sequence[Outcomes], second: Sequence[Outcomes], *, level: float = 0.95, seed: int = 0
) -> pl.DataFrame:
    """Second less first, problem by problem, for each strategy and budget that both have.

    The difference on one problem does not contain how hard the problem is, so its interval is
    narrower than those of the two curves, and tells a difference where their bands overlap.

    Parameters
    ----------
    first, second : sequence of Outcomes
        Of the same strategies; matched by strategy and budget.
    level : float
        Coverage of the intervals.
    seed : int
        Of the bootstrap over problems.

    Returns
    -------
    polars.DataFrame
        Columns as in `COMPARE_SCHEMA`: the two accuracies on the common problems, and `difference`.

    Raises
    ------
    RequestError
        No strategy, no budget or no problem in common.
    """
    others = {one.strategy: one for one in second}
    rows = []
    for one in first:
        other = others.get(one.strategy)
        if other is None:
            continue
        common = [name for name in one.problem_ids if name in set(other.problem_ids)]
        budgets = [budget for budget in one.budgets if budget in other.budgets]
        if not common or not budgets:
            continue
        mine, theirs = (_table(side, common, budgets) for side in (one, other))
        difference = theirs - mine
        low, high = bootstrap_mean(difference, level=level, seed=seed)
        for column, budget in enumerate(budgets):
            known = ~np.isnan(difference[:, column])
            if not known.any():
                continue
            rows.append(
                {
                    "strategy": one.strategy,
                    "budget": budget,
                    "first": float(mine[known, column].mean()),
                    "second": float(theirs[known, column].mean()),
                    "difference": float(difference[known, column].mean()),
                    "ci_low": float(low[column]),
                    "ci_high": float(high[column]),
                    "n_problems": int(known.sum()),
                }
            )
    if not rows:
        raise RequestError("nothing to compare: the two have no strategy, budget and problem in common")
    return pl.DataFrame(rows, schema=COMPARE_SCHEMA)


def _table(outcomes: Outcomes, problems: Sequence[str], budgets: Sequence[int]) -> np.ndarray:
    row = {name: place for place, name in enumerate(outcomes.problem_ids)}
    column = {budget: place for place, budget in enumerate(outcomes.budgets)}
    return outcomes.accuracy[np.ix_([row[name] for name in problems], [column[budget] for budget in budgets])]


GAIN_SCHEMA = {
    "strategy": pl.String,
    "variant": pl.String,
    "bin": pl.Int64,
    "budget": pl.Int64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
}


def gains_over(
    baseline: Outcomes,
    outcomes: Sequence[Outcomes],
    bins_of_problems: Mapping[str, int] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> pl.DataFrame:
    """Accuracy of strategies less a baseline's, problem by problem, over all and by difficulty bin.

    Parameters
    ----------
    baseline : Outcomes
    outcomes : sequence of Outcomes
        Compared at the budgets that the baseline has, too.
    bins_of_problems : mapping of problem id to int, optional
        From 1, the easiest; None: over all problems alone.
    level : float
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `GAIN_SCHEMA`; `bin` is null over all problems.

    Raises
    ------
    RequestError
        No budget and problem in common.
    """
    bins = dict(bins_of_problems or {})
    rows: list[dict[str, object]] = []
    for one in outcomes:
        for number in [None, *sorted(set(bins.values()) - {0})]:
            members = [name for name in one.problem_ids if number is None or bins.get(name) == number]
            common = [name for name in members if name in set(baseline.problem_ids)]
            budgets = [budget for budget in one.budgets if budget in baseline.budgets]
            if not common or not budgets:
                continue
            difference = _table(one, common, budgets) - _table(baseline, common, budgets)
            low, high = bootstrap_mean(difference, level=level, seed=seed)
            for column, budget in enumerate(budgets):
                known = ~np.isnan(difference[:, column])
                if known.any():
                    rows.append(
                        {
                            "strategy": one.strategy,
                            "variant": one.variant,
                            "bin": number,
                            "budget": budget,
                            "difference": float(difference[known, column].mean()),
                            "ci_low": float(low[column]),
                            "ci_high": float(high[column]),
                            "n_problems": int(known.sum()),
                        }
                    )
    if not rows:
        raise RequestError(f"nothing to compare with '{baseline.variant}': no budget and problem in common")
    return pl.DataFrame(rows, schema=GAIN_SCHEMA)
