"""The registry: a strategy's name → what it came to on every problem, and what it spent.

The four sampling strategies need a pool of samples alone. Tree search needs the tree of steps and
revisions their chains, which a store may lack: then `NotInStore` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ttclib.analysis.revisions import replay_revisions
from ttclib.analysis.searches import replay_search
from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.best_of_n import expected_best_of_n, expected_largest
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.truncation import truncate
from ttclib.replay.voting import elect, subsets_for
from ttclib.samples import LOGPROB, Pool

SAMPLING = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
TREE_SEARCH = ("beam_search", "lookahead_search", "dvts", "rebase")
REVISIONS = ("revisions",)
STRATEGIES = (*SAMPLING, *TREE_SEARCH, *REVISIONS)
NEEDS_SCORES = ("best_of_n", "weighted_best_of_n")

Transform = Callable[[np.ndarray], np.ndarray]
# Strategies that read more than a pool. Each is called with the tree or the
# chains, the budgets in ascending order, the keywords verifier, aggregation and seed, and the options
# it was asked with (a beam width, a ratio); each of its variants is one `Outcomes`.
Replay = Callable[..., list[Outcomes]]
REPLAYS: dict[str, Replay] = {
    "revisions": replay_revisions,
    **{strategy: partial(replay_search, strategy=strategy) for strategy in TREE_SEARCH},
}


def outcomes_of(
    pool: Pool,
    strategy: str,
    budgets: Sequence[int],
    *,
    tree: Any = None,
    chains: Any = None,
    verifier: str = "prm",
    aggregation: str = "last",
    transform: Transform | None = None,
    n_subsets: int | None = None,
    seed: int = 0,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Outcomes]:
    """Replay any strategy; one `Outcomes` a variant, of which sampling has one.

    Parameters
    ----------
    pool : Pool
    strategy : str
        Of `STRATEGIES`.
    budgets : sequence of int
    tree, chains : optional
        What the store holds of the sample tree, for `TREE_SEARCH`, and of revisions.
    verifier, aggregation, transform, n_subsets, seed
        As in `sampling_outcomes`.
    options : mapping of strategy to mapping, optional
        Keywords of strategies that read a tree or chains.

    Raises
    ------
    RequestError
        An unknown name, a budget out of range, scores or grades that the store does not hold.
    NotInStore
        The store holds no tree, or no chains.
    """
    one_of(strategy, STRATEGIES, "strategy")
    choices: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "seed": seed}
    if strategy in SAMPLING:
        return [sampling_outcomes(pool, strategy, budgets, transform=transform, n_subsets=n_subsets, **choices)]
    held, what, command = (tree, "tree", "search") if strategy in TREE_SEARCH else (chains, "revisions", "revise")
    if held is None or strategy not in REPLAYS:
        raise NotInStore(
            f"'{pool.store}' holds no {what} of policy '{pool.policy}', which {strategy} needs: "
            f"collect it with `ttc {command}`"
        )
    return REPLAYS[strategy](held, sorted(set(budgets)), **choices, **(options or {}).get(strategy, {}))


def sampling_outcomes(
    pool: Pool,
    strategy: str,
    budgets: Sequence[int],
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    transform: Transform | None = None,
    n_subsets: int | None = None,
    seed: int = 0,
) -> Outcomes:
    """One of the four sampling strategies on every problem of a pool, with all that it costs.

    Parameters
    ----------
    pool : Pool
    strategy : str
        Of `SAMPLING`.
    budgets : sequence of int
        Samples a problem, 1 to the largest pool, in any order; the result has each once, ascending.
    verifier, aggregation, transform
        As in `verifier_scores`; only read by the strategies in `NEEDS_SCORES`.
    n_subsets : int, optional
        Of voting, as in `ttclib.replay.voting.elect`.
    seed : int
        Of voting's subsets.

    Returns
    -------
    Outcomes
        NaN where a pool is smaller than the budget, and where nothing is graded or scored.

    Notes
    -----
    Token j (from 0) of a completion behind p prompt tokens attends to p + j tokens, so a completion of
    L tokens has p·L + L(L − 1)/2 `context_tokens`. N trials side by side read the prompt's cache once
    a step for as long as one of them still decodes: `kv_tokens` are p·E[longest of N] + N·E[L(L − 1)/2].
    """
    one_of(strategy, SAMPLING, "strategy")
    sizes = sorted({int(budget) for budget in budgets})
    check_budgets(sizes, pool)
    scores = verifier_scores(pool, verifier, aggregation, transform) if strategy in NEEDS_SCORES else None
    _check_known(pool, scores)
    accuracy = np.full((len(pool.problem_ids), len(sizes)), np.nan)
    error = np.zeros(accuracy.shape)
    n_subsets = subsets_for(len(pool.problem_ids)) if n_subsets is None else n_subsets
    for member, cells in _pools_of_one_size(pool):
        correct, ids = pool.correct[cells], pool.answer_ids[cells]
        score = None if scores is None else scores[cells]
        if strategy == "pass_at_k":
            graded, right = (~np.isnan(correct)).sum(axis=1), np.nansum(correct, axis=1)
            accuracy[member] = pass_at_k(graded[:, None], right[:, None], np.asarray(sizes)[None])
        elif score is not None and strategy == "best_of_n":
            accuracy[member] = expected_best_of_n(score, correct, sizes)
        else:
            accuracy[member], error[member] = elect(ids, score, correct, sizes, n_subsets=n_subsets, seed=seed)
    costs = sampling_costs(pool, sizes, verifier=verifier if scores is not None else None)
    return Outcomes(strategy, strategy, tuple(sizes), tuple(pool.problem_ids), accuracy, costs, error)


def _check_known(pool: Pool, scores: np.ndarray | None) -> None:
    """Refuse a pool in which nothing is graded, or nothing is both graded and scored."""
    graded = ~np.isnan(pool.correct).all(axis=1)
    if not graded.any():
        raise RequestError(f"'{pool.store}' holds no graded sample of '{pool.policy}': grade it with `ttc grade`")
    if scores is not None and not (graded & ~np.isnan(scores).all(axis=1)).any():
        raise RequestError(f"'{pool.store}' holds no problem of policy '{pool.policy}' that is both graded and scored")


def sampling_costs(pool: Pool, budgets: Sequence[int], *, verifier: str | None = None) -> dict[str, np.ndarray]:
    """What N random samples of each problem cost, and the PRM's reading of them.

    Parameters
    ----------
    pool : Pool
    budgets : sequence of int
    verifier : str, optional
        Whose reading is charged; None: nobody reads.

    Returns
    -------
    dict of str to float array, shape (problems, budgets)
        By the names of `ttclib.replay.outcomes.COSTS`; NaN: a pool smaller than the budget, or a
        count that the store lacks.
    """
    size = np.where(np.asarray(budgets)[None] <= pool.pool_sizes[:, None], np.asarray(budgets, dtype=float), np.nan)
    length, prompt = pool.completion_tokens, pool.prompt_tokens[:, None]
    own = _mean_of_samples(pool, length * (length - 1) / 2)
    mean_length = _mean_of_samples(pool, length)
    longest = np.full(size.shape, np.nan)
    for member, cells in _pools_of_one_size(pool):
        longest[member] = expected_largest(length[cells], budgets)
    nothing = np.where(np.isnan(size), np.nan, 0.0)
    return {
        "generations": size,
        "completion_tokens": size * mean_length,
        "pruned_tokens": nothing,
        "rollout_tokens": nothing,
        "prefill_tokens": size * prompt,
        "cached_prefill_tokens": nothing + prompt,
        "context_tokens": size * (prompt * mean_length + own),
        "kv_tokens": prompt * longest + size * own,
        "prm_tokens": size * _mean_of_samples(pool, pool.verifier(verifier).tokens_read) if verifier else nothing,
    }


def verifier_scores(
    pool: Pool, verifier: str = "prm", aggregation: str = "last", transform: Transform | None = None
) -> np.ndarray:
    """One score a sample, shape (problems, samples), from what the store holds.

    Parameters
    ----------
    pool : Pool
    verifier : str
        ``prm``: the pool's default; ``orm``: the outcome verifier that scored most; ``logprob``: ``exp`` of
        the policy's own mean token log-probability, so that weights are positive; or a verifier's own name.
    aggregation : {"last", "min", "prod", "mean"}
        How step scores become one; an ORM gives only one.
    transform : callable, optional
        Takes the scores, gives as many. A monotone one changes weighted votes alone.

    Raises
    ------
    RequestError
        Unknown verifier or aggregation, or the store has none of its scores.
    """
    scores = pool.verifier(verifier).by(aggregation)
    if transform is None:
        return scores
    try:
        return np.asarray(transform(scores), dtype=float)
    except ValueError as error:
        raise RequestError(f"{verifier} scores of '{pool.store}': {error}") from error


def cap_length(pool: Pool, max_tokens: int) -> Pool:
    """The pool as it were had every sample been cut at so many tokens.

    Parameters
    ----------
    pool : Pool
    max_tokens : int
        At least 1.

    Returns
    -------
    Pool
        As `ttclib.replay.truncation.truncate` does it: a longer sample is unanswered, wrong, scored below
        every other, and has spent the cap. What a verifier read of it is not known.

    Raises
    ------
    RequestError
        The cap is below 1, or the store does not know the length of any sample.
    """
    if max_tokens < 1:
        raise RequestError(f"length cap {max_tokens}: give at least 1 token")
    if np.isnan(pool.completion_tokens).all():
        raise RequestError(f"'{pool.store}' does not know how long the samples of '{pool.policy}' are: no length cap")

    left = truncate(pool.correct, pool.answer_ids, pool.completion_tokens, max_tokens)
    beyond = pool.completion_tokens > max_tokens
    verifiers = {
        name: replace(
            found,
            scores={how: np.where(beyond, -np.inf, table) for how, table in found.scores.items()},
            prm_tokens=np.where(beyond & (found.kind != LOGPROB), np.nan, found.prm_tokens),
        )
        for name, found in pool.verifiers.items()
    }
    return replace(
        pool,
        correct=left.correct,
        answer_ids=left.answer_ids,
        completion_tokens=left.completion_tokens,
        verifiers=verifiers,
    )


def check_budgets(budgets: Sequence[int], pool: Pool) -> None:
    """Refuse a budget below 1 or above every pool."""
    largest = int(pool.pool_sizes.max())
    for budget in budgets:
        if not 1 <= budget <= largest:
            raise RequestError(
                f"budget {budget} is out of range: the pool of '{pool.policy}' holds {largest} samples a problem, "
                f"allowed 1 to {largest}"
            )


def _pools_of_one_size(pool: Pool) -> list[tuple[np.ndarray, tuple[np.ndarray, slice]]]:
    """Problems whose pools are equal in size, and the cells of those pools."""
    members = [(pool.pool_sizes == size, int(size)) for size in np.unique(pool.pool_sizes)]
    return [(member, (member, slice(0, size))) for member, size in members]


def _mean_of_samples(pool: Pool, values: np.ndarray) -> np.ndarray:
    """Mean over a problem's samples, shape (problems, 1); NaN where one is unknown."""
    return (np.where(pool.present, values, 0.0).sum(axis=1) / np.maximum(1, pool.pool_sizes))[:, None]
