"""Plain sampling as a search: the tree without expansions, which is the pool."""

from __future__ import annotations

from ttclib.replay.beam import as_finals, check_budget
from ttclib.replay.tree import ROOT, Sample, Search


def sampling(n_samples: int, *, aggregation: str = "last", first: int = 0) -> Search:
    """N whole solutions, each drawn in one go: best-of-N and its kin, by what is selected at the end.

    It spends what the pool's strategies spend and returns the pool's first N samples, where those
    average over all subsets. So it is the baseline that shares its draws with a search.

    Parameters
    ----------
    n_samples : int
        N, the budget.
    aggregation, first
        As in `ttclib.replay.beam.beam_search`.

    Raises
    ------
    RequestError
        N below 1.
    """
    check_budget(n_samples)
    return _search(n_samples, aggregation, first)


def _search(n_samples: int, aggregation: str, first: int) -> Search:
    solutions = yield [Sample(ROOT, first + i) for i in range(n_samples)]
    return (yield from as_finals([steps[-1] for steps in solutions], aggregation))
