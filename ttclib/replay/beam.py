"""Beam search and lookahead search: of N candidates keep the best, continue each of them."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any

from ttclib.errors import RequestError
from ttclib.replay.tree import (
    MAX_ROUNDS,
    ROOT,
    Children,
    Final,
    Greedy,
    Node,
    Request,
    Score,
    Search,
    aggregate,
    best_first,
    even_shares,
)

SQRT = "sqrt"


def beam_search(
    n_beams: int,
    beam_width: int | str = 4,
    *,
    lookahead_steps: int = 0,
    aggregation: str = "last",
    first: int = 0,
    max_rounds: int = MAX_ROUNDS,
) -> Search:
    """Beam search over steps, guided by a process reward model.

    Draw N first steps; then, round by round, score all candidates, keep the N/M best and draw M
    continuations of each, N again.

    *Finished candidates.* One that has ended is scored and ranked among the others, since the
    verifier judges it like any step. Kept, it holds its place and draws nothing; not kept, it is
    lost. When all candidates have ended, all of them are returned, N at most, none pruned; when
    all that were kept have ended, those. So the number of returned solutions lies between N/M and N.
    *Duplicates.* Two draws of the same text are two candidates, because the policy drew them twice
    and both were paid for. No candidate is ever copied to fill up the number, so none votes twice.
    *N not divisible by M.* max(1, N // M) are kept; N is spread over them evenly, the remainder over
    the best.

    Parameters
    ----------
    n_beams : int
        N, the budget: candidates decoded side by side.
    beam_width : int or "sqrt"
        M, continuations of each kept beam, 1 to N; ``"sqrt"`` is the root of N, rounded.
    lookahead_steps : int, keyword-only
        k. Above 0 this is lookahead search: a candidate is ranked by its score at the end of a
        greedy rollout of up to k further steps, fewer if that ends. Rolled-out steps only rank: they
        are not kept. N·(k + 1) generations are charged.
    aggregation : {"last", "min", "prod", "mean"}, keyword-only
        Of the step scores, up to the step that is scored.
    first : int, keyword-only
        The root's children from this one on: another replicate.
    max_rounds : int, keyword-only
        Steps after which candidates are returned as they are, without an answer.

    Returns
    -------
    Search
        Its solutions carry their own score, without lookahead.

    Raises
    ------
    RequestError
        N below 1, M not in 1 … N, k below 0.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 5.2 and appendix E.
    """
    check_budget(n_beams)
    width = resolve_width(beam_width, n_beams)
    if lookahead_steps < 0:
        raise RequestError(f"lookahead_steps {lookahead_steps}: allowed 0 (beam search) or more")
    return _search(n_beams, max(1, n_beams // width), lookahead_steps, aggregation, first, max_rounds)


def _search(n_beams: int, n_kept: int, lookahead_steps: int, aggregation: str, first: int, max_rounds: int) -> Search:
    shares = even_shares(n_beams, n_kept)
    (beams,) = yield [Children(ROOT, n_beams, first)]
    for _ in range(max_rounds - 1):
        if all(beam.finished for beam in beams):
            break
        if len(beams) > n_kept:
            scores = yield from scores_ahead(beams, lookahead_steps, aggregation)
            beams = [beams[i] for i in best_first(scores)[:n_kept]]
        kept = zip(beams, shares, strict=False)
        drawn = yield [Children(beam.path, share) for beam, share in kept if not beam.finished]
        beams = [beam for beam in beams if beam.finished] + [child for children in drawn for child in children]
    return (yield from as_finals(beams, aggregation))


def scores_ahead(
    beams: Sequence[Node], lookahead_steps: int, aggregation: str
) -> Generator[list[Request], list[Any], list[float]]:
    """One score a candidate: its own, or that of the end of its greedy rollout."""
    ends = list(beams)
    if lookahead_steps:
        live = [i for i, beam in enumerate(beams) if not beam.finished]
        rollouts = yield [Greedy(beams[i].path, lookahead_steps) for i in live]
        for i, rollout in zip(live, rollouts, strict=True):
            ends[i] = rollout[-1]
    step_scores = yield [Score(end.path) for end in ends]
    return [aggregate(scores, aggregation) for scores in step_scores]


def as_finals(nodes: Sequence[Node], aggregation: str) -> Generator[list[Request], list[Any], list[Final]]:
    """What a search ends with, each with its score."""
    scores = yield from scores_ahead(nodes, 0, aggregation)
    return [Final(node, score) for node, score in zip(nodes, scores, strict=True)]


def check_budget(n_beams: int) -> None:
    """Refuse a budget below 1."""
    if n_beams < 1:
        raise RequestError(f"budget {n_beams}: a search needs at least 1 beam")


def resolve_width(beam_width: int | str, n_beams: int) -> int:
    """M as a number.

    Raises
    ------
    RequestError
        Neither a number in 1 … N nor ``"sqrt"``.

    Examples
    --------
    >>> [n // resolve_width(m, n) for n, m in ((256, 4), (256, "sqrt"))]  # beams kept
    [64, 16]
    """
    if beam_width == SQRT:
        return max(1, round(math.sqrt(n_beams)))
    if not isinstance(beam_width, int):
        raise RequestError(f"beam width '{beam_width}': give a whole number, or {SQRT} for the root of the budget")
    if not 1 <= beam_width <= n_beams:
        raise RequestError(
            f"beam width {beam_width} at budget {n_beams}: allowed 1 to {n_beams}, the number of beams, or {SQRT}"
        )
    return beam_width
