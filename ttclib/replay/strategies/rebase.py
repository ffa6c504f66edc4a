"""REBASE: the continuations are shared out in proportion to exp(score/T)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttclib.errors import RequestError
from ttclib.replay.rebase import TEMPERATURE, rebase
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.tree import Search
from ttclib.replay.walks import Walked, walked_by


def _walk(search: Rebase, asked: Walked) -> None:
    from ttclib.replay.rebase_kernel import walk_rebase

    walk_rebase(
        *(asked.tree, asked.roots, asked.n_rows, asked.budgets, float(search.rebase_temperature)),
        *(asked.max_rounds, asked.selection, asked.results, asked.status, asked.returned),
    )


@register
@dataclass(frozen=True)
class Rebase(TreeSearch):
    """Wu et al. 2024, arXiv:2408.00724."""

    rebase_temperature: float = parameter(TEMPERATURE, help="T of the softmax over rewards.", several=True)

    name: ClassVar[str] = "rebase"
    label: ClassVar[str] = "REBASE"
    summary: ClassVar[str] = "shares N continuations among all candidates in proportion to exp(score/T)"
    look: ClassVar[Look | None] = Look("#8C7A00", (2, 3), "triangle-left")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rebase_temperature > 0:
            raise RequestError(f"rebase temperature {self.rebase_temperature}: give a number above 0")

    def said(self) -> list[str]:
        """T, where it is not the paper's."""
        own = [] if self.rebase_temperature == TEMPERATURE else [f"T={self.rebase_temperature:g}"]
        return [*own, *super().said()]

    @walked_by(_walk)
    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return rebase(
            budget,
            temperature=self.rebase_temperature,
            aggregation=aggregation,
            first=first,
            max_rounds=self.max_rounds,
        )
