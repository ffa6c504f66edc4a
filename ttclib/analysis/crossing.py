"""Where the lead of test-time compute over a larger model ends: rows, intervals and verdicts of a crossover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.analysis.efficiency import finite
from ttclib.analysis.groups import ordered_interval
from ttclib.analysis.interpolation import accuracy_at
from ttclib.errors import RequestError

RATES = tuple(np.logspace(-3, 3, 121).tolist())  # the continuous range of R in which a crossing is looked for
_TIE = 1e-12
ROW_SCHEMA = {
    "bin": pl.Int64,
    "exchange_rate": pl.Float64,
    "multiplier": pl.Float64,
    "accuracy_small": pl.Float64,
    "accuracy_large": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "relative_gain": pl.Float64,
    "gain_low": pl.Float64,
    "gain_high": pl.Float64,
    "winner": pl.String,
    "n_problems": pl.Int64,
}
CROSSING_SCHEMA = {
    "bin": pl.Int64,
    "crossing": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "supported": pl.Boolean,
    "verdict": pl.String,
    "defined_from": pl.Float64,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class CrossoverCurves:
    """Both sides of a crossover by group in every replicate, from which any exchange rate is read.

    A query's share of the difference in pretraining, 6·(N_l·D_l − N_s·D_s) over the R·D_s / T queries of T
    tokens, is 6·N_s·T·(M·t − 1)/R. Where generations or tokens are counted, they stand for 2·N_s FLOPs
    each on the small side and for M times as many on the large one, which leaves the paper's formula.

    Attributes
    ----------
    small : float array, shape (replicates, groups, budgets)
        Accuracy; replicate 0 is the point estimate.
    large : float array, shape (replicates, groups)
    axis : float array, shape (groups, budgets)
        What the budgets cost.
    single, answer : float array, shape (groups,)
        What one sample of the small policy costs, and the larger model's answer.
    pretraining : float
        What a query's share of the small policy's pretraining costs, times R.
    in_flops : bool
        False: what the larger model spends counts M times.
    sizes : tuple of int
        Problems of each group.
    level : float
    """

    small: np.ndarray
    large: np.ndarray
    axis: np.ndarray
    single: np.ndarray
    answer: np.ndarray
    pretraining: float
    in_flops: bool
    sizes: tuple[int, ...]
    level: float

    def tables(
        self, ratios: Sequence[float], m_ratio: float, t_ratio: float, large_budget: int
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows at exchange rates, and where the lead ends."""
        check_ratios(ratios, m_ratio, t_ratio, large_budget)
        rates = np.unique(np.asarray([*ratios, *RATES], dtype=float))
        answer = self.answer if self.in_flops else self.answer * m_ratio
        allowed = answer[:, None] + self.pretraining * (m_ratio * t_ratio - 1) / rates
        groups = range(len(self.sizes))
        small = np.stack([accuracy_at(self.axis[g], self.small[:, g], allowed[g]) for g in groups], axis=1)
        at = np.searchsorted(rates, np.asarray(ratios, dtype=float))
        multiplier = (allowed / self.single[:, None])[:, at]
        frame = crossover_rows(rates[at], multiplier, small[:, :, at], self.large, self.sizes, self.level)
        return frame, crossing_table(rates, small - self.large[:, :, None], self.sizes, self.level)


def check_ratios(ratios: Sequence[float], m_ratio: float, t_ratio: float, large_budget: int) -> None:
    """Refuse no exchange rate, or what `flops_matched_multiplier` calls impossible."""
    if not len(ratios):
        raise RequestError("no exchange rate: give at least one, such as 0.16,0.79,22")
    for rate in ratios:
        flops_matched_multiplier(m_ratio, rate, training_tokens_ratio=t_ratio, large_budget=large_budget)


