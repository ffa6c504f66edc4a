from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.cli.commands import ttc
from ttclib.collect import keeper, run
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.store import connect, load_pool
from ttclib.store.status import store_status

KEY = "policy, problem_id, setting, sample_index"


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(store) as con:
        return con.execute(sql).fetchall()


def with_(config: RunConfig, **sections: dict[str, Any]) -> RunConfig:
    return RunConfig.model_validate(config.model_dump() | {k: config.model_dump()[k] | v for k, v in sections.items()})


def collect(config: RunConfig) -> None:
    run.sample(config)
    run.score(config)
    run.grade(config.store, config.grading.grader)
    keeper.take_in(config.store)


def test_the_main_job_fills_the_store(config: RunConfig) -> None:
    collect(config)
    pool = load_pool(config.store)
    assert pool.present.shape == (5, 6) and pool.present.all()
    assert pool.policy == "tiny" and pool.verifier().name == "prm" and pool.benchmark == "lab"
    (row,) = store_status(config.store)["policies"]
    assert (row["n_samples"], row["n_scored"], row["n_graded"]) == (30, 30, 30)
    assert row["left"] == {"samples": 0, "scores": 0, "grades": 0}
    for steps, tokens, scores, ids, total in rows(
        config.store,
        f"SELECT len(step_tokens), list_sum(step_tokens), len(step_scores), len(completion_ids), completion_tokens "
        f"FROM samples JOIN scores USING ({KEY})",
    ):
        assert steps == scores
        assert tokens == ids == total


def test_models_and_runs_say_what_was_used(config: RunConfig) -> None:
    collect(config)
    models = dict(rows(config.store, "SELECT model, n_parameters FROM models"))
    assert set(models) == {"tiny", "prm"} and all(models.values())
    assert {row[0] for row in rows(config.store, "SELECT command FROM runs")} == {"sample", "score"}
    assert rows(config.store, "SELECT DISTINCT seed FROM runs") == [(0,)]


def test_a_second_run_repeats_nothing(config: RunConfig) -> None:
    collect(config)
    said: list[str] = []
    assert run.sample(config, notify=said.append) == 0
    assert run.score(config, notify=said.append) == 0
    assert run.grade(config.store, "exact") == 0
    assert "holds all 30 samples" in said[0]


def test_more_samples_are_only_added(config: RunConfig) -> None:
    collect(config)
    before = rows(config.store, f"SELECT {KEY}, completion FROM samples ORDER BY ALL")
    larger = with_(config, sampling={"n_samples": 9})
    assert run.sample(larger) == 15
    assert run.score(larger) == 15
    after = rows(config.store, f"SELECT {KEY}, completion FROM samples ORDER BY ALL")
    assert len(after) == 45 and set(before) < set(after)


def test_growing_a_pool_gives_what_one_run_gives(config: RunConfig, tmp_path: Path) -> None:
    whole = config.model_copy(update={"store": tmp_path / "whole.duckdb"})
    run.sample(with_(config, sampling={"n_samples": 2}))
    run.sample(config)
    run.sample(whole)
    query = "SELECT problem_id, sample_index, completion_ids FROM samples ORDER BY ALL"
    assert rows(config.store, query) == rows(whole.store, query)


def test_other_decoding_is_another_pool(config: RunConfig) -> None:
    run.sample(config)
    assert run.sample(with_(config, sampling={"temperature": 0.5})) == 30
    assert len(store_status(config.store)["policies"]) == 2


def test_a_second_verifier_stands_beside_the_first(config: RunConfig) -> None:
    collect(config)
    assert run.score(with_(config, prm={"name": "other"})) == 30
    assert load_pool(config.store).verifier("other").name == "other"
    assert rows(config.store, "SELECT verifier, count(*) FROM scores GROUP BY ALL ORDER BY 1") == [
        ("other", 30),
        ("prm", 30),
    ]


