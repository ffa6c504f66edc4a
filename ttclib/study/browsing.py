"""Samples chosen to be browsed where there is no store: as many as fit, and some of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.trace import trace_search
from ttclib.analysis.worth_reading import in_turns
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import reading, variants
from ttclib.samples import Pool, Tree
from ttclib.store.distinct_texts import DistinctTexts, load_distinct_texts, load_endings
from ttclib.store.texts import SampleText, load_prompts, load_texts, load_texts_of_steps
from ttclib.store.tree import load_tree
from ttclib.study.browsed import BrowsedProblem, BrowsedSample, Browsing, SearchedStep
from ttclib.study.captions import selection_line
from ttclib.study.question import question
from ttclib.study.study import Study
from ttclib.study.telling import DEFAULT_BINS, difficulty_of

N_TREES, TREE_BUDGETS = 25, (16, 8, 4)  # searches that are drawn, and at what budget
N_TELLING = 20  # wrong texts that are scored highest, and right ones that are scored lowest
LONGEST = 20_000  # letters of a text that are shown
_THIRDS = 3  # of the scores


@dataclass
class _Room:
    """How many bytes are left."""

    left: float

    def take(self, n_bytes: float) -> bool:
        """Whether so many fit; then they are taken."""
        if n_bytes > self.left:
            return False
        self.left -= n_bytes
        return True


def browse(
    study: Study,
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    problem: str | None = None,
    limit: int = 2000,
    max_bytes: float = 4e6,
    size: Callable[[BrowsedSample | BrowsedProblem], int] = lambda one: len(repr(one).encode()),
    seed: int = 0,
) -> Browsing:
    """Choose samples of a study's first policy for reading.

    Equal texts of a problem count once. First come the wrong ones scored highest and the right ones scored lowest. Then
    one of each kind, where a kind is a difficulty bin by ground truth, a grade and a third of the scores; one of each
    problem; and the kinds in turns, and in each of them the problems.

    Parameters
    ----------
    verifier, aggregation : str
        What scores a sample. Where no verifier of that name scored any, none is shown.
    problem : str, optional
        Only of this one, all samples that fit; None: of all.
    limit : int
        At most so many texts.
    max_bytes : float
        At most so many in all, problems and trees included.
    size : callable
        Bytes that a sample or a problem takes where it is shown.

    Raises
    ------
    NotInStore
        The store has no texts of the samples.
    RequestError
        No such problem, or a limit below 1.
    """
    if limit < 1:
        raise RequestError(f"{limit} samples: allowed 1 or more")
    member, pool = study.members[0], study.pool
    texts = load_distinct_texts(pool) if member.in_a_store and pool.counts is None else None
    if texts is None or not len(texts.rows):
        raise NotInStore(f"'{pool.store}' holds no texts of the samples of '{pool.policy}': nothing can be read")
    if problem is not None and problem not in pool.problem_ids:
        raise RequestError(f"problem '{problem}' is not among the {len(pool.problem_ids)} of '{pool.policy}'")
    read = pool.verifier(verifier) if pool.has_scores(verifier) else None
    scores = np.full(pool.present.shape, np.nan) if read is None else read.by(aggregation)
    told = _difficulty(pool)
    numbers = np.zeros(len(pool.problem_ids), dtype=int) if told is None else told.bins
    turns = in_turns(_kinds(pool, texts, numbers, scores), texts.rows, seed=seed)
    order = np.array(list(dict.fromkeys([*_telling(pool, texts, scores), *turns.tolist()])))
    if problem is not None:
        order = order[texts.rows[order] == pool.problem_ids.index(problem)]
    room = _Room(max_bytes)
    prompts, n_samples, n_graded, n_correct = load_prompts(pool), pool.pool_sizes, pool.n_graded, pool.n_correct

    def about(row: int) -> BrowsedProblem:
        name = pool.problem_ids[row]
        counts = int(n_samples[row]), int(n_graded[row]), int(n_correct[row])
        return BrowsedProblem(name, *prompts[name], int(numbers[row]) or None, *counts)

    problems: dict[str, BrowsedProblem] = {}
    samples: list[BrowsedSample] = []
    n_read = np.searchsorted(np.cumsum(np.minimum(texts.n_chars[order], LONGEST)), max_bytes, side="right")
    order = order[: min(limit, int(n_read))]  # more letters than bytes cannot fit
    cells = list(zip(texts.rows[order].tolist(), texts.columns[order].tolist(), strict=True))
    found = load_texts(pool, cells, read)
    endings = load_endings(pool, sorted({one.problem_id for one in found})) if member.grown else {}
    for times, cell, text in zip(texts.times[order].tolist(), cells, found, strict=True):
        score = float(scores[cell])
        behind = _endings(text, endings.get((text.problem_id, text.sample_index), []))
        graded = int(n_graded[cell[0]]), int(n_correct[cell[0]])
        sample = BrowsedSample(
            text, int(numbers[cell[0]]) or None, None if np.isnan(score) else score, times, behind, graded
        )
        own = [] if text.problem_id in problems else [about(cell[0])]
        if not room.take(size(sample) + sum(map(size, own))):
            break
        problems |= {one.problem_id: one for one in own}
        samples.append(sample)
    drawn = _with_trees(study, problems, verifier, aggregation, room, size, seed)
    caption = [selection_line(read, aggregation)]
    caption += [] if told is None else [f"bins by {told.label}"]
    caption.append(_chosen_line(samples, drawn, pool, texts, problem, seed, read is not None))
    return Browsing(tuple(drawn), tuple(samples), 0 if told is None else told.n_bins, tuple(caption))


def _difficulty(pool: Pool) -> Difficulty | None:
    try:
        return difficulty_of(pool, question(bins=min(DEFAULT_BINS, len(pool.problem_ids))))
    except RequestError:
        return None  # nothing is graded


def _kinds(pool: Pool, texts: DistinctTexts, bins: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A number for the difficulty, the grade and the third of the scores of each text."""
    cells = texts.rows, texts.columns
    grade = np.nan_to_num(pool.correct[cells], nan=2).astype(int)
    third = np.full(len(texts.rows), _THIRDS)
    known = ~np.isnan(scores[cells])
    if known.any():
        cuts = np.nanquantile(scores[cells], [1 / _THIRDS, 2 / _THIRDS])
        third[known] = np.searchsorted(cuts, scores[cells][known])
    return np.asarray((bins[texts.rows] * 3 + grade) * (_THIRDS + 1) + third)


