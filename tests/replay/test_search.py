from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.pools import pools
from tests.replay.toy import ToyTrees, toys
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.beam import beam_search, resolve_width
from ttclib.replay.best_of_n import best_of_n
from ttclib.replay.outcomes import COSTS
from ttclib.replay.rebase import allocate
from ttclib.replay.search import Algorithm, search_outcomes, search_replicates
from ttclib.replay.selection import SELECTIONS, Solution, choose, select
from ttclib.replay.spending import Spending
from ttclib.replay.tree import Children, Greedy, Missing, Sample, SampleTree, Score, Search, replay
from ttclib.replay.voting import elect

NAN = float("nan")
ALGORITHMS = [
    Algorithm("beam_search", 4),
    Algorithm("beam_search", "sqrt", aggregation="min"),
    Algorithm("lookahead_search", 4, 1),
    Algorithm("lookahead_search", "sqrt", 3, "prod"),
    Algorithm("dvts", 4, aggregation="mean"),
    Algorithm("rebase"),
    Algorithm("sampling"),
]


class Table(ToyTrees):
    """Trees written down step by step: {path: (tokens, ended, score)}; every solution is its own answer."""

    def __init__(self, steps: dict[str, tuple[int, bool, float | None]]) -> None:
        super().__init__(toys(1))
        self.table = steps

    def step(self, problem: int, path: str) -> Any:
        found = self.table.get(path)
        return None if found is None else (*found, 10.0 + found[0])

    def grade(self, problem: int, path: str) -> Any:
        return 0, float(path.endswith("1"))


def rounds(search: Search, tree: SampleTree) -> list[list[Any]]:
    seen: list[list[Any]] = []
    replay(search, tree, lambda asked, told: seen.append(list(asked)))
    return seen


@pytest.fixture(scope="module")
def trees() -> ToyTrees:
    return ToyTrees(toys(12, seed=3), seed=5)


@pytest.mark.parametrize(("n", "k", "cost"), [(16, 1, 32), (64, 3, 256)])
def test_cost_of_lookahead(n: int, k: int, cost: int, trees: ToyTrees) -> None:
    algorithm = Algorithm("lookahead_search", 4, k)
    outcomes = search_outcomes(trees, algorithm, [n])
    assert algorithm.generations(n) == cost
    assert (outcomes.cost("generations") == cost).all()
    assert (outcomes.cost("rollout_tokens") > 0).any()


@pytest.mark.parametrize(
    ("n", "width", "kept"), [(256, 4, 64), (256, "sqrt", 16), (10, 4, 2), (7, 4, 1), (5, 5, 1), (3, 1, 3)]
)
def test_beams_kept_and_their_shares(n: int, width: int | str, kept: int) -> None:
    steps = {str(i): (1, False, 0.5) for i in range(n)}
    steps |= {f"{i}.{j}": (1, True, 0.5) for i in range(n) for j in range(n)}
    asked = rounds(beam_search(n, width), SampleTree(1, lambda path: Table(steps).step(0, path)))
    children = [request for request in asked[-2] if isinstance(request, Children)]
    assert len(children) == kept
    assert sum(request.k for request in children) == n
    assert max(request.k for request in children) - min(request.k for request in children) <= 1


def test_a_finished_beam_is_ranked_holds_its_place_and_draws_nothing() -> None:
    steps = {"0": (1, True, 0.9), "1": (1, False, 0.8), "2": (1, True, 0.7), "3": (1, False, 0.1)}
    steps |= {"1.0": (1, True, 0.2), "1.1": (1, True, 0.3)}
    finals = replay(beam_search(4, 2), SampleTree(1, lambda path: Table(steps).step(0, path)))
    assert [(final.node.path, final.score) for final in finals] == [("0", 0.9), ("1.0", 0.2), ("1.1", 0.3)]


def test_all_that_was_kept_has_ended() -> None:
    steps = {"0": (1, True, 0.9), "1": (1, False, 0.8), "2": (1, True, 0.95), "3": (1, False, 0.1)}
    finals = replay(beam_search(4, 2), SampleTree(1, lambda path: Table(steps).step(0, path)))
    assert [final.node.path for final in finals] == ["2", "0"]


