from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.pools import pools
from tests.replay.toy import ToyTrees, toys
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.beam import as_finals, beam_search, resolve_width
from ttclib.replay.best_of_n import best_of_n
from ttclib.replay.outcomes import COSTS
from ttclib.replay.selection import SELECTIONS, Solution, Spending, choose
from ttclib.replay.strategies import BeamSearch, Dvts, LookaheadSearch, Rebase
from ttclib.replay.strategies.rebase import allocate
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.tree import Children, Greedy, Missing, Sample, SampleTree, Score, Search, replay
from ttclib.replay.voting import elect

NAN = float("nan")
SEARCHES: list[tuple[TreeSearch, str]] = [
    (BeamSearch(beam_width=4), "last"),
    (BeamSearch(beam_width="sqrt"), "min"),
    (LookaheadSearch(beam_width=4, lookahead_steps=1), "last"),
    (LookaheadSearch(beam_width="sqrt", lookahead_steps=3), "prod"),
    (Dvts(beam_width=4), "mean"),
    (Rebase(), "last"),
    (BeamSearch(beam_width=1), "last"),
]
each_search = pytest.mark.parametrize(
    ("search", "aggregation"), SEARCHES, ids=[f"{search.variant} {how}" for search, how in SEARCHES]
)


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


def whole_samples(n_samples: int, first: int = 0) -> Search:
    """A search that draws whole solutions and returns them."""
    solutions = yield [Sample("", first + i) for i in range(n_samples)]
    return (yield from as_finals([steps[-1] for steps in solutions], "last"))


def rounds(search: Search, tree: SampleTree) -> list[list[Any]]:
    seen: list[list[Any]] = []
    replay(search, tree, lambda asked, told: seen.append(list(asked)))
    return seen


@pytest.fixture(scope="module")
def trees() -> ToyTrees:
    return ToyTrees(toys(12, seed=3), seed=5)


@pytest.mark.parametrize(("n", "k", "cost"), [(16, 1, 32), (64, 3, 256)])
def test_cost_of_lookahead(n: int, k: int, cost: int, trees: ToyTrees) -> None:
    search = LookaheadSearch(beam_width=4, lookahead_steps=k)
    outcomes = search.replay(trees, [n])
    assert search.generations(n) == cost
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


def test_a_budget_of_one_is_one_sample_step_by_step() -> None:
    steps = {"5": (1, False, 0.9), "5.0": (1, True, 0.5)}
    tree = SampleTree(1, lambda path: Table(steps).step(0, path))
    for search in (BeamSearch(beam_width="sqrt"), Dvts(beam_width=1), Rebase()):
        assert [final.node.path for final in replay(search.start(1, first=5), tree)] == ["5.0"]


def test_where_all_are_kept_nobody_is_asked_before_the_end() -> None:
    steps = {"0": (1, False, 0.1), "1": (1, False, 0.9), "0.0": (1, True, 0.5), "1.0": (1, True, 0.6)}
    asked = rounds(beam_search(2, 1), SampleTree(1, lambda path: Table(steps).step(0, path)))
    assert asked == [[Children("", 2)], [Children("0", 1), Children("1", 1)], [Score("0.0"), Score("1.0")]]


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
    assert BeamSearch().max_rounds == 40  # Snell et al. 2024, appendix E

    def endless(path: str) -> Any:
        return 1, False, 0.5, 1.0

    finals = replay(beam_search(4, 2, max_rounds=5), SampleTree(1, endless))
    assert len(finals) == 4 and all(final.node.path.count(".") == 4 for final in finals)


@each_search
@pytest.mark.parametrize("n", [4, 7, 16])
def test_no_solution_twice_and_never_more_than_n(search: TreeSearch, aggregation: str, n: int, trees: ToyTrees) -> None:
    for problem in range(len(trees.problem_ids)):
        finals = replay(search.start(n, aggregation=aggregation), trees.tree(problem))
        paths = [final.node.path for final in finals]
        assert len(set(paths)) == len(paths) <= n
        assert all(final.node.finished for final in finals)
        if search.name == "rebase":
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
    finals = replay(Dvts(beam_width=2).start(4), tree)
    assert [final.node.path for final in finals] == ["0.0", "0.1", "3.0", "3.1"]
    (first, *_, _) = rounds(Dvts(beam_width=2).start(4), tree)
    assert first == [Children("", 2, 0), Children("", 2, 2)]  # one round for all subtrees


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


