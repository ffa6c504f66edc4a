"""Beam search: of N candidates keep the N/M best and draw M continuations of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttclib.replay.beam import SQRT, beam_search
from ttclib.replay.strategies.tree_search import TreeSearch, beam_width_parameter, check_width, width_said
from ttclib.replay.strategy import Look, register
from ttclib.replay.tree import Search


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

    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return beam_search(budget, self.beam_width, aggregation=aggregation, first=first, max_rounds=self.max_rounds)