def _telling(pool: Pool, texts: DistinctTexts, scores: np.ndarray) -> list[int]:
    """The wrong texts that are scored highest, and the right ones that are scored lowest."""
    cells = texts.rows, texts.columns
    score, correct = scores[cells], pool.correct[cells]
    found: list[int] = []
    for grade, sign in ((0, -1), (1, 1)):
        own = np.flatnonzero((correct == grade) & ~np.isnan(score))
        found += own[np.argsort(sign * score[own], kind="stable")][:N_TELLING].tolist()
    return found


def _endings(text: SampleText, drawn: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """Behind each step the solutions that share it, the sample's own among them."""
    if not drawn or text.correct is None:
        return ()
    count, right = (np.zeros(len(text.steps), dtype=int) for _ in range(2))
    count[-1], right[-1] = 1, int(text.correct)
    for step, n, n_right in drawn:
        if step < len(count):
            count[step] += n
            right[step] += n_right
    return tuple(zip(np.cumsum(count[::-1])[::-1].tolist(), np.cumsum(right[::-1])[::-1].tolist(), strict=True))


def _with_trees(
    study: Study,
    problems: dict[str, BrowsedProblem],
    verifier: str,
    aggregation: str,
    room: _Room,
    size: Callable[[BrowsedSample | BrowsedProblem], int],
    seed: int,
) -> list[BrowsedProblem]:
    """The problems, some of them with a search as it went, in the order of their ids."""
    named = [problems[name] for name in sorted(problems)]
    if not study.members[0].grown or not named:
        return named
    turns = in_turns([one.bin or 0 for one in named], range(len(named)), seed=seed)
    few = [named[place].problem_id for place in turns[:N_TREES]]
    try:
        pool, setting = study.pool, study.pool.setting
        name = pool.verifier(verifier, needs_steps=True).name
        whole = load_tree(pool.store, policy=pool.policy, setting=setting, verifier=name, problem_ids=few)
    except (RequestError, NotInStore):
        return named  # searched with another verifier's scores, or by none
    tree = whole.searched()
    made = _search_of(tree)
    if made is None:
        return named
    search, budget = made
    traces = {
        one: trace for one in tree.problem_ids if (trace := _trace(tree, one, search, budget, aggregation)) is not None
    }
    texts = load_texts_of_steps(study.pool, {one: trace["path"].to_list() for one, trace in traces.items()})
    for problem_id, trace in traces.items():
        one = problems[problem_id]
        steps = _searched(trace, texts[problem_id])
        grown = replace(one, search=f"{search.label} at N = {budget}", tree=steps)
        if not room.take(size(grown) - size(one)):
            break
        problems[problem_id] = grown
    return [problems[one.problem_id] for one in named]


def _search_of(tree: Tree) -> tuple[TreeSearch, int] | None:
    """The first search that the tree was grown for, and the largest legible budget that a few problems hold."""
    few = tree.problem_ids[:3]
    for name in reading("tree") if few else ():
        search = variants(name, {})[0]
        for size in TREE_BUDGETS:
            if not isinstance(search, TreeSearch) or not search.allows(size):
                continue
            if all(_trace(tree, one, search, size) is not None for one in few):
                return search, size
    return None


def _trace(
    tree: Tree, problem_id: str, search: TreeSearch, budget: int, aggregation: str = "last"
) -> pl.DataFrame | None:
    """Every step of a search; None: the store lacks some."""
    try:
        return trace_search(tree, problem_id, search, budget, aggregation=aggregation)
    except NotInStore:
        return None


def _searched(trace: pl.DataFrame, texts: Mapping[str, str]) -> tuple[SearchedStep, ...]:
    rows = trace.sort("depth", maintain_order=True).to_dicts()
    place = {row["path"]: number for number, row in enumerate(rows)}
    return tuple(
        SearchedStep(
            place.get(row["parent"], -1), texts.get(row["path"], ""), row["score"], row["status"], row["correct"]
        )
        for row in rows
    )


def _chosen_line(
    samples: Sequence[BrowsedSample],
    problems: Sequence[BrowsedProblem],
    pool: Pool,
    texts: DistinctTexts,
    problem: str | None,
    seed: int,
    has_scores: bool,
) -> str:
    """How many of how many, and how they were chosen."""
    whole = f"{len(samples):,} of {len(texts.rows):,} different texts"
    said = f"{whole}, from {texts.n_texts:,} samples, on {len(problems):,} of {len(pool.problem_ids):,} problems"
    if problem is not None:
        return f"{said}: those of problem {problem}"
    if len(samples) == len(texts.rows):
        return f"all {said.partition(' of ')[2]}"
    scored = f"wrong ones scored highest, right ones scored lowest ({N_TELLING} each), then " if has_scores else ""
    return f"{said}: {scored}bins and grades in turns, at random in each (seed {seed})"
