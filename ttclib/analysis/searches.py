"""Tree searches as strategies: the variants that were asked for, each on the budgets that it can have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.search import Algorithm, search_outcomes
from ttclib.replay.selection import SELECTIONS
from ttclib.samples import Tree


def replay_search(
    trees: Tree,
    budgets: Sequence[int],
    *,
    strategy: str,
    verifier: str = "prm",
    aggregation: str = "last",
    beam_width: Sequence[int | str] = (4,),
    lookahead_steps: Sequence[int] = (1,),
    selection: str = SELECTIONS[0],
    n_replicates: int = 1,
    seed: int = 0,
) -> list[Outcomes]:
    """Replay a search in each of its variants.

    Parameters
    ----------
    trees : Tree
    budgets : sequence of int
        One that is below a variant's beam width is left out of it.
    strategy : {"beam_search", "lookahead_search", "dvts", "rebase"}, keyword-only
    verifier : str
        ``"prm"``, or the own name of the verifier whose scores the trees carry. The policy's own
        log-probability is kept for whole samples alone, so it cannot guide a search.
    aggregation : {"last", "min", "prod", "mean"}
    beam_width : sequence of int or "sqrt"
        M, one variant each; REBASE has none.
    lookahead_steps : sequence of int
        k, of lookahead search alone: one variant for each M and k.
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}
    n_replicates : int
    seed : int
        Not used: a search draws nothing and averages over nothing.

    Raises
    ------
    RequestError
        No budget is as large as the beam width; another verifier; an unknown name.
    NotInStore
        The trees lack steps, scores or grades.
    """
    if verifier not in ("prm", trees.verifier):
        raise RequestError(
            f"{strategy} with verifier '{verifier}': allowed are prm and '{trees.verifier}', which scored single steps"
        )
    outcomes = []
    for algorithm in variants(strategy, beam_width, lookahead_steps, aggregation):
        sizes = [budget for budget in budgets if algorithm.allows(budget)]
        if not sizes:
            algorithm.check(max(budgets))
        outcomes.append(search_outcomes(trees, algorithm, sizes, selection=selection, n_replicates=n_replicates))
    return outcomes


def variants(
    strategy: str,
    beam_width: Sequence[int | str] = (4,),
    lookahead_steps: Sequence[int] = (1,),
    aggregation: str = "last",
) -> list[Algorithm]:
    """A search in each of the variants that its parameters name.

    Examples
    --------
    >>> [algorithm.name for algorithm in variants("lookahead_search", (4, "sqrt"), (1,))]
    ['lookahead_search (M=4, k=1)', 'lookahead_search (M=√N, k=1)']
    """
    options: list[dict[str, Any]] = [{}]
    if strategy != "rebase":
        options = [{"beam_width": width} for width in dict.fromkeys(beam_width)]
    if strategy == "lookahead_search":
        options = [own | {"lookahead_steps": k} for own in options for k in dict.fromkeys(lookahead_steps)]
    return [Algorithm(strategy, aggregation=aggregation, **own) for own in options]
