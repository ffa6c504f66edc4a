"""Several answers of a cheaper model or effort, or one of a dearer: asked of a study with several members."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.analysis.frontier import Frontier, frontier
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.many_or_once import many_or_once
from ttclib.study.answers import Answer
from ttclib.study.captions import bands_line, common_title, samples_line, setting_words, side_labels
from ttclib.study.many_or_once_findings import of_many_or_once
from ttclib.study.question import Question
from ttclib.study.study import Study

# Keys of a setting that a caption need not say.
_UNSAID = ("prompt_format", "stop", "step_delimiter", "max_tokens")
STRATEGIES = ("majority_vote", "pass_at_k")


@dataclass(frozen=True)
class ManyOrOnce:
    """Sides at equal cost, and accuracy against cost of each.

    Attributes
    ----------
    title : str
        What the sides have in common: the model, the benchmark.
    frame : polars.DataFrame
        As `ttclib.analysis.many_or_once.many_or_once` gives it.
    frontier : Frontier
        Every size of every side, and the best choice within each limit; ``side`` is a further column of its frame.
    sides : tuple of str
        The one whose answer costs least first.
    ledger : Ledger
    """

    title: str
    frame: pl.DataFrame
    frontier: Frontier
    sides: tuple[str, ...]
    ledger: Ledger


def ask_many_or_once(
    study: Study,
    asked: Question,
    *,
    ledger: Ledger = LEDGERS["dollars"],
    many: str | None = None,
    bounds: bool = False,
) -> Answer[ManyOrOnce]:
    """Every cheaper member N times against every dearer one once, and the best choice among all at each cost.

    Parameters
    ----------
    study : Study
        Of several policies or settings.
    asked : Question
        Strategies left out: a majority vote, and coverage beside it, which alone is compared where there are no
        answers to count. Budgets left out: every size that a pool holds.
    ledger : Ledger
    many, bounds
        As in `ttclib.analysis.many_or_once.many_or_once`.

    Raises
    ------
    RequestError
        Fewer than two sides that can be paid for, or none of the strategies is held.
    """
    largest = max(int(member.pool.pool_sizes.max()) for member in study.members)
    wanted = asked.but(
        strategies=asked.strategies or STRATEGIES,
        budgets=asked.budgets or tuple(range(1, largest + 1)),
        lacking="leave out" if asked.strategies is None or asked.budgets is None else asked.lacking,
    )
    compared = study.compared(wanted)
    labels = side_labels(study.members)
    named = {
        (member.pool.policy, member.pool.setting.name): label
        for member, label in zip(study.members, labels, strict=True)
    }
    sides = [
        named[one.source.policy, "" if one.source.setting is None else one.source.setting.name]
        for one in compared.outcomes
    ]
    outcomes = [
        replace(one, variant=f"{side}: {one.strategy}") for one, side in zip(compared.outcomes, sides, strict=True)
    ]
    frame, candidates = many_or_once(outcomes, sides, ledger=ledger, many=many, bounds=bounds, seed=asked.seed)
    best = frontier(list(candidates.outcomes), ledger=ledger, seed=asked.seed)
    best = replace(best, frame=best.frame.with_columns(side=pl.col("variant").str.replace(r": \w+$", "")))
    once = {row["once"]: row["cost_once"] for row in frame.iter_rows(named=True)}
    order = [side for side in dict.fromkeys(frame["many"]) if side not in once]
    result = ManyOrOnce(
        common_title(study.members), frame, best, (*order, *sorted(once, key=lambda side: once[side])), ledger
    )
    said = (*study.notes(compared, None, ledger), *candidates.notes)
    for member, label in zip(study.members, labels, strict=True):  # as the tables and pictures call them
        said = tuple(note.replace(f"{member.name}: ", f"{label}: ") if member.name else note for note in said)
    notes = tuple(f"{result.title}: {note}" if result.title else note for note in said)
    return Answer(result, of_many_or_once(frame, ledger.unit, result.title), _caption(study, frame), notes)


def _caption(study: Study, frame: pl.DataFrame) -> tuple[str, ...]:
    """Whose samples, how many, and what all have in common."""
    pools = [member.pool for member in study.members]
    each = samples_line(int(size) for pool in pools for size in pool.pool_sizes)
    parts = [study.store.name, f"{frame['n_problems'][0]} problems × {each} of each"]
    settings = {pool.setting.name for pool in pools}
    if len(settings) == 1 and (keys := [key for key in pools[0].setting.keys if key not in _UNSAID]):
        parts.append(setting_words(pools[0].setting, keys))
    parts.append(", ".join(strategy_label(name) for name in dict.fromkeys(frame["strategy"])))
    return (" · ".join(parts), bands_line())
