"""Every kind of damage is found and named; and what is sound stays so."""

from __future__ import annotations

import lzma
import random
from pathlib import Path

import duckdb
import pytest

from tests.builders import add_chains, build_store
from tests.crashes import content
from ttclib.errors import RequestError, TTCError
from ttclib.soundness import repair_store, verify_store
from ttclib.store import absorb, pending_parts, set_model_facts, write_part
from ttclib.store.packed import pack
from ttclib.store.schema import parts_directory

TREE = {"policy": "policy", "problem_id": "p000", "setting": "abc"}


def make(path: Path) -> Path:
    """Samples, chains, and a small tree on top of the samples."""
    build_store(path, n_problems=6, n_samples=4)
    add_chains(path, n_problems=2, n_chains=2, n_steps=3)
    nodes = [("0.1", None), ("0.1.0", None), ("0.1.0.g", "stop"), ("7", None), ("7.0", "stop")]
    rows = [TREE | {"path": name, "token_ids": [1, 2], "text": "#1", "finish_reason": end} for name, end in nodes]
    write_part(path, "nodes", rows)
    read = [TREE | {"path": name, "verifier": "prm", "step_score": 0.5} for name in ("0", "0.0", "0.1", "7.0")]
    write_part(path, "node_scores", read)
    grade = {"grader": "exact", "answer": "1", "answer_class": 1, "correct": True}
    write_part(path, "node_grades", [TREE | {"path": "7.0"} | grade])
    write_part(path, "counts", [{"policy": "policy", "problem_id": "p001", "setting": "c", "n": 9, "c": 3}])
    absorb(path)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("whole") / "s.duckdb")


@pytest.fixture
def store(whole, tmp_path) -> Path:
    path = tmp_path / "s.duckdb"
    path.write_bytes(whole.read_bytes())
    return path


def sql(path: Path, *statements: str, unseen: bool = True) -> None:
    """Change a file from outside; `unseen`: its checksums know of it, so that the rules alone must find it."""
    from ttclib.store.checksums import take_anew

    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS store")
        con.execute("USE store")
        for statement in statements:
            con.execute(statement)
        if unseen:
            take_anew(con)


def test_an_undamaged_store_is_sound_after_every_kind_of_write(store):
    assert verify_store(store).findings == ()
    write_part(store, "samples", [{**TREE, "sample_index": 99, "completion": "#1", "completion_tokens": 3}])
    assert verify_store(store).is_sound and pending_parts(store)  # with a part beside it
    absorb(store)
    set_model_facts(store, "policy", n_parameters=5)
    write_part(store, "models", [{"model": "policy", "n_layers": 3}])
    absorb(store)
    found = verify_store(store)
    assert found.findings == () and found.notes == () and found.rows["samples"] == 25


