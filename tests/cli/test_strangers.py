"""A store that somebody sent: its samples are read, and nothing else in it runs, reaches out or is written to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.builders import build_store
from tests.cli import commands
from tests.cli.commands import Done, error_line, listing, table_rows
from ttclib.store import absorb, connect, load_pool, write_part
from ttclib.store.connection import replace_grades
from ttclib.store.foreign import ForeignStoreError, foreign_objects
from ttclib.store.isolation import new_connection, shut
from ttclib.store.models import set_model_facts
from ttclib.store.parts import as_table

LINE = {"problem_id": "p000", "policy": "policy", "sample_index": 99, "prompt": "1", "completion": "2", "answer": "2"}
PART = {"policy": "policy", "problem_id": "p000", "setting": "abc"}
# By name: what it is called in the report, and the SQL that puts it there.
ATTACKS = {
    "trigger that deletes": (
        "trigger 't' on grades",
        "CREATE TRIGGER t AFTER INSERT ON grades FOR EACH STATEMENT DELETE FROM samples",
    ),
    "trigger that reads a file": (
        "trigger 't' on models",
        "CREATE TRIGGER t BEFORE UPDATE ON models FOR EACH STATEMENT "
        "INSERT INTO problems SELECT content, NULL, NULL, NULL, NULL FROM read_text('{secret}')",
    ),
    "view in place of a table": (
        "view 'counts'",
        "DROP TABLE counts; CREATE VIEW counts AS SELECT content AS policy, 'p000' AS problem_id, 'abc' AS setting, "
        "1::BIGINT AS n, 1::BIGINT AS c, NULL AS run_id FROM read_text('{secret}')",
    ),
    "view of a file": ("view 'v'", "CREATE VIEW v AS SELECT * FROM read_text('{secret}')"),
    "view of another database": (
        "view 'v'",
        "ATTACH '{folder}/other.duckdb' AS other; CREATE TABLE other.main.x AS SELECT 1 AS a; "
        "CREATE VIEW v AS SELECT * FROM other.main.x; DETACH other",
    ),
    "table macro": (
        "macro 'read_parquet'",
        "CREATE MACRO read_parquet(a, union_by_name := 1, hive_partitioning := 1, filename := 1, file_row_number := 1) "
        "AS TABLE SELECT 'p' AS policy, 'f' AS filename, 1 AS file_row_number",
    ),
    "macro": ("macro 'count'", "CREATE MACRO count(a) AS 77"),
    "default with a function": (
        "default of column grades.answer",
        "ALTER TABLE grades ALTER answer SET DEFAULT (current_setting('home_directory'))",
    ),
    "generated column": (
        "generated column runs.seed",
        "ALTER TABLE runs DROP seed; ALTER TABLE runs ADD COLUMN seed BIGINT; "
        "CREATE TABLE r AS FROM runs; DROP TABLE runs; "
        "CREATE TABLE runs (run_id VARCHAR NOT NULL, command VARCHAR, started_at TIMESTAMP, problem_ids VARCHAR[], "
        "config VARCHAR, versions VARCHAR, seed BIGINT GENERATED ALWAYS AS (len(run_id))); "
        "INSERT INTO runs BY NAME SELECT * EXCLUDE (seed) FROM r; DROP TABLE r",
    ),
    "check": (
        "CHECK on settings (setting)",
        "CREATE TABLE o AS FROM settings; DROP TABLE settings; "
        "CREATE TABLE settings (setting VARCHAR NOT NULL CHECK (setting <> 'x'), keys VARCHAR); "
        "INSERT INTO settings FROM o; DROP TABLE o",
    ),
    "table by another name": ("table 'payload'", "CREATE TABLE payload (a VARCHAR)"),
    "table in another schema": ("table 'store.samples'", "CREATE SCHEMA store; CREATE TABLE store.samples (a VARCHAR)"),
    "column": ("column 'more' of samples", "ALTER TABLE samples ADD COLUMN more VARCHAR"),
    "column of another type": (
        "column samples.prompt_tokens of type VARCHAR, which is INTEGER",
        "ALTER TABLE samples ALTER prompt_tokens TYPE VARCHAR",
    ),
    "collation": (
        "a collation in table settings",
        "DROP TABLE settings; CREATE TABLE settings (setting VARCHAR COLLATE NOCASE NOT NULL, keys VARCHAR)",
    ),
    "index": ("index 'i' on samples", "CREATE UNIQUE INDEX i ON samples ((completion_tokens + sample_index * 0))"),
    "sequence": ("sequence 's'", "CREATE SEQUENCE s"),
    "type": ("type 'mood'", "CREATE TYPE mood AS ENUM ('a')"),
    "key that may be missing": (
        "column grades.grader, a key, without NOT NULL",
        "ALTER TABLE grades ALTER grader DROP NOT NULL",
    ),
    "no table": ("no table counts", "DROP TABLE counts"),
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """A store whose samples p000 are not graded yet, beside a file that is nobody's business."""
    folder = tmp_path_factory.mktemp("strangers")
    path = build_store(folder / "clean.duckdb", n_problems=4, n_samples=4)
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE samples SET completion = 'The answer is 2', completion_tokens = sample_index * 1000")
        con.execute("UPDATE samples SET completion_tokens = completion_tokens + substr(problem_id, 2)::INTEGER")
        con.execute("DELETE FROM grades WHERE problem_id = 'p000'")
    (folder / "secret.txt").write_text("the secret")
    return path


