"""What is compared: one rule, checked against the store's own arrays; what is left out is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.builders import add_chains, build_store
from tests.show.stores import make_store
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.strategy import strategies
from ttclib.store import absorb, load_pool, write_part
from ttclib.study.compared import enough_problems
from ttclib.study.question import question
from ttclib.study.study import Study
from ttclib.study.study import open as open_study

POOL = ["pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n"]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """20 problems, of which the first 8 have chains."""
    return add_chains(build_store(tmp_path_factory.mktemp("compared") / "s.duckdb"), n_problems=8)


@pytest.fixture(scope="module")
def study(store) -> Study:
    return open_study(store, "policy")


@pytest.mark.parametrize(
    ("n_problems", "enough"), [(1, 1), (7, 7), (50, 50), (99, 50), (100, 50), (101, 51), (250, 125)]
)
def test_half_of_the_problems_and_fifty(n_problems, enough):
    assert enough_problems(n_problems) == enough
    assert enough >= n_problems / 2 and enough >= min(50, n_problems)


def test_named_strategies_are_on_the_problems_that_all_hold(study):
    one = study.compared(question(strategies=["best_of_n", "revisions"]))
    assert one.problem_ids == tuple(f"p{number:03d}" for number in range(8)) and one.n_problems == 20
    assert all(outcome.problem_ids == one.problem_ids for outcome in one.outcomes)
    assert one.line() == "8 of 20 problems, those that all of these strategies hold"
    alone = study.compared(question(strategies=["best_of_n"]))
    assert len(alone.problem_ids) == 20 and alone.line() == ""
    # The part of the problems is the same numbers, not others.
    np.testing.assert_array_equal(one.named("best_of_n").accuracy, alone.named("best_of_n").accuracy[:8])


def test_unasked_what_half_hold_is_compared_and_the_rest_is_said(study):
    found = study.compared(question())
    assert len(found.problem_ids) == 20 and {one.strategy for one in found.outcomes} >= set(POOL)
    assert all(strategies()[one.strategy].reads == "pool" for one in found.outcomes)
    line = found.line()
    assert (
        "revisions" in line
        and "held on 8 of 20 problems" in line
        and "beam search, " in line
        and "(not collected)" in line
    )


def test_each_on_its_own_problems(study):
    found = study.compared(question(strategies=["best_of_n", "revisions"], problems="own"))
    assert {one.strategy: len(one.problem_ids) for one in found.outcomes} == {"best_of_n": 20, "revisions": 8}
    curves = study.replay(strategies=["best_of_n", "revisions"], problems="own", bins=2, told="same")
    sizes = {(row["strategy"], row["bin"]): row["n_problems"] for row in curves.frame.to_dicts()}
    assert sizes["best_of_n", 1] == sizes["best_of_n", 2] == 10
    assert sizes["revisions", 1] + sizes["revisions", 2] == 8
    assert "problems of their own" in " ".join(
        study.replay(strategies=["best_of_n", "revisions"], problems="own", bins=2).notes
    )


def test_problems_that_were_revised(study):
    found = study.compared(question(strategies=["best_of_n"], problems="revised"))
    assert len(found.problem_ids) == 8 and found.n_problems == 8


def test_budgets_of_unequal_pools_are_answered_where_they_are_held(tmp_path):
    store = build_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4)
    key = {"policy": "policy", "setting": "abc"}
    more = [{**key, "problem_id": "p000", "sample_index": index} for index in range(4, 8)]
    write_part(store, "samples", more)
    write_part(store, "grades", [{**row, "grader": "given", "correct": True} for row in more])
    absorb(store)
    study = open_study(store)
    assert study.compared(question(strategies=["pass_at_k"])).outcomes[0].budgets == (1, 2, 4)
    larger = study.compared(question(strategies=["pass_at_k"], budgets=[1, 8]))
    assert larger.problem_ids == ("p000",) and larger.line().startswith("1 of 4 problems")
    with pytest.raises(RequestError, match="budget 9 is out of range"):
        study.compared(question(strategies=["pass_at_k"], budgets=[9]))


def test_a_budget_that_nothing_holds_is_refused_with_its_command(study):
    with pytest.raises(NotInStore, match="at most 4 chains of 4 answers"):
        study.compared(question(strategies=["revisions"], budgets=[64]))
    some = study.compared(question(strategies=["revisions"], budgets=[4, 64]))  # one of several fails no other
    assert some.outcomes[0].budgets == (4,) and "at N = 64 (not collected)" in some.line()
    assert "ttc revise CONFIG" in some.line()
    found = study.compared(question(strategies=["revisions"], budgets=[4, 64], lacking="leave out"))
    assert found.outcomes[0].budgets == (4,) and "at N = 64 (not collected)" in found.line()


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"strategies": ["rebase"]}, NotInStore, "ttc search"),
        ({"strategies": ["best_of_n"], "verifier": "orm"}, RequestError, "holds no orm scores"),
        ({"verifier": "rpm"}, RequestError, "unknown verifier 'rpm': did you mean 'prm'"),
        ({"strategies": ["revisions"], "reviser": "nobody"}, RequestError, "nobody"),
    ],
)
def test_what_is_named_and_not_held_is_refused_and_where_it_may_be_left_out(study, values, error, said):
    with pytest.raises(error, match=said):
        study.compared(question(**values))


def test_what_may_be_left_out_is_left_out_and_said(study):
    found = study.compared(question(strategies=["majority_vote", "rebase"], lacking="leave out"))
    assert [one.strategy for one in found.outcomes] == ["majority_vote"]
    assert found.line() == "left out: REBASE (not collected)"
    with pytest.raises(RequestError, match="holds none of rebase for policy 'policy': REBASE \\(not collected\\)"):
        study.compared(question(strategies=["rebase"], lacking="leave out"))


def test_budgets_beyond_a_pool_leave_out_themselves_alone(study):
    found = study.compared(question(strategies=["pass_at_k"], budgets=[1, 3, 99], lacking="leave out"))
    assert found.outcomes[0].budgets == (1, 3)
    assert found.line() == "left out: N = 99 (more samples than some problems have)"


def test_searches_of_some_problems_are_compared_on_these(tmp_path):
    """Half of the problems were searched: unasked they are compared on it, as good a share as is wanted."""
    store = make_store(tmp_path / "s.duckdb", n_problems=6, n_samples=4, search=True)
    extra = [
        {"policy": "small", "problem_id": f"x{row}", "setting": "s", "sample_index": column}
        for row in range(3) for column in range(4)
    ]  # fmt: skip
    write_part(store, "samples", [{**one, "completion": "line\n#1", "step_tokens": [2, 2]} for one in extra])
    write_part(store, "scores", [{**one, "verifier": "tiny-prm", "step_scores": [0.4, 0.6]} for one in extra])
    write_part(store, "grades", [{**one, "grader": "exact", "answer_class": 1, "correct": True} for one in extra])
    absorb(store)
    study = open_study(store)
    asked = question(strategies=["best_of_n", "beam_search"], budgets=[4], beam_width=2)
    found = study.compared(asked)
    assert found.problem_ids == tuple(f"p{row:02d}" for row in range(6))
    assert len(study.compared(question(strategies=["best_of_n"], problems="searched")).problem_ids) == 6
    assert found.named("beam_search").budgets == (4,) and "6 of 9 problems" in found.line()


def test_samples_without_a_score_are_said(store, tmp_path):
    part = build_store(tmp_path / "s.duckdb", n_problems=3, n_samples=4, absorbed=False)
    key = {"policy": "policy", "problem_id": "p000", "setting": "abc", "sample_index": 4}
    write_part(part, "samples", [{**key, "completion_tokens": 50}])
    write_part(part, "grades", [{**key, "grader": "given", "correct": True}])
    absorb(part)
    study = open_study(part)
    said = "1 of 13 samples have no prm score: best-of-N ranks them last, no vote counts them"
    assert study.replay(strategies=["best_of_n"], budgets=[2]).notes == (said,)
    assert study.replay(strategies=["majority_vote"], budgets=[2]).notes == ()


def test_curves_are_means_over_the_problems_compared(study, store):
    pool = load_pool(store, policy="policy")
    frame = study.replay(strategies=["pass_at_k"], budgets=[4, 1]).frame
    assert frame["budget"].to_list() == [4, 1]  # in the order asked
    c, n = pool.correct.sum(axis=1), 16
    fail = np.ones(len(c))
    for draw in range(4):
        fail *= np.clip(n - c - draw, 0, None) / (n - draw)
    assert frame["accuracy"].to_list() == pytest.approx([(1 - fail).mean(), (c / n).mean()])
    assert frame["tokens"][1] == pytest.approx(np.nanmean(pool.completion_tokens))
    assert set(frame["n_samples"]) == {320}
    shown = study.replay(question(strategies=["pass_at_k"]), at=[2]).frame
    assert shown["budget"].to_list() == [2]
    with pytest.raises(RequestError, match="budget 3 is not held"):
        study.replay(question(strategies=["pass_at_k"], budgets=[1, 2]), at=[3])


def test_samples_behind_a_row_are_those_of_its_own_kind(study):
    rows = study.replay(strategies=["best_of_n", "revisions"], budgets=[4]).frame.to_dicts()
    assert {row["strategy"]: row["n_samples"] for row in rows} == {"best_of_n": 8 * 16, "revisions": 8 * 4 * 4}


def test_two_policies_are_told_apart(tmp_path):
    store = make_store(tmp_path / "s.duckdb", n_problems=6, n_samples=4, larger=True)
    found = open_study(store, ["small", "large"]).compared(question(strategies=["majority_vote"]))
    assert [one.variant for one in found.outcomes] == ["small: majority_vote", "large: majority_vote"]
    alone = open_study(store, "large").compared(question(strategies=["majority_vote"]))
    np.testing.assert_array_equal(found.outcomes[1].accuracy, alone.outcomes[0].accuracy)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"strategies": []}, "no strategy is named"),
        ({"bins": 0}, "0 bins: give at least 1"),
        ({"bins": 2, "thresholds": [0.5]}, "give one of them"),
        ({"budgets": [0]}, "budget 0: give at least 1"),
        ({"length_cap": 0}, "length cap 0: give at least 1 token"),
        ({"aggregation": "max"}, "unknown aggregation 'max'"),
        ({"difficulty": "orcle"}, "did you mean 'oracle'"),
        ({"told": "half"}, "did you mean 'halves'"),
        ({"problems": "all"}, "unknown problems 'all'"),
        ({"lacking": "ignore"}, "unknown way with what is lacking 'ignore'"),
        ({"beam_wdith": 4}, "did you mean 'beam_width'"),
        ({"parameters": {"width": (4,)}}, "unknown parameter of a strategy 'width'"),
    ],
)
def test_a_question_that_cannot_be_is_refused(values, said):
    with pytest.raises(RequestError, match=said):
        question(**values)


def test_two_questions_are_one_where_all_is_equal():
    assert question(budgets=[1, 4], beam_width=4).key() == question(beam_width=[4], budgets=(1, 4)).key()
    assert question(beam_width=4).key() != question(beam_width=2).key() and question().key() != question(bins=2).key()
    assert question(strategies=["best_of_n", "pass_at_k"]).named == ("pass_at_k", "best_of_n")
    assert (
        set(question().named) < set(strategies()) and question(strategies=["rebase"]).refuses and not question().refuses
    )
