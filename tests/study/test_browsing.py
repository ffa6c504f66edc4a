"""What is chosen to be browsed: each text once, some of every kind, no more than fits, and the first wrong step."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import ttclib
from tests.show.stores import make_counts, make_store
from ttclib.errors import NotInStore, RequestError
from ttclib.samples import Setting
from ttclib.store import absorb, write_part
from ttclib.store.distinct_texts import load_distinct_texts, load_endings
from ttclib.store.texts import SampleText, load_texts
from ttclib.store.tree import load_tree
from ttclib.study.browsed import BrowsedSample
from ttclib.study.browsing import browse


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("browse") / "s.duckdb", search=True)


def test_equal_texts_count_once(searched: Path) -> None:
    pool = ttclib.open(searched).pool
    cells = [(row, column) for row in range(12) for column in range(16)]
    counted = Counter((one.problem_id, one.completion, one.correct) for one in load_texts(pool, cells))
    found = load_distinct_texts(pool)
    read = load_texts(pool, list(zip(found.rows.tolist(), found.columns.tolist(), strict=True)))
    assert {
        (one.problem_id, one.completion, one.correct): n for one, n in zip(read, found.times, strict=True)
    } == counted
    assert found.n_texts == 192 and found.n_chars.tolist() == [len(one.completion) for one in read]


def test_all_is_taken_where_all_fits(searched: Path) -> None:
    found = browse(ttclib.open(searched))
    assert sum(one.times for one in found.samples) == 192 and len(found.problems) == 12 and found.n_bins == 5
    assert found.caption[-1].startswith(
        f"all {len(found.samples)} different texts, from 192 samples, on 12 of 12 problems"
    )
    first = {(one.text.problem_id, one.text.sample_index) for one in found.samples}
    assert len(first) == len(found.samples)
    problem = found.problems[3]
    assert (problem.problem_id, problem.prompt, problem.reference_answer) == ("p03", "3+1=", "4")
    assert (problem.n_samples, problem.n_graded) == (16, 16) and 0 <= problem.n_correct <= 16


@pytest.mark.parametrize("limit", [30, 45])
def test_no_filter_is_empty_that_need_not_be(searched: Path, limit: int) -> None:
    study = ttclib.open(searched)
    whole, some = browse(study), browse(study, limit=limit)
    assert len(some.samples) == limit and f"{limit} of {len(whole.samples)} different texts" in some.caption[-1]

    def kinds(found: Any) -> set[Any]:
        return {(one.bin, one.text.correct) for one in found.samples}

    assert kinds(some) == kinds(whole)
    wrong = max((one for one in whole.samples if one.text.correct is False), key=lambda one: one.score or 0)
    assert wrong in some.samples  # the one that a reader of scores looks for


def test_no_more_than_fits(searched: Path) -> None:
    study = ttclib.open(searched)

    def size(one: Any) -> int:
        return len(repr(one).encode())

    for room in (0, 2_000, 20_000):
        found = browse(study, max_bytes=room, size=size)
        assert sum(map(size, (*found.samples, *found.problems))) <= room
        assert bool(found.samples) == (room > 0)
    assert browse(study, limit=20, seed=3).samples == browse(study, limit=20, seed=3).samples


def test_endings_are_those_of_the_tree(searched: Path) -> None:
    study = ttclib.open(searched)
    pool = study.pool
    tree = load_tree(
        searched, policy="small", setting=Setting(pool.setting.name), verifier="tiny-prm", problem_ids=["p05"]
    )
    assert tree.problem_ids == ["p05"]
    # Behind the first step of sample i: what the search drew there, a greedy step among it.
    for (problem_id, index), found in load_endings(pool, ["p05"]).items():
        paths = [f"{index}.{child}" for child in (*range(1, 16), "g")]
        grades = [grade for path in paths if (grade := tree.grade(0, path)) is not None]
        assert problem_id == "p05" and found == [(0, len(grades), int(sum(right for _, right in grades)))]
    steps = next(one for one in browse(study, problem="p05").samples if one.endings)
    assert steps.endings[0][0] == 17 and steps.endings[-1] == (1, int(bool(steps.text.correct)))


def test_searches_are_shown_as_they_went(searched: Path) -> None:
    problem = browse(ttclib.open(searched), problem="p05").problems[0]
    assert problem.search == "beam search at N = 16"
    assert all(step.parent < place for place, step in enumerate(problem.tree))
    assert {step.status for step in problem.tree} <= {"returned", "continued", "pruned"}
    assert sum(step.parent < 0 for step in problem.tree) == 16


def told(endings: list[tuple[int, int]], from_start: tuple[int, int], correct: bool | None = False) -> int | None:
    text = SampleText("p", 0, None, None, "a\nb\nc", ("a\n", "b\n", "c"), (), "1", correct, 3, "stop")
    return BrowsedSample(text, 1, None, 1, tuple(endings), from_start).first_wrong_step


@pytest.mark.parametrize(
    ("endings", "from_start", "step"),
    [
        ([(40, 20), (20, 0), (1, 0)], (64, 32), 1),
        ([(40, 20), (20, 12), (1, 0)], (64, 32), None),  # its own end alone tells too little
        ([(20, 0), (2, 0), (1, 0)], (64, 32), 0),
        ([(20, 0), (2, 0), (1, 0)], (64, 1), None),  # so hard a problem that none of 20 is no wonder
        ([(20, 0), (2, 0), (1, 0)], (64, 0), None),
        ([], (64, 32), None),
    ],
)
def test_the_first_wrong_step(endings: Any, from_start: tuple[int, int], step: int | None) -> None:
    assert told(endings, from_start) == step
    assert told(endings, from_start, True) is None and told(endings, from_start, None) is None


def test_what_cannot_be_browsed_is_said(searched: Path, tmp_path: Path) -> None:
    with pytest.raises(NotInStore, match="holds no texts of the samples of 'small'"):
        browse(ttclib.open(make_counts(tmp_path / "counts.duckdb")))
    with pytest.raises(RequestError, match="problem 'p99' is not among the 12"):
        browse(ttclib.open(searched), problem="p99")
    with pytest.raises(RequestError, match="0 samples: allowed 1 or more"):
        browse(ttclib.open(searched), limit=0)


def test_ungraded_and_unscored_samples_are_browsed(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    write_part(path, "problems", [{"problem_id": "ü", "benchmark": "b"}])
    keys = {"policy": "m", "problem_id": "ü", "setting": "s"}
    texts = ["one", "one", None, ""]
    write_part(path, "settings", [{"setting": "s", "keys": "{}"}])
    write_part(path, "samples", [{**keys, "sample_index": 3 * i, "completion": text} for i, text in enumerate(texts)])
    absorb(path)
    found = browse(ttclib.open(path))
    assert sorted((one.text.completion, one.times, one.score, one.bin) for one in found.samples) == [
        ("", 1, None, None),
        ("one", 2, None, None),
    ]
    assert found.n_bins == 0 and found.problems[0].n_graded == 0
