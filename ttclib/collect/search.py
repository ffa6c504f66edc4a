"""Tree searches, collected: all problems, algorithms and budgets advance together over one tree a problem.

Each round every search is answered from what is there; what they all lack, each step once, is drawn
in one `generate` call (one more for greedy steps), scored in one batch and written. So a budget
costs only the steps that no other asked for, and a run that was stopped goes on from what was kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ttclib.collect.engines.loading import refuse_chat
from ttclib.collect.engines.types import Machines
from ttclib.collect.growing import GrowingTree, load_growing
from ttclib.collect.identity import check_identity
from ttclib.collect.keeper import Notify
from ttclib.collect.run import check_same_problems
from ttclib.collect.sharing import WHOLE, Shard, Work
from ttclib.collect.stepping import Place, SearchReport, StepMaker, upwards
from ttclib.config import AlgorithmConfig, RunConfig
from ttclib.errors import RequestError, one_of
from ttclib.grading import get_grader
from ttclib.problems import Problem, load_problems
from ttclib.replay.selection import Spending
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import reading, variants
from ttclib.replay.tree import GREEDY, Final, SampleTree, Score, Search


class Guided(NamedTuple):
    """A search, and how it makes one score of a step's and those before it."""

    search: TreeSearch
    aggregation: str


def check_search(config: RunConfig) -> list[Guided]:
    """Refuse, before anything is written, what would fail later.

    Returns
    -------
    list of Guided
        What ``[search]`` asks for.

    Raises
    ------
    RequestError
        A budget below a beam width, no PRM, a model that is not there, or an unknown grader.
    """
    algorithms = [guided(asked) for asked in config.search.algorithms]
    for search, _ in algorithms:
        for budget in config.search.budgets:
            search.check(budget)
    refuse_chat(config.policy, "a tree search")
    if config.prm is None:
        raise RequestError("a tree search needs a PRM: add a section [prm] with its path")
    check_identity(config.store, config.policy, config.prm)
    get_grader(config.grading.grader)
    return algorithms


def guided(asked: AlgorithmConfig) -> Guided:
    """A search of the registry with the parameters that a configuration gives."""
    name, parameters = asked.strategy, asked.parameters
    one_of(name, reading("tree"), "search strategy")
    found = variants(name)[0]
    known = {one.name: one for one in found.asked()}
    for key, value in parameters.items():
        one = known[one_of(key, known, f"parameter of {name}")]
        if value not in one.allowed and (isinstance(value, bool) or not isinstance(value, (int, float))):
            one.read(str(value))
    made = variants(name, {key: (value,) for key, value in parameters.items()})[0]
    assert isinstance(made, TreeSearch)
    return Guided(made, asked.aggregation)


def search(
    config: RunConfig,
    *,
    problems: Sequence[Problem] | None = None,
    shard: Shard = WHOLE,
    on: Machines | None = None,
    notify: Notify = lambda text: None,
) -> SearchReport:
    """Run the searches of ``[search]``, drawing and scoring the steps that the store lacks.

    Parameters
    ----------
    problems : sequence of Problem, optional
        In the place of the configured ones.
    shard : Shard
        The part of the problems that is searched.
    on : Machines, optional
        As in `ttclib.collect.run.sample`.

    Raises
    ------
    RequestError
        What `check_search` refuses; problems without samples; another tokenizer than the pool's.
    """
    algorithms = check_search(config)
    if problems is None:
        problems = load_problems(**config.problems.model_dump())[: config.search.limit]
    check_same_problems(config.store, problems)
    problems = [problem for problem in problems if shard.has(problem.problem_id)]
    at_once = config.search.problems_at_once
    groups = [problems[begin : begin + at_once] for begin in range(0, len(problems), at_once)]
    n_first = max(config.search.budgets) * config.search.replicates
    report = SearchReport()
    unfinished: list[Problem] = []
    n_held = n_steps = n_scores = 0
    for group in groups:
        trees = load_growing(config, group, n_first, notify=notify)
        running = _start(config, algorithms, trees)
        steps, scores = _advance(running)
        report.n_searches += len(running)
        n_held += len({(run.problem, path) for run in running for path in run.asked})
        n_steps, n_scores = n_steps + len(steps), n_scores + len(scores)
        if steps or scores:
            unfinished += group
        else:
            _sum_up(running, trees, report)
    replicates = f", {config.search.replicates} replicates" if config.search.replicates > 1 else ""
    notify(
        f"search: {report.n_searches:,} searches ({len(algorithms)} algorithms, {len(config.search.budgets)} budgets, "
        f"{len(problems):,} problems{replicates}); of the steps they ask for the store holds {n_held:,}; as far as can "
        f"be known now {n_steps:,} expansions and {n_scores:,} scores are to be made"
    )
    if unfinished:
        maker = StepMaker(config, report, notify, on)
        try:
            _search(config, algorithms, maker, unfinished, report, notify)
        finally:
            maker.close()
    return report