def crossover_rows(
    rates: np.ndarray,
    multiplier: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    sizes: Sequence[int],
    level: float = 0.95,
) -> pl.DataFrame:
    """Rows of `Crossover.frame`.

    Parameters
    ----------
    rates : float array, shape (rates,)
    multiplier : float array, shape (groups, rates)
    small : float array, shape (replicates, groups, rates)
        Accuracy; replicate 0 is the point estimate.
    large : float array, shape (replicates, groups)
    sizes : sequence of int
        Problems of each group.
    level : float
    """
    difference = small - large[:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(large[:, :, None] > 0, difference / large[:, :, None], np.nan)
    low, high = ordered_interval(difference, level)
    gain_low, gain_high = ordered_interval(gain, level)
    rows = []
    for group, size in enumerate(sizes):
        for at, rate in enumerate(rates):
            cell = (group, at)
            defined = not np.isnan(difference[0][cell])
            leader = "small" if low[cell] > 0 else "large" if high[cell] < 0 else None
            rows.append(
                {
                    "bin": group or None,
                    "exchange_rate": float(rate),
                    "multiplier": float(multiplier[cell]),
                    "accuracy_small": float(small[0][cell]),
                    "accuracy_large": float(large[0, group]),
                    "difference": float(difference[0][cell]),
                    "ci_low": float(low[cell]) if defined else None,
                    "ci_high": float(high[cell]) if defined else None,
                    "relative_gain": float(gain[0][cell]),
                    "gain_low": float(gain_low[cell]) if defined else None,
                    "gain_high": float(gain_high[cell]) if defined else None,
                    "winner": leader if defined else None,
                    "n_problems": size,
                }
            )
    return finite(pl.DataFrame(rows, schema=ROW_SCHEMA))


def crossing_table(
    rates: np.ndarray, difference: np.ndarray, sizes: Sequence[int], level: float = 0.95
) -> pl.DataFrame:
    """Rows of `Crossover.crossings`, one a group.

    Parameters
    ----------
    rates : float array, shape (rates,)
        Ascending.
    difference : float array, shape (replicates, groups, rates)
        Accuracy of small minus large; replicate 0 is the point estimate.
    sizes : sequence of int
    level : float
    """
    rows = [_crossing_row(group, rates, difference[:, group], size, level) for group, size in enumerate(sizes)]
    return finite(pl.DataFrame(rows, schema=CROSSING_SCHEMA))


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
    >>> leads = np.array([[0.2, 0.1, -0.1], [1, 1, 1], [0, 0, -1]])
    >>> crossing_rates(np.array([1.0, 4.0, 16.0]), leads).round(3).tolist()
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


def _crossing_row(group: int, rates: np.ndarray, difference: np.ndarray, size: int, level: float) -> dict[str, object]:
    found = crossing_rates(rates, difference)
    low, high = (float(end) for end in ordered_interval(found, level))
    point = float(found[0])
    defined = rates[~np.isnan(difference[0])]
    within = (0 < point < np.inf, low > 0, high < np.inf)
    supported = all(within) and not np.isnan(low)
    if not len(defined):
        verdict = "not defined: the pool is too small for every exchange rate looked at"
    elif supported:
        verdict = f"the larger model is ahead above R = {point:.3g} ({low:.3g} to {high:.3g})"
    elif point == np.inf and low == np.inf:
        verdict = "no crossing is supported by these samples: the small policy is ahead at every R"
    elif point == 0 and high == 0:
        verdict = (
            f"no crossing is supported by these samples: the small policy is ahead nowhere from R = {defined[0]:.3g} up"
        )
    else:
        verdict = "no crossing is supported by these samples"
        if 0 < low < np.inf:
            verdict += f": the small policy is ahead up to R = {low:.3g} at least"
        elif 0 < high < np.inf:
            verdict += f": the larger model is ahead from R = {high:.3g} at the latest"
    return {
        "bin": group or None,
        "crossing": point if 0 < point < np.inf else None,
        "ci_low": low if 0 < low < np.inf else None,
        "ci_high": high if 0 < high < np.inf else None,
        "supported": bool(supported),
        "verdict": verdict,
        "defined_from": float(defined[0]) if len(defined) else None,
        "n_problems": size,
    }
