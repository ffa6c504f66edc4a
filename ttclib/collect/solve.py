"""New questions under a plan: difficulty first, then what is chosen for it, drawn, scored, compared and answered.

Nothing new collects here: rounds of `sample`, `score`, `grade`, `search` and `revise` bring what `Plan.next` asks for,
and every round begins with what the store holds. So nothing is drawn twice, and a run that was killed goes on.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from ttclib.analysis.live import COLLECT, DRAW, TELL, WINDOW, Action, State, decide, next_action, spent
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.predicting import PREDICTORS
from ttclib.collect import run
from ttclib.collect.engines.loading import holding_models, refuse_chat
from ttclib.collect.engines.types import Machines
from ttclib.collect.features import features
from ttclib.collect.identity import check_identity
from ttclib.collect.keeper import Notify
from ttclib.collect.solve_deep import Found, revised, searched
from ttclib.config import RunConfig
from ttclib.errors import RequestError, TTCError
from ttclib.grading import get_grader
from ttclib.problems import Problem
from ttclib.replay.selecting import chooser, made
from ttclib.samples import LOGPROB, Pool, Questions, Verifier
from ttclib.store import connect, is_collected, load_pool, load_questions
from ttclib.store.graded_rows import known_classes
from ttclib.store.remaining import known_problems


@dataclass(frozen=True)
class Solved:
    """An answer, and how it was found.

    Attributes
    ----------
    problem_id : str
    answer : str or None
        None: what was chosen has no answer.
    bin : int
    ease : float or None
        That placed it there; None: nobody asked, or nobody knows.
    policy, strategy : str
        The strategy with its parameters.
    budget : int
    n_samples : int
        Whole samples drawn for it, those that told difficulty among them.
    cost : float
        Of everything that was drawn, in the plan's unit.
    share : float
        Of the samples that were chosen from, those with this answer.
    score : float or None
        Of the sample that was handed on.
    correct : bool or None
        None: the question came without its answer, or it could not be graded.
    """

    problem_id: str
    answer: str | None
    bin: int
    ease: float | None
    policy: str
    strategy: str
    budget: int
    n_samples: int
    cost: float
    share: float
    score: float | None
    correct: bool | None

    def row(self) -> dict[str, Any]:
        """As a JSON line has it."""
        return asdict(self)


def check_solve(plan: Plan, config: RunConfig, problems: Sequence[Problem], at_most: float) -> None:
    """Refuse, before anything is drawn, what would fail later.

    Raises
    ------
    RequestError
        The plan is of another policy, setting or verifier than the configuration, tells difficulty in a way that new
        questions lack, or affords nothing; a question stands in the store under another benchmark.
    """
    steps = {id(step): step for number in range(plan.n_bins) for step in plan.choose(number + 1, at_most)}.values()
    name, _ = plan.reads
    for step in steps:
        _check_step(step, config)
    if plan.n_bins > 1:
        decide(plan, State(at_most))  # difficulty that only right answers tell is refused
        if plan.source in PREDICTORS and plan.predictor is None:
            raise RequestError(f"the plan tells difficulty by the {plan.source} and has no predictor: export it again")
    if name not in (None, LOGPROB) and (config.prm is None or config.prm.name != name):
        has = "none" if config.prm is None else f"'{config.prm.name}'"
        raise RequestError(f"the plan reads the scores of '{name}', and [prm] of the configuration names {has}")
    if plan.predictor is not None and plan.predictor.wants:
        refuse_chat(config.policy, "what the plan's predictor reads")
    run.check(config)
    run.check_same_problems(config.store, problems)
    if is_collected(config.store):
        with connect(config.store) as con:
            known = known_problems(con)
        for one in problems:
            other = known.get(one.problem_id, {}).get("benchmark")
            if other is not None and other != one.benchmark:
                raise RequestError(
                    f"question '{one.problem_id}' stands in '{config.store}' under benchmark '{other}': give "
                    f"--benchmark {other}, or another store"
                )


def _check_step(step: Step, config: RunConfig) -> None:
    """Refuse a step of another policy or setting."""
    if step.kind == "chains":
        if config.revision is None:
            raise RequestError(f"the plan runs {step.label}: add a section [revision] to the configuration")
        model, row = config.revision.model or config.policy, config.revision_setting_row(config.revision)
        verifier = None if config.revision.verifier is None else config.revision.verifier.name
        if step.verifier not in (None, LOGPROB, verifier):
            raise RequestError(
                f"the plan's {step.label} reads '{step.verifier}', and [revision.verifier] is '{verifier}'"
            )
        check_identity(config.store, model)
    else:
        model, row = config.policy, config.setting_row()
        if step.kind == "pool":
            chooser(made(step.strategy, dict(step.parameters)))
        if step.kind == "tree":
            refuse_chat(config.policy, "a tree search")
            if config.prm is None or config.prm.name != step.verifier:
                has = "none" if config.prm is None else f"'{config.prm.name}'"
                raise RequestError(f"the plan's {step.label} is guided by '{step.verifier}', and [prm] names {has}")
    if step.policy and step.policy != model.name:
        raise RequestError(f"the plan runs '{step.policy}', the configuration '{model.name}': give that policy's")
    own = _keys(row)
    for key, value in step.setting.items():
        if own.get(key) != value:
            raise RequestError(
                f"the plan was made with {key} = {_short(value)}, the configuration draws with {_short(own.get(key))}: "
                "what one promises does not hold for the other"
            )


def solve(
    plan: Plan,
    config: RunConfig,
    problems: Sequence[Problem],
    *,
    at_most: float | None = None,
    window: int = WINDOW,
    on: Machines | None = None,
    notify: Notify = lambda text: None,
) -> list[Solved]:
    """Answer new questions as a plan says.

    Parameters
    ----------
    plan : Plan
    config : RunConfig
        Policy, decoding and verifiers; its problems and numbers of samples are not read.
    problems : sequence of Problem
        With different ids, of one benchmark.
    at_most : float, optional
        What a question may cost, in the plan's unit; None: the plan's largest limit.
    window : int
        Samples drawn at once before a stopping rule is asked.
    on : Machines, optional
        As in `ttclib.collect.run.sample`.
    notify : callable

    Returns
    -------
    list of Solved
        In the order of the problems.

    Raises
    ------
    RequestError
        As `check_solve`.
    """
    limit = plan.limit(at_most)
    if window < 1:
        raise RequestError(f"window {window}: give at least 1 sample")
    check_solve(plan, config, problems, limit)
    with holding_models():
        return _Solving(plan, config, problems, on, notify).all(limit, window)


class _Solving:
    """Questions under way."""

    def __init__(
        self, plan: Plan, config: RunConfig, problems: Sequence[Problem], on: Machines | None, notify: Notify
    ) -> None:
        self._plan, self._config, self._on, self._notify = plan, config, on, notify
        self._problems = {one.problem_id: one for one in problems}
        self._states: dict[str, State] = {}
        self._setting = config.setting_row()["setting"]

    def all(self, at_most: float, window: int) -> list[Solved]:
        """Round after round until every question has its answer."""
        plan = self._plan
        self._states = {name: State(at_most, seed=seed_of(name), window=window) for name in self._problems}
        while True:
            actions = {name: decide(plan, state) for name, state in self._states.items()}
            if asked := [name for name, one in actions.items() if one.kind == TELL]:
                self._tell(asked)
            elif targets := {
                name: len(self._states[name].answers) + one.n for name, one in actions.items() if one.kind == DRAW
            }:
                self._notify(f"solve: {len(actions) - len(targets):,} of {len(actions):,} questions are settled")
                self._draw(targets)
            else:
                break
        deep = self._deep({name: one for name, one in actions.items() if one.kind == COLLECT})
        return self._answers(actions, deep)

    def _tell(self, names: Sequence[str]) -> None:
        """Ask the predictor how easy questions are."""
        predictor = self._plan.predictor
        assert predictor is not None
        problems = [self._problems[name] for name in names]
        if predictor.wants is not None:
            features(self._config, [predictor.wants], problems=problems, notify=self._notify)
            read = load_questions(
                self._config.store, policy=self._config.policy.name, setting=self._setting, problem_ids=names
            )
        else:
            unknown = np.full(len(names), np.nan)
            read = Questions(list(names), [], [], np.zeros((len(names), 0)), unknown)
        read = replace(read, prompts=[one.prompt for one in problems], metadata=[one.metadata for one in problems])
        for name, ease in zip(names, predictor.ease(read).tolist(), strict=True):
            self._states[name] = replace(self._states[name], ease=ease)

    def _draw(self, targets: dict[str, int]) -> None:
        """Have the store hold so many samples of questions, scored and graded, and take those that are new."""
        self._collect(targets)
        pool, reads, aggregation = self._pool(targets)
        for row, name in enumerate(pool.problem_ids):
            state, begin, end = self._states[name], len(self._states[name].answers), targets[name]
            if pool.pool_sizes[row] < end:
                raise TTCError(
                    f"question '{name}' has {pool.pool_sizes[row]} of {end} samples: the same command goes on"
                )
            answers = [None if one < 0 else one for one in pool.answer_ids[row, begin:end].tolist()]
            scores = None if reads is None else reads.by(aggregation)[row, begin:end].tolist()
            self._states[name] = state.drew(answers, scores)

    def _collect(self, targets: dict[str, int]) -> None:
        by_target: dict[int, list[Problem]] = defaultdict(list)
        for name, target in targets.items():
            by_target[target].append(self._problems[name])
        for target, problems in sorted(by_target.items()):
            sampling = self._config.sampling.model_copy(update={"n_samples": target})
            config = self._config.model_copy(update={"sampling": sampling})
            run.sample(config, problems=problems, on=self._on, notify=self._notify)
        if self._plan.reads[0] not in (None, LOGPROB):
            run.score(self._config, setting=self._setting, on=self._on, notify=self._notify)
        run.grade(self._config.store, self._config.grading.grader, notify=self._notify)

    def _pool(self, names: Sequence[str] | dict[str, int]) -> tuple[Pool, Verifier | None, str]:
        """Samples of questions with the verifier that is read."""
        benchmark = next(iter(self._problems.values())).benchmark
        whole = load_pool(
            self._config.store, policy=self._config.policy.name, benchmark=benchmark, setting=self._setting
        )
        place = {name: row for row, name in enumerate(whole.problem_ids)}
        if missing := [name for name in names if name not in place]:
            raise TTCError(f"question '{missing[0]}' has no sample: the same command goes on")
        pool = whole.of_problems(np.array([place[name] for name in names], dtype=int))
        name, aggregation = self._plan.reads
        if name is None:
            return pool, None, aggregation
        return pool, pool.verifiers.get(name) or pool.verifier(name), aggregation

    def _deep(self, actions: dict[str, Action]) -> dict[str, Found]:
        """Searches and revisions, step by step of the plan."""
        groups: dict[int, list[str]] = defaultdict(list)
        steps: dict[int, Step] = {}
        for name, action in actions.items():
            assert action.step is not None
            steps[id(action.step)] = action.step
            groups[id(action.step)].append(name)
        found: dict[str, Found] = {}
        for key, names in groups.items():
            step, problems = steps[key], [self._problems[name] for name in names]
            if step.kind == "tree":
                bare = {name: 1 for name in names if not self._states[name].answers}
                if bare:
                    self._collect(bare)  # a search begins at a whole sample
            collect = searched if step.kind == "tree" else revised
            seeds = {name: self._states[name].seed for name in names}
            found |= collect(step, self._plan.ledger, self._config, problems, seeds, self._on, self._notify)
        return found

    def _answers(self, actions: dict[str, Action], deep: dict[str, Found]) -> list[Solved]:
        """What came of it all."""
        drawn = [name for name, state in self._states.items() if state.answers]
        pool, reads, _ = self._pool(drawn) if drawn else (None, None, "")
        price = dict.fromkeys(self._states, 0.0)
        if pool is not None:
            told = self._plan.ledger.price(spent(pool, [self._states[name].batches for name in drawn], reads))[:, 0]
            price |= dict(zip(drawn, told.tolist(), strict=True))
            price = {name: cost + self._passes(pool, drawn).get(name, 0.0) for name, cost in price.items()}
        with connect(self._config.store) as con:
            texts = known_classes(con, get_grader(self._config.grading.grader).name)
        row_of = {name: row for row, name in enumerate(drawn)}
        solved = []
        for name, action in actions.items():
            step, state = action.step, self._states[name]
            assert step is not None
            if name in deep:
                found = deep[name]
            else:
                assert pool is not None
                chosen = next_action(self._plan, state).selection
                assert chosen is not None
                right = float(pool.correct[row_of[name], chosen.index])
                found = Found(chosen.answer, right, chosen.share, chosen.score, 0.0)
            spoken = [text for text, number in texts.get(name, ()) if number == found.answer_class]
            solved.append(
                Solved(
                    problem_id=name,
                    answer=min(spoken, key=len, default=None),
                    bin=action.bin or 1,
                    ease=_known(action.ease),
                    policy=step.policy,
                    strategy=step.variant,
                    budget=step.budget,
                    n_samples=len(state.answers),
                    cost=price[name] + found.cost,
                    share=found.share,
                    score=_known(found.score),
                    correct=None if np.isnan(found.correct) else bool(found.correct),
                )
            )
        return solved

    def _passes(self, pool: Pool, names: Sequence[str]) -> dict[str, float]:
        """What asking the policy about its prompts cost."""
        predictor = self._plan.predictor
        if predictor is None or predictor.wants is None:
            return {}
        one = spent(pool, [(1,)] * len(names))
        prices = (
            self._plan.ledger.price(one)[:, 0] if predictor.wants == "greedy" else self._plan.ledger.reading_price(one)
        )
        return dict(zip(names, prices.tolist(), strict=True))


def seed_of(name: str) -> int:
    """The seed of a question's ties: its own, the same in every run."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest())


def _keys(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["keys"])
    return found


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
