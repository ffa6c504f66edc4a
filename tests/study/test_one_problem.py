"""One problem, told: what each strategy takes, held against the replay of the whole pool."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ttclib
from tests.show.stores import make_counts, make_store
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.show.one_problem import one_problem_html
from ttclib.study.one_problem import PICKING, SEARCH, UNANSWERED, _ends, tell_one
from ttclib.study.question import question
from ttclib.study.study import Study

EVIL = "<script>window.__ran = 1</script><img src=x onerror='window.__ran = 2'>\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    store = make_store(tmp_path_factory.mktemp("told") / "s.duckdb", n_samples=8, search=True)
    return ttclib.open(store)


@pytest.mark.parametrize("aggregation", ["last", "min"])
def test_what_is_taken_is_right_as_often_as_the_replay_says_on_every_problem(study: Study, aggregation: str) -> None:
    asked = question(aggregation=aggregation)
    outcomes = {
        one.strategy: one
        for names, sizes in ((PICKING, [8]), ((SEARCH,), None))
        for one in study.replay(strategies=names, budgets=sizes, aggregation=aggregation, problems="own").outcomes
    }
    for row, name in enumerate(study.pool.problem_ids):
        found = tell_one(study, asked, name)
        assert [way.strategy for way in found.ways] == [*PICKING, SEARCH]
        assert found.n_samples == 8 and found.n_right == study.pool.n_correct[row]
        for way in found.ways:
            one = outcomes[way.strategy]
            column = one.budgets.index(way.budget)
            assert way.right == pytest.approx(one.accuracy[one.problem_ids.index(name), column])
            assert way.whole[0] == pytest.approx(np.nanmean(one.accuracy[:, column]))


def test_the_problem_is_one_on_which_they_disagree_most_evenly(study: Study) -> None:
    found = tell_one(study, question())
    every = {name: tell_one(study, question(), name) for name in study.pool.problem_ids}
    even = {name: abs(np.mean([way.right for way in one.ways]) - 0.5) for name, one in every.items()}
    assert even[found.problem_id] == pytest.approx(min(even.values()))
    if min(even.values()) < 0.5:
        assert "disagree most evenly" in found.why
    ease = study.pool.correct.mean(axis=1)
    same = [abs(ease[row] - 0.5) for row, name in enumerate(study.pool.problem_ids)
            if even[name] == pytest.approx(even[found.problem_id])]  # fmt: skip
    assert abs(ease[study.pool.problem_ids.index(found.problem_id)] - 0.5) == pytest.approx(min(same))


def test_groups_hold_every_sample_once_the_most_frequent_first(study: Study) -> None:
    found = tell_one(study, question())
    assert sorted(column for group in found.groups for column in group.columns) == list(range(8))
    sizes = [len(group.columns) for group in found.groups if group.number >= 0]
    assert sizes == sorted(sizes, reverse=True)


def test_pictures_have_the_same_dots_and_no_text_runs(study: Study) -> None:
    found = tell_one(study, question())
    html = one_problem_html(found)
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) == len(found.ways) + 2
    dots = [re.findall(r'c[xy]="([\d.]+)"', "".join(re.findall(r'<g class="row.*?</g>', one))) for one in pictures[:-1]]
    assert all(one == dots[0] for one in dots) and len(dots[0]) == 2 * 8
    evil = replace(found, prompt=EVIL, groups=tuple(replace(group, answer=EVIL) for group in found.groups))
    html_of_evil = one_problem_html(evil)
    assert "<script>" not in html_of_evil and "<img" not in html_of_evil and "&lt;script&gt;" in html_of_evil
    for way in found.ways:
        assert f"{way.whole[0] * 100:.1f}%" in pictures[-1]
    for verdict in re.findall(r"It takes .*?: (right|wrong)", html):
        assert verdict in ("right", "wrong")
    right = [way.right for way in found.ways if way.right in (0.0, 1.0)]
    assert re.findall(r"<figcaption><b>[^<]*</b>[^<]*: (right|wrong)\.</figcaption>", html) == [
        "right" if one else "wrong" for one in right
    ]


def test_without_scores_and_search_the_vote_alone_is_told(tmp_path: Path) -> None:
    found = tell_one(
        ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=3, n_samples=4, scored=False)), question()
    )
    assert [way.strategy for way in found.ways] == ["majority_vote"] and np.isnan(found.scores).all()
    assert one_problem_html(found).count("<svg") == 3


def test_what_cannot_be_told_is_said(tmp_path: Path, study: Study) -> None:
    with pytest.raises(RequestError, match="holds counts of"):
        tell_one(ttclib.open(make_counts(tmp_path / "c.duckdb")), question())
    one = ttclib.open(make_store(tmp_path / "one.duckdb", n_problems=2, n_samples=1))
    with pytest.raises(RequestError, match="one sample a problem"):
        tell_one(one, question())
    with pytest.raises(RequestError, match="unknown problem 'p-none'"):
        tell_one(study, question(), "p-none")


def test_answers_are_told_as_they_were_given_and_none_as_none(tmp_path: Path) -> None:
    lines = [
        {"problem_id": "p", "policy": "m", "sample_index": index, "answer": answer, "correct": answer == "7"}
        for index, answer in enumerate([None, "8", "7", None, "7", None])
    ]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(tmp_path / "s.jsonl", tmp_path / "s.duckdb")
    groups = tell_one(ttclib.open(tmp_path / "s.duckdb"), question()).groups
    assert [(one.answer, one.correct, one.columns) for one in groups] == [
        ("7", True, (2, 4)),
        ("8", False, (1,)),
        (UNANSWERED, False, (0, 3, 5)),
    ]
    assert {one.number for one in groups} == {-1, 0, 1}


def test_a_problem_that_was_searched_less_is_told_by_its_largest_whole_search(tmp_path: Path) -> None:
    """Where the replay has a budget that one problem does not hold, that problem's story is of the one below."""
    partly = ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=6, n_samples=16, search=True, uneven=True))
    (one,) = partly.replay(strategies=(SEARCH,), problems="own").outcomes
    offered = SimpleNamespace(budgets=(4, 8, 16), source=one.source)
    first, second = partly.pool.problem_ids[:2]
    (half, ends), (whole, others) = (_ends(partly, question(), offered, name) for name in (first, second))
    assert (half, len(ends)) == (8, 8) and (whole, len(others)) == (16, 16)
    right = one.accuracy[one.problem_ids.index(first), one.budgets.index(8)]
    chosen = {end.answer_class: 0.0 for end in ends}
    for end in ends:
        chosen[end.answer_class] += end.score
    taken = max(chosen, key=lambda answer: chosen[answer])
    assert right == float(next(end.correct for end in ends if end.answer_class == taken) == 1)
    told = tell_one(partly, question(), first)
    (way,) = (way for way in told.ways if way.strategy == SEARCH)
    assert way.budget == 8 and way.right == right and "at N = 8" in one_problem_html(told)
    # None of the budgets is held: nothing is drawn, and the largest is named.
    assert _ends(partly, question(), SimpleNamespace(budgets=(16,), source=one.source), first) == (16, ())
