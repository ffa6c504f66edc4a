"""A plan on one question, step by step; what it spent; and what is forecast of many, against known truths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ttclib
from tests.builders import make_pool
from ttclib.analysis.forecast import LiveRuns, forecast, live_runs
from ttclib.analysis.ledger import Ledger, ledger
from ttclib.analysis.live import ANSWER, COLLECT, DRAW, TELL, State, spent
from ttclib.analysis.plan import PLAN_PROBES, Plan
from ttclib.analysis.plan_step import Step
from ttclib.errors import RequestError
from ttclib.replay.strategies.whole_samples import sampling_costs


def step(strategy="majority_vote", budget=4, **more) -> Step:
    return Step("policy", strategy, strategy, budget, **more)


def plan_of(*bins, limits=(4.0,), unit="generations", **more) -> Plan:
    """A plan of one step a bin and limit."""
    cuts = tuple(np.linspace(0.8, 0.2, len(bins) - 1).tolist()) if len(bins) > 1 else ()
    rows = tuple(tuple((one,) for _ in limits) for one in bins)
    return Plan(tuple(limits), rows, Ledger(unit=unit), thresholds=cuts, tied_shares=(None,) * len(cuts), **more)


PREDICTED = {"source": "predicted", "verifier": "prm", "aggregation": "last"}


@pytest.mark.parametrize("reused", [True, False])
def test_probes_come_first_and_place_the_question(reused):
    plan = plan_of(step(budget=2), step("best_of_n", 8, verifier="prm"), probes=3, reuse_probes=reused, **PREDICTED)
    state = State(4)
    assert (plan.next(state).kind, plan.next(state).n) == (DRAW, 3)
    easy = state.drew(["a", "b", "a"], [0.9, 0.8, 0.7])
    hard = state.drew(["a", "b", None], [0.1, None, 0.3])
    on_easy, on_hard = plan.next(easy), plan.next(hard)
    assert (on_easy.bin, on_hard.bin) == (1, 2) and on_hard.ease == pytest.approx(0.2)
    if reused:  # two of the three are enough, and of the eight five are lacking
        assert on_easy.kind == ANSWER and (on_easy.first, on_easy.n) == (0, 2)
        assert (on_hard.kind, on_hard.n) == (DRAW, 5)
    else:
        assert (on_easy.kind, on_easy.n, on_hard.n) == (DRAW, 2, 8)
        found = plan.next(easy.drew(["c", "c"], [0.1, 0.1]))
        assert found.selection.answer == "c" and found.selection.index in (3, 4)
    done = hard.drew(["z"] * 8, [0.5] * 7 + [0.6])
    assert plan.next(done).selection.answer == "z" and done.batches == (3, 8)


def test_a_rule_is_asked_after_every_window_and_answers_with_what_it_stopped_at():
    plan = plan_of(step("adaptive_consistency", 8, parameters={"threshold": 0.9, "prior": "beta"}))
    state = State(4, window=4)
    assert plan.next(state).n == 4
    found = plan.next(state.drew(["a", "a", "a", "b"]))
    assert (found.kind, found.n, found.selection.answer, found.selection.share) == (ANSWER, 3, "a", 1.0)
    unsure = state.drew(["a", "b", "a", "b"])
    assert plan.next(unsure).n == 4 and plan.next(replace(unsure, window=3)).n == 2
    assert plan.next(unsure.drew(["b"] * 4)).n == 8  # six against two: .91; five against two: .855
    windows = plan_of(step("early_stopping_consistency", 7, parameters={"window": 3}))
    assert [windows.next(State(4).drew(list(drawn))).n for drawn in ("", "aab", "aabaab")] == [3, 3, 1]
    assert plan.stopping == {"adaptive_consistency": {"threshold": 0.9, "prior": "beta"}}


def test_the_question_tells_or_a_search_is_asked_for():
    by_text = plan_of(step(), step("dvts", 16), source="question:text")
    assert by_text.next(State(4)).kind == TELL and by_text.n_told_by == 0
    assert by_text.next(State(4, ease=0.9)).kind == DRAW
    deep = by_text.next(State(4, ease=0.1))
    assert (deep.kind, deep.n, deep.step.strategy) == (COLLECT, 16, "dvts")
    assert plan_of(step(), step(), **PREDICTED).n_told_by == PLAN_PROBES and plan_of(step()).n_told_by == 0


def test_mixed_choices_come_in_their_shares_and_nobody_scored_is_hard():
    mixed = Plan((2.0,), (((step(budget=1, share=0.25), step(budget=2, share=0.75)),),), Ledger(unit="generations"))
    sizes = [mixed.next(State(2, seed=seed)).n for seed in range(2000)]
    assert np.mean([size == 1 for size in sizes]) == pytest.approx(0.25, abs=0.03)
    plan = plan_of(step(budget=1), step(budget=4), probes=2, **PREDICTED)
    assert plan.next(State(4).drew(["a", "b"], [None, float("nan")])).bin == 2


@pytest.mark.parametrize(
    ("plan", "state", "message"),
    [
        (plan_of(step(), step(), source="oracle"), State(4), "right answers, which a new question lacks"),
        (plan_of(step(), step(), probes=1, **PREDICTED), State(4, ("a",)), "verifier's scores, and there are none"),
        (plan_of(step(), step(), probes=0, **PREDICTED), State(4), "draws 0 of them"),
        (plan_of(step("best_of_n")), State(4, ("a",) * 4), "best_of_n reads a verifier's scores"),
        (plan_of(step("first_above")), State(4, ("a",) * 4), "first_above reads a verifier's scores"),
        (plan_of(step("pass_at_k")), State(4), "needs the right answer"),
        (plan_of(step("best_of_m")), State(4), "best_of_m"),
        (plan_of(step()), State(3), "smallest limit is 4"),
    ],
)
def test_what_cannot_go_on_is_said_in_a_line(plan, state, message):
    with pytest.raises(RequestError, match=message) as told:
        plan.next(state)
    assert "\n" not in str(told.value)


def test_what_was_spent_is_what_replay_says_of_all_samples():
    rng = np.random.default_rng(0)
    pool = make_pool(rng.integers(0, 2, (3, 6)), completion_tokens=rng.integers(5, 50, (3, 6)).astype(float))
    verifier = pool.verifier()
    verifier = replace(verifier, prm_tokens=rng.integers(5, 50, (3, 6)).astype(float))
    told = sampling_costs(pool, [6], verifier)
    at_once = spent(pool, [(6,)] * 3, verifier)
    for name, table in told.items():
        assert at_once.costs[name] == pytest.approx(table), name
    parts = spent(pool, [(2, 4), (1,) * 6, ()], verifier)
    lengths = pool.completion_tokens
    waits = [lengths[0, :2].max() + lengths[0, 2:].max(), lengths[1].sum(), 0]
    assert parts.costs["serial_tokens"][:, 0].tolist() == pytest.approx(waits)
    assert parts.costs["completion_tokens"][:, 0].tolist() == pytest.approx([lengths[0].sum(), lengths[1].sum(), 0])


@pytest.mark.parametrize("strategy", ["majority_vote", "best_of_n", "weighted_best_of_n", "adaptive_consistency"])
def test_live_runs_come_on_average_to_what_is_replayed(strategy):
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 3, (40, 12))
    pool = make_pool(ids == 0, answer_ids=ids, scores=rng.integers(1, 5, ids.shape) / 5)
    verifier = pool.verifier()
    plan = plan_of(step(strategy, 5, verifier="prm"), limits=(5.0,))
    runs = live_runs(plan, pool, 5.0, verifier=verifier, n_runs=150, window=1)
    how = ttclib.strategies()[strategy]()
    told = how.replay(pool, [5], verifier=verifier if how.reads_scores else None)
    error = runs.accuracy.std() / np.sqrt(runs.accuracy.size)
    assert runs.accuracy.mean() == pytest.approx(told.accuracy.mean(), abs=5 * error)
    drawn = told.costs["generations"].mean()
    assert runs.cost.mean() == pytest.approx(drawn, abs=5 * runs.cost.std() / np.sqrt(runs.cost.size) + 1e-12)


def test_the_interval_holds_as_often_as_it_says_in_a_known_world():
    plan, held, wide = plan_of(step()), [], []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        ease, new = rng.beta(0.8, 0.8, 60), rng.beta(0.8, 0.8, 25)
        cost = rng.gamma(2, 10, (60, 20)) * (2 - ease[:, None])
        runs = LiveRuns(np.repeat(ease[:, None], 20, axis=1), cost, cost, np.ones((60, 20), int))
        told = forecast(plan, runs, 25, 4.0, n_replicates=400, seed=seed)
        held.append(told.holds((rng.random(25) < new).mean(), (rng.gamma(2, 10, 25) * (2 - new)).mean()))
        wide.append((told.accuracy[2] - told.accuracy[1], told.cost[2] - told.cost[1]))
    share = np.mean(held, axis=0)
    assert (share > 0.9).all()  # of 120 at 95 %, less three errors
    by_formula = 2 * 1.96 * 0.5 * np.sqrt(1 / 60 * 0.61 + 1 / 25)  # spread of a beta's mean, and of 25 coin tosses
    assert np.mean(wide, axis=0)[0] == pytest.approx(by_formula, rel=0.15)


def test_all_right_is_no_promise():
    ones = np.ones((30, 2))
    told = forecast(plan_of(step()), LiveRuns(ones, ones, ones, ones.astype(int)), 50, 4.0)
    assert told.accuracy[0] == told.accuracy[2] == 1 and 0.8 < told.accuracy[1] < 1 and told.cost == (1, 1, 1)
    with pytest.raises(RequestError, match="0 new problems"):
        forecast(plan_of(step()), LiveRuns(ones, ones, ones, ones.astype(int)), 0, 4.0)
    with pytest.raises(RequestError, match="graded problems, and 0 are held"):
        forecast(plan_of(step()), LiveRuns(ones * np.nan, ones, ones, ones.astype(int)), 5, 4.0)


def test_an_answer_without_a_grade_is_wrong_where_its_problem_has_some_and_unknown_where_it_has_none():
    pool = make_pool([[1, np.nan, np.nan, np.nan], [np.nan] * 4], answer_ids=[[0, 1, 2, 3], [0, 1, 2, 3]])
    runs = live_runs(plan_of(step("majority_vote", 1), limits=(1.0,)), pool, 1.0, n_runs=200)
    assert runs.accuracy[0].mean() == pytest.approx(0.25, abs=0.12) and set(runs.accuracy[0]) == {0.0, 1.0}
    assert np.isnan(runs.accuracy[1]).all()


def test_a_pool_that_is_too_small_is_named():
    pool = make_pool([[1, 0]] * 3)
    with pytest.raises(RequestError, match="problem 'p0' holds 2 samples, and the plan draws 4"):
        live_runs(plan_of(step()), pool, 4.0)


def test_a_plan_that_reads_two_verifiers_is_refused():
    plan = plan_of(step("best_of_n", verifier="a"), step("best_of_n", verifier="b"))
    with pytest.raises(RequestError, match=r"scores of a \(last\), b \(last\)"):
        _ = plan.reads
    assert plan_of(step()).reads == (None, "last") and ledger().unit == "generations"
