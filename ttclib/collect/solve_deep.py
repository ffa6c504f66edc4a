"""What a plan runs on new questions beside whole samples: tree searches and revision chains, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan_step import Step
from ttclib.collect import run
from ttclib.collect.engines.types import Machines
from ttclib.collect.grade_nodes import grade_nodes
from ttclib.collect.keeper import Notify
from ttclib.collect.revise import revise, score_revisions
from ttclib.collect.search import search
from ttclib.config import AlgorithmConfig, RunConfig
from ttclib.problems import Problem
from ttclib.replay.revision_outcomes import split_of
from ttclib.replay.selecting import made, select
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import Strategy
from ttclib.replay.tree import SampleTree, replay
from ttclib.samples import Chains, Verifier
from ttclib.store import load_chains, load_pool
from ttclib.store.tree import load_tree


class Found(NamedTuple):
    """An answer by the class it belongs to; `cost` is what was drawn beside the question's samples."""

    answer_class: int | None
    correct: float
    share: float
    score: float
    cost: float


def searched(
    step: Step,
    ledger: Ledger,
    config: RunConfig,
    problems: Sequence[Problem],
    seeds: Mapping[str, int],
    on: Machines | None,
    notify: Notify,
) -> dict[str, Found]:
    """Answers of a tree search, one run a question, by problem."""
    how = made(step.strategy, {**step.parameters, "replicates": 1})
    assert isinstance(how, TreeSearch)
    aggregation = step.aggregation or "last"
    asked = {name: value for name, value in how.parameters().items() if name not in ("selection", "replicates")}
    algorithm = AlgorithmConfig.model_validate({"strategy": how.name, "aggregation": aggregation, **asked})
    wanted = config.search.model_copy(update={"algorithms": (algorithm,), "budgets": (step.budget,), "replicates": 1})
    search(config.model_copy(update={"search": wanted}), problems=problems, on=on, notify=notify)
    grade_nodes(config.store, config.grading.grader, notify=notify)
    assert config.prm is not None
    pool = load_pool(
        config.store,
        policy=config.policy.name,
        benchmark=problems[0].benchmark,
        setting=config.setting_row()["setting"],
    )
    names = sorted(one.problem_id for one in problems)
    tree = load_tree(
        config.store, policy=config.policy.name, setting=pool.setting, verifier=config.prm.name, problem_ids=names
    )
    cost = ledger.price(how.replay(tree, [step.budget], aggregation=aggregation))[:, 0]
    found = {}
    for number, name in enumerate(tree.problem_ids):
        steps = SampleTree(tree.prompt_tokens[number], partial(tree.step, number))
        finals = replay(how.start(step.budget, aggregation=aggregation), steps)
        grades = [tree.grade(number, one.node.path) if one.node.finished else None for one in finals]
        classes = [None if grade is None or grade[0] < 0 else grade[0] for grade in grades]
        chosen = select(classes, [one.score for one in finals], how.selection, seed=seeds[name])
        grade = grades[chosen.index]
        right = (np.nan if grade is None else grade[1]) if finals[chosen.index].node.finished else 0.0
        score = float(finals[chosen.index].score)
        found[name] = Found(chosen.answer, right, chosen.share, score, float(cost[number]))
    return found


def revised(
    step: Step,
    ledger: Ledger,
    config: RunConfig,
    problems: Sequence[Problem],
    seeds: Mapping[str, int],
    on: Machines | None,
    notify: Notify,
) -> dict[str, Found]:
    """Answers of revision chains, by problem."""
    how = made(step.strategy, dict(step.parameters))
    assert config.revision is not None
    sequential, parallel = split_of(step.budget, step.parameters.get("ratio", 1.0))
    sizes = {"n_chains": parallel, "n_steps": sequential}
    config = config.model_copy(update={"revision": config.revision.model_copy(update=sizes)})
    assert config.revision is not None
    revise(config, problems=problems, on=on, notify=notify)
    if config.revision.verifier is not None and how.reads_scores:
        score_revisions(config, on=on, notify=notify)
    run.grade(config.store, config.grading.grader, notify=notify)
    model = config.revision.model or config.policy
    setting = config.revision_setting_row(config.revision)["setting"]
    whole = load_chains(config.store, model.name, setting=setting, benchmark=problems[0].benchmark)
    reads = whole.verifier(step.verifier) if how.reads_scores and step.verifier else None
    found = {}
    for one in problems:
        row = whole.problem_ids.index(one.problem_id)

        def own(table: np.ndarray, row: int = row) -> np.ndarray:
            return table[row : row + 1, :parallel, :sequential]

        chains, read = _cut(whole, row, own), None if reads is None else reads.cut(own)
        cost = float(ledger.price(how.replay(chains, [step.budget], verifier=read))[0, 0])
        chances = _chances(how, chains, read, step)
        ids, scores = chains.answer_ids.ravel(), None if read is None else read.by(step.aggregation or "last").ravel()
        chosen = int(np.random.default_rng(seeds[one.problem_id]).choice(len(ids), p=chances / chances.sum()))
        found[one.problem_id] = Found(
            None if ids[chosen] < 0 else int(ids[chosen]),
            float(chains.correct.ravel()[chosen]),
            float((ids == ids[chosen]).mean()) if ids[chosen] >= 0 else 0.0,
            float("nan") if scores is None else float(scores[chosen]),
            cost,
        )
    return found


def _cut(chains: Chains, row: int, own: Callable[[np.ndarray], np.ndarray]) -> Chains:
    """One problem's chains, as many and as long as a budget takes."""
    tables = ("present", "correct", "answer_ids", "completion_tokens", "prompt_tokens")
    return replace(
        chains,
        problem_ids=[chains.problem_ids[row]],
        verifiers={name: one.cut(own) for name, one in chains.verifiers.items()},
        **{name: own(getattr(chains, name)) for name in tables},  # type: ignore[arg-type]
    )


def _chances(how: Strategy, chains: Chains, reads: Verifier | None, step: Step) -> np.ndarray:
    """Of each answer to be handed on: what the strategy comes to were it the only right one."""
    n = chains.present.size
    shape = (n, *chains.present.shape[1:])

    def tiled(table: np.ndarray) -> np.ndarray:
        return np.tile(table, (n, 1, 1))

    tables = ("present", "answer_ids", "completion_tokens", "prompt_tokens")
    one_right = replace(
        chains,
        problem_ids=[str(number) for number in range(n)],
        verifiers={},
        correct=np.eye(n).reshape(shape),
        **{name: tiled(getattr(chains, name)) for name in tables},  # type: ignore[arg-type]
    )
    read = None if reads is None else reads.cut(tiled)
    found = how.replay(one_right, [step.budget], verifier=read, aggregation=step.aggregation or "last")
    chances = np.asarray(found.accuracy[:, 0])
    return chances if chances.sum() > 0 else np.full(n, 1 / n)
