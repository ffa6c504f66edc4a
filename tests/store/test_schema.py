"""The schema, pinned column by column, its versions, and what is refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.store.processes import row
from ttclib.errors import RequestError, TTCError
from ttclib.store import absorb, connect, load_pool, schema, write_part
from ttclib.store.parts import arrow_schema
from ttclib.store.schema import SCHEMA_VERSION
from ttclib.store.tables import TABLES, columns_of

# A store made by an earlier release must stay readable: change this together with a migration.
KEY = {"policy": "VARCHAR", "problem_id": "VARCHAR", "setting": "VARCHAR", "sample_index": "INTEGER"}
POLICY = ("policy", "problem_id", "setting")
NODE = {"policy": "VARCHAR", "problem_id": "VARCHAR", "setting": "VARCHAR", "path": "VARCHAR"}
ANSWER = {
    **{name: NODE[name] for name in POLICY},
    "chain": "INTEGER",
    "position": "INTEGER",
}
GRADE = {"grader": "VARCHAR", "answer": "VARCHAR", "answer_class": "INTEGER", "correct": "BOOLEAN"}
READING = {"verifier": "VARCHAR", "reading": "INTEGER"}
SPENT = {"prm_tokens": "INTEGER", "generated_tokens": "INTEGER", "said": "VARCHAR", "run_id": "VARCHAR"}
THOUGHT = {"reasoning": "VARCHAR", "reasoning_tokens": "INTEGER"}
A_TOKEN = {"token_logprobs": "BLOB", "token_entropies": "BLOB", "token_top20": "BLOB"}
CHECKSUMS = {
    "table_name": "VARCHAR",
    "policy": "VARCHAR",
    "problem_id": "VARCHAR",
    "setting": "VARCHAR",
    "n_rows": "BIGINT",
    "hash": "UBIGINT",
}
EXPECTED = {
    "problems": {
        "problem_id": "VARCHAR",
        "benchmark": "VARCHAR",
        "prompt": "VARCHAR",
        "reference_answer": "VARCHAR",
        "metadata": "VARCHAR",
    },
    "models": {
        "model": "VARCHAR",
        "kind": "VARCHAR",
        "path": "VARCHAR",
        "revision": "VARCHAR",
        "weights_hash": "VARCHAR",
        "tokenizer_hash": "VARCHAR",
        "reads": "VARCHAR",
        "architecture": "VARCHAR",
        "n_parameters": "BIGINT",
        "n_embedding": "BIGINT",
        "n_layers": "INTEGER",
        "n_heads": "INTEGER",
        "n_kv_heads": "INTEGER",
        "head_dim": "INTEGER",
        "hidden_size": "INTEGER",
        "training_tokens": "BIGINT",
        "usd_per_mtok_input": "DOUBLE",
        "usd_per_mtok_output": "DOUBLE",
        "price_date": "VARCHAR",
    },
    "settings": {"setting": "VARCHAR", "keys": "VARCHAR"},
    "runs": {
        "run_id": "VARCHAR",
        "command": "VARCHAR",
        "started_at": "TIMESTAMP",
        "seed": "BIGINT",
        "problem_ids": "VARCHAR[]",
        "config": "VARCHAR",
        "versions": "VARCHAR",
    },
    "samples": {
        **KEY,
        "completion": "VARCHAR",
        "completion_ids": "INTEGER[]",
        "finish_reason": "VARCHAR",
        "prompt_tokens": "INTEGER",
        "completion_tokens": "INTEGER",
        "logprob": "DOUBLE",
        "step_tokens": "INTEGER[]",
        "step_logprobs": "DOUBLE[]",
        **THOUGHT,
        **A_TOKEN,
        "elapsed_s": "DOUBLE",
        "run_id": "VARCHAR",
    },
    "features": {
        **{name: KEY[name] for name in POLICY},
        "feature": "VARCHAR",
        "prompt_tokens": "INTEGER",
        "layer": "INTEGER",
        "hidden": "BLOB",
        "completion": "VARCHAR",
        "completion_tokens": "INTEGER",
        "logprob": "DOUBLE",
        "run_id": "VARCHAR",
    },
    "counts": {**{name: KEY[name] for name in POLICY}, "n": "BIGINT", "c": "BIGINT", "run_id": "VARCHAR"},
    "scores": {**KEY, **READING, "step_scores": "DOUBLE[]", **SPENT},
    "grades": {
        **KEY,
        **GRADE,
    },
    "nodes": {
        **NODE,
        "token_ids": "INTEGER[]",
        "text": "VARCHAR",
        "finish_reason": "VARCHAR",
        "logprob": "DOUBLE",
        **A_TOKEN,
        "run_id": "VARCHAR",
    },
    "node_scores": {**NODE, **READING, "step_score": "DOUBLE", **SPENT},
    "node_grades": {**NODE, **GRADE},
    "revisions": {
        **ANSWER,
        "completion": "VARCHAR",
        "completion_ids": "INTEGER[]",
        "finish_reason": "VARCHAR",
        "prompt_tokens": "INTEGER",
        "completion_tokens": "INTEGER",
        "logprob": "DOUBLE",
        **THOUGHT,
        **A_TOKEN,
        "run_id": "VARCHAR",
    },
    "revision_scores": {**ANSWER, **READING, "step_scores": "DOUBLE[]", **SPENT},
    "revision_grades": {**ANSWER, **GRADE},
}
KEYS = {
    "problems": ("problem_id",),
    "models": ("model",),
    "settings": ("setting",),
    "runs": ("run_id",),
    "samples": tuple(KEY),
    "counts": POLICY,
    "features": (*POLICY, "feature"),
    "scores": (*KEY, *READING),
    "grades": (*KEY, "grader"),
    "nodes": tuple(NODE),
    "node_scores": (*NODE, *READING),
    "node_grades": (*NODE, "grader"),
    "revisions": tuple(ANSWER),
    "revision_scores": (*ANSWER, *READING),
    "revision_grades": (*ANSWER, "grader"),
}


def columns_in_file(path: Path) -> dict[str, dict[str, str]]:
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def raw(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as con:
        for statement in statements:
            con.execute(statement)
    return path


def test_a_new_file_has_exactly_these_columns(tmp_path):
    path = tmp_path / "s.duckdb"
    assert absorb(path) == 0
    found = columns_in_file(path)
    assert found.pop("schema_version") == {"version": "INTEGER", "applied_at": "TIMESTAMP"}
    assert found.pop("checksums") == CHECKSUMS
    assert found == EXPECTED
    assert SCHEMA_VERSION == 5
    assert TABLES == KEYS


def test_views_parts_and_the_schemas_text_agree_on_the_columns(tmp_path):
    assert {table: dict(columns_of(table)) for table in TABLES} == EXPECTED
    assert {table: arrow_schema(table).names for table in TABLES} == {t: list(c) for t, c in EXPECTED.items()}
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    for _ in range(2):  # from the part alone, then from the file
        with connect(path) as con:
            for table, columns in EXPECTED.items():
                described = con.execute(f"DESCRIBE {table}").fetchall()
                assert {name: kind for name, kind, *_ in described} == columns
        absorb(path)


def test_keys_cannot_be_null_in_the_file(tmp_path):
    path = tmp_path / "s.duckdb"
    absorb(path)
    with duckdb.connect(str(path), read_only=True) as con:
        query = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND NOT is_nullable"
        required = con.execute(query).fetchall()
    assert sorted(required) == sorted((table, column) for table, key in KEYS.items() for column in key)


def downgraded(path: Path) -> Path:
    """A store as version 1 made it: without the tables that came later."""
    absorb(path)
    later = ["checksums", *(table for table in TABLES if table.startswith(("node", "revision")))]
    return raw(path, *(f"DROP TABLE {table}" for table in later), "UPDATE schema_version SET version = 1")


def test_version_1_gains_the_tree_and_the_revisions_and_keeps_its_rows(tmp_path):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    downgraded(path)
    with connect(path) as con:  # read as it is, the later tables empty
        assert con.execute("SELECT count(*) FROM nodes").fetchall() == [(0,)]
    absorb(path)
    found = columns_in_file(path)
    found.pop("schema_version")
    assert found.pop("checksums") == CHECKSUMS
    assert found == EXPECTED
    with connect(path) as con:
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(1,)]


def test_an_older_file_is_migrated_in_order_and_once(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    absorb(path)
    done: list[int] = []

    def step(number: int):
        def migration(con: duckdb.DuckDBPyConnection) -> None:
            done.append(number)
            con.execute(f"INSERT INTO store.main.runs (run_id) VALUES ('step {number}')")

        return migration

    now = SCHEMA_VERSION
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step(now), step(now + 1)))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", now + 2)
    with connect(path) as con:  # an older file is read as it is
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(1,)]
    absorb(path)
    absorb(path)
    assert done == [now, now + 1]
    with connect(path) as con:
        runs = con.execute("SELECT run_id FROM runs ORDER BY 1").fetchall()
        assert runs == [(f"step {now}",), (f"step {now + 1}",)]
        versions = con.execute("SELECT version FROM store.schema_version ORDER BY 1").fetchall()
        assert versions == [(now,), (now + 1,), (now + 2,)]
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    absorb(path)
    before = columns_in_file(path)

    def broken(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("ALTER TABLE store.runs ADD COLUMN half INTEGER")
        con.execute("SELECT no_such_column FROM store.runs")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(TTCError):
        absorb(path)
    assert columns_in_file(path) == before


def test_a_new_file_needs_no_migration(tmp_path, monkeypatch):
    def never(con: duckdb.DuckDBPyConnection) -> None:
        raise AssertionError

    monkeypatch.setattr(schema, "MIGRATIONS", (never,) * (SCHEMA_VERSION - 1))
    absorb(tmp_path / "s.duckdb")


@pytest.mark.parametrize("use", [absorb, load_pool])
class TestRefused:
    """Each in one line with exit status 2, the file untouched."""

    def refuse(self, use, path: Path, message: str) -> None:
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(RequestError, match=message) as raised:
            use(path)
        assert "\n" not in str(raised.value)
        assert str(path) in str(raised.value)
        assert raised.value.exit_status == 2
        assert (path.read_bytes() if path.is_file() else None) == before

    def test_newer_schema(self, tmp_path, use):
        absorb(tmp_path / "s.duckdb")
        path = raw(tmp_path / "s.duckdb", f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION + 1}, now()::TIMESTAMP)")
        self.refuse(
            use, path, f"schema version {SCHEMA_VERSION + 1}, this ttclib reads up to {SCHEMA_VERSION}: upgrade"
        )

    @pytest.mark.parametrize(
        "content", [b"", b"hello\n", b"not a database\n" * 1000, b"SQLite format 3\0" + b"\0" * 5000]
    )
    def test_no_duckdb_file(self, tmp_path, use, content):
        path = tmp_path / "s.duckdb"
        path.write_bytes(content)
        self.refuse(use, path, "is no DuckDB file")

    def test_a_cut_off_duckdb_file(self, tmp_path, use):
        absorb(tmp_path / "whole.duckdb")
        path = tmp_path / "s.duckdb"
        path.write_bytes((tmp_path / "whole.duckdb").read_bytes()[:5000])
        self.refuse(use, path, "or a damaged one")

    def test_a_folder(self, tmp_path, use):
        self.refuse(use, tmp_path, "is no DuckDB file")

    def test_a_duckdb_file_of_something_else(self, tmp_path, use):
        path = raw(tmp_path / "s.duckdb", "CREATE TABLE mine (a INTEGER)")
        self.refuse(use, path, "is a DuckDB file but no ttclib store")


def test_a_missing_store_says_how_to_make_one(tmp_path):
    path = tmp_path / "none.duckdb"
    for use in (load_pool, lambda path: connect(path).__enter__()):
        with pytest.raises(RequestError, match=r"no store at .*ttc sample.*ttc import"):
            use(path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_duckdb_file_reads_as_empty(tmp_path):
    path = raw(tmp_path / "s.duckdb")
    with connect(path) as con:
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(0,)]
    write_part(path, "samples", [row(0)])
    with connect(path) as con:
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(1,)]
    assert absorb(path) == 1


def test_an_empty_store_holds_no_samples(tmp_path):
    absorb(tmp_path / "s.duckdb")
    with pytest.raises(RequestError, match="holds no samples: collect some with `ttc sample`"):
        load_pool(tmp_path / "s.duckdb")
