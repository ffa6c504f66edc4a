"""Samples that are not independent draws: one seed for all, answers of a cache, a number that hung on what was drawn.

What cannot be seen: copies of samples of which only a grade is known; single copies of short texts or
bare answers, which repeat by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import polars as pl
from scipy import stats

from ttclib.interchange.lint.drawn import Drawn

_FEWEST_SIZES = 20
_FEWEST_SHORT = 8
_SIGNIFICANT = 1e-4
_LEAST_RELATED = 0.3


def n_depends_on_c(n: np.ndarray, c: np.ndarray) -> str | None:
    """Say that problems were drawn from until something happened.

    Parameters
    ----------
    n, c : int array, shape (problems,)
        Samples, and right ones.
    """
    if len(n) < _FEWEST_SIZES or n.min() == n.max():
        return None
    related = stats.spearmanr(n, c / n) if (c / n).min() < (c / n).max() else None
    if related is None or related.pvalue > _SIGNIFICANT or abs(related.statistic) < _LEAST_RELATED:
        return None
    more = "less" if related.statistic < 0 else "more"
    return (
        f"problems with more samples (from {n.min():,} to {n.max():,}) are {more} often right (rank correlation "
        f"{related.statistic:.2f}): n was chosen by c; weight by problem, and do not compare by sample."
    )


def stopped(drawn: Drawn) -> Iterator[str]:
    """Say that n depends on c: by their relation, or because problems end with their first right sample."""
    graded = drawn.frame.filter(pl.col("correct").is_not_null())
    if not len(graded):
        return
    table = graded.group_by("problem_id", maintain_order=True).agg(
        pl.len().alias("n"), pl.col("correct").sum().alias("c"), pl.col("correct").last().alias("last")
    )
    n, c = table["n"].to_numpy().astype(np.int64), table["c"].to_numpy().astype(np.int64)
    short = table.filter(pl.col("n") < n.max())
    if len(short) >= _FEWEST_SHORT:
        first = int(((short["c"] == 1) & short["last"]).sum())
        rate = c.sum() / n.sum()
        if first >= 0.9 * len(short) and first > len(short) * min(
            1.0, rate + 4 * np.sqrt(rate * (1 - rate) / len(short))
        ):
            yield (
                f"{first:,} of {len(short):,} problems with fewer samples end with their first right one: n was chosen "
                "by c."
            )
            return
    if told := n_depends_on_c(n, c):
        yield told


def lacking_tokens(drawn: Drawn) -> Iterator[str]:
    """Say that some samples have no token count while others have."""
    tokens = drawn.frame["completion_tokens"]
    lacking = tokens.null_count()
    if 0 < lacking < len(tokens):
        yield f"{lacking:,} of {len(tokens):,} samples have no completion_tokens: costs rest on the others."
    empty = ((tokens == 0) & (drawn.frame["completion"].str.len_chars() > 0)).sum()
    if empty:
        yield f"{empty:,} samples have a text and 0 completion_tokens: a count that is unknown is null."


_FEWEST_PROBLEMS = 10
_ALL_ALIKE = 0.98
_FEWEST_NOT_RIGHT = 1
_PAIR_ALIKE = 0.95
_MOST_INDICES = 32
_LONG = 80  # characters
_LEAST_REPEATED = 0.1
_SELDOM = -25.0  # log-probability of a text that is not drawn twice


def copied(drawn: Drawn) -> Iterator[str]:
    """Say that all samples of a problem are one, if they are."""
    seen = _signature(drawn)
    if seen is None:
        return
    distinct = (
        drawn.frame.with_columns(seen)
        .group_by("problem_id", maintain_order=True)
        .agg(
            pl.col("_seen").n_unique(),
            pl.len(),
            (pl.col("correct").fill_null(False) | pl.col("graded").fill_null(False)).all().alias("right"),
        )
        .filter(pl.col("len") > 1)
    )
    alike = distinct["_seen"] == 1
    # Where all are right, all are alike without a fault, unless the texts are too.
    told = (~distinct["right"] | _has_texts(drawn)).sum()
    if len(distinct) >= _FEWEST_PROBLEMS and alike.mean() >= _ALL_ALIKE and told >= _FEWEST_NOT_RIGHT:  # type: ignore[operator]
        yield (
            f"all samples of a problem are the same in {alike.sum():,} of {len(distinct):,} problems: one seed may "
            "have drawn them all, or they are greedy."
        )


def replayed(drawn: Drawn) -> Iterator[str]:
    """Say that samples repeat others, if they do."""
    if any(True for _ in copied(drawn)):
        return
    seen = _signature(drawn)
    if seen is None:
        return
    frame = drawn.frame.with_columns(seen)
    if told := _same_places(frame) or _repeated_texts(frame):
        yield f"samples may be replayed from a cache: {told}."


def _signature(drawn: Drawn) -> pl.Expr | None:
    """All that tells one sample from another; None: only its grade is known."""
    columns = [name for name in ("completion", "answer", "completion_tokens", "logprob") if drawn.frame[name].count()]
    return pl.struct(columns).rank("dense").alias("_seen") if columns else None


def _has_texts(drawn: Drawn) -> bool:
    lengths = drawn.frame["completion"].str.len_chars().drop_nulls()
    return len(lengths) > 0 and float(lengths.median()) >= _LONG  # type: ignore[arg-type]


def _same_places(frame: pl.DataFrame) -> str | None:
    """Two indices whose samples are the same in all problems, while others' are not."""
    table = frame.pivot(on="sample_index", index="problem_id", values="_seen", aggregate_function="first")
    indices = [name for name in table.columns if name != "problem_id"][:_MOST_INDICES]
    grid = table.select(pl.col(indices).cast(pl.Float64)).to_numpy()
    rates = {}
    for left, right in combinations(range(len(indices)), 2):
        both = ~np.isnan(grid[:, left]) & ~np.isnan(grid[:, right])
        if both.sum() >= _FEWEST_PROBLEMS:
            rates[indices[left], indices[right]] = ((grid[:, left] == grid[:, right])[both].mean(), both.sum())
    if len(rates) < 3:
        return None
    usual = float(np.median([rate for rate, _ in rates.values()]))
    # The same in all problems by chance: of n problems usual ** n, for each pair that is looked at.
    odd = [
        pair
        for pair, (rate, n) in rates.items()
        if rate >= _PAIR_ALIKE
        and n * (rate - usual) > 5 * np.sqrt(n * usual * (1 - usual) + 0.25)
        and len(rates) * usual ** (n * rate) < 1e-6
    ]
    if not odd:
        return None
    named = ", ".join(f"{left} and {right}" for left, right in odd[:3])
    return f"samples {named} are the same in all problems, others agree in {usual:.0%} of problems".replace("%", " %")


def _repeated_texts(frame: pl.DataFrame) -> str | None:
    """Long texts that stand twice, though texts with the same answer differ."""
    long = frame.filter(
        (pl.col("completion").str.len_chars() >= _LONG) & (pl.col("logprob").is_null() | (pl.col("logprob") < _SELDOM))
    )
    if len(long) < 50:
        return None
    again = long.select(~pl.struct("problem_id", "completion").is_first_distinct()).to_series()
    pairs = long.group_by("problem_id", "answer").agg(pl.len(), pl.col("completion").n_unique().alias("texts"))
    several = pairs.filter(pl.col("len") > 1)
    # Texts that follow from the answer, as a template's do, say nothing.
    n, texts = int(several["len"].sum()), int(several["texts"].sum())
    if again.mean() < _LEAST_REPEATED or (n and texts <= len(several) + 0.15 * (n - len(several))):  # type: ignore[operator]
        return None
    return f"{again.sum():,} of {len(long):,} long texts stand there before, word for word"
