"""Where the problems of each difficulty bin go when a policy is trained further, and what that took.

A problem is put into a bin by one half of the first policy's samples. Where it goes is told by samples of another
policy, placed by the thresholds of that half; and by as many samples of the *other* half, for the first policy itself
moves problems between bins by chance: a problem that is hardest on some samples is easier on others, though nothing
was learned. What is learned is the difference between the two. Both halves cut in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ttclib.analysis.binning import place_problems
from ttclib.analysis.columns import schema
from ttclib.analysis.difficulty import tell_difficulty
from ttclib.analysis.resampling import interval
from ttclib.analysis.winners import leads
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.strategies import MajorityVote, PassAtK
from ttclib.samples import Pool

AGAIN = "again"  # the first policy on its own other half
FLOW_SCHEMA = {"policy": pl.String, "bin": pl.Int64, "bin_after": pl.Int64, "share": pl.Float64}
BIN_SCHEMA = {
    "policy": pl.String,
    "bin": pl.Int64,
    "measure": pl.String,
    **schema("first", "second", "difference", "ci_low", "ci_high", "winner", "n_problems"),
}
EQUAL_SCHEMA = {
    "policy": pl.String,
    "measure": pl.String,
    **schema("budget", "cost"),
    "base_budget": pl.Int64,
    "held": pl.Boolean,
    **schema("first", "second", "difference", "ci_low", "ci_high", "winner"),
    "needed": pl.Int64,
    "from_queries": pl.Float64,
}


def flow(base: Pool, others: Sequence[Pool], n_bins: int = 5, *, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """From bins of the first policy to bins of later ones.

    Parameters
    ----------
    base : Pool
        Every problem graded, with at least four samples.
    others : sequence of Pool
        On the same problems in the same order.
    n_bins : int
        Of equal size, as one half of the samples of `base` tells them.
    seed
        Of the intervals over problems, and of the halves.

    Returns
    -------
    flow : polars.DataFrame
        Columns as in `FLOW_SCHEMA`: of the problems in `bin`, the `share` that is in `bin_after` by `policy`; the
        policy `AGAIN` is the first one on its other half.
    bins : polars.DataFrame
        Columns as in `BIN_SCHEMA`, bin null over all: second, by `policy`, less first, by `AGAIN`. Measures:
        ``accuracy`` of a sample; ``easier``, the share that is in an easier bin than before; ``middle``, that is in the
        middle bin or an easier one.

    Raises
    ------
    RequestError
        Other problems, too few samples, or a problem without a grade.
    """
    if any(one.problem_ids != base.problem_ids for one in others):
        raise RequestError("the policies are of other problems: choose those of all first")
    pools = [base, *others]
    fewest = min(int((~np.isnan(one.correct)).sum(axis=1).min()) for one in pools)
    n_base = int((~np.isnan(base.correct)).sum(axis=1).min())
    size = min(n_base // 2, fewest)
    if n_base < 4 or size < 1:
        raise RequestError(
            f"{fewest} graded samples of a problem: one half tells bins and the other where problems go anyway, so "
            f"give at least 4 of '{base.policy}' and 1 of every other"
        )
    rng = np.random.default_rng(seed)
    dealt = _dealt(base.correct, rng)[:, : n_base // 2 * 2]
    halves = dealt[:, ::2], dealt[:, 1::2]
    drawn = {one.policy: _dealt(one.correct, rng)[:, :size].mean(axis=1) for one in others}
    before: list[np.ndarray] = []
    after: dict[str, list[np.ndarray]] = {name: [] for name in (AGAIN, *drawn)}
    ease: dict[str, list[np.ndarray]] = {name: [] for name in (AGAIN, *drawn)}
    for cutting, other in (halves, halves[::-1]):
        told = tell_difficulty(cutting, n_bins, seed=seed)
        before.append(told.bins)
        for place, (name, own) in enumerate({AGAIN: other[:, :size].mean(axis=1), **drawn}.items()):
            # Of equal ease problems fall to both sides by luck, which is another for every policy.
            after[name].append(place_problems(own, told.thresholds, told.tied_shares, seed + 1 + place))
            ease[name].append(other.mean(axis=1) if name == AGAIN else own)
    bins = np.concatenate(before)
    reached = {name: np.concatenate(own) for name, own in after.items()}
    rows = [
        {"policy": name, "bin": number, "bin_after": to, "share": float((own[bins == number] == to).mean())}
        for name, own in reached.items()
        for number in range(1, n_bins + 1)
        for to in range(1, n_bins + 1)
        if (bins == number).any()
    ]
    clusters, middle = np.tile(np.arange(len(base.problem_ids)), 2), (n_bins + 1) // 2
    tables = {
        name: np.column_stack([np.concatenate(ease[name]), own < bins, own <= middle]).astype(float)
        for name, own in reached.items()
    }
    found: list[dict[str, object]] = []
    for name in drawn:
        found += _by_bin(name, tables[AGAIN], tables[name], bins, n_bins, clusters, seed)
    return pl.DataFrame(rows, schema=FLOW_SCHEMA), pl.DataFrame(found, schema=BIN_SCHEMA)


def _dealt(correct: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grades of each problem in random order, those that are missing last."""
    keys = np.where(np.isnan(correct), 2.0, rng.random(correct.shape))
    return np.take_along_axis(correct, keys.argsort(axis=1), axis=1)


