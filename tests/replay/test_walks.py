"""The compiled walks come to what the coroutines come to, to the last digit, and lack the same cells."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.toy import Grade, ToyTrees, paths_of, toys, tree_of
from ttclib.analysis.trace import way_to
from ttclib.errors import RequestError
from ttclib.replay.beam import beam_search
from ttclib.replay.selection import SELECTIONS
from ttclib.replay.strategies import BeamSearch, Dvts, LookaheadSearch, Rebase
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.tree import SampleTree, Search, parent_of
from ttclib.replay.tree import replay as replay_by_steps
from ttclib.replay.walks import walk_of
from ttclib.samples import AGGREGATIONS, Step, Tree

NAN = float("nan")
WIDTHS = st.sampled_from([1, 2, 3, "sqrt"])
SEARCHES = st.one_of(
    st.builds(BeamSearch, beam_width=WIDTHS),
    st.builds(LookaheadSearch, beam_width=WIDTHS, lookahead_steps=st.integers(1, 3)),
    st.builds(Dvts, beam_width=WIDTHS),
    st.builds(Rebase, rebase_temperature=st.sampled_from([0.05, 0.2, 3.0])),
)


@dataclass(frozen=True)
class Faults:
    """How often in a hundred a step has no score, one that is odd, no tokens; a leaf no grade, no answer; and so on."""

    nan: int = 0
    unread: int = 0
    negative: int = 0
    infinite: int = 0
    unknown_tokens: int = 0
    ungraded: int = 0
    no_reference: bool = False
    lost: int = 0


FAULTS = st.builds(
    Faults,
    nan=st.sampled_from([0, 0, 20, 100]),
    unread=st.sampled_from([0, 0, 1, 8]),
    negative=st.sampled_from([0, 0, 0, 3]),
    infinite=st.sampled_from([0, 0, 0, 10]),
    unknown_tokens=st.sampled_from([0, 0, 5]),
    ungraded=st.sampled_from([0, 0, 2]),
    no_reference=st.booleans(),
    lost=st.sampled_from([0, 0, 1]),
)


class Drawn:
    """Endless random trees that keep what they were asked for: few different scores, empty steps, early ends."""

    store, policy, verifier = "toy", "walker", "prm"
    setting = policy_model = verifier_model = None

    def __init__(self, n_problems: int, seed: int, faults: Faults) -> None:
        self.problem_ids = [f"p{number}" for number in range(n_problems)]
        self.prompt_tokens = [10] * n_problems
        self.seed, self.faults = seed, faults
        self.asked: list[dict[str, tuple[Step, Grade]]] = [{} for _ in range(n_problems)]

    def _draw(self, problem: int, path: str) -> tuple[Step, Grade]:
        rng, odds = random.Random(f"{self.seed}/{problem}/{path}"), self.faults
        often = random.Random(f"{self.seed}/{problem}").choice([0.1, 0.3, 0.6])
        ends = rng.random() < often or path.count(".") > 4
        score: float | None = rng.choice([0.0, 0.1, 0.2, 0.3, 0.6, 0.9, rng.random()])
        for chance, value in ((odds.nan, NAN), (odds.negative, -0.5), (odds.infinite, rng.choice([1, -1]) * np.inf)):
            score = value if rng.random() * 100 < chance else score
        score = None if rng.random() * 100 < odds.unread else score
        prm_tokens = NAN if rng.random() * 100 < odds.unknown_tokens else rng.choice([0.0, 10.0, rng.random() * 30])
        known = problem > 0 or not odds.no_reference
        grade = (rng.randint(-1, 2), rng.choice([0.0, 1.0, 1.0, NAN]) if known else NAN)
        return (rng.randint(0, 5), ends, score, prm_tokens), None if rng.random() * 100 < odds.ungraded else grade

    def step(self, problem: int, path: str) -> Step:
        return self.asked[problem].setdefault(path, self._draw(problem, path))[0]

    def grade(self, problem: int, path: str) -> Grade:
        return self.asked[problem][path][1]

    def table(self) -> Tree:
        """What was asked for, but for what is lost."""
        rng, trees = random.Random(self.seed), []
        for asked in self.asked:
            found: dict[str, tuple[Step, Grade]] = {}
            for path in sorted(asked, key=lambda path: (path.count("."), path)):
                before = parent_of(path)
                if (not before or before in found) and rng.random() * 100 >= self.faults.lost:
                    found[path] = asked[path]
            trees.append(found)
        return tree_of(trees)


class Stepwise:
    """A tree that only its coroutines replay."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tree, name)


def told(search: TreeSearch, tree: Any, budgets: list[int], aggregation: str) -> Any:
    try:
        return search.replicated(tree, budgets, aggregation=aggregation)
    except (RequestError, ValueError, OverflowError) as error:
        return type(error), str(error)


