"""The tree of steps that every search walks, the requests that a search makes, and the replaying driver.

A step is a node, named by the path of child indices from the root: child 1 of the first step of
sample 3 is ``3.1``. Child i of a node is the i-th independent draw of the policy given that prefix,
and ``g`` is its greedy one. So sample i of the pool is ``i``, ``i.0``, ``i.0.0`` … to its leaf, and
the first steps of the pool are every search's first expansion. A search only ever asks for children
i < k of a node, for a greedy rollout, and for scores: whatever its budget, it asks the same tree, so
budgets share their draws.

A search is a coroutine. It yields the requests of a round as one list and is sent their answers, in
order; it knows neither store nor model nor the right answer. `replay` answers it from a tree that is
there; collecting (`ttclib.collect.search`) draws what is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

from ttclib.samples import Step

ROOT = ""
GREEDY = "g"
MAX_ROUNDS = 40  # Snell et al. 2024, arXiv:2408.03314, appendix E


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A step, as a search sees it."""

    path: str  # empty for the root, whose tokens are the prompt's
    n_tokens: int  # of this step alone
    prefix_tokens: int  # before it: the prompt and the steps on the way
    finished: bool  # it ends its solution, by itself or cut at the token limit
    parent: Node | None  # None for the root


@dataclass(frozen=True, slots=True)
class Children:
    """Children `first` to `first` + `k` − 1 of a node; the answer is a list of k nodes."""

    path: str
    k: int
    first: int = 0


@dataclass(frozen=True, slots=True)
class Greedy:
    """Up to `n_steps` steps at temperature 0 from a node; the answer lists them, fewer if the last one ends."""

    path: str
    n_steps: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A child and its first children to the leaf, a solution drawn in one go; the answer lists its steps."""

    path: str
    child: int


@dataclass(frozen=True, slots=True)
class Score:
    """The verifier's reading of a node; the answer is a tuple, the score of each step from the first to this."""

    path: str


class Final(NamedTuple):
    """A solution that a search ends with: its last step, and the aggregated score."""

    node: Node
    score: float


Request: TypeAlias = Children | Greedy | Sample | Score
Search: TypeAlias = Generator[list[Request], list[Any], list[Final]]


class Missing(Exception):
    """A tree lacks what a search asks for.

    Attributes
    ----------
    steps : list of str
        Paths to be drawn next; what lies behind them is not known.
    scores : list of str
        Paths that the verifier has not read.
    grades : list of str
        Leaves that no grader has read.
    """

    def __init__(self, steps: list[str], scores: list[str], grades: Sequence[str] = ()) -> None:
        super().__init__(f"{len(steps)} steps, {len(scores)} scores, {len(grades)} grades")
        self.steps = steps
        self.scores = scores
        self.grades = grades


class SampleTree:
    """The tree of one problem.

    Parameters
    ----------
    lookup : callable
        ``lookup(path)`` gives a step as a tuple (tokens, ends, score, tokens the verifier reads), or
        None where there is none yet. What it says of a path's tokens may not change later.

    Examples
    --------
    >>> steps = {"0": (4, False, 0.5, 9.0), "0.0": (2, True, 0.75, 11.0)}
    >>> tree = SampleTree(5, steps.get)
    >>> [node.path for node in tree.answer(Sample("", 0))], tree.answer(Score("0.0"))
    (['0', '0.0'], (0.5, 0.75))
    >>> tree.lacks(Children("0", 3))
    ['0.1', '0.2']
    """

    def __init__(self, prompt_tokens: int, lookup: Callable[[str], Step | None]) -> None:
        self._lookup = lookup
        self._nodes = {ROOT: Node(ROOT, prompt_tokens, 0, False, None)}
        self._scores: dict[str, tuple[float, ...]] = {ROOT: ()}

    def node(self, path: str) -> Node | None:
        """The step of that path; None: not there, or a step before it is not."""
        if (known := self._nodes.get(path)) is not None:
            return known
        step = self._lookup(path)
        parent = self.node(parent_of(path)) if step is not None else None
        if step is None or parent is None:
            return None
        node = Node(path, step[0], parent.prefix_tokens + parent.n_tokens, step[1], parent)
        self._nodes[path] = node
        return node

    def step_scores(self, path: str) -> tuple[float, ...] | None:
        """Score of each step up to this one; None: the verifier has not read them all."""
        if (known := self._scores.get(path)) is not None:
            return known
        step = self._lookup(path)
        before = self.step_scores(parent_of(path))
        if step is None or step[2] is None or before is None:
            return None
        self._scores[path] = (*before, step[2])
        return self._scores[path]

    def prm_tokens(self, path: str) -> float:
        """Tokens that the verifier reads to score this step; NaN: unknown."""
        step = self._lookup(path)
        return math.nan if step is None else step[3]

    def answer(self, request: Request) -> list[Node] | tuple[float, ...] | None:
        """The answer to a request; None: something is lacking."""
        if isinstance(request, Score):
            return self.step_scores(request.path)
        found = []
        for path in self._walk(request):
            node = self.node(path)
            if node is None:
                return None
            found.append(node)
        return found

    def lacks(self, request: Children | Greedy | Sample) -> list[str]:
        """Steps without which a request cannot be answered; of a rollout the next one alone is known."""
        return [path for path in self._walk(request) if self.node(path) is None]

    def _walk(self, request: Children | Greedy | Sample) -> Generator[str]:
        """Paths that a request asks for, in order; a rollout stops where it ends or is not known further."""
        if isinstance(request, Children):
            yield from (child_of(request.path, i) for i in range(request.first, request.first + request.k))
            return
        if isinstance(request, Greedy):
            path, then, left = child_of(request.path, GREEDY), GREEDY, float(request.n_steps)
        else:
            path, then, left = child_of(request.path, request.child), "0", math.inf
        while True:
            yield path
            node, left = self.node(path), left - 1
            if node is None or node.finished or left == 0:
                return
            path = child_of(path, then)


