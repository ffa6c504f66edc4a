"""Side by side: two policies, verifiers or strategies at equal budget, and strategies at equal cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.candidates import candidates_of, on_shared_rows
from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.frontier import finite
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, Choice, default_limits, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, ends, interval
from ttclib.analysis.winners import leads
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes

SIDES = ("variant", "policy")
TOO_CLOSE = "too close"
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
    family : {"pointwise", "simultaneous"}
        Whether intervals hold one by one or over all budgets of a strategy at once.

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
    by: str = "variant",
    ledger: Ledger = LEDGERS["snell"],
    limits: ArrayLike | None = None,
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> pl.DataFrame:
    """Sides at equal cost: whether the framework matters once all is paid for, and which policy is ahead where.

    Within each limit every side takes the best of its own candidates, cross-fitted.

    Parameters
    ----------
    difficulty, ledger, folds, partitions, level, n_resamples, seed
        As in `ttclib.analysis.frontier.frontier`.
    by : {"variant", "policy"}
        What makes a side: a strategy, or a policy with all of its strategies and settings. The first side is what
        the others are compared with.
    limits : array_like of float, optional
        None: eight, evenly spaced in log over the costs that all sides cover.

    Returns
    -------
    polars.DataFrame
        Columns as in `MATCHED_SCHEMA`. `difference` is to the first side. `winner` is the side that is ahead of every
        other at that limit in that bin, as `ttclib.analysis.resampling.leads` tells it over all pairs of this table,
        ``too close``, or null where not all sides can afford anything.

    Raises
    ------
    RequestError
        As `frontier` does, or no cost is common to all.
    """
    one_of(by, SIDES, "what makes a side")
    every = candidates_of(outcomes, difficulty, ledger=ledger).runnable()
    labels = [every.of(j).variant if by == "variant" else every.of(j).source.policy for j in range(len(every))]
    names = list(dict.fromkeys(labels))
    parts = [every.some(np.array([label == name for label in labels])) for name in names]
    if limits is None:
        ranges = [default_limits(part) for part in parts]
        low, high = max(part[0] for part in ranges), min(part[-1] for part in ranges)
        if low > high:
            raise RequestError("no cost is common to all sides: compare fewer, or give limits")
        limits = np.unique(np.geomspace(low, high, 8))
    asked: dict[str, int] = {"folds": folds, "partitions": partitions, "n_resamples": n_resamples, "seed": seed}
    choices = [optimise(part, limits, difficulty=difficulty, **asked) for part in parts]  # type: ignore[arg-type]
    winners = _ahead(names, choices, level)
    rows: list[dict[str, object]] = []
    for name, part, choice in zip(names, parts, choices, strict=True):
        found = choice.interval(level)
        below, above = ends(*choice.pushed(choice.draws - choices[0].draws, -1.0, 1.0), level)
        first = choice is choices[0]
        for number, g, members in choice.groups():
            for k, limit in enumerate(choice.limits[g]):
                if np.isnan(choice.means[g, k]):
                    continue
                rows.append(
                    {
                        "variant": name if by == "variant" else None,
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
                        "winner": winners.get((g, k)),
                        "n_problems": len(np.unique(part.clusters[members])),
                    }
                )
    return finite(pl.DataFrame(rows, schema=MATCHED_SCHEMA))


def _ahead(names: Sequence[str], choices: Sequence[Choice], level: float) -> dict[tuple[int, int], str]:
    """The side that is ahead of every other, by group and limit."""
    cells: list[tuple[int, int, int]] = []
    differences, problems, low, high = [], [], [], []
    for _, g, members in choices[0].groups():
        for k in range(choices[0].limits.shape[1]):
            means = np.array([choice.means[g, k] for choice in choices])
            if np.isnan(means).any() or len(choices) < 2:
                continue
            best = int(means.argmax())
            for other in set(range(len(choices))) - {best}:
                one, two = choices[best], choices[other]
                gap = (one.draws[:, g, k] - two.draws[:, g, k])[:, None]
                u = one.doubt[:, [g]]
                inside = np.clip(gap, -1, 1) * (1 - u)
                ended = ends(inside - u, inside + u, level)
                low.append(float(ended[0][0]))
                high.append(float(ended[1][0]))
                differences.append(one.accuracy[members, k] - two.accuracy[members, k])
                problems.append(one.candidates.clusters[members])
                cells.append((g, k, best))
    told = leads(differences, low, high, clusters=problems, names=("ahead", "behind"))
    found: dict[tuple[int, int], str] = {}
    for (g, k, best), verdict in zip(cells, told, strict=True):
        if verdict != "ahead" or found.get((g, k)) == TOO_CLOSE:
            found[g, k] = TOO_CLOSE
        else:
            found[g, k] = names[best]
    return found
