"""Searches beside sampling: every mean is over the same problems, whatever was collected on which."""

from pathlib import Path

import numpy as np
import pytest

import ttclib
from tests.show.stores import make_store
from ttclib.errors import RequestError
from ttclib.replay.strategies.best_of_n import BestOfN
from ttclib.study.question import question
from ttclib.study.searches import open_searches
from ttclib.study.study import Study


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Eight samples; beam search at 8 on all problems but one, at 4 on all; revisions on all."""
    folder = tmp_path_factory.mktemp("uneven")
    return ttclib.open(make_store(folder / "s.duckdb", n_samples=8, search=True, uneven=True, revisions=True))


def test_a_budget_that_one_problem_lacks_is_left_out(uneven: Study) -> None:
    found = open_searches(uneven, question(strategies=["beam_search"], beam_width=4))
    (beam,) = found.searches
    assert beam.budgets == (4,) and len(beam.problem_ids) == 12
    assert not any(np.isnan(one.accuracy).any() for one in found.curves.outcomes)
    # Alone it is of the other problems, which is said; one of several fails no other, and what collects it is said.
    alone = uneven.compared(question(strategies=["beam_search"], beam_width=4, budgets=[8]))
    assert len(alone.problem_ids) == 11 and "on 1 of 12 searched problems (not collected" in alone.line()
    some = uneven.compared(question(strategies=["beam_search"], beam_width=4, budgets=[4, 8]))
    assert some.outcomes[0].budgets == (4,) and "at budgets 8 on 1 of 12 problems" in some.line()


def test_every_mean_is_over_the_problems_that_all_hold(uneven: Study, tmp_path: Path) -> None:
    names = ("majority_vote", "beam_search", "revisions")
    held = uneven.compared(question(strategies=names))
    assert {one.strategy for one in held.outcomes} == set(names)
    assert not any(np.isnan(one.accuracy).any() for one in held.outcomes)

    # Searched on fewer problems than sampled.
    few = make_store(tmp_path / "few.duckdb", n_problems=4, n_samples=8, search=True)
    make_store(tmp_path / "few.duckdb", n_problems=6, n_samples=8, seed=1)
    study = ttclib.open(few)
    asked = question(strategies=names[:2], beam_width=4)
    shared, own = study.compared(asked), study.compared(asked.but(problems="own"))
    assert [len(one.problem_ids) for one in shared.outcomes] == [4, 4]
    assert shared.line() == "4 of 6 problems, those that all of these strategies hold"
    assert {one.strategy: len(one.problem_ids) for one in own.outcomes} == {"majority_vote": 6, "beam_search": 4}
    frame = study.replay(asked.but(budgets=(4,))).frame
    vote = frame.filter(frame["strategy"] == "majority_vote").row(0, named=True)
    alone = study.of_problems(shared.problem_ids).replay(strategies="majority_vote", budgets=4).frame
    assert vote["n_problems"] == 4 and vote["accuracy"] == alone["accuracy"][0]


def test_a_strategy_is_replayed_once_however_often_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    replay = BestOfN.replay

    def counted(self: BestOfN, *arguments: object, **settings: object) -> object:
        calls.append(settings["aggregation"])
        return replay(self, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(BestOfN, "replay", counted)
    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_samples=8))
    asked = question(strategies=["pass_at_k", "best_of_n"])
    first = study.compared(asked).outcomes
    assert study.compared(asked.but(strategies=("best_of_n",))).outcomes[0].accuracy.tolist() == [
        row for one in first if one.strategy == "best_of_n" for row in one.accuracy.tolist()
    ]
    assert calls == ["last"]
    study.compared(asked.but(aggregation="min"))
    assert calls == ["last", "min"]
    # Told on one half and scored on the other: each half once, whatever the number of bins.
    for bins in (2, 3):
        study.told(asked.but(bins=bins, told="halves"))
    assert calls == ["last", "min", "last", "last"]


def test_what_cannot_be_asked_is_refused_with_what_can(uneven: Study) -> None:
    with pytest.raises(RequestError, match="did you mean 'best_of_n'"):
        question(strategies=["best_of_m"])
    with pytest.raises(RequestError, match="unknown verifier 'tinyprm': did you mean 'tiny-prm'"):
        uneven.compared(question(strategies=["best_of_n"], verifier="tinyprm"))