def _search(
    config: RunConfig,
    algorithms: Sequence[Guided],
    maker: StepMaker,
    problems: Sequence[Problem],
    report: SearchReport,
    notify: Notify,
) -> None:
    """Grow the trees of problems, group by group; a tree has one process that grows it."""
    at_once = config.search.problems_at_once
    n_groups = math.ceil(len(problems) / at_once)
    by_id = {problem.problem_id: problem for problem in problems}
    kind = ("nodes", config.policy.name, config.setting_row()["setting"])
    with Work(maker.keeper, kind, list(by_id), lambda name: (name, 0), what="search", notify=notify) as work:
        number = 0
        while names := work.take(at_once):
            number += 1
            group = [by_id[name] for name in names]
            # What another process has drawn meanwhile is in the store now.
            trees = load_growing(config, group, max(config.search.budgets) * config.search.replicates, notify=notify)
            maker.take(trees, number, max(number, n_groups))
            running = _start(config, algorithms, trees)
            while any(lacking := _advance(running)):
                maker.make(*lacking)
            _sum_up(running, trees, report)
            work.done(names)


class _Running:
    """One search on one problem, as far as it could go."""

    def __init__(self, problem: int, tree: SampleTree, search: Search) -> None:
        self.problem = problem
        self.asked: set[str] = set()  # steps it was given
        self.spending = Spending(tree)
        self.finals: list[Final] | None = None
        self._tree = tree
        self._search = search
        self._requests = next(search)

    def advance(self) -> tuple[list[str], list[str]]:
        """Go on as far as the tree answers; then the steps and the scores that are lacking, none at the end."""
        while self.finals is None:
            answers: list[Any] = [self._tree.answer(request) for request in self._requests]
            lacking = [request for request, answer in zip(self._requests, answers, strict=True) if answer is None]
            if lacking:
                steps = [
                    path for request in lacking if not isinstance(request, Score) for path in self._tree.lacks(request)
                ]
                return steps, [request.path for request in lacking if isinstance(request, Score)]
            for request, answer in zip(self._requests, answers, strict=True):
                if not isinstance(request, Score):
                    self.asked.update(node.path for node in answer)
            self.spending.observe(self._requests, answers)
            try:
                self._requests = self._search.send(answers)
            except StopIteration as done:
                self.finals = done.value
        return [], []


def _start(config: RunConfig, algorithms: Sequence[Guided], trees: Sequence[GrowingTree]) -> list[_Running]:
    views = [tree.view() for tree in trees]
    return [
        _Running(number, view, search.start(budget, aggregation=aggregation, first=replicate * budget))
        for number, view in enumerate(views)
        for search, aggregation in algorithms
        for budget in sorted(set(config.search.budgets))
        for replicate in range(config.search.replicates)
    ]


def _advance(running: Sequence[_Running]) -> tuple[list[Place], list[Place]]:
    """Let all searches go on; what they lack, each thing once."""
    steps: dict[Place, None] = {}
    scores: dict[Place, None] = {}
    for run in running:
        if run.finals is None:
            lacking, unread = run.advance()
            steps.update(((run.problem, path), None) for path in lacking)
            scores.update(((run.problem, path), None) for path in unread)
    return list(steps), list(scores)


def _sum_up(running: Sequence[_Running], trees: Sequence[GrowingTree], report: SearchReport) -> None:
    report.apart_tokens += sum(int(run.spending.costs(run.finals or ())["completion_tokens"]) for run in running)
    asked = {(run.problem, path) for run in running for path in run.asked}
    returned = {
        (run.problem, path) for run in running for final in run.finals or () for path in upwards(final.node.path)
    }
    report.shared_tokens += sum(len(trees[problem].steps[path].token_ids) for problem, path in asked)
    report.pruned_tokens += sum(
        len(trees[problem].steps[path].token_ids) for problem, path in asked - returned if GREEDY not in path
    )
