"""The optimiser against brute force, the reference cases, and worlds of which the truth is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tests.analysis.strategies_made import made
from ttclib.analysis import choice_kernels as kernels
from ttclib.analysis.candidates import candidates_of, on_shared_rows
from ttclib.analysis.difficulty import Bill, difficulty_of_ease, scored_on_halves, told_on_halves
from ttclib.analysis.ledger import ledger
from ttclib.analysis.optimise import default_limits, optimise
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts

GENERATIONS, TOKENS = ledger(), ledger(unit="tokens")
FEW = {"n_resamples": 20, "partitions": 2}


def flat(rows, **fields):
    """A strategy whose accuracy on every problem of a group is the group's: (problems, accuracies) a group."""
    return made(np.concatenate([np.tile(np.asarray(values, float), (n, 1)) for n, values in rows]), **fields)


def groups(*sizes):
    """Difficulty with bins of these sizes that stay as they are."""
    ease = np.concatenate([np.full(n, 1 - b / len(sizes)) for b, n in enumerate(sizes)])
    return difficulty_of_ease(ease, [1 - (b + 0.5) / len(sizes) for b in range(len(sizes) - 1)])


TWO = flat([(20, [0.90, 0.92, 0.93]), (20, [0.20, 0.40, 0.60])])


def test_the_reference_cases_of_two_groups():
    told = groups(20, 20)
    by = candidates_of([TWO], told, ledger=GENERATIONS)
    assert optimise(by, [2.0], difficulty=told, **FEW).means[0] == pytest.approx([0.66])
    shared = optimise(by, [2.0], difficulty=told, per="average", **FEW)
    assert shared.means[0] == pytest.approx([0.70]) and shared.costs[0] == pytest.approx([2.0])
    # Easy at 1; hard at 3, half at 2 and half at 4.
    assert shared.costs[1:, 0] == pytest.approx([1.0, 3.0]) and shared.part[:, 0] == pytest.approx([0.0, 0.5])


def test_a_curve_that_falls_does_not_drag_the_choice_down():
    one = made(np.tile([0.50, 0.70, 0.72, 0.66], (30, 1)), budgets=[1, 4, 16, 64])
    by = candidates_of([one], ledger=GENERATIONS)
    found = optimise(by, [64.0], **FEW)
    assert found.means[0] == pytest.approx([0.72]) and found.costs[0] == pytest.approx([16.0])
    assert optimise(by, [257.75], **FEW).means[0] == pytest.approx([0.72])
    assert np.isnan(optimise(by, [0.5], **FEW).means).all()


