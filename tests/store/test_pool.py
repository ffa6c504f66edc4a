"""Reading a store into arrays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.store import absorb, load_pool, write_part
from ttclib.store.kept import Kept

ROOT = Path(__file__).resolve().parents[2]

NAN = float("nan")


def key(problem: str, index: int, *, policy: str = "m", setting: str = "s") -> dict[str, Any]:
    return {"policy": policy, "problem_id": problem, "setting": setting, "sample_index": index}


@pytest.fixture(params=["parts", "file"])
def settle(request):
    """What to do after writing: leave the parts beside the store, or take them in."""
    return absorb if request.param == "file" else (lambda path: None)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "s.duckdb"


def test_shapes_and_facts_of_a_store(small_store):
    pool = load_pool(small_store)
    assert pool.present.shape == pool.correct.shape == pool.answer_ids.shape == (20, 16)
    assert pool.present.all() and pool.pool_sizes.tolist() == [16] * 20
    assert pool.problem_ids == sorted(pool.problem_ids)
    assert (pool.policy, pool.setting.name, pool.verifier().name) == ("policy", "abc", "prm")
    assert pool.benchmark == "synthetic"
    assert pool.policy_parameters == 161_728
    assert pool.setting.keys == {"temperature": 1.0, "top_p": 1.0, "max_tokens": 256}
    assert list(pool.verifiers) == ["prm", "logprob"]
    assert set(pool.verifier().scores) == {"last", "min", "prod", "mean"}
    assert pool.prompt_tokens.tolist() == [10.0] * 20


def test_same_from_parts_and_from_the_file(tmp_path):
    pools = [
        load_pool(build_store(tmp_path / f"{absorbed}.duckdb", n_problems=4, n_samples=3, absorbed=absorbed))
        for absorbed in (False, True)
    ]
    for name in ("present", "correct", "answer_ids", "completion_tokens", "prompt_tokens"):
        np.testing.assert_array_equal(getattr(pools[0], name), getattr(pools[1], name))
    for name, verifier in pools[0].verifiers.items():
        for how, scores in verifier.scores.items():
            np.testing.assert_array_equal(scores, pools[1].verifiers[name].scores[how])


def test_unequal_pools_are_padded_at_the_right(path, settle):
    write_part(path, "samples", [key("b", 0), key("a", 2), key("a", 0), key("a", 1)])
    write_part(path, "grades", [{**key("a", 1), "grader": "x", "answer_class": 7, "correct": True}])
    settle(path)
    pool = load_pool(path)
    assert pool.problem_ids == ["a", "b"] and pool.pool_sizes.tolist() == [3, 1]
    assert pool.present.tolist() == [[True] * 3, [True, False, False]]
    np.testing.assert_array_equal(pool.correct, [[NAN, 1, NAN], [NAN, NAN, NAN]])
    assert pool.answer_ids.tolist() == [[-1, 7, -1], [-1, -1, -1]]


def test_a_gap_in_the_indices_leaves_no_hole(path, settle):
    write_part(path, "samples", [{**key("a", index), "completion_tokens": index} for index in (5, 1, 9)])
    settle(path)
    assert load_pool(path).completion_tokens.tolist() == [[1, 5, 9]]


def test_null_is_nan_and_never_zero(path, settle):
    write_part(path, "samples", [{**key("a", 0), "logprob": -1.0}, {**key("a", 1), "completion_tokens": 0}])
    write_part(path, "scores", [{**key("a", 0), "verifier": "prm", "step_scores": None}])
    write_part(path, "grades", [{**key("a", 0), "grader": "x", "answer": "1", "answer_class": 0, "correct": None}])
    settle(path)
    pool = load_pool(path)
    assert np.isnan(pool.correct).all() and np.isnan(pool.prompt_tokens).all()
    np.testing.assert_array_equal(pool.completion_tokens, [[NAN, 0]])
    assert set(pool.verifiers) == {"prm", "logprob"}
    for verifier in pool.verifiers.values():
        assert all(np.isnan(scores).all() for scores in verifier.scores.values())
    assert pool.answer_ids.tolist() == [[0, -1]]
    assert pool.policy_parameters is None and pool.benchmark is None and pool.setting.keys == {}


def test_aggregations_of_step_scores(path, settle):
    steps = [[0.9, 0.2, 0.8], [0.5], [], None]
    write_part(path, "samples", [{**key("a", i), "logprob": -6.0, "completion_tokens": 3} for i in range(4)])
    write_part(path, "scores", [{**key("a", i), "verifier": "prm", "step_scores": steps[i]} for i in range(4)])
    settle(path)
    pool = load_pool(path)
    for name, first in {"last": 0.8, "min": 0.2, "prod": 0.144, "mean": 1.9 / 3}.items():
        np.testing.assert_allclose(pool.verifier("prm").by(name), [[first, 0.5, NAN, NAN]])
    np.testing.assert_allclose(pool.verifier("logprob").by(), [[np.exp(-2.0)] * 4])


def test_a_grade_that_came_with_the_data_wins_then_the_latest(path, settle):
    write_part(path, "samples", [key("a", 0), key("a", 1)])
    grades = [("grader-1", 0, False), ("grader-2", 0, True), ("given", 1, False), ("grader-2", 1, True)]
    write_part(path, "grades", [{**key("a", i), "grader": grader, "correct": right} for grader, i, right in grades])
    settle(path)
    assert load_pool(path).correct.tolist() == [[1.0, 0.0]]


def test_a_growing_pool_keeps_what_is_there(path, settle):
    write_part(path, "samples", [{**key("a", index), "completion_tokens": 1} for index in range(2)])
    settle(path)
    write_part(path, "samples", [{**key("a", index), "completion_tokens": 2} for index in range(4)])
    settle(path)
    assert load_pool(path).completion_tokens.tolist() == [[1, 1, 2, 2]]


def test_several_policies_must_be_named(path, settle):
    write_part(path, "samples", [key("a", 0, policy="small"), key("a", 0, policy="large"), key("a", 1, policy="large")])
    settle(path)
    with pytest.raises(RequestError, match=r"several policies: name one with --policy. Allowed: large, small"):
        load_pool(path)
    with pytest.raises(RequestError, match="unknown policy 'larg': did you mean 'large'"):
        load_pool(path, policy="larg")
    assert load_pool(path, policy="large").pool_sizes.tolist() == [2]


def test_of_several_settings_one_must_be_named_and_of_verifiers_the_fullest_is_read(path, settle):
    write_part(path, "samples", [key("a", 0, setting="t0"), key("a", 0, setting="t1"), key("a", 1, setting="t1")])
    scores = [("orm", 0, 0.1), ("prm", 0, 0.6), ("prm", 1, 0.7)]
    write_part(
        path, "scores", [{**key("a", i, setting="t1"), "verifier": name, "step_scores": [x]} for name, i, x in scores]
    )
    settle(path)
    with pytest.raises(RequestError, match=r"under 2 settings: choose one of `--setting t1`, `--setting t0`"):
        load_pool(path)
    pool = load_pool(path, setting="t1")
    assert (pool.setting.name, pool.verifier().name) == ("t1", "prm")
    assert pool.verifier().by().tolist() == [[0.6, 0.7]]
    np.testing.assert_array_equal(pool.verifiers["orm"].by(), [[0.1, NAN]])
    assert not load_pool(path, setting="t0").has_scores()
    with pytest.raises(RequestError, match=r"unknown setting 't2'.*t1, t0"):
        load_pool(path, setting="t2")


def test_of_two_versions_that_graded_all_the_latest_counts_by_number(path, settle):
    write_part(path, "samples", [key("a", 0)])
    grades = [("math-verify-0.9.0", False), ("math-verify-0.10.0", True), ("math-verify-0.8.11", False)]
    write_part(path, "grades", [{**key("a", 0), "grader": grader, "correct": right} for grader, right in grades])
    settle(path)
    assert load_pool(path).correct.tolist() == [[1.0]]


def test_classes_of_two_graders_are_never_mixed(path, settle):
    # The newer grader was stopped half-way: what it calls class 0 is not the older one's class 0.
    write_part(path, "samples", [key("a", index) for index in range(3)])
    older = [{**key("a", i), "grader": "g-1", "answer_class": i, "correct": i == 0} for i in range(3)]
    newer = [{**key("a", 2), "grader": "g-2", "answer_class": 0, "correct": True}]
    write_part(path, "grades", older + newer)
    settle(path)
    pool = load_pool(path)
    assert pool.answer_ids.tolist() == [[0, 1, 2]] and pool.correct.tolist() == [[1, 0, 0]]
    write_part(path, "grades", [{**newer[0], **key("a", i)} for i in range(2)])
    settle(path)
    assert load_pool(path).answer_ids.tolist() == [[0, 0, 0]]


def test_each_pool_has_its_own_grader(path, settle):
    write_part(path, "samples", [key("a", 0, policy=policy) for policy in "mn"])
    write_part(
        path,
        "grades",
        [
            {**key("a", 0, policy=p), "grader": g, "correct": right}
            for p, g, right in (("m", "g-1", True), ("n", "g-2", False))
        ],
    )
    settle(path)
    assert [load_pool(path, policy=policy).correct.tolist() for policy in "mn"] == [[[1.0]], [[0.0]]]


def test_several_verifiers_are_read_and_told_apart(path, settle):
    write_part(path, "samples", [key("a", index) for index in range(3)])
    outcome = [{**key("a", i), "verifier": "grader-net", "step_scores": [i / 2], "prm_tokens": 4} for i in range(3)]
    steps = [{**key("a", i), "verifier": "step-net", "step_scores": [0.5, i / 4]} for i in range(2)]
    write_part(path, "scores", outcome + steps)
    write_part(path, "models", [{"model": "step-net", "n_layers": 7}])
    settle(path)
    pool = load_pool(path)
    assert list(pool.verifiers) == ["grader-net", "step-net", "logprob"]  # the fullest first
    assert pool.verifier().name == "step-net"  # a PRM before an ORM
    assert {name: found.kind for name, found in pool.verifiers.items()} == {
        **{"grader-net": "orm", "step-net": "prm", "logprob": "logprob"}
    }
    np.testing.assert_array_equal(pool.verifier().by(), [[0, 0.25, NAN]])
    assert pool.verifiers["grader-net"].scores["mean"].tolist() == [[0, 0.5, 1]]
    assert pool.verifiers["grader-net"].prm_tokens.tolist() == [[4, 4, 4]]
    model = pool.verifier("step-net").model
    assert model is not None and model.n_layers == 7
    assert pool.verifier("orm").name == "grader-net"


def test_kept_until_the_store_changes(path, settle):
    write_part(path, "samples", [key("a", 0)])
    settle(path)
    first = load_pool(path)
    assert load_pool(path) is first
    write_part(path, "samples", [key("a", 1)])
    grown = load_pool(path)
    assert grown.pool_sizes.tolist() == [2] and load_pool(path) is grown
    settle(path)
    assert load_pool(path).pool_sizes.tolist() == [2]
    path.unlink(missing_ok=True)
    for part in path.with_name("s.duckdb.parts").glob("*"):
        part.unlink()
    with pytest.raises(RequestError, match="no store at"):
        load_pool(path)


def test_what_is_kept_cannot_be_changed(small_store):
    pool = load_pool(small_store)
    for table in (pool.correct, pool.present, pool.verifier().by(), pool.prompt_tokens):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_another_process_that_adds_is_seen(path):
    write_part(path, "samples", [key("a", 0)])
    absorb(path)
    assert load_pool(path).pool_sizes.tolist() == [1]
    code = (
        "import sys; from ttclib.store import absorb, write_part\n"
        "write_part(sys.argv[1], 'samples', [{'policy': 'm', 'problem_id': 'a', 'setting': 's', 'sample_index': 1}])\n"
        "absorb(sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=ROOT)
    assert load_pool(path).pool_sizes.tolist() == [2]


def test_no_more_is_kept_than_allowed():
    kept: Kept[bytes] = Kept(len, largest=2, largest_bytes=10)
    reads: list[str] = []

    def get(name: str, size: int, state: int = 0) -> None:
        kept.get(name, (state,), lambda: reads.append(name) or bytes(size))  # type: ignore[func-returns-value]

    for name in "aab":
        get(name, 3)
    assert reads == ["a", "b"]
    get("a", 3)  # used again: b is the older now
    get("c", 3)
    get("a", 3)
    assert reads == ["a", "b", "c"]
    get("b", 3)
    assert reads == ["a", "b", "c", "b"]
    get("huge", 11)  # is not kept
    get("huge", 11)
    get("b", 3)
    assert reads[-2:] == ["huge", "huge"]
    get("b", 3, state=1)
    get("b", 3, state=1)
    assert reads[-1] == "b" and reads.count("b") == 3
