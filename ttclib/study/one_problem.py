"""One problem, told: its answers, what each strategy takes among them, and how often that is right over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ttclib.analysis.columns import strategy_label
from ttclib.analysis.ease import oracle_difficulty
from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.listing import TIE
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.selection import Solution
from ttclib.replay.strategies.tree_search import TreeSearch, graded
from ttclib.replay.strategy import variants
from ttclib.replay.tree import Missing, SampleTree, replay
from ttclib.samples import Pool
from ttclib.store.texts import SampleText, load_texts
from ttclib.study.captions import selection_line, source
from ttclib.study.question import Question
from ttclib.study.study import Curves, Study

PICKING = ("majority_vote", "best_of_n", "weighted_best_of_n")
SEARCH = "beam_search"
UNANSWERED = "no answer"
MOST = 512  # samples that are told, the first of a larger pool


@dataclass(frozen=True)
class Group:
    """Samples that give one answer."""

    answer: str  # as the first of them writes it
    number: int  # of the answer's class; −1: none of them answers
    correct: bool | None  # None: not graded
    columns: tuple[int, ...]  # the samples, by their places in the pool


@dataclass(frozen=True)
class Way:
    """What one strategy takes on the problem."""

    strategy: str
    label: str
    budget: int
    weights: dict[int, float]  # what speaks for each answer, by its class: votes, the best score, or a sum of scores
    taken: tuple[int, ...]  # the classes taken; several tie
    columns: tuple[int, ...]  # of best-of-N the samples with the best score
    ends: tuple[Solution, ...]  # of a search the solutions that it ends with
    right: float  # chance that what is taken is right
    whole: tuple[float, float | None, float | None]  # accuracy over all problems and the ends of its interval
    n_problems: int


@dataclass(frozen=True)
class OneProblem:
    """A problem with its answers and what each strategy takes of them."""

    problem_id: str
    prompt: str | None
    reference: str | None
    groups: tuple[Group, ...]  # the answer that most samples give first
    scores: np.ndarray  # float, shape (samples,); NaN: not scored
    ways: tuple[Way, ...]
    why: str  # by which rule the problem was chosen
    caption: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def n_samples(self) -> int:
        """Answers in all."""
        return sum(len(group.columns) for group in self.groups)

    @property
    def n_right(self) -> int:
        """Of these the right ones."""
        return sum(len(group.columns) for group in self.groups if group.correct)

    def group(self, number: int) -> Group | None:
        """The samples of a class of answers; None: only a search found it."""
        return next((one for one in self.groups if one.number == number), None)


def tell_one(study: Study, asked: Question, problem: str | None = None) -> OneProblem:
    """One problem with its samples, and what each strategy takes of them.

    Parameters
    ----------
    study : Study
        Its first member is told of.
    asked : Question
        Who selects (``verifier``, ``aggregation``), and how wide the beam of the search is.
    problem : str, optional
        None: of the problems on which the strategies disagree most evenly the one whose pass@1 is nearest to a half.

    Raises
    ------
    RequestError
        The store holds counts instead of samples, none is graded, one sample a problem, or an unknown problem.
    """
    pool = study.pool
    if pool.counts is not None:
        raise RequestError(f"'{pool.store}' holds counts of '{pool.policy}': one problem's answers cannot be told")
    if not pool.has_answers:
        raise RequestError(f"'{pool.store}' holds no graded answers of '{pool.policy}': `ttc grade` them")
    n = min(MOST, Counter(pool.pool_sizes.tolist()).most_common(1)[0][0])
    if n < 2:
        raise RequestError(f"'{pool.store}' holds one sample a problem of '{pool.policy}': there is nothing to choose")
    found = _replayed(study, asked, n)
    outcomes = [one for answer in found for one in answer.outcomes]
    row, why = _chosen(pool, outcomes, n, problem)
    name = pool.problem_ids[row]
    groups, text = _groups(pool, row, n)
    read = pool.verifier(asked.verifier) if pool.has_scores(asked.verifier) else None
    scores = np.full(n, np.nan) if read is None else read.by(asked.aggregation)[row, :n]
    ways = []
    notes = dict.fromkeys(note for answer in found for note in answer.notes)
    for one in outcomes:
        budget, ends = _ends(study, asked, one, name) if one.strategy == SEARCH else (one.budgets[-1], ())
        picked = _picked(one.strategy, groups, scores, ends)
        if picked is not None:
            ways.append(Way(one.strategy, strategy_label(one.variant), budget, ends=ends, **picked,
                            **_over_all(found, one.variant, budget)))  # fmt: skip
        elif one.strategy == SEARCH:
            notes[f"{strategy_label(one.variant)}: the store holds no whole search of '{name}'"] = None
    caption = (source(pool), selection_line(read, asked.aggregation))
    return OneProblem(name, text.prompt, text.reference_answer, groups, scores, tuple(ways), why, caption, tuple(notes))


def _replayed(study: Study, asked: Question, n: int) -> list[Curves]:
    """The strategies at the budget that is told: of whole samples at N, of the search at those up to N."""
    plain = asked.but(bins=None, thresholds=None, lacking="leave out", problems="own", parameters={})
    found = [study.replay(plain.but(strategies=PICKING, budgets=(n,)))]
    wide = {name: values[:1] for name, values in asked.parameters.items() if name == "beam_width"}
    try:
        tree = study.members[0].tree(asked.verifier)
        sizes = [size for size in variants(SEARCH, wide)[0].collected(tree) if size <= n]
        if sizes:
            found.append(study.replay(plain.but(strategies=(SEARCH,), budgets=tuple(sizes), parameters=wide)))
    except (NotInStore, RequestError):  # none was run, or no steps are scored, which the notebook of searches says
        pass
    return found


def _chosen(pool: Pool, outcomes: Sequence[Outcomes], n: int, problem: str | None) -> tuple[int, str]:
    """The row of the problem that is told, and by which rule it was chosen."""
    if problem is not None:
        return pool.problem_ids.index(one_of(problem, pool.problem_ids, "problem")), "chosen by name"
    rows = {name: row for row, name in enumerate(pool.problem_ids)}
    right = np.full((len(rows), len(outcomes)), np.nan)
    for place, one in enumerate(outcomes):
        right[[rows[name] for name in one.problem_ids], place] = one.accuracy[:, -1]
    ease = oracle_difficulty(pool.correct)
    known = np.flatnonzero(~np.isnan(right).any(axis=1) & ~np.isnan(ease) & (pool.pool_sizes >= n))
    if not len(known):
        raise RequestError(f"no problem of '{pool.store}' has {n} samples, a grade and every strategy: name one")
    even = np.abs(right.mean(axis=1) - 0.5).round(6)
    row = min(known.tolist(), key=lambda row: (even[row], abs(ease[row] - 0.5)))
    if even[row] == 0.5:
        return row, "the strategies agree on every problem; of all it is the one solved most nearly half of the time"
    return row, (
        f"of {len(known)} problems one on which the strategies disagree most evenly, and of those the one solved most "
        "nearly half of the time"
    )


def _groups(pool: Pool, row: int, n: int) -> tuple[tuple[Group, ...], SampleText]:
    """The first samples of a problem by their answers, most frequent first, and one of their texts."""
    columns: dict[int, list[int]] = {}
    for column in np.flatnonzero(pool.present[row])[:n].tolist():
        columns.setdefault(int(max(pool.answer_ids[row, column], -1)), []).append(column)
    ranked = sorted(columns, key=lambda number: (number < 0, -len(columns[number]), number))
    texts = load_texts(pool, [(row, columns[number][0]) for number in ranked])
    groups = []
    for number, text in zip(ranked, texts, strict=True):
        grade = pool.correct[row, columns[number][0]]
        answer = UNANSWERED if number < 0 or text.answer is None else text.answer
        groups.append(Group(answer, number, None if np.isnan(grade) else bool(grade), tuple(columns[number])))
    return tuple(groups), texts[0]


def _picked(
    strategy: str, groups: Sequence[Group], scores: np.ndarray, ends: Sequence[Solution]
) -> dict[str, Any] | None:
    """What speaks for each answer, and which is taken; None: nothing speaks for any."""
    correct = {group.number: float(bool(group.correct)) for group in groups}
    best: tuple[int, ...] = ()
    if strategy == SEARCH:
        weights: dict[int, float] = {}
        for end in ends:
            if end.answer_class >= 0 and not np.isnan(end.score):
                weights[end.answer_class] = weights.get(end.answer_class, 0.0) + end.score
            correct[end.answer_class] = float(end.correct == 1)
    elif strategy == "majority_vote":
        weights = {group.number: float(len(group.columns)) for group in groups if group.number >= 0}
    else:
        of = np.max if strategy == "best_of_n" else np.sum
        own = {group.number: scores[list(group.columns)] for group in groups}
        known = {number: one[~np.isnan(one)] for number, one in own.items() if number >= 0 or strategy == "best_of_n"}
        weights = {number: float(of(one)) for number, one in known.items() if len(one)}
    if not weights:
        return None
    least = max(weights.values()) * (1 if strategy == "best_of_n" else 1 - TIE)
    taken = tuple(number for number, weight in weights.items() if weight >= least)
    shares = dict.fromkeys(taken, 1.0)
    if strategy == "best_of_n":
        top = [(group.number, column) for group in groups for column in group.columns if scores[column] == least]
        best = tuple(column for _, column in top)
        shares = {number: sum(own == number for own, _ in top) for number in taken}
    right = sum(share * correct[number] for number, share in shares.items()) / sum(shares.values())
    return {"weights": weights, "taken": taken, "columns": best, "right": right}


def _ends(study: Study, asked: Question, one: Outcomes, problem: str) -> tuple[int, tuple[Solution, ...]]:
    """The largest budget at which the store holds a search of a problem, and its solutions, graded."""
    tree = study.members[0].tree(asked.verifier)
    if problem not in tree.problem_ids:
        return one.budgets[-1], ()
    at = list(tree.problem_ids).index(problem)
    search = variants(SEARCH, {name: (value,) for name, value in one.source.parameters.items()})[0]
    assert isinstance(search, TreeSearch)
    steps = SampleTree(int(tree.prompt_tokens[at]), partial(tree.step, at))
    for budget in reversed(one.budgets):
        with suppress(Missing):
            finals = replay(search.start(budget, aggregation=asked.aggregation), steps)
            return budget, tuple(graded(tree, at, finals))
    return one.budgets[-1], ()


def _over_all(found: Sequence[Curves], variant: str, budget: int) -> dict[str, Any]:
    """Accuracy over all problems at a budget, with its interval."""
    row = next(
        row
        for one in found
        for row in one.frame.iter_rows(named=True)
        if (row["variant"], row["budget"]) == (variant, budget)
    )
    return {"whole": (row["accuracy"], row["ci_low"], row["ci_high"]), "n_problems": row["n_problems"]}
