"""Difficulty of the problems compared, told on samples that are not scored where that matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttclib.analysis.difficulty import (
    Difficulty,
    difficulty_from_counts,
    needs_other_samples,
    scored_on_halves,
    tell_difficulty,
    told_on_halves,
)
from ttclib.analysis.predicting import PREDICTORS
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, cut, restrict
from ttclib.replay.strategy import strategy
from ttclib.samples import Pool
from ttclib.study.asking import promised
from ttclib.study.compared import Compared, compare
from ttclib.study.opening import Member
from ttclib.study.question import Question

DEFAULT_BINS = 5


@dataclass(frozen=True)
class Told:
    """Strategies with the difficulty of their problems."""

    # one row a row of `difficulty`: a problem has two where each half of its samples told it for the other
    outcomes: tuple[Outcomes, ...]
    difficulty: Difficulty
    note: str = ""  # what is to be said of the samples that told it; empty: nothing


def bins_of(asked: Question, n_problems: int, folds: int = 1) -> int | tuple[float, ...]:
    """How problems are cut: as asked, else into five bins, or as many as leave each fold of a bin a problem."""
    if asked.thresholds is not None:
        return asked.thresholds
    if asked.bins is not None:
        if asked.bins > n_problems:
            raise RequestError(f"{asked.bins} bins: allowed 1 to {n_problems}, the number of problems")
        return asked.bins
    return max(1, min(DEFAULT_BINS, n_problems // folds))


def difficulty_of(pool: Pool, asked: Question, *, folds: int = 1) -> Difficulty:
    """The difficulty that all samples of a pool tell, or its questions.

    Raises
    ------
    RequestError
        Nothing is graded or, for a predicted one, scored; the store lacks what a predictor reads; more bins than
        problems.
    """
    cut = bins_of(asked, len(pool.problem_ids), folds)
    if asked.difficulty in PREDICTORS:
        every = np.arange(len(pool.problem_ids))
        return promised(pool, asked.difficulty, asked.seed).difficulty(every, cut, asked.seed)
    if pool.counts is not None:
        if asked.difficulty == "predicted":
            raise RequestError(
                f"'{pool.store}' holds counts of '{pool.policy}', and no scores to predict difficulty by"
            )
        return difficulty_from_counts(pool.n_graded, pool.n_correct, cut, seed=asked.seed)
    facts: dict[str, Any] = {"source": asked.difficulty, "told_on": "same", "seed": asked.seed}
    if asked.difficulty == "oracle":
        if not pool.n_graded.any():
            raise RequestError(f"'{pool.store}' holds no grades for policy '{pool.policy}': `ttc grade` it")
        return tell_difficulty(pool.correct, cut, **facts)
    read = pool.verifier(asked.verifier)
    facts |= {"verifier": read.name, "aggregation": asked.aggregation}
    return tell_difficulty(read.by(asked.aggregation), cut, correct=pool.correct, **facts)


def tell(members: Sequence[Member], compared: Compared, asked: Question, *, folds: int = 1) -> Told:
    """Difficulty of what is compared; where it would be told on the samples scored, and that matters, on halves.

    Parameters
    ----------
    members : sequence of Member
        The first one's samples tell it.
    folds : int
        Folds that every bin is parted into later.
    """
    pool = of_problems(members[0].pool, compared.problem_ids)
    if asked.difficulty in PREDICTORS:  # taught by every problem, also by those that are not compared
        whole = members[0].pool
        place = {name: row for row, name in enumerate(whole.problem_ids)}
        rows = np.array([place[name] for name in compared.problem_ids], dtype=int)
        cut_into = bins_of(asked, len(rows), folds)
        return Told(
            compared.outcomes, promised(whole, asked.difficulty, asked.seed).difficulty(rows, cut_into, asked.seed)
        )
    same = difficulty_of(pool, asked, folds=folds)
    if asked.told == "same" or (asked.told == "auto" and not needs_other_samples(same)):
        return Told(compared.outcomes, same, _bias_said(same))
    try:
        return _on_halves(members, compared, asked, folds)
    except RequestError as error:
        if asked.told == "halves":
            raise
        return Told(compared.outcomes, same, f"{_bias_said(same)} ({error})")


def _on_halves(members: Sequence[Member], compared: Compared, asked: Question, folds: int) -> Told:
    if asked.problems == "own":
        raise RequestError("strategies on problems of their own: difficulty is told on the samples that are scored")
    parted = halves_of(members, asked.seed)
    told = told_on_halves(
        *(difficulty_of(of_problems(half.pool, compared.problem_ids), asked, folds=folds) for half in parted[0])
    )
    both, largest = scored_both_ways(members, compared, asked)
    note = f"difficulty is told by one half of the samples and scored on the other, both ways: N up to {largest}"
    return Told(both, told, note)


def scored_both_ways(
    members: Sequence[Member], compared: Compared, asked: Question
) -> tuple[tuple[Outcomes, ...], int]:
    """What is compared, scored on each half of the samples, and the largest budget that both have.

    Rows stand as in `told_on_halves`: first as the second half scores the problems, then as the first does.
    """
    parted = halves_of(members, asked.seed)
    largest = min(int(half.pool.pool_sizes.min()) for halves in parted for half in halves)
    budgets = asked.budgets and tuple(size for size in asked.budgets if size <= largest)
    if asked.budgets and not budgets:
        raise RequestError(f"budget {asked.budgets[0]} is above the {largest} samples that half of a pool has")
    compared_names = dict.fromkeys(one.strategy for one in compared.outcomes)
    from_pools = tuple(name for name in compared_names if strategy(name).reads == "pool")
    scored = []
    for second_half_first in (1, 0):  # told by one half, scored on the other
        others = [halves[second_half_first] for halves in parted]
        names = {one.variant for one in compared.outcomes}
        if from_pools:
            found = compare(others, asked.but(strategies=from_pools, budgets=budgets, problems="own"))
            scored.append({one.variant: one for one in found.outcomes if one.variant in names})
        else:
            scored.append({})
    both = []
    for one in compared.outcomes:
        sides = [side.get(one.variant, one) for side in scored]
        # An odd pool's halves differ by a sample, which its smaller half does not have.
        held = sorted(set(sides[0].budgets).intersection(sides[1].budgets))
        sides = [cut(side, columns=[side.budgets.index(size) for size in held]) for side in sides]
        both.append(scored_on_halves(*(restrict(side, compared.problem_ids) for side in sides)))
    if asked.budgets is None:  # of an odd pool less than its smaller half may be what both halves have
        held_by_both = (size for one in both if one.strategy in from_pools for size in one.budgets)
        largest = max(held_by_both, default=largest)
    return tuple(both), largest


def halves_of(members: Sequence[Member], seed: int) -> list[tuple[Member, Member]]:
    """Members with each half of their samples; parted once, so that what they come to is replayed once."""
    key = (seed, len(members))
    if key not in members[0].halves:
        rng = np.random.default_rng(seed)
        pools = [_halves(member.pool, rng) for member in members]
        members[0].halves[key] = [
            (replace(member, pool=first), replace(member, pool=second))
            for member, (first, second) in zip(members, pools, strict=True)
        ]
    parted: list[tuple[Member, Member]] = members[0].halves[key]
    return parted


def _halves(pool: Pool, rng: np.random.Generator) -> tuple[Pool, Pool]:
    """A pool parted at random into two of disjoint samples, problem by problem."""
    if pool.counts is not None:
        n, c = pool.counts
        first = n // 2
        right = rng.hypergeometric(c, n - c, first)
        return replace(pool, counts=(first, right)), replace(pool, counts=(n - first, c - right))
    if pool.pool_sizes.min() < 2:
        poorest = pool.problem_ids[int(pool.pool_sizes.argmin())]
        held = "one sample" if pool.pool_sizes.min() else "no sample"
        raise RequestError(f"problem '{poorest}' has {held}, too few for two halves")
    draws = np.where(pool.present, rng.random(pool.present.shape), np.inf)
    order = np.argsort(draws, axis=1)  # those present first, shuffled
    return pool.of_samples(order[:, 0::2]), pool.of_samples(order[:, 1::2])


def of_problems(pool: Pool, problem_ids: Sequence[str]) -> Pool:
    """A pool on some problems, in their order; each must be there."""
    place = {name: row for row, name in enumerate(pool.problem_ids)}
    return pool.of_problems(np.array([place[name] for name in problem_ids], dtype=int))


def _bias_said(found: Difficulty) -> str:
    if found.bias is None or not needs_other_samples(found):
        return ""
    worst = float(np.abs(found.bias).max()) * 100
    return f"told on the samples that are scored, which moves a bin by up to {worst:.1f} points"
