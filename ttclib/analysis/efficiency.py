"""How much budget a strategy saves: what the baseline needs for the same accuracy, with and without the bill."""

from __future__ import annotations

import numpy as np
import polars as pl

from ttclib.analysis.bill import DifficultyBill, break_even_queries
from ttclib.analysis.compute_optimal import ComputeOptimal
from ttclib.analysis.groups import group_means, ordered_interval, resample_weights, restrict
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

EFFICIENCY_SCHEMA = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "baseline_cost": pl.Float64,
    "factor": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "unreached": pl.Float64,
    "billed_cost": pl.Float64,
    "billed_factor": pl.Float64,
    "billed_low": pl.Float64,
    "billed_high": pl.Float64,
    "break_even_queries": pl.Float64,
    "n_problems": pl.Int64,
}


def efficiency(
    chosen: ComputeOptimal,
    baseline: Outcomes,
    *,
    bill: DifficultyBill | None = None,
    ledger: Ledger = LEDGERS["snell"],
    policy: ModelFacts | None = None,
    verifier: ModelFacts | None = None,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """The saving of the compute-optimal strategy over a baseline at equal accuracy.

    Parameters
    ----------
    chosen : ComputeOptimal
    baseline : Outcomes
        For example best-of-N; it must hold the same problems.
    bill : DifficultyBill, optional
        What knowing the difficulty costs; None: not charged, the billed columns are null.
    ledger : Ledger
        What cost is; by default generations.
    policy, verifier : ModelFacts, optional
        Needed where the ledger counts FLOPs.
    level, n_resamples, seed
        Of the bootstrap over problems; every replicate chooses the strategies anew.

    Returns
    -------
    polars.DataFrame
        One row a group and budget, columns as in `EFFICIENCY_SCHEMA`. `bin` is null over all problems.
        `baseline_cost` is what the baseline needs for `accuracy`, interpolated in log2, and null where no
        budget of its pool gets there: then `factor` is null and `unreached`, the share of replicates in
        which that happens, says how sure it is. `factor` = baseline_cost / cost, above 1 it saves;
        `ci_high` is null where the interval is open upwards. `billed_factor` = baseline_cost / billed_cost.

    Raises
    ------
    RequestError
        A problem that the baseline lacks, or a fact that the ledger lacks.
    """
    aligned = chosen.aligned
    if missing := set(aligned.problem_ids) - set(baseline.problem_ids):
        raise RequestError(f"baseline '{baseline.variant}' lacks {len(missing)} problems, such as '{min(missing)}'")
    base = restrict(baseline, aligned.problem_ids)
    weights = resample_weights(len(aligned.bins), n_resamples, seed)
    once, n_bins = weights[:1], int(aligned.bins.max())
    binned = (aligned.bins > 0)[:, None]
    accuracy = chosen.resampled(weights)
    counted = ~np.isnan(chosen.outcomes.accuracy)
    cost = _mean_cost(ledger.price(chosen.outcomes, policy, verifier), counted, aligned.bins, once)
    base_accuracy = group_means(np.where(binned, base.accuracy, np.nan), aligned.bins, weights, n_bins)
    base_priced = ledger.price(base, policy, verifier)
    base_cost = _mean_cost(base_priced, ~np.isnan(base.accuracy) & binned, aligned.bins, once)
    needed = cost_for(base_cost, base_accuracy, accuracy)
    extra = np.zeros_like(cost)
    if bill is not None:
        extra = _mean_cost(bill.price(chosen, ledger, policy, verifier), counted, aligned.bins, once)
    factor, billed = needed / cost, needed / (cost + extra)
    (low, high), (billed_low, billed_high) = ordered_interval(factor, level), ordered_interval(billed, level)
    unreached = np.isinf(needed[1:]).mean(axis=0) if n_resamples else np.full(cost.shape, np.nan)
    rows = []
    for group in range(n_bins + 1):
        member = counted if group == 0 else counted & (aligned.bins == group)[:, None]
        for column, budget in enumerate(aligned.budgets):
            at = (group, column)
            spent, equal = float(cost[at]), float(needed[0][at])
            total = spent + float(extra[at])
            rows.append(
                {
                    "bin": group or None,
                    "budget": budget,
                    "cost": spent,
                    "accuracy": float(accuracy[0][at]),
                    "baseline_cost": equal,
                    "factor": float(factor[0][at]),
                    "ci_low": float(low[at]),
                    "ci_high": float(high[at]),
                    "unreached": float(unreached[at]),
                    "billed_cost": None if bill is None else total,
                    "billed_factor": None if bill is None else float(billed[0][at]),
                    "billed_low": None if bill is None else float(billed_low[at]),
                    "billed_high": None if bill is None else float(billed_high[at]),
                    "break_even_queries": None
                    if bill is None
                    else break_even_queries(spent, equal, float(extra[at]) * bill.queries),
                    "n_problems": int(member[:, column].sum()),
                }
            )
    return finite(pl.DataFrame(rows, schema=EFFICIENCY_SCHEMA))


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Null for what is not a finite number."""
    floats = pl.col(pl.Float64)
    return frame.with_columns(pl.when(floats.is_finite()).then(floats).otherwise(None))


def _mean_cost(table: np.ndarray, counted: np.ndarray, bins: np.ndarray, once: np.ndarray) -> np.ndarray:
    """Mean cost by group over the problems counted, shape (1 + bins, budgets)."""
    return group_means(np.where(counted, table, np.nan), bins, once, int(bins.max(initial=0)))[0]
