"""Side by side: two policies, verifiers or strategies at equal budget, and strategies at equal cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import candidates_of, of_rows, on_shared_rows
from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.frontier import finite
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, default_limits, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends, interval, leads
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes

COMPARISON_SCHEMA = {
    "strategy": pl.String,
    "variant": pl.String,
    "bin": pl.Int64,
    "budget": pl.Int64,
    "first": pl.Float64,
    "second": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "winner": pl.String,
    "n_problems": pl.Int64,
}
MATCHED_SCHEMA = {
    "variant": pl.String,
    "policy": pl.String,
    "bin": pl.Int64,
    "at_most": pl.Float64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "winner": pl.String,
    "n_problems": pl.Int64,
}


def compare(
    first: Outcomes | Sequence[Outcomes],
    second: Outcomes | Sequence[Outcomes],
    difficulty: Difficulty | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    level: float = 0.95,
    family: str = "pointwise",
    seed: int = 0,
) -> pl.DataFrame:
    """Second less first, problem by problem, for each strategy and budget that both have.

    The difference on one problem does not contain how hard the problem is, so its interval is narrower than those of
    the two curves, and tells a difference where their bands overlap. With pass@k outcomes the rows split a gain in
    two: at budget 1 it is accuracy a sample, at the largest budget it is coverage.

    Parameters
    ----------
    first, second : Outcomes or sequence of Outcomes
        Two single ones are compared whatever they are; several are matched by variant. One against several: it is the
        baseline of each.
    difficulty : Difficulty, optional
        One row for each row of the first of `first`.
    names : (str, str)
        What `winner` calls the two.
    level : float
    family : {"pointwise", "simultaneous"}
        Whether intervals hold one by one or over all budgets of a strategy at once.
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `COMPARISON_SCHEMA`, on the problems that both define; `bin` is null over all of them. `winner` as
        `ttclib.analysis.resampling.leads` tells it over the rows of this table.

    Raises
    ------
    RequestError
        No strategy, budget or problem in common.
    """
    rows: list[dict[str, object]] = []
    differences: list[np.ndarray] = []
    problems: list[np.ndarray] = []
    pairs = _pairs(first, second)
    for one, other in pairs:
        try:
            (mine, theirs), (given, _) = on_shared_rows([one, other])
        except RequestError:
            continue
        budgets = [budget for budget in mine.budgets if budget in theirs.budgets]
        if not budgets:
            continue
        before, after = (side.accuracy[:, [side.budgets.index(b) for b in budgets]] for side in (mine, theirs))
        both = ~np.isnan(before) & ~np.isnan(after)
        before, after = np.where(both, before, np.nan), np.where(both, after, np.nan)
        bins = None if difficulty is None else difficulty.bins[given]
        own = None if difficulty is None or difficulty.clusters is None else difficulty.clusters[given]
        n_bins = 0 if difficulty is None else difficulty.n_bins
        numbers = np.zeros(len(given), dtype=int) if bins is None else bins
        found = interval(
            (after, before), "difference", groups=numbers, n_groups=n_bins, clusters=own, level=level, family=family,
            seed=seed,
        )  # fmt: skip
        labels = np.arange(len(given)) if own is None else own
        for g in range(n_bins + 1):
            member = np.ones(len(given), dtype=bool) if g == 0 else numbers == g
            for column, budget in enumerate(budgets):
                counted = member & both[:, column]
                if not counted.any():
                    continue
                differences.append((before - after)[counted, column])
                problems.append(labels[counted])
                rows.append(
                    {
                        "strategy": theirs.strategy,
                        "variant": theirs.variant,
                        "bin": g or None,
                        "budget": budget,
                        "first": float(before[counted, column].mean()),
                        "second": float(after[counted, column].mean()),
                        "difference": float(found.estimate[g, column]),
                        "ci_low": float(found.low[g, column]),
                        "ci_high": float(found.high[g, column]),
                        "n_problems": len(np.unique(labels[counted])),
                    }
                )
    if not rows:
        told = ", ".join(dict.fromkeys(one.variant for pair in pairs for one in pair)) or "nothing"
        raise RequestError(f"nothing to compare in {told}: the two have no strategy, budget and problem in common")
    low, high = (np.array([row[name] for row in rows], dtype=float) for name in ("ci_low", "ci_high"))
    winners = leads(differences, -high, -low, clusters=problems, names=names)
    return finite(pl.DataFrame([row | {"winner": w} for row, w in zip(rows, winners, strict=True)], COMPARISON_SCHEMA))


def _pairs(
    first: Outcomes | Sequence[Outcomes], second: Outcomes | Sequence[Outcomes]
) -> list[tuple[Outcomes, Outcomes]]:
    if isinstance(first, Outcomes):
        return [(first, one) for one in ([second] if isinstance(second, Outcomes) else second)]
    if isinstance(second, Outcomes):
        return [(one, second) for one in first]
    others = {one.variant: one for one in second}
    return [(one, others[one.variant]) for one in first if one.variant in others]


def matched_compute(
    outcomes: Sequence[Outcomes],
    difficulty: Difficulty | None = None,
    *,
    ledger: Ledger = LEDGERS["snell"],
    limits: ArrayLike | None = None,
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> pl.DataFrame:
    """Strategies at equal cost, to see whether the framework matters once everything is paid for.

    Within each limit every strategy takes the best of its own budgets, cross-fitted.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        The first is what the others are compared with.
    difficulty, ledger, folds, partitions, level, n_resamples, seed
        As in `ttclib.analysis.frontier.frontier`.
    limits : array_like of float, optional
        None: eight, evenly spaced in log over the costs that all of them cover.

    Returns
    -------
    polars.DataFrame
        Columns as in `MATCHED_SCHEMA`. `difference` is to the first strategy; `winner` is ``first``, ``other`` or
        ``too close``, over the rows of this table.

    Raises
    ------
    RequestError
        As `frontier` does, or no cost is common to all.
    """
    every = candidates_of(outcomes, difficulty, ledger=ledger).runnable()
    parts = [every.some(every.which == number) for number in dict.fromkeys(every.which.tolist())]
    if limits is None:
        ranges = [default_limits(part) for part in parts]
        low, high = max(part[0] for part in ranges), min(part[-1] for part in ranges)
        if low > high:
            raise RequestError("no cost is common to all strategies: compare fewer, or give limits")
        limits = np.unique(np.geomspace(low, high, 8))
    asked: dict[str, int] = {"folds": folds, "partitions": partitions, "n_resamples": n_resamples, "seed": seed}
    choices = [optimise(part, limits, difficulty=difficulty, **asked) for part in parts]  # type: ignore[arg-type]
    rows: list[dict[str, object]] = []
    differences, problems, compared = [], [], []
    for part, choice in zip(parts, choices, strict=True):
        found = choice.interval(level)
        below, above = ends(*choice.pushed(choice.draws - choices[0].draws, -1.0, 1.0), level)
        for number, g, members in choice.groups():
            for k, limit in enumerate(choice.limits[g]):
                if np.isnan(choice.means[g, k]) or np.isnan(choices[0].means[g, k]):
                    continue
                first = choice is choices[0]
                if not first:
                    differences.append(choices[0].accuracy[members, k] - choice.accuracy[members, k])
                    problems.append(part.clusters[members])
                    compared.append((len(rows), -float(above[g, k]), -float(below[g, k])))
                rows.append(
                    {
                        "variant": part.of(0).variant,
                        "policy": part.of(0).source.policy or None,
                        "bin": number,
                        "at_most": float(limit),
                        "cost": float(choice.costs[g, k]),
                        "accuracy": float(found.estimate[g, k]),
                        "ci_low": float(found.low[g, k]),
                        "ci_high": float(found.high[g, k]),
                        "difference": float(choice.means[g, k] - choices[0].means[g, k]),
                        "difference_low": 0.0 if first else float(below[g, k]),
                        "difference_high": 0.0 if first else float(above[g, k]),
                        "winner": None,
                        "n_problems": len(np.unique(part.clusters[members])),
                    }
                )
    if compared:
        places, low_ends, high_ends = zip(*compared, strict=True)
        for at, winner in zip(
            places, leads(differences, low_ends, high_ends, clusters=problems, names=("first", "other")), strict=True
        ):
            rows[at]["winner"] = winner
    return finite(pl.DataFrame(rows, schema=MATCHED_SCHEMA))


def on_common_problems(outcomes: Sequence[Outcomes]) -> list[Outcomes]:
    """The same strategies on the problems that all of them answer at some budget, in the order of the first.

    Raises
    ------
    RequestError
        There is none.
    """
    sides, _ = on_shared_rows(list(outcomes))
    answered = np.all([~np.isnan(one.accuracy).all(axis=1) for one in sides], axis=0)
    if not answered.any():
        raise RequestError("no problem that all strategies answer: grade the samples first")
    return [of_rows(one, np.flatnonzero(answered)) for one in sides]
