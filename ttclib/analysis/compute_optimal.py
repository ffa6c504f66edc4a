"""The compute-optimal strategy: the best one for each difficulty bin and budget, chosen honestly.

Inside each bin the problems are halved; the strategy is chosen on one half and scored on the other,
and the other way round; this is averaged over many random halvings. Choosing and scoring on the same
problems gives the in-sample figure beside it; the gap is its optimism. The choice on all problems is
the policy that is handed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ttclib.analysis.difficulty import bin_thresholds, check_bins
from ttclib.analysis.groups import Aligned, align, charged_budgets, group_means
from ttclib.analysis.policy import ChosenPolicy
from ttclib.errors import RequestError
from ttclib.replay.outcomes import COSTS, Outcomes

NEEDS_GROUND_TRUTH = ("pass_at_k",)  # an upper bound, no strategy: nobody could run it
RESAMPLED_ASSIGNMENTS = 20  # halvings in each bootstrap replicate: their noise is far below that of the problems
_TIE = 1e-9


@dataclass(frozen=True)
class ComputeOptimal:
    """The choice of a strategy for each bin and budget, and what it comes to.

    Attributes
    ----------
    outcomes : Outcomes
        Cross-validated, strategy ``compute_optimal``: of each problem the mean over the halvings, with
        strategies chosen on problems of its bin other than itself. Costs are those of the chosen.
    in_sample : Outcomes
        Chosen and scored on the same problems.
    policy : ChosenPolicy
        The choice on all problems.
    used : float array, shape (strategies, problems, budgets)
        In what share of the halvings a problem was answered with a strategy.
    share : float array, shape (strategies, bins, budgets)
        How often a half chose the strategy; 1: every half agreed.
    aligned : Aligned
        What was chosen from.
    folds : bool array, shape (halvings, problems)
        True: in the first half.
    seed : int
    """

    outcomes: Outcomes
    in_sample: Outcomes
    policy: ChosenPolicy
    used: np.ndarray
    share: np.ndarray
    aligned: Aligned
    folds: np.ndarray
    seed: int

    @property
    def optimism(self) -> np.ndarray:
        """In-sample minus cross-validated accuracy, shape (1 + bins, budgets); row 0 is all problems."""
        once = np.ones((1, len(self.aligned.bins)))
        tables = (self.in_sample.accuracy, self.outcomes.accuracy)
        inside, outside = (group_means(table, self.aligned.bins, once)[0] for table in tables)
        return inside - outside

    def resampled(self, weights: np.ndarray) -> np.ndarray:
        """Cross-validated accuracy by group with the choice made anew in every replicate.

        Parameters
        ----------
        weights : float array, shape (replicates, problems)
            As `ttclib.analysis.groups.resample_weights` gives; row 0 is the data as they are. The problems drawn
            are halved anew, and all copies of one stay in one half.

        Returns
        -------
        numpy.ndarray, shape (replicates, 1 + bins, budgets)
            NaN for a bin of which fewer than two problems were drawn.
        """
        once = group_means(self.outcomes.accuracy, self.aligned.bins, weights[:1])
        rng = np.random.default_rng([self.seed, 1])
        folds = halvings(self.aligned.bins, weights[1:], RESAMPLED_ASSIGNMENTS, rng)
        return np.concatenate([once, scores_by_group(self.aligned, weights[1:], folds)])


def compute_optimal(
    outcomes: Sequence[Outcomes],
    bins: ArrayLike,
    *,
    ease: ArrayLike | None = None,
    difficulty: str = "oracle",
    n_assignments: int = 100,
    seed: int = 0,
) -> ComputeOptimal:
    """Choose the best strategy for each difficulty bin and budget by two-fold cross-validation.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        The strategies to choose from. Of equals the one listed first is taken, and its budgets are those
        at which there is a choice. Budgets are compared as they are charged
        (`ttclib.analysis.groups.charged_budgets`). At each only problems count on which every strategy
        that has this budget is defined.
    bins : array_like of int, shape (problems of the first,)
        Difficulty bin of each problem, 1 the easiest; 0: left out.
    ease : array_like of float, shape (problems of the first,), optional
        What the bins were cut by; with it the policy can place new problems.
    difficulty : str
        What `ease` is: ``"oracle"`` or ``"predicted"``. It is kept with the policy.
    n_assignments : int
        Random halvings of every bin.
    seed : int

    Raises
    ------
    RequestError
        Fewer problems than folds x bins, an empty bin, a strategy that needs the ground truth, or no
        problem that all strategies hold.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 3.
    """
    if bound := [outcome.variant for outcome in outcomes if outcome.strategy in NEEDS_GROUND_TRUTH]:
        raise RequestError(f"'{bound[0]}' picks by the right answer and cannot be chosen: leave it out")
    if n_assignments < 1:
        raise RequestError(f"n_assignments must be at least 1, got {n_assignments}")
    aligned = align(outcomes, bins)
    aligned = aligned.at_budgets(charged_budgets(aligned.outcomes[0]))
    check_bins(aligned.bins)
    everyone = np.ones((1, len(aligned.bins)))
    folds = halvings(aligned.bins, everyone, n_assignments, np.random.default_rng(seed))[0]
    n_bins, valid, candidates = int(aligned.bins.max()), _valid(aligned), _candidates(aligned)
    n_strategies, _, n_budgets = aligned.accuracy.shape
    one_hot = np.eye(n_strategies)
    used = np.zeros(aligned.accuracy.shape)  # how often a problem is answered with a strategy
    inside = np.zeros(aligned.accuracy.shape)
    share = np.zeros((n_strategies, n_bins, n_budgets))
    choices = np.zeros((n_bins, n_budgets), dtype=int)
    for number in range(1, n_bins + 1):
        member = np.flatnonzero(aligned.bins == number)
        sums, half = _Sums(aligned, valid, member), folds[:, member].astype(float)
        on_half, on_rest = (one_hot[_first_best(sums(part), candidates)] for part in (half, 1 - half))
        for part, chosen in ((half, on_rest), (1 - half, on_half)):  # each half is answered as the other chose
            used[:, member] += np.einsum("ap,abs->spb", part, chosen, optimize=True) / n_assignments
        share[:, number - 1] = ((on_half + on_rest) / 2).mean(axis=0).T
        choices[number - 1] = _first_best(sums(np.ones((1, len(member)))), candidates)[0]
        inside[:, member] = one_hot[choices[number - 1]].T[:, None, :]
    variants = [outcome.variant for outcome in aligned.outcomes]
    counted = valid & (aligned.bins > 0)[:, None]
    described = [counted[aligned.bins == number].any(axis=0) for number in range(1, n_bins + 1)]
    policy = ChosenPolicy(
        difficulty=difficulty,
        thresholds=None if ease is None else bin_thresholds(_kept(ease, outcomes[0], aligned), aligned.bins),
        budgets=aligned.budgets,
        choices=tuple(
            tuple(variants[choices[row, column]] if described[row][column] else None for column in range(n_budgets))
            for row in range(n_bins)
        ),
        n_problems=int((aligned.bins > 0).sum()),
    )
    return ComputeOptimal(
        outcomes=_mixture(aligned, used, counted, "compute_optimal"),
        in_sample=_mixture(aligned, inside, counted, "compute_optimal (in-sample)"),
        policy=policy,
        used=used,
        share=share,
        aligned=aligned,
        folds=folds,
        seed=seed,
    )


def halvings(bins: np.ndarray, weights: np.ndarray, n_assignments: int, rng: np.random.Generator) -> np.ndarray:
    """Random halves of the problems drawn of each bin; the odd one falls to either.

    Parameters
    ----------
    bins : int array, shape (problems,)
    weights : float array, shape (replicates, problems)
        0: not drawn, and in the second half without counting.
    n_assignments : int
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of bool, shape (replicates, n_assignments, problems)
    """
    folds = np.zeros((len(weights), n_assignments, len(bins)), dtype=bool)
    for number in range(1, int(bins.max()) + 1):
        member = np.flatnonzero(bins == number)
        drawn = np.broadcast_to((weights[:, None, member] > 0), (len(weights), n_assignments, len(member)))
        keys = np.where(drawn, rng.random(drawn.shape, dtype=np.float32), np.inf)
        ranks = keys.argsort(axis=-1).argsort(axis=-1)
        n_drawn = drawn.sum(axis=-1, keepdims=True)
        folds[:, :, member] = drawn & (ranks < (n_drawn + rng.integers(0, 2, n_drawn.shape)) // 2)
    return folds


def _candidates(aligned: Aligned) -> np.ndarray:
    """Which strategies have which budget, shape (strategies, budgets)."""
    return ~np.isnan(aligned.accuracy).all(axis=1)


def _valid(aligned: Aligned) -> np.ndarray:
    """Problems on which every strategy that has the budget is defined, shape (problems, budgets)."""
    defined = ~np.isnan(aligned.accuracy)
    has = defined.any(axis=1, keepdims=True)
    return (defined | ~has).all(axis=0) & has.any(axis=0)


class _Sums:
    """Weighted sums of accuracy over the problems of a bin: one matrix product for any number of weightings."""

    def __init__(self, aligned: Aligned, valid: np.ndarray, member: np.ndarray) -> None:
        table = np.where(valid[None, member], np.nan_to_num(aligned.accuracy[:, member]), 0.0)
        n_strategies, n_member, n_budgets = table.shape
        self.shape = (n_strategies, n_budgets)
        self.table = table.transpose(1, 0, 2).reshape(n_member, n_strategies * n_budgets)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Shape (weightings, strategies, budgets) from (weightings, problems of the bin)."""
        return (weights @ self.table).reshape(len(weights), *self.shape)