def test_the_rollout_decides() -> None:
    steps: dict[str, Any] = {"0": (1, False, 0.9), "0.g": (1, False, 0.1), "0.g.g": (1, True, 0.3)}
    steps |= {"1": (1, False, 0.2), "1.g": (1, True, 0.4), "0.0": (1, True, 0.5), "0.1": (1, True, 0.5)}
    steps |= {"1.0": (1, True, 0.6), "1.1": (1, True, 0.7)}
    tree = SampleTree(1, lambda path: Table(steps).step(0, path))
    assert [final.node.path for final in replay(beam_search(2, 2), tree)] == ["0.0", "0.1"]
    for k in (1, 2, 5):
        asked = rounds(beam_search(2, 2, lookahead_steps=k), tree)
        assert asked[1] == [Greedy("0", k), Greedy("1", k)]
        assert asked[2] == [Score("0.g" if k == 1 else "0.g.g"), Score("1.g")]
        assert asked[3] == [Children("1", 2)]


def test_rounds_are_limited() -> None:
    def endless(path: str) -> Any:
        return 1, False, 0.5, 1.0

    finals = replay(beam_search(4, 2, max_rounds=5), SampleTree(1, endless))
    assert len(finals) == 4 and all(final.node.path.count(".") == 4 for final in finals)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
@pytest.mark.parametrize("n", [4, 7, 16])
def test_no_solution_twice_and_never_more_than_n(algorithm: Algorithm, n: int, trees: ToyTrees) -> None:
    for problem in range(len(trees.problem_ids)):
        finals = replay(algorithm.start(n), trees.tree(problem))
        paths = [final.node.path for final in finals]
        assert len(set(paths)) == len(paths) <= n
        assert all(final.node.finished for final in finals)
        if algorithm.strategy in ("rebase", "sampling"):
            assert len(paths) == n


@given(
    st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), min_size=1, max_size=12),
    st.integers(1, 300),
)
def test_rebase_spends_its_budget_exactly_and_by_rank(rewards: list[float], budget: int) -> None:
    shares = allocate(rewards, budget)
    assert sum(shares) == budget and min(shares) >= 0
    known = [(reward, share) for reward, share in zip(rewards, shares, strict=True) if not math.isnan(reward)]
    if known:
        assert all(share == 0 for reward, share in zip(rewards, shares, strict=True) if math.isnan(reward))
        weights = [math.exp(reward / 0.2) for reward, _ in known]
        best = max(known)[0]
        first = next(share for reward, share in known if reward == best)
        assert first == min(budget, math.ceil(budget * math.exp(best / 0.2) / sum(weights) - 1e-9))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.integers(1, 100))
def test_rebase_against_the_rule_spelled_out(rewards: list[float], budget: int) -> None:
    left, expected = budget, [0] * len(rewards)
    order = sorted(range(len(rewards)), key=lambda i: (-rewards[i], i))
    for place, i in enumerate(order):
        weight = math.exp(rewards[i] / 0.2) / sum(math.exp(rewards[j] / 0.2) for j in order[place:])
        expected[i] = min(left, math.ceil(left * weight - 1e-9))
        left -= expected[i]
    assert allocate(rewards, budget) == expected


def test_dvts_keeps_one_of_each_subtree() -> None:
    steps: dict[str, Any] = {str(i): (1, False, score) for i, score in enumerate([0.9, 0.8, 0.1, 0.2])}
    steps |= {f"{i}.{j}": (1, True, 0.5) for i in range(4) for j in range(4)}
    tree = SampleTree(1, lambda path: Table(steps).step(0, path))
    finals = replay(Algorithm("dvts", 2).start(4), tree)
    assert [final.node.path for final in finals] == ["0.0", "0.1", "3.0", "3.1"]
    (first, *_, _) = rounds(Algorithm("dvts", 2).start(4), tree)
    assert first == [Children("", 2, 0), Children("", 2, 2)]  # one round for all subtrees


def test_sampling_is_the_pool() -> None:
    asked = rounds(Algorithm("sampling").start(3, first=6), ToyTrees(toys(1)).tree(0))
    assert asked[0] == [Sample("", 6), Sample("", 7), Sample("", 8)]