SAMPLE = "policy = 'policy' AND problem_id = 'p001' AND sample_index = 2"
DAMAGE = {
    "a sample of another problem": (
        f"UPDATE samples SET completion = '#4711' WHERE {SAMPLE}",
        {("grade", "grades")},
    ),
    "a sample moved to another problem": (
        f"UPDATE samples SET problem_id = 'p005', sample_index = 50 WHERE {SAMPLE}",
        {("reference", "scores"), ("reference", "grades")},
    ),
    "scores of other steps": (
        f"UPDATE scores SET step_scores = [.1, .2, .3] WHERE {SAMPLE}",
        {("steps", "scores")},
    ),
    "tokens that do not add up": (f"UPDATE samples SET completion_tokens = 1 WHERE {SAMPLE}", {("tokens", "samples")}),
    "a grade turned round": (f"UPDATE grades SET correct = NOT correct WHERE {SAMPLE}", {("grade", "grades")}),
    "a class of other answers": (
        f"UPDATE grades SET answer_class = (SELECT max(answer_class) FROM grades WHERE problem_id = 'p001' AND "
        f"answer_class <> (SELECT answer_class FROM grades WHERE {SAMPLE})) WHERE {SAMPLE}",
        {("class", "grades")},
    ),
    "a row twice": (f"INSERT INTO scores SELECT * FROM scores WHERE {SAMPLE}", {("key", "scores")}),
    "a problem that is gone": (
        "DELETE FROM problems WHERE problem_id = 'p005'",
        {("reference", "samples")},
    ),
    "a model that is gone": ("DELETE FROM models WHERE model = 'reviser'", {("reference", "revisions")}),
    "a run that is gone": ("UPDATE samples SET run_id = 'r9' WHERE sample_index = 1", {("reference", "samples")}),
    "samples that are gone": (
        f"DELETE FROM samples WHERE {SAMPLE}",
        {("reference", "scores"), ("reference", "grades")},
    ),
    "a node without a parent": (
        "DELETE FROM nodes WHERE path = '0.1'",
        {("path", "nodes"), ("reference", "node_scores")},
    ),
    "a node behind a leaf": ("UPDATE nodes SET path = '7.0.1' WHERE path = '0.1.0.g'", {("path", "nodes")}),
    "a node behind a sample's end": ("UPDATE nodes SET path = '1.0.0' WHERE path = '0.1.0.g'", {("path", "nodes")}),
    "a path that is none": ("UPDATE nodes SET path = '0..1x' WHERE path = '0.1.0.g'", {("path", "nodes")}),
    "a chain with a gap": ("DELETE FROM revisions WHERE chain = 0 AND position = 1", {("chain", "revisions")}),
    "more right than drawn": ("UPDATE counts SET c = n + 1", {("count", "counts")}),
    "an index below 0": ("UPDATE samples SET sample_index = -1 WHERE sample_index = 3", {("count", "samples")}),
    "a setting of other keys": (
        "UPDATE settings SET setting = '0123456789ab', keys = '{\"temperature\": 1}'",
        {("setting", "settings")},
    ),
    "keys that are no JSON": ("UPDATE settings SET keys = '{'", {("setting", "settings")}),
    "a credit of other words": (
        "INSERT INTO runs (run_id, command, config) VALUES ('credit-00', 'import', '{}')",
        {("setting", "runs")},
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_of_rows_is_found_by_the_rules(store, name):
    statement, expected = DAMAGE[name]
    sql(store, statement)
    found = verify_store(store)
    assert expected <= {(one.kind, one.table) for one in found.findings}, [one.line for one in found.findings]
    assert all(one.where and one.what for one in found.findings)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_what_is_left_of_several_damages_is_sound(store, first):
    sql(store, *(statement for statement, _ in list(DAMAGE.values())[first::3]))
    before = store.read_bytes()
    saved = repair_store(store, store.with_name("clean.duckdb"))
    assert saved.dropped and store.read_bytes() == before
    again = verify_store(store.with_name("clean.duckdb"))
    assert again.findings == () and again.rows["samples"] >= 12  # of 24


def test_what_no_rule_can_tell_the_checksums_do(store):
    sql(store, f"UPDATE samples SET elapsed_s = 1 WHERE {SAMPLE}", unseen=False)
    sql(
        store, "DELETE FROM scores WHERE problem_id = 'p002'", "DELETE FROM models WHERE model = 'nobody'", unseen=False
    )
    lines = [one.line for one in verify_store(store).findings]
    assert len(lines) == 2 and all("are not those that ttc wrote" in line for line in lines)
    assert "samples policy=policy problem_id=p001 setting=abc: 4 rows" in lines[0]
    assert "scores policy=policy problem_id=p002 setting=abc: 0 rows, 4 were written" in lines[1]
    saved = repair_store(store, store.with_name("clean.duckdb"))
    assert [one.kind for one in saved.left] == ["checksum"] * 2
    assert verify_store(store.with_name("clean.duckdb")).is_sound


def test_flipped_bytes_anywhere_are_found_or_harmless_and_restored(store, tmp_path):
    good, raw = content(store), store.read_bytes()
    rng, found, restored = random.Random(7), 0, 0
    for turn in range(8):
        damaged = bytearray(raw)
        damaged[rng.randrange(12_288) if turn % 4 == 0 else rng.randrange(len(raw))] ^= rng.randrange(1, 256)
        path = tmp_path / "flipped.duckdb"
        path.write_bytes(damaged)
        verdict = verify_store(path)
        if verdict.is_sound:
            assert content(path) == good
            continue
        found += 1
        clean = tmp_path / f"clean{turn}.duckdb"
        restored += bool(repair_store(path, clean).restored) and content(clean) == good
        assert verify_store(clean).is_sound and path.read_bytes() == bytes(damaged)
    assert found > 3 and restored > found // 2


def test_a_truncated_file_is_found_at_any_length(store, tmp_path):
    raw = store.read_bytes()
    rng = random.Random(1)
    for length in (0, 4096, 50_000, *(rng.randrange(len(raw)) for _ in range(3))):
        path = tmp_path / "cut.duckdb"
        path.write_bytes(raw)
        write_part(path, "problems", [{"problem_id": "new"}])
        path.write_bytes(raw[:length])
        found = verify_store(path)
        assert {one.kind for one in found.findings} >= {"storage"}, length
        # What waits beside it is saved whatever became of the file.
        clean = tmp_path / f"clean{length}.duckdb"
        assert repair_store(path, clean).rows["problems"] >= 1
        assert verify_store(clean).is_sound
        pending_parts(path)[0].unlink()


def test_a_damaged_region_loses_its_values_and_no_other(tmp_path):
    path = build_store(tmp_path / "s.duckdb", n_problems=20, n_samples=64)
    good, raw = content(path), bytearray(path.read_bytes())
    lost = 0
    for start in range(12_288, len(raw), 2 * 262_144):
        damaged = bytearray(raw)
        damaged[start + 1000 : start + 3000] = bytes(2000)
        path.write_bytes(damaged)
        found = verify_store(path)
        if found.is_sound or not found.rows:
            continue
        clean = tmp_path / f"clean{start}.duckdb"
        try:
            saved = repair_store(path, clean)
        except Exception as error:
            assert "nothing of" in str(error)
            continue
        assert verify_store(clean).is_sound
        lost += len(saved.lost)
        kept = {row[:4]: row for row in content(clean)["samples"]}
        for row in good["samples"]:  # what is kept is what was written, or unknown
            assert all(ours in (theirs, None) for ours, theirs in zip(kept.get(row[:4], row), row, strict=True))
    assert lost


def test_every_flip_in_a_part_is_found_and_the_others_are_taken_in(store):
    good = write_part(store, "problems", [{"problem_id": "good"}])
    part = write_part(store, "problems", [{"problem_id": f"new{n}", "prompt": "x" * n} for n in range(50)])
    raw = part.read_bytes()
    for position in random.Random(3).sample(range(len(raw)), 6):
        damaged = bytearray(raw)
        damaged[position] ^= 1
        part.write_bytes(damaged)
        (finding,) = verify_store(store).findings
        assert finding.kind == "part" and part.name in finding.where and finding.table == "problems"
    told = r"(is damaged|cannot be read) \(.*\): move it out of that folder; the other 1 were taken in"
    with pytest.raises(TTCError, match=told) as raised:
        absorb(store)
    assert raised.value.exit_status == 1
    assert pending_parts(store) == [part] and not good.exists()
    clean = store.with_name("clean.duckdb")
    saved = repair_store(store, clean)
    assert [one.kind for one in saved.left] == ["part"]
    assert ("good",) in {row[:1] for row in content(clean)["problems"]} and verify_store(clean).is_sound
    part.rename(parts_directory(store) / "00000000000000000009_000000-unknown-x.parquet")
    assert [one.kind for one in verify_store(store).findings] == ["part"]


def test_a_packed_store_is_looked_at_without_being_unpacked(store):
    packed = pack(store)
    assert verify_store(store).is_sound
    raw = packed.read_bytes()
    packed.write_bytes(raw[: len(raw) // 2])
    assert [one.kind for one in verify_store(store).findings] == ["packed"]
    store.unlink()
    for path in (store, packed):
        assert [one.kind for one in verify_store(path).findings] == ["packed"]
    packed.write_bytes(raw)
    assert verify_store(store).is_sound and verify_store(packed).rows["samples"] == 24
    damaged = bytearray(lzma.decompress(raw))
    damaged[100_000] ^= 1
    packed.write_bytes(lzma.compress(damaged))
    found = verify_store(packed)
    assert found.is_sound or "storage" in {one.kind for one in found.findings}
    assert not store.exists()  # nothing was written


def test_what_ttclib_did_not_put_there_is_told_and_left_behind(store):
    good = content(store)
    sql(
        store,
        "CREATE TABLE mine (a INTEGER)",
        "CREATE VIEW samples_view AS SELECT * FROM samples",
        "CREATE MACRO read_parquet(x) AS 1",
        unseen=False,
    )
    lines = [one.line for one in verify_store(store).findings]
    assert len(lines) == 3 and all("did not put there" in line for line in lines)
    clean = store.with_name("clean.duckdb")
    repair_store(store, clean)
    assert verify_store(clean).is_sound and content(clean) == good


def test_a_log_that_is_damaged_is_found_and_one_that_was_cut_off_is_told(store):
    import os

    from tests.crashes import killed

    good = content(store)

    def work(say):
        con = duckdb.connect()
        con.execute(f"ATTACH '{store}' AS store")
        con.execute("INSERT INTO store.runs (run_id, command) VALUES ('r1', 'sample'), ('r2', 'sample')")
        con.execute("INSERT INTO store.checksums SELECT 'runs', NULL, NULL, NULL, 2, NULL")
        say("done")
        os.kill(os.getpid(), 9)

    assert killed(work, 2)[0] == ["done"]
    log = store.with_name("s.duckdb.wal")
    raw = log.read_bytes()
    assert not any("ends within" in note for note in verify_store(store).notes)
    log.write_bytes(raw[:-5])
    assert any("ends within an entry" in note for note in verify_store(store).notes)
    log.write_bytes(raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:])
    assert [one.kind for one in verify_store(store).findings] == ["log"]
    repair_store(store, store.with_name("clean.duckdb"))  # without the log
    assert content(store.with_name("clean.duckdb")) == good


def test_an_old_store_is_looked_at_as_it_is(tmp_path):
    from tests.store.old_stores import VERSIONS, old_store

    for version in VERSIONS:
        path = old_store(version, tmp_path / f"{version}.duckdb")
        before = path.read_bytes()
        found = verify_store(path)
        assert found.is_sound, [one.line for one in found.findings]
        assert any("no checksums" in note for note in found.notes) and path.read_bytes() == before
        assert repair_store(path, tmp_path / f"clean{version}.duckdb").rows == found.rows


def test_requests_that_are_wrong(store, tmp_path):
    with pytest.raises(RequestError, match="no store at"):
        verify_store(tmp_path / "no.duckdb")
    with pytest.raises(RequestError, match="is there already"):
        repair_store(store, store)
    (tmp_path / "text.duckdb").write_text("hello" * 1000)
    assert [one.kind for one in verify_store(tmp_path / "text.duckdb").findings] == ["storage"]
    with pytest.raises(Exception, match="nothing of .* can be saved") as raised:
        repair_store(tmp_path / "text.duckdb", tmp_path / "clean.duckdb")
    assert raised.value.exit_status == 1 and not (tmp_path / "clean.duckdb").exists()


OF_A_STRANGER = {
    "a generated column": [
        "CREATE TABLE old AS SELECT * FROM samples",
        "DROP TABLE samples",
        "CREATE TABLE samples (policy VARCHAR NOT NULL, problem_id VARCHAR NOT NULL, setting VARCHAR NOT NULL, "
        "sample_index INTEGER NOT NULL, completion VARCHAR AS (policy || '#'))",
        "INSERT INTO samples SELECT policy, problem_id, setting, sample_index FROM old",
        "DROP TABLE old",
    ],
    "values of another type": [
        "ALTER TABLE samples ALTER completion_tokens TYPE VARCHAR",
        "UPDATE samples SET completion_tokens = 'many'",
    ],
    "a view in a table's place": ["DROP TABLE features", "CREATE VIEW features AS SELECT error('was run') AS policy"],
    "checksums that are a view": ["DROP TABLE checksums", "CREATE VIEW checksums AS SELECT error('was run') AS hash"],
    "macros named as DuckDB's": ["CREATE MACRO hash(x) AS 1", "CREATE MACRO bit_xor(x) AS 1"],
}


@pytest.mark.parametrize("name", OF_A_STRANGER)
def test_what_a_stranger_put_there_is_not_run(store, name):
    sql(store, *OF_A_STRANGER[name], unseen=False)
    assert "foreign" in {one.kind for one in verify_store(store).findings}
    clean = store.with_name("clean.duckdb")
    assert repair_store(store, clean).rows["samples"] == 24 and verify_store(clean).is_sound
    assert all(row[4] != "policy#" for row in content(clean)["samples"])


def test_features_of_questions_are_compared_too(store):
    rows = [
        {**TREE, "feature": "hidden", "hidden": b"abcd", "prompt_tokens": 3},
        {**TREE, "feature": "greedy", "completion": "#1", "completion_tokens": 2, "logprob": -1.0},
    ]
    write_part(store, "features", rows)
    absorb(store)
    assert verify_store(store).is_sound
    sql(
        store,
        "UPDATE features SET hidden = 'abc'::BLOB WHERE feature = 'hidden'",
        "UPDATE features SET policy = 'nobody' WHERE feature = 'greedy'",
    )
    found = {(one.kind, one.table) for one in verify_store(store).findings}
    assert found == {("tokens", "features"), ("reference", "features")}
    repair_store(store, store.with_name("clean.duckdb"))
    assert verify_store(store.with_name("clean.duckdb")).is_sound


def test_a_folder_of_parts_is_a_store(store, tmp_path):
    part = write_part(store, "problems", [{"problem_id": "new"}])
    (folder := tmp_path / "parts").mkdir()
    with pytest.raises(RequestError, match="is a folder without parts"):
        verify_store(folder)
    copy = folder / part.name
    copy.write_bytes(part.read_bytes())
    assert verify_store(folder).is_sound
    assert repair_store(folder, tmp_path / "clean.duckdb").rows["problems"] == 1
    copy.write_bytes(part.read_bytes()[:-9])
    (finding,) = verify_store(folder).findings
    assert finding.kind == "part"
