"""Accuracy against cost: every candidate, and the best choice at most at each cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import Candidates, candidates_of
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, Choice, mean_by_group, optimise
from ttclib.analysis.parsimony import plan_of
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, Interval, interval
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import strategies
from ttclib.samples import Setting

COMPUTE_OPTIMAL = "compute_optimal"
FRONTIER_SCHEMA = {
    "strategy": pl.String,
    "variant": pl.String,
    "policy": pl.String,
    "setting": pl.String,
    "bin": pl.Int64,
    "budget": pl.Int64,
    "cost": pl.Float64,
    "at_most": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "pareto": pl.Boolean,
    "chosen": pl.String,
    "tied": pl.Int64,
    "given_up": pl.Float64,
    "optimism": pl.Float64,
    "ungraded": pl.Float64,
    "n_problems": pl.Int64,
}
PICKS_SCHEMA = {
    "bin": pl.Int64,
    "at_most": pl.Float64,
    "policy": pl.String,
    "setting": pl.String,
    "strategy": pl.String,
    "variant": pl.String,
    "budget": pl.Int64,
    "share": pl.Float64,
}


@dataclass(frozen=True)
class Frontier:
    """Accuracy against cost, and what stands behind it."""

    # columns as in `FRONTIER_SCHEMA`. `bin` is null over all problems. Rows of every candidate, then of
    # `compute_optimal`: the choice at most at cost `at_most`, cross-fitted; `cost` is what it really spends. There
    # `chosen`, `policy`, `setting` and `budget` are the plan's (null where bins choose differently), `tied` how many
    # candidates come to its best accuracy exactly, `given_up` what the plan's preference for the cheap costs, and
    # `optimism` what choosing and scoring on the same problems would have added. `pareto`: no candidate that could be
    # run is as accurate for less, or more accurate for as much. `ungraded`: the share of answers that could not be
    # graded and count as not right; were they all right, accuracy would be higher by so much.
    frame: pl.DataFrame
    picks: pl.DataFrame  # columns as in `PICKS_SCHEMA`: how often each candidate answered, by bin and limit
    plan: Plan
    choice: Choice
    unit: str  # the cost axis in words
    notes: list[str]  # what was left out, and where the pool ends below a limit


def frontier(
    outcomes: Sequence[Outcomes],
    difficulty: Difficulty | None = None,
    *,
    ledger: Ledger = LEDGERS["snell"],
    limits: ArrayLike | None = None,
    bill: Bill | None = None,
    per: str = "problem",
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    family: str = "pointwise",
    simplicity: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Frontier:
    """Accuracy and cost of candidates, and of the best choice within each limit, over all problems and by bin.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        Of one policy or of several, compared on the problems that all hold.
    difficulty : Difficulty, optional
        None: one choice for all problems.
    limits : array_like of float, shape (limits,), optional
        In the ledger's unit; None: `ttclib.analysis.optimise.default_limits`.
    bill : Bill, optional
        How the samples that told difficulty are paid, where the ledger charges them; None: as `difficulty` says.
    per, folds, partitions, n_resamples, seed
        As in `ttclib.analysis.optimise.optimise`.
    family : {"pointwise", "simultaneous"}
        Of the candidates' intervals.
    simplicity : mapping of strategy to int, optional
        As in `plan_of`.

    Raises
    ------
    RequestError
        As `candidates_of` and `optimise` do.
    """
    candidates = candidates_of(outcomes, difficulty, ledger=ledger, bill=bill)
    choice = optimise(
        candidates, limits, difficulty=difficulty, per=per, folds=folds, partitions=partitions,
        n_resamples=n_resamples, seed=seed,
    )  # fmt: skip
    plan = plan_of(choice, difficulty, simplicity)
    rows = curve_rows(candidates, level=level, family=family, seed=seed) + _chosen_rows(choice, plan, level)
    frame = _mark_pareto(finite(pl.DataFrame(rows, schema=FRONTIER_SCHEMA)))
    notes = [*candidates.notes, *(reach_notes(choice) if limits is not None else [])]
    return Frontier(frame, _picks(choice), plan, choice, ledger.label, notes)


def curve_rows(
    candidates: Candidates, *, level: float = 0.95, family: str = "pointwise", seed: int = 0
) -> list[dict[str, object]]:
    """Rows of `Frontier.frame`, one a candidate and bin."""
    means = mean_by_group(candidates.cost, candidates)
    ungraded = mean_by_group(ungraded_of(candidates), candidates)
    found = [np.empty((candidates.n_groups + 1, len(candidates))) for _ in range(3)]
    clusters = None if candidates.n_problems == len(candidates.bins) else candidates.clusters
    # A band is over one curve's budgets; single intervals are found for all at once.
    curves = [np.ones(len(candidates), dtype=bool)]
    if family == "simultaneous":
        curves = [candidates.which == number for number in np.unique(candidates.which)]
    for own in curves:
        side = interval(
            candidates.accuracy[:, own], groups=candidates.bins, n_groups=candidates.n_groups, clusters=clusters,
            level=level, family=family, seed=seed,
        )  # fmt: skip
        for table, part in zip(found, side, strict=True):
            table[:, own] = part
    told = Interval(*found)
    rows: list[dict[str, object]] = []
    for j in range(len(candidates)):
        one = candidates.of(j)
        for number, members in candidates.groups:
            at = (number or 0, j)
            rows.append(
                {
                    "strategy": one.strategy,
                    "variant": one.variant,
                    "policy": one.source.policy or None,
                    "setting": setting_label(one),
                    "bin": number,
                    "budget": candidates.budget(j),
                    "cost": float(means[at]),
                    "accuracy": float(told.estimate[at]),
                    "ci_low": float(told.low[at]),
                    "ci_high": float(told.high[at]),
                    "pareto": False,
                    "ungraded": float(ungraded[at]),
                    "n_problems": len(np.unique(candidates.clusters[members])),
                }
            )
    return rows


def ungraded_of(candidates: Candidates) -> np.ndarray:
    """Chance that a candidate's answer could not be graded, shape (rows, candidates)."""
    columns = []
    for j in range(len(candidates)):
        table = candidates.of(j).ungraded
        columns.append(
            np.zeros(len(candidates.bins)) if table is None else np.nan_to_num(table[:, candidates.column[j]])
        )
    return np.column_stack(columns)