def _first_best(sums: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Index of the best strategy, of equals the first, shape (weightings, budgets)."""
    barred = np.where(candidates, sums, -np.inf)
    return (barred >= barred.max(axis=1, keepdims=True) - _TIE).argmax(axis=1)


def _mixture(aligned: Aligned, used: np.ndarray, counted: np.ndarray, variant: str) -> Outcomes:
    def mixed(table: np.ndarray) -> np.ndarray:
        return np.where(counted, (used * np.where(used > 0, table, 0.0)).sum(axis=0), np.nan)

    named = {name for outcome in aligned.outcomes for name in outcome.costs}
    return Outcomes(
        strategy="compute_optimal",
        variant=variant,
        budgets=aligned.budgets,
        problem_ids=aligned.problem_ids,
        accuracy=mixed(aligned.accuracy),
        costs={name: mixed(aligned.cost(name)) for name in COSTS if name in named},
    )


def _kept(values: ArrayLike, first: Outcomes, aligned: Aligned) -> np.ndarray:
    place = {name: row for row, name in enumerate(first.problem_ids)}
    return np.asarray(values, dtype=float)[[place[name] for name in aligned.problem_ids]]


def scores_by_group(aligned: Aligned, weights: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Cross-validated accuracy by group for every weighting of the problems.

    Parameters
    ----------
    aligned : Aligned
    weights : float array, shape (weightings, problems)
    folds : bool array, shape (weightings, halvings, problems)

    Returns
    -------
    numpy.ndarray, shape (weightings, 1 + bins, budgets)
        A halving counts where both halves hold a problem; a bin without any is NaN and is left out of all.
    """
    n_bins, valid, candidates = int(aligned.bins.max()), _valid(aligned), _candidates(aligned)
    n_budgets = len(aligned.budgets)
    scored = np.zeros((len(weights), n_bins + 1, n_budgets))
    counted = np.zeros_like(scored)
    for number in range(1, n_bins + 1):
        member = np.flatnonzero(aligned.bins == number)
        sums, known = _Sums(aligned, valid, member), valid[member].astype(float)
        for begin in range(0, len(weights), 32):
            here = slice(begin, begin + 32)
            drawn, half = weights[here, member], folds[here][:, :, member]
            first = (drawn[:, None] * half).reshape(-1, len(member))
            second = (drawn[:, None] * ~half).reshape(-1, len(member))
            ones, zeros = sums(first), sums(second)
            both = (first @ known > 0) & (second @ known > 0)
            gain = np.zeros((len(ones), n_budgets))
            for chosen_on, scored_on in ((ones, zeros), (zeros, ones)):
                best = _first_best(chosen_on, candidates)
                gain += np.take_along_axis(scored_on, best[:, None], axis=1)[:, 0]
            shape = (*half.shape[:2], n_budgets)
            both, gain = both.reshape(shape), np.where(both, gain, 0.0).reshape(shape)
            held = both.sum(axis=1)
            scored[here, number] = gain.sum(axis=1) / np.maximum(1, held)
            counted[here, number] = np.where(held > 0, drawn @ known, 0.0)
    scored[:, 0], counted[:, 0] = scored[:, 1:].sum(axis=1), counted[:, 1:].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counted > 0, scored / counted, np.nan)
