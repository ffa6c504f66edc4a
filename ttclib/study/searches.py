"""Tree searches looked at closely: what they gain over picking, what their failures look like, one search drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ttclib.analysis.compare import compare
from ttclib.analysis.ease import oracle_difficulty
from ttclib.analysis.trace import failure_shapes, trace_search, way_to
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import reading, strategy, variants
from ttclib.store.texts import load_prompts, load_texts, load_texts_of_steps
from ttclib.study.question import Question
from ttclib.study.study import Curves, Study
from ttclib.study.telling import DEFAULT_BINS

BESIDE = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
BASELINE = "weighted_best_of_n"  # by which searches end, too


@dataclass(frozen=True)
class Searches:
    """The searches of a store beside the strategies that pick among whole samples, on the problems searched."""

    study: Study
    asked: Question
    curves: Curves
    bins: dict[str, int]

    @property
    def searches(self) -> list[Outcomes]:
        """The searches alone."""
        return [one for one in self.curves.outcomes if strategy(one.strategy).reads == "tree"]

    def gains(self) -> pl.DataFrame:
        """Searches less best-of-N weighted, problem by problem, at equal generations."""
        told = self.study.told(self.asked)
        baseline = next(one for one in told.outcomes if one.strategy == BASELINE)
        charged = [_as_charged(one) for one in told.outcomes if strategy(one.strategy).reads == "tree"]
        return compare(baseline, charged, told.difficulty, names=("picking", "searching"), seed=self.asked.seed)

    def search(self, name: str) -> TreeSearch:
        """A search with the parameters asked for."""
        asked = {key: values[:1] for key, values in self.asked.parameters.items()}
        known = {one.name for one in strategy(name).asked()}
        found = variants(name, {key: value for key, value in asked.items() if key in known})[0]
        if not isinstance(found, TreeSearch):
            raise RequestError(f"'{name}' is no tree search. Allowed: {', '.join(reading('tree'))}")
        return found

    def largest(self, name: str, at_most: int | None = None) -> int:
        """The largest N at which a search is held on the problems compared; where it can be, at most so large."""
        sizes = [size for one in self.searches if one.strategy == name for size in one.budgets]
        if not sizes:
            held = ", ".join(one.strategy for one in self.searches) or "none"
            raise NotInStore(f"'{name}' is not among the searches compared. Allowed: {held}")
        return max((size for size in sizes if at_most is None or size <= at_most), default=min(sizes))

    def trace(self, name: str, problem: str, budget: int) -> pl.DataFrame:
        """Every step that a search draws on a problem, as `ttclib.analysis.trace.trace_search` gives it."""
        tree = self.study.members[0].tree(self.asked.verifier)
        return trace_search(tree, problem, self.search(name), budget, aggregation=self.asked.aggregation)

    def failures(self, name: str, budget: int | None = None, *, n_plain: int = 8) -> pl.DataFrame:
        """What wrong solutions look like by difficulty bin: those that a search returns, and plain samples.

        Parameters
        ----------
        name : str
            Of the search.
        budget : int, optional
            By default the largest that is held.
        n_plain : int
            Plain samples a problem.

        Returns
        -------
        polars.DataFrame
            `ttclib.analysis.trace.failure_shapes` with a column `of`: the search's name, or ``samples``.
        """
        size = budget or self.largest(name)
        pool = self.study.pool
        ways = self._returned(name, size)
        texts = load_texts_of_steps(
            pool, {problem: [path for way, _ in own for path in way] for problem, own in ways.items()}
        )
        ends = [
            ([texts[problem].get(path, "") for path in way], right, self.bins[problem])
            for problem, own in ways.items()
            for way, right in own
        ]
        rows = [row for row, problem in enumerate(pool.problem_ids) if problem in self.bins]
        plain = load_texts(pool, [(row, column) for row in rows for column in range(n_plain)])
        whole = [(list(text.steps), text.correct, self.bins[text.problem_id]) for text in plain]
        tables = []
        for of, cells in ((self.search(name).variant, ends), ("samples", whole)):
            steps, correct, bins = zip(*cells, strict=True) if cells else ((), (), ())
            known = np.array(correct, dtype=float)  # None, not graded, becomes NaN
            tables.append(failure_shapes(steps, known, bins).with_columns(of=pl.lit(of)))
        return pl.concat(tables).sort("group", "of")

    def _returned(self, name: str, budget: int) -> dict[str, list[tuple[list[str], float]]]:
        """Of each problem the solutions that a search returns: the steps that lead there, and whether that is right."""
        tree = self.study.members[0].tree(self.asked.verifier)
        place = {problem: number for number, problem in enumerate(tree.problem_ids)}
        compiled = self.search(name).returned(tree, budget, aggregation=self.asked.aggregation)
        steps, ways = tree.steps, {}
        for problem in self.bins:
            rows = compiled[place[problem]] if problem in place else None
            if rows is None:  # not replayed, or lacking: the coroutine says what
                last = self.trace(name, problem, budget).filter(
                    (pl.col("status") == "returned") & pl.col("correct").is_not_null()
                )
                ways[problem] = [(way_to(path), right) for path, right in last.select("path", "correct").iter_rows()]
            else:
                known = [row for row in rows if steps.is_graded[row] and not np.isnan(steps.correct[row])]
                ways[problem] = [(steps.way(row), float(steps.correct[row])) for row in known]
        return ways

    def middling_problem(self) -> str:
        """Of the problems searched the one whose pass@1 is nearest to a half."""
        pool = self.study.pool
        ease = dict(zip(pool.problem_ids, oracle_difficulty(pool.correct), strict=True))
        known = [name for name in self.bins if not np.isnan(ease[name])]
        if not known:
            raise RequestError("no problem that was searched is graded: name one")
        return min(known, key=lambda name: abs(ease[name] - 0.5))

    def prompt_of(self, problem_id: str) -> str:
        """The problem in one line; empty where the store does not know it."""
        prompt = load_prompts(self.study.pool).get(problem_id, (None, None))[0] or ""
        return " ".join(prompt.split())[:90]


def _as_charged(one: Outcomes) -> Outcomes:
    """Budgets in the generations that are charged."""
    return replace(one, budgets=tuple(round(float(value)) for value in one.cost("generations").max(axis=0)))


def open_searches(study: Study, asked: Question, *, bins: int = DEFAULT_BINS) -> Searches:
    """The searches that a store holds, and the strategies beside them that pick among whole samples.

    Parameters
    ----------
    asked : Question
        Its strategies are the searches; None: all that are held on most of the problems searched.
    bins : int
        Difficulty bins, where the question names none; fewer where there are fewer problems.

    Raises
    ------
    NotInStore
        No search was run.
    RequestError
        No scores of steps, or nothing in common.
    """
    study.members[0].tree(asked.verifier)
    named = asked.strategies or tuple(reading("tree"))
    strategies = None if asked.strategies is None else (*BESIDE, *named)
    whole = asked.but(strategies=strategies, problems="searched")
    if whole.bins is None and whole.thresholds is None:
        whole = whole.but(bins=min(bins, len(study.compared(whole).problem_ids)))
    curves, told = study.replay(whole), study.told(whole)
    kept = [one for one in curves.outcomes if one.strategy in (*BESIDE, *named)]
    # Budgets as charged: of lookahead N·(k + 1).
    frame = curves.frame.filter(pl.col("strategy").is_in([one.strategy for one in kept])).with_columns(
        budget=pl.coalesce(pl.col("generations").round().cast(pl.Int64), pl.col("budget"))
    )
    bins_of = dict(zip(study.compared(whole).problem_ids, told.difficulty.bins.tolist(), strict=False))
    return Searches(study, whole, replace(curves, outcomes=tuple(kept), frame=frame), bins_of)
