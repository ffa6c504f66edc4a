"""What inside against outside gives: several answers against one, and both policies over their training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ttclib.analysis.catching_up import Caught


@dataclass(frozen=True)
class Inside:
    """Several answers of the side that answers at once, against one of each other side.

    Attributes
    ----------
    title : str
        What all sides have in common.
    without : str
        The side that answers at once.
    frame : polars.DataFrame
        ``unit`` and the columns of `ttclib.analysis.many_or_once.MANY_OR_ONCE_SCHEMA`.
    curves : polars.DataFrame
        Accuracy against N of the side that answers at once: ``strategy``, ``budget``, ``accuracy``, ``ci_low``,
        ``ci_high``; of ``blind`` guesses, too, where all right answers are known.
    once : polars.DataFrame
        ``side``, ``accuracy``, ``ci_low``, ``ci_high``: one answer of each other side.
    blind : mapping of str to Caught
        From how many blind guesses on one of them is right as often as one answer of a side.
    """

    title: str
    without: str
    frame: pl.DataFrame
    curves: pl.DataFrame
    once: pl.DataFrame
    blind: Mapping[str, Caught]


@dataclass(frozen=True)
class InsideTraining:
    """Two families of one size over their training, and what each way to the same accuracy costs.

    Attributes
    ----------
    without, other : str
        The policy that answers at once, and the one with steps.
    frame : polars.DataFrame
        A checkpoint a row: ``side``, ``policy``, ``training_tokens``, ``accuracy`` of one answer with ``ci_low`` and
        ``ci_high``, ``n_problems``.
    needed : Caught
        Tokens of training after which one answer at once is right as often as one of the other side at its last.
    trained_ratio : float
        The most tokens that the first side was trained on, over those of the other.
    few_shot : dict or None
        As a row of `frame`: steps shown in the prompt.
    target : float
        What each way is to reach: accuracy of one answer of the other side at its last.
    routes : polars.DataFrame
        As `ttclib.analysis.catching_up.total_compute` gives it.
    """

    without: str
    other: str
    frame: pl.DataFrame
    needed: Caught
    trained_ratio: float
    few_shot: dict[str, Any] | None
    target: float
    routes: pl.DataFrame

    @property
    def few_routes(self) -> pl.DataFrame:
        """`routes` at a few R, those that get there."""
        rates = self.routes["exchange_rate"].unique().sort().to_list()
        return self.routes.drop_nulls("cost").filter(pl.col("exchange_rate").is_in(rates[:: max(1, len(rates) // 6)]))
