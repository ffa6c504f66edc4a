"""Beam search: of N candidates keep the N/M best and draw M continuations of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.replay.beam import SQRT, beam_search, resolve_width
from ttclib.replay.strategies.tree_search import TreeSearch, beam_width_parameter, check_width, width_said
from ttclib.replay.strategy import Look, register
from ttclib.replay.tree import Search
from ttclib.replay.walks import Walked, walked_by


def walk(search: BeamSearch, asked: Walked, *, lookahead_steps: int = 0, subtrees: bool = False) -> None:
    """Beam search in compiled code; DVTS is one in each of its subtrees, that keeps the best."""
    from ttclib.replay.beam_kernel import walk_beams

    parts = np.array([max(1, n // resolve_width(search.beam_width, n)) for n in asked.budgets.tolist()])
    n_groups, n_kept = (parts, np.ones_like(parts)) if subtrees else (np.ones_like(parts), parts)
    walk_beams(
        *(asked.tree, asked.roots, asked.n_rows, asked.budgets, n_groups, n_kept, lookahead_steps),
        *(asked.max_rounds, asked.selection, asked.results, asked.status, asked.returned),
    )


@register
@dataclass(frozen=True)
class BeamSearch(TreeSearch):
    """Snell et al. 2024, arXiv:2408.03314, section 5.2.

    Examples
    --------
    >>> BeamSearch(beam_width="sqrt").variant
    'beam_search (M=√N)'
    """

    beam_width: int | str = beam_width_parameter()

    name: ClassVar[str] = "beam_search"
    label: ClassVar[str] = "beam search"
    summary: ClassVar[str] = "of N candidates at every step keeps the N/M best and draws M continuations of each"
    look: ClassVar[Look | None] = Look("#CC79A7", (), "cross")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.beam_width)

    def said(self) -> list[str]:
        """M, and what differs."""
        return [width_said(self.beam_width), *super().said()]

    def allows(self, budget: int) -> bool:
        """From the beam width on."""
        return budget >= 1 and (self.beam_width == SQRT or budget >= int(self.beam_width))

    @walked_by(walk)
    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return beam_search(budget, self.beam_width, aggregation=aggregation, first=first, max_rounds=self.max_rounds)
