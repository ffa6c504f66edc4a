"""Several processes on one store: work is shared, told truthfully, and taken over from those that were killed."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.collect.runs import start, write_config
from tests.collect.test_run import rows, with_
from ttclib.cli import main
from ttclib.collect import keeper, run
from ttclib.collect.sharing import Shard, read_shard
from ttclib.config import RunConfig, load_config
from ttclib.errors import RequestError
from ttclib.store.ingest import ingest
from ttclib.store.schema import parts_directory
from ttclib.store.tables import TABLES

FEATURES = "SELECT policy, problem_id, setting, feature, layer, prompt_tokens FROM features ORDER BY ALL"
CONTENT = "SELECT problem_id, sample_index, completion_ids, finish_reason, logprob FROM samples ORDER BY ALL"
PATIENCE_S = 240


def drawn(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def counted(said: str, what: str) -> tuple[int, int]:
    """What a process says that it and others have done."""
    here, others = re.search(rf"([\d,]+) samples {what} here, ([\d,]+) by others meanwhile", said).groups()
    return int(here.replace(",", "")), int(others.replace(",", ""))


def test_two_samplers_share_the_work_and_say_what_each_did(tmp_path, tiny_policy, tiny_prm, processes) -> None:
    store, log = tmp_path / "s.duckdb", tmp_path / "drawn"
    file = write_config(tmp_path / "run.toml", store, tiny_policy, tiny_prm)
    processes += [start("noted", log, 0.4, "sample", file) for _ in range(2)]
    told = [one.communicate(timeout=PATIENCE_S)[0] for one in processes]
    assert [one.returncode for one in processes] == [0, 0], told
    seeds = drawn(log)
    assert len(seeds) == len(set(seeds)) == 256  # nothing was drawn twice
    counts = [counted(text, "drawn") for text in told if "drawn here" in text]
    if len(counts) == 2:  # both were there in time
        assert sum(here for here, _ in counts) == 256 and all(here + others == 256 for here, others in counts)
    for table in ("samples", "scores", "grades"):
        assert rows(store, f"SELECT count(*) FROM {table}") == [(256,)]
    assert not parts_directory(store).exists()  # no claim, no lease is left


def test_what_a_killed_sampler_was_at_is_done_by_the_other(tmp_path, tiny_policy, processes) -> None:
    store, log = tmp_path / "s.duckdb", tmp_path / "drawn"
    file = write_config(tmp_path / "run.toml", store, tiny_policy)
    victim = start("noted", log, 0.5, "sample", file)
    processes.append(victim)
    deadline = time.monotonic() + PATIENCE_S
    while len(drawn(log)) < 48 and time.monotonic() < deadline:
        time.sleep(0.02)
    other = start("noted", tmp_path / "others", 0.05, "sample", file)
    processes.append(other)
    while not drawn(tmp_path / "others") and victim.poll() is None:
        time.sleep(0.02)
    victim.kill()
    told, _ = other.communicate(timeout=PATIENCE_S)
    assert other.returncode == 0, told
    assert rows(store, "SELECT count(*) FROM samples") == [(256,)]
    twice = set(drawn(log)) & set(drawn(tmp_path / "others"))
    assert len(twice) <= 16  # the batch in flight
    assert not parts_directory(store).exists()


def test_shards_are_the_whole_in_one_store_or_in_several(config: RunConfig, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeper, "_ABSORB_EVERY_S", 3600)
    config = with_(config, sampling={"n_samples": 20})
    whole = config.model_copy(update={"store": tmp_path / "whole.duckdb"})
    assert run.sample(whole) == 100
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    assert sum(run.sample(config, shard=shard) for shard in shards) == 100
    assert [run.sample(config, shard=shard) for shard in shards] == [0, 0, 0]  # any may be rerun
    assert rows(config.store, CONTENT.replace(", logprob", "")) == rows(whole.store, CONTENT.replace(", logprob", ""))
    assert rows(config.store, FEATURES) == rows(whole.store, FEATURES)

    apart = [config.model_copy(update={"store": tmp_path / f"shard-{shard.number}.duckdb"}) for shard in shards]
    for own, shard in zip(apart, shards, strict=True):
        run.sample(own, shard=shard)
    keeper.take_in(apart[0].store)  # one a file, two folders of parts
    sources = [apart[0].store, *(parts_directory(own.store) for own in apart[1:])]
    assert sum(len(rows(own.store, FEATURES)) for own in apart) == 5  # each prompt is read by one shard
    found = ingest(tmp_path / "joined.duckdb", sources)
    of_file = [table for table in TABLES if rows(apart[0].store, f"SELECT 1 FROM {table} LIMIT 1")]
    assert not found.refused and found.n_removed == found.n_parts - len(of_file)  # what came of a file stays there
    for query in (CONTENT, FEATURES):
        assert rows(tmp_path / "joined.duckdb", query) == rows(config.store, query)
    assert run.sample(config.model_copy(update={"store": tmp_path / "joined.duckdb"})) == 0


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "", "-1/2", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="give i/n with i from 1 to n"):
        read_shard(text)


def test_what_fails_once_something_is_written_is_no_wrong_request(tmp_path, tiny_policy, monkeypatch) -> None:
    (tmp_path / "prm").mkdir()  # a folder without a model: found out when it is loaded, after sampling
    store = tmp_path / "s.duckdb"
    for prm, status in ((tmp_path / "nowhere", 2), (tmp_path / "prm", 1)):
        file = write_config(tmp_path / "run.toml", store, tiny_policy, prm, n_samples=2, limit=2)
        monkeypatch.setattr(sys, "argv", ["ttc", "sample", str(file)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == status
        assert run.is_sampled(load_config(str(file))) == (status == 1)