@given(pools(largest=9))
def test_selection_is_that_of_the_pool(pool: Any) -> None:
    found = [Solution(*cells) for cells in zip(pool.scores, pool.ids, pool.correct, strict=True)]
    ids, scores, correct, n = [pool.ids], [pool.scores], [pool.correct], [len(found)]
    for selection, expected in (
        ("best_of_n", best_of_n(scores, correct, n)),
        ("majority_vote", elect(ids, None, correct, n)),
        ("weighted_best_of_n", elect(ids, scores, correct, n)),
    ):
        values = (expected.accuracy[0, 0], expected.ungraded[0, 0])
        assert choose(found, selection) == pytest.approx(values, abs=1e-12, nan_ok=True), selection
        assert select(found, selection) == pytest.approx(values[0], abs=1e-12, nan_ok=True)


def test_what_is_not_graded() -> None:
    assert all(math.isnan(select([Solution(0.5, 0, NAN)], selection)) for selection in SELECTIONS)
    assert choose([Solution(0.9, 0, NAN), Solution(0.1, 1, 1.0)], "best_of_n") == (0.0, 1.0)
    assert choose([Solution(0.9, 0, NAN), Solution(0.1, 1, 1.0)], "majority_vote") == (0.5, 0.5)
    with pytest.raises(RequestError, match="must not be below 0, got -1"):
        choose([Solution(-1.0, 0, 1.0)])
    with pytest.raises(RequestError, match="did you mean 'majority_vote'"):
        choose([Solution(0.5, 0, 1.0)], "majority")


def test_costs_of_sampling_by_hand() -> None:
    steps = {"0": (4, False, 0.5), "0.0": (2, True, 0.5), "1": (3, True, 0.5)}
    tree = SampleTree(10, lambda path: Table(steps).step(0, path))
    spending = Spending(tree)
    finals = replay(Algorithm("sampling").start(2), tree, spending.observe)
    assert spending.costs(finals) == {
        "completion_tokens": 9,
        "pruned_tokens": 0,
        "rollout_tokens": 0,
        "prefill_tokens": 20,
        "cached_prefill_tokens": 10,
        "context_tokens": (6 * 10 + 15) + (3 * 10 + 3),
        "kv_tokens": 6 * 10 + 15 + 3,
        "prm_tokens": 12 + 13,
        "serial_tokens": 6,
        "serial_prm_tokens": 13,
    }


def test_costs_of_a_search_by_hand() -> None:
    steps: dict[str, Any] = {"0": (4, False, 0.9), "0.g": (5, True, 0.9), "1": (3, False, 0.2), "1.g": (7, False, 0.1)}
    steps |= {"0.0": (2, True, 0.5), "0.1": (6, True, 0.6)}
    tree = SampleTree(10, lambda path: Table(steps).step(0, path))
    spending = Spending(tree)
    finals = replay(beam_search(2, 2, lookahead_steps=1), tree, spending.observe)
    assert spending.costs(finals) == {
        "completion_tokens": 4 + 3 + 5 + 7 + 2 + 6,
        "pruned_tokens": 3,
        "rollout_tokens": 12,
        "prefill_tokens": 10 + 10 + 14 + 13 + 14 + 14,
        "cached_prefill_tokens": 10 + 4 + 3,
        "context_tokens": (40 + 6) + (30 + 3) + (5 * 14 + 10) + (7 * 13 + 21) + (2 * 14 + 1) + (6 * 14 + 15),
        "kv_tokens": (4 * 10 + 6 + 3) + (7 * 10 + 5 * 4 + 7 * 3 + 10 + 21) + (6 * 14 + 1 + 15),
        "prm_tokens": (10 + 5) + (10 + 7) + (10 + 2) + (10 + 6),
        # Rounds: two first steps, two rollouts, their ends read, two steps that go on, and these read.
        "serial_tokens": 4 + 7 + 6,
        "serial_prm_tokens": 17 + 16,
    }


