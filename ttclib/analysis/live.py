"""A plan on one question as its samples come: what to do next, and what has been spent.

Pure: who draws, scores and compares answers hands a `State` in and does what `Plan.next` says.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ttclib.analysis.plan_step import Step
from ttclib.analysis.predicting import PREDICTORS
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.replay.selecting import Selection, checked_scores, chooser, made, numbered, select
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.samples import Pool, Verifier

TELL, DRAW, COLLECT, ANSWER = "tell", "draw", "collect", "answer"
WINDOW = 4  # samples that are drawn at once before a stopping rule is asked


class Planned(Protocol):
    """What is asked of a plan (`ttclib.analysis.plan.Plan`)."""

    @property
    def n_bins(self) -> int:
        """Bins."""

    @property
    def source(self) -> str | None:
        """What tells difficulty."""

    @property
    def n_told_by(self) -> int:
        """Samples that tell it."""

    @property
    def reuse_probes(self) -> bool:
        """Whether they count."""

    def bins(self, ease: ArrayLike, seed: int = 0) -> np.ndarray:
        """Where questions fall."""

    def choose(self, number: int, at_most: float) -> tuple[Step, ...]:
        """What is run there."""


@dataclass(frozen=True)
class State:
    """What is known of one question so far.

    Attributes
    ----------
    at_most : float
        What it may cost, in the plan's unit.
    answers : tuple of (hashable or None)
        Of the samples in the order in which they were drawn, those that told difficulty first; equal where they are
        equivalent, None: no answer.
    scores : tuple of (float or None), or None
        A verifier's, one a sample.
    ease : float or None
        As the plan's predictor tells it. None: not asked yet, or samples tell it.
    seed : int
        Of ties and mixed choices: another for each question.
    window : int
        Samples drawn at once before a rule is asked whether to stop.
    batches : tuple of int
        How many samples were drawn at a time.
    """

    at_most: float
    answers: tuple[Hashable | None, ...] = ()
    scores: tuple[float | None, ...] | None = None
    ease: float | None = None
    seed: int = 0
    window: int = WINDOW
    batches: tuple[int, ...] = ()

    def drew(self, answers: Sequence[Hashable | None], scores: Sequence[float | None] | None = None) -> State:
        """The state with more samples."""
        more = None if scores is None else (*(self.scores or ()), *scores)
        return replace(self, answers=(*self.answers, *answers), scores=more, batches=(*self.batches, len(answers)))


@dataclass(frozen=True)
class Action:
    """What a plan does next.

    Attributes
    ----------
    kind : {"tell", "draw", "collect", "answer"}
        Ask the plan's predictor for `State.ease`; draw `n` samples more; run a tree search or revisions as `step`
        says, whose result is the answer; or answer.
    n : int
        To draw; to answer: how many of the samples that are the strategy's own it looks at, from `first` on.
    first : int
        Where these begin: behind the samples that told difficulty, unless they count.
    step : Step or None
        None while difficulty is being told.
    bin : int or None
    ease : float or None
        That placed it there.
    selection : Selection or None
        What is answered; its index counts all samples. `Plan.decide` leaves it out.
    """

    kind: str
    n: int = 0
    first: int = 0
    step: Step | None = None
    bin: int | None = None
    ease: float | None = None
    selection: Selection | None = field(default=None, compare=False)


def decide(plan: Planned, state: State) -> Action:
    """What a plan does next, an answer not yet chosen.

    Raises
    ------
    RequestError
        Nothing is affordable, no scores where they are read, or difficulty that only the right answers tell.
    """
    ease = state.ease
    if plan.n_bins > 1 and ease is None:
        if plan.source in PREDICTORS:
            return Action(TELL)
        if plan.source != "predicted":
            raise RequestError(
                "the plan tells difficulty by right answers, which a new question lacks: export one with "
                "`--difficulty predicted` or `--difficulty question`"
            )
        if plan.n_told_by < 1:
            raise RequestError("the plan tells difficulty by samples and draws 0 of them: export it with --probes 4")
        if (lacking := plan.n_told_by - len(state.answers)) > 0:
            return Action(DRAW, lacking)
        ease = _mean_score(state, plan.n_told_by)
    number = int(plan.bins([np.nan if ease is None else ease], state.seed)[0]) or plan.n_bins  # nobody knows: hardest
    step = _one_of(plan.choose(number, state.at_most), state.seed)
    how = made(step.strategy, dict(step.parameters))
    if not isinstance(how, WholeSamples):
        return Action(COLLECT, step.budget, step=step, bin=number, ease=ease)
    chooser(how)  # it can be run
    first = 0 if plan.reuse_probes else plan.n_told_by
    there = min(step.budget, max(0, len(state.answers) - first))
    stop = None
    if isinstance(how, UntilSettled):
        ids, scores = numbered(state.answers[first : first + there]), _scores(state, how, first, there)
        stop = how.stops_at(ids, scores)
    if stop is None and there < step.budget:
        lacking = step.budget - there
        if isinstance(how, UntilSettled):
            window = int(getattr(how, "window", state.window))
            lacking = min(lacking, window - there % window)
        return Action(DRAW, lacking, first, step, number, ease)
    return Action(ANSWER, stop or step.budget, first, step, number, ease)


def next_action(plan: Planned, state: State) -> Action:
    """As `Plan.next`."""
    found = decide(plan, state)
    if found.kind != ANSWER:
        return found
    assert found.step is not None
    how = made(found.step.strategy, dict(found.step.parameters))
    end = found.first + found.n
    scores = _scores(state, how, found.first, found.n)
    own = select(state.answers[found.first : end], None if scores is None else scores.tolist(), how, seed=state.seed)
    return replace(found, selection=replace(own, index=own.index + found.first))


def _mean_score(state: State, n: int) -> float:
    """Ease by a verifier; NaN: it scored none of them."""
    if state.scores is None:
        raise RequestError("the plan tells difficulty by a verifier's scores, and there are none: give one a sample")
    known = [one for one in state.scores[:n] if one is not None and not np.isnan(one)]
    return float(np.mean(known)) if known else float("nan")


def _scores(state: State, how: Any, first: int, n: int) -> np.ndarray | None:
    """Of the strategy's own samples, as it reads them."""
    if not how.reads_scores:
        return None
    if state.scores is None or len(state.scores) < len(state.answers):
        if not state.answers:
            return np.zeros(0)
        raise RequestError(f"{how.name} reads a verifier's scores, and there are none: give one a sample")
    return checked_scores(state.scores[first : first + n], len(state.answers[first : first + n]), how)


