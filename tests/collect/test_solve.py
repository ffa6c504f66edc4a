"""New questions under a plan, with the lab's models: answers, what is kept, what is not drawn twice, and bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.predicting import Column
from ttclib.analysis.predictor import Predictor
from ttclib.errors import RequestError
from ttclib.problems import Problem, load_problems, new_questions
from ttclib.store import connect, load_pool

pytest.importorskip("torch")
from ttclib.collect import run
from ttclib.collect.engines import loading
from ttclib.collect.solve import check_solve, solve
from ttclib.config import load_config

POLICY, PRM = "lab-policy", "lab-prm"
PREDICTED = {"source": "predicted", "verifier": PRM, "aggregation": "last"}


@pytest.fixture
def config(tmp_path):
    return load_config("lab", store=str(tmp_path / "live.duckdb"))


def questions(n: int = 5) -> list[Problem]:
    return load_problems("lab:validation", limit=n)


def step(strategy: str, budget: int, **parameters) -> Step:
    reads = None if strategy in ("majority_vote", "adaptive_consistency") else PRM
    return Step(POLICY, strategy, strategy, budget, parameters=parameters, verifier=reads, aggregation="last")


def plan_of(*steps: Step, **more) -> Plan:
    cuts = (0.8,) * (len(steps) - 1)
    more = {"thresholds": cuts, "tied_shares": (None,) * len(cuts)} | more
    return Plan((99.0,), tuple(((one,),) for one in steps), Ledger(unit="generations"), **more)


def n_samples(store: Path) -> int:
    with connect(store) as con:
        return con.execute("SELECT count(*) FROM samples").fetchall()[0][0]


def test_probes_place_each_question_and_its_own_strategy_answers(config, monkeypatch):
    loaded = []
    real = loading._new_engine
    monkeypatch.setattr(loading, "_new_engine", lambda *given: loaded.append(given[0].name) or real(*given))
    stopping = step("adaptive_consistency", 6, threshold=0.9, prior="beta")
    plan = plan_of(step("weighted_best_of_n", 3), stopping, probes=2, reuse_probes=True, **PREDICTED)
    asked = questions(8)
    found = solve(plan, config, asked, window=2)
    assert [one.problem_id for one in found] == [one.problem_id for one in asked] and loaded == [POLICY]
    pool = load_pool(config.store)
    assert sum(one.n_samples for one in found) == n_samples(config.store) == pool.present.sum()
    scores = pool.verifier(PRM).by("last")
    for one in found:
        row = pool.problem_ids.index(one.problem_id)
        assert one.ease == pytest.approx(scores[row, :2].mean()) and one.bin == (1 if one.ease >= 0.8 else 2)
        assert one.cost == one.n_samples == pool.present[row].sum() <= 6 and one.correct is not None
        if one.bin == 1:
            assert (one.strategy, one.n_samples) == ("weighted_best_of_n", 3)
    reference = {one.problem_id: one.reference_answer for one in asked}
    assert all((one.answer == reference[one.problem_id]) == one.correct for one in found if one.answer is not None)
    before = n_samples(config.store)
    assert solve(plan, config, asked, window=2) == found and n_samples(config.store) == before


def test_what_was_killed_goes_on_to_the_same_answers(config, tmp_path, monkeypatch):
    plan = plan_of(step("best_of_n", 2), step("best_of_n", 5), probes=2, **PREDICTED)
    whole = solve(plan, config.model_copy(update={"store": tmp_path / "whole.duckdb"}), questions())
    score, calls = run.score, []

    def killed(*given, **more):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(*given, **more)

    monkeypatch.setattr(run, "score", killed)
    with pytest.raises(KeyboardInterrupt):
        solve(plan, config, questions())
    held = n_samples(config.store)
    assert held > 0
    assert solve(plan, config, questions()) == whole
    assert n_samples(config.store) == sum(one.n_samples for one in whole) >= held


def test_searches_and_questions_whose_text_tells(config):
    predictor = Predictor("question:metadata", 0.0, ((Column("number", "n_operations", 0.0), 0.2),))
    plan = plan_of(step("majority_vote", 2), step("beam_search", 4, beam_width=2), source="question:metadata",
                   predictor=predictor)  # fmt: skip
    asked = questions(4)  # of 2 … 5 operations
    found = solve(plan, config, asked)
    assert [one.ease for one in found] == pytest.approx([0.2 * one.metadata["n_operations"] for one in asked])
    assert [one.bin for one in found] == [1 if one.ease >= 0.8 else 2 for one in found]
    deep = [one for one in found if one.bin == 2]
    assert {one.strategy for one in deep} == {"beam_search"} and all(one.cost == 4 for one in deep)
    assert all(one.answer is not None and one.correct is not None for one in deep)
    assert solve(plan, config, asked) == found


def test_hidden_states_are_taken_first_and_paid(config):
    plan = plan_of(step("majority_vote", 1), step("majority_vote", 3), source="question:hidden",
                   predictor=Predictor("question:hidden", 0.9, hidden=(0.0,) * 64))  # fmt: skip
    plan = replace(plan, ledger=Ledger(unit="tokens"))
    with pytest.raises(RequestError, match=r"hidden states of width \d+, the plan's predictor reads 64"):
        solve(plan, config, questions(2))
    with connect(config.store) as con:
        width = len(con.execute("SELECT hidden FROM features").fetchall()[0][0]) // 2
    plan = replace(plan, predictor=Predictor("question:hidden", 0.9, hidden=(0.0,) * width))
    found = solve(plan, config, questions(2))
    pool = load_pool(config.store)
    for one in found:
        row = pool.problem_ids.index(one.problem_id)
        assert one.bin == 1 and one.cost == pool.completion_tokens[row, 0] + pool.prompt_tokens[row]


def test_revision_chains_answer_too(tmp_path):
    config = load_config("lab-revision", store=str(tmp_path / "live.duckdb"))
    verifier = config.revision.verifier
    model = config.revision.model or config.policy
    parameters = {"ratio": 1.0, "selection": "hierarchical" if verifier else "majority"}
    own = Step(model.name, "revisions", "revisions (ratio 1)", 4, parameters=parameters,
               verifier=None if verifier is None else verifier.name, aggregation="last")  # fmt: skip
    found = solve(plan_of(own), config, questions(2))
    assert all(one.cost == 4 and one.n_samples == 0 and one.answer is not None for one in found)
    assert solve(plan_of(own), config, questions(2)) == found


def test_questions_without_answers_are_answered_and_not_graded(config, tmp_path):
    path = tmp_path / "asked.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": one.prompt}) for one in questions(2)))
    found = solve(plan_of(step("majority_vote", 3)), config, new_questions(path))
    assert all(one.answer is not None and one.correct is None for one in found)
    assert load_pool(config.store).benchmark == "asked"


COLD = replace(step("majority_vote", 2), setting={"temperature": 0.3})
HARD = plan_of(step("best_of_n", 2), step("best_of_n", 4), probes=2, **PREDICTED)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plan_of(replace(step("majority_vote", 2), policy="other")), "runs 'other', the configuration 'lab-policy'"),
        (plan_of(replace(step("best_of_n", 2), verifier="orm")), r"\[prm\] of the configuration names 'lab-prm'"),
        (plan_of(COLD), "made with temperature = 0.3, the configuration draws with 1:"),
        (replace(HARD, source="oracle"), "right answers, which a new question lacks"),
        (replace(HARD, source="question"), "has no predictor: export it again"),
        (plan_of(step("revisions", 4)), r"add a section \[revision\]"),
        (plan_of(replace(step("dvts", 4), verifier="other")), r"guided by 'other', and \[prm\] names 'lab-prm'"),
        (plan_of(step("pass_at_k", 4)), "needs the right answer"),
    ],
)  # fmt: skip
def test_a_plan_that_does_not_fit_is_refused_before_anything_is_drawn(config, plan, message):
    with pytest.raises(RequestError, match=message) as told:
        solve(plan, config, questions(1))
    assert "\n" not in str(told.value) and not config.store.exists()


def test_a_question_of_another_benchmark_is_refused(config):
    solve(plan_of(step("majority_vote", 1)), config, questions(1))
    elsewhere = [replace(one, benchmark="mine") for one in questions(1)]
    with pytest.raises(RequestError, match="under benchmark 'lab': give --benchmark lab"):
        check_solve(plan_of(step("majority_vote", 1)), config, elsewhere, 99.0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no question"),
        ([{"question": "1+1"}], "lacks the field 'prompt'"),
        ([{"prompt": "  "}], "'prompt' is empty"),
        ([{"prompt": "1+1"}, {"prompt": " 1+1 "}], "line 2: the same question stands in line 1"),
        ([{"prompt": "1", "problem_id": "a"}, {"prompt": "2", "problem_id": "a"}], "problem_id 'a' stands in line 1"),
        (["x"], "line 1 is no JSON object"),
    ],
)  # fmt: skip
def test_bad_questions_are_named_by_their_line(tmp_path, lines, message):
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RequestError, match=message) as told:
        new_questions(path)
    assert "\n" not in str(told.value)


def test_the_best_scored_sample_is_the_one_that_is_handed_on(config):
    found = solve(plan_of(step("best_of_n", 4)), config, questions(6))
    pool = load_pool(config.store)
    best = np.argmax(pool.verifier(PRM).by("last"), axis=1)
    for one in found:
        row = pool.problem_ids.index(one.problem_id)
        assert one.correct == bool(pool.correct[row, best[row]])