def test_a_reading_of_unknown_length_is_waited_for_unknown() -> None:
    tree = SampleTree(10, {"0": (4, True, 0.5, NAN), "1": (5, True, 0.5, 20.0)}.get)
    spending = Spending(tree)
    spent = spending.costs(replay(Algorithm("sampling").start(2), tree, spending.observe))
    assert spent["serial_tokens"] == 5 and math.isnan(spent["serial_prm_tokens"]) and math.isnan(spent["prm_tokens"])


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_outcomes_have_every_cost(algorithm: Algorithm, trees: ToyTrees) -> None:
    outcomes = search_outcomes(trees, algorithm, [16, 4], n_replicates=2)
    assert outcomes.budgets == (4, 16) and set(outcomes.costs) == set(COSTS)
    assert not any(np.isnan(table).any() for table in outcomes.costs.values())
    assert ((outcomes.accuracy >= 0) & (outcomes.accuracy <= 1)).all()
    spent = outcomes.cost("completion_tokens")
    assert (outcomes.cost("pruned_tokens") + outcomes.cost("rollout_tokens") < spent).all()
    assert (outcomes.cost("cached_prefill_tokens") <= outcomes.cost("prefill_tokens")).all()
    assert (outcomes.cost("kv_tokens") <= outcomes.cost("context_tokens")).all()
    assert (outcomes.cost("serial_tokens") < spent).all()
    assert (outcomes.cost("serial_prm_tokens") < outcomes.cost("prm_tokens")).all()
    assert (spent[:, 1] > spent[:, 0]).all()


def test_replicates_start_at_other_children_of_the_root(trees: ToyTrees) -> None:
    each, _ = search_replicates(trees, Algorithm("dvts"), [8], n_replicates=3)
    for replicate in range(3):
        for problem in range(len(trees.problem_ids)):
            finals = replay(Algorithm("dvts").start(8, first=8 * replicate), trees.tree(problem))
            solutions = [Solution(final.score, *trees.grade(problem, final.node.path)) for final in finals]
            assert each[replicate, problem, 0] == select(solutions)


def test_what_is_missing_is_counted_once_over_all_problems_and_budgets() -> None:
    steps = {str(i): (1, False, 0.9 - 0.1 * i) for i in range(4)}
    table = Table(steps)
    with pytest.raises(NotInStore) as caught:
        search_outcomes(table, Algorithm("beam_search", 2), [2, 4], n_replicates=1)
    # Budget 2 keeps '0' and budget 4 keeps '0' and '1': children 0.0, 0.1, 1.0, 1.1.
    assert "at least 4 expansions are missing" in str(caught.value)
    assert "ttc search CONFIG --store toy --strategy beam_search --budgets 2,4 --beam-width 2" in str(caught.value)
    assert "1 of 1 problems" in str(caught.value)


def test_a_verifier_that_did_not_read_the_nodes() -> None:
    with pytest.raises(NotInStore, match="'prm' has not read 3 steps"):
        search_outcomes(Table({str(i): (1, False, None) for i in range(3)}), Algorithm("beam_search", 3), [3])


def test_missing_of_a_rollout_names_the_next_step() -> None:
    tree = SampleTree(1, lambda path: {"0": (1, False, 0.5, 1.0), "1": (1, True, 0.5, 1.0)}.get(path))
    with pytest.raises(Missing) as caught:
        replay(Algorithm("lookahead_search", 2, 3).start(2), tree)
    assert (caught.value.steps, caught.value.scores) == (["0.g"], [])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Algorithm("beam_search", 8).check(4), "beam width 8 at budget 4: allowed 1 to 4"),
        (lambda: Algorithm("dvts", 4).check(3), "beam width 4 at budget 3"),
        (lambda: Algorithm("rebase").check(0), "budget 0: a search needs at least 1"),
        (lambda: Algorithm("sampling").check(-1), "budget -1"),
        (lambda: Algorithm("beam_serch"), "did you mean 'beam_search'"),
        (lambda: Algorithm("lookahead_search"), "allowed 1 or more"),
        (lambda: Algorithm("dvts", lookahead_steps=1), "only lookahead_search"),
        (lambda: Algorithm("beam_search", 0), "beam width '0'"),
        (lambda: Algorithm("beam_search", aggregation="max"), "unknown aggregation 'max'"),
        (lambda: resolve_width("root", 4), "beam width 'root'"),
        (lambda: beam_search(4, 4, lookahead_steps=-1), "lookahead_steps -1"),
    ],
)
def test_bad_parameters(make: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()