@pytest.fixture
def send(clean, tmp_path, monkeypatch):
    """Make the clean store a stranger's."""
    monkeypatch.chdir(tmp_path)

    def sent(*attacks: str) -> Path:
        path = tmp_path / "s.duckdb"
        shutil.copyfile(clean, path)
        with duckdb.connect(str(path)) as con:
            for attack in attacks:
                sql = ATTACKS.get(attack, ("", attack))[1]
                con.execute(sql.format(secret=clean.with_name("secret.txt"), folder=tmp_path))
        return path

    return sent


def ttc(*arguments: object) -> Done:
    return commands.ttc(*arguments, cwd=Path.cwd())


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_else_a_store_holds_is_told_of_and_it_is_not_written_to(attack, send, clean, tmp_path):
    path = send(attack)
    (tmp_path / "more.jsonl").write_text(json.dumps(LINE))
    named = ATTACKS[attack][0]
    before = listing(tmp_path)
    assert named in json.loads(ttc("status", path, "--json").stdout)["foreign"]
    shown = ttc("status", path)
    assert shown.returncode == 0 and named in shown.stdout and "secret" not in shown.stdout + shown.stderr
    for command in (
        ("grade", path),
        ("import", "more.jsonl", "--store", path),
        ("models", path, "--set", "policy", "n_layers=2"),
        ("sample", "lab", "--store", path, "--limit", "1", "--n-samples", "1"),
    ):
        refused = ttc(*command)
        assert refused.returncode == 2, refused.stderr
        line = error_line(refused)
        assert "holds what ttclib did not make" in line and f"ttc verify {path} --repair --output CLEAN" in line
    assert listing(tmp_path) == before
    ours = load_pool(clean, policy="policy")
    theirs = load_pool(path, policy="policy")
    assert theirs.problem_ids == ours.problem_ids and (theirs.present == ours.present).all()


@pytest.mark.parametrize("attack", ["trigger that deletes", "view of a file", "default with a function"])
def test_the_library_refuses_what_the_commands_refuse(attack, send, tmp_path):
    path = send(attack)
    row = {**PART, "sample_index": 0, "grader": "g-1", "correct": True}
    before = listing(tmp_path)
    for write in (
        lambda: write_part(path, "grades", [row]),
        lambda: absorb(path),
        lambda: replace_grades(path, "grades", "g-1", as_table("grades", [row])),
        lambda: set_model_facts(path, "policy", n_layers=2),
    ):
        with pytest.raises(ForeignStoreError):
            write()
    assert listing(tmp_path) == before


def test_a_trigger_that_waits_in_the_log_is_not_merged(clean, tmp_path):
    path = tmp_path / "s.duckdb"
    source = tmp_path / "source.duckdb"
    shutil.copyfile(clean, source)
    with duckdb.connect(str(source)) as con:
        con.execute(ATTACKS["trigger that deletes"][1])
        shutil.copyfile(source, path)
        shutil.copyfile(f"{source}.wal", f"{path}.wal")
    before = listing(tmp_path)
    assert foreign_of(path) == ["trigger 't' on grades"]
    with pytest.raises(ForeignStoreError):
        absorb(path)
    assert listing(tmp_path) == before


