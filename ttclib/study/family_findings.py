"""What families of models showed, in sentences computed from the numbers: pairs at equal FLOPs, training, sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import prefixed, shown, shown_interval

WORDS = {"small": "the small one ahead", "large": "the larger one ahead", "too close": "too close to call"}
CHECKED = "checked by a perfect verifier"


def of_pairs(pairs: pl.DataFrame) -> tuple[str, ...]:
    """How often who is ahead, what each pair comes to task by task, and where it changes."""
    rows = pairs.filter("neighbours").to_dicts()
    if not rows:
        return ()
    size = max(row["pool_ends_at"] for row in rows)
    count = {who: [row for row in rows if who_is_ahead(row) == who] for who in ("small", "large", "depends")}
    low, high = min(row["lowest_rate"] for row in rows), max(row["highest_rate"] for row in rows)
    said = [
        f"Of {len(rows)} pairs of neighbours and tasks the small model, with at most {size} attempts {CHECKED}, is "
        f"ahead at every R from {low:g} to {high:g} in {len(count['small'])}, behind with all of its attempts in "
        f"{len(count['large'])}; in {len(count['depends'])} it depends on R or is too close to call."
    ]
    for name in dict.fromkeys(row["pair"] for row in rows):
        own = [row for row in rows if row["pair"] == name]
        parts = [
            f"{row['task']} {_points(row)} points {_interval(row)}, {WORDS.get(row['winner'], 'not answerable')}"
            for row in own
        ]
        differ = len({row["winner"] for row in own}) > 1
        lead = f"{name}: the verdict depends on the task" if differ else name
        said.append(
            f"{lead}. {own[0]['pool_ends_at']} attempts of the small one, {CHECKED}, against one answer: "
            f"{'; '.join(parts)}."
        )
    meet = [row for row in rows if 0 < row["crossing"] < np.inf]
    if meet:
        parts = [
            f"{row['pair']} on {row['task']} at {row['attempts']:.0f} attempts {_ends(row, 'attempts')}, "
            f"R = {prefixed(row['crossing'])} {_ends(row, 'crossing')}"
            for row in meet
        ]
        said.append(f"Within the pool they meet, {CHECKED}: {'; '.join(parts)}.")
    beyond = [row for row in rows if row["crossing"] == 0]
    if beyond:
        parts = [f"{row['pair']} on {row['task']} {_estimate(row)}" for row in beyond]
        said.append(f"Beyond the pool, {CHECKED}, a beta-binomial fit estimates: {'; '.join(parts)}.")
    return tuple(said)


def who_is_ahead(row: dict[str, Any]) -> str:
    """``small``: with the fewest attempts that any R pays for; ``large``: against all attempts; or ``depends``."""
    if row["winner_at_highest"] == "small":
        return "small"
    return "large" if row["winner"] == "large" else "depends"


def _estimate(row: dict[str, Any]) -> str:
    if row["attempts_fitted"] == np.inf:
        return "that no number of attempts catches up"
    return (
        f"{prefixed(row['attempts_fitted'])} attempts {_ends(row, 'attempts', '_fitted')}, "
        f"R = {prefixed(row['crossing_fitted'])} {_ends(row, 'crossing', '_fitted')}"
    )


def _ends(row: dict[str, Any], name: str, told: str = "") -> str:
    """Both ends of an interval; an end that is not told is open."""
    return shown_interval(row[f"{name}_low{told}"], row[f"{name}_high{told}"], "exchange_rate")


def _points(row: dict[str, Any]) -> str:
    return shown(row["difference"], "difference")


def _interval(row: dict[str, Any]) -> str:
    return shown_interval(row["ci_low"], row["ci_high"], "difference")
