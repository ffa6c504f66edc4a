"""Several answers of a cheaper side, or one of a dearer: who is right more often, at equal cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ttclib.analysis.candidates import Candidates, candidates_of
from ttclib.analysis.catching_up import Caught, catch_up
from ttclib.analysis.frontier import finite
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.resampling import interval
from ttclib.analysis.winners import leads
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import needs_truth

MANY, ONCE = "many", "once"
MANY_OR_ONCE_SCHEMA = {
    "many": pl.String,
    "once": pl.String,
    "strategy": pl.String,
    "budget": pl.Int64,
    "cost": pl.Float64,
    "at_most": pl.Float64,
    "cost_once": pl.Float64,
    "accuracy_many": pl.Float64,
    "accuracy_once": pl.Float64,
    "coverage": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "winner": pl.String,
    "pool_ends_at": pl.Float64,
    "caught_at": pl.Float64,
    "caught_at_low": pl.Float64,
    "caught_at_high": pl.Float64,
    "caught": pl.String,
    "n_problems": pl.Int64,
}


def many_or_once(
    outcomes: Sequence[Outcomes],
    sides: Sequence[str],
    *,
    ledger: Ledger,
    many: str | None = None,
    bounds: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[pl.DataFrame, Candidates]:
    """Every cheaper side's N answers against one answer of every dearer side, problem by problem.

    N is not chosen by how well it does, so nothing has to be cross-fitted: it is the most that one answer of the dearer
    side pays for. Where the pool holds more than that, a second row tells what all of it comes to, at whatever cost:
    whether answers can be had at all that make up for the dearer side's one.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        Each with the budget 1. Those that need the right answer tell `coverage`; where there are no others they are
        what is compared.
    sides : sequence of str
        Of which side each of `outcomes` is: a policy, a setting, or both.
    many : str, optional
        The side of which several answers are held against one of every other, whatever that costs. None: every cheaper
        side against every dearer one.
    bounds : bool
        Whether what needs the right answer is compared as well where there is something else.

    Returns
    -------
    frame : polars.DataFrame
        Columns as in `MANY_OR_ONCE_SCHEMA`, a row a strategy and a pair of sides, the dearest answer first. `at_most`
        is the cost of one answer, null where all of the pool is taken. `difference` is many less once; `winner` is
        ``many``, ``once`` or ``too close``, as `ttclib.analysis.resampling.leads` tells it over all rows.
        `pool_ends_at` is the cost where the pool ends and more would have been allowed: a lower bound for many.
        `caught_at` is the number of answers from which on many do as well, with its interval and in `caught` a verdict
        (`ttclib.analysis.catching_up.catch_up`); null: beyond the pool.
    candidates : Candidates
        What was compared, on the problems that all sides answer.

    Raises
    ------
    RequestError
        Fewer than two sides that can be paid for, or what `candidates_of` refuses.
    """
    every = candidates_of(outcomes, ledger=ledger)
    side_of = {_identity(one): side for one, side in zip(outcomes, sides, strict=True)}
    held: dict[tuple[str, str], dict[int, int]] = {}  # columns by size, by side and strategy
    for j in range(len(every)):
        one = every.of(j)
        held.setdefault((side_of[_identity(one)], one.strategy), {})[every.budget(j)] = j
    rows = _pairs(every, held, many, bounds)
    if not rows:
        names = ", ".join(dict.fromkeys(side for side, _ in held))
        reasons = "".join(f"; {note}" for note in every.notes)
        raise RequestError(f"one side, {names}: name two policies or settings to compare{reasons}")
    first, second = (every.accuracy[:, [row[side] for row in rows]] for side in ("_many", "_once"))
    found = interval((first, second), "difference", level=level, seed=seed)
    winners = leads(list((first - second).T), found.low, found.high, names=(MANY, ONCE))
    told = zip(rows, *(side.tolist() for side in found), winners, strict=True)
    caught: dict[tuple[str, ...], Caught] = {}
    for row in rows:
        if (key := _key(row)) not in caught:
            sizes = held[row["many"], row["strategy"]]
            once = every.accuracy[:, row["_once"]]
            curve = every.accuracy[:, [sizes[size] for size in sorted(sizes)]]
            caught[key] = catch_up(curve, once, sorted(sizes), level=level, seed=seed)
    made = [
        row
        | {"difference": gap, "ci_low": low, "ci_high": high, "winner": winner}
        | dict(zip(("caught_at", "caught_at_low", "caught_at_high", "caught"), caught[_key(row)], strict=True))
        for row, gap, low, high, winner in told
    ]
    return finite(pl.DataFrame(made, schema=MANY_OR_ONCE_SCHEMA)), every


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return row["many"], row["once"], row["strategy"]


def _pairs(
    every: Candidates, held: dict[tuple[str, str], dict[int, int]], several: str | None, bounds: bool
) -> list[dict[str, Any]]:
    """What is compared, the dearest answer first; ``_many`` and ``_once`` are the two columns."""
    cost, accuracy = every.cost.mean(axis=0), every.accuracy.mean(axis=0)
    single: dict[str, int] = {}  # of a side's single answers, which all strategies agree on, the one that costs least
    for (side, _), sizes in held.items():
        if 1 in sizes and (side not in single or cost[sizes[1]] < cost[single[side]]):
            single[side] = sizes[1]
    price = {side: float(cost[j]) for side, j in single.items()}
    order = sorted(price, key=lambda side: (side != several, price[side]))
    names = dict.fromkeys(strategy for _, strategy in held)
    bound = [name for name in names if needs_truth(name)]
    rows = []
    able = [name for name in names if name not in bound]
    for strategy in [*able, *bound] if bounds else able or bound:
        for place, dear in reversed(list(enumerate(order))):
            once = held.get((dear, strategy), {}).get(1, single[dear] if several is not None else None)
            for cheap in (order[:place] if several is None else order[: min(1, place)]) if once is not None else []:
                sizes = held.get((cheap, strategy), {})
                paid = max((size for size, j in sizes.items() if cost[j] <= price[dear] * (1 + 1e-9)), default=None)
                last = [max(sizes)] if sizes and (paid is not None or several is not None) else []
                for size in dict.fromkeys([*([] if paid is None else [paid]), *last]):
                    j = sizes[size]
                    ends = size == paid == max(sizes) and price[cheap] * (size + 1) <= price[dear]
                    covers = [held[cheap, name][size] for name in bound if size in held.get((cheap, name), {})]
                    rows.append(
                        {
                            "many": cheap,
                            "once": dear,
                            "strategy": strategy,
                            "budget": size,
                            "cost": float(cost[j]),
                            "at_most": price[dear] if size == paid else None,
                            "cost_once": price[dear],
                            "accuracy_many": float(accuracy[j]),
                            "accuracy_once": float(accuracy[once]),
                            "coverage": float(accuracy[covers[0]]) if covers else None,
                            "pool_ends_at": float(cost[j]) if ends else None,
                            "n_problems": every.n_problems,
                            "_many": j,
                            "_once": once,
                        }
                    )
    return rows


def _identity(one: Outcomes) -> tuple[str, str, str]:
    return one.source.policy, "" if one.source.setting is None else one.source.setting.name, one.variant
