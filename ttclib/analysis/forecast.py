"""What a plan will come to on new problems, beforehand: a prediction interval, and how fact compares with it.

Two things are not known: what the plan is worth on all such problems, and which problems and samples will come. So each
replicate weighs the problems that are held anew (`ttclib.analysis.resampling`), draws as many as will come, and takes
one live run of each, in which the plan decides as it does live.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ttclib.analysis.live import COLLECT, DRAW, TELL, WINDOW, Action, State, decide, spent
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.resampling import Resamples
from ttclib.errors import RequestError
from ttclib.replay.estimate import grades_by_answer
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.selecting import chooser, made
from ttclib.samples import Pool, Verifier

FORECAST_SCHEMA = {
    "measure": pl.String,
    "forecast": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "at_most": pl.Float64,
    "n_problems": pl.Int64,
}
RUNS = 20  # live runs of each problem that is held
REPLICATES = 4000


@dataclass(frozen=True)
class LiveRuns:
    """Live runs of a plan on problems that are held, arrays of shape (problems, runs).

    Attributes
    ----------
    accuracy : numpy.ndarray
        Chance that what is answered is right, ties shared.
    cost : numpy.ndarray
        In the ledger's unit, everything that was drawn.
    n_samples : numpy.ndarray
    bins : int array
    """

    accuracy: np.ndarray
    cost: np.ndarray
    n_samples: np.ndarray
    bins: np.ndarray


@dataclass(frozen=True)
class Forecast:
    """What a plan will come to on so many new problems, on average over them.

    Attributes
    ----------
    n_problems, n_held : int
        New ones; those that it is told by.
    at_most : float
    unit : str
    level : float
    accuracy, cost : (float, float, float)
        What is expected, and the ends of the prediction interval.
    """

    n_problems: int
    n_held: int
    at_most: float
    unit: str
    level: float
    accuracy: tuple[float, float, float]
    cost: tuple[float, float, float]

    def frame(self) -> pl.DataFrame:
        """A row of accuracy and one of cost, columns as in `FORECAST_SCHEMA`."""
        sides = {"accuracy": self.accuracy, "cost": self.cost}
        rows = [
            {"measure": name, "forecast": side[0], "low": side[1], "high": side[2], "at_most": self.at_most,
             "n_problems": self.n_problems}
            for name, side in sides.items()
        ]  # fmt: skip
        return pl.DataFrame(rows, schema=FORECAST_SCHEMA)

    def holds(self, accuracy: float, cost: float) -> tuple[bool, bool]:
        """Whether accuracy, and cost, came out inside."""
        return _within(accuracy, *self.accuracy[1:]), _within(cost, *self.cost[1:])


def _within(fact: float, low: float, high: float) -> bool:
    """Inside but for rounding."""
    return low - 1e-9 * abs(low) <= fact <= high + 1e-9 * abs(high)


def live_runs(
    plan: Plan,
    pool: Pool,
    at_most: float,
    *,
    verifier: Verifier | None = None,
    aggregation: str = "last",
    ease: np.ndarray | None = None,
    passes: np.ndarray | None = None,
    collected: Callable[[Step], Outcomes] | None = None,
    window: int = WINDOW,
    n_runs: int = RUNS,
    seed: int = 0,
) -> LiveRuns:
    """Run a plan on the samples that are held, as it would run live, in random orders of each problem's.

    Parameters
    ----------
    plan : Plan
    pool : Pool
        Graded.
    at_most : float
    verifier : Verifier, optional
        Of the pool, whose scores the plan reads.
    aggregation : str
    ease : float array, shape (problems,), optional
        As the question tells it, where it does.
    passes : float array, shape (problems,), optional
        What telling it costs.
    collected : callable, optional
        What a tree search or revisions come to on the pool's problems.
    window, n_runs, seed : int

    Raises
    ------
    RequestError
        As `Plan.next`; a pool too small for what the plan draws.
    """
    n = len(pool.problem_ids)
    shape = (n, n_runs)
    accuracy, cost, n_samples, bins = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape), np.zeros(shape, int)
    pool = replace(pool, correct=_not_graded_is_wrong(pool))
    deep = _Deep(plan, collected)
    for run in range(n_runs):
        rng = np.random.default_rng([seed, run])
        order = np.argsort(np.where(pool.present, rng.random(pool.present.shape), np.inf), axis=1)
        shuffled, reads = pool.of_samples(order), None if verifier is None else verifier.cut(_in_order(order))
        walks = []
        for row in range(n):
            told = None if ease is None else float(ease[row])
            state = State(at_most, ease=told, seed=int(rng.integers(1 << 31)), window=window)
            walks.append(_walk(plan, shuffled, row, reads, aggregation, state))
        batches = [state.batches for _, state in walks]
        cost[:, run] = plan.ledger.price(spent(shuffled, batches, reads))[:, 0] + (0.0 if passes is None else passes)
        n_samples[:, run] = [sum(one) for one in batches]
        bins[:, run] = [action.bin or 1 for action, _ in walks]
        ends = [(action.step, action.n, action.first) for action, _ in walks]
        for end in {(id(step), taken, first): (step, taken, first) for step, taken, first in ends}.values():
            step, taken, first = end
            assert step is not None
            rows = np.array([row for row, one in enumerate(ends) if one == end])
            if walks[rows[0]][0].kind == COLLECT:
                right, price = deep.of(step)
                accuracy[rows, run], cost[rows, run] = right[rows], cost[rows, run] + price[rows]
                n_samples[rows, run] += step.budget
            else:
                own = shuffled.of_problems(rows)
                accuracy[rows, run] = _graded(own, reads, rows, step, taken, first, aggregation)
    return LiveRuns(accuracy, cost, n_samples, bins)


class _Deep:
    """What searches and revisions come to and cost, each asked for once."""

    def __init__(self, plan: Plan, collected: Callable[[Step], Outcomes] | None) -> None:
        self._plan, self._collected = plan, collected
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, step: Step) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy and cost, shape (problems,) each."""
        if self._collected is None:
            raise RequestError(f"'{step.label}' is no strategy of whole samples: open the plan's store")
        if id(step) not in self._known:
            one = self._collected(step)
            column = one.budgets.index(step.budget)
            self._known[id(step)] = one.accuracy[:, column], self._plan.ledger.price(one)[:, column]
        return self._known[id(step)]


