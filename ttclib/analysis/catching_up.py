"""From which number on does one side do what the other does? Samples that catch up with one answer, tokens of training.

And what it comes to in all: training and inference of each way to get there, over the ratio of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.cost import flops_per_token, pretrain_flops
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, Resamples, ends
from ttclib.errors import RequestError

LEVEL_AT_ONCE, CAUGHT, NOT_CAUGHT, OPEN = "level at once", "caught", "not caught", "too close"
ROUTE_SCHEMA = {
    "route": pl.String,
    "exchange_rate": pl.Float64,
    "queries": pl.Float64,
    "policy": pl.String,
    "training_tokens": pl.Int64,
    "k": pl.Int64,
    "cost": pl.Float64,
    "training_share": pl.Float64,
    "factor": pl.Float64,
}


class Caught(NamedTuple):
    """Where a curve gets to what it is held against; inf: beyond its end.

    Attributes
    ----------
    at, low, high : float
        The place and its interval.
    verdict : str
        ``level at once``: it begins there; ``caught``: the whole interval lies within the curve; ``not caught``: none
        of it does; else ``too close``.
    """

    at: float
    low: float
    high: float
    verdict: str


def catch_up(
    curve: ArrayLike,
    once: ArrayLike,
    places: ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Caught:
    """The first place of a curve at which it is, over problems, as high as a value.

    Parameters
    ----------
    curve : array_like of float, shape (problems, places)
        Accuracy at each place, such as each number of samples. It need not rise: the first time counts.
    once : array_like of float, shape (problems,)
        Of the same problems, such as the accuracy of one answer of another side.
    places : array_like of float, shape (places,)
        Ascending, above 0; between two of them lines are straight over their logarithm. What is found is rounded up to
        a whole number.
    level, n_resamples, seed
        Problems are weighted as in `ttclib.analysis.resampling`, for both sides at once.

    Raises
    ------
    RequestError
        No problem or no place, or a value that is not known.

    Examples
    --------
    >>> one = np.array([0.5] * 50)  # of each problem; N samples hold a right one with chance 1 - .8 ** N
    >>> tuple(catch_up(np.tile(1 - 0.8 ** np.arange(1, 9), (50, 1)), one, np.arange(1, 9)))[:2]
    (4.0, 3.0)
    """
    table, value, grid = (np.asarray(one, dtype=float) for one in (curve, once, places))
    if table.ndim != 2 or not table.size or table.shape != (len(value), len(grid)):
        raise RequestError("catching up: give the same problems of both sides, and at least one place of the curve")
    gap = table - value[:, None]
    if np.isnan(gap).any():
        raise RequestError("catching up: some problem has no accuracy at some place: grade its samples first")
    resamples = Resamples(len(gap), n_resamples, seed)
    pseudo = resamples.pseudo[:, None]
    summed, mass = resamples.weights @ gap, resamples.weights.sum(axis=1, keepdims=True) + pseudo
    zero = np.zeros((n_resamples, 1))
    drawn = [cost_for(grid, (summed + worst * pseudo) / mass, zero)[:, 0] for worst in (-1.0, 1.0)]
    point = cost_for(grid, gap.mean(axis=0), np.zeros(1))[0]
    found = (point, *ends(np.minimum(*drawn), np.maximum(*drawn), level))
    at, low, high = (float(np.ceil(one - 1e-9)) for one in found)
    return Caught(at, low, high, _verdict(at, low, high, float(grid[0])))


def _verdict(at: float, low: float, high: float, first: float) -> str:
    if at <= first:
        return LEVEL_AT_ONCE
    return CAUGHT if high < np.inf else NOT_CAUGHT if low == np.inf else OPEN


def blind_guesses(references: Sequence[str | None], budgets: ArrayLike) -> np.ndarray | None:
    """Coverage of N guesses that know nothing of the question: each the right answer to another problem.

    Where there are few possible answers, many samples hold the right one whatever the policy knows.

    Parameters
    ----------
    references : sequence of str or None
        Right answers, of one benchmark.
    budgets : array_like of int, shape (budgets,)

    Returns
    -------
    numpy.ndarray or None
        Shape (problems, budgets); None: not all right answers are known, or there is one problem.

    Examples
    --------
    >>> blind_guesses(["1", "1", "2"], [1, 2]).tolist()
    [[0.5, 0.75], [0.5, 0.75], [0.0, 0.0]]
    """
    if len(references) < 2 or None in references:
        return None
    _, at, counts = np.unique([str(one) for one in references], return_inverse=True, return_counts=True)
    alike = (counts[at.ravel()] - 1) / (len(references) - 1)
    return np.asarray(1 - (1 - alike[:, None]) ** np.asarray(budgets, dtype=float)[None])


@dataclass(frozen=True)
class Route:
    """A way to answer queries as well as wanted: one or several checkpoints, each with the samples that it needs.

    Attributes
    ----------
    name : str
    policies : tuple of str
    n_parameters, training_tokens : tuple of int
    prompt_tokens, answer_tokens : tuple of float
        Of the prompt, which is read once a query, and of one sample.
    samples : tuple of float
        inf: it does not get there.
    """

    name: str
    policies: tuple[str, ...]
    n_parameters: tuple[int, ...]
    training_tokens: tuple[int, ...]
    prompt_tokens: tuple[float, ...]
    answer_tokens: tuple[float, ...]
    samples: tuple[float, ...]


def total_compute(routes: Sequence[Route], exchange_rates: Sequence[float]) -> pl.DataFrame:
    """FLOPs of training and inference of each way, over R.

    R queries one sample of the first route: it is tokens of inference over tokens of training of the first route's last
    checkpoint, so that all routes answer the same number of queries at one R.

    Parameters
    ----------
    routes : sequence of Route
    exchange_rates : sequence of float

    Returns
    -------
    polars.DataFrame
        Columns as in `ROUTE_SCHEMA`, a row a route and R, at the checkpoint that is cheapest there; `cost` is of a
        query, its share of the training included, and null where the route does not get there; `factor` is that over
        the cheapest route's.
    """
    per_rate = routes[0].training_tokens[-1] / routes[0].answer_tokens[-1]
    rows = []
    for rate in exchange_rates:
        queries = rate * per_rate
        bills = []
        for one in routes:
            shared = [
                pretrain_flops(*pair) / queries for pair in zip(one.n_parameters, one.training_tokens, strict=True)
            ]
            read = zip(one.n_parameters, one.prompt_tokens, one.answer_tokens, one.samples, strict=True)
            spent = [flops_per_token(n) * (prompt + answer * k) for n, prompt, answer, k in read]
            whole = np.add(shared, spent)
            at = int(whole.argmin())
            bills.append((at, float(whole[at]), shared[at]))
        least = min(cost for _, cost, _ in bills)
        for one, (at, cost, training) in zip(routes, bills, strict=True):
            row = {"route": one.name, "exchange_rate": float(rate), "queries": queries}
            if np.isfinite(cost):
                row |= {"policy": one.policies[at], "training_tokens": one.training_tokens[at]}
                row |= {"k": int(one.samples[at]), "cost": cost, "training_share": training / cost}
                row |= {"factor": cost / least}
            rows.append(row)
    return pl.DataFrame(rows, schema=ROUTE_SCHEMA)
