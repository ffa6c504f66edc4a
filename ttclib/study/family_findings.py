"""What families of models showed, in sentences computed from the numbers: pairs at equal FLOPs, training, sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.beyond_pool import BeyondPool
from ttclib.analysis.columns import prefixed, shown, shown_interval, sized
from ttclib.analysis.resampling import interval
from ttclib.analysis.training import Training
from ttclib.study import settling

WORDS = {"small": "the small one ahead", "large": "the larger one ahead", "too close": "too close to call"}
CHECKED = "checked by a perfect verifier"
TINY = 0.001  # an R below which no model is asked so rarely


def of_pairs(found: pl.DataFrame) -> tuple[str, ...]:
    """How often who is ahead, what each pair comes to task by task, and where it changes."""
    rows = found.filter("neighbours").to_dicts()
    if not rows:
        return ()
    size = max(row["pool_ends_at"] for row in rows)
    count = {who: [row for row in rows if who_is_ahead(row) == who] for who in ("small", "large", "depends")}
    low, high = min(row["lowest_rate"] for row in rows), max(row["highest_rate"] for row in rows)
    said = [
        f"With at most {size} attempts, {CHECKED}, the small model is ahead at every R from {low:g} to {high:g} in "
        f"{len(count['small'])} of {len(rows)} pairs of neighbours and tasks, and behind with all of them in "
        f"{len(count['large'])}; in {len(count['depends'])} it depends on R or is too close to call."
    ]
    if len(rows) == 1:
        verdict = {
            "small": f"is ahead at every R from {low:g} to {high:g}",
            "large": "is behind with all of them",
            "depends": "is ahead or behind as R is, or too close to call",
        }[who_is_ahead(rows[0])]
        said = [f"With at most {size} attempts, {CHECKED}, the small model {verdict}."]
    alone = []
    for name in dict.fromkeys(row["pair"] for row in rows):
        own = [row for row in rows if row["pair"] == name]
        if len(own) == 1:
            alone.append(f"{name} on {_verdict(own[0])}")
            continue
        differ = ": the verdict depends on the task" if len({row["winner"] for row in own}) > 1 else ""
        against = f"{own[0]['pool_ends_at']} attempts of the small one, {CHECKED}, against one answer"
        said.append(f"{name}{differ}. {against}: {'; '.join(map(_verdict, own))}.")
    if alone:
        said.append(f"On one task, {size} attempts, {CHECKED}, against one answer: {'; '.join(alone)}.")
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
    left = settling.open_rows(rows, len(rows))
    wanted = {f"{row['pair']} on {row['task']}": (needed, row["n_problems"]) for row, needed in left}
    return (*said, *settling.said(wanted))


def of_beyond(found: BeyondPool) -> tuple[str, ...]:
    """How many attempts it takes to catch up: in the pool, and by the fit where the pool ends before."""
    said = []
    for told, needed in ((f"Of {found.pool_ends_at} attempts", found.measured), ("By the fit", found.fitted)):
        ends = shown_interval(needed.attempts_low, needed.attempts_high, "attempts")
        if needed.attempts == np.inf:
            said.append(f"{told} all, {CHECKED}, are not enough for one answer of the larger model {ends}.")
            continue
        until = "at every R" if needed.crossing == np.inf else f"up to R = {prefixed(needed.crossing)}"
        rates = shown_interval(needed.crossing_low, needed.crossing_high, "crossing")
        said.append(
            f"{told} {prefixed(needed.attempts)} {ends}, {CHECKED}, pass one answer of the larger model: the small one "
            f"is ahead {until} {rates}."
        )
    return tuple(said)


def who_is_ahead(row: dict[str, Any]) -> str:
    """``small``: with the fewest attempts that any R pays for; ``large``: against all attempts; or ``depends``."""
    if row["winner_at_highest"] == "small":
        return "small"
    return "large" if row["winner"] == "large" else "depends"


def _verdict(row: dict[str, Any]) -> str:
    """A task, the difference there with all attempts, and who is ahead."""
    words = WORDS.get(row["winner"], "not answerable")
    return f"{row['task']} {_points(row)} points {_interval(row)}, {words}"


def _estimate(row: dict[str, Any]) -> str:
    if row["attempts_fitted"] == np.inf:
        return "that no number of attempts catches up"
    return (
        f"{prefixed(row['attempts_fitted'])} attempts {_ends(row, 'attempts', '_fitted')}, "
        f"R {_rate(row['crossing_fitted'])} {_ends(row, 'crossing', '_fitted')}"
    )


def _rate(rate: float) -> str:
    return f"= {prefixed(rate)}" if rate >= TINY else f"below {TINY:g}"


def _ends(row: dict[str, Any], name: str, told: str = "") -> str:
    """Both ends of an interval; an end that is not told is open."""
    low, high = (row[f"{name}_{end}{told}"] for end in ("low", "high"))
    return shown_interval(low if low >= TINY else 0.0, high, "exchange_rate")


def _points(row: dict[str, Any]) -> str:
    return shown(row["difference"], "difference")


def _interval(row: dict[str, Any]) -> str:
    return shown_interval(row["ci_low"], row["ci_high"], "difference")


def of_training(found: Training, target: float) -> tuple[str, ...]:
    """Which size is cheapest with how many queries, where that changes, and which sizes never are."""
    share = f"{target * 100:g} % of {found.n_problems} problems, {CHECKED}"
    chosen = found.choices.filter(np.isclose(found.choices["target"], target)).drop_nulls("policy")
    if not len(chosen):
        most = found.reached.sort("coverage").row(-1, named=True)
        furthest = f"with {most['k']:,.0f} samples to {shown(most['coverage'], 'accuracy')}"
        return (f"No checkpoint covers {share}: {most['policy']} comes furthest, {furthest}.",)
    rows = chosen.sort("queries").to_dicts()
    first, last = rows[0], rows[-1]
    cheapest = f"To cover {share}, the cheapest of {len(found.reached)} checkpoints"
    alike = len({(row["policy"], row["k"]) for row in rows}) == 1
    if alike:
        span = f"from {count_of(first['queries'])} to {count_of(last['queries'])}"
        said = [f"{cheapest} is {_checkpoint(first)} for any number of queries {span}."]
    else:
        ends = [
            f"{_checkpoint(row)} for {count_of(row['queries'])} queries, {_part(row['training_share'])} of the FLOPs "
            "in training"
            for row in (first, last)
        ]
        said = [f"{cheapest} is {'; and '.join(ends)}."]
    own = found.takeovers.filter(np.isclose(found.takeovers["target"], target)).sort("n_parameters").to_dicts()
    if own:
        steps = [
            f"{sized(row['n_parameters'])} from {count_of(row['from_queries'])} queries {_open_ends(row)} "
            f"(R = {prefixed(row['exchange_rate'])})"
            for row in own
        ]
        said.append(f"A larger size takes over, {CHECKED}: {', '.join(steps)}.")
    elif not alike:
        said.append(f"One size, {sized(last['n_parameters'])}, is the cheapest at every number of queries, {CHECKED}.")
    largest = max(row["n_parameters"] for row in rows)
    above = found.sizes.filter(np.isclose(found.sizes["target"], target)).filter(pl.col("n_parameters") > largest)
    if len(above):
        sizes = above["n_parameters"].unique().sort().to_list()
        end = above.filter(pl.col("queries") == last["queries"]).sort("factor").row(0, named=True)
        names = " to ".join(dict.fromkeys(sized(size) for size in (sizes[0], sizes[-1])))
        said.append(
            f"Of the sizes that reach it {names} {'are' if len(sizes) > 1 else 'is'} never the cheapest, {CHECKED}: at "
            f"{count_of(last['queries'])} queries {sized(end['n_parameters'])} costs {end['factor']:.3g} times as much."
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
        wide = f"spans a factor of {prefixed(width)}" if np.isfinite(width) else "is open at an end"
        said.append(
            f"pass@{k}: the 95 % interval from the other checkpoints holds {held} of {count} that were held out "
            f"({held / count * 100:.0f} % [{low * 100:.0f}, {high * 100:.0f}]); a prediction misses by a factor of "
            f"{miss:.2g}, half of the time by more, and an interval {wide}."
        )
    return tuple(said)


def count_of(queries: float) -> str:
    """A number of queries in words.

    Examples
    --------
    >>> count_of(448_434), count_of(2.4e8), count_of(1e12)
    ('448 thousand', '240 million', '1 trillion')
    """
    for unit, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if queries >= unit * 0.9995:
            return f"{queries / unit:.3g} {word}"
    return f"{queries:.3g}"


def _open_ends(row: dict[str, Any]) -> str:
    """The interval of a number of queries, in words where an end is open."""
    low, high = (row[end] for end in ("ci_low", "ci_high"))
    if low is None and high is None:
        return "[open]"
    return f"[{'open' if low is None else count_of(low)}, {'open' if high is None else count_of(high)}]"


def _part(share: float) -> str:
    """A share in per cent; one that would round to nothing as what it is below."""
    return shown(share, "accuracy") if share >= 5e-4 else "under 0.1%"


def _checkpoint(row: dict[str, Any]) -> str:
    samples = f"{prefixed(row['k'])} sample{'' if row['k'] == 1 else 's'} a query"
    return f"{sized(row['n_parameters'])} trained on {sized(row['training_tokens'])} tokens ({samples})"
