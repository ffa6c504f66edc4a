"""What the best choice saves: the cost at which it is as accurate as a baseline, with and without the bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import Candidates, bill_of, candidates_of, generations, told_price
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.frontier import finite
from ttclib.analysis.interpolation import accuracy_at, cost_for
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, Choice, default_limits, mean_by_group, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import draws_whole

EFFICIENCY_SCHEMA = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "accuracy": pl.Float64,
    "baseline_cost": pl.Float64,
    "cost": pl.Float64,
    "factor": pl.Float64,
    "factor_low": pl.Float64,
    "factor_high": pl.Float64,
    "open_low": pl.Boolean,
    "open_high": pl.Boolean,
    "verdict": pl.String,
    "billed_cost": pl.Float64,
    "billed_factor": pl.Float64,
    "billed_low": pl.Float64,
    "billed_high": pl.Float64,
    "break_even_queries": pl.Float64,
    "n_problems": pl.Int64,
}
SAVES, COSTS_MORE, TOO_CLOSE = "saves", "costs more", "too close"
NO_DIFFERENCE, NOT_REACHED, STARTS_ABOVE = "accuracies do not differ", "the choice does not get there", "starts above"
FALLS = "the baseline has fallen"
NO_FACTOR = (NO_DIFFERENCE, FALLS)
_GAP = 0.005  # accuracies closer than half a point make no factor


@dataclass(frozen=True)
class Efficiency:
    """What the best choice saves over a baseline at equal accuracy."""

    # one row a bin (null: all problems) and budget of the baseline, columns as in `EFFICIENCY_SCHEMA`. `cost` is what
    # the choice needs for the baseline's `accuracy`, interpolated in log cost; `factor` = baseline_cost / cost, above 1
    # it saves. `open_low`: in some replicates the choice never gets there, `open_high`: it starts above, so that the
    # interval has no end there and the column is null. `verdict` is `saves`, `costs more`, `too close`; `accuracies do
    # not differ` (the baseline is as accurate at the choice's cost: there is no factor); `the baseline has fallen` (it
    # is as accurate for less, so that nobody would pay so much: no factor, either); `the choice does not get there`;
    # `starts above` (its cheapest candidate is more accurate: `factor` is the least it can be). The billed columns
    # charge the samples that told difficulty; `break_even_queries` of the same problem pay for them, infinite (null)
    # where nothing is saved.
    frame: pl.DataFrame
    baseline: str
    unit: str
    choice: Choice
    notes: list[str]


def efficiency(
    outcomes: Sequence[Outcomes],
    baseline: Outcomes,
    difficulty: Difficulty | None = None,
    *,
    ledger: Ledger = LEDGERS["snell"],
    bill: Bill | None = None,
    limits: ArrayLike | None = None,
    per: str = "problem",
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Efficiency:
    """The cost at which the best choice is as accurate as a baseline at each of its budgets.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        To choose from.
    baseline : Outcomes
        For example best-of-N; one of `outcomes` or not. All are compared on the problems that they share.
    difficulty, ledger, limits, per, folds, partitions, n_resamples, seed
        As in `ttclib.analysis.frontier.frontier`.
    bill : Bill, optional
        How the samples that told difficulty are paid; None: not at all, unless the ledger charges them, and then as
        `difficulty` says. The ledger's `cost` and `factor` contain it only where the ledger charges difficulty.

    Raises
    ------
    RequestError
        As `candidates_of` and `optimise` do; the baseline lacks a fact, or has no budget that all problems reach.
    """
    free = replace(ledger, difficulty=False)
    own = [at for at, one in enumerate(outcomes) if _is(one, baseline)]
    given = list(outcomes) if own else [*outcomes, baseline]
    every = candidates_of(given, difficulty, ledger=free)
    is_base = np.array([_is(every.of(j), baseline) for j in range(len(every))])
    if not is_base.any():
        raise RequestError(f"baseline '{baseline.variant}' has nothing to compare: {'; '.join(every.notes)}")
    base = every.some(np.flatnonzero(is_base))
    able = every if own else every.some(~is_base)
    asked = default_limits(able) if limits is None else limits
    choice = optimise(
        able, asked, difficulty=difficulty, beside=base.accuracy, per=per, folds=folds, partitions=partitions,
        n_resamples=n_resamples, seed=seed,
    )  # fmt: skip
    due = bill_of(difficulty, bill) if difficulty is not None and (bill is not None or ledger.difficulty) else None
    once = _probe_cost(choice, difficulty, due) if due is not None and difficulty is not None else None
    rows = []
    for number, g, members in choice.groups():
        rows += _rows(choice, base, number, g, members, once, due, ledger.difficulty, level)
    return Efficiency(
        finite(pl.DataFrame(rows, schema=EFFICIENCY_SCHEMA)), baseline.variant, ledger.label, choice, list(every.notes)
    )


def _is(one: Outcomes, baseline: Outcomes) -> bool:
    same = one.variant == baseline.variant and one.source.policy == baseline.source.policy
    return same and one.source.setting == baseline.source.setting


def _probe_cost(choice: Choice, difficulty: Difficulty, bill: Bill) -> np.ndarray:
    """What one query pays for knowing the difficulty, shape (1 + groups, limits); 0 where there is one bin."""
    able = choice.candidates
    if able.n_groups < 2:
        return np.zeros(choice.costs.shape)
    prices = [able.ledger.price(one) for one in able.outcomes]
    drawn = [
        float(generations(able.of(j))[:, able.column[j]].mean()) if draws_whole(able.of(j).strategy) else 0.0
        for j in range(len(able))
    ]
    told = told_price(able.outcomes, prices, difficulty, bill, able.ledger)
    price, once = (mean_by_group(one[:, None], able)[:, 0] for one in told)
    return np.asarray(once[:, None] + price[:, None] * (choice.used @ bill.samples(drawn)).T)


def _rows(
    choice: Choice,
    base: Candidates,
    number: int | None,
    g: int,
    members: np.ndarray,
    probes: np.ndarray | None,
    bill: Bill | None,
    charged: bool,
    level: float,
) -> list[dict[str, object]]:
    known = ~np.isnan(choice.means[g])
    paid = np.maximum.accumulate(choice.costs[g, known])
    extra = np.zeros(len(paid)) if probes is None else probes[g, known]
    axis = np.maximum.accumulate(paid + extra) if charged else paid
    spent = base.cost[members].mean(axis=0)
    target = base.accuracy[members].mean(axis=0)
    point = choice.means[g, known]
    needed = cost_for(axis, point, target)
    starts_above = target < point[0] - 1e-9
    worst, best = choice.pushed(choice.draws[:, [g]][:, :, known], 0.0, 1.0)
    easy, hard = choice.pushed(choice.beside[:, [g]], 0.0, 1.0)
    # The baseline wins on the pseudo-problem for the lower end, the choice for the upper one.
    costs = [cost_for(axis, a[:, 0], b[:, 0]) for a, b in ((worst, hard), (best, easy))]
    above = easy[:, 0] < best[:, 0, :1] - 1e-9
    with np.errstate(divide="ignore"):
        factor = spent / needed
        low, high = ends(spent / costs[0], np.where(above, np.inf, spent / costs[1]), level)
    n_problems = len(np.unique(base.clusters[members]))
    fallen = [bool((target[spent < spent[j]] >= target[j] - 1e-9).any()) for j in range(len(base))]
    rows = []
    for j in range(len(base)):
        gap = _no_gap(base, members, spent, j, float(needed[j]))
        verdict = (
            NOT_REACHED if np.isinf(needed[j])
            else NO_DIFFERENCE if gap
            else FALLS if fallen[j]
            else STARTS_ABOVE if starts_above[j]
            else SAVES if low[j] > 1
            else COSTS_MORE if high[j] < 1
            else TOO_CLOSE
        )  # fmt: skip
        row: dict[str, object] = {
            "bin": number,
            "budget": base.budget(j),
            "accuracy": float(target[j]),
            "baseline_cost": float(spent[j]),
            "cost": float(needed[j]),
            "verdict": verdict,
            "n_problems": n_problems,
            "open_low": bool(low[j] <= 0),
            "open_high": bool(np.isinf(high[j])),
        }
        if verdict not in NO_FACTOR:
            row |= {
                "factor": float(factor[j]) if factor[j] > 0 else None,
                "factor_low": float(low[j]) if low[j] > 0 else None,
                "factor_high": float(high[j]),
            }
        if probes is not None and bill is not None:
            axes = (axis if charged else paid, extra)
            row |= _billed(*axes, charged, j, needed, spent, (low[j], high[j]), bill, verdict)
        rows.append(row)
    return rows


def _billed(
    axis: np.ndarray,
    extra: np.ndarray,
    charged: bool,
    j: int,
    needed: np.ndarray,
    spent: np.ndarray,
    limits: tuple[float, float],
    bill: Bill,
    verdict: str,
) -> dict[str, object]:
    """The columns that charge the samples which told difficulty."""
    if not np.isfinite(needed[j]):
        return {}
    due = float(np.interp(np.log2(needed[j]), np.log2(axis), extra))
    total = float(needed[j]) if charged else float(needed[j]) + due
    row: dict[str, object] = {"billed_cost": total}
    if verdict in NO_FACTOR:
        return row
    # A bill that does not depend on the replicate moves both ends of the cost by itself.
    low, high = (
        spent[j] / (spent[j] / end + (0.0 if charged else due)) if 0 < end < np.inf else float("nan") for end in limits
    )
    bare = total - due
    return row | {
        "billed_factor": float(spent[j] / total),
        "billed_low": float(low),
        "billed_high": float(high),
        "break_even_queries": break_even_queries(bare, float(spent[j]), due * bill.queries),
    }


def _no_gap(base: Candidates, members: np.ndarray, spent: np.ndarray, j: int, needed: float) -> bool:
    """Whether the baseline is about as accurate at the choice's cost as at its own, so that there is no factor."""
    order = np.argsort(spent)
    if not spent[order[0]] <= needed <= spent[order[-1]] or abs(np.log2(needed / spent[j])) < 0.02:
        return False
    there = accuracy_at(spent[order], base.accuracy[np.ix_(members, order)], np.array([needed]))[:, 0]
    apart = base.accuracy[members, j] - there
    _, problem = np.unique(base.clusters[members], return_inverse=True)
    apart = np.bincount(problem.ravel(), apart) / np.bincount(problem.ravel())
    gap = abs(float(apart.mean()))
    error = float(apart.std(ddof=1)) / np.sqrt(len(apart)) if len(apart) > 1 else np.inf
    return gap < _GAP or gap < 1.96 * error


def break_even_queries(budget: float, baseline_budget: float, n_probes: float) -> float:
    """Queries of the same problem after which the difficulty samples have paid for themselves.

    Returns
    -------
    float
        ``n_probes / (baseline_budget − budget)``, at least 1; inf where the strategy saves nothing; NaN where one of
        the budgets is not known or infinite, for nobody gets there.

    Examples
    --------
    >>> round(break_even_queries(16, 64, 2048), 2), break_even_queries(16, 16, 2048)
    (42.67, inf)
    """
    saved = baseline_budget - budget
    if not np.isfinite(saved):
        return float("nan")
    if n_probes <= 0:
        return 1.0 if saved >= 0 else float("inf")
    real = saved > 1e-9 * baseline_budget  # what is less comes of numbers that are not exact
    return max(1.0, float(n_probes / saved)) if real else float("inf")
