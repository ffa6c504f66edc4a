"""Revisions: N answers as chains of some length side by side, cut from chains that were collected once.

A budget of N answers is split into N = sequential · parallel: so many chains, each cut to its first
so many answers. Chains are exchangeable, so every estimate is a mean over subsets of them; the order
inside a chain is fixed. What is not answered, not scored or not graded is treated as
`ttclib.replay.estimate` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb, log2

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, one_of
from ttclib.replay.budgets import as_budgets
from ttclib.replay.coverage import log_avoided
from ttclib.replay.draws import Seed, as_draws
from ttclib.replay.estimate import Estimate
from ttclib.replay.voting import check_weights

SELECTIONS = ("hierarchical", "majority")

Split = tuple[int, int]  # sequential, parallel


def splits_of(budget: int) -> list[Split]:
    """The ways to split a budget into sequential and parallel, one of the two a power of two.

    Parameters
    ----------
    budget : int
        At least 1.

    Returns
    -------
    list of (sequential, parallel)
        From wholly parallel to wholly sequential.

    Examples
    --------
    >>> splits_of(8)
    [(1, 8), (2, 4), (4, 2), (8, 1)]
    >>> len(splits_of(128))
    8
    >>> splits_of(6)
    [(1, 6), (2, 3), (3, 2), (6, 1)]
    """
    (size,) = as_budgets([budget]).tolist()
    powers = [1 << exponent for exponent in range(size.bit_length()) if size % (1 << exponent) == 0]
    return sorted({split for power in powers for split in ((power, size // power), (size // power, power))})


def split_at_ratio(budget: int, ratio: float) -> Split:
    """The split whose sequential:parallel is nearest to a ratio, on a scale of doublings.

    Parameters
    ----------
    ratio : float
        Sequential over parallel, above 0. Of two splits equally near, the more sequential is taken.

    Raises
    ------
    RequestError
        The ratio is not above 0.

    Examples
    --------
    >>> split_at_ratio(64, 1), split_at_ratio(64, 4), split_at_ratio(2, 1)
    ((8, 8), (16, 4), (2, 1))
    """
    if not 0 < ratio < np.inf:
        raise RequestError(f"ratio {ratio}: sequential over parallel must be above 0, such as 0.25 or 4")
    return min(splits_of(budget), key=lambda split: (abs(log2(split[0] / split[1]) - log2(ratio)), -split[0]))


def select_from_chains(
    answer_ids: ArrayLike,
    scores: ArrayLike | None,
    correct: ArrayLike,
    lengths: ArrayLike,
    splits: Iterable[Split],
    *,
    selection: str = "hierarchical",
    n_subsets: int = 400,
    seed: Seed = 0,
) -> Estimate:
    """What the answer selected from chains comes to, at each split of a budget.

    ``hierarchical``, by a verifier: inside each chain the class with the largest sum of scores is
    found and stands for the chain with its highest-scoring solution; across chains the class with the
    largest sum of these solutions' scores wins. ``majority``, flat: the most frequent answer of all
    answers of all chains. Ties are split equally at every level; where nobody votes, one of the answers
    drawn is taken at random.

    Averaged over subsets of the chains: over all of them where there are no more than `n_subsets`,
    else over so many random ones, which serve all splits of one length.

    Parameters
    ----------
    answer_ids : array_like of int, shape (problems, chains, positions)
        Equivalence class of the answer within its problem; negative: no answer, which takes a place
        in the budget and never votes.
    scores : array_like of float, shape (problems, chains, positions), or None
        Not below 0. NaN: not scored, the answer does not vote. None: with ``majority``, which reads none.
    correct : array_like of float, shape (problems, chains, positions)
        NaN: could not be graded, which the selection does not see. The grade of a class is the mean of those who
        vote for it within the length that the chains are cut to.
    lengths : array_like of int, shape (problems, chains)
        Answers of each chain; what lies behind is padding.
    splits : iterable of (sequential, parallel)
    selection : {"hierarchical", "majority"}

    Returns
    -------
    Estimate
        Arrays of shape (problems, splits); NaN where a problem has fewer chains of that length, or no graded
        answer. `mc_error` is 0 where all subsets are taken and no tie inside a chain is drawn.

    Raises
    ------
    ValueError
        Shapes differ, or scores are missing.
    RequestError
        Unknown selection, or a score that weighs a vote is below 0.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 6.1 and appendix on revisions.

    Examples
    --------
    Two chains of two answers. The first elects class 0 (.9), the second class 1 (.6 + .5 against
    nothing), which stands for it with .6.

    >>> ids, scores = [[[0, 1], [1, 1]]], [[[0.9, 0.2], [0.6, 0.5]]]
    >>> correct, lengths = [[[1, 0], [0, 0]]], [[2, 2]]
    >>> select_from_chains(ids, scores, correct, lengths, [(2, 2)]).accuracy.tolist()
    [[1.0]]
    >>> select_from_chains(ids, None, correct, lengths, [(2, 2)], selection="majority").accuracy.tolist()
    [[0.0]]
    """
    one_of(selection, SELECTIONS, "selection")
    ids, right = np.asarray(answer_ids), np.asarray(correct, dtype=float)
    if selection == "hierarchical" and scores is None:
        raise ValueError("hierarchical selection needs scores")
    weights = np.ones(ids.shape) if selection == "majority" else np.asarray(scores, dtype=float)
    ends = np.asarray(lengths, dtype=int)
    if ids.ndim != 3 or not ids.shape == right.shape == weights.shape or ends.shape != ids.shape[:2]:
        raise ValueError(
            f"arrays must share one shape (problems, chains, positions), got {ids.shape}, {weights.shape}, "
            f"{right.shape}, and lengths (problems, chains), got {ends.shape}"
        )
    wanted, draws = list(splits), as_draws(seed, len(ids))
    table = np.full((3, len(ids), len(wanted)), np.nan)
    within = np.arange(ids.shape[2]) < ends[..., None]
    votes = within & (ids >= 0) & ~np.isnan(weights)
    check_weights(weights[votes])
    for row in np.flatnonzero((within & ~np.isnan(right)).any(axis=(1, 2))):
        for sequential in {split[0] for split in wanted}:
            chains = np.flatnonzero(ends[row] >= sequential)
            columns = [i for i, split in enumerate(wanted) if split[0] == sequential and split[1] <= len(chains)]
            if columns:
                cut = np.ix_(chains, np.arange(sequential))
                answers, weight, grades, cast = (values[row][cut] for values in (ids, weights, right, votes))
                sizes = [wanted[i][1] for i in columns]
                rng = np.random.default_rng(draws.of(row))
                found = _of_one_length(answers, weight, grades, cast, selection, sizes, n_subsets, rng)
                table[:, row, columns] = found
    return Estimate(table[0], table[2], table[1])


def _of_one_length(
    ids: np.ndarray,
    weights: np.ndarray,
    right: np.ndarray,
    votes: np.ndarray,
    selection: str,
    sizes: Sequence[int],
    n_subsets: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Accuracy, the ungraded share and the error of one problem's chains, at each number of them: (3, sizes)."""
    lacking = np.isnan(right)
    gains = np.stack([np.where(lacking, 0.0, right), lacking.astype(float)])  # (2, chains, positions)
    found = np.zeros((3, len(sizes)))
    if votes.any():
        codes = np.full(ids.shape, -1)
        codes[votes] = np.unique(ids[votes], return_inverse=True)[1]
        class_size = np.bincount(codes[votes])
        of_class = np.stack([np.bincount(codes[votes], gain[votes]) / class_size for gain in gains])
        count = _heads if selection == "majority" else _representatives
        found = _elect(*count(codes, weights, len(class_size)), of_class, sizes, n_subsets, rng)
    # Chains without a vote are exchangeable: where only such were drawn, any of their answers is as likely.
    silent = ~votes.any(axis=1)
    n_silent, budgets = int(silent.sum()), np.asarray(sizes)
    alone = budgets <= n_silent
    if alone.any():
        chance = np.exp(log_avoided(np.full(alone.sum(), len(ids)), np.array(len(ids) - n_silent), budgets[alone]))
        found[:2, alone] += gains[:, silent].mean(axis=(1, 2))[:, None] * chance
    return found


