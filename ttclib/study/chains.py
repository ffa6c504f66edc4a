"""Revision chains looked at closely: right along the chain, what revising turns wrong, how a budget is best split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown
from ttclib.analysis.ease import oracle_difficulty
from ttclib.analysis.revisions import chain_pass_at_1, correct_to_wrong, ratio_sweep
from ttclib.analysis.winners import MARGIN
from ttclib.errors import RequestError
from ttclib.replay.revision_outcomes import budgets_collected
from ttclib.replay.revisions import SELECTIONS
from ttclib.samples import Chains
from ttclib.study import settling
from ttclib.study.captions import bands_line
from ttclib.study.question import BEST, Question
from ttclib.study.study import Curves, Study
from ttclib.study.telling import DEFAULT_BINS

BESIDE = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")


@dataclass(frozen=True)
class RevisionChains:
    """The chains of one revision model beside the samples of a policy."""

    study: Study  # of the policy whose samples are the comparison and tell the difficulty
    asked: Question
    chains: Chains
    bins: dict[str, int]
    n_bins: int
    caption: tuple[str, ...]
    cut: str  # how the bins were

    @property
    def caption_by_bin(self) -> tuple[str, ...]:
        """The caption of what shows bins."""
        return (*self.caption[:-1], self.cut, self.caption[-1])

    @property
    def selection(self) -> str:
        """How an answer is chosen among all of all chains."""
        return str(self.asked.parameters.get("selection", SELECTIONS[:1])[0])

    def along(self) -> pl.DataFrame:
        """Chance that a chain's answer is right, by its position."""
        return chain_pass_at_1(self.chains, seed=self.asked.seed)

    def changes(self) -> pl.DataFrame:
        """How often the next answer turns a right one wrong, and a wrong one right."""
        return correct_to_wrong(self.chains, seed=self.asked.seed)

    def sweep(self) -> pl.DataFrame:
        """Accuracy of every split of every budget into sequential and parallel."""
        return self._swept

    @cached_property
    def _swept(self) -> pl.DataFrame:
        majority = self.selection == "majority"
        return ratio_sweep(
            self.chains,
            budgets_collected(self.chains, None),
            selection=self.selection,
            verifier=None if majority else self.chains.verifier(self.asked.verifier),
            aggregation=self.asked.aggregation,
            bins_of_problems=self.bins,
            n_bins=self.n_bins,
            seed=self.asked.seed,
        )

    def beside_sampling(self) -> Curves:
        """Revisions at the best ratio, chosen on other problems than it is scored on, and the policy's sampling."""
        asked = self.asked.but(
            strategies=(*BESIDE, "revisions"),
            parameters={**self.asked.parameters, "ratio": (BEST,)},
            problems="revised",
            lacking="leave out",
        )
        return self.study.replay(asked if asked.bins else asked.but(bins=self.n_bins))

    def references(self) -> dict[str, float]:
        """pass@1 of the policy's independent samples on the chains' problems, by name."""
        pool = self.study.pool
        same = np.isin(pool.problem_ids, self.chains.problem_ids)
        ease = oracle_difficulty(pool.correct[same])
        known = ease[~np.isnan(ease)]
        return {f"{pool.policy}, independent": float(known.mean())} if len(known) else {}

    def findings(self) -> tuple[str, ...]:
        """Whether later answers are better, and how often a right one is lost."""
        along, changes = self.along(), {row["change"]: row for row in self.changes().to_dicts()}
        first, last = along.row(0, named=True), along.row(-1, named=True)
        gain = last["accuracy"] - first["accuracy"]
        apart = last["ci_low"] > first["ci_high"] or last["ci_high"] < first["ci_low"]
        verdict = "higher" if gain > 0 else "lower"
        said = [
            f"The answer at place {last['position'] + 1} of a chain is right in {shown(last['accuracy'], 'accuracy')}, "
            f"the first in {shown(first['accuracy'], 'accuracy')}"
            + (f": {verdict}, beyond both intervals." if apart else ": the intervals overlap.")
        ]
        lost = changes["correct_to_wrong"]
        if lost["share"] is not None:
            said.append(
                f"A right answer is turned wrong in {shown(lost['share'], 'share')} of {lost['n_pairs']:,} pairs."
            )
        return (*said, *(() if apart else _settling(first, last)))


def open_chains(study: Study, asked: Question, *, bins: int = DEFAULT_BINS) -> RevisionChains:
    """The revision chains of a store, with the difficulty of their problems.

    Parameters
    ----------
    bins : int
        Difficulty bins, where the question names none; fewer where there are fewer problems.

    Raises
    ------
    NotInStore
        The store holds no chains.
    RequestError
        Several revision models and none named, or no complete chain.
    """
    chains = study.members[0].chains(asked.reviser)
    if not budgets_collected(chains, None):
        raise RequestError(
            f"'{chains.store}' holds no complete chain of '{chains.policy}': continue with `ttc revise CONFIG`"
        )
    whole = asked.but(strategies=("pass_at_k",), problems="revised", parameters={})
    n_problems = len(study.compared(whole).problem_ids)
    if whole.bins is None and whole.thresholds is None:
        whole = whole.but(bins=min(bins, n_problems))
    told = study.told(whole)
    ids = study.compared(whole).problem_ids
    numbers: dict[str, Any] = dict(zip(ids, told.difficulty.bins.tolist(), strict=False))
    majority = asked.parameters.get("selection", SELECTIONS[:1])[0] == "majority"
    reads = "majority over all answers" if majority else f"scored by {chains.verifier(asked.verifier).label}"
    most, longest = chains.present.shape[1], int(chains.lengths.max())
    caption = (
        f"{study.store.name} · revision model {chains.policy} · {len(chains.problem_ids)} problems × {most} chains × "
        f"{longest} answers",
        reads,
        bands_line(),
    )
    bins_of = {name: numbers.get(name, 0) for name in chains.problem_ids}
    return RevisionChains(
        study, asked, chains, bins_of, told.difficulty.n_bins, caption, f"bins by {told.difficulty.label}"
    )


def _settling(first: dict[str, Any], last: dict[str, Any]) -> tuple[str, ...]:
    """The problems at which intervals like these two would no longer overlap."""
    gain, n = last["accuracy"] - first["accuracy"], last["n_problems"]
    higher, lower = (last, first) if gain > 0 else (first, last)
    towards = higher["accuracy"] - higher["ci_low"] + lower["ci_high"] - lower["accuracy"]
    needed = math.inf if abs(gain) <= MARGIN else math.ceil(n * (towards / gain) ** 2)
    return settling.said({f"places 1 and {last['position'] + 1}": (max(n, needed), n)})
