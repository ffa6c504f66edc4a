"""What families of models showed, in sentences computed from the numbers: pairs at equal FLOPs, training, sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import prefixed, shown, shown_interval
from ttclib.analysis.resampling import interval
from ttclib.analysis.training import Training

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


def of_training(found: Training, target: float) -> tuple[str, ...]:
    """Which size is cheapest with how many queries, where that changes, and which sizes never are."""
    share = f"{target * 100:g} % of {found.n_problems} problems"
    chosen = found.choices.filter(np.isclose(found.choices["target"], target)).drop_nulls("policy")
    if not len(chosen):
        most = found.reached.sort("coverage").row(-1, named=True)
        return (
            f"No checkpoint covers {share}, {CHECKED}: {most['policy']} comes furthest, with {most['k']:,.0f} samples to "
            f"{shown(most['coverage'], 'accuracy')}.",
        )
    rows = chosen.sort("queries").to_dicts()
    first, last = rows[0], rows[-1]
    few, many = (prefixed(row["queries"]) for row in (first, last))
    said = [
        f"To cover {share}, {CHECKED}, the cheapest of {len(found.reached)} checkpoints is {_checkpoint(first)} for "
        f"{few} queries, with {first['training_share'] * 100:.0f} % of the FLOPs in training, and {_checkpoint(last)} for "
        f"{many}, with {last['training_share'] * 100:.2g} %."
    ]
    own = found.takeovers.filter(np.isclose(found.takeovers["target"], target)).sort("n_parameters").to_dicts()
    if own:
        steps = [
            f"{size_of(row['n_parameters'])} from {prefixed(row['crossing'])} queries "
            f"{shown_interval(row['ci_low'], row['ci_high'], 'exchange_rate')} (R = {prefixed(row['exchange_rate'])})"
            for row in own
        ]
        said.append(f"A larger size takes over, {CHECKED}: {', '.join(steps)}.")
    else:
        said.append(f"One size, {size_of(last['n_parameters'])}, is cheapest throughout, {CHECKED}.")
    largest = max(row["n_parameters"] for row in rows)
    above = found.sizes.filter(np.isclose(found.sizes["target"], target)).filter(pl.col("n_parameters") > largest)
    if len(above):
        sizes = sorted(above["n_parameters"].unique().to_list())
        end = above.filter(pl.col("queries") == last["queries"]).sort("factor").row(0, named=True)
        what = " and ".join(dict.fromkeys(size_of(size) for size in (sizes[0], sizes[-1])))
        between = f"{'sizes from ' if len(sizes) > 1 else ''}{what.replace(' and ', ' to ')}"
        said.append(
            f"Up to {many} queries {between} never pay, {CHECKED}: the nearest, {size_of(end['n_parameters'])}, costs "
            f"{end['factor']:.2g} times as much."
        )
    return tuple(said)


def of_held_out(frame: pl.DataFrame) -> tuple[str, ...]:
    """How often the interval of a held-out checkpoint holds what was measured, and how wide it is."""
    said = []
    for (k,), own in frame.sort("k").group_by("k", maintain_order=True):
        held, count = int(own["holds"].sum()), len(own)
        low, high = interval(own["holds"].cast(pl.Float64).to_numpy())[1:]
        miss = float(np.median(np.exp(np.abs(np.log(own["predicted"] / own["measured"])))))
        width = float(np.median(own["ci_high"] / own["ci_low"]))
        said.append(
            f"pass@{k}: the 95 % interval from the other checkpoints holds {held} of {count} that were held out "
            f"({held / count * 100:.0f} % [{low * 100:.0f}, {high * 100:.0f}]); a prediction misses by a factor of "
            f"{miss:.2g}, half of the time by more, and an interval spans a factor of {width:.2g}."
        )
    return tuple(said)


def size_of(n_parameters: int) -> str:
    """A model's size as it is called: 14M, 1.4B.

    Examples
    --------
    >>> size_of(14_000_000), size_of(1_400_000_000)
    ('14M', '1.4B')
    """
    return prefixed(n_parameters, digits=2).replace(" ", "").replace("G", "B").replace("k", "K").replace(".0", "")


def _checkpoint(row: dict[str, Any]) -> str:
    return (
        f"{size_of(row['n_parameters'])} trained on {size_of(row['training_tokens'])} tokens ({prefixed(row['k'])} "
        "samples a query)"
    )
