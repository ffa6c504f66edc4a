"""What the steps before a step make of it: its aggregated score, and how many tokens stand up to its end."""

from __future__ import annotations

import math

import numpy as np

from ttclib.replay.compiling import compiled


@compiled
def along_paths(
    parent: np.ndarray,
    n_tokens: np.ndarray,
    score: np.ndarray,
    is_read: np.ndarray,
    aggregation: int,
    value: np.ndarray,
    known: np.ndarray,
    upto: np.ndarray,
) -> None:
    """Fill `value`, `known` and `upto`; the aggregation by its place in `AGGREGATIONS`: last, min, prod, mean."""
    depth = np.zeros(len(parent), np.int64)
    for row in range(len(parent)):
        before = parent[row]
        if before < 0:
            value[row] = 1.0 if aggregation == 2 else (math.inf if aggregation == 1 else 0.0)
            known[row], upto[row] = True, n_tokens[row]
            continue
        known[row] = known[before] and is_read[row]
        upto[row] = upto[before] + n_tokens[row]
        depth[row] = depth[before] + 1
        own, rest = score[row], value[before]
        if aggregation == 0:
            value[row] = own
        elif math.isnan(own) or math.isnan(rest):
            value[row] = math.nan
        elif aggregation == 1:
            value[row] = min(own, rest)
        else:
            value[row] = rest * own if aggregation == 2 else rest + own
    if aggregation == 3:
        for row in range(len(parent)):
            if depth[row]:
                value[row] /= depth[row]