def _heads(codes: np.ndarray, weights: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ballots of the flat vote: the votes for each class, shape (chains, 1 alternative, classes), and again."""
    votes = (codes[..., None] == np.arange(n_classes)).sum(axis=1)[:, None].astype(float)
    return votes, votes


def _representatives(codes: np.ndarray, weights: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ballots of the hierarchical vote: what stands for each chain.

    Returns the score and the presence of the chain's representative in each class, both of shape
    (chains, alternatives, classes): one alternative for each class that wins the chain in a tie. A
    chain in which nobody votes has no representative.
    """
    of_class = codes[..., None] == np.arange(n_classes)  # (chains, positions, classes)
    cast = of_class.any(axis=1)
    total = np.where(cast, np.where(of_class, weights[..., None], 0.0).sum(axis=1), -np.inf)
    largest = np.where(of_class, weights[..., None], -np.inf).max(axis=1)
    winners = cast & _ties_with_best(total)
    rank = np.cumsum(winners, axis=1) - 1  # of a winner among its chain's winners
    heads = winners[:, None] & (rank[:, None] == np.arange(max(1, winners.sum(axis=1).max()))[:, None])
    return np.where(heads, largest[:, None], 0.0), heads.astype(float)


def _elect(
    tallies: np.ndarray,
    heads: np.ndarray,
    of_class: np.ndarray,
    sizes: Sequence[int],
    n_subsets: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Expected values of the class with the largest tally over so many chains, for each number of chains.

    Returns its correctness, the share that is not graded and the error of the first, shape (3, sizes); a subset in
    which nobody votes counts 0.
    """
    n_chains, n_alternatives, n_classes = tallies.shape
    # Alternatives of a chain are equally likely; the last ones are empty where others have more ties.
    filled = np.maximum(1, heads.any(axis=2).sum(axis=1))
    flat_tallies, flat_heads = (values.reshape(-1, n_classes) for values in (tallies, heads))
    order = rng.permuted(np.tile(np.arange(n_chains), (n_subsets, 1)), axis=1)
    lot = rng.random((n_subsets, n_chains))
    expected = np.zeros((3, len(sizes)))
    for place, size in enumerate(sizes):
        if size == 1:
            standing = _share(tallies, heads) @ of_class.T  # (chains, alternatives, 2)
            expected[:2, place] = (standing.sum(axis=1) / filled[:, None]).mean(axis=0)
            continue
        chosen = order[:, :size]
        all_taken = (n_all := comb(n_chains, size)) <= n_subsets
        if all_taken:
            # All subsets; as often as ties inside chains need to be drawn.
            every = np.array(list(combinations(range(n_chains), size)))
            chosen = every if n_alternatives == 1 else np.tile(every, (n_subsets // n_all, 1))
        alternative = (lot[: len(chosen), :size] * filled[chosen]).astype(int)
        drawn = np.zeros((len(chosen), n_chains * n_alternatives))
        np.put_along_axis(drawn, chosen * n_alternatives + alternative, 1.0, axis=1)
        value = _share(drawn @ flat_tallies, drawn @ flat_heads) @ of_class.T
        expected[:2, place] = value.mean(axis=0)
        if not all_taken:
            expected[2, place] = _standard_error(value[:, :1])
        elif n_alternatives > 1:  # of each subset the ties alone are drawn
            repeats = value[:, 0].reshape(-1, n_all)
            drawn_once = len(repeats) == 1  # then the error is at most that of subsets drawn at random
            expected[2, place] = _standard_error(repeats.T if drawn_once else repeats)
    return expected


def _standard_error(draws: np.ndarray) -> float:
    """Of the mean of all, from independent draws along the first axis of what stands in each column."""
    return float(np.sqrt(draws.var(axis=0, ddof=1).mean() / draws.size)) if len(draws) > 1 else np.nan


def _share(total: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """How much of the election each class wins: 1, a part of it in a tie, 0 throughout where nobody voted."""
    winners = (heads > 0) & _ties_with_best(np.where(heads > 0, total, -np.inf))
    return winners / np.maximum(1, winners.sum(axis=-1, keepdims=True))


def _ties_with_best(total: np.ndarray) -> np.ndarray:
    # Sums that differ by rounding tie; relative, since products of many step scores are tiny.
    best = total.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # -inf - inf where nobody voted
        return total >= best - 1e-12 * np.abs(best)