def _in_order(columns: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda table: np.take_along_axis(table, columns, axis=1)


def _not_graded_is_wrong(pool: Pool) -> np.ndarray:
    """Grades; a sample without one counts as wrong where its problem has some."""
    told = grades_by_answer(pool.answer_ids, pool.correct)
    return np.where(np.isnan(told) & (pool.n_graded > 0)[:, None], 0.0, told)


def _walk(
    plan: Plan, pool: Pool, row: int, reads: Verifier | None, aggregation: str, state: State
) -> tuple[Action, State]:
    """One live run of one problem, up to its answer."""
    ids, size = pool.answer_ids[row], int(pool.pool_sizes[row])
    answers = [None if one < 0 else one for one in ids[:size].tolist()]
    scores = None if reads is None else reads.by(aggregation)[row, :size].tolist()
    while (action := decide(plan, state)).kind == DRAW:
        begin, end = len(state.answers), len(state.answers) + action.n
        if end > size:
            raise RequestError(
                f"problem '{pool.problem_ids[row]}' holds {size} samples, and the plan draws {end}: take a lower limit"
            )
        state = state.drew(answers[begin:end], None if scores is None else scores[begin:end])
    if action.kind == TELL:
        raise RequestError("the plan tells difficulty by the question, and no ease is given")
    return action, state


def _graded(
    pool: Pool, reads: Verifier | None, rows: np.ndarray, step: Step, taken: int, first: int, aggregation: str
) -> np.ndarray:
    """Chance that what a strategy answers with these very samples is right, shape (problems,)."""
    columns = np.tile(np.arange(first, first + taken), (len(rows), 1))
    own = pool.of_samples(columns)
    how = chooser(made(step.strategy, dict(step.parameters)))
    scores = None
    if how.reads_scores:
        if reads is None:
            raise RequestError(f"{how.name} reads a verifier's scores, and there are none")
        scores = np.take_along_axis(reads.by(aggregation)[rows], columns, axis=1)
    return how.expected(own, scores, [taken], 0).accuracy[:, 0]


def forecast(
    plan: Plan,
    runs: LiveRuns,
    n_problems: int,
    at_most: float,
    *,
    level: float = 0.95,
    n_replicates: int = REPLICATES,
    seed: int = 0,
) -> Forecast:
    """A prediction interval of mean accuracy and cost over new problems of the same kind.

    Parameters
    ----------
    plan : Plan
    runs : LiveRuns
        Of problems that the new ones are like; those without a grade tell nothing.
    n_problems : int
    at_most : float
    level : float
    n_replicates, seed : int

    Raises
    ------
    RequestError
        No new problem, or fewer than two graded ones are held.
    """
    if n_problems < 1:
        raise RequestError(f"{n_problems} new problems: give at least 1")
    known = ~np.isnan(runs.accuracy).any(axis=1) & ~np.isnan(runs.cost).any(axis=1)
    n = int(known.sum())
    if n < 2:
        raise RequestError(f"a forecast needs graded problems, and {n} are held: grade them, or open another store")
    accuracy, cost = runs.accuracy[known], runs.cost[known]
    weights = Resamples.of(n, n_replicates, seed)
    rng = np.random.default_rng([seed, 7])
    mass = np.column_stack([weights.weights, weights.pseudo])
    ends = np.zeros((n_replicates, 3))  # accuracy with the pseudo-problem wrong, and right; cost
    for number, share in enumerate(mass / mass.sum(axis=1, keepdims=True)):
        drawn = rng.choice(n + 1, size=n_problems, p=share)
        pseudo, own = drawn == n, np.where(drawn == n, 0, drawn)
        run = rng.integers(accuracy.shape[1], size=n_problems)
        right = np.where(pseudo, 0.0, rng.random(n_problems) < accuracy[own, run])
        anyone = np.where(pseudo, rng.integers(n, size=n_problems), own)
        ends[number] = right.mean(), (right + pseudo).mean(), cost[anyone, run].mean()
    tails = (1 - level) / 2, (1 + level) / 2
    return Forecast(
        n_problems,
        n,
        at_most,
        plan.ledger.label,
        level,
        (float(accuracy.mean()), float(np.quantile(ends[:, 0], tails[0])), float(np.quantile(ends[:, 1], tails[1]))),
        (float(cost.mean()), float(np.quantile(ends[:, 2], tails[0])), float(np.quantile(ends[:, 2], tails[1]))),
    )