def test_what_is_not_graded() -> None:
    assert all(math.isnan(part) for selection in SELECTIONS for part in choose([Solution(0.5, 0, NAN)], selection))
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
    finals = replay(whole_samples(2), tree, spending.observe)
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
    spent = spending.costs(replay(whole_samples(2), tree, spending.observe))
    assert spent["serial_tokens"] == 5 and math.isnan(spent["serial_prm_tokens"]) and math.isnan(spent["prm_tokens"])


@each_search
def test_outcomes_have_every_cost(search: TreeSearch, aggregation: str, trees: ToyTrees) -> None:
    outcomes = replace(search, replicates=2).replay(trees, [16, 4], aggregation=aggregation)
    assert outcomes.budgets == (4, 16) and set(outcomes.costs) == set(COSTS)
    assert not any(np.isnan(table).any() for table in outcomes.costs.values())
    assert ((outcomes.accuracy >= 0) & (outcomes.accuracy <= 1)).all()
    assert outcomes.ungraded is not None and not outcomes.ungraded.any()
    spent = outcomes.cost("completion_tokens")
    assert (outcomes.cost("pruned_tokens") + outcomes.cost("rollout_tokens") < spent).all()
    assert (outcomes.cost("cached_prefill_tokens") <= outcomes.cost("prefill_tokens")).all()
    assert (outcomes.cost("kv_tokens") <= outcomes.cost("context_tokens")).all()
    assert (outcomes.cost("serial_tokens") < spent).all()
    assert (outcomes.cost("serial_prm_tokens") < outcomes.cost("prm_tokens")).all()
    assert (spent[:, 1] > spent[:, 0]).all()


