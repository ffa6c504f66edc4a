"""Several answers of a cheaper side, or one of a dearer: who is right more often, at equal cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ttclib.analysis.candidates import Candidates, candidates_of
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
    "n_problems": pl.Int64,
}


def many_or_once(
    outcomes: Sequence[Outcomes], sides: Sequence[str], *, ledger: Ledger, level: float = 0.95, seed: int = 0
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

    Returns
    -------
    frame : polars.DataFrame
        Columns as in `MANY_OR_ONCE_SCHEMA`, a row a strategy and a pair of sides, the dearest answer first. `at_most`
        is the cost of one answer, null where all of the pool is taken. `difference` is many less once; `winner` is
        ``many``, ``once`` or ``too close``, as `ttclib.analysis.resampling.leads` tells it over all rows.
        `pool_ends_at` is the cost where the pool ends and more would have been allowed: a lower bound for many.
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
    rows = _pairs(every, held)
    if not rows:
        names = ", ".join(dict.fromkeys(side for side, _ in held))
        reasons = "".join(f"; {note}" for note in every.notes)
        raise RequestError(f"one side, {names}: name two policies or settings to compare{reasons}")
    first, second = (every.accuracy[:, [row.pop(side) for row in rows]] for side in ("_many", "_once"))
    found = interval((first, second), "difference", level=level, seed=seed)
    winners = leads(list((first - second).T), found.low, found.high, names=(MANY, ONCE))
    told = zip(rows, *(side.tolist() for side in found), winners, strict=True)
    made = [
        row | {"difference": gap, "ci_low": low, "ci_high": high, "winner": winner}
        for row, gap, low, high, winner in told
    ]
    return finite(pl.DataFrame(made, schema=MANY_OR_ONCE_SCHEMA)), every


def _pairs(every: Candidates, held: dict[tuple[str, str], dict[int, int]]) -> list[dict[str, Any]]:
    """What is compared, the dearest answer first; ``_many`` and ``_once`` are the two columns."""
    cost, accuracy = every.cost.mean(axis=0), every.accuracy.mean(axis=0)
    price = {side: float(cost[sizes[1]]) for (side, _), sizes in held.items() if 1 in sizes}
    order = sorted(price, key=lambda side: price[side])
    names = dict.fromkeys(strategy for _, strategy in held)
    bound = [name for name in names if needs_truth(name)]
    rows = []
    for strategy in [name for name in names if name not in bound] or bound:
        for place, dear in reversed(list(enumerate(order))):
            once = held.get((dear, strategy), {}).get(1)
            for cheap in order[:place] if once is not None else []:
                sizes = held.get((cheap, strategy), {})
                paid = max((size for size, j in sizes.items() if cost[j] <= price[dear] * (1 + 1e-9)), default=None)
                for size in dict.fromkeys((paid, max(sizes))) if paid is not None else []:
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
