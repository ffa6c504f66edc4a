"""Accuracy against cost: every strategy and the compute-optimal one, with the points that nothing beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.compute_optimal import NEEDS_GROUND_TRUTH, ComputeOptimal, compute_optimal
from ttclib.analysis.efficiency import finite
from ttclib.analysis.groups import align, charged_budgets, group_means, ordered_interval, resample_weights
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

FRONTIER_SCHEMA = {
    "strategy": pl.String,
    "variant": pl.String,
    "bin": pl.Int64,
    "budget": pl.Int64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "pareto": pl.Boolean,
    "chosen": pl.String,
    "optimism": pl.Float64,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class Frontier:
    """Accuracy against cost, and what stands behind it.

    Attributes
    ----------
    frame : polars.DataFrame
        Columns as in `FRONTIER_SCHEMA`. `bin` is null over all problems. `budget` is in generations charged,
        `cost` in the ledger's unit. `pareto`: no strategy that could be run is as accurate for less, or more
        accurate for as much; pass@k, which needs the answer, neither counts nor is marked. `chosen`: in the
        rows of ``compute_optimal`` by bin, the strategy that the policy takes there; `optimism`: what choosing
        and scoring on the same problems would have added.
    chosen : ComputeOptimal or None
        None: there were no bins to choose in.
    unit : str
        The cost axis in words.
    """

    frame: pl.DataFrame
    chosen: ComputeOptimal | None
    unit: str


def frontier(
    outcomes: Sequence[Outcomes],
    bins: ArrayLike | None = None,
    *,
    ease: ArrayLike | None = None,
    difficulty: str = "oracle",
    ledger: Ledger = LEDGERS["snell"],
    policy: ModelFacts | None = None,
    verifier: ModelFacts | None = None,
    bill: DifficultyBill | None = None,
    n_assignments: int = 100,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> Frontier:
    """Accuracy and cost of strategies and of their compute-optimal choice, over all problems and by bin.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        Compared on the problems that all hold.
    bins : array_like of int, shape (problems of the first,), optional
        Difficulty bins; None: over all problems only, and nothing is chosen.
    ease, difficulty, n_assignments
        As in `compute_optimal`.
    ledger : Ledger
    policy, verifier : ModelFacts, optional
        Needed where the ledger counts FLOPs.
    bill : DifficultyBill, optional
        Charged to the compute-optimal strategy where the ledger says so.
    level, n_resamples, seed
        Of the bootstrap over problems; every replicate chooses the strategies anew.

    Raises
    ------
    RequestError
        As `compute_optimal` and `Ledger.price` do; a ledger that charges difficulty without a bill.
    """
    aligned = align(outcomes, bins)
    weights = resample_weights(len(aligned.bins), n_resamples, seed)
    n_bins = int(aligned.bins.max(initial=0))
    rows: list[dict[str, object]] = []
    for one in aligned.outcomes:
        means = group_means(one.accuracy, aligned.bins, weights, n_bins)
        cost = ledger.price(one, policy, verifier)
        rows += _rows(one, charged_budgets(one), cost, means, aligned.bins, level)
    chosen = None
    if bins is not None:
        if ledger.difficulty and bill is None:
            raise RequestError("this ledger charges difficulty: say how many samples told it, or switch difficulty off")
        runnable = [one for one in outcomes if one.strategy not in NEEDS_GROUND_TRUTH]
        chosen = compute_optimal(
            runnable, bins, ease=ease, difficulty=difficulty, n_assignments=n_assignments, seed=seed
        )
        same = chosen.aligned.problem_ids == aligned.problem_ids
        means = chosen.resampled(weights if same else resample_weights(len(chosen.aligned.bins), n_resamples, seed))
        cost = ledger.price(chosen.outcomes, policy, verifier)
        if ledger.difficulty and bill is not None:
            cost = cost + bill.price(chosen, ledger, policy, verifier)
        new = _rows(chosen.outcomes, chosen.outcomes.budgets, cost, means, chosen.aligned.bins, level)
        optimism = chosen.optimism
        for index, row in enumerate(new):
            group, column = divmod(index, len(chosen.outcomes.budgets))
            row["chosen"] = chosen.policy.choices[group - 1][column] if group else None
            row["optimism"] = float(optimism[group, column])
        rows += new
    frame = finite(pl.DataFrame(rows, schema=FRONTIER_SCHEMA))
    return Frontier(_mark_pareto(frame), chosen, ledger.label)


def _rows(
    one: Outcomes, budgets: Sequence[int], cost: np.ndarray, means: np.ndarray, bins: np.ndarray, level: float
) -> list[dict[str, object]]:
    low, high = ordered_interval(means, level)
    defined = ~np.isnan(one.accuracy)
    rows: list[dict[str, object]] = []
    for group in range(means.shape[1]):
        member = defined if group == 0 else defined & (bins == group)[:, None]
        for column, budget in enumerate(budgets):
            counted = member[:, column]
            rows.append(
                {
                    "strategy": one.strategy,
                    "variant": one.variant,
                    "bin": group or None,
                    "budget": int(budget),
                    "cost": float(cost[counted, column].mean()) if counted.any() else None,
                    "accuracy": float(means[0, group, column]),
                    "ci_low": float(low[group, column]),
                    "ci_high": float(high[group, column]),
                    "pareto": False,
                    "chosen": None,
                    "optimism": None,
                    "n_problems": int(counted.sum()),
                }
            )
    return rows


def pareto(cost: ArrayLike, accuracy: ArrayLike) -> np.ndarray:
    """Points that no other beats: none is as accurate for less, or more accurate for as much.

    Parameters
    ----------
    cost, accuracy : array_like of float, shape (points,)
        A point with NaN is never marked and beats none. Differences in the last digits are rounding, no lead.

    Returns
    -------
    numpy.ndarray of bool, shape (points,)

    Examples
    --------
    >>> pareto([1, 2, 2, 4], [0.5, 0.6, 0.7, 0.7]).tolist()
    [True, False, True, False]
    """
    spent, right = (
        np.array([float(f"{value:.12g}") for value in np.asarray(values, dtype=float)]) for values in (cost, accuracy)
    )
    marked = np.zeros(len(spent), dtype=bool)
    known = np.flatnonzero(~np.isnan(spent) & ~np.isnan(right))
    best, best_cost = -np.inf, np.nan
    for index in known[np.lexsort((-right[known], spent[known]))]:
        if right[index] > best or (right[index] == best and spent[index] == best_cost):
            marked[index], best, best_cost = True, right[index], spent[index]
    return marked


def _mark_pareto(frame: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for part in frame.with_row_index("row").partition_by("bin", maintain_order=True):
        runnable = ~part["strategy"].is_in(NEEDS_GROUND_TRUTH)
        accuracy = np.where(runnable.to_numpy(), _floats(part, "accuracy"), np.nan)
        parts.append(part.with_columns(pl.Series("pareto", pareto(_floats(part, "cost"), accuracy))))
    return pl.concat(parts).sort("row").drop("row") if parts else frame


def _floats(frame: pl.DataFrame, column: str) -> np.ndarray:
    return frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
