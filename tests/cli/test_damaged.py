"""Commands on damaged stores: one line that names the store and `ttc verify`, exit status 1, and nothing written."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.builders import build_store
from tests.cli.commands import listing, ttc
from ttclib.soundness import verify_store

SAMPLE = {
    "problem_id": "n",
    "policy": "policy",
    "sample_index": 0,
    "reference_answer": "2",
    "prompt": "1+1",
    "completion": "#2",
}
READING = (
    *(("status",), ("status", "--json"), ("models",), ("lint",), ("export",), ("export", "--output", "out.parquet")),
    *(("replay", "--strategy", "best_of_n"), ("difficulty",), ("lengths",), ("verifiers",)),
)
WRITING = (
    *(("import", "new.jsonl", "--store"), ("grade", "--grader", "exact"), ("grade", "--again", "--grader", "exact")),
    *(("models", "--set", "policy", "n_parameters=7"), ("backup", "--to", "out.duckdb")),
    *(("merge", "--into", "out.duckdb"), ("split", "--by", "policy", "--into", "out")),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    return build_store(tmp_path_factory.mktemp("whole") / "s.duckdb", n_problems=4, n_samples=8).read_bytes()


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """A byte flipped, or the end cut off."""
    content = bytearray(raw)
    if rng.random() < 0.25:
        return raw[: rng.randrange(12_288, len(raw))]
    content[rng.randrange(len(raw))] ^= rng.randrange(1, 256)
    return bytes(content)


def run(command: tuple[str, ...], folder: Path):
    words = [*command, "s.duckdb"] if command[-1] == "--store" else [command[0], "s.duckdb", *command[1:]]
    return ttc(*words, cwd=folder)


def test_no_command_ends_in_a_traceback_or_writes_to_a_damaged_store(whole, tmp_path):
    rng = random.Random(11)
    (tmp_path / "new.jsonl").write_text(json.dumps(SAMPLE) + "\n", encoding="utf-8")
    path, refused = tmp_path / "s.duckdb", 0
    for _ in range(8):
        path.write_bytes(damaged(whole, rng))
        if verify_store(path).is_sound:
            continue
        before = listing(tmp_path)
        for command in (*rng.sample(READING, 3), *rng.sample(WRITING, 3)):
            done = run(command, tmp_path)
            if command in WRITING or done.returncode:
                lines = [line for line in done.stderr.splitlines() if line.startswith("ttc: ")]
                assert done.returncode == 1 and len(lines) == 1, (command, done)
                assert "s.duckdb" in lines[0] and "ttc verify" in lines[0], (command, done)
                assert listing(tmp_path) == before, command
                refused += 1
            (tmp_path / "out.parquet").unlink(missing_ok=True)
    assert refused > 15


def test_verify_says_what_is_sound_and_repairs(whole, tmp_path):
    path = tmp_path / "s.duckdb"
    path.write_bytes(whole)
    done = ttc("verify", path, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "sound; 4 problems" in done.stdout
    for wrong in (("--repair",), ("--output", "c.duckdb"), ("--repair", "--output", path)):
        assert ttc("verify", path, *wrong, cwd=tmp_path).returncode == 2
    for start in range(12_288, len(whole), 262_144):  # some blocks are not in use
        content = bytearray(whole)
        content[start + 8 : start + 2008] = random.Random(start).randbytes(2000)
        path.write_bytes(content)
        if not verify_store(path).is_sound:
            break
    done = ttc("verify", path, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and not found["sound"] and found["findings"][0]["kind"] == "storage"
    assert "finding" in done.stderr and "--repair" in done.stderr
    done = ttc("verify", path, cwd=tmp_path)
    assert done.returncode == 1 and "not sound" in done.stdout and "sound:" in done.stdout
    done = ttc("verify", path, "--repair", "--output", "c.duckdb", cwd=tmp_path)
    assert path.read_bytes() == bytes(content)
    if done.returncode == 0:
        assert "saved" in done.stdout and ttc("verify", "c.duckdb", cwd=tmp_path).returncode == 0
    else:  # the catalogue itself was in that block
        assert "nothing of" in done.stderr and not (tmp_path / "c.duckdb").exists()


def test_backup_merge_and_split_say_what_they_made(whole, tmp_path):
    (tmp_path / "s.duckdb").write_bytes(whole)
    assert "32 samples" in ttc("backup", "s.duckdb", "--to", "b.duckdb", cwd=tmp_path).stdout
    assert "32 samples" in ttc("merge", "s.duckdb", "b.duckdb", "--into", "m.duckdb", cwd=tmp_path).stdout
    done = ttc("split", "m.duckdb", "--by", "problems", "--parts", "2", "--into", "cut", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 2 and len(list((tmp_path / "cut").iterdir())) == 2
    for words in (
        ("merge", "--into", "x.duckdb"),
        ("merge", "no.duckdb", "--into", "x.duckdb"),
        ("split", "m.duckdb", "--by", "polcy", "--into", "x"),
    ):
        before = listing(tmp_path)
        done = ttc(*words, cwd=tmp_path)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and listing(tmp_path) == before
