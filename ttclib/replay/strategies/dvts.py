"""DVTS: independent subtrees, each of which keeps its best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from ttclib.replay.dvts import dvts
from ttclib.replay.strategies.beam_search import BeamSearch, walk
from ttclib.replay.strategy import Look, register
from ttclib.replay.tree import Search
from ttclib.replay.walks import walked_by


@register
@dataclass(frozen=True)
class Dvts(BeamSearch):
    """Beeching et al. 2024; Liu et al. 2025, arXiv:2502.06703."""

    name: ClassVar[str] = "dvts"
    label: ClassVar[str] = "DVTS"
    summary: ClassVar[str] = "N/M independent trees, each keeps its best of M: none can crowd out another"
    look: ClassVar[Look | None] = Look("#56B4E9", (12, 3, 2, 3), "triangle-right")

    @walked_by(partial(walk, subtrees=True))
    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return dvts(budget, self.beam_width, aggregation=aggregation, first=first, max_rounds=self.max_rounds)
