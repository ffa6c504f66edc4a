"""Longer answers: accuracy under a length cap, and how much of an answer came after the right result was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown, shown_interval, shown_size
from ttclib.analysis.lengths import length_cap_curve, outcome_efficiency, within_lengths, worse_from
from ttclib.errors import RequestError
from ttclib.samples import Pool
from ttclib.store.texts import first_mentions
from ttclib.study.captions import bands_line, source

N_CAPS = 12


@dataclass(frozen=True)
class Lengths:
    """What length is worth."""

    frame: pl.DataFrame  # rows of `ttclib.analysis.lengths.length_cap_curve`
    # outcome efficiency: the share of its tokens that a right answer needed, 0 for a wrong one, on average. None: the
    # store does not know after which step an answer was first there.
    efficiency: float | None
    # rows of `ttclib.analysis.lengths.within_lengths`: a problem's shortest to longest samples against its mean
    within: pl.DataFrame
    findings: tuple[str, ...]
    caption: tuple[str, ...]
    notes: tuple[str, ...]


def answer(pool: Pool, caps: Sequence[int] | None = None) -> Lengths:
    """Accuracy of one sample under length caps, and outcome efficiency.

    Parameters
    ----------
    caps : sequence of int, optional
        Tokens; None: quantiles of the lengths.

    Raises
    ------
    RequestError
        The store does not know the length of any sample, or nothing is graded.
    """
    known = pool.present & ~np.isnan(pool.completion_tokens) & ~np.isnan(pool.correct)
    if pool.counts is not None or not known.any():
        raise RequestError(f"'{pool.store}' does not know how long graded samples of '{pool.policy}' are")
    lengths = pool.completion_tokens[known]
    if caps is None:
        caps = np.unique(np.ceil(np.quantile(lengths, np.linspace(0, 1, N_CAPS + 1)[1:]))).astype(int).tolist()
    frame = length_cap_curve(np.where(known, pool.correct, np.nan), pool.completion_tokens, caps)
    notes, efficiency = [], None
    mentions = first_mentions(pool)
    counted = known & ((pool.correct != 1) | ~np.isnan(mentions))
    if (counted & (pool.correct == 1)).any():
        efficiency = outcome_efficiency(
            np.where(counted, pool.correct, np.nan), np.where(counted, mentions, 1.0), pool.completion_tokens
        )
    else:
        notes.append("outcome efficiency is left out: the store holds no texts cut into steps")
    own = within(pool)
    findings = (*_findings(frame, efficiency), *of_lengths(own, pool.policy))
    return Lengths(frame, efficiency, own, findings, (source(pool), bands_line()), tuple(notes))


def within(pool: Pool, *, seed: int = 0) -> pl.DataFrame:
    """`within_lengths` of a pool; where answers are known, of the samples that came to one.

    A sample that was cut off is long and wrong because it was cut.
    """
    if pool.counts is not None:
        return within_lengths(np.empty((1, 0)), np.empty((1, 0)))
    ended = pool.answer_ids >= 0 if pool.has_answers else pool.present
    return within_lengths(np.where(ended, pool.correct, np.nan), pool.completion_tokens, seed=seed)


def of_lengths(frame: pl.DataFrame, name: str) -> list[str]:
    """Whether a problem's longest samples are right as often as its others."""
    if not len(frame):
        return []
    last = frame.sort("length_group").row(-1, named=True)
    if shown(last["relative_length"], "relative_length") == shown(1.0, "relative_length"):
        return []  # all are as long as one another
    ends = shown_interval(last["ci_low"], last["ci_high"], "deviation")
    of = f"Of a problem's samples by {name} the longest ({shown(last['relative_length'], 'relative_length')} its mean)"
    if last["ci_low"] <= 0 <= last["ci_high"]:
        return [f"{of} are right neither less nor more often than its others as far as the samples tell {ends}."]
    how = "less" if last["deviation"] < 0 else "more"
    limit = worse_from(frame)
    where = "" if limit is None else f"; from {shown(limit, 'relative_length')} on accuracy is below the mean"
    size = shown_size(last["deviation"], "deviation")
    return [f"{of} are right {size} points {how} often than all of its samples {ends}{where}."]


def _findings(frame: pl.DataFrame, efficiency: float | None) -> tuple[str, ...]:
    last = frame.row(-1, named=True)
    said = []
    enough = frame.filter(pl.col("accuracy") >= last["accuracy"] - 0.01)
    if len(enough) and enough["cap"][0] < last["cap"]:
        first = enough.row(0, named=True)
        said.append(
            f"A cap of {first['cap']} tokens loses at most one point of {shown(last['accuracy'], 'accuracy')} and "
            f"decodes {first['tokens']:.0f} tokens a sample instead of {last['tokens']:.0f}."
        )
    if efficiency is not None:
        said.append(f"Outcome efficiency is {efficiency:.2f}: the share of its tokens that a right answer needed.")
    return tuple(said)
