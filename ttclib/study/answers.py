"""The questions that choose: frontier, efficiency, crossover, a plan on new problems, two sides compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl

from ttclib import __version__
from ttclib.analysis.agreement import cheap_difficulty
from ttclib.analysis.allocation import allocation
from ttclib.analysis.compare import matched_compute
from ttclib.analysis.crossover import RATES, Crossover, crossover
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.efficiency import Efficiency, efficiency
from ttclib.analysis.frontier import Frontier, frontier
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS
from ttclib.analysis.plan import PLAN_PROBES, AppliedPlan, Plan
from ttclib.analysis.predicting import PREDICTORS
from ttclib.analysis.predictor import teach
from ttclib.analysis.probing import probed_choice
from ttclib.errors import RequestError, TTCError
from ttclib.replay.strategy import draws_whole
from ttclib.store.fingerprint import fingerprint
from ttclib.study import findings
from ttclib.study.asking import ease_of, questions_of
from ttclib.study.captions import source
from ttclib.study.compared import Compared, runnable
from ttclib.study.differences import differences
from ttclib.study.larger import Larger, aligned
from ttclib.study.larger import larger_side as larger_side
from ttclib.study.planned import plan_ease, what_it_runs
from ttclib.study.question import Question
from ttclib.study.study import Study
from ttclib.study.telling import Told, of_problems

Result = TypeVar("Result")
FEW_RATES = 5
SMALL_POOL = 16  # samples a problem below which half of them are too few to tell difficulty by, unless asked to
FEW_BINS = 5  # that few samples may tell, where no number is asked for
SHARING = (1, 4, 16, 64, 256, 1024, 4096)  # queries of one problem that share its bill


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """A result with what must be said of it.

    Attributes
    ----------
    result : object
    findings : tuple of str
        What was found, in sentences computed from the numbers.
    caption : tuple of str
        Whose samples, who selects, which bins, what the bands are.
    notes : tuple of str
        What was left out, and why.
    """

    result: Result
    findings: tuple[str, ...]
    caption: tuple[str, ...]
    notes: tuple[str, ...]


def bill_of(told: Difficulty, probes: float | None, queries: float, reused: bool) -> Bill:
    """How what told difficulty is paid; None probes: all samples that did.

    Raises
    ------
    RequestError
        Probes of a difficulty that the question tells, which takes none.
    """
    own = told.bill or Bill(told.n_probes)
    if probes is not None and told.source == "question":
        raise RequestError(
            f"{probes:g} probes: {told.predictor} difficulty is told without any; leave --probes out, or ask for "
            "oracle or predicted difficulty"
        )
    return replace(own, n_probes=own.n_probes if probes is None else probes, queries=queries, reused=reused)


def ask_frontier(
    study: Study,
    asked: Question,
    *,
    ledger: Ledger = LEDGERS["snell"],
    probes: float | None = None,
    queries: float = 1.0,
    reused: bool = False,
    **choices: Any,
) -> Answer[Frontier]:
    """Accuracy against cost, and the best choice within each limit (`ttclib.analysis.frontier.frontier`)."""
    compared, told = study.compared(asked), study.told(asked, folds=FOLDS)
    result = frontier(
        told.outcomes,
        told.difficulty,
        ledger=ledger,
        bill=bill_of(told.difficulty, probes, queries, reused),
        seed=asked.seed,
        **choices,
    )
    notes = (*study.notes(compared, told, ledger), *result.notes)
    return Answer(result, findings.of_frontier(result), _caption(study, asked, compared, told, **choices), notes)


def ask_export(study: Study, asked: Question, plan: Plan, probes: int | None = None, reused: bool = False) -> Plan:
    """The plan of a frontier as a file keeps it: where it comes from, and all that tells the bin of a new question.

    Parameters
    ----------
    study : Study
    asked : Question
    plan : Plan
    probes : int, optional
        Samples that tell a new problem's difficulty; by default `PLAN_PROBES`, none where the question does.
    reused : bool
        They are among those that are chosen from.
    """
    by_question = plan.n_bins > 1 and plan.source in PREDICTORS
    predictor = None
    if by_question:
        predictor = teach(questions_of(study.pool), ease_of(study.pool), str(plan.source))
    whole = replace(
        plan,
        probes=0 if by_question else PLAN_PROBES if probes is None else probes,
        reuse_probes=reused,
        predictor=predictor,
    )
    return whole.made_from(fingerprint(study.store), {"ttclib": __version__})


def ask_frontiers(
    study: Study, asked: Question, *, probes: float | None = None
) -> tuple[dict[str, Answer[Frontier]], tuple[str, ...]]:
    """The frontier under each ledger by name, and what was said of those that cannot be had.

    Raises
    ------
    RequestError, TTCError
        None can; it says why the first cannot.
    """
    found: dict[str, Answer[Frontier]] = {}
    lacking: dict[str, list[str]] = {}
    first: TTCError | None = None
    for preset, ledger in LEDGERS.items():
        try:
            found[preset] = ask_frontier(study, asked, ledger=ledger, probes=probes)
        except TTCError as error:
            first = first or error
            lacking.setdefault(str(error), []).append(ledger.label)
    if first is not None and not found:
        raise first
    return found, tuple(f"left out: {'; '.join(labels)} ({reason})" for reason, labels in lacking.items())


def ask_savings(
    study: Study, asked: Question, baseline: str, probes: float, queries: Sequence[float] = SHARING, **choices: Any
) -> Answer[pl.DataFrame]:
    """What the best choice saves, once for each number of queries that share the bill for knowing difficulty."""
    answers = [ask_efficiency(study, asked, baseline, probes=probes, queries=number, **choices) for number in queries]
    frame = pl.concat(
        one.result.frame.with_columns(queries=pl.lit(number)) for one, number in zip(answers, queries, strict=True)
    )
    first = answers[0]
    return Answer(frame, first.findings, first.caption, first.notes)


def ask_probed(
    study: Study, asked: Question, n_probes: Sequence[int], baseline: str = "best_of_n", **choices: Any
) -> Answer[pl.DataFrame]:
    """What the best choice among sampling strategies saves where few samples tell difficulty, and are used again."""
    if asked.difficulty in PREDICTORS:
        raise RequestError(
            f"difficulty '{asked.difficulty}' takes no samples: ask for oracle or predicted, told by few"
        )
    compared = study.compared(asked)
    pool = of_problems(study.pool, compared.problem_ids)
    able = [one.strategy for one in compared.runnable if draws_whole(one.strategy)]
    if not able:
        raise RequestError("samples that tell the difficulty are used again by strategies of whole samples alone")
    budgets = sorted({size for one in compared.runnable if draws_whole(one.strategy) for size in one.budgets})
    frame = probed_choice(
        pool,
        n_probes,
        budgets,
        chosen_from=tuple(dict.fromkeys(able)),
        baseline=baseline,
        difficulty=asked.difficulty,
        n_bins=asked.bins or FEW_BINS,
        verifier=asked.verifier,
        aggregation=asked.aggregation,
        seed=asked.seed,
        **choices,
    )
    return Answer(frame, (), _caption(study, asked, compared, **choices), study.notes(compared))


def ask_allocation(
    study: Study,
    asked: Question,
    *,
    ledger: Ledger = LEDGERS["snell"],
    probes: float | None = None,
    queries: float = 1.0,
    reused: bool = False,
    **choices: Any,
) -> Answer[pl.DataFrame]:
    """What it adds to share one budget among all problems (`ttclib.analysis.allocation.allocation`)."""
    compared, told = study.compared(asked), study.told(asked, folds=FOLDS)
    frame = allocation(
        runnable(told.outcomes),
        told.difficulty,
        ledger=ledger,
        bill=bill_of(told.difficulty, probes, queries, reused),
        seed=asked.seed,
        **choices,
    )
    said = findings.of_allocation(frame, ledger.label)
    return Answer(frame, said, _caption(study, asked, compared, told, **choices), study.notes(compared, told, ledger))


def ask_efficiency(
    study: Study,
    asked: Question,
    baseline: str = "best_of_n",
    *,
    ledger: Ledger = LEDGERS["snell"],
    probes: float | None = None,
    queries: float = 1.0,
    reused: bool = False,
    **choices: Any,
) -> Answer[Efficiency]:
    """What the best choice saves over a baseline (`ttclib.analysis.efficiency.efficiency`)."""
    compared, told = study.compared(asked), study.told(asked, folds=FOLDS)
    named = compared.named(baseline)
    base = told.outcomes[compared.outcomes.index(named)]
    result = efficiency(
        runnable(told.outcomes),
        base,
        told.difficulty,
        ledger=ledger,
        bill=bill_of(told.difficulty, probes, queries, reused),
        seed=asked.seed,
        **choices,
    )
    notes = (*study.notes(compared, told, ledger), *result.notes)
    return Answer(result, findings.of_efficiency(result), _caption(study, asked, compared, told, **choices), notes)


def ask_crossover(
    study: Study,
    large: Larger,
    asked: Question,
    ratios: Sequence[float] = RATES,
    *,
    ledger: Ledger = LEDGERS["snell"],
    probes: float | None = None,
    queries: float = 1.0,
    reused: bool = False,
    **choices: Any,
) -> Answer[Crossover]:
    """A small policy that thinks longer against a larger one (`ttclib.analysis.crossover.crossover`)."""
    compared = study.compared(asked)
    asked, whole = _whole_pool(study, asked, compared)
    told = study.told(asked, folds=FOLDS)
    theirs, ours, difficulty = aligned(large.outcomes, runnable(told.outcomes), told)
    result = crossover(
        ours,
        theirs,
        ratios,
        difficulty,
        ledger=ledger,
        bill=bill_of(difficulty, probes, queries, reused),
        seed=asked.seed,
        **choices,
    )
    caption = (f"{study.policy} thinking longer against {large.label} of {large.line}",)
    notes = (*study.notes(compared, told, ledger, large.model), *whole, *_reach(result, len(ratios)))
    return Answer(
        result, findings.of_crossover(result), (*caption, *_caption(study, asked, compared, told, **choices)), notes
    )


def _caption(
    study: Study, asked: Question, compared: Compared, told: Told | None = None, *, level: float = 0.95, **more: Any
) -> tuple[str, ...]:
    """What a reader must know, with the level of the intervals that was chosen."""
    return study.caption(asked, compared, told, level=level)


def _whole_pool(study: Study, asked: Question, compared: Compared) -> tuple[Question, tuple[str, ...]]:
    """One bin where none is asked for and half of a small pool would have to tell it, and what is said of that.

    The larger model is held against all that a pool pays for; bins that cost half of it would answer another question.
    """
    sizes = study.pool.pool_sizes
    free = asked.bins is None and asked.thresholds is None and asked.told == "auto"
    if not free or sizes.min() >= SMALL_POOL or not all(draws_whole(one.strategy) for one in compared.runnable):
        return asked, ()
    said = f"{sizes.min()} samples a problem are used in full, in one bin: bins would be told by half of them"
    return asked.but(bins=1), (said,)


def _reach(result: Crossover, n_ratios: int) -> Sequence[str]:
    """Where the pool ends below what is affordable: rate by rate, or for many rates in one line."""
    if n_ratios <= FEW_RATES:
        return result.notes
    reached = result.crossings.filter(pl.col("bin").is_null())["pool_reaches_from"][0]
    if reached is None:
        return ("at every R the pool ends below what is affordable: the small side is a lower bound",)
    return (f"below R = {reached:.3g} the pool ends before what is affordable: there the small side is a lower bound",)


@dataclass(frozen=True)
class Sides:
    """Two studies compared strategy by strategy.

    Attributes
    ----------
    frame : polars.DataFrame
        Second less first, as `ttclib.analysis.compare.compare` gives it.
    names : pair of str
    curves : pair of polars.DataFrame
        The curves of each side on the problems that both hold.
    """

    frame: pl.DataFrame
    names: tuple[str, str]
    curves: tuple[pl.DataFrame, pl.DataFrame]


def ask_compare(
    first: Study, second: Study, names: tuple[str, str], asked: Question, other: Question | None = None
) -> Answer[Sides]:
    """Two policies, settings, stores or verifiers, problem by problem on what both hold."""
    found = differences(first, second, names, asked, other)
    one, two = found.sides
    result = Sides(found.frame, names, (one.replay(asked).frame, two.replay(other or asked).frame))
    labelled = zip(names, found.sides, strict=True)
    caption = tuple(f"{name}: {source(side.pool, found.n_problems)}" for name, side in labelled)
    return Answer(result, findings.of_sides(result), caption, found.notes)


def ask_matched(study: Study, asked: Question, *, ledger: Ledger, **choices: Any) -> Answer[pl.DataFrame]:
    """Strategies at equal cost, to see whether the framework matters (`ttclib.analysis.compare.matched_compute`)."""
    compared, told = study.compared(asked), study.told(asked, folds=FOLDS)
    frame = matched_compute(told.outcomes, told.difficulty, ledger=ledger, seed=asked.seed, **choices)
    return Answer(frame, (), _caption(study, asked, compared, told, **choices), study.notes(compared, told, ledger))


def ask_plan(
    study: Study,
    plan: Plan,
    asked: Question,
    probes: int | None = None,
    draws: int = 20,
    queries: float = 1.0,
    reused: bool = False,
) -> Answer[AppliedPlan]:
    """A plan on problems of another study, whose difficulty a few samples tell, in several random draws of them.

    None probes: the plan's, or none where the question tells difficulty: by the plan's predictor, in the store that it
    was made from as the other problems teach it.

    Raises
    ------
    RequestError
        Probes for a plan whose difficulty the question tells; the store lacks what the predictor reads.
    """
    source_of = what_it_runs(asked, plan).but(
        difficulty=plan.source or "oracle", bins=None, thresholds=None, told="same"
    )
    if plan.verifier is not None:
        source_of = source_of.but(verifier=plan.verifier, aggregation=plan.aggregation or "last")
    compared = study.compared(source_of)
    pool = of_problems(study.pool, compared.problem_ids)
    if source_of.difficulty in PREDICTORS:
        found = study.told(source_of).difficulty
        own = plan_ease(study, plan, pool) if plan.predictor is not None else found.ease
        ease, bill = own[None], bill_of(found, probes, queries, reused)
    else:
        told = source_of.difficulty == "oracle"
        values = pool.correct if told else pool.verifier(source_of.verifier).by(source_of.aggregation)
        n_probes = (plan.n_told_by or PLAN_PROBES) if probes is None else probes
        ease = cheap_difficulty(values, n_probes, n_draws=draws, seed=asked.seed)[0]
        bill = Bill(n_probes, queries, reused)
    applied = [
        plan.apply(compared.runnable, one, bill=bill, seed=asked.seed + number) for number, one in enumerate(ease)
    ]
    means = {
        name: np.mean([getattr(one, name) for one in applied], axis=0)
        for name in ("accuracy", "cost", "probes", "generations")
    }
    result = replace(applied[0], bins=np.ones(len(pool.problem_ids), dtype=int), **means)
    return Answer(result, (), study.caption(source_of, compared), study.notes(compared))
