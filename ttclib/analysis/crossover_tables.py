"""A crossover as tables: who is ahead at which exchange rate, and where the lead changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.candidates import Candidates
from ttclib.analysis.frontier import finite, reach_unit
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.optimise import Choice, mean_by_group
from ttclib.analysis.resampling import ends
from ttclib.analysis.winners import leads

_TIE = 1e-9


ROW_SCHEMA = {
    "bin": pl.Int64,
    "exchange_rate": pl.Float64,
    "multiplier": pl.Float64,
    "at_most": pl.Float64,
    "cost": pl.Float64,
    "accuracy_small": pl.Float64,
    "accuracy_large": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "relative_gain": pl.Float64,
    "gain_low": pl.Float64,
    "gain_high": pl.Float64,
    "winner": pl.String,
    "verdict": pl.String,
    "pool_ends_at": pl.Float64,
    "n_problems": pl.Int64,
}


CROSSING_SCHEMA = {
    "bin": pl.Int64,
    "crossing": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "supported": pl.Boolean,
    "verdict": pl.String,
    "pool_reaches_from": pl.Float64,
    "n_problems": pl.Int64,
}


def crossing_rates(rates: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """The rate above which the larger model is ahead throughout, interpolated in log R.

    Parameters
    ----------
    rates : float array, shape (rates,)
        Ascending.
    difference : float array, shape (…, rates)
        Accuracy of small minus large; NaN: not defined. An exact tie is not a lead of the small one.

    Returns
    -------
    numpy.ndarray, shape (…,)
        inf: the small one is ahead at the largest rate; 0: it is ahead nowhere; NaN: nothing is defined.

    Examples
    --------
    >>> ahead = np.array([[0.2, 0.1, -0.1], [1, 1, 1], [0, 0, -1]])
    >>> crossing_rates(np.array([1.0, 4.0, 16.0]), ahead).round(3).tolist()
    [8.0, inf, 0.0]
    """
    with np.errstate(invalid="ignore"):
        ahead = difference > _TIE
    defined = ~np.isnan(difference)
    last = difference.shape[-1] - 1 - ahead[..., ::-1].argmax(axis=-1)  # the highest rate at which small is ahead
    top = difference.shape[-1] - 1 - defined[..., ::-1].argmax(axis=-1)
    after = np.minimum(last + 1, difference.shape[-1] - 1)
    y0, y1 = (np.take_along_axis(difference, at[..., None], -1)[..., 0] for at in (last, after))
    x = np.log2(rates)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(y0 > y1, y0 / (y0 - y1), 0.0)
    found = 2.0 ** (x[last] + np.clip(share, 0, 1) * (x[after] - x[last]))
    found = np.where(last >= top, np.inf, found)
    found = np.where(ahead.any(axis=-1), found, 0.0)
    return np.where(defined.any(axis=-1), found, np.nan)


def _most(able: Candidates) -> np.ndarray:
    """The dearest candidate, shape (1 + groups,)."""
    return np.asarray(mean_by_group(able.cost, able).max(axis=1))


def crossover_rows(
    rates: np.ndarray,
    order: np.ndarray,
    ratios: Sequence[float],
    allowed: np.ndarray,
    single: np.ndarray,
    large: np.ndarray,
    large_draws: np.ndarray,
    choice: Choice,
    level: float,
    main_ratios: Sequence[float] | None = None,
) -> pl.DataFrame:
    """Rows of `Crossover.frame`.

    Parameters
    ----------
    rates : float array, shape (rates,)
        Ascending.
    order : int array, shape (rates,)
        Where the rate of each of the choice's limits stands among them.
    ratios : sequence of float
        Rates that get a row.
    allowed : float array, shape (1 + groups, rates)
        What the small side may spend.
    single : float array, shape (1 + groups,)
        What one of its samples costs.
    large : float array, shape (rows,)
        The larger side's accuracy by problem.
    large_draws : float array, shape (replicates, 1 + groups, 1)
    choice : Choice
        The small side's.
    main_ratios : sequence of float, optional
        Rates with whose rows those of any other rate are told; None: all rows are told together.
    """
    able, most = choice.candidates, _most(choice.candidates)
    place = {int(at): k for k, at in enumerate(order)}  # a rate's column among the limits
    columns = [place[int(np.searchsorted(rates, rate))] for rate in ratios]
    gap = choice.draws[:, :, columns] - large_draws
    low, high = ends(*choice.pushed(gap, -1.0, 1.0), level)
    worst, best = choice.pushed(gap, -1.0, 1.0)
    sides = choice.pushed(large_draws, 0.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):  # the pseudo-problem of a gain: the large one wins, or loses
        gain_low, gain_high = ends(worst / sides[1], np.where(sides[0] > 0, best / sides[0], np.nan), level)
    rows: list[dict[str, Any]] = []
    differences, problems = [], []
    for number, g, members in choice.groups():
        reference = float(large[members].mean())
        for at, (rate, k) in enumerate(zip(ratios, columns, strict=True)):
            limit = float(allowed[g, np.searchsorted(rates, rate)])
            point = float(choice.means[g, k])
            defined = not np.isnan(point)
            differences.append(choice.accuracy[members, k] - large[members])
            problems.append(able.clusters[members])
            row: dict[str, Any] = {
                "bin": number,
                "exchange_rate": float(rate),
                "multiplier": limit / float(single[g]),
                "at_most": limit,
                "accuracy_large": reference,
                "pool_ends_at": float(most[g]) if most[g] < limit * (1 - 1e-9) else None,
                "n_problems": len(np.unique(able.clusters[members])),
            }
            if defined:
                row |= {
                    "cost": float(choice.costs[g, k]),
                    "accuracy_small": point,
                    "difference": point - reference,
                    "ci_low": float(low[g, at]),
                    "ci_high": float(high[g, at]),
                }
                if reference > 0:
                    row |= {
                        "relative_gain": (point - reference) / reference,
                        "gain_low": float(gain_low[g, at]),
                        "gain_high": float(gain_high[g, at]),
                    }
            rows.append(row)
    bounds = [np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in ("ci_low", "ci_high")]
    winners: list[str | None] = [None] * len(rows)
    for told_of, together in _families([row["exchange_rate"] for row in rows], main_ratios):
        found = leads(
            [differences[at] for at in together],
            *(ends_of[together] for ends_of in bounds),
            clusters=[problems[at] for at in together],
        )
        for at, who in zip(together, found, strict=True):
            winners[at] = who if at in told_of else winners[at]
    told = [row | {"winner": who, "verdict": _verdict(row, who)} for row, who in zip(rows, winners, strict=True)]
    return finite(pl.DataFrame(told, schema=ROW_SCHEMA))


def _families(rates: Sequence[float], main: Sequence[float] | None) -> list[tuple[set[int], list[int]]]:
    """Which rows are told, and together with which: the main rates' by themselves, any other rate's with these."""
    if main is None:
        return [(set(range(len(rates))), list(range(len(rates))))]
    place = np.asarray(rates, dtype=float)
    named = np.isclose(place[:, None], np.asarray(main, dtype=float), rtol=1e-9).any(axis=1)
    others = [place == rate for rate in np.unique(place[~named])]
    return [(set(np.flatnonzero(own).tolist()), np.flatnonzero(own | named).tolist()) for own in (named, *others)]


def _verdict(row: dict[str, Any], winner: str | None) -> str:
    if winner is None:
        return "not answerable: no candidate costs as little"
    words = {
        "small": "the small policy with test-time compute is ahead",
        "large": "the larger model is ahead",
        "too close": f"too close to call on {row['n_problems']} problems",
    }[winner]
    if row["pool_ends_at"] is not None and winner != "small":
        words += ", and the pool ends below what is affordable"
    return words


def reach_lines(frame: pl.DataFrame, ledger: Ledger) -> list[str]:
    """Where the small side's pool ends below what is affordable, a line a rate."""
    every = frame.filter(pl.col("bin").is_null() & pl.col("pool_ends_at").is_not_null())
    return [
        f"R = {row['exchange_rate']:.4g}: {row['pool_ends_at']:.6g} of {row['at_most']:.6g} affordable "
        f"{reach_unit(ledger)} are in the store; the small side is a lower bound"
        for row in every.iter_rows(named=True)
    ]


