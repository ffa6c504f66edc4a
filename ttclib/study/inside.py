"""Inside against outside: whether samples of what answers at once catch up with one answer that takes steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.catching_up import Caught, blind_guesses, catch_up
from ttclib.analysis.ledger import Ledger
from ttclib.errors import RequestError
from ttclib.samples import Pool, Setting
from ttclib.store.connection import connect
from ttclib.store.contents import problems_frame
from ttclib.study import inside_findings
from ttclib.study.answers import Answer
from ttclib.study.captions import ASKED_AS, common_title, side_labels
from ttclib.study.inside_results import Inside
from ttclib.study.many_or_once import ManyOrOnce, ask_many_or_once
from ttclib.study.opening import Member, Notify
from ttclib.study.question import Question
from ttclib.study.study import Study
from ttclib.study.study import open as open_study

STRATEGIES = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
# What an answer costs: tokens decoded; and all that is computed, a verifier and the prompt, read once, included.
LEDGERS = (Ledger(unit="tokens"), Ledger(unit="flops", prefill=True, verifier=True))
_FEW = 32  # up to so many samples every number is replayed, beyond four a doubling


def open_inside(
    store: str | Path | Pool,
    policy: str | Sequence[str] | None = None,
    *,
    benchmark: str | Sequence[str] | None = None,
    setting: Any = None,
    notify: Notify = lambda text: None,
) -> Study:
    """Open the sides, the one that answers at once first: policies, settings, or two benchmarks of the same problems.

    Parameters
    ----------
    store, policy, setting, notify
        As in `ttclib.open`. Settings of one policy are sides from the shortest answers on.
    benchmark : str or sequence of str, optional
        Several: the same problems asked in other ways, such as ``execution`` and ``execution_cot`` of LiveCodeBench;
        their ids differ in what is before the first ``/``.

    Raises
    ------
    RequestError
        As `ttclib.open`; one side alone.
    """
    several = [benchmark] if benchmark is None or isinstance(benchmark, str) else list(benchmark)
    members: list[Member] = []
    for name in several:
        study = open_study(store, policy, benchmark=name, setting=setting, notify=notify)
        members += study.members if len(several) == 1 else [_asked_as(one, str(name)) for one in study.members]
    if len(members) < 2:
        raise RequestError(
            f"one side, {side_labels(members)[0]}: name two policies, the one that answers at once first, as `--policy "
            'DIRECT,STEPS`; several settings, as `--setting "reasoning_tokens=*"`; or two benchmarks'
        )
    if len(several) == 1 and len({one.pool.policy for one in members}) == 1:
        members.sort(key=lambda one: float(np.nan_to_num(np.nanmean(one.pool.lengths) if one.pool.lengths.size else 0)))
    return Study(tuple(members), study.store)


def _asked_as(member: Member, benchmark: str) -> Member:
    """The same with the benchmark as a key of its setting, so that problems meet those of another benchmark."""
    pool = member.pool
    setting = Setting(f"{pool.setting.name} {benchmark}", {**pool.setting.keys, ASKED_AS: benchmark})
    ids = [name.partition("/")[2] or name for name in pool.problem_ids]
    return replace(member, pool=replace(pool, problem_ids=ids, setting=setting, benchmark=None), name=benchmark)


def ask_inside(study: Study, asked: Question, *, ledgers: Sequence[Ledger] = LEDGERS) -> Answer[Inside]:
    """The first side's answers, several, against one answer of every other side.

    Parameters
    ----------
    study : Study
        As `open_inside` opens it.
    asked : Question
        Strategies left out: coverage, which is a perfect verifier's, a majority, best-of-N and its vote.
    ledgers : sequence of Ledger
        What equal cost is of. Those of which the store lacks a fact are left out and said; where all are, and a side
        answers as often as another, generations are what is equal.

    Raises
    ------
    RequestError
        One side, or nothing graded.
    """
    without, *others = side_labels(study.members)
    largest = int(max(study.members[0].pool.pool_sizes.max(), 1))
    grid = np.unique(np.round(2.0 ** (np.arange(4 * np.log2(largest) + 1) / 4)).astype(int)).tolist()
    budgets = sorted({*range(1, min(_FEW, largest) + 1), *grid, largest})
    wanted = asked.but(
        strategies=asked.strategies or STRATEGIES, budgets=asked.budgets or tuple(budgets), lacking="leave out"
    )
    found: list[Answer[ManyOrOnce]] = []
    refused = []
    for ledger in (*ledgers, Ledger(unit="generations")):
        if ledger.unit == "generations" and found:
            continue
        try:
            found.append(ask_many_or_once(study, wanted, ledger=ledger, many=without, bounds=True))
        except RequestError as error:
            if ledger.unit == "generations":
                raise
            refused.append(f"not at equal {ledger.unit}: {error}")
    first = found[0].result
    frame = pl.concat([one.result.frame.with_columns(unit=pl.lit(one.result.ledger.unit)) for one in found])
    sides = [name for name in others if name in frame["once"]]
    curves, once, blind = _curves(study, wanted, first, without, sides)
    result = Inside(first.title or common_title(study.members), without, frame, curves, once, blind)
    notes = dict.fromkeys([note for one in found for note in one.notes if "N = " not in note] + refused)
    return Answer(result, inside_findings.of_inside(result), found[0].caption, tuple(notes))


def _curves(
    study: Study, asked: Question, found: ManyOrOnce, without: str, sides: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Caught]]:
    """Accuracy against N of the first side, one answer of every other, and blind guesses."""
    names = ("strategy", "budget", "accuracy", "ci_low", "ci_high")
    own = found.frontier.frame.filter(pl.col("bin").is_null() & pl.col("side").is_not_null())
    curves = own.filter(pl.col("side") == without).select(names)
    one = own.filter((pl.col("budget") == 1) & pl.col("side").is_in(sides)).select("side", *names[2:])
    compared = study.compared(asked)
    budgets = curves["budget"].unique().sort().to_list()
    guessed = blind_guesses(_references(study, compared.problem_ids), budgets)
    if guessed is None:
        return curves, one.unique("side", maintain_order=True), {}
    table = pl.DataFrame({"strategy": "blind", "budget": budgets, "accuracy": guessed.mean(axis=0)})
    blind = {}
    for member, side in zip(study.members, side_labels(study.members), strict=True):
        if side in sides:
            pool = member.pool
            at = {name: float(value) for name, value in zip(pool.problem_ids, _accuracy(pool), strict=True)}
            blind[side] = catch_up(guessed, [at[name] for name in compared.problem_ids], budgets, seed=asked.seed)
    whole = pl.concat([curves, table.with_columns(pl.col("budget").cast(pl.Int64))], how="diagonal")
    return whole, one.unique("side", maintain_order=True), blind


def _accuracy(pool: Pool) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(pool.n_correct / pool.n_graded)


def _references(study: Study, problem_ids: Sequence[str]) -> list[str | None]:
    """Right answers; None where a problem is known under another id, or its answer is not."""
    if not study.store.is_file():
        return [None]
    with connect(study.store) as con:
        rows = problems_frame(con).select("problem_id", "reference_answer").rows()
    known = dict(rows)
    return [known.get(name) for name in problem_ids]
