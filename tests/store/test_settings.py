"""Which samples are meant: never guessed between several policies, benchmarks or settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ttclib.errors import RequestError
from ttclib.samples import Setting
from ttclib.setting_keys import canonical_json, setting_name
from ttclib.store import (
    absorb,
    contents,
    differing_keys,
    greedy_pool,
    has_nodes,
    load_chains,
    load_pool,
    load_tree,
    matching_settings,
    write_part,
)

LADDER: list[dict[str, Any]] = [
    {"temperature": 1.0},
    {"temperature": 0.5},
    {"temperature": 0.5, "reasoning_effort": "high"},
    {"temperature": 0, "prompt_format": {"template": "Q: {prompt}\nA:", "chat": False}},
]


def fill(path: Path, settings: list[dict[str, Any]], *, policy: str = "m", benchmark: str = "b", n: int = 2) -> None:
    """`n` samples of one problem under each setting, the first setting with one more."""
    write_part(path, "problems", [{"problem_id": f"{benchmark}-p", "benchmark": benchmark}])
    for number, keys in enumerate(settings):
        name = setting_name(keys)
        write_part(path, "settings", [{"setting": name, "keys": canonical_json(keys)}])
        key = {"policy": policy, "problem_id": f"{benchmark}-p", "setting": name}
        write_part(
            path, "samples", [key | {"sample_index": index, "step_tokens": [1]} for index in range(n + (number == 0))]
        )


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    path = tmp_path / "s.duckdb"
    fill(path, LADDER)
    absorb(path)
    return path


def test_the_only_setting_is_taken(tmp_path):
    path = tmp_path / "s.duckdb"
    fill(path, LADDER[1:2])
    assert load_pool(path).setting == Setting(setting_name(LADDER[1]), LADDER[1])


def test_of_several_none_is_guessed_and_what_tells_them_apart_is_listed(ladder):
    with pytest.raises(RequestError) as refused:
        load_pool(ladder)
    said = str(refused.value)
    assert "'m' in" in said and "under 4 settings" in said and "\n" not in said
    assert "--setting reasoning_effort=high --setting temperature=0.5" in said
    assert '--setting \'prompt_format={"chat": false, "template": "Q: {prompt}\\nA:"}\'' in said
    with pytest.raises(RequestError, match="under 2 settings: choose one of `--setting reasoning_effort=null`, `--"):
        load_pool(ladder, setting={"temperature": 0.5})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"temperature": 1}, 0),
        ({"temperature": 0.5, "reasoning_effort": None}, 1),
        ({"reasoning_effort": "high"}, 2),
        ({"reasoning_effort": "high", "temperature": "*"}, 2),
        ({"prompt_format.chat": False}, 3),
        (setting_name(LADDER[1]), 1),
        (Setting(setting_name(LADDER[2])), 2),
    ],
)
def test_a_setting_is_named_by_its_keys_its_name_or_itself(ladder, wanted, found):
    assert load_pool(ladder, setting=wanted).setting.keys == LADDER[found]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"temprature": 1}, r"unknown key of a setting 'temprature': did you mean 'temperature'\?"),
        ({"temperature": 2}, r"no samples with --setting temperature=2: choose one of --setting temperature=1, "),
        ({"temperature": 1, "reasoning_effort": "high"}, r"reasoning_effort=high together: choose one of `--setting"),
        ("nowhere", r"unknown setting 'nowhere'\. Allowed: "),
    ],
)
def test_a_setting_that_is_not_there(ladder, wanted, message):
    with pytest.raises(RequestError, match=message):
        load_pool(ladder, setting=wanted)


def test_side_by_side(ladder):
    swept = matching_settings(ladder, "m", {"temperature": "*", "reasoning_effort": None})
    assert [setting.keys["temperature"] for setting in swept] == [0, 0.5, 1]
    rungs = matching_settings(ladder, "m", {"temperature": 0.5})
    assert [setting.label(differing_keys(rungs)) for setting in rungs] == [
        "no reasoning_effort",
        "reasoning_effort=high",
    ]
    assert len(matching_settings(ladder)) == 4
    with pytest.raises(RequestError, match="unknown key of a setting 'x'"):
        matching_settings(ladder, "m", {"x": 3})


def test_the_greedy_setting_else_the_only_one(ladder, tmp_path):
    assert greedy_pool(ladder, "m").setting.keys["temperature"] == 0
    assert greedy_pool(ladder, "m", setting={"temperature": 1}).setting.keys == LADDER[0]
    other = tmp_path / "other.duckdb"
    fill(other, LADDER[:1])
    assert greedy_pool(other).setting.keys == LADDER[0]
    fill(other, LADDER[1:2])
    with pytest.raises(RequestError, match="under 2 settings"):
        greedy_pool(other)
    fill(other, [{"temperature": 0.0}, {"temperature": 0, "top_p": 0.5}])
    with pytest.raises(RequestError, match="under 2 settings: choose one of `--setting top_p=null`, "):
        greedy_pool(other)


def test_benchmarks_are_not_mixed(tmp_path):
    path = tmp_path / "s.duckdb"
    fill(path, LADDER[:1], benchmark="math")
    fill(path, LADDER[:2], benchmark="gsm")
    write_part(
        path, "samples", [{"policy": "m", "problem_id": "?", "setting": setting_name(LADDER[0])} | {"sample_index": 0}]
    )
    with pytest.raises(RequestError, match="several benchmarks for 'm': name one with --benchmark. Allowed: gsm, math"):
        load_pool(path)
    with pytest.raises(RequestError, match="unknown benchmark 'mathh': did you mean 'math'"):
        load_pool(path, benchmark="mathh")
    assert load_pool(path, benchmark="math").problem_ids == ["math-p"]  # which has one setting there
    pool = load_pool(path, benchmark="gsm", setting={"temperature": 0.5})
    assert (pool.problem_ids, pool.benchmark, pool.pool_sizes.tolist()) == (["gsm-p"], "gsm", [2])
    assert [(one.benchmark, one.n_samples) for one in contents(path)] == [
        ("gsm", 3),
        ("gsm", 2),
        ("math", 3),
        (None, 1),
    ]


def test_counts_without_samples_are_a_pool(tmp_path):
    path = tmp_path / "s.duckdb"
    fill(path, [])
    write_part(path, "problems", [{"problem_id": name, "benchmark": "b"} for name in "xyz"])
    key = {"policy": "m", "setting": "imported"}
    rows = [("x", 10_000_000, 3), ("y", 4, 4), ("z", 7, 0)]
    write_part(path, "counts", [key | {"problem_id": name, "n": n, "c": c} for name, n, c in rows])
    for _ in range(2):
        pool = load_pool(path)
        assert pool.problem_ids == ["x", "y", "z"] and pool.present.shape == (3, 0) and pool.benchmark == "b"
        assert pool.counts is not None and [table.tolist() for table in pool.counts] == [[10**7, 4, 7], [3, 4, 0]]
        assert pool.pool_sizes.tolist() == pool.n_graded.tolist() == [10**7, 4, 7] and not pool.has_answers
        assert pool.of_problems([2]).n_correct.tolist() == [0] and not pool.has_scores("logprob")
        (row,) = contents(path)
        assert (row.n_problems, row.n_samples, row.n_counted) == (3, 0, 10**7 + 11)
        absorb(path)
    write_part(path, "samples", [key | {"problem_id": "x", "sample_index": 0}])
    said: list[str] = []
    pool = load_pool(path, notify=said.append)
    assert pool.problem_ids == ["x"] and pool.counts is None
    assert said == ["counts of 3 problems are left out: 'm' has samples under the same setting"]


def test_trees_and_chains_of_one_setting(tmp_path):
    path = tmp_path / "s.duckdb"
    fill(path, LADDER[:2])
    key = {"policy": "m", "problem_id": "b-p"}
    for keys in LADDER[:2]:
        cell = key | {"setting": setting_name(keys)}
        write_part(path, "nodes", [cell | {"path": "9", "token_ids": [1] * (1 + int(2 * keys["temperature"]))}])
        write_part(path, "revisions", [cell | {"chain": 0, "position": 0}])
    other = setting_name(LADDER[2])
    write_part(path, "samples", [key | {"setting": other, "sample_index": 0}])
    tree = load_tree(path, policy="m", setting=load_pool(path, setting={"temperature": 1}).setting, verifier="prm")
    assert tree.step(0, "9") == (3, False, None, pytest.approx(float("nan"), nan_ok=True))
    assert has_nodes(path, "m") and not has_nodes(path, "m", Setting(other))
    with pytest.raises(RequestError, match="revision model 'm' in .* under 2 settings"):
        load_chains(path)
    assert load_chains(path, setting={"temperature": 0.5}).setting.keys == LADDER[1]
    with pytest.raises(RequestError, match="unknown benchmark 'c'"):
        load_chains(path, setting={"temperature": 0.5}, benchmark="c")