def brute(accuracy, cost, bins, limits, weights, hold=None):
    """The best affordable candidate of each group and limit, cheapest of equals, chosen without the rows `hold`."""
    chosen = {}
    for g in range(bins.max() + 1):
        member = bins == g
        spent = np.average(cost[member], axis=0, weights=weights[member])
        train = member.copy()
        if hold is not None:
            train[hold] = False
        value = np.average(accuracy[train], axis=0, weights=weights[train])
        for k, limit in enumerate(limits):
            able = [j for j in range(accuracy.shape[1]) if spent[j] <= limit * (1 + 1e-9) + 1e-12]
            if able:
                best = max(value[j] for j in able)
                chosen[g, k] = next(j for j in able if value[j] >= best - 1e-9)
    return chosen


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_leave_one_out_by_brute_force(seed):
    """With as many folds as problems the folds are no chance, and everything can be counted out."""
    rng = np.random.default_rng(seed)
    n, n_candidates = int(rng.integers(3, 7)), int(rng.integers(2, 6))
    bins = np.repeat([0, 1], n)
    accuracy = rng.integers(0, 4, (2 * n, n_candidates)) / 4  # many ties
    cost = np.sort(rng.integers(1, 9, (1, n_candidates)) * rng.integers(1, 3, (2 * n, 1)), axis=1).astype(float)
    limits = np.array([1.5, 4.0, 9.0])
    table = np.repeat(limits[None], 2, axis=0)
    used = np.zeros((3, 2 * n, n_candidates))
    clusters = np.arange(2 * n)
    order = np.argsort(cost.mean(axis=0), kind="stable")
    accuracy, cost = accuracy[:, order], np.ascontiguousarray(cost[:, order])
    accuracy = np.ascontiguousarray(accuracy)
    generator = np.random.default_rng(1)
    kernels.cross_fit(0, accuracy, cost, bins, clusters, 2 * n, table, n, 1, generator, used)
    ones = np.ones(2 * n)
    for i in range(2 * n):
        wanted = brute(accuracy, cost, bins, limits, ones, hold=i)
        for k in range(3):
            expected = np.zeros(n_candidates)
            if (bins[i], k) in wanted:
                expected[wanted[bins[i], k]] = 1
            assert used[k, i].tolist() == expected.tolist()
    weights = rng.exponential(size=(2, 2 * n))
    scored, others, total = np.zeros((2, 2, 3)), np.zeros((2, 2, 1)), np.zeros((2, 2))
    empty, one = np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    beside = rng.random((2 * n, 1))
    kernels.replicate(0, accuracy, cost, beside, bins, empty, one, clusters, 2 * n, table, n, weights, generator,
                      scored, others, total)  # fmt: skip
    for r in range(2):
        for g, k in product(range(2), range(3)):
            member = np.flatnonzero(bins == g)
            picks = [brute(accuracy, cost, bins, limits, weights[r], hold=i).get((g, k)) for i in member]
            if None in picks:
                assert np.isnan(scored[r, g, k])
            else:
                mine = [accuracy[i, j] for i, j in zip(member, picks, strict=True)]
                assert scored[r, g, k] == pytest.approx(np.average(mine, weights=weights[r][member]))
            assert others[r, g, 0] == pytest.approx(np.average(beside[member, 0], weights=weights[r][member]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_allocation_is_the_best_there_is(seed):
    """In sample, against a linear programme over all mixtures of candidates."""
    rng = np.random.default_rng(seed)
    n_candidates, n_groups = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    value, cost = (
        rng.random((n_groups, n_candidates)),
        np.sort(rng.integers(1, 20, (n_groups, n_candidates)).astype(float)),
    )
    share = rng.dirichlet(np.ones(n_groups))
    limit = float((share @ cost[:, 0]) + rng.random() * 10)
    answers = linprog(
        -(share[:, None] * value).ravel(),
        A_ub=[(share[:, None] * cost).ravel()], b_ub=[limit],
        A_eq=np.kron(np.eye(n_groups), np.ones(n_candidates)), b_eq=np.ones(n_groups), bounds=(0, 1),
    )  # fmt: skip
    left, right, part = (np.zeros((n_groups, 1), kind) for kind in (np.int64, np.int64, float))
    bucket = np.zeros((n_groups, n_candidates), dtype=np.int64)
    kernels.choose(2, value, cost, share, np.full((n_groups, 1), limit), bucket, left, right, part)
    if answers.status == 2:
        assert (left < 0).all()
        return
    rows = np.arange(n_groups)
    t, a, b = part[:, 0], left[:, 0], right[:, 0]
    found = share @ ((1 - t) * value[rows, a] + t * value[rows, b])
    assert found == pytest.approx(-answers.fun, abs=1e-7)
    assert share @ ((1 - t) * cost[rows, a] + t * cost[rows, b]) <= limit * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_in_sample_the_curve_never_falls_and_averages_beat_uniform_candidates(seed):
    rng = np.random.default_rng(seed)
    n = 24
    one = made(rng.random((n, 5)), costs={"completion_tokens": rng.integers(1, 40, (n, 5)).astype(float)})
    told = groups(8, 8, 8)
    by = candidates_of([one], told, ledger=TOKENS)
    limits = np.linspace(2, 60, 12)
    for per in ("problem", "mixed", "average"):
        found = optimise(by, limits, difficulty=told, per=per, **FEW).in_sample
        for curve in found[:1] if per == "average" else found:
            known = curve[~np.isnan(curve)]
            assert (np.diff(known) >= -1e-12).all()
    shared = optimise(by, limits, difficulty=told, per="average", **FEW).in_sample[0]
    means, costs = by.accuracy.mean(axis=0), by.cost.mean(axis=0)
    for k, limit in enumerate(limits):
        able = costs <= limit
        if able.any():
            assert shared[k] >= means[able].max() - 1e-9


def test_mixing_two_candidates_and_moving_compute_are_told_apart():
    told = groups(20, 20)
    by = candidates_of([TWO], told, ledger=GENERATIONS)
    found = [
        optimise(by, [3.0], difficulty=told, per=per, **FEW).means[0, 0] for per in ("problem", "mixed", "average")
    ]
    # .92 and .40; half way to the next in each; easy at 2, hard at 4.
    assert found == pytest.approx([0.66, (0.925 + 0.5) / 2, (0.92 + 0.60) / 2])


def test_ties_are_exact_whatever_the_fold():
    # 200 candidates that agree on every problem but for the last digits: nothing may be made of it.
    rng = np.random.default_rng(0)
    truth, biases = 0.6, []
    for _ in range(20):
        base = rng.beta(3, 2, (50, 1)) / 3
        noisy = base * 3 + rng.choice([-1e-13, 0, 1e-13], (50, 200))
        one = made(noisy, budgets=range(1, 201))
        found = optimise(candidates_of([one], ledger=GENERATIONS), [200.0], n_resamples=2)
        biases.append(found.means[0, 0] - one.accuracy.mean())
        assert found.left[0, 0] == 0  # the cheapest
    assert np.abs(biases).max() < 1e-9 and truth


def test_equal_candidates_are_scored_without_bias():
    rng = np.random.default_rng(0)
    inside, across = [], []
    for seed in range(150):
        one = made(rng.binomial(8, 0.5, (50, 100)) / 8, budgets=range(1, 101))
        found = optimise(candidates_of([one], ledger=GENERATIONS), [100.0], n_resamples=2, seed=seed)
        inside.append(found.in_sample[0, 0] - 0.5)
        across.append(found.means[0, 0] - 0.5)
    assert np.mean(inside) > 0.04 and abs(np.mean(across)) < 0.005


def test_dearer_answers_of_hard_problems_count():
    # 10 and 30 tokens an answer: at most 20 on average buys the easy group two answers, the hard one none.
    costs = {"completion_tokens": np.repeat([[10.0, 20.0, 40.0], [30.0, 60.0, 120.0]], 20, axis=0)}
    one = flat([(20, [0.90, 0.92, 0.93]), (20, [0.20, 0.40, 0.60])], costs=costs)
    told = groups(20, 20)
    by = candidates_of([one], told, ledger=TOKENS)
    found = optimise(by, [20.0, 40.0], difficulty=told, **FEW)
    assert found.means[1].tolist() == pytest.approx([0.92, 0.93]) and np.isnan(found.means[2, 0])
    assert found.means[2, 1] == pytest.approx(0.2) and np.isnan(found.means[0, 0])
    both = optimise(by, [20.0, 40.0], difficulty=told, per="average", **FEW)
    # 20 tokens more: the hard group's second answer for 15, and a sixth of its next two for 5.
    assert both.means[0] == pytest.approx([0.55, (0.9 + 0.4 + 0.2 / 6) / 2]) and both.costs[0] == pytest.approx(
        [20.0, 40.0]
    )


def test_limits_may_differ_by_group():
    told = groups(20, 20)
    by = candidates_of([TWO], told, ledger=GENERATIONS)
    found = optimise(by, [[1.0, 2.0], [4.0, 4.0]], difficulty=told, **FEW)
    assert found.means[1] == pytest.approx([0.90, 0.92]) and found.limits[0] == pytest.approx([2.5, 3.0])
    assert found.means[0] == pytest.approx([0.75, 0.76])


def test_two_halves_are_the_paper_s():
    told = groups(20, 20)
    by = candidates_of([TWO], told, ledger=GENERATIONS)
    assert optimise(by, [2.0], difficulty=told, folds=2, **FEW).means[0] == pytest.approx([0.66])


def test_problems_of_two_rows_stay_in_one_fold():
    # A problem whose two rows are told and scored on halves must not choose for itself.
    bins, clusters = np.tile([0, 1, 0, 1, 1, 0], 2), np.tile(np.arange(6), 2)
    rng, folds = np.random.default_rng(0), np.zeros(12, dtype=np.int64)
    for _ in range(50):
        kernels.deal_folds(bins, clusters, 6, 3, rng, folds)
        assert (folds[:6] == folds[6:]).all() and np.bincount(folds).tolist() == [4, 4, 4]


def test_told_and_scored_on_halves():
    rng = np.random.default_rng(0)
    first, second = (made(rng.binomial(8, 0.5, (60, 1)) / 8) for _ in range(2))
    told = told_on_halves(*(difficulty_of_ease(one.accuracy[:, 0], 3) for one in (first, second)))
    by = candidates_of([scored_on_halves(second, first)], told, ledger=GENERATIONS)
    assert by.n_problems == 60 and len(by.bins) == 120
    found = optimise(by, [1.0], difficulty=told, n_resamples=200)
    # Truly all alike: the bins show it (told and scored on the same samples they are apart by .35).
    assert found.means[1:, 0] == pytest.approx([0.5] * 3, abs=0.08)
    assert np.ptp(first.accuracy[difficulty_of_ease(first.accuracy[:, 0], 3).bins == 1]) < 1
    low, high = found.interval().low[0, 0], found.interval().high[0, 0]
    whole = optimise(candidates_of([first], ledger=GENERATIONS), [1.0], n_resamples=200).interval()
    assert high - low == pytest.approx(float(whole.high[0, 0] - whole.low[0, 0]), rel=0.35)


def test_replicates_cut_their_bins_anew():
    weights, ranked = np.array([4.0, 1.0, 1.0, 1.0, 1.0]), np.arange(5)
    bins = np.zeros(5, dtype=np.int64)
    kernels.cut_bins(weights, ranked, np.arange(6), 2, np.random.default_rng(0), bins)
    assert bins.tolist() == [0, 1, 1, 1, 1]
    first = set()
    for seed in range(30):  # equal ease: another order each time
        kernels.cut_bins(np.ones(4), ranked[:4].copy(), np.array([0, 4]), 2, np.random.default_rng(seed), bins[:4])
        first.add(tuple(bins[:4].tolist()))
    assert len(first) == 6


@pytest.mark.parametrize(
    ("cut", "ties", "moves"), [(2, "split", True), (2, "together", False), ((0.5,), "split", False)]
)
def test_bins_move_with_the_weights_where_they_are_shares_of_the_problems(cut, ties, moves):
    ease = np.linspace(1, 0, 40)
    told = difficulty_of_ease(ease, cut, ties=ties)
    assert told.bins.tolist() == [1] * 20 + [2] * 20
    by = candidates_of([made((ease > 0.5).astype(float)[:, None])], told, ledger=GENERATIONS)
    found = optimise(by, [1.0], difficulty=told, n_resamples=50)
    assert found.means[:, 0].tolist() == [0.5, 1, 0]
    # The easy bin is right and the hard one wrong, unless a heavy problem moves where one ends and the other begins.
    assert ((found.draws[:, 1:, 0].std(axis=0) > 1e-9) == moves).all()


def test_the_interval_covers_the_plan_s_true_accuracy():
    """30 candidates on 40 problems: what the candidate chosen on all of them is truly worth."""
    rng = np.random.default_rng(0)
    hits, runs = 0, 120
    truth = np.clip(0.55 + 0.05 * rng.normal(size=30), 0, 1)
    for seed in range(runs):
        shared, own = rng.normal(0, 0.15, (40, 1)), rng.normal(0, 0.1, (40, 30))
        one = made(np.clip(truth + shared + own, 0, 1), budgets=range(1, 31))
        found = optimise(candidates_of([one], ledger=GENERATIONS), [30.0], n_resamples=400, seed=seed)
        worth = truth[found.candidates.column[found.left[0, 0]]]
        low, high = found.interval().low[0, 0], found.interval().high[0, 0]
        hits += low <= worth <= high
    assert hits >= 110


def test_where_all_are_right_it_is_clopper_pearson():
    found = optimise(candidates_of([made(np.ones((40, 3)))], ledger=GENERATIONS), [4.0]).interval()
    assert float(found.low[0, 0]) == pytest.approx(0.912, abs=0.006) and found.high[0, 0] == 1


def test_policies_compete_and_who_lacks_a_fact_is_named():
    small, large, unknown = (
        made(np.tile(row, (20, 1)), costs={"completion_tokens": [10.0, 20.0, 40.0]},
             source=Source(policy=name, policy_model=ModelFacts(name, n_parameters=size)))
        for name, size, row in (("s", 10, [0.3, 0.4, 0.5]), ("l", 40, [0.45, 0.6, 0.7]), ("x", None, [1.0, 1.0, 1.0]))
    )  # fmt: skip
    by = candidates_of([small, large, unknown], ledger=ledger(unit="flops"))
    assert len(by) == 6 and "policy 'x' is left out" in by.notes[0]
    found = optimise(by, [200.0, 400.0, 800.0, 1600.0], **FEW)
    assert [found.candidates.of(j).source.policy for j in found.left[0]] == ["s", "s", "s", "l"]
    assert found.means[0] == pytest.approx([0.3, 0.4, 0.5, 0.6])


def test_the_ledger_decides_what_is_optimal():
    # The verifier is dear: charged, the vote wins.
    facts = {"policy": "p", "policy_model": ModelFacts("p", n_parameters=1)}
    free_reading = {"completion_tokens": [10.0, 20.0], "prm_tokens": [0.0, 0.0]}
    best = made([[0.3, 0.9]] * 20, costs={"completion_tokens": [10.0, 20.0], "prm_tokens": [10.0, 20.0]},
                source=Source(**facts, verifier="v", verifier_model=ModelFacts("v", n_parameters=28)))  # fmt: skip
    vote = made([[0.3, 0.6]] * 20, variant="majority_vote", costs=free_reading, source=Source(**facts))
    free = optimise(candidates_of([best, vote], ledger=ledger(unit="flops")), [40.0], **FEW)
    charged = optimise(candidates_of([best, vote], ledger=ledger(unit="flops", verifier=True)), [40.0], **FEW)
    assert (free.means[0, 0], charged.means[0, 0]) == pytest.approx((0.9, 0.6))


def test_probes_are_charged_where_anything_depends_on_them():
    told = replace(groups(20, 20), n_probes=8.0)
    charged = ledger(difficulty=True)
    assert (candidates_of([TWO], told, ledger=charged).cost[0] == [9, 10, 12]).all()
    reused = candidates_of([TWO], told, ledger=charged, bill=Bill(2, reused=True))
    assert (reused.cost[0] == [2, 2, 4]).all()
    beam = replace(TWO, strategy="beam_search", variant="beam_search (M=4)")
    both = candidates_of([TWO, beam], told, ledger=charged, bill=Bill(2, reused=True))
    assert (both.cost[0] == [2, 2, 4, 3, 4, 6]).all()
    # Who stops early draws fewer than the budget, and uses fewer probes again.
    early = replace(TWO, costs={"generations": np.tile([1.0, 1.5, 2.5], (40, 1))})
    few = candidates_of([early], told, ledger=charged, bill=Bill(2, reused=True))
    assert (few.cost[0] == [2, 2, 2.5]).all()
    assert (candidates_of([TWO], groups(40), ledger=charged, bill=Bill(8)).cost[0] == [1, 2, 4]).all()  # one bin
    assert (candidates_of([TWO], ledger=charged).cost[0] == [1, 2, 4]).all()
    with pytest.raises(RequestError, match="say how many samples told it"):
        candidates_of([TWO], groups(20, 20), ledger=charged)
    with pytest.raises(RequestError, match="compare a sampling strategy at budget 1"):
        candidates_of([beam], told, ledger=charged)


def test_unequal_pools_compare_the_same_problems_or_leave_out_the_budget():
    short = TWO.accuracy.copy()
    short[3, 2] = np.nan
    by = candidates_of([replace(TWO, accuracy=short)], ledger=GENERATIONS)
    assert len(by) == 2 and "at 4: 1 of 40 problems do not reach it" in by.notes[0]
    other = replace(TWO, variant="majority_vote", problem_ids=tuple(f"p{i}" for i in range(30, 70)))
    both = candidates_of([TWO, other], groups(20, 20), ledger=GENERATIONS)
    assert both.rows.tolist() == list(range(30, 40)) and (both.bins == 2).all()
    with pytest.raises(RequestError, match="no shared problems"):
        on_shared_rows([TWO, replace(TWO, problem_ids=tuple(f"q{i}" for i in range(40)))])


def test_what_cannot_be_asked_is_refused():
    by = candidates_of([TWO], ledger=GENERATIONS)
    for wrong, message in (
        ({"limits": [4.0, 1.0]}, "give them ascending"),
        ({"limits": []}, "no cost limit"),
        ({"per": "day"}, "unknown way to spend 'day'"),
        ({"folds": 1}, "at least 2 folds"),
    ):
        with pytest.raises(RequestError, match=message):
            optimise(by, **{"limits": [1.0], **wrong})
    with pytest.raises(RequestError, match="given twice"):
        candidates_of([TWO, TWO], ledger=GENERATIONS)
    with pytest.raises(RequestError, match="at least one"):
        candidates_of([], ledger=GENERATIONS)
    bound = replace(TWO, strategy="pass_at_k", variant="pass_at_k")
    both = optimise(candidates_of([TWO, bound], ledger=GENERATIONS), [1.0], **FEW)
    assert {both.candidates.of(j).strategy for j in range(len(both.candidates))} == {"best_of_n"}  # pass@k is no choice
    assert optimise(candidates_of([bound], ledger=GENERATIONS), [1.0], **FEW).means[0, 0]  # unless it is all there is


def test_bins_smaller_than_the_folds_leave_out_one_at_a_time():
    told = groups(3, 3)
    one = made(np.concatenate([np.tile([0.9, 0.92], (3, 1)), np.tile([0.2, 0.4], (3, 1))]))
    by = candidates_of([one], told, ledger=GENERATIONS)
    assert optimise(by, [2.0], difficulty=told, **FEW).means[0] == pytest.approx([0.66])
    with pytest.raises(RequestError, match="1 problem: choosing on some"):
        optimise(candidates_of([made([[0.5]])], ledger=GENERATIONS), [1.0])
    lone = groups(1, 3)
    with pytest.raises(RequestError, match="difficulty bin 1 holds 1 problems"):
        optimise(candidates_of([made(np.ones((4, 2)))], lone, ledger=GENERATIONS), [1.0])
    empty = difficulty_of_ease([0.9, 0.8, 0.7], (0.5, 0.1))
    with pytest.raises(RequestError, match="difficulty bin 2 holds 0 problems"):
        candidates_of([made(np.ones((3, 2)))], empty, ledger=GENERATIONS)


def test_default_limits():
    by = candidates_of([TWO], groups(20, 20), ledger=GENERATIONS)
    assert default_limits(by).tolist() == [1, 2, 4]
    costs = {"completion_tokens": np.repeat([[10.0, 20.0, 40.0], [30.0, 60.0, 120.0]], 20, axis=0)}
    limits = default_limits(candidates_of([replace(TWO, costs=costs)], groups(20, 20), ledger=TOKENS))
    assert limits[0] == 30 and limits[-1] == 120 and len(limits) > 20 and (np.diff(limits) > 0).all()


def test_the_same_seed_gives_the_same_and_another_nearly():
    told = difficulty_of_ease(np.random.default_rng(0).random(60), 3)
    one = made(np.random.default_rng(1).random((60, 6)))
    by = candidates_of([one], told, ledger=GENERATIONS)
    first, again, other = (optimise(by, [32.0], difficulty=told, n_resamples=300, seed=seed) for seed in (0, 0, 1))
    assert (first.draws == again.draws).all() and (first.means == again.means).all()
    assert other.means[0] == pytest.approx(first.means[0], abs=0.02) and (other.draws != first.draws).any()