def crossing_rows(
    rates: np.ndarray,
    order: np.ndarray,
    allowed: np.ndarray,
    large: np.ndarray,
    large_draws: np.ndarray,
    choice: Choice,
    level: float,
) -> pl.DataFrame:
    """Rows of `Crossover.crossings`, one a group."""
    able, most = choice.candidates, _most(choice.candidates)
    back = np.argsort(order)  # limits in the order of ascending rates
    means = mean_by_group(large[:, None], able)
    gap = (choice.draws - large_draws)[:, :, back]
    worst, best = choice.pushed(gap, -1.0, 1.0)
    rows = []
    for number, g, members in choice.groups():
        point = float(crossing_rates(rates, choice.means[g, back] - means[g]))
        low, high = (
            float(end) for end in ends(crossing_rates(rates, worst[:, g]), crossing_rates(rates, best[:, g]), level)
        )
        reached = rates[allowed[g] <= most[g] * (1 + 1e-9)]
        rows.append(
            {
                "bin": number,
                "crossing": point if 0 < point < np.inf else None,
                "ci_low": low if 0 < low < np.inf else None,
                "ci_high": high if 0 < high < np.inf else None,
                "supported": 0 < point < np.inf and low > 0 and high < np.inf,
                "verdict": _crossing_verdict(point, low, high),
                "pool_reaches_from": float(reached[0]) if len(reached) else None,
                "n_problems": len(np.unique(able.clusters[members])),
            }
        )
    return finite(pl.DataFrame(rows, schema=CROSSING_SCHEMA))


def _crossing_verdict(point: float, low: float, high: float) -> str:
    if np.isnan(point):
        return "not defined: no candidate is affordable at any exchange rate looked at"
    if 0 < point < np.inf and low > 0 and high < np.inf:
        return f"the larger model is ahead above R = {point:.3g} ({low:.3g} to {high:.3g})"
    if low == np.inf:
        return "the small policy is ahead at every R"
    if high == 0:
        return "the small policy is ahead nowhere"
    if low > 0:
        return f"the small policy is ahead up to R = {low:.3g} at least; where that ends is open"
    if high < np.inf:
        return f"the larger model is ahead from R = {high:.3g} at the latest; below that it is open"
    return "open at every R"
