"""Reading the sample tree: the pool's steps and those that searches drew."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.builders import build_store
from tests.replay.toy import paths_of, tree_of
from ttclib.errors import RequestError, TTCError
from ttclib.samples import Setting, Tree
from ttclib.store import absorb, write_part
from ttclib.store.tree import load_tree

POOL = {"policy": "m", "setting": "s"}


@pytest.fixture(params=["parts", "file"])
def settle(request):
    return absorb if request.param == "file" else (lambda path: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One problem: sample 0 of three steps, sample 1 of one; children 1 and 2 of the first step, a leaf below."""
    store = tmp_path / "s.duckdb"
    sample = {**POOL, "problem_id": "a", "prompt_tokens": 10}
    write_part(
        store,
        "samples",
        [
            {**sample, "sample_index": 0, "completion_tokens": 9, "step_tokens": [2, 3, 4]},
            {**sample, "sample_index": 1, "completion_tokens": 5, "step_tokens": [5]},
        ],
    )
    score = {**POOL, "problem_id": "a", "verifier": "prm"}
    write_part(
        store,
        "scores",
        [
            {**score, "sample_index": 0, "step_scores": [0.1, 0.2, 0.3], "prm_tokens": 19},
            {**score, "sample_index": 1, "step_scores": None, "prm_tokens": 0},
        ],
    )
    grade = {**POOL, "problem_id": "a", "grader": "exact-1"}
    write_part(store, "grades", [{**grade, "sample_index": 0, "answer": "7", "answer_class": 4, "correct": True}])
    nodes = [("0.1", [1, 2], None), ("0.2", [3], "stop"), ("0.1.0", [4], "length"), ("0.1.g", [5, 6], None)]
    write_part(
        store,
        "nodes",
        [{**POOL, "problem_id": "a", "path": p, "token_ids": i, "finish_reason": r} for p, i, r in nodes],
    )
    read = {**POOL, "problem_id": "a", "verifier": "prm"}
    write_part(
        store,
        "node_scores",
        [
            {**read, "path": "0.1", "step_score": 0.5, "prm_tokens": 14},
            {**read, "path": "0.2", "step_score": None, "prm_tokens": 0},
            {**read, "path": "0.1.0", "verifier": "other", "step_score": 0.9},
        ],
    )
    write_part(store, "node_grades", [{**grade, "path": "0.2", "answer": None, "answer_class": None, "correct": False}])
    return store


def load(path: Path, policy: str = "m", verifier: str = "prm") -> Tree:
    return load_tree(path, policy=policy, setting=Setting("s"), verifier=verifier)


def test_the_pool_and_the_nodes_are_one_tree(path, settle):
    settle(path)
    tree = load(path)
    assert tree.problem_ids == ["a"] and tree.prompt_tokens == [10]
    assert sorted(paths_of(tree, 0)) == ["0", "0.0", "0.0.0", "0.1", "0.1.0", "0.1.g", "0.2", "1"]
    found = {name: tree.step(0, name)[:3] for name in ("0", "0.0", "0.0.0", "0.1", "0.1.0", "0.1.g")}
    assert found == {
        "0": (2, False, 0.1),
        "0.0": (3, False, 0.2),
        "0.0.0": (4, True, 0.3),
        "0.1": (2, False, 0.5),
        "0.1.0": (1, True, None),  # read by another verifier alone
        "0.1.g": (2, False, None),
    }
    assert tree.step(0, "2") is None and tree.step(0, "0.3") is None


def test_could_not_be_scored_is_not_unread(path):
    tree = load(path)
    assert math.isnan(tree.step(0, "0.2")[2]) and math.isnan(tree.step(0, "1")[2])


def test_tokens_that_the_verifier_reads(path):
    tree = load(path)
    assert [tree.step(0, name)[3] for name in ("0", "0.0", "0.0.0", "0.1")] == [12, 15, 19, 14]
    assert math.isnan(tree.step(0, "0.1.0")[3])


def test_grades_of_leaves(path):
    tree = load(path)
    assert tree.grade(0, "0.0.0") == (4, 1.0)
    assert tree.grade(0, "0.2") == (-1, 0.0)
    assert tree.grade(0, "0.1.0") is None and tree.grade(0, "1") is None


