"""Stores of every earlier schema: read as they are, brought up to date with every row, and added to."""

from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.crashes import migrating_from
from tests.store.old_stores import KEYS, NAME, SAMPLE, VERSIONS
from tests.store.old_stores import old_store as store_of
from ttclib.store import absorb, connect, contents, load_chains, load_pool, load_tree, write_part
from ttclib.store.schema import SCHEMA_VERSION, parts_directory
from ttclib.store.status import store_status
from ttclib.store.tables import TABLES, columns_of


def old_part(path: Path, version: int, table: str, query: str) -> None:
    """A part as that version wrote it: with its columns, whatever they are today."""
    folder = parts_directory(path)
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as con:
        con.execute(VERSIONS[version].read_text(encoding="utf-8"))
        con.execute(f"INSERT INTO {table} BY NAME {query}")
        con.execute(f"COPY {table} TO '{folder}/00000000000000000001_000000-{table}-x.parquet'")


def check(path: Path, version: int) -> None:
    pool = load_pool(path, setting={"temperature": 0.5})
    assert (pool.setting.name, pool.setting.keys, pool.benchmark) == (NAME, KEYS, "bench")
    assert pool.correct.tolist() == [[1.0]] and pool.policy_parameters == 7
    assert pool.verifier("prm").by("min").tolist() == [[0.25]]
    assert pool.verifier("prm").prm_tokens.tolist() == [[7.0]]
    found = contents(path)[0]
    assert found.setting == pool.setting and found.verifier_kinds == {"prm": "prm"}
    assert store_status(path)["policies"][0]["temperature"] == 0.5
    with connect(path) as con:
        assert con.execute("SELECT keys FROM settings WHERE setting = 'imported'").fetchall() == [("{}",)]
        assert con.execute("SELECT count(*) FROM counts").fetchall() == [(int(version >= 3),)]
    if version >= 2:
        tree = load_tree(path, policy="m", setting=pool.setting, verifier="prm")
        assert tree.step(0, "0.1") == (2, True, 0.75, 5.0) and tree.grade(0, "0.1") == (1, 0.0)
        chains = load_chains(path)
        assert chains.setting == pool.setting and chains.verifier("orm").by().tolist() == [[[0.9]]]


def test_every_earlier_schema_is_here():
    assert sorted(VERSIONS) == list(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_an_old_store_reads_the_same_before_and_after_it_is_brought_up_to_date(version, tmp_path):
    path = store_of(version, tmp_path / "s.duckdb")
    before = path.read_bytes()
    check(path, version)
    assert path.read_bytes() == before  # reading changes nothing
    absorb(path)
    check(path, version)
    with duckdb.connect(str(path), read_only=True) as con:
        columns = con.execute("SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal")
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in columns.fetchall():
            found.setdefault(table, {})[column] = kind
        required = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND NOT is_nullable"
        ).fetchall()
    assert {table: found[table] for table in TABLES} == {table: dict(columns_of(table)) for table in TABLES}
    assert sorted(required) == sorted((table, column) for table, key in TABLES.items() for column in key)


@pytest.mark.parametrize("version", sorted(VERSIONS))
@pytest.mark.parametrize("absorbed", [False, True])
def test_parts_of_an_older_ttclib_are_taken_in_and_new_ones_beside_them(version, absorbed, tmp_path):
    path = store_of(version, tmp_path / "s.duckdb")
    old_part(
        path,
        version,
        "scores",
        f"SELECT *{', 0 AS reading' if version > 2 else ''} FROM (VALUES ({SAMPLE}, 0, 'other', [0.1], 2, 'r')) AS t("
        "policy, problem_id, setting, sample_index, verifier, step_scores, prm_tokens, run_id)",
    )
    keys = ", ".join(
        ["2.0 AS temperature", "'plain' AS prompt_format"]
        if version < 3
        else ["""'{"temperature": 2.0, "prompt_format": "plain"}' AS keys"""]
    )
    old_part(path, version, "settings", f"SELECT 't2' AS setting, {keys}")
    write_part(path, "settings", [{"setting": "t3", "keys": json.dumps({"temperature": 3})}])
    write_part(path, "models", [{"model": "m", "path": "elsewhere", "weights_hash": "abc", "n_layers": 2}])
    reading = {"policy": "m", "problem_id": "p", "setting": NAME, "sample_index": 0, "verifier": "other"}
    write_part(path, "scores", [{**reading, "reading": 1, "step_scores": [0.3], "prm_tokens": 5}])
    write_part(path, "scores", [{**reading, "step_scores": [0.99]}])  # the first reading is there already
    if absorbed:
        absorb(path)
    check_other = load_pool(path).verifiers["other"]
    assert check_other.by().tolist() == [[pytest.approx(0.2)]] and check_other.prm_tokens.tolist() == [[7.0]]
    with connect(path) as con:
        keys = dict(con.execute("SELECT setting, keys FROM settings").fetchall())
        model = con.execute(
            "SELECT path, weights_hash, n_layers, n_parameters FROM models WHERE model = 'm'"
        ).fetchall()
    assert json.loads(keys["t2"]) == {"temperature": 2.0, "prompt_format": "plain"}
    assert json.loads(keys["t3"]) == {"temperature": 3}
    assert model == [("dir/m", "abc", 2, 7)]  # what was known stays, what was not is filled in


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_a_migration_that_is_killed_keeps_every_row(version, tmp_path):
    rng = random.Random(version)
    assert sum(migrating_from(version, tmp_path, rng) for _ in range(3))


def test_the_stores_that_ship_are_read():
    root = Path(__file__).resolve().parents[2] / "store"
    if not (root / "demo.duckdb.xz").exists():
        pytest.skip("no demo here")
    found = {(row.policy, row.setting.keys["temperature"]): row for row in contents(root / "demo.duckdb")}
    assert found["lab-policy", 1].n_samples == 64_000 and found["lab-policy", 1].verifier_kinds == {"lab-prm": "prm"}
    assert found["lab-policy-14x", 0].n_samples == 250
    pool = load_pool(root / "demo.duckdb", policy="lab-policy-14x", setting={"temperature": 0})
    assert pool.pool_sizes.tolist() == [1] * 250 and not np.isnan(pool.correct).any()
