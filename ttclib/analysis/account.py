"""What adaptivity is worth once it has paid for itself: every way to spend at equal total cost, beside uniform.

All ways choose from the candidates that they are given by the one optimiser, on other problems than they are scored
on, and share one set of bootstrap weights, so that differences are paired. Each may mix two candidates at random so
that all is spent, uniform too: that asks for no knowledge, and would else be taken for what knowledge adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import candidates_of, told_price
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.efficiency import COSTS_MORE, SAVES, TOO_CLOSE, break_even_queries
from ttclib.analysis.frontier import finite
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, default_limits, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends
from ttclib.analysis.winners import leads
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes

UNIFORM, GIVEN = "uniform", "given"
NOT_AFFORDABLE = "not affordable"
ACCOUNT_SCHEMA = {
    "way": pl.String,
    "label": pl.String,
    "pays": pl.Boolean,
    "at_most": pl.Float64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "baseline_cost": pl.Float64,
    "factor": pl.Float64,
    "factor_low": pl.Float64,
    "factor_high": pl.Float64,
    "open_high": pl.Boolean,
    "bill": pl.Float64,
    "break_even_queries": pl.Float64,
    "verdict": pl.String,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class Spent:
    """What choosing comes to within limits of total cost."""

    accuracy: np.ndarray  # float, shape (problems, limits); of each problem, cross-fitted. NaN: nothing is affordable.
    cost: np.ndarray  # float, shape (limits,); what is spent, bills included, on average
    draws: np.ndarray  # float, shape (replicates, limits)
    doubt: np.ndarray  # float, shape (replicates,); weight of the pseudo-problem in each
    bill: float = 0.0  # what knowing the difficulty costs a query that draws nothing that could be used again

    @property
    def means(self) -> np.ndarray:
        """Accuracy over problems, shape (limits,)."""
        return np.asarray(self.accuracy.mean(axis=0))

    def pushed(self) -> tuple[np.ndarray, np.ndarray]:
        """Draws with the pseudo-problem wrong, and right."""
        inside, u = np.clip(self.draws, 0.0, 1.0), self.doubt[:, None]
        return inside * (1 - u), inside * (1 - u) + u


@dataclass(frozen=True)
class Way:
    """One way to spend."""

    name: str
    label: str
    spent: Spent  # its bill paid
    # the same choice with its difficulty for nothing, to tell how many queries must share the bill
    free: Spent | None = None
    pays: bool = True  # whether all that it knows is paid for; difficulty that is given is not


def one_bin(n_rows: int, clusters: np.ndarray) -> Difficulty:
    """No difficulty at all, on rows of which several may be of one problem."""
    return Difficulty(np.zeros(n_rows), np.ones(n_rows, dtype=int), clusters=clusters, told_on="other", n_probes=0.0)


def spend(
    outcomes: Sequence[Outcomes],
    difficulty: Difficulty,
    limits: ArrayLike,
    *,
    ledger: Ledger,
    bill: Bill | None = None,
    per: str = "mixed",
    partitions: int = PARTITIONS,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Spent:
    """Choose within each limit by difficulty.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        All defined on the same rows.
    difficulty : Difficulty
        With `clusters`, where a problem has two rows.
    limits : array_like of float, shape (limits,)
        Ascending.
    bill : Bill, optional
        How the difficulty is paid; None: it is given.
    per, partitions, n_resamples, seed
        As in `ttclib.analysis.optimise.optimise`; ``mixed`` or, for all problems together, ``average``.
    """
    charging = replace(ledger, difficulty=bill is not None)
    candidates = candidates_of(outcomes, difficulty, ledger=charging, bill=bill)
    if len(candidates.rows) < len(difficulty.ease):
        lost = len(difficulty.ease) - len(candidates.rows)
        raise RequestError(f"{lost} rows have no difficulty or no answer: the ways are compared on problems with both")
    choice = optimise(
        candidates, limits, difficulty=difficulty, per=per, folds=FOLDS, partitions=partitions,
        n_resamples=n_resamples, seed=seed,
    )  # fmt: skip
    number = np.unique(difficulty.clusters_or_rows, return_inverse=True)[1].ravel()
    share = np.bincount(number)[:, None]
    by_problem = np.zeros((len(share), choice.accuracy.shape[1]))
    np.add.at(by_problem, number, choice.accuracy)
    due = 0.0
    if bill is not None and difficulty.n_bins > 1:
        prices = [charging.price(one) for one in candidates.outcomes]
        probe, once = told_price(candidates.outcomes, prices, difficulty, bill, charging)
        due = float((once + probe * bill.n_probes / bill.queries).mean())
    return Spent(by_problem / share, choice.costs[0], choice.draws[:, 0], choice.doubt[:, 0], due)


def mean_of(several: Sequence[Spent]) -> Spent:
    """The mean of the same way in several random draws of what it depends on."""
    accuracy, cost, draws = (
        np.mean([getattr(one, name) for one in several], axis=0) for name in ("accuracy", "cost", "draws")
    )
    return Spent(accuracy, cost, draws, several[0].doubt, float(np.mean([one.bill for one in several])))


def limits_of(outcomes: Sequence[Outcomes], difficulty: Difficulty, ledger: Ledger, n_limits: int = 6) -> np.ndarray:
    """Limits that are worth a row: powers of two where generations are counted, else evenly spaced in log cost."""
    every = default_limits(candidates_of(outcomes, difficulty, ledger=replace(ledger, difficulty=False)))
    if ledger.unit == "generations":
        return 2.0 ** np.arange(np.ceil(np.log2(every[0])), np.floor(np.log2(every[-1]) + 1e-9) + 1)
    return np.asarray(every[np.unique(np.linspace(0, len(every) - 1, n_limits).astype(int))])


def account(
    ways: Sequence[Way], limits: ArrayLike, curve: tuple[np.ndarray, Spent], *, level: float = 0.95
) -> pl.DataFrame:
    """Every way within every limit, beside the first, which is uniform.

    Parameters
    ----------
    ways : sequence of Way
        On the same problems.
    limits : array_like of float, shape (limits,)
        Those that each was asked for.
    curve : (float array, Spent)
        Uniform at many limits, for the cost at which it gets as far.

    Returns
    -------
    polars.DataFrame
        A row a way and limit, columns as in `ACCOUNT_SCHEMA`. `difference` is to uniform within the same limit;
        `factor` = baseline_cost / cost, where baseline_cost is what uniform needs for as much, null where it never gets
        there; `bill` is contained in `cost`; `break_even_queries` of a problem must share it until the way costs no
        more than uniform does, null where it never does. `verdict` is ``saves``, ``costs more`` or ``too close``, by
        the differences, corrected for the number of rows; ``not affordable`` where the bill alone is more than the
        limit, and then accuracy and cost are null.
    """
    asked = np.asarray(limits, dtype=float)
    base = ways[0].spent
    dense, known = curve[1], ~np.isnan(curve[1].cost)
    if not known.any():
        raise RequestError("no strategy is affordable for all problems within any limit: give larger ones")
    paid = np.maximum.accumulate(dense.cost[known])
    base_worst, base_best = (side[:, known] for side in dense.pushed())
    rows: list[dict[str, object]] = []
    differences, lows, highs = [], [], []
    for way in ways:
        spent = way.spent
        worst, best = spent.pushed()
        apart, u = np.clip(spent.draws - base.draws, -1.0, 1.0), spent.doubt[:, None]
        apart_low, apart_high = ends(apart * (1 - u) - u, apart * (1 - u) + u, level)
        low, high = ends(worst, best, level)
        needed = cost_for(paid, dense.means[known], spent.means)
        least, most = (
            cost_for(paid, theirs, ours) / spent.cost for theirs, ours in ((base_best, worst), (base_worst, best))
        )
        factor_low, factor_high = ends(least, most, level)
        free = None if way.free is None else cost_for(paid, dense.means[known], way.free.means)
        for k, limit in enumerate(asked):
            row: dict[str, object] = {
                "way": way.name,
                "label": way.label,
                "pays": way.pays,
                "at_most": float(limit),
                "bill": spent.bill,
                "n_problems": len(spent.accuracy),
            }
            rows.append(row)
            if way.free is not None and free is not None and spent.bill > 0:
                queries = break_even_queries(float(way.free.cost[k]), float(free[k]), spent.bill)
                row["break_even_queries"] = queries
            if np.isnan(spent.means[k]):
                row["verdict"] = NOT_AFFORDABLE
                continue
            row |= {
                "cost": float(spent.cost[k]),
                "accuracy": float(spent.means[k]),
                "ci_low": float(low[k]),
                "ci_high": float(high[k]),
            }
            if way is not ways[0] and not np.isnan(base.means[k]):
                reached = bool(np.isfinite(needed[k]))
                row |= {
                    "difference": float(spent.means[k] - base.means[k]),
                    "difference_low": float(apart_low[k]),
                    "difference_high": float(apart_high[k]),
                    "baseline_cost": float(needed[k]),
                    "factor": float(needed[k] / spent.cost[k]) if reached else None,
                    "factor_low": float(factor_low[k]),
                    "factor_high": float(factor_high[k]),
                    "open_high": bool(np.isinf(factor_high[k])),
                }
                differences.append(spent.accuracy[:, k] - base.accuracy[:, k])
                lows.append(apart_low[k])
                highs.append(apart_high[k])
    told = iter(leads(differences, lows, highs, names=(SAVES, COSTS_MORE))) if differences else iter(())
    for row in rows:
        if "difference" in row:
            row["verdict"] = next(told) or TOO_CLOSE
    return finite(pl.DataFrame(rows, schema=ACCOUNT_SCHEMA))


@dataclass(frozen=True)
class Worth:
    """Where a way to spend is ahead of uniform with its bill paid: from the first of some limits to the last."""

    way: str
    first: float
    last: float
    to_the_end: bool


def worth_of(frame: pl.DataFrame) -> Worth | None:
    """The way whose gain over uniform survives its own bill from the smallest limit on, and up to which.

    Parameters
    ----------
    frame : polars.DataFrame
        As `account` gives it. A way that is given its difficulty does not count.

    Returns
    -------
    Worth or None
        Of equals the one with the larger gain there; None: no gain survives.
    """
    found: list[tuple[float, float, Worth]] = []
    for rows in frame.filter(pl.col("pays") & (pl.col("way") != UNIFORM)).partition_by("way", maintain_order=True):
        ordered = rows.sort("at_most").to_dicts()
        ahead = [row["verdict"] == SAVES for row in ordered]
        if not any(ahead):
            continue
        first = ahead.index(True)
        last = next((at for at in range(first, len(ahead)) if not ahead[at]), len(ahead)) - 1
        worth = Worth(rows["way"][0], ordered[first]["at_most"], ordered[last]["at_most"], last == len(ahead) - 1)
        found.append((worth.first, -ordered[first]["difference"], worth))
    return min(found, key=lambda one: one[:2])[2] if found else None
