"""What it adds to give little to easy problems and much to hard ones, at the same cost in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.frontier import finite
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, PER, default_limits, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends
from ttclib.replay.outcomes import Outcomes

ALLOCATION_SCHEMA = {
    "per": pl.String,
    "at_most": pl.Float64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "n_problems": pl.Int64,
}


def allocation(
    outcomes: Sequence[Outcomes],
    difficulty: Difficulty,
    *,
    ledger: Ledger = LEDGERS["snell"],
    limits: ArrayLike | None = None,
    bill: Bill | None = None,
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> pl.DataFrame:
    """The best choice under a limit for every problem, beside one limit for all of them together.

    Three ways to spend: ``problem`` (every bin keeps the limit, by itself), ``mixed`` (the same, but two candidates
    may be mixed so that all is spent), ``average`` (bins share what there is). The step from the first to the second
    is what spending it all adds, the step from the second to the third what moving compute between bins adds.

    Parameters
    ----------
    outcomes, difficulty, ledger, limits, bill, folds, partitions, level, n_resamples, seed
        As in `ttclib.analysis.frontier.frontier`.

    Returns
    -------
    polars.DataFrame
        One row a way and limit over all problems, columns as in `ALLOCATION_SCHEMA`. `difference` is to the way before,
        with the interval of the paired difference; null for the first.

    Raises
    ------
    RequestError
        As `candidates_of` and `optimise` do.

    References
    ----------
    Damani et al. 2024, arXiv:2410.04707.
    """
    candidates = candidates_of(outcomes, difficulty, ledger=ledger, bill=bill)
    asked = default_limits(candidates) if limits is None else limits
    choices = [
        optimise(
            candidates, asked, difficulty=difficulty, per=per, folds=folds, partitions=partitions,
            n_resamples=n_resamples, seed=seed,
        )
        for per in PER
    ]  # fmt: skip
    rows: list[dict[str, object]] = []
    for at, choice in enumerate(choices):
        found, before = choice.interval(level), choices[max(0, at - 1)]
        low, high = ends(*choice.pushed(choice.draws - before.draws, -1.0, 1.0), level)
        for k, limit in enumerate(choice.limits[0]):
            if np.isnan(choice.means[0, k]):
                continue
            row: dict[str, object] = {
                "per": choice.per,
                "at_most": float(limit),
                "cost": float(choice.costs[0, k]),
                "accuracy": float(found.estimate[0, k]),
                "ci_low": float(found.low[0, k]),
                "ci_high": float(found.high[0, k]),
                "n_problems": candidates.n_problems,
            }
            if at and not np.isnan(before.means[0, k]):
                row |= {
                    "difference": float(choice.means[0, k] - before.means[0, k]),
                    "difference_low": float(low[0, k]),
                    "difference_high": float(high[0, k]),
                }
            rows.append(row)
    return finite(pl.DataFrame(rows, schema=ALLOCATION_SCHEMA))
