"""DVTS: independent subtrees, each of which keeps its best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import ClassVar

from ttclib.replay.beam import beam_search, check_budget, resolve_width
from ttclib.replay.strategies.beam_search import BeamSearch, walk
from ttclib.replay.strategy import Look, register
from ttclib.replay.tree import MAX_ROUNDS, Search, even_shares, side_by_side
from ttclib.replay.walks import walked_by


def dvts(
    n_beams: int,
    beam_width: int | str = 4,
    *,
    aggregation: str = "last",
    first: int = 0,
    max_rounds: int = MAX_ROUNDS,
) -> Search:
    """N/M subtrees side by side, each of which draws M candidates a round and keeps the best one.

    Each subtree is `beam_search` with N = M and its own first steps, so finished candidates and
    duplicates are treated as there: a subtree whose best candidate has ended returns that one, and
    one whose candidates have all ended returns all of them. Where M does not divide N there are
    max(1, N // M) subtrees, over which N is spread evenly, the remainder over the first.

    Parameters
    ----------
    n_beams : int
        N, the budget: candidates decoded side by side, over all subtrees.
    beam_width : int or "sqrt"
        M, candidates of a subtree, 1 to N.
    aggregation, first, max_rounds
        As in `beam_search`.

    Raises
    ------
    RequestError
        N below 1, M not in 1 … N.

    References
    ----------
    Beeching et al. 2024, "Scaling test-time compute with open models"; Liu et al. 2025,
    arXiv:2502.06703, for M = 4.
    """
    check_budget(n_beams)
    sizes = even_shares(n_beams, max(1, n_beams // resolve_width(beam_width, n_beams)))
    starts = [first, *(first + end for end in accumulate(sizes))]
    return side_by_side(
        [
            beam_search(size, size, aggregation=aggregation, first=start, max_rounds=max_rounds)
            for size, start in zip(sizes, starts, strict=False)
        ]
    )


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