def setting_label(one: Outcomes) -> str | None:
    """The setting in words, None where it is not known."""
    return None if one.source.setting is None else one.source.setting.label()


def _chosen_rows(choice: Choice, plan: Plan, level: float) -> list[dict[str, object]]:
    able = choice.candidates
    found, optimism = choice.interval(level), choice.optimism
    unsure = mean_by_group(ungraded_of(able), able)
    counted = able.ledger.unit == "generations"
    rows: list[dict[str, object]] = []
    for number, g, members in choice.groups():
        bins = [number - 1] if number else range(able.n_groups)
        bins = [number - 1] if number else range(able.n_groups)
        for k, limit in enumerate(choice.limits[g]):
            steps = [plan.choices[b][k] for b in bins]
            alike = bool(steps) and bool(steps[0]) and all(_same(one, steps[0]) for one in steps)
            one = steps[0][0] if alike and len(steps[0]) == 1 else None
            rows.append(
                {
                    "strategy": COMPUTE_OPTIMAL,
                    "variant": COMPUTE_OPTIMAL,
                    "policy": None if one is None else one.policy or None,
                    "setting": Setting("", one.setting).label() if one is not None and one.setting else None,
                    "bin": number,
                    "budget": int(limit) if counted and limit == int(limit) else None if one is None else one.budget,
                    "cost": float(choice.costs[g, k]),
                    "at_most": float(limit),
                    "accuracy": float(found.estimate[g, k]),
                    "ci_low": float(found.low[g, k]),
                    "ci_high": float(found.high[g, k]),
                    "pareto": False,
                    "chosen": " or ".join(step.label for step in steps[0]) if alike else None,
                    "tied": one.tied if one is not None and len(steps) == 1 else None,
                    "given_up": one.given_up if one is not None and len(steps) == 1 else None,
                    "optimism": float(optimism[g, k]),
                    "ungraded": float(choice.used[k, g] @ unsure[g]),
                    "n_problems": len(np.unique(able.clusters[members])),
                }
            )
    return rows


def _same(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether two bins run the same."""
    return [_identity(step) for step in one] == [_identity(step) for step in other]


def _identity(step: Step) -> tuple[object, ...]:
    return step.policy, dict(step.setting), step.variant, step.budget, step.share


def _picks(choice: Choice) -> pl.DataFrame:
    able = choice.candidates
    rows = []
    for number, g, _ in choice.groups():
        for k, limit in enumerate(choice.limits[g]):
            for j in np.flatnonzero(choice.used[k, g] > 1e-12):
                one = able.of(int(j))
                rows.append(
                    {
                        "bin": number,
                        "at_most": float(limit),
                        "policy": one.source.policy or None,
                        "setting": setting_label(one),
                        "strategy": one.strategy,
                        "variant": one.variant,
                        "budget": able.budget(int(j)),
                        "share": float(choice.used[k, g, j]),
                    }
                )
    return pl.DataFrame(rows, schema=PICKS_SCHEMA)


def reach_notes(choice: Choice) -> list[str]:
    """Where what the store holds ends below a limit."""
    able = choice.candidates
    most = np.array([able.cost[able.bins == g + 1].mean(axis=0).max() for g in range(able.n_groups)])
    notes = []
    for k, limit in enumerate(choice.limits[0]):
        beyond = most < choice.limits[1:, k] * (1 - 1e-9)
        if beyond.all():
            notes.append(f"{most.max():.6g} of {limit:.6g} affordable {reach_unit(able.ledger)} are in the store")
    return notes


def reach_unit(ledger: Ledger) -> str:
    """What a limit counts: samples, where generations are charged."""
    return "samples" if ledger.unit == "generations" else ledger.label.partition(" a problem")[0]


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Null for what is not a finite number."""
    floats = pl.col(pl.Float64)
    return frame.with_columns(pl.when(floats.is_finite()).then(floats).otherwise(None))


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
        bound = [name for name, one in strategies().items() if one.needs_truth]
        runnable = ~part["strategy"].is_in(bound)
        accuracy = np.where(runnable.to_numpy(), _floats(part, "accuracy"), np.nan)
        parts.append(part.with_columns(pl.Series("pareto", pareto(_floats(part, "cost"), accuracy))))
    if not parts:
        raise RequestError("nothing to show: no candidate is left")
    return pl.concat(parts).sort("row").drop("row")


def _floats(frame: pl.DataFrame, column: str) -> np.ndarray:
    return frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