def foreign_of(path: Path) -> list[str]:
    con = new_connection()
    con.execute(f"ATTACH '{path}' AS store (TYPE duckdb, READ_ONLY)")
    with shut(con):
        return foreign_objects(con)


def test_a_clean_store_holds_nothing_foreign(clean):
    assert foreign_of(clean) == []
    assert json.loads(ttc("status", clean, "--json").stdout)["foreign"] == []


def test_readers_are_told_once_a_command(send):
    path = send("trigger that deletes", "macro", "view of a file", "sequence")
    told = ttc("replay", path, "--strategy", "pass_at_k").stderr
    assert told.count("holds what ttclib did not make") == 1
    assert "trigger 't' on grades, view 'v', macro 'count' and 1 more" in told


def test_macros_by_the_name_of_every_function_change_no_answer(send, clean):
    with duckdb.connect() as con:
        names = con.execute(
            "SELECT DISTINCT function_name, function_type = 'table' FROM duckdb_functions() "
            "WHERE regexp_matches(function_name, '^[a-z_0-9]+$') AND function_type IN ('table', 'scalar', 'aggregate')"
        ).fetchall()
    assert len(names) > 800
    macros = [
        f'CREATE OR REPLACE MACRO "{name}"({signature}) AS {"TABLE SELECT 1 AS evil" if table else "-77"}'
        for name, table in names
        for signature in ["a" if not table else ""]
    ]
    path = send(*macros)
    for command in (
        ("status", "--json"),
        ("replay", "--strategy", "pass_at_k,best_of_n,majority_vote", "--json"),
        ("models", "--json"),
        ("difficulty", "--json"),
    ):
        ours, theirs = (ttc(command[0], one, *command[1:]) for one in (clean, path))
        found, expected = json.loads(theirs.stdout), json.loads(ours.stdout)
        if command[0] == "status":
            for one in (found, expected):
                for name in ("store", "bytes", "foreign"):
                    one.pop(name)
        assert found == expected


def test_generated_columns_and_collations_are_not_read(send):
    path = send("generated column", "DELETE FROM settings", "collation")
    with duckdb.connect(str(path)) as con:
        con.execute("INSERT INTO runs (run_id) VALUES ('r')")
        con.execute("INSERT INTO settings VALUES ('A', '{}'), ('a', '{}')")
    with connect(path) as con:
        assert con.execute("SELECT seed FROM runs WHERE run_id = 'r'").fetchall() == [(None,)]
        assert con.execute("SELECT count(*) FROM settings WHERE setting = 'a'").fetchall() == [(1,)]


def test_rows_without_their_key_are_not_read(send):
    path = send(
        "ALTER TABLE samples ALTER policy DROP NOT NULL",
        "ALTER TABLE samples ALTER sample_index DROP NOT NULL",
        "INSERT INTO samples (problem_id, setting, sample_index) VALUES ('p000', 'abc', 70)",
        "INSERT INTO samples (policy, problem_id, setting) VALUES ('policy', 'p000', 'abc')",
    )
    shown = ttc("status", path)
    assert shown.returncode == 0 and table_rows(shown.stdout)[0]["samples"] == "16"
    assert ttc("replay", path, "--strategy", "pass_at_k").returncode == 0


def test_a_connection_reaches_nothing_but_its_store(clean, tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n")
    samples = [1]  # by whose name a query finds no Python variable
    with connect(clean) as con:
        for sql in (
            f"FROM read_csv('{tmp_path}/x.csv')",
            f"FROM '{tmp_path}/x.csv'",
            f"COPY (SELECT 1) TO '{tmp_path}/y.csv'",
            f"ATTACH '{tmp_path}/z.duckdb' AS z",
            f"EXPORT DATABASE '{tmp_path}/out'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "FROM glob('/*')",
            "FROM 'https://localhost/x.parquet'",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SET autoload_known_extensions = true",
            "FROM list_of_mine",
        ):
            list_of_mine = samples  # noqa: F841
            with pytest.raises(duckdb.Error):
                con.execute(sql)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv"]


def test_no_other_file_makes_a_connection():
    import ttclib

    root = Path(ttclib.__file__).parent
    made = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(
            words in path.read_text(encoding="utf-8")
            for words in ("duckdb.connect", "import connect as", "from duckdb")
        )
    ]
    assert made == ["store/isolation.py"]
    said = [path.name for path in root.rglob("*.py") if 'execute("USE' in path.read_text(encoding="utf-8")]
    assert said == []
