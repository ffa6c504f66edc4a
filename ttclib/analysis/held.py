"""Whatever a store holds of the strategies: those never collected, or collected in part, are left out and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ttclib.analysis.groups import cut
from ttclib.analysis.searches import variants
from ttclib.analysis.strategies import NEEDS_SCORES, REVISIONS, SAMPLING, TREE_SEARCH, outcomes_of
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.replay.revision_outcomes import held_budgets
from ttclib.replay.search import search_outcomes
from ttclib.replay.selection import SELECTIONS
from ttclib.samples import Pool, Tree


def held_outcomes(
    pool: Pool,
    strategies: Sequence[str],
    budgets: Sequence[int],
    *,
    tree: Tree | None = None,
    chains: Any = None,
    verifier: str = "prm",
    aggregation: str = "last",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    notify: Callable[[str], None] = lambda text: None,
) -> list[Outcomes]:
    """Replay strategies as far as a store holds them.

    Parameters
    ----------
    pool : Pool
    strategies : sequence of str
    budgets : sequence of int
    tree, chains : optional
        What the store holds beside the pool; None: none.
    verifier, aggregation, options, seed
        As in `ttclib.analysis.strategies.outcomes_of`.
    notify : callable
        Told in a line what is left out.

    Returns
    -------
    list of Outcomes
        A search has the problems and budgets that were collected for it (`at_full_coverage`); a strategy of which
        nothing is held is not there.

    Raises
    ------
    RequestError
        Nothing at all is held.
    """
    found: list[Outcomes] = []
    left = []
    scored = verifier != "prm" or pool.has_scores()
    for strategy in strategies:
        own = dict((options or {}).get(strategy, {}))
        if strategy in NEEDS_SCORES and not scored:
            left.append(f"{strategy} (no {verifier} scores)")
        elif strategy in SAMPLING:
            within = [size for size in budgets if size <= pool.pool_sizes.max()]
            found += outcomes_of(pool, strategy, within, verifier=verifier, aggregation=aggregation, seed=seed)
        elif strategy in TREE_SEARCH:
            searched = [] if tree is None or verifier != "prm" else _searches(tree, strategy, budgets, aggregation, own)
            whole = [at_full_coverage(one) for one in searched]
            for one, kept in zip(searched, whole, strict=True):
                if dropped := [str(size) for size in one.budgets if size not in kept.budgets]:
                    few = f"held on fewer than {len(kept.problem_ids)} problems"
                    notify(f"{one.variant} is left out at budgets {', '.join(dropped)}, {few}")
            found += whole
            left += [] if searched else [f"{strategy} (not collected)"]
        elif strategy in REVISIONS:
            sizes = [] if chains is None else held_budgets(chains, own.get("ratio", 1.0))
            sizes = [size for size in sizes if size in budgets]
            if sizes:
                choices: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "seed": seed}
                found += outcomes_of(pool, strategy, sizes, chains=chains, options=options, **choices)
            else:
                left.append(f"{strategy} (not collected)")
    if left:
        notify(f"left out, since the store does not hold it: {', '.join(left)}")
    if not found:
        raise RequestError(f"'{pool.store}' holds none of {', '.join(strategies)} for policy '{pool.policy}'")
    return found


def at_full_coverage(one: Outcomes) -> Outcomes:
    """The budgets that most problems answer, on the problems that answer all of these.

    A store holds other budgets on some problems by chance, mostly on easy ones: what a smaller search asks for, a
    larger one has drawn. A mean over those would be of other problems than the next budget's.

    Examples
    --------
    >>> nan = float("nan")
    >>> table = np.array([[0.5, nan, 1.0], [0.0, 1.0, 0.0], [nan, nan, nan]])
    >>> held = at_full_coverage(Outcomes("dvts", "dvts", (4, 8, 16), ("a", "b", "c"), table, {}))
    >>> held.budgets, held.problem_ids
    ((4, 16), ('a', 'b'))
    """
    answered = ~np.isnan(one.accuracy)
    counts = answered.sum(axis=0)
    columns = np.flatnonzero(counts == counts.max())
    return cut(one, rows=np.flatnonzero(answered[:, columns].all(axis=1)), columns=columns)


def on_every_problem(
    outcomes: Sequence[Outcomes], *, notify: Callable[[str], None] = lambda text: None
) -> list[Outcomes]:
    """Searches and revisions at budgets that every problem answers: others would shrink the comparison."""
    most = max(len(one.problem_ids) for one in outcomes)
    kept, partial = [], []
    for one in outcomes:
        if one.strategy in SAMPLING:
            kept.append(one)
            continue
        answered = (~np.isnan(one.accuracy)).sum(axis=0)
        whole = np.flatnonzero(answered == most)
        if len(whole) < len(one.budgets):
            partial.append(f"{one.variant} ({answered.min()})")
        if len(whole):
            kept.append(cut(one, columns=whole))
    if partial and kept:
        notify(
            f"left out at budgets collected on fewer than {most} problems: {', '.join(partial)}; "
            "name the strategies to compare all on the problems that they share"
        )
    return kept or list(outcomes)


def _searches(
    tree: Tree,
    strategy: str,
    budgets: Sequence[int],
    aggregation: str,
    options: Mapping[str, Any],
) -> list[Outcomes]:
    """A search in its variants, problem by problem, since each may have been collected for some alone.

    With one beam a search is one sample, whose expectation the sampling strategies know exactly.
    """
    widths, steps = options.get("beam_width", (4,)), options.get("lookahead_steps", (1,))
    selection, replicates = options.get("selection", SELECTIONS[0]), options.get("n_replicates", 1)
    found = []
    for algorithm in variants(strategy, widths, steps, aggregation):
        sizes = sorted({size for size in budgets if size > 1 and algorithm.allows(size)})
        rows: dict[str, dict[int, tuple[float, dict[str, float]]]] = {}
        variant = algorithm.name
        for number, problem in enumerate(tree.problem_ids):
            for size in sizes:
                try:
                    one = search_outcomes(
                        tree.of_problems([number]), algorithm, [size], selection=selection, n_replicates=replicates
                    )
                except NotInStore:
                    continue
                variant = one.variant
                spent = {name: float(table[0, 0]) for name, table in one.costs.items()}
                rows.setdefault(problem, {})[size] = (float(one.accuracy[0, 0]), spent)
        held = [size for size in sizes if any(size in row for row in rows.values())]
        if held:
            found.append(_assembled(strategy, variant, rows, held))
    return found


def _assembled(
    strategy: str, variant: str, rows: Mapping[str, Mapping[int, tuple[float, dict[str, float]]]], sizes: list[int]
) -> Outcomes:
    nothing: tuple[float, dict[str, float]] = (float("nan"), {})
    cells = [[row.get(size, nothing) for size in sizes] for row in rows.values()]
    return Outcomes(
        strategy,
        variant,
        tuple(sizes),
        tuple(rows),
        np.array([[accuracy for accuracy, _ in row] for row in cells]),
        {name: np.array([[spent.get(name, np.nan) for _, spent in row] for row in cells]) for name in COSTS},
    )
