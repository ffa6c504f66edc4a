"""The tree searches of a store beside its sampling strategies, on the problems that both hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.curves import bin_problems, powers_of_two
from ttclib.analysis.difficulty import oracle_difficulty
from ttclib.analysis.failures import failure_shapes
from ttclib.analysis.held import held_outcomes, on_every_problem
from ttclib.analysis.searched import on_common_problems, trace_search, way_to
from ttclib.analysis.strategies import SAMPLING, TREE_SEARCH, sampling_outcomes
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.search import Algorithm
from ttclib.samples import Pool
from ttclib.show.captions import bands_line, bins_line, source
from ttclib.show.choices import replayable
from ttclib.show.notebook import open_trees
from ttclib.store.texts import load_prompts, load_texts, load_texts_of_steps


@dataclass(frozen=True)
class Searches:
    """What `open_searches` found.

    Attributes
    ----------
    pool : Pool
    trees : Trees
    outcomes : list of Outcomes
        Sampling strategies, then searches, on the same problems.
    baseline : Outcomes
        Best-of-N weighted, by which searches end, too.
    searches : list of Outcomes
    bins : dict of problem id to int
    caption, notes : list of str
    largest : dict of str to int
        Of each search, the largest N that was collected.
    settings : dict
        Beam width, lookahead steps and aggregation.
    """

    pool: Pool
    trees: Trees
    outcomes: list[Outcomes]
    baseline: Outcomes
    searches: list[Outcomes]
    bins: dict[str, int]
    caption: list[str]
    notes: list[str]
    largest: dict[str, int]
    settings: dict[str, Any]

    def options_of(self, strategy: str) -> dict[str, Any]:
        """Parameters of one search, as `Algorithm` takes them."""
        one_of(strategy, TREE_SEARCH, "search")
        options = {"aggregation": self.settings["aggregation"]}
        if strategy != "rebase":
            options["beam_width"] = self.settings["beam_width"]
        if strategy == "lookahead_search":
            options["lookahead_steps"] = self.settings["lookahead_steps"]
        return options

    def failures(self, strategy: str, budget: int | None = None, *, n_plain: int = 8) -> pl.DataFrame:
        """What wrong solutions look like by difficulty bin: those that a search returns, and plain samples.

        Parameters
        ----------
        strategy : str
        budget : int, optional
            By default the largest that was collected.
        n_plain : int
            Plain samples a problem.

        Returns
        -------
        polars.DataFrame
            `ttclib.analysis.failures.failure_shapes` with a column `of`: the search's name, or ``samples``.
        """
        algorithm = Algorithm(strategy, **self.options_of(one_of(strategy, self.largest, "collected search")))
        budget = budget or self.largest[strategy]
        ways: dict[str, list[tuple[list[str], float]]] = {}
        for problem in self.bins:
            trace = trace_search(self.trees, problem, algorithm, budget)
            last = trace.filter((pl.col("status") == "returned") & pl.col("correct").is_not_null())
            ways[problem] = [(way_to(path), right) for path, right in zip(last["path"], last["correct"], strict=True)]
        texts = load_texts_of_steps(
            self.pool, {problem: [path for way, _ in own for path in way] for problem, own in ways.items()}
        )
        ends = [
            ([texts[problem].get(path, "") for path in way], right, self.bins[problem])
            for problem, own in ways.items()
            for way, right in own
        ]
        rows = [row for row, name in enumerate(self.pool.problem_ids) if name in self.bins]
        plain = load_texts(self.pool, [(row, column) for row in rows for column in range(n_plain)])
        whole = [(list(text.steps), text.correct, self.bins[text.problem_id]) for text in plain]
        tables = []
        for name, cells in ((algorithm.name, ends), ("samples", whole)):
            steps, correct, bins = zip(*cells, strict=True) if cells else ((), (), ())
            known = np.array(correct, dtype=float)  # None, not graded, becomes NaN
            tables.append(failure_shapes(steps, known, bins).with_columns(of=pl.lit(name)))
        return pl.concat(tables).sort("group", "of")

    def middling_problem(self) -> str:
        """Of the problems searched the one whose pass@1 is nearest to a half."""
        ease = dict(zip(self.pool.problem_ids, oracle_difficulty(self.pool.correct), strict=True))
        known = [name for name in self.trees.problem_ids if not np.isnan(ease.get(name, np.nan))]
        if not known:
            raise RequestError("no problem that was searched is graded: name one")
        return min(known, key=lambda name: abs(ease[name] - 0.5))

    def prompt_of(self, problem_id: str) -> str:
        """The problem in one line; empty where the store does not know it."""
        prompt = load_prompts(self.pool).get(problem_id, (None, None))[0] or ""
        return " ".join(prompt.split())[:90]


def open_searches(
    pool: Pool,
    strategies: Sequence[str] = TREE_SEARCH,
    *,
    beam_width: int | str = 4,
    lookahead_steps: int = 1,
    aggregation: str = "last",
    bins: int = 5,
) -> Searches:
    """Replay the searches that a store holds, and the sampling strategies beside them.

    Parameters
    ----------
    pool : Pool
    strategies : sequence of str
        Of the tree searches.
    beam_width, lookahead_steps, aggregation
        One variant of each.
    bins : int
        Difficulty bins; fewer where there are fewer problems.

    Returns
    -------
    Searches

    Raises
    ------
    RequestError, TTCError
        No scores, no search, or none of these.
    """
    for strategy in strategies:
        one_of(strategy, TREE_SEARCH, "search")
    trees = open_trees(pool)
    budgets = powers_of_two(pool)
    notes: list[str] = []
    options = {"beam_width": (beam_width,)}
    searches = held_outcomes(
        pool,
        strategies,
        budgets,
        tree=trees,
        aggregation=aggregation,
        options={name: options | _lookahead(name, lookahead_steps) for name in strategies if name != "rebase"},
        notify=notes.append,
    )
    # A mean over the problems that one budget happens to hold would be of other problems than the next one's.
    searches = on_every_problem(searches, notify=lambda text: notes.append(text.partition(";")[0]))
    able = replayable(pool, SAMPLING)[0]
    sampled = [sampling_outcomes(pool, strategy, budgets, aggregation=aggregation) for strategy in able]
    both = on_common_problems([*sampled, *searches])
    n_bins = min(bins, len(both[0].problem_ids))
    numbers = dict(zip(pool.problem_ids, bin_problems(pool, n_bins).tolist(), strict=True))
    selected = f"M = {beam_width}, k = {lookahead_steps}, PRM {pool.verifier}, {aggregation} step's score"
    caption = [source(pool), selected, bins_line(n_bins, "oracle"), bands_line()]
    if len(both[0].problem_ids) < len(pool.problem_ids):
        caption.insert(1, f"compared on the {len(both[0].problem_ids)} problems that were searched")
    told = [f"{one.variant}: {', '.join(map(str, one.budgets))} generations" for one in both[len(sampled) :]]
    return Searches(
        pool=pool,
        trees=trees,
        outcomes=both,
        baseline=both[able.index("weighted_best_of_n")],
        searches=both[len(sampled) :],
        bins={name: numbers[name] for name in both[0].problem_ids},
        caption=caption,
        notes=[*told, *notes],
        largest={one.strategy: max(one.budgets) for one in searches},
        settings={"beam_width": beam_width, "lookahead_steps": lookahead_steps, "aggregation": aggregation},
    )


def _lookahead(strategy: str, steps: int) -> dict[str, tuple[int, ...]]:
    return {"lookahead_steps": (steps,)} if strategy == "lookahead_search" else {}
