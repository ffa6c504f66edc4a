"""Numbers of samples that depend on what was drawn, and token counts that some lack."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy import stats

from ttclib.interchange.lint.drawn import Drawn

_FEWEST_PROBLEMS = 20
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
    if len(n) < _FEWEST_PROBLEMS or n.min() == n.max():
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