def replay(
    search: Search, tree: SampleTree, observe: Callable[[list[Request], list[Any]], None] = lambda asked, told: None
) -> list[Final]:
    """Run a search on a tree that is there.

    Parameters
    ----------
    observe : callable
        Told each round's requests and answers: how `Spending` sees what is spent.

    Raises
    ------
    Missing
        The tree lacks steps or scores; the search is over.
    """
    answers: Any = None
    while True:
        try:
            requests = search.send(answers)
        except StopIteration as done:
            result: list[Final] = done.value
            return result
        answers = [tree.answer(request) for request in requests]
        if any(answer is None for answer in answers):
            search.close()
            lacking = [request for request, answer in zip(requests, answers, strict=True) if answer is None]
            steps = [path for request in lacking if not isinstance(request, Score) for path in tree.lacks(request)]
            raise Missing(steps, [request.path for request in lacking if isinstance(request, Score)])
        observe(requests, answers)


def side_by_side(searches: Sequence[Search]) -> Search:
    """Several searches as one: what they ask in a round makes one batch, their solutions one list."""
    answers: list[Any] = [None] * len(searches)
    finals: list[list[Final]] = [[] for _ in searches]
    running = list(range(len(searches)))
    while running:
        asked: dict[int, list[Request]] = {}
        for number in running:
            try:
                asked[number] = searches[number].send(answers[number])
            except StopIteration as done:
                finals[number] = done.value
        running = list(asked)
        told = iter((yield [request for requests in asked.values() for request in requests]) if running else [])
        for number, requests in asked.items():
            answers[number] = [next(told) for _ in requests]
    return [final for part in finals for final in part]


def aggregate(step_scores: Sequence[float], aggregation: str = "last") -> float:
    """One score from a path's step scores: the last, the least, their product or mean; NaN if one is.

    Examples
    --------
    >>> [round(aggregate([0.9, 0.2, 0.8], how), 3) for how in ("last", "min", "prod", "mean")]
    [0.8, 0.2, 0.144, 0.633]
    """
    if aggregation == "last":
        return step_scores[-1]
    if any(math.isnan(score) for score in step_scores):
        return math.nan
    if aggregation == "min":
        return min(step_scores)
    return math.prod(step_scores) if aggregation == "prod" else added(step_scores) / len(step_scores)


def added(values: Iterable[float]) -> float:
    """The sum from the first to the last, each rounded, as compiled code adds; Python's own differs by version."""
    return reduce(float.__add__, values, 0.0)


def best_first(scores: Sequence[float]) -> list[int]:
    """Positions in order of score, the highest first; of equals the earlier draw, NaN last.

    Examples
    --------
    >>> best_first([0.5, float("nan"), 0.9, 0.5])
    [2, 0, 3, 1]
    """
    return sorted(range(len(scores)), key=lambda i: math.inf if math.isnan(scores[i]) else -scores[i])


def even_shares(total: int, n_shares: int) -> list[int]:
    """Whole shares of a total, the remainder spread over the first.

    Examples
    --------
    >>> even_shares(11, 3)
    [4, 4, 3]
    """
    return [total // n_shares + (i < total % n_shares) for i in range(n_shares)]


def child_of(path: str, child: int | str) -> str:
    """Path of a child.

    Examples
    --------
    >>> child_of("", 3), child_of("3.0", "g")
    ('3', '3.0.g')
    """
    return f"{path}.{child}" if path else str(child)


def parent_of(path: str) -> str:
    """Path of the step before; the root's is its own."""
    return path.rpartition(".")[0]
