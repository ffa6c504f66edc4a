"""Train or sample? Which checkpoint answers at the least cost, once training is shared by the queries.

A query of a model with N parameters that read D tokens costs its share of the training and its own samples::

    6·N·D / queries  +  2·N·answer tokens·k

With k the samples after which a share of the problems, the target, is covered. Few queries want little training and
many samples, many queries the model whose samples are cheapest for that target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.cost import flops_per_token, pretrain_flops
from ttclib.analysis.interpolation import cost_for
from ttclib.analysis.resampling import Resamples, ends
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k

QUERIES = tuple(np.logspace(2, 12, 41).tolist())
TARGETS = tuple(np.round(np.arange(0.1, 0.95, 0.1), 2).tolist())
_A_DOUBLING = 4  # sample counts at which coverage is computed, between which log k is interpolated

CHOICE_SCHEMA = {
    "target": pl.Float64,
    "queries": pl.Float64,
    "policy": pl.String,
    "n_parameters": pl.Int64,
    "training_tokens": pl.Int64,
    "k": pl.Int64,
    "cost": pl.Float64,
    "training_share": pl.Float64,
    "exchange_rate": pl.Float64,
    "supported_share": pl.Float64,
}
SIZE_SCHEMA = {
    "target": pl.Float64,
    "queries": pl.Float64,
    "n_parameters": pl.Int64,
    "policy": pl.String,
    "training_tokens": pl.Int64,
    "k": pl.Int64,
    "cost": pl.Float64,
    "factor": pl.Float64,
}
TAKEOVER_SCHEMA = {
    "target": pl.Float64,
    "n_parameters": pl.Int64,
    "policy": pl.String,
    "training_tokens": pl.Int64,
    "from_queries": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "supported": pl.Boolean,
    "exchange_rate": pl.Float64,
}


@dataclass(frozen=True)
class Training:
    """The cheapest checkpoint for a target, over the number of queries.

    Attributes
    ----------
    choices : polars.DataFrame
        A row a target and number of queries, columns as in `CHOICE_SCHEMA`: what is cheapest, its samples and its cost
        a query in FLOPs; `training_share` of that cost; `exchange_rate` R, its tokens of inference over those of
        training; `supported_share`: of the resamples in which a model of this size is cheapest. No policy: nothing
        reaches the target.
    sizes : polars.DataFrame
        A row a target, number of queries and size, at its best checkpoint; `factor`: its cost over the cheapest one's.
    takeovers : polars.DataFrame
        A row a target and size that becomes the cheapest: the queries from which on a model of at least that size is
        throughout (`from_queries`), with an interval; null: an open end. `supported`: both ends are within the range.
    reached : polars.DataFrame
        `policy`, and the largest share of problems that its samples cover, `coverage`, at `k`.
    n_problems : int
    """

    choices: pl.DataFrame
    sizes: pl.DataFrame
    takeovers: pl.DataFrame
    reached: pl.DataFrame
    n_problems: int


def train_or_sample(
    policies: Sequence[str],
    n_parameters: ArrayLike,
    training_tokens: ArrayLike,
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    *,
    answer_tokens: float,
    targets: Sequence[float] = TARGETS,
    queries: Sequence[float] = QUERIES,
    level: float = 0.95,
    n_resamples: int = 400,
    seed: int = 0,
) -> Training:
    """Which checkpoint, sampled how often, covers a share of the problems at the least cost a query.

    Parameters
    ----------
    policies : sequence of str
    n_parameters, training_tokens : array_like, shape (policies,)
        N and D.
    n_samples, n_correct : array_like of int, shape (policies, problems)
        Every problem counts alike, however often it was sampled.
    answer_tokens : float
        Of one sample.
    targets : sequence of float
        Shares of the problems, in (0, 1).
    queries : sequence of float
        That share the training; at least two, ascending.
    level, n_resamples, seed
        Problems are weighted as in `ttclib.analysis.resampling`, for all checkpoints at once.

    Raises
    ------
    RequestError
        Fewer than two checkpoints or problems, a problem without samples, a target outside (0, 1), or no tokens.
    """
    n, c = np.broadcast_arrays(np.asarray(n_samples, dtype=int), np.asarray(n_correct, dtype=int))
    sizes, tokens = np.asarray(n_parameters, dtype=float), np.asarray(training_tokens, dtype=float)
    grid, wanted = np.asarray(queries, dtype=float), np.asarray(targets, dtype=float)
    if n.ndim != 2 or min(n.shape) < 2 or n.min() < 1:
        raise RequestError(
            "training against sampling: give two checkpoints or more, and samples of each problem by each"
        )
    if not len(wanted) or wanted.min() <= 0 or wanted.max() >= 1:
        raise RequestError(f"targets {', '.join(f'{one:g}' for one in targets)}: give shares between 0 and 1")
    if not answer_tokens > 0 or len(grid) < 2 or grid.min() <= 0 or (np.diff(grid) <= 0).any():
        raise RequestError("give an answer's tokens above 0, and two numbers of queries or more, ascending, above 0")
    training = np.array([pretrain_flops(*pair) for pair in zip(sizes, tokens, strict=True)])
    sample = np.array([flops_per_token(one) * answer_tokens for one in sizes])
    resamples = Resamples(n.shape[1], n_resamples, seed)
    weights, pseudo = resamples.weights, resamples.pseudo[:, None]
    whole = weights.sum(axis=1, keepdims=True) + pseudo
    point = np.full((len(policies), len(wanted)), np.nan)
    drawn = np.full((2, n_resamples, len(policies), len(wanted)), np.inf)
    reached, every = [], np.broadcast_to(wanted, (n_resamples, len(wanted)))
    for at, name in enumerate(policies):
        ks = _ks(int(n[at].min()))
        covered = np.asarray(pass_at_k(n[at][:, None], c[at][:, None], ks[None]))
        mean = covered.mean(axis=0)
        point[at] = np.ceil(cost_for(ks.astype(float), mean, wanted) - 1e-9)  # samples are whole
        for side in (0, 1):  # the pseudo-problem that nobody solves, and that everyone does
            again = cost_for(ks.astype(float), (weights @ covered + side * pseudo) / whole, every)
            drawn[side, :, at] = np.ceil(again - 1e-9)
        reached.append({"policy": name, "coverage": float(mean[-1]), "k": float(ks[-1])})
    bills = _Bills(tuple(policies), sizes, tokens, training, sample, grid, float(answer_tokens))
    choices, of_sizes, takeovers = [], [], []
    for place, target in enumerate(wanted):
        needed, redrawn = point[:, place], [drawn[side, :, :, place] for side in (0, 1)]
        choices += [{"target": float(target), **row} for row in bills.choices(needed, redrawn)]
        of_sizes += [{"target": float(target), **row} for row in bills.by_size(needed)]
        takeovers += [{"target": float(target), **row} for row in bills.takeovers(needed, redrawn, level)]
    return Training(
        choices=pl.DataFrame(choices, schema=CHOICE_SCHEMA),
        sizes=pl.DataFrame(of_sizes, schema=SIZE_SCHEMA),
        takeovers=pl.DataFrame(takeovers, schema=TAKEOVER_SCHEMA),
        reached=pl.DataFrame(reached),
        n_problems=n.shape[1],
    )


def cost_a_query(
    n_parameters: float, training_tokens: float, samples: float, queries: float, answer_tokens: float
) -> float:
    """FLOPs of one query: its share of the training, and its samples.

    Examples
    --------
    >>> cost_a_query(n_parameters=10, training_tokens=100, samples=5, queries=30, answer_tokens=7)
    900.0
    """
    shared = pretrain_flops(n_parameters, training_tokens) / queries
    return shared + flops_per_token(n_parameters) * answer_tokens * samples


def _ks(largest: int) -> np.ndarray:
    """Sample counts up to the pool, several a doubling."""
    steps = int(np.floor(np.log2(largest) * _A_DOUBLING + 1e-9))
    return np.unique(np.append(np.round(2.0 ** (np.arange(steps + 1) / _A_DOUBLING)).astype(np.int64), largest))


@dataclass(frozen=True)
class _Bills:
    """What a query costs by each checkpoint, over the number of queries."""

    policies: tuple[str, ...]
    sizes: np.ndarray
    tokens: np.ndarray
    training: np.ndarray
    sample: np.ndarray
    queries: np.ndarray
    answer_tokens: float

    def of(self, samples: np.ndarray) -> np.ndarray:
        """FLOPs of a query (…, checkpoints, queries) with so many samples (…, checkpoints); inf: not reached."""
        return (self.sample * samples)[..., None] + self.training[:, None] / self.queries

    def cheapest(self, samples: np.ndarray) -> np.ndarray:
        """Place of the cheapest checkpoint, shape (…, queries); −1: none reaches the target."""
        bill = self.of(samples)
        return np.where(np.isfinite(bill).any(axis=-2), bill.argmin(axis=-2), -1)

    def facts(self, at: int, samples: np.ndarray) -> dict[str, Any]:
        names = {"policy": self.policies[at], "n_parameters": int(self.sizes[at])}
        return {**names, "training_tokens": int(self.tokens[at]), "k": int(samples[at])}

    def rate(self, at: int, samples: np.ndarray, queries: float) -> float:
        """R: tokens of inference over tokens of training."""
        return float(queries * self.answer_tokens * samples[at] / self.tokens[at])

    def choices(self, samples: np.ndarray, redrawn: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """Rows of `CHOICE_SCHEMA`."""
        bill, best = self.of(samples), self.cheapest(samples)
        others = [self.cheapest(one) for one in redrawn]
        rows = []
        for column, number in enumerate(self.queries):
            at, row = int(best[column]), {"queries": float(number)}
            if at >= 0:
                alike = [(self.sizes[one[:, column]] == self.sizes[at]) & (one[:, column] >= 0) for one in others]
                row |= {
                    **self.facts(at, samples),
                    "cost": float(bill[at, column]),
                    "training_share": float(self.training[at] / number / bill[at, column]),
                    "exchange_rate": self.rate(at, samples, float(number)),
                    "supported_share": float(np.mean(alike)),
                }
            rows.append(row)
        return rows

    def by_size(self, samples: np.ndarray) -> list[dict[str, Any]]:
        """Rows of `SIZE_SCHEMA`: each size at its best checkpoint, against the cheapest of all."""
        bill, rows = self.of(samples), []
        for size in np.unique(self.sizes):
            own = np.flatnonzero(self.sizes == size)
            for column, number in enumerate(self.queries):
                at = int(own[bill[own, column].argmin()])
                cost = float(bill[at, column])
                if np.isfinite(cost):
                    factor = cost / float(bill[:, column].min())
                    rows.append({"queries": float(number), **self.facts(at, samples), "cost": cost, "factor": factor})
        return rows

    def takeovers(self, samples: np.ndarray, redrawn: Sequence[np.ndarray], level: float) -> list[dict[str, Any]]:
        """Rows of `TAKEOVER_SCHEMA`: from how many queries on a size or a larger one is cheapest."""
        best = self.cheapest(samples)
        path = np.where(best >= 0, self.sizes[best], np.nan)
        rows = []
        for size in np.unique(path[~np.isnan(path)]):
            first = float(self.first(samples[None], size)[0])
            if not self.queries[0] < first < np.inf:
                continue  # it is cheapest from the first query on, or not in the end
            drawn = [self.first(one, size) for one in redrawn]
            low, high = (float(end) for end in ends(np.minimum(*drawn), np.maximum(*drawn), level))
            at = int(best[np.flatnonzero((self.queries >= first * (1 - 1e-9)) & (path >= size))[0]])
            rows.append(
                {
                    **self.facts(at, samples),
                    "from_queries": first,
                    "ci_low": min(low, first) if low > self.queries[0] else None,
                    "ci_high": max(high, first) if high < np.inf else None,
                    "supported": bool(low > self.queries[0] and high < np.inf),
                    "exchange_rate": self.rate(at, samples, first),
                }
            )
        return rows

    def first(self, samples: np.ndarray, size: float) -> np.ndarray:
        """The queries from which on a size or a larger one is cheapest throughout, row by row; inf: none is."""
        best = self.cheapest(samples)
        there = (best >= 0) & (self.sizes[best] >= size)
        column, rows = there.shape[1] - np.argmin(there[:, ::-1], axis=1), np.arange(len(best))
        column = np.where(there.all(axis=1), 0, column)
        never, column = column >= there.shape[1], np.minimum(column, there.shape[1] - 1)
        now, before = best[rows, column], best[rows, np.maximum(column - 1, 0)]
        # Between two numbers of queries both bills are known: they are equal where the larger training is paid off.
        with np.errstate(invalid="ignore", divide="ignore"):
            saved = self.sample[before] * samples[rows, before] - self.sample[now] * samples[rows, now]
            equal = (self.training[now] - self.training[before]) / saved
        inside = (column > 0) & (before >= 0) & (saved > 0)
        bounds = self.queries[np.maximum(column - 1, 0)], self.queries[column]
        found = np.where(inside, np.clip(np.nan_to_num(equal, nan=0.0), *bounds), self.queries[column])
        return np.where(never, np.inf, found)