def test_a_problem_with_another_text_is_refused(config: RunConfig, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    for prompt in ("1+1=\n", "1+2=\n"):
        file.write_text(f'{{"problem_id": "a", "prompt": {prompt!r}, "reference_answer": "2"}}'.replace("'", '"'))
        mine = with_(config, problems={"source": str(file), "limit": None})
        if prompt == "1+1=\n":
            run.sample(mine)
        else:
            with pytest.raises(RequestError, match="'a' stands in .* with another prompt"):
                run.sample(mine)


def test_an_open_reader_does_not_stop_a_run(config: RunConfig) -> None:
    run.sample(with_(config, sampling={"n_samples": 1}))
    keeper.take_in(config.store)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb, time; c = duckdb.connect({str(config.store)!r}, read_only=True); "
            "print('open', flush=True); time.sleep(120)",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert reader.stdout is not None and reader.stdout.readline()
        assert run.sample(config) == 25
        assert load_pool(config.store).present.sum() == 30
    finally:
        reader.kill()
        reader.wait()
        reader.stdout.close()
    keeper.take_in(config.store)
    assert load_pool(config.store).present.sum() == 30


def test_kill_9_and_an_end_of_time_lose_at_most_the_batch_in_flight(config: RunConfig, tmp_path: Path) -> None:
    big = with_(config, sampling={"n_samples": 200}, policy={"batch_size": 20})
    file = tmp_path / "run.toml"
    file.write_text(
        f'store = "{big.store}"\n[problems]\nsource = "lab:test"\nlimit = 5\n'
        f'[policy]\nname = "tiny"\npath = "{big.policy.path}"\nbatch_size = 20\n'
        f'[sampling]\nn_samples = 200\nmax_tokens = 24\n[grading]\ngrader = "exact"\n'
    )
    command = [sys.executable, "-m", "ttclib.cli", "sample", str(file)]
    kept = 0
    for how in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        parts = big.store.with_name(big.store.name + ".parts")
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(parts.glob("*-samples-*.parquet"))) >= kept / 20 + 3:
                break
            time.sleep(0.01)
        os.kill(process.pid, how)
        _, said = process.communicate()
        if how == signal.SIGTERM:
            assert process.returncode == 1 and "ttc: stopped; what was collected is kept" in said
        (counts,) = rows(big.store, f"SELECT count(*), count(DISTINCT ({KEY})) FROM samples")
        assert counts[0] == counts[1] and counts[0] % 20 == 0  # whole batches, none doubled
        assert kept < counts[0] < 1000
        kept = counts[0]
    finished = ttc("sample", file, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert f"sample: {1000 - kept:,} of 1,000 samples to draw" in finished.stderr
    assert rows(big.store, f"SELECT count(*), count(DISTINCT ({KEY})) FROM samples") == [(1000, 1000)]


def test_without_a_prm_scoring_says_what_to_add(config: RunConfig) -> None:
    with pytest.raises(RequestError, match=r"add a section \[prm\]"):
        run.score(config.model_copy(update={"prm": None}))


def test_nothing_is_written_when_the_model_is_not_there(config: RunConfig) -> None:
    with pytest.raises(RequestError, match="no model at"):
        run.sample(with_(config, policy={"path": "./nowhere"}))
    with pytest.raises(RequestError, match="no model at"):
        run.check(with_(config, prm={"path": "./nowhere"}))
    assert not list(config.store.parent.iterdir())


def test_nothing_is_written_when_a_prompt_leaves_no_room(config: RunConfig) -> None:
    with pytest.raises(RequestError, match="max_tokens 127 with a prompt of .* exceeds the model's window of 128"):
        run.sample(with_(config, sampling={"max_tokens": 127}))
    assert not list(config.store.parent.iterdir())


def test_a_step_delimiter_that_never_occurs_is_told_with_an_example(config: RunConfig) -> None:
    said: list[str] = []
    run.sample(with_(config, sampling={"step_delimiter": "@@"}), notify=said.append)
    (warning,) = [line for line in said if "warning" in line]
    assert "'@@' stands in none of the first 8 samples" in warning and "The longest begins '" in warning
    said.clear()
    run.sample(with_(config, sampling={"step_delimiter": "1"}), notify=said.append)
    assert not [line for line in said if "warning" in line]


def test_a_reasoning_gym_task_is_graded_by_its_own_scorer(config: RunConfig) -> None:
    pytest.importorskip("reasoning_gym")
    from ttclib.problems import load_problems
    from ttclib.store import write_part

    # Many numbers solve a countdown; the reference is only one way to write the solution.
    (problem,) = load_problems("reasoning-gym:countdown", limit=1)
    assert problem.reference_answer is not None
    also = f"({problem.reference_answer})"
    key = {"policy": "p", "problem_id": problem.problem_id, "setting": "s"}
    answers = [problem.reference_answer, also, "1+1", None]
    write_part(config.store, "problems", [problem.row()])
    write_part(
        config.store,
        "samples",
        [
            key | {"sample_index": index, "completion": "no" if answer is None else f"\\boxed{{{answer}}}"}
            for index, answer in enumerate(answers)
        ],
    )
    assert run.grade(config.store, "reasoning-gym") == 4
    found = rows(config.store, "SELECT correct, answer_class, grader FROM grades ORDER BY sample_index")
    assert [row[0] for row in found] == [True, True, False, False]
    assert found[0][1] == found[1][1] != found[2][1]
    assert {row[2].rsplit("-", 1)[0] for row in found} == {"reasoning-gym"}
