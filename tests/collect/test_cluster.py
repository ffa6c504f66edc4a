"""Workers of a Ray cluster on this machine: what is in the store is what one process puts there, whoever is killed.

What takes minutes is in `tests.collect.cluster`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from tests.collect.runs import start, write_config
from tests.collect.test_run import rows
from ttclib.cli import cli
from ttclib.collect.engines import cluster
from ttclib.collect.verifiers import load_prm
from ttclib.config import PrmConfig
from ttclib.errors import RequestError

CONTENT = {
    "samples": "SELECT * EXCLUDE (run_id, elapsed_s, logprob, step_logprobs, token_logprobs, token_entropies, "
    "token_top20) FROM samples",
    "scores": "SELECT * EXCLUDE (run_id, step_scores), len(step_scores) FROM scores",
    "grades": "SELECT * FROM grades",
    "problems": "SELECT * FROM problems",
    "settings": "SELECT * FROM settings",
    "models": "SELECT * FROM models",
}
PATIENCE_S = 240


def content(store: Path, table: str) -> list:
    return rows(store, f"{CONTENT[table]} ORDER BY ALL")


def close(one: Path, other: Path) -> bool:
    """Whether what is rounded otherwise in other batches is near."""
    queries = (
        "SELECT problem_id, sample_index, logprob, elapsed_s >= 0 FROM samples ORDER BY ALL",
        "SELECT problem_id, sample_index, unnest(step_scores) FROM scores ORDER BY ALL",
    )
    found = [(x, y) for query in queries for x, y in zip(rows(one, query), rows(other, query), strict=True)]
    return all(x[:2] == y[:2] and x[2:] == pytest.approx(y[2:], abs=1e-4) for x, y in found)


def ended(processes: list, *words: object) -> tuple[int, str]:
    """How a run ended, and what it said; where Ray itself does not start, there is nothing to test."""
    pytest.importorskip("ray", reason="ray is not installed")
    processes.append(start(*words))
    try:
        said, _ = processes[-1].communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        processes[-1].kill()
        said, _ = processes[-1].communicate()
        if re.search(r"ray: [\d,]+ workers", said) and "waiting for the cluster" not in said:
            raise
        pytest.skip(f"Ray has begun no worker within {PATIENCE_S} s")
    if "no Ray cluster answers" in said:
        pytest.skip("Ray does not start on this machine")
    return processes[-1].returncode, said


def test_a_killed_worker_loses_nothing_and_two_give_what_one_process_gives(
    tmp_path, tiny_policy, tiny_prm, processes
) -> None:
    one, many = tmp_path / "one.duckdb", tmp_path / "many.duckdb"
    alone = write_config(tmp_path / "one.toml", one, tiny_policy, tiny_prm)
    file = write_config(tmp_path / "many.toml", many, tiny_policy, tiny_prm)
    assert CliRunner().invoke(cli, ["sample", str(alone)]).exit_code == 0
    status, said = ended(processes, "killing", 1, 1, 0, "sample", file, "--on", "ray", "--workers", 2)
    assert status == 0, said
    assert said.count("a worker died; another does its batch again") == 1, said
    for table in CONTENT:
        assert content(many, table) == content(one, table), table
    assert close(one, many)


def test_a_prm_without_weights_writes_what_it_would_read(tiny_prm: Path) -> None:
    config = PrmConfig(name="prm", path=str(tiny_prm))
    shape, whole = load_prm(config, weights=False), load_prm(config)
    solution = ("1+2=\n", ["1+2=3\n", "3"])
    assert shape.encode(*solution) == whole.encode(*solution)
    assert shape.model_facts() == whole.model_facts()
    with pytest.raises(RequestError, match=r"prm.device = 'meta' cannot be used here"):
        load_prm(config.model_copy(update={"device": "meta"}))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--on", "slurm"], "--on slurm: give ray, or ray://HOST:PORT"),
        (["--on", "ray", "--workers", "0"], "--workers 0: give 1 or more"),
        (["--workers", "2"], "--workers 2 without --on: add --on ray"),
        (["--shard", "3/2"], "--shard '3/2': give i/n"),
    ],
)
def test_what_cannot_be_shared_out_so_is_refused(tmp_path, tiny_policy, words, told) -> None:
    file = write_config(tmp_path / "run.toml", tmp_path / "s.duckdb", tiny_policy)
    result = CliRunner().invoke(cli, ["sample", str(file), *words])
    assert isinstance(result.exception, RequestError) and told in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


def test_without_ray_the_extra_is_named(tmp_path, tiny_policy, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    file = write_config(tmp_path / "run.toml", tmp_path / "s.duckdb", tiny_policy)
    result = CliRunner().invoke(cli, ["sample", str(file), "--on", "ray"])
    assert "pip install 'ttclib[ray]'" in str(result.exception)