def _by_bin(
    name: str, first: np.ndarray, second: np.ndarray, bins: np.ndarray, n_bins: int, clusters: np.ndarray, seed: int,
) -> list[dict[str, object]]:  # fmt: skip
    found = interval((second, first), "difference", groups=bins, n_groups=n_bins, clusters=clusters, seed=seed)
    rows: list[dict[str, object]] = []
    for number in range(n_bins + 1):
        member = bins > 0 if number == 0 else bins == number
        if not member.any():
            continue
        both = first[member].mean(axis=0), second[member].mean(axis=0)
        for place, measure in enumerate(("accuracy", "easier", "middle")):
            low, high = float(found.low[number, place]), float(found.high[number, place])
            rows.append(
                {
                    "policy": name, "bin": number or None, "measure": measure,
                    "first": float(both[0][place]), "second": float(both[1][place]),
                    "difference": float(found.estimate[number, place]), "ci_low": low, "ci_high": high,
                    "winner": "second" if low > 0 else "first" if high < 0 else "too close",
                    "n_problems": len(np.unique(clusters[member])),
                }
            )  # fmt: skip
    return rows


def equal_compute(
    base: Pool,
    others: Sequence[Pool],
    spent: Mapping[str, float],
    queries: float,
    *,
    seed: int = 0,
) -> pl.DataFrame:
    """Each policy's samples against as many of the first policy as cost the same, training included.

    A query of the trained policy costs its share of all that was spent on it, ``spent / queries``, and its own k
    samples; the first policy draws for as much.

    Parameters
    ----------
    base : Pool
    others : sequence of Pool
        On the same problems in the same order.
    spent : mapping of str to float
        FLOPs that led from the first policy to each.
    queries : float
        That share them.
    seed
        Of the intervals of paired differences over problems.

    Returns
    -------
    polars.DataFrame
        Columns as in `EQUAL_SCHEMA`, a row a policy, measure (``coverage``, ``majority``) and k (`budget`): `cost` in
        FLOPs, the samples that the first policy may draw for it (`base_budget`), and whether its pool holds as many
        (`held`; else all of it stands for them); `first`, its accuracy, and `second`, the policy's. `needed`: samples
        after which the first is as accurate, null where its pool never is; `from_queries`: the queries from which on
        training is cheaper (where the first never is as accurate, at the latest), null: it never is.

    Raises
    ------
    RequestError
        A policy's parameters are not known.
    """
    rows: list[dict[str, object]] = []
    own_cost, size = _cost_a_sample(base), int(base.pool_sizes.min())
    every = np.unique(np.round(2.0 ** (np.arange(np.floor(np.log2(size) * 4) + 1) / 4)).astype(int))
    every = np.unique([*every, size])
    reach = {measure: _accuracy(base, measure, every.tolist()).mean(axis=0) for measure in _MEASURES}
    for one in others:
        cost = _cost_a_sample(one)
        ks = [1 << power for power in range(int(one.pool_sizes.min()).bit_length())]
        costs = [spent[one.policy] / queries + cost * k for k in ks]
        allowed = [int(total / own_cost) for total in costs]
        drawn = [max(1, min(size, number)) for number in allowed]
        for measure in _MEASURES:
            second = _accuracy(one, measure, ks)
            unique = sorted(set(drawn))
            table = _accuracy(base, measure, unique)
            first = table[:, [unique.index(number) for number in drawn]]
            found = interval((second, first), "difference", seed=seed)
            winners = leads(list((first - second).T), -found.high, -found.low, names=("first", "second"))
            for place, k in enumerate(ks):
                there = np.flatnonzero(reach[measure] >= second[:, place].mean() - 1e-12)
                needed = int(every[there[0]]) if len(there) else None
                saved = own_cost * (needed or size) - cost * k
                rows.append(
                    {
                        "policy": one.policy, "measure": measure, "budget": k, "cost": costs[place],
                        "base_budget": allowed[place], "held": allowed[place] <= size,
                        "first": float(first[:, place].mean()), "second": float(second[:, place].mean()),
                        "difference": float(found.estimate[place]), "ci_low": float(found.low[place]),
                        "ci_high": float(found.high[place]), "winner": winners[place], "needed": needed,
                        "from_queries": spent[one.policy] / saved if saved > 0 else None,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, schema=EQUAL_SCHEMA)


_MEASURES = {"coverage": PassAtK, "majority": MajorityVote}


def _accuracy(pool: Pool, measure: str, budgets: Sequence[int]) -> np.ndarray:
    """Of each problem at each budget, shape (problems, budgets)."""
    if measure == "coverage":
        return np.asarray(pass_at_k(pool.pool_sizes[:, None], pool.n_correct[:, None], np.asarray(budgets)[None]))
    return _MEASURES[measure]().replay(pool, list(budgets)).accuracy


def _cost_a_sample(pool: Pool) -> float:
    if pool.policy_parameters is None:
        raise RequestError(
            f"'{pool.store}' does not know how many parameters '{pool.policy}' has: state it with `ttc models --set`"
        )
    lengths = pool.lengths
    return 2.0 * pool.policy_parameters * float(np.nanmean(np.where(pool.present, lengths, np.nan)))
