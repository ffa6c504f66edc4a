"""Revisions: N answers as chains in which each answer sees the ones before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import NAMED_RATIOS, budgets_collected, revision_outcomes, splits_collected
from ttclib.replay.revisions import SELECTIONS
from ttclib.replay.strategies.tree_search import SELECTION_HELP
from ttclib.replay.strategy import Look, Strategy, parameter, register
from ttclib.samples import Chains, Verifier


@register
@dataclass(frozen=True)
class Revisions(Strategy):
    """A ratio of sequential to parallel, whose budgets are one curve.
    Snell et al. 2024, arXiv:2408.03314, section 6.
    """

    # float or {"sequential", "parallel"}; sequential over parallel; the nearest split that a budget allows is used
    ratio: float | str = parameter(
        1.0,
        help="Sequential over parallel; sequential: one chain; parallel: first answers only.",
        allowed=NAMED_RATIOS,
        kind=float,
        several=True,
    )
    selection: str = parameter(SELECTIONS[0], help=SELECTION_HELP, allowed=SELECTIONS)  # {"hierarchical", "majority"}

    name: ClassVar[str] = "revisions"
    label: ClassVar[str] = "revisions"
    summary: ClassVar[str] = (
        "N answers as chains in which each sees the ones before it, chosen inside and across chains"
    )
    reads: ClassVar[str] = "chains"
    look: ClassVar[Look | None] = Look("#767676", (4, 2), "M-.8,-.8L.8,-.8L.8,.1L0,.9L-.8,.1Z")
    command: ClassVar[str] = "ttc revise CONFIG --store {store}"

    def __post_init__(self) -> None:
        one_of(self.selection, SELECTIONS, "selection")
        if isinstance(self.ratio, str):
            one_of(self.ratio, NAMED_RATIOS, "ratio")
        elif not self.ratio > 0:
            raise RequestError(f"ratio {self.ratio}: give a number above 0, or {', '.join(NAMED_RATIOS)}")

    @property
    def reads_scores(self) -> bool:
        """A majority needs no verifier."""
        return self.selection != "majority"

    def said(self) -> list[str]:
        """The ratio, and the selection where it is not the first."""
        ratio = self.ratio if isinstance(self.ratio, str) else f"ratio {self.ratio:g}"
        return [ratio, *([] if self.selection == SELECTIONS[0] else [self.selection])]

    def collected(self, samples: Chains) -> list[int]:
        """The powers of two whose split at this ratio some problem holds."""
        return budgets_collected(samples, self.ratio)

    def replay(
        self,
        samples: Chains,
        budgets: Sequence[int],
        *,
        verifier: Verifier | None = None,
        aggregation: str = "last",
        seed: int = 0,
    ) -> Outcomes:
        """As `Strategy.replay`, one curve over the budgets."""
        reads = (verifier or samples.verifier()) if self.reads_scores else None
        found = revision_outcomes(
            samples,
            budgets,
            ratio=self.ratio,
            selection=self.selection,
            verifier=reads,
            aggregation=aggregation,
            seed=seed,
        )
        source = self.outcomes(
            samples,
            reads,
            aggregation,
            budgets=found.budgets,
            problem_ids=found.problem_ids,
            accuracy=found.accuracy,
            costs={},
        ).source
        return replace(found, strategy=self.name, variant=self.variant, source=source)


def ratios_collected(chains: Chains) -> list[float]:
    """Every ratio of sequential to parallel that some budget can be split by, from parallel on."""
    budgets = budgets_collected(chains, None)
    return sorted({s / p for budget in budgets for s, p in splits_collected(chains, budget)})
