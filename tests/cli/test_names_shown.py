"""Names come from anybody: what a terminal would obey in them is shown; cells that hold nonsense are a line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.builders import add_chains, build_store
from tests.cli.commands import error_line, ttc
from ttclib.errors import RequestError, TTCError, visible

EVIL = "\x1b[2Jevil\x9b31m\n\u202ename\x07\rttc: all is well"
SHOWN = r"\x1b[2Jevil\x9b31m\n\u202ename\x07\rttc: all is well"
OBEYED = set("\x1b\x9b\u202e\x07\r\x08\x7f")
DRAWN = ("samples", "scores", "grades", "revisions", "revision_scores", "revision_grades")


def changed(source: Path, target: Path, *statements: tuple[str, list[object]]) -> Path:
    shutil.copyfile(source, target)
    with duckdb.connect(str(target)) as con:
        for sql, values in statements:
            con.execute(sql, values)
    return target


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    path = build_store(tmp_path_factory.mktemp("names") / "plain.duckdb", n_problems=4, n_samples=4)
    return add_chains(path, n_problems=3, n_chains=2, n_steps=2)


@pytest.fixture(scope="module")
def evil(plain) -> Path:
    """The same store with a name in every place that is printed."""
    renamed = [(f"UPDATE {table} SET policy = ? WHERE policy = 'policy'", [EVIL]) for table in DRAWN]
    renamed += [(f"UPDATE {table} SET problem_id = ? WHERE problem_id = 'p000'", [EVIL]) for table in DRAWN]
    renamed += [
        ("UPDATE problems SET problem_id = ? WHERE problem_id = 'p000'", [EVIL]),
        ("UPDATE problems SET benchmark = ?", [EVIL]),
        ("UPDATE models SET model = ?, path = ? WHERE model = 'policy'", [EVIL, EVIL]),
        ("UPDATE scores SET verifier = ?", [EVIL]),
        ("UPDATE settings SET keys = ?", [json.dumps({"temperature": 1, EVIL: EVIL})]),
        ("INSERT INTO runs (run_id, config) VALUES ('credit-1', ?)", [json.dumps({"credit": EVIL})]),
    ]
    return changed(plain, plain.with_name("evil.duckdb"), *renamed)


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("status", "--json"),
        ("replay", "--strategy", "pass_at_k,best_of_n"),
        ("replay", "--strategy", "best_of_n", "--csv"),
        ("replay", "--strategy", "best_of_n", "--json"),
        ("models",),
        ("difficulty",),
        ("verifiers",),
        ("frontier",),
        ("lint", "--json"),
        ("export",),
    ],
)
def test_no_command_prints_what_a_terminal_obeys(command, evil, tmp_path):
    narrow, done = (ttc(command[0], evil, *command[1:], cwd=tmp_path, COLUMNS=width) for width in ("80", "400"))
    said = done.stdout + done.stderr
    assert not any(line.startswith("ttc:") for line in narrow.stdout.splitlines())
    assert done.returncode == 0, done.stderr
    assert not OBEYED & set(said) and not any(line.startswith("ttc:") for line in said.splitlines())
    if command[0] in ("status", "models") and "--json" not in command:
        assert SHOWN in said
    if "--json" in command and command[0] != "lint":
        assert EVIL in json.dumps(json.loads(done.stdout), ensure_ascii=False).encode().decode() or any(
            EVIL in str(value) for value in _values(json.loads(done.stdout))
        )


def _values(found: object) -> list[object]:
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [found, *(value for one in inner for value in _values(one))]


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "STORE", "--strategy", "best_of_n", "--policy", "nope"),
        ("replay", "STORE", "--strategy", "best_of_n", "--policy", EVIL + "!"),
        ("replay", "STORE", "--strategy", "best_of_n", "--verifier", "nope"),
        ("replay", "STORE", "--strategy", "best_of_n", "--benchmark", "nope"),
        ("replay", EVIL, "--strategy", "best_of_n"),
        ("replay", "STORE", f"--{EVIL}"),
        (EVIL,),
        ("sample", EVIL),
        ("import", EVIL, "--store", "x.duckdb"),
        ("plan", "show", EVIL),
    ],
)
def test_an_error_stays_one_line(command, evil, tmp_path):
    line = error_line(ttc(*(evil if part == "STORE" else part for part in command), cwd=tmp_path))
    assert line.isprintable() and r"\x1b[2J" in line


def test_errors_are_lines_of_their_own_alone():
    assert str(TTCError("a\nb")) == r"a\nb" and str(RequestError("a", "b\x1b")) == "a\nb\\x1b"
    assert visible("a\xa0b π 数") == "a\xa0b π 数" and visible("\u2028\ud800") == r"\u2028\ud800"


NO_OBJECT = ["no json", "[1, 2]", "3", "NaN", "[" * 100_000, "9" * 6000, '{"a":' * 200 + "1" + "}" * 200]


@pytest.mark.parametrize("cell", NO_OBJECT)
def test_a_setting_whose_keys_are_no_object_is_one_line(cell, plain, tmp_path):
    path = changed(plain, tmp_path / "s.duckdb", ("UPDATE settings SET keys = ?", [cell]))
    for command in (("status", path), ("replay", path, "--strategy", "pass_at_k"), ("export", path)):
        assert "setting 'abc'" in error_line(ttc(*command, cwd=tmp_path), status=1)


@pytest.mark.parametrize(
    "cell", [*NO_OBJECT, "{}", '{"sampling": 3}', '{"sampling": {"n_samples": "x"}, "prm": 7, "problems": []}']
)
def test_a_run_whose_configuration_is_nonsense_leaves_unknown_what_is_left(cell, plain, tmp_path):
    run = ("INSERT INTO runs (run_id, command, started_at, config) VALUES ('r', 'sample', now()::TIMESTAMP, ?)", [cell])
    credit = ("INSERT INTO runs (run_id, config) VALUES ('credit-1', ?)", [cell])
    metadata = ("UPDATE problems SET metadata = ?", [cell])
    own = ("UPDATE samples SET run_id = 'r', completion = 'the answer is 2'", [])
    path = changed(plain, tmp_path / "s.duckdb", run, credit, metadata, own)
    (row,) = json.loads(ttc("status", path, "--json", cwd=tmp_path).stdout)["policies"]
    assert row["left"] is None and row["n_samples"] == 16
    assert ttc("grade", path, "--grader", "exact", "--again", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("node", ["", "x", "0..1", "-1", "9" * 20, "0.1.", ".", " 1", "1e3", "0.0x", "١", "\x1b[2J"])
def test_an_odd_node_path_is_one_line(node, plain, tmp_path):
    path = changed(
        plain,
        tmp_path / "s.duckdb",
        ("UPDATE samples SET step_tokens = [completion_tokens - 1, 1]", []),
        ("UPDATE scores SET step_scores = [0.5, 0.6]", []),
        (
            "INSERT INTO nodes (policy, problem_id, setting, path, token_ids) VALUES ('policy', 'p000', 'abc', ?, [1])",
            [node],
        ),
    )
    line = error_line(ttc("replay", path, "--strategy", "beam_search", cwd=tmp_path), status=1)
    assert f"node {visible(repr(node))} of problem 'p000'" in line and line.isprintable()


def test_a_pipe_in_place_of_a_file_is_not_waited_for(plain, tmp_path):
    for name in ("run.toml", "plan.json", "prices.csv", "s.duckdb", "lines.jsonl"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "lines.toml").write_text(
        'store = "x.duckdb"\n[problems]\nsource = "lines.jsonl"\n[policy]\nname = "m"\npath = "lab:policy"\n'
    )
    for command in (
        ("sample", "run.toml"),
        ("sample", "lines.toml"),
        ("plan", "show", "plan.json"),
        ("models", plain, "--prices", "prices.csv"),
        ("status", "s.duckdb"),
        ("import", "lines.jsonl", "--store", "x.duckdb"),
    ):
        assert " no " in error_line(ttc(*command, cwd=tmp_path))


def test_a_configuration_of_nonsense_is_one_line(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    for name, content in {
        "deep": b"a = " + b"[" * 5000 + b"]" * 5000,
        "dotted": b".".join([b"a"] * 5000) + b" = 1",
        "tables": b"a = " + b"{a=" * 5000 + b"1" + b"}" * 5000,
        "integer": b"a = " + b"9" * 5000,
        "hexadecimal": b"a = 0x" + b"f" * 5000,
        "bytes": b'store = "\xff\xfe"',
        "nothing": b"\0" * 100,
        "key": b'"\\u001b[2J" = 1',
        "utf16": 'store = "x"'.encode("utf-16"),
        "long": b'a = "' + b"x" * 5_000_000 + b'"',
    }.items():
        (tmp_path / f"{name}.toml").write_bytes(content)
    for path in sorted(tmp_path.glob("*.toml")):
        done = ttc("config", path.name, cwd=tmp_path)
        lines = done.stderr.splitlines()
        assert done.returncode == 2 and lines and all(line.startswith(f"ttc: config '{path.name}'") for line in lines)
        assert all(line.isprintable() and len(line) < 1000 for line in lines) and "no config" not in lines[0]
