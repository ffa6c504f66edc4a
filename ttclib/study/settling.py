"""What would settle a verdict that is too close to call, computed from the interval that leaves it open.

An interval over problems narrows with the root of their number. So the number at which it would leave zero out, and a
lead would be told, follows from its width today, if the difference stays what it is. That it may not is why the
sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from scipy.special import ndtri

from ttclib.analysis.columns import shown
from ttclib.analysis.winners import MARGIN

LEVEL = 0.95  # of the intervals
MOST_TIMES = 1000  # beyond so many times the problems that there are, no number is named
MOST = 5  # comparisons that are named, those first that need fewest
OPENING = "To settle it"


def problems_needed(
    difference: float, low: float, high: float, n_problems: int, *, n_comparisons: int = 1, margin: float = MARGIN
) -> float:
    """Problems in all at which a difference like this one would be told as a lead.

    Its interval must leave out zero, and a test at ``0.05 / n_comparisons`` that it is more than the margin.

    Parameters
    ----------
    difference, low, high : float
        An estimate and its 95 % interval.
    n_problems : int
        That it stands on.
    n_comparisons : int
        Made in the same table (Bonferroni, which Holm's correction is at its strictest).
    margin : float
        A lead up to this is none.

    Returns
    -------
    float
        ``inf`` where a difference like this one is no lead whatever the number, or an end of the interval is open.

    Examples
    --------
    >>> problems_needed(0.05, -0.05, 0.15, 100)
    625
    >>> problems_needed(0.005, -0.05, 0.06, 100)
    inf
    """
    size = abs(difference)
    towards = difference - low if difference > 0 else high - difference
    if size <= margin or not math.isfinite(towards) or not math.isfinite(high - low):
        return math.inf
    error = (high - low) / 2 / float(ndtri((1 + LEVEL) / 2))
    strict = -float(ndtri((1 - LEVEL) / 2 / n_comparisons))
    return max(n_problems, math.ceil(n_problems * max((towards / size) ** 2, (strict * error / (size - margin)) ** 2)))


def factor_needed(factor: float, low: float | None, high: float | None, n_problems: int) -> float:
    """Problems in all at which the interval of a factor like this one would leave out one; the same on a log scale.

    Examples
    --------
    >>> factor_needed(2.0, 0.5, 8.0, 100)
    400
    """
    end = low if factor > 1 else high
    if factor <= 0 or factor == 1 or end is None or end <= 0 or not math.isfinite(end):
        return math.inf
    return max(n_problems, math.ceil(n_problems * (math.log(factor / end) / math.log(factor)) ** 2))


def said(needed: Mapping[str, tuple[float, int]], where: str = "") -> tuple[str, ...]:
    """The sentence that names how many problems would settle what is open; none where nothing is.

    Parameters
    ----------
    needed : mapping of str to (float, int)
        What is open: problems in all, and problems there are.
    where : str
        What all of it has in common, such as ``at R = 1``.

    Examples
    --------
    >>> said({"R = 1": (611, 100)})
    ('To settle it, if the difference stays as it is: R = 1 about 620 problems (100 here).',)
    """
    if not needed:
        return ()
    parts, small = [], []
    open_ones = (
        sorted(needed.items(), key=lambda item: item[1][0] / item[1][1]) if len(needed) > MOST else needed.items()
    )
    for name, (count, here) in open_ones:
        if math.isinf(count):
            small.append(name)
        elif count > MOST_TIMES * here:
            parts.append(f"{name} more than {rounded(MOST_TIMES * here)} problems ({here} here)")
        else:
            parts.append(f"{name} about {rounded(count)} problems ({here} here)")
    if len(parts) > MOST:
        others = len(parts) - MOST
        parts[MOST:] = ["one other more" if others == 1 else f"{others} others more"]
    if small:
        named = ", ".join(small) if len(small) <= MOST else f"{len(small)} comparisons"
        parts.append(f"{named} no number, as a lead of a point or less is none")
    stay = "the difference stays" if len(needed) == 1 else "the differences stay"
    return (f"{OPENING}{f' {where}' if where else ''}, if {stay} as {'it is' if len(needed) == 1 else 'they are'}: "
            f"{'; '.join(parts)}.",)  # fmt: skip


def open_rows(rows: Sequence[dict[str, Any]], n_comparisons: int) -> list[tuple[dict[str, Any], float]]:
    """The rows that are too close to call, with the problems that each needs."""
    found = []
    for row in rows:
        if row["winner"] == "too close" and None not in (row["difference"], row["ci_low"], row["ci_high"]):
            ends = (row["difference"], row["ci_low"], row["ci_high"], row["n_problems"])
            found.append((row, problems_needed(*ends, n_comparisons=n_comparisons)))
    return found


def comparisons(rows: Sequence[Mapping[str, Any]]) -> int:
    """Comparisons of a table; rows of the same numbers are one."""
    return len({(row["difference"], row["ci_low"], row["ci_high"]) for row in rows if row["difference"] is not None})


def rounded(count: float) -> str:
    """Up, to two digits, as no more is known.

    Examples
    --------
    >>> rounded(611), rounded(40), rounded(123_456)
    ('620', '40', '130,000')
    """
    step = 10 ** max(0, len(str(math.ceil(count))) - 2)
    return f"{math.ceil(count / step) * step:,}"


def of_crossover(frame: pl.DataFrame, rates: Sequence[float]) -> tuple[str, ...]:
    """What would settle who is ahead at some exchange rates: over all problems where that is open, else in the bins.

    Of the bins those at the rate where most are open. Where nothing is affordable no number of problems helps.
    """
    n = comparisons(frame.to_dicts())
    rows = frame.filter(pl.col("exchange_rate").is_in(rates))
    whole = rows.filter(pl.col("bin").is_null()).to_dicts()
    wanted = {_at(row): (needed, row["n_problems"]) for row, needed in open_rows(whole, n)}
    at = ""
    if not wanted:
        by_bin = rows.drop_nulls("bin").partition_by("exchange_rate", maintain_order=True)
        most = max((open_rows(part.to_dicts(), n) for part in by_bin), key=len, default=[])
        wanted = {f"bin {row['bin']}": (needed, row["n_problems"]) for row, needed in most}
        at = f"at {_at(most[0][0])}" if most else ""
    unanswered = [f"{row['exchange_rate']:.3g}" for row in whole if row["difference"] is None]
    where = f"{OPENING} at R = {', '.join(unanswered)}"
    cheaper = [f"{where}: a smaller policy, or shorter answers, by `ttc sample`."] if unanswered else []
    return (*said(wanted, at), *cheaper)


def of_factor(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What would tell whether a factor is a saving; nothing where it is none as it stands."""
    if not saves(row["factor"]):
        return ()
    needed = factor_needed(row["factor"], row["factor_low"], row["factor_high"], row["n_problems"])
    if math.isinf(needed):
        return (f"{OPENING}: more problems than the {row['n_problems']} here, for its interval is open.",)
    return said({f"at {shown(row['accuracy'], 'accuracy')}": (needed, row["n_problems"])})


def saves(factor: float) -> bool:
    """Whether a factor is above one by more than numbers are exact."""
    return factor > 1 + 1e-9


def _at(row: Mapping[str, Any]) -> str:
    return f"R = {row['exchange_rate']:.3g}"
