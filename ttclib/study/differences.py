"""Two studies subtracted, strategy by strategy, on the problems that both hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.analysis.compare import compare
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, restrict
from ttclib.replay.strategy import draws_whole
from ttclib.study.question import Question
from ttclib.study.study import Study


@dataclass(frozen=True)
class Differences:
    """Two studies subtracted on the problems that both hold; `sides` are the studies of these, `frame` the rows."""

    frame: pl.DataFrame
    sides: tuple[Study, Study]
    n_problems: int
    notes: tuple[str, ...]


def differences(
    first: Study, second: Study, names: tuple[str, str], asked: Question, other: Question | None = None
) -> Differences:
    """Second less first, strategy by strategy and problem by problem (`ttclib.analysis.compare.compare`)."""
    shared = [name for name in first.pool.problem_ids if name in set(second.pool.problem_ids)]
    if not shared:
        raise RequestError("the two sides share no problem: sample both on the same benchmark")
    sides = (first.of_problems(shared), second.of_problems(shared))
    compared = [side.compared(own) for side, own in zip(sides, (asked, other or asked), strict=True)]
    ids = [name for name in compared[0].problem_ids if name in set(compared[1].problem_ids)]
    outcomes = [[restrict(one, ids) for one in side.outcomes] for side in compared]
    outcomes, same = _without_shared(*outcomes)
    frame = compare(outcomes[0], outcomes[1], names=names, seed=asked.seed)
    notes = tuple(dict.fromkeys(line for side in compared if (line := side.line())))
    return Differences(frame, sides, len(ids), (*notes, *same))


def _without_shared(
    first: Sequence[Outcomes], second: Sequence[Outcomes]
) -> tuple[list[list[Outcomes]], tuple[str, ...]]:
    """Both sides without what is the same on both, as revisions by one model are; and what is said of it."""
    theirs = {one.variant: one for one in second}
    same = [
        one.variant
        for one in first
        if not draws_whole(one.strategy)
        and (other := theirs.get(one.variant)) is not None
        and one.budgets == other.budgets
        and np.array_equal(one.accuracy, other.accuracy, equal_nan=True)
    ]
    if not same or len(same) == len(first):
        return [list(first), list(second)], ()
    kept = [[one for one in side if one.variant not in same] for side in (first, second)]
    names = ", ".join(dict.fromkeys(strategy_label(name.partition(" ")[0]) for name in same))
    return kept, (f"left out: {names} (the same on both sides)",)
