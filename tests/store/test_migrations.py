"""Stores of every earlier schema: read as they are, brought up to date with every row, and added to."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest

from ttclib.setting_keys import setting_name
from ttclib.store import absorb, connect, contents, load_chains, load_pool, load_tree, write_part
from ttclib.store.schema import SCHEMA_VERSION, parts_directory
from ttclib.store.status import store_status
from ttclib.store.tables import TABLES, columns_of

VERSIONS = {int(path.stem): path for path in (Path(__file__).parent / "versions").glob("*.sql")}
FORMAT = '{"template":"{prompt}","system":null,"chat":false}'
KEYS = {
    "prompt_format": {"template": "{prompt}", "system": None, "chat": False},
    "temperature": 0.5,
    "top_p": 1.0,
    "max_tokens": 256,
    "stop": ['a"b', "\n"],
    "step_delimiter": "\n",
}
NAME = setting_name(KEYS)
SAMPLE = f"'m', 'p', '{NAME}'"


def store_of(version: int, path: Path) -> Path:
    """A store as that version of ttclib made it, with a row in each table."""
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE schema_version (version INTEGER, applied_at TIMESTAMP)")
        con.execute(VERSIONS[version].read_text(encoding="utf-8"))
        con.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [version])
        con.execute("INSERT INTO problems VALUES ('p', 'bench', '1+1=', '2', NULL)")
        con.execute("INSERT INTO models (model, path, n_parameters) VALUES ('m', 'dir/m', 7)")
        if version < 3:
            row = [NAME, FORMAT, 0.5, 1.0, 256, KEYS["stop"], "\n"]
            con.execute("INSERT INTO settings VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        else:
            con.execute("INSERT INTO settings VALUES (?, ?)", [NAME, json.dumps(KEYS)])
        con.execute("INSERT INTO settings (setting) VALUES ('imported')")
        if version >= 3:
            con.execute("UPDATE settings SET keys = '{}' WHERE setting = 'imported'")
        con.execute("INSERT INTO runs (run_id, command) VALUES ('r', 'sample')")
        con.execute(
            "INSERT INTO samples (policy, problem_id, setting, sample_index, completion, prompt_tokens, "
            f"completion_tokens, step_tokens, run_id) VALUES ({SAMPLE}, 0, 'a\n2', 3, 4, [2, 2], 'r')"
        )
        first = ", 0" if version >= 3 else ""  # a reading's number
        of = "policy, problem_id, setting"
        number = ", reading" if version >= 3 else ""
        con.execute(
            f"INSERT INTO scores ({of}, sample_index, verifier{number}, step_scores, prm_tokens, run_id) "
            f"VALUES ({SAMPLE}, 0, 'prm'{first}, [0.5, 0.25], 7, 'r')"
        )
        con.execute(f"INSERT INTO grades VALUES ({SAMPLE}, 0, 'exact-1', '2', 0, true)")
        if version >= 2:
            con.execute(
                f"INSERT INTO nodes ({of}, path, token_ids, text, finish_reason, logprob, run_id) "
                f"VALUES ({SAMPLE}, '0.1', [1, 2], 'b', 'stop', -1.5, 'r')"
            )
            con.execute(
                f"INSERT INTO node_scores ({of}, path, verifier{number}, step_score, prm_tokens, run_id) "
                f"VALUES ({SAMPLE}, '0.1', 'prm'{first}, 0.75, 5, 'r')"
            )
            con.execute(f"INSERT INTO node_grades VALUES ({SAMPLE}, '0.1', 'exact-1', '3', 1, false)")
            con.execute(
                f"INSERT INTO revisions ({of}, chain, position, completion, completion_ids, finish_reason, "
                "prompt_tokens, completion_tokens, logprob, run_id) "
                f"VALUES ({SAMPLE}, 0, 0, '2', [1], 'stop', 3, 1, -0.5, 'r')"
            )
            con.execute(
                f"INSERT INTO revision_scores ({of}, chain, position, verifier{number}, step_scores, prm_tokens, "
                f"run_id) VALUES ({SAMPLE}, 0, 0, 'orm'{first}, [0.9], 4, 'r')"
            )
            con.execute(f"INSERT INTO revision_grades VALUES ({SAMPLE}, 0, 0, 'exact-1', '2', 0, true)")
    return path


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
    (found,) = contents(path)
    assert found.setting == pool.setting and found.verifier_kinds == {"prm": "prm"}
    assert store_status(path)["policies"][0]["temperature"] == 0.5
    with connect(path) as con:
        assert con.execute("SELECT keys FROM settings WHERE setting = 'imported'").fetchall() == [("{}",)]
        assert con.execute("SELECT count(*) FROM counts").fetchall() == [(0,)]
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
        f"SELECT * FROM (VALUES ({SAMPLE}, 0, 'other', [0.1], 2, 'r'{', 0' if version >= 3 else ''})) AS t(policy, "
        "problem_id, setting, sample_index, verifier, step_scores, prm_tokens, run_id"
        f"{', reading' if version >= 3 else ''})",
    )
    keys = """'{"temperature": 2.0, "prompt_format": "plain"}' AS keys"""
    drawn = "2.0 AS temperature, 'plain' AS prompt_format" if version < 3 else keys
    old_part(path, version, "settings", f"SELECT 't2' AS setting, {drawn}")
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


def test_the_stores_that_ship_are_read():
    root = Path(__file__).resolve().parents[2] / "store"
    if not (root / "demo.duckdb.xz").exists():
        pytest.skip("no demo here")
    found = {(row.policy, row.setting.keys["temperature"]): row for row in contents(root / "demo.duckdb")}
    assert found["lab-policy", 1].n_samples == 64_000 and found["lab-policy", 1].verifier_kinds == {"lab-prm": "prm"}
    assert found["lab-policy-14x", 0].n_samples == 250
    pool = load_pool(root / "demo.duckdb", policy="lab-policy-14x", setting={"temperature": 0})
    assert pool.pool_sizes.tolist() == [1] * 250 and not np.isnan(pool.correct).any()