class Watched(ToyTrees):
    """Trees that remember which first steps they were asked for."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.firsts: list[set[int]] = [set() for _ in self.toys]

    def step(self, problem: int, path: str) -> Any:
        if "." not in path:
            self.firsts[problem].add(int(path))
        return super().step(problem, path)


@each_search
def test_replicates_share_no_first_step(search: TreeSearch, aggregation: str) -> None:
    watched = Watched(toys(5, seed=1))
    replace(search, replicates=3).replicated(watched, [4], aggregation=aggregation)
    assert watched.firsts == [set(range(12))] * 5


def walked_dvts(trees: ToyTrees, problem: int, first: int, n: int, width: int) -> list[str]:
    """The leaves of DVTS, walked by hand: in every subtree, again and again, the best child of the best child."""
    leaves = []
    for subtree in range(n // width):
        paths = [str(first + subtree * width + i) for i in range(width)]
        while True:
            if all(trees.state(problem, path).ended for path in paths):
                leaves += paths
                break
            best = max(paths, key=lambda path: trees.state(problem, path).score)
            if trees.state(problem, best).ended:
                leaves.append(best)
                break
            paths = [f"{best}.{i}" for i in range(width)]
    return leaves


def test_every_replicate_of_dvts_is_a_search_of_its_own(trees: ToyTrees) -> None:
    each, *_ = Dvts(beam_width=2, replicates=3, selection="majority_vote").replicated(trees, [8])
    expected = np.empty(each.shape)
    for replicate, problem in np.ndindex(*each.shape[:2]):
        leaves = walked_dvts(trees, problem, 8 * replicate, 8, 2)
        found = [
            final.node.path for final in replay(Dvts(beam_width=2).start(8, first=8 * replicate), trees.tree(problem))
        ]
        assert found == leaves
        counts: dict[int, int] = {}
        for path in leaves:
            name = trees.grade(problem, path)[0]
            counts[name] = counts.get(name, 0) + 1
        winners = [name for name, count in counts.items() if count == max(counts.values())]
        expected[replicate, problem, 0] = (0 in winners) / len(winners)  # class 0 is the right one
    np.testing.assert_allclose(each, expected)
    assert (expected[0] != expected[1]).any() and (expected[1] != expected[2]).any()


def test_what_is_missing_is_counted_once_over_all_problems_and_budgets() -> None:
    steps = {str(i): (1, False, 0.9 - 0.1 * i) for i in range(4)}
    table = Table(steps)
    with pytest.raises(NotInStore) as caught:
        BeamSearch(beam_width=2).replay(table, [2, 4])
    # Budget 2 keeps '0' and budget 4 keeps '0' and '1': children 0.0, 0.1, 1.0, 1.1.
    assert "at least 4 expansions are missing" in str(caught.value)
    assert "ttc search CONFIG --store toy --strategy beam_search --budgets 2,4 --beam-width 2" in str(caught.value)
    assert "1 of 1 problems" in str(caught.value)


def test_a_verifier_that_did_not_read_the_nodes() -> None:
    with pytest.raises(NotInStore, match="'prm' has not read 3 steps"):
        BeamSearch(beam_width=3).replay(Table({str(i): (1, False, None) for i in range(3)}), [3])


def test_missing_of_a_rollout_names_the_next_step() -> None:
    tree = SampleTree(1, lambda path: {"0": (1, False, 0.5, 1.0), "1": (1, True, 0.5, 1.0)}.get(path))
    with pytest.raises(Missing) as caught:
        replay(LookaheadSearch(beam_width=2, lookahead_steps=3).start(2), tree)
    assert (caught.value.steps, caught.value.scores) == (["0.g"], [])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BeamSearch(beam_width=8).check(4), "beam width 8 at budget 4: allowed 1 to 4"),
        (lambda: BeamSearch(beam_width=8).replay(ToyTrees(toys(1)), [2, 4]), "beam width 8 at budget 4"),
        (lambda: Dvts(beam_width=4).check(3), "beam width 4 at budget 3"),
        (lambda: Rebase().check(0), "budget 0: a search needs at least 1"),
        (lambda: LookaheadSearch(lookahead_steps=0), "allowed 1 or more"),
        (lambda: BeamSearch(beam_width=0), "beam width '0'"),
        (lambda: BeamSearch(selection="best"), "unknown selection 'best'"),
        (lambda: BeamSearch(replicates=0), "0 replicates: allowed 1 or more"),
        (lambda: BeamSearch(max_rounds=0), "0 max rounds: allowed 1 or more"),
        (lambda: Rebase(rebase_temperature=0), "give a number above 0"),
        (lambda: BeamSearch().replay(ToyTrees(toys(1)), [4], aggregation="max"), "unknown aggregation 'max'"),
        (lambda: resolve_width("root", 4), "beam width 'root'"),
        (lambda: beam_search(4, 4, lookahead_steps=-1), "lookahead_steps -1"),
    ],
)
def test_bad_parameters(make: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()


@pytest.mark.parametrize(
    "make", [BeamSearch, LookaheadSearch, Dvts, Rebase], ids=["beam_search", "lookahead_search", "dvts", "rebase"]
)
def test_every_parameter_reaches_the_search(make: Any, trees: ToyTrees) -> None:
    def paths(search: TreeSearch, aggregation: str = "last") -> list[list[str]]:
        found = [replay(search.start(8, aggregation=aggregation), trees.tree(problem)) for problem in range(12)]
        return [[final.node.path for final in finals] for finals in found]

    plain = paths(make())
    assert max(path.count(".") for found in paths(make(max_rounds=2)) for path in found) == 1
    assert max(path.count(".") for found in plain for path in found) > 1
    assert paths(make(), "min") != plain
    for changed in ({"beam_width": 2}, {"rebase_temperature": 5.0}):
        if set(changed) <= {one.name for one in make.asked()}:
            assert paths(make(**changed)) != plain
    if make is LookaheadSearch:
        asked = rounds(LookaheadSearch(lookahead_steps=3).start(8), trees.tree(0))
        assert {request.n_steps for batch in asked for request in batch if isinstance(request, Greedy)} == {3}
    chosen = [make(selection=how).replay(trees, [8]).accuracy for how in SELECTIONS]
    assert (chosen[0] != chosen[1]).any() and (chosen[0] != chosen[2]).any()


def test_a_solution_cut_off_by_the_rounds_is_wrong_and_an_ungraded_one_not_known() -> None:
    class Graded(Table):
        def grade(self, problem: int, path: str) -> Any:
            return 0, NAN

    steps = {"0": (1, False, 0.9), "1": (1, True, 0.1)}
    search = BeamSearch(beam_width=1, max_rounds=1, selection="best_of_n")
    assert search.replay(Table(steps), [2]).accuracy[0, 0] == 0  # the better one has no answer
    found = search.replay(Graded(steps), [2])
    assert np.isnan(found.accuracy[0, 0]) and np.isnan(found.ungraded[0, 0])
