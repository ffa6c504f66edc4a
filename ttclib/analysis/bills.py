"""Savings at many numbers of queries that share the bill for knowing the difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.compute_optimal import ComputeOptimal
from ttclib.analysis.efficiency import efficiency
from ttclib.replay.outcomes import Outcomes


def savings_by_queries(
    chosen: ComputeOptimal,
    baseline: Outcomes,
    n_probes: int,
    queries: Sequence[int] = (1, 4, 16, 64, 256, 1024, 4096),
    *,
    reused: bool = False,
    **settings: Any,
) -> pl.DataFrame:
    """`efficiency` once for each number of queries, one under the other.

    Parameters
    ----------
    chosen : ComputeOptimal
    baseline : Outcomes
    n_probes : int
        Samples a problem that tell its difficulty.
    queries : sequence of int
        Queries of the same problem that share them.
    reused : bool
        As in `DifficultyBill`.
    **settings
        Of `efficiency`.

    Returns
    -------
    polars.DataFrame
        The columns of `efficiency` and ``queries``.
    """
    return pl.concat(
        efficiency(chosen, baseline, bill=DifficultyBill(n_probes, number, reused), **settings).with_columns(
            queries=pl.lit(number)
        )
        for number in queries
    )
