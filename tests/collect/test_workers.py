"""Workers of a cluster, with a stand-in for Ray in this process: what is asked of it, who dies, what is said.

Ray itself is in `tests/collect/test_cluster.py` and takes long.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.collect.ray_package import Ray
from tests.collect.test_run import rows
from ttclib.collect import run
from ttclib.collect.engines import cluster
from ttclib.collect.engines.cluster import Cluster
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.types import Draw
from ttclib.config import PolicyConfig, RunConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError


def begun(config: RunConfig, workers: int | None = 2, address: str = "ray") -> tuple[Cluster, list[str]]:
    said: list[str] = []
    return Cluster(address, workers, config, said.append), said


def test_workers_write_what_one_process_writes(ray: Ray, config: RunConfig, tmp_path: Path) -> None:
    alone = config.model_copy(update={"store": tmp_path / "alone.duckdb"})
    run.sample(alone)
    run.score(alone)
    ray.deaths += ["draw", "read"]
    with begun(config)[0] as machines:
        assert run.sample(config, on=machines) == 30
        assert run.score(config, on=machines) == 30
    for query in (
        "SELECT problem_id, sample_index, completion_ids, finish_reason, step_tokens FROM samples ORDER BY ALL",
        "SELECT problem_id, sample_index, prm_tokens FROM scores ORDER BY ALL",
        "SELECT * FROM models ORDER BY ALL",
    ):
        assert rows(config.store, query) == rows(alone.store, query)
    scores = "SELECT unnest(step_scores) FROM scores ORDER BY problem_id, sample_index"
    assert [one for (one,) in rows(config.store, scores)] == pytest.approx(
        [one for (one,) in rows(alone.store, scores)], abs=1e-4
    )
    assert {row[0] > 0 for row in rows(config.store, "SELECT elapsed_s FROM samples")} == {True}
    blocks = [len(given[2]) for name, given in ray.calls if name == "draw"]
    assert max(blocks) == 8 and sum(blocks) == 30 + 8  # one block was lost with its worker and drawn again
    reads = [len(given[1]) for name, given in ray.calls if name == "read"]
    assert max(reads) == 8 and len(reads) == 4 + 1  # two batches a worker
    assert ("unload", ()) in ray.calls and len(ray.workers) == 2 + 2
    assert ray.n_shutdowns == 1 and set(map(id, ray.workers)) == set(map(id, ray.killed))


def test_as_many_batches_are_out_as_keep_every_worker_at_work(ray: Ray, config: RunConfig) -> None:
    waits: list[bool] = []
    with begun(config)[0] as machines:
        engine = machines.engine(config.policy, config.prompt)
        prefix = tuple(engine.encode("1+1="))
        batches = [([number], [Draw(prefix, number)]) for number in range(6)]

        def next_batch(wait: bool) -> Any:
            waits.append(wait)
            return batches.pop(0) if batches else ([], [])

        sampling = SamplingConfig(max_tokens=5)
        found = {cells[0]: drawn for cells, _, drawn, _, _ in engine.draw_batches(next_batch, sampling)}
        assert waits[:5] == [True, False, False, False, False]  # the first is waited for, with four out it is worked
        assert waits[-1] is True  # and at the end, where none is out, what others are at
        itself = load_engine(config.policy, config.prompt)
        assert found == {number: itself.generate([Draw(prefix, number)], sampling) for number in range(6)}
        draws = [Draw(prefix, number) for number in range(5)]
        drawn, expected = engine.generate(draws, sampling), itself.generate(draws, sampling)
        assert [one.token_ids for one in drawn] == [one.token_ids for one in expected]
        assert [len(given[2]) for name, given in ray.calls[-2:]] == [3, 2]  # each worker's part
        assert engine.window == 128 and engine.model_facts() == itself.model_facts()


OF_FOUR = {"engine": "vllm", "tensor_parallel_size": 2, "pipeline_parallel_size": 2}


@pytest.mark.parametrize(
    ("resources", "policy", "workers", "expected", "told"),
    [
        ({"CPU": 3.0}, {}, None, (3, 0), "ray: 3 workers"),
        ({"CPU": 3.0}, {}, 5, (5, 0), "ray: 5 workers, of which the cluster has room for 3 now"),
        ({"CPU": 8.0, "GPU": 2.0}, {}, None, (2, 1), "ray: 2 workers with 1 GPUs each"),
        ({"CPU": 8.0, "GPU": 2.0}, {"device": "cpu"}, None, (8, 0), "ray: 8 workers"),
        ({"CPU": 8.0, "GPU": 2.0}, {"device": "cuda:1"}, 1, (1, 1), "ray: 1 workers with 1 GPUs each"),
        ({"CPU": 8.0, "GPU": 9.0}, OF_FOUR, None, (2, 4), "ray: 2 workers with 4 GPUs each"),
        ({"CPU": 4.0, "GPU": 1.0}, {"tensor_parallel_size": 2}, None, (4, 0), "ray: 4 workers"),
        ({"GPU": 0.0}, {}, None, (1, 0), "ray: 1 workers"),
    ],
)  # fmt: skip
def test_there_are_as_many_workers_as_there_is_room(ray, config, resources, policy, workers, expected, told) -> None:
    ray.resources = resources
    asked = config.model_copy(update={"policy": config.policy.model_copy(update=policy)})
    machines, said = begun(asked, workers)
    with machines:
        machines._begin()
        machines._begin()  # no more than once
    assert said == [told] and (len(ray.workers), ray.options["num_gpus"]) == expected
    assert ray.options == {"num_cpus": 1, "num_gpus": expected[1], "max_restarts": 0, "max_task_retries": 0}


def test_worker_after_worker_that_dies_and_does_nothing_is_no_accident(ray: Ray, config: RunConfig) -> None:
    machines, said = begun(config)
    ray.deaths = ["facts"] * 30
    with (
        machines,
        pytest.raises(TTCError, match="10 workers died one after the other and did nothing: The actor died.$"),
    ):
        machines.engine(config.policy, config.prompt)
    assert said[1:] == ["ray: a worker died; another does its batch again"] * 9
    machines, said = begun(config)
    ray.deaths = ["draw"] * 6
    with machines:  # what was done in between counts
        engine = machines.engine(config.policy, config.prompt)
        for _ in range(2):
            engine.generate([Draw(tuple(engine.encode("1+1=")), 0)], SamplingConfig(max_tokens=2))
            ray.deaths = ["draw"] * 6
    assert said.count("ray: a worker died; another does its batch again") == 12


def test_it_is_said_once_that_no_worker_is_given(ray: Ray, config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_TELL_AFTER_S", 0.0)
    machines, said = begun(config)
    ray.n_unplaced = 3
    with machines:
        engine = machines.engine(config.policy, config.prompt)
        assert said[1:] == ["ray: waiting for the cluster to give a worker"]
        ray.n_unplaced = 2  # a worker is at it, which takes long
        engine.generate([Draw(tuple(engine.encode("1+1=")), 0)], SamplingConfig(max_tokens=2))
    assert len(said) == 2


def test_what_a_worker_says_is_said_here(ray: Ray, config: RunConfig) -> None:
    with begun(config)[0] as machines:
        engine = machines.engine(config.policy, config.prompt)
        with pytest.raises(RequestError, match="exceeds the model's window of 128"):
            engine.generate([Draw((1, 2), 0)], SamplingConfig(max_tokens=500))
        with pytest.raises(TTCError, match="^a worker failed: AttributeError: ") as raised:
            engine.generate([None], SamplingConfig())  # type: ignore[list-item]
        assert not isinstance(raised.value, RequestError)
        assert engine.generate([Draw((1, 2), 0)], SamplingConfig(max_tokens=2))  # it goes on


def test_a_model_stays_loaded_until_another_is_asked_for(ray: Ray, config: RunConfig, monkeypatch) -> None:
    loaded: list[str] = []
    load = load_engine
    monkeypatch.setattr(
        "ttclib.collect.engines.loading.load_engine", lambda policy, *_: loaded.append(policy.name) or load(policy, *_)
    )
    sampling = SamplingConfig(max_tokens=2)
    with begun(config, 1)[0] as machines:
        for name in ("tiny", "tiny", "other"):
            engine = machines.engine(config.policy.model_copy(update={"name": name}), config.prompt)
            engine.generate([Draw((1, 2), 0)], sampling)
        assert loaded == ["tiny", "other"]
        engine.close()
        engine.generate([Draw((1, 2), 0)], sampling)
    assert loaded == ["tiny", "other", "other"]


def test_a_worker_finds_a_folder_wherever_it_begins(tiny_policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_policy.parent)
    policy = PolicyConfig(name="m", path=f"./{tiny_policy.name}", data_parallel_size=3)
    placed = cluster._placed(policy)
    assert (placed.path, placed.data_parallel_size) == (str(tiny_policy), 1)
    assert cluster._placed(PolicyConfig(name="m", path="lab:policy")).path == "lab:policy"
    assert cluster._placed(PolicyConfig(name="m", path="owner/model")).path == "owner/model"


QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


def test_a_cluster_is_found_or_begun(ray: Ray, config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    machines, _ = begun(config, 999)
    machines._begin()
    begin = {"num_cpus": 999, "include_dashboard": False, **QUIET}
    assert ray.inits == [begin]
    ray.inits.clear()
    ray.failures = [ValueError("there is one")]
    begun(config, 999)[0]._begin()
    assert ray.inits == [begin, QUIET]
    ray.inits.clear()
    ray.failures = [Exception("busy"), Exception("busy")]
    begun(config, 1)[0]._begin()
    assert [one["num_cpus"] for one in ray.inits] == [os.cpu_count()] * 3 and ray.n_shutdowns == 2
    ray.inits.clear()
    begun(config, 1, "ray://head:10001")[0]._begin()
    monkeypatch.setenv("RAY_ADDRESS", "ray://other:10001")
    begun(config, 1)[0]._begin()
    assert ray.inits == [{"address": f"ray://{name}:10001", **QUIET} for name in ("head", "other")]


@pytest.mark.parametrize(
    ("failures", "n_asked", "where"),
    [([Exception("busy\nvery")] * 3, 3, "ray"), ([ConnectionError("busy")], 1, "ray"), ([TypeError("busy")], 1, "1:2")],
)
def test_a_cluster_that_does_not_answer_is_one_line(ray, config, monkeypatch, failures, n_asked, where) -> None:
    ray.failures = list(failures)
    if where != "ray":
        monkeypatch.setenv("RAY_ADDRESS", where)
    with pytest.raises(RequestError, match=rf"no Ray cluster answers at '{where}' \(busy\): start one with `ray start"):
        begun(config)[0]._begin()
    assert len(ray.inits) == n_asked
