"""What a gain is made of, on stores whose truth is known: the sentence says what was put in, and no more."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import make_pool
from ttclib.errors import RequestError
from ttclib.samples import Setting
from ttclib.study.gain import ask_gain
from ttclib.study.opening import Member
from ttclib.study.study import Study

N_PROBLEMS, N_SAMPLES = 120, 16


def study_of(*sides, **more):
    """Sides as (name, chance of a right answer by problem), wrong answers of as many kinds as `kinds` says."""
    rng = np.random.default_rng(7)
    members = []
    for name, chance, kinds in sides:
        right = rng.random((N_PROBLEMS, N_SAMPLES)) < np.asarray(chance)[:, None]
        answers = np.where(right, 0, 1 + rng.integers(0, kinds, right.shape))
        pool = make_pool(right, answer_ids=answers, policy=name, setting=Setting(name, {"effort": name}), **more)
        members.append(Member(pool, name, print))
    return Study(tuple(members), Path("made.duckdb"))


def half(easy, hard):
    return np.where(np.arange(N_PROBLEMS) % 2, easy, hard)


def test_sharper():
    found = ask_gain(study_of(("base", half(0.4, 0.0), 8), ("tuned", half(0.9, 0.0), 8)))
    assert found.findings[0].startswith(
        "tuned against base for 1 × the tokens: an answer is better; that more is reached is not shown."
    )
    assert "stand where 15 answers of base hold a right one, too" in found.findings[1]
    assert "less varied" in " ".join(found.findings)
    parts = (found.result.heads, found.result.details, found.result.of_lengths)
    assert found.findings == sum(parts, ()) and len(found.result.heads) == 1  # the heads alone stand at a page's head


def test_wider():
    found = ask_gain(study_of(("base", half(0.9, 0.0), 1), ("wide", half(0.9, 0.3), 1)))
    assert "both an answer is better and more is reached" in found.findings[0]
    of = {row["measure"]: row for row in found.result.frame.iter_rows(named=True)}
    assert of["new"]["difference"] > 0.1 and of["known"]["winner"] == "too close"


def test_reach_lost():
    found = ask_gain(study_of(("base", half(0.3, 0.2), 4), ("narrow", half(0.95, 0.0), 4)))
    assert "an answer is better, and less is reached" in found.findings[0]


def test_level():
    found = ask_gain(study_of(("one", half(0.6, 0.2), 4), ("two", half(0.6, 0.2), 4)))
    assert "no difference is shown" in found.findings[0]
    assert not any("Of the " in sentence or "varied" in sentence for sentence in found.findings)


def test_each_pair_once_and_efforts_by_their_length():
    study = study_of(("a", half(0.5, 0.1), 3), ("b", half(0.6, 0.1), 3), ("c", half(0.7, 0.1), 3))
    frame = ask_gain(study).result.frame
    assert frame.select("first_side", "second_side").unique(maintain_order=True).rows() == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]


def test_bad_input():
    one = study_of(("one", half(0.6, 0.2), 4))
    with pytest.raises(RequestError, match="one side, one: name two policies"):
        ask_gain(one)
    two = study_of(("one", half(0.6, 0.2), 4), ("two", half(0.6, 0.2), 4))
    with pytest.raises(RequestError, match="17 samples: no problem holds as many"):
        ask_gain(two, 17)


def test_without_answers_variety_is_left_out_and_said():
    bare = np.full((N_PROBLEMS, N_SAMPLES), -1)
    study = study_of(("one", half(0.6, 0.2), 4), ("two", half(0.9, 0.2), 4))
    members = tuple(
        Member(make_pool(member.pool.correct, answer_ids=bare, policy=member.name), member.name, print)
        for member in study.members
    )
    found = ask_gain(Study(members, study.store))
    assert found.result.frame["measure"].to_list() == ["accuracy", "known", "new", "coverage"]
    assert "how varied answers are is left out" in found.notes[0]