def test_a_first_step_that_a_search_drew_is_what_its_children_hang_on(path, settle):
    nodes = [("2", [9, 9, 9]), ("2.1", [8])]
    write_part(path, "nodes", [{**POOL, "problem_id": "a", "path": name, "token_ids": ids} for name, ids in nodes])
    sample = {**POOL, "problem_id": "a", "sample_index": 2, "prompt_tokens": 10, "step_tokens": [5, 5]}
    write_part(path, "samples", [sample])
    settle(path)
    tree = load(path)
    assert tree.step(0, "2")[0] == 3 and tree.step(0, "2.0") is None and tree.step(0, "2.1")[0] == 1


def test_an_outcome_verifier_scores_the_last_step_alone(path):
    score = {**POOL, "problem_id": "a", "verifier": "orm", "sample_index": 0, "step_scores": [0.8]}
    write_part(path, "scores", [score])
    write_part(path, "node_scores", [{**POOL, "problem_id": "a", "verifier": "orm", "path": "0", "step_score": 0.4}])
    tree = load(path, verifier="orm")
    assert [tree.step(0, name)[2] for name in ("0", "0.0", "0.0.0")] == [0.4, None, 0.8]


def test_the_other_setting_is_another_tree(path):
    write_part(path, "nodes", [{**POOL, "setting": "t", "problem_id": "a", "path": "0.7", "token_ids": [1]}])
    assert load(path).step(0, "0.7") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [("5.0", r"node '5\.0' of problem 'a' .* follows '5', which the store lacks"), ("0.2.0", "'0.2', which ends its")],
)
def test_a_node_whose_prefix_is_not_there(path, name, message):
    write_part(path, "nodes", [{**POOL, "problem_id": "a", "path": name, "token_ids": [1]}])
    with pytest.raises(TTCError, match=message):
        load(path)


def test_a_path_that_is_none(path):
    write_part(path, "nodes", [{**POOL, "problem_id": "a", "path": "0.x", "token_ids": [1]}])
    with pytest.raises(TTCError, match="node '0.x' of problem 'a' .* is no path: numbers joined by dots"):
        load(path)


def test_of_several_readings_the_mean_and_all_tokens(path):
    again = {**POOL, "problem_id": "a", "verifier": "prm", "reading": 1, "step_score": 0.9, "prm_tokens": 14}
    write_part(path, "node_scores", [{**again, "path": "0.1"}, {**again, "path": "0.0", "reading": 0}])
    tree = load(path)
    assert tree.step(0, "0.1")[2:] == (0.7, 28) and tree.step(0, "0.0")[2:] == (0.9, 14)


def test_scores_that_belong_to_other_steps(path):
    write_part(path, "scores", [{**POOL, "problem_id": "a", "sample_index": 0, "verifier": "x", "step_scores": [1, 1]}])
    with pytest.raises(TTCError, match="sample 0 of problem 'a' in .* has 3 steps and 2 scores of 'x'"):
        load(path, verifier="x")


def test_what_cannot_be_searched(path, tmp_path):
    imported = tmp_path / "i.duckdb"
    write_part(imported, "samples", [{**POOL, "problem_id": "a", "sample_index": 0, "completion": "#7"}])
    with pytest.raises(RequestError, match="samples of 'm' in .* have no step tokens: a search needs"):
        load(imported)
    with pytest.raises(RequestError, match="holds no steps of policy 'nobody'"):
        load(path, policy="nobody")


def test_many_problems_keep_their_order(tmp_path):
    store = build_store(tmp_path / "many.duckdb", n_problems=30, n_samples=12)
    tree = load_tree(store, policy="policy", setting=Setting("abc"), verifier="prm")
    assert tree.problem_ids == sorted(tree.problem_ids) and len(tree.sizes) == 30
    assert tree.sizes == [24] * 30 and {"0", "11", "11.0"} <= set(paths_of(tree, 29))


def test_problems_with_whole_samples_alone_were_not_searched() -> None:
    step = (3, False, 0.5, 9.0)
    paths = (("0", "0.0", "0.1"), ("0", "0.0", "10"), ("0", "0.0", "0.0.2"), ("0", "0.g"))
    tree = tree_of([dict.fromkeys(own, (step, None)) for own in paths])
    searched = tree.searched()
    assert searched.problem_ids == ["p0", "p2", "p3"] and searched.step(1, "0.0.2") == step
    assert tree.of_problems([1]).searched().problem_ids == []
