"""Every strategy that a store can answer, on the problems that all hold, and what is to be charged for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.crossover import Crossover, crossover, greedy_outcomes
from ttclib.analysis.curves import bin_problems, powers_of_two
from ttclib.analysis.difficulty import oracle_difficulty, predicted_difficulty
from ttclib.analysis.frontier import Frontier, frontier
from ttclib.analysis.held import held_outcomes, on_every_problem
from ttclib.analysis.ledger import LEDGERS
from ttclib.analysis.revisions import replay_revisions
from ttclib.analysis.searched import on_common_problems
from ttclib.analysis.strategies import REVISIONS, SAMPLING, STRATEGIES, TREE_SEARCH, verifier_scores
from ttclib.errors import RequestError, TTCError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import held_budgets
from ttclib.samples import Pool
from ttclib.show.captions import bands_line, bins_line, source
from ttclib.show.notebook import open_trees
from ttclib.store.chains import load_chains

RATIOS: tuple[float | str, ...] = ("sequential", 1.0, "parallel")


@dataclass(frozen=True)
class Held:
    """What `open_strategies` found.

    Attributes
    ----------
    pool : Pool
    outcomes : list of Outcomes
        On the same problems; budgets as charged.
    bins : int array, shape (problems,)
        Small enough in number that each can be halved.
    ease : float array, shape (problems,)
    difficulty : str
    caption : list of str
    notes : list of str
        What the store lacks.
    """

    pool: Pool
    outcomes: list[Outcomes]
    bins: np.ndarray
    ease: np.ndarray
    difficulty: str
    caption: list[str]
    notes: list[str]

    @property
    def runnable(self) -> list[Outcomes]:
        """Without pass@k, which needs the right answer."""
        return [one for one in self.outcomes if one.strategy != "pass_at_k"]

    def baseline(self, strategy: str = "best_of_n") -> Outcomes:
        """One of the strategies by its name; majority vote where it is not there."""
        named = {one.strategy: one for one in self.outcomes}
        return named.get(strategy, named["majority_vote"])

    def frontiers(self, n_probes: int, queries: float = 1.0) -> tuple[dict[str, Frontier], list[str]]:
        """The frontier under each ledger, and what was said of those that cannot be had."""
        found, notes = {}, []
        for preset, ledger in LEDGERS.items():
            bill = DifficultyBill(n_probes, queries) if ledger.difficulty else None
            try:
                found[preset] = frontier(
                    self.outcomes,
                    self.bins,
                    ease=self.ease,
                    difficulty=self.difficulty,
                    ledger=ledger,
                    policy=self.pool.policy_model,
                    verifier=self.pool.verifier_model,
                    bill=bill,
                )
            except TTCError as error:
                notes.append(f"{preset}: {error}")
        if not found:
            raise RequestError("; ".join(notes))
        return found, notes

    def against(self, larger: Pool, rates: Sequence[float], **settings: Any) -> Crossover:
        """These strategies against one answer of a larger policy."""
        return crossover(
            self.runnable,
            greedy_outcomes(larger, allow_sampled=True),
            ratios=list(rates),
            small_model=self.pool.policy_model,
            large_model=larger.policy_model,
            bins=self.bins,
            difficulty=self.difficulty,
            **settings,
        )


def open_strategies(
    pool: Pool,
    strategies: Sequence[str] = STRATEGIES,
    *,
    bins: int = 5,
    difficulty: str = "oracle",
    beam_width: int | str = 4,
    lookahead_steps: int = 1,
    verifier: str = "prm",
    aggregation: str = "last",
    shared_problems: bool = True,
) -> Held:
    """Replay what a store holds of some strategies.

    Parameters
    ----------
    pool : Pool
    strategies : sequence of str
    bins : int
        Difficulty bins; fewer where a bin would hold fewer than two problems.
    difficulty : {"oracle", "predicted"}
    beam_width, lookahead_steps
        Of the tree searches.
    verifier, aggregation : str
        Of the sampling strategies and, the latter, of the searches.
    shared_problems : bool
        Compare on the problems that all strategies hold, which searches and revisions may make fewer.
        Otherwise on all, and what was collected on fewer is left out and said.

    Returns
    -------
    Held

    Raises
    ------
    RequestError
        An unknown name, no problem in common, or fewer than two problems.
    """
    for strategy in strategies:
        one_of(strategy, STRATEGIES, "strategy")
    notes: list[str] = []
    searching = {"beam_width": (beam_width,)}
    options: dict[str, dict[str, Any]] = dict.fromkeys(TREE_SEARCH, searching)
    options |= {"rebase": {}, "lookahead_search": searching | {"lookahead_steps": (lookahead_steps,)}}
    held: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "notify": notes.append}
    others = [name for name in strategies if name not in REVISIONS]
    held["tree"] = _there(lambda: open_trees(pool)) if set(others) & set(TREE_SEARCH) else None
    outcomes = held_outcomes(pool, others, powers_of_two(pool), options=options, **held) if others else []
    if set(REVISIONS) & set(strategies):
        outcomes += _revisions(pool, notes)
    apart = [one for one in outcomes if shared_problems and one.strategy in SAMPLING]
    judged = [one for one in outcomes if not (shared_problems and one.strategy in SAMPLING)]
    if judged:
        judged = on_every_problem(judged, notify=lambda text: notes.append(text.partition(";")[0]))
    outcomes = on_common_problems([*apart, *judged])
    place = {name: row for row, name in enumerate(pool.problem_ids)}
    rows = [place[name] for name in outcomes[0].problem_ids]
    ease = oracle_difficulty(pool.correct) if difficulty == "oracle" else predicted_difficulty(verifier_scores(pool))
    n_bins = max(1, min(bins, len(rows) // 2))
    numbers = bin_problems(pool, n_bins, difficulty)[rows]
    caption = [source(pool), bins_line(n_bins, difficulty), bands_line()]
    if len(rows) < len(pool.problem_ids):
        caption.insert(1, f"compared on the {len(rows)} problems that all strategies hold")
    return Held(pool, outcomes, numbers, ease[rows], difficulty, caption, notes)


def frames_of(frontiers: Mapping[str, Frontier]) -> dict[str, tuple[pl.DataFrame, str]]:
    """Tables and units of frontiers, as `frontier_chart` takes them."""
    return {preset: (one.frame, one.unit) for preset, one in frontiers.items()}


def _there(read: Callable[[], Any]) -> Any:
    """What a store holds; None: it does not."""
    try:
        return read()
    except TTCError:
        return None


def _revisions(pool: Pool, notes: list[str]) -> list[Outcomes]:
    """Revisions at three ratios of sequential to parallel, each a strategy to choose."""
    chains = _there(lambda: load_chains(pool.store))
    if chains is None:
        notes.append("left out, since the store does not hold it: revisions (not collected)")
        return []
    return [
        one
        for ratio in RATIOS
        if (budgets := held_budgets(chains, ratio))
        for one in _there(partial(replay_revisions, chains, budgets, ratio=ratio)) or []
    ]
