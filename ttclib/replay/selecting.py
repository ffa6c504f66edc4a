"""Choosing among samples as they come: what a strategy answers with them, and whether it has drawn enough.

For a server of one's own as for `ttc solve`. Nothing is decided here: a sample's chance to be the one that is handed
on is what the strategy's replay comes to were it the only right one, so that live and replayed answers agree.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttclib.errors import RequestError
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Strategy, strategy
from ttclib.samples import Pool, Setting


@dataclass(frozen=True)
class Selection:
    """What a strategy answers.

    Attributes
    ----------
    answer : object
        None: the sample that is handed on has none.
    index : int
        Of a sample that gives it, from 0.
    chances : float array, shape (samples,)
        Of each sample to be the one handed on; several have one where they tie, or vote for what is elected.
    share : float
        Of all samples, those with this answer.
    score : float
        Of this sample; NaN: not scored, or no scores are read.
    """

    answer: Any
    index: int
    chances: np.ndarray
    share: float
    score: float


def select(
    answers: Sequence[Hashable | None],
    scores: Sequence[float | None] | None = None,
    strategy: str | Strategy = "majority_vote",
    *,
    seed: int = 0,
    **parameters: Any,
) -> Selection:
    """What a strategy of whole samples answers with all of these.

    Parameters
    ----------
    answers : sequence of hashable or None, length samples
        Equal where answers are equivalent (`ttclib.grading` tells); None: a sample without an answer.
    scores : sequence of (float or None), length samples, optional
        A verifier's, where the strategy reads them; None or NaN: not scored.
    strategy : str or Strategy
        By its name, with `parameters`, or an object. One with a stopping rule answers as if it had stopped here.
    seed : int, keyword-only
        Of the choice among samples that tie.

    Raises
    ------
    RequestError
        No answers, no scores where these are read, as many as not; a strategy that needs the right answer, draws step
        by step, or weighs scores by those of other problems.

    Examples
    --------
    >>> select(["7", "8", "8", None]).answer, select(["7", "8", "8"], [0.9, 0.2, 0.1], "best_of_n").answer
    ('8', '7')
    """
    how = chooser(made(strategy, parameters))
    n = len(answers)
    if not n:
        raise RequestError("no answers to choose among: give at least one")
    ids, table = numbered(answers), checked_scores(scores, n, how)
    chances = _chances(how, ids, table)
    among = np.flatnonzero(chances > 0)
    drawn = among[0] if len(among) == 1 else np.random.default_rng(seed).choice(n, p=chances / chances.sum())
    index = int(drawn)
    share = float((ids == ids[index]).mean()) if ids[index] >= 0 else 0.0
    score = float("nan") if table is None else float(table[index])
    return Selection(answers[index], index, chances, share, score)


def made(named: str | Strategy, parameters: dict[str, Any] | None = None) -> Strategy:
    """A strategy by its name and parameters, or the object itself.

    Raises
    ------
    RequestError
        No such strategy or parameter, or a value that it cannot take.
    """
    if isinstance(named, Strategy):
        return named
    found = strategy(named)
    try:
        return found(**(parameters or {}))
    except TypeError as error:
        known = ", ".join(one.name for one in found.asked()) or "none"
        raise RequestError(f"{named} with {', '.join(parameters or {})}: its parameters are {known}") from error


def chooser(found: Strategy) -> WholeSamples:
    """What chooses among whole samples in the end; of a stopping rule that by which it answers.

    Raises
    ------
    RequestError
        The strategy cannot be run, or draws step by step.
    """
    if found.needs_truth:
        raise RequestError(f"{found.name} needs the right answer, which nobody has: choose another strategy")
    if not isinstance(found, WholeSamples):
        raise RequestError(f"{found.name} does not choose among whole samples: collect it with `{found.command}`")
    return found.answers_with if isinstance(found, UntilSettled) else found


def numbered(answers: Sequence[Hashable | None]) -> np.ndarray:
    """Answers as numbers from 0 in the order in which they come, −1 for None."""
    codes: dict[Hashable, int] = {}
    return np.array([-1 if one is None else codes.setdefault(one, len(codes)) for one in answers], dtype=np.int64)


def checked_scores(scores: Sequence[float | None] | None, n: int, how: Strategy) -> np.ndarray | None:
    """Scores as a strategy reads them; None: it reads none.

    Raises
    ------
    RequestError
        It reads some and there are none, or not as many as answers.
    """
    if not how.reads_scores:
        return None
    if scores is None:
        raise RequestError(f"{how.name} reads a verifier's scores, and there are none: give one a sample")
    if len(scores) != n:
        raise RequestError(f"{len(scores)} scores of {n} answers: give one a sample, None where it is not scored")
    return np.array([np.nan if one is None else one for one in scores], dtype=float)


def _chances(how: WholeSamples, ids: np.ndarray, scores: np.ndarray | None) -> np.ndarray:
    """Of each sample to be handed on: what the strategy comes to were it the only right one."""
    n = len(ids)
    unknown = np.full((n, n), np.nan)
    pool = Pool(
        store="these samples",
        policy="",
        setting=Setting(""),
        problem_ids=[str(number) for number in range(n)],
        present=np.ones((n, n), dtype=bool),
        correct=np.eye(n),
        answer_ids=np.tile(ids, (n, 1)),
        completion_tokens=unknown,
        prompt_tokens=unknown[0],
    )
    table = None if scores is None else np.tile(scores, (n, 1))
    if table is not None and how.among_all(table) is not table:
        raise RequestError(f"{how.variant} reads the scores of all problems together: take another transform")
    return np.asarray(how.expected(pool, table, [n], 0).accuracy[:, 0])
