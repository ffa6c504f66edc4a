"""The larger side of a crossover: what the larger policy does, on the problems of the smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttclib.analysis.difficulty import Difficulty
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, cut, restrict
from ttclib.replay.strategies import PassAtK
from ttclib.samples import ModelFacts
from ttclib.store.settings import greedy_pool
from ttclib.study.captions import source
from ttclib.study.question import Question
from ttclib.study.study import open as open_study
from ttclib.study.telling import Told


@dataclass(frozen=True)
class Larger:
    """The larger side of a crossover.

    Attributes
    ----------
    outcomes : tuple of Outcomes
    model : ModelFacts or None
    label : str
        What it does, in words.
    line : str
        Where its samples come from.
    """

    outcomes: tuple[Outcomes, ...]
    model: ModelFacts | None
    label: str
    line: str


def larger_side(
    store: str,
    policy: str,
    *,
    benchmark: str | None = None,
    asked: Question | None = None,
    allow_sampled: bool = False,
    notify: Any = lambda text: None,
) -> Larger:
    """What the larger policy does: one greedy answer, or the strategies that a question names.

    Parameters
    ----------
    store, policy : str
    benchmark : str, optional
    asked : Question, optional
        Its strategies and budget; None: one answer, greedily.
    allow_sampled : bool
        Without a greedy sample take the expectation of one.

    Raises
    ------
    RequestError
        It has no greedy sample and none else is allowed.
    """
    if asked is not None:
        study = open_study(store, policy, benchmark=benchmark, notify=notify)
        compared = study.compared(asked)
        names = ", ".join(one.variant for one in compared.runnable)
        return Larger(compared.runnable, study.pool.policy_model, names, source(study.pool))
    pool = greedy_pool(store, policy, benchmark, notify=notify)
    temperature = pool.setting.keys.get("temperature")
    greedy = temperature == 0
    if not greedy and not allow_sampled:
        known = "not known" if temperature is None else f"{temperature:g}"
        raise RequestError(
            f"'{store}' holds no greedy sample of '{policy}' (its temperature is {known}): sample it at temperature 0, "
            "or take its pass@1 with --allow-sampled"
        )
    one = PassAtK().replay(pool, [1])
    label = "one greedy answer" if greedy else "one answer on average (its pass@1)"
    return Larger(
        (replace(one, strategy="greedy" if greedy else one.strategy, variant=label),),
        pool.policy_model,
        label,
        source(pool),
    )


def aligned(
    large: Sequence[Outcomes], small: Sequence[Outcomes], told: Told
) -> tuple[list[Outcomes], list[Outcomes], Difficulty]:
    """Both sides and the difficulty row by row; a problem told on halves has two rows on the larger side, too."""
    known = set(large[0].problem_ids).intersection(*(one.problem_ids for one in large))
    rows = np.array([place for place, name in enumerate(small[0].problem_ids) if name in known], dtype=int)
    if not len(rows):
        raise RequestError("the two policies share no problem: sample both on the same benchmark")
    ids = [small[0].problem_ids[row] for row in rows]
    kept = [one if len(rows) == len(one.problem_ids) else cut(one, rows=rows) for one in small]
    return [restrict(one, ids) for one in large], kept, told.difficulty.of_rows(rows)
