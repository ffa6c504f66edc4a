"""Coverage or reasoning: what the gain of one policy or effort over another is made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown, shown_interval, shown_size
from ttclib.analysis.gain import gain
from ttclib.errors import RequestError
from ttclib.samples import Pool
from ttclib.study.answers import Answer
from ttclib.study.captions import bands_line, common_title, side_labels
from ttclib.study.lengths import of_lengths, within
from ttclib.study.study import Study

# By accuracy of one answer and by coverage: 1 the second side leads, 0 too close to call, −1 the first.
_VERDICTS = {
    (1, 1): "both an answer is better and more is reached",
    (1, 0): "an answer is better; that more is reached is not shown",
    (1, -1): "an answer is better, and less is reached",
    (0, 1): "more is reached; that an answer is better is not shown",
    (0, 0): "no difference is shown",
    (0, -1): "less is reached; that an answer is worse is not shown",
    (-1, 1): "more is reached, and an answer is worse",
    (-1, 0): "an answer is worse; that less is reached is not shown",
    (-1, -1): "both an answer is worse and less is reached",
}


@dataclass(frozen=True)
class Gains:
    """Pairs of sides, the later less the earlier, and accuracy by length within problems."""

    sides: tuple[str, ...]  # of one policy's settings the one of the shortest answers first
    frame: pl.DataFrame  # `first_side`, `second_side` and the columns of `ttclib.analysis.gain.GAIN_SCHEMA`
    # `side` and the columns of `ttclib.analysis.lengths.WITHIN_SCHEMA`; no rows where no length is known
    lengths: pl.DataFrame
    # heads, details, of_lengths: the findings in three parts: a sentence a pair, what its gain is made of, and lengths
    heads: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    of_lengths: tuple[str, ...] = ()


def ask_gain(study: Study, k: int | None = None, *, seed: int = 0) -> Answer[Gains]:
    """Each pair of a study's policies or settings on the problems that both hold.

    Parameters
    ----------
    study : Study
        Of at least two policies or settings.
    k : int, optional
        Samples of each side that are looked at; None: as many as 90% of the problems hold.

    Raises
    ------
    RequestError
        One side, no problem in common, too few samples, or nothing graded.
    """
    if len(study.members) < 2:
        raise RequestError(
            f"one side, {side_labels(study.members)[0]}: name two policies, as `--policy SMALL,LARGE`, or several "
            'settings, as `--setting "reasoning_effort=*"`'
        )
    sides = list(zip(side_labels(study.members), (member.pool for member in study.members), strict=True))
    if len({pool.policy for _, pool in sides}) == 1:
        sides.sort(key=lambda side: _tokens(side[1]) or 0.0)
    found, heads, details = [], [], []
    for (first, one), (second, other) in combinations(sides, 2):
        mine, theirs = _in_common(one, other)
        frame = gain(mine, theirs, k, seed=seed)
        found.append(frame.select(pl.lit(first).alias("first_side"), pl.lit(second).alias("second_side"), pl.all()))
        head, *more = _of_pair(frame, first, second, _ratio(mine, theirs))
        heads.append(head)
        details += more
    frame = pl.concat(found)
    parts = [within(pool, seed=seed).select(pl.lit(name).alias("side"), pl.all()) for name, pool in sides]
    lengths = pl.concat(parts)
    by_length = [line for (name, _), part in zip(sides, parts, strict=True) for line in of_lengths(part, name)]
    size, n = frame.filter(pl.col("measure") == "coverage").select(pl.col("budget", "n_problems").min()).row(0)
    about = (study.store.name, common_title(study.members), f"{n} problems × {size} samples of each")
    caption = (" · ".join(part for part in about if part), bands_line())
    told = (tuple(heads), tuple(details), tuple(by_length))
    result = Gains(tuple(name for name, _ in sides), frame, lengths, *told)
    return Answer(result, (*told[0], *told[1], *told[2]), caption, _notes(frame, lengths))


def _in_common(one: Pool, other: Pool) -> tuple[Pool, Pool]:
    theirs = {name: place for place, name in enumerate(other.problem_ids)}
    rows = [place for place, name in enumerate(one.problem_ids) if name in theirs]
    if not rows:
        raise RequestError(f"'{one.policy}' and '{other.policy}' have no problem in common: choose one --benchmark")
    mine = one.of_problems(np.array(rows))
    return mine, other.of_problems(np.array([theirs[name] for name in mine.problem_ids]))


def _of_pair(frame: pl.DataFrame, first: str, second: str, ratio: float | None) -> list[str]:
    """How much better one answer is, on which problems, what is reached, and how varied the answers are."""
    of = {row["measure"]: row for row in frame.iter_rows(named=True)}
    one, cover = of["accuracy"], of["coverage"]
    k = cover["budget"]
    cost = "" if ratio is None else f" for {shown(ratio, 'relative_length')} the tokens"
    said = [
        f"{second} against {first}{cost}: {verdict_of(one, cover)}. One answer is right {how_often(one)}, a right one "
        f"is among {k} of them {how_often(cover)}, on {one['n_problems']} problems."
    ]
    if one["winner"] != "too close":
        known, new = (f"{shown(of[part]['difference'], 'difference')} {_ends(of[part])}" for part in ("known", "new"))
        said.append(
            f"Of the {shown(one['difference'], 'difference')} points of {second} over {first}, {known} stand where "
            f"{k - 1} answers of {first} hold a right one, too, {new} where they do not."
        )
    if "distinct" in of and of["distinct"]["winner"] != "too close":
        spread = of["distinct"]
        how = "more" if spread["difference"] > 0 else "less"
        said.append(
            f"Answers of {second} are {how} varied than those of {first}: {spread['second'] * k:.1f} different ones in "
            f"{k} against {spread['first'] * k:.1f}."
        )
    return said


def verdict_of(one: dict[str, Any], cover: dict[str, Any]) -> str:
    """Whether an answer is better and whether more is reached, in words, from the rows of both measures."""
    return _VERDICTS[_sign(one["winner"]), _sign(cover["winner"])]


def how_often(row: dict[str, Any]) -> str:
    """Points more or less often the second side is right than the first, in words, from a row of `ttclib.gain`."""
    way = "more" if row["difference"] > 0 else "less"
    if abs(row["difference"]) < 5e-4:
        return f"as often {_ends(row)}"
    return f"{shown_size(row['difference'], 'difference')} points {way} often {_ends(row)}"


def _ends(row: dict[str, Any]) -> str:
    return shown_interval(row["ci_low"], row["ci_high"], "difference")


def _sign(winner: str | None) -> int:
    return {"second": 1, "first": -1}.get(winner or "", 0)


def _tokens(pool: Pool) -> float | None:
    known = pool.completion_tokens[pool.present & ~np.isnan(pool.completion_tokens)] if pool.counts is None else []
    return float(np.mean(known)) if len(known) else None


def _ratio(one: Pool, other: Pool) -> float | None:
    mine, theirs = _tokens(one), _tokens(other)
    return theirs / mine if mine and theirs else None


def _notes(frame: pl.DataFrame, lengths: pl.DataFrame) -> tuple[str, ...]:
    said = []
    if not frame["measure"].is_in(["distinct"]).any():
        said.append("how varied answers are is left out: the store does not hold the answers of both sides")
    if not len(lengths):
        said.append("accuracy by length is left out: no lengths, or no problem with right and wrong samples enough")
    return tuple(said)