def check_same(search: TreeSearch, tree: Tree, budgets: list[int], aggregation: str) -> Any:
    expected, found = (told(search, one, budgets, aggregation) for one in (Stepwise(tree), tree))
    if isinstance(expected[0], type):
        assert found == expected
        return None
    for one, other in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert found[2].keys() == expected[2].keys()
    for name in expected[2]:
        np.testing.assert_array_equal(found[2][name], expected[2][name], err_msg=name)
    assert found[3] == expected[3]
    return found


@settings(max_examples=250, deadline=None)
@given(
    search=SEARCHES,
    selection=st.sampled_from(SELECTIONS),
    aggregation=st.sampled_from(AGGREGATIONS),
    budgets=st.lists(st.integers(1, 10), min_size=1, max_size=2),
    replicates=st.integers(1, 2),
    max_rounds=st.sampled_from([1, 2, 3, 40]),
    seed=st.integers(0, 10**6),
    faults=FAULTS,
)
def test_walks_are_the_coroutines(
    search: TreeSearch, selection: str, aggregation: str, budgets: list[int], replicates: int, max_rounds: int,
    seed: int, faults: Faults,
) -> None:  # fmt: skip
    search = replace(search, selection=selection, replicates=replicates, max_rounds=max_rounds)
    allowed = [size for size in budgets if search.allows(size)] or [4]
    drawn = Drawn(2, seed, faults)
    told(search, drawn, allowed, aggregation)
    assert walk_of(search) is not None
    check_same(search, drawn.table(), allowed, aggregation)


@pytest.mark.parametrize(
    "search", [BeamSearch(), LookaheadSearch(lookahead_steps=2), Dvts(beam_width="sqrt"), Rebase()]
)
def test_a_walk_of_a_whole_tree_lacks_nothing(search: TreeSearch) -> None:
    drawn = Drawn(6, 1, Faults(nan=5))
    told(search, drawn, [16, 64], "last")
    found = check_same(search, drawn.table(), [16, 64], "last")
    assert found[3] == [] and not np.isnan(found[2]["kv_tokens"]).any() and len(np.unique(found[0])) > 2


@pytest.mark.parametrize(
    "search", [BeamSearch(), LookaheadSearch(lookahead_steps=2), Dvts(beam_width="sqrt"), Rebase(max_rounds=2)]
)
def test_a_walk_returns_what_the_coroutine_returns(search: TreeSearch) -> None:
    drawn = Drawn(6, 1, Faults(nan=5))
    told(search, drawn, [16], "last")
    tree = drawn.table()
    for problem, rows in enumerate(search.returned(tree, 16)):
        steps = SampleTree(int(tree.prompt_tokens[problem]), partial(tree.step, problem))
        finals = replay_by_steps(search.start(16), steps)
        assert rows is not None and len(rows) == len(finals) > 0
        ways = [tree.steps.way(row) for row in rows]
        assert sorted(way[-1] for way in ways) == sorted(final.node.path for final in finals)
        assert ways == [way_to(way[-1]) for way in ways]
        assert [tree.steps.row(problem, way[-1]) for way in ways] == rows
    lost = Drawn(3, 1, Faults()).table()  # of trees in which nothing was drawn
    assert search.returned(lost, 16) == [None] * len(lost.problem_ids) and Narrow().returned(tree, 16) == [None] * 6


@dataclass(frozen=True)
class Narrow(BeamSearch):
    """Another package's: beam search that never ranks."""

    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        return beam_search(budget, 1, aggregation=aggregation, first=first, max_rounds=self.max_rounds)


def test_a_search_with_a_start_of_its_own_is_replayed_by_it() -> None:
    drawn = Drawn(5, 3, Faults())
    told(Narrow(), drawn, [4, 8], "last")
    tree = drawn.table()
    assert walk_of(Narrow()) is None
    own, same = Narrow().replay(tree, [4, 8]), BeamSearch(beam_width=1).replay(tree, [4, 8])
    np.testing.assert_array_equal(own.accuracy, same.accuracy)
    assert own.costs.keys() == same.costs.keys()
    for name, table in own.costs.items():
        np.testing.assert_array_equal(table, same.costs[name])


def test_a_table_gives_the_steps_it_was_made_of() -> None:
    toy = ToyTrees(toys(2))
    asked = [{path: (toy.step(problem, path), toy.grade(problem, path)) for path in ("0", "2", "0.g", "0.10", "0.2")}
             for problem in range(2)]  # fmt: skip
    tree = tree_of(asked)
    assert tree.sizes == [5, 5] and tree.prompt_tokens == [10, 10] and tree.first_steps.tolist() == [2, 2]
    for problem, steps in enumerate(asked):
        assert {
            path: (tree.step(problem, path), tree.grade(problem, path)) for path in paths_of(tree, problem)
        } == steps
    assert (
        not any(tree.step(0, path) for path in ("1", "3", "2.g", "0.1", "1.0"))
        and tree.of_problems([1]).step(0, "0.10") == asked[1]["0.10"][0]
    )
    children, begins = tree.steps.children
    first = tree.steps.row(1, "0")
    assert [tree.steps.child[row] for row in children[begins[first] : begins[first + 1]]] == [2, 10]
