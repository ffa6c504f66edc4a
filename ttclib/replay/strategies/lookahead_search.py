"""Lookahead search: beam search whose candidates are judged by where a greedy rollout leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttclib.errors import RequestError
from ttclib.replay.beam import beam_search
from ttclib.replay.strategies.beam_search import BeamSearch, walk
from ttclib.replay.strategies.tree_search import width_said
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.tree import Search
from ttclib.replay.walks import walked_by


@register
@dataclass(frozen=True)
class LookaheadSearch(BeamSearch):
    """Snell et al. 2024, arXiv:2408.03314, section 5.2.

    Examples
    --------
    >>> LookaheadSearch(lookahead_steps=3).variant, LookaheadSearch(lookahead_steps=3).generations(64)
    ('lookahead_search (M=4, k=3)', 256)
    """

    lookahead_steps: int = parameter(1, help="k, steps of a greedy rollout that judges a candidate.", several=True)

    name: ClassVar[str] = "lookahead_search"
    label: ClassVar[str] = "lookahead search"
    summary: ClassVar[str] = "beam search, but a candidate is judged by where a greedy rollout of k more steps leads"
    look: ClassVar[Look | None] = Look("#E69F00", (7, 3), "triangle-down")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lookahead_steps < 1:
            raise RequestError(f"lookahead_search with lookahead_steps {self.lookahead_steps}: allowed 1 or more")

    def said(self) -> list[str]:
        """M and k, and what differs."""
        return [width_said(self.beam_width), f"k={self.lookahead_steps}", *super().said()[1:]]

    def generations(self, budget: int) -> int:
        """N·(k + 1)."""
        return budget * (self.lookahead_steps + 1)

    @walked_by(lambda search, asked: walk(search, asked, lookahead_steps=search.lookahead_steps))
    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return beam_search(
            budget,
            self.beam_width,
            lookahead_steps=self.lookahead_steps,
            aggregation=aggregation,
            first=first,
            max_rounds=self.max_rounds,
        )