def _one_of(steps: Sequence[Step], seed: int) -> Step:
    """The one step, or of two that are mixed one by its share."""
    if len(steps) == 1:
        return steps[0]
    luck, below = np.random.default_rng([seed, 1]).random(), 0.0
    for step in steps:
        below += step.share
        if luck < below:
            return step
    return steps[-1]


def spent(pool: Pool, batches: Sequence[Sequence[int]], reads: Verifier | None = None) -> Outcomes:
    """What the first samples of each problem cost, drawn batch after batch; the samples of one side by side.

    Parameters
    ----------
    pool : Pool
    batches : sequence of sequence of int, length problems
        Samples drawn at a time.
    reads : Verifier, optional
        Whose reading is counted.

    Returns
    -------
    Outcomes
        Of one budget, without accuracy; to be priced by a ledger. As
        `ttclib.replay.strategies.whole_samples.sampling_costs` has it, of these very samples.
    """
    lengths, prompts = pool.lengths, pool.prompt_lengths
    read = np.zeros(lengths.shape) if reads is None else reads.tokens_read
    rows = []
    for row, sizes in enumerate(batches):
        ends = np.cumsum(sizes).astype(int)
        n = int(ends[-1]) if len(ends) else 0
        parts = [slice(end - size, end) for end, size in zip(ends.tolist(), sizes, strict=True) if size]
        own, seen, prompt = lengths[row, :n], read[row, :n], float(prompts[row]) if n else 0.0
        longest, longest_read = (sum(float(table[row, part].max()) for part in parts) for table in (lengths, read))
        alone = float((own * (own - 1) / 2).sum())
        rows.append(
            {
                "generations": n,
                "completion_tokens": own.sum(),
                "pruned_tokens": 0.0,
                "rollout_tokens": 0.0,
                "prefill_tokens": n * prompt,
                "cached_prefill_tokens": prompt,
                "context_tokens": prompt * own.sum() + alone,
                "kv_tokens": prompt * longest + alone,
                "prm_tokens": seen.sum(),
                "serial_tokens": longest,
                "serial_prm_tokens": longest_read,
            }
        )
    model = None if reads is None else reads.model
    source = Source(pool.policy, pool.setting, pool.policy_model, None if reads is None else reads.name, None, model)
    return Outcomes(
        "sampled",
        "sampled",
        (1,),
        tuple(pool.problem_ids),
        np.zeros((len(rows), 1)),
        {name: np.array([[row[name]] for row in rows], dtype=float).reshape(-1, 1) for name in rows[0]} if rows else {},
        source=source,
    )
