"""What the commands print: the contracts that scripts build on."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import click
import pytest

from tests.cli.commands import ROOT, error_line, ttc
from tests.store.processes import start
from ttclib.cli import cli
from ttclib.store import write_part

KEYS = ["strategy", "budget", "bin", "accuracy", "ci_low", "ci_high", "n_problems", "n_samples", "tokens", "flops"]
MORE_KEYS = [*KEYS, "variant", "mc_error"]


@pytest.fixture
def replay(small_store):
    """Replay the small store; what it printed."""

    def one(*arguments: object) -> str:
        done = ttc("replay", "--store", small_store, *arguments, cwd=small_store.parent)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return one


def test_replay_json(replay):
    rows = json.loads(replay("--strategy", "pass_at_k,best_of_n", "--budgets", "4,1", "--json"))
    assert [list(row) for row in rows] == [MORE_KEYS] * 4
    found = [(row["strategy"], row["budget"], row["bin"]) for row in rows]
    assert found == [("pass_at_k", 4, None), ("pass_at_k", 1, None), ("best_of_n", 4, None), ("best_of_n", 1, None)]
    for row in rows:
        assert 0 <= row["ci_low"] <= row["accuracy"] <= row["ci_high"] <= 1
        assert (row["n_problems"], row["n_samples"]) == (20, 320)
        assert row["flops"] == pytest.approx(2 * 161_728 * row["tokens"])
    assert rows[1]["accuracy"] == pytest.approx(rows[3]["accuracy"])  # with one sample there is nothing to choose
    assert rows[0]["tokens"] == pytest.approx(4 * rows[1]["tokens"])


def test_replay_bins(replay):
    rows = json.loads(replay("--strategy", "majority_vote", "--budgets", "2", "--bins", "4", "--json"))
    assert [row["bin"] for row in rows] == [None, 1, 2, 3, 4]
    assert sum(row["n_problems"] for row in rows[1:]) == rows[0]["n_problems"]
    accuracy = [row["accuracy"] for row in rows[1:]]
    assert accuracy == sorted(accuracy, reverse=True)  # 1 is the easiest
    predicted = replay("--strategy", "pass_at_k", "--bins", "2", "--difficulty", "predicted", "--json")
    assert {row["bin"] for row in json.loads(predicted)} == {None, 1, 2}


def test_replay_csv_is_the_same_table(replay):
    command = ("--strategy", "weighted_best_of_n", "--aggregation", "min", "--seed", "3")
    table = list(csv.DictReader(io.StringIO(replay(*command, "--csv"))))
    rows = json.loads(replay(*command, "--json"))
    assert list(table[0]) == MORE_KEYS
    assert [int(row["budget"]) for row in table] == [1, 2, 4, 8, 16]  # by default up to the pool
    assert [float(row["accuracy"]) for row in table] == pytest.approx([row["accuracy"] for row in rows])
    assert table[0]["bin"] == ""


def test_replay_takes_ranges_and_all(replay):
    def budgets(text):
        return [row["budget"] for row in json.loads(replay("--strategy", "pass_at_k", "--budgets", text, "--json"))]

    assert budgets("1-3,8,2") == [1, 2, 3, 8]
    assert budgets("all") == list(range(1, 17))


def test_replay_with_transform_cap_band_and_subsets(replay):
    def accuracy(*more):
        rows = json.loads(replay("--strategy", "weighted_best_of_n", "--budgets", "4", "--json", *more))
        return rows[0]

    plain = accuracy()
    assert plain["mc_error"] == 0  # 16 samples: every subset was listed
    assert accuracy("--transform", "logit")["accuracy"] != plain["accuracy"]
    assert accuracy("--subsets", "50")["mc_error"] > 0
    capped = accuracy("--length-cap", "50")
    assert capped["accuracy"] < plain["accuracy"] and capped["tokens"] < plain["tokens"]
    band = accuracy("--interval", "simultaneous")
    assert band["accuracy"] == plain["accuracy"] and band["ci_low"] != plain["ci_low"]


def test_replay_says_how_many_samples_are_not_scored(small_store):
    key = {"policy": "policy", "problem_id": "p000", "setting": "abc"}
    write_part(small_store, "samples", [{**key, "sample_index": 16}, {**key, "sample_index": 17}])
    write_part(small_store, "grades", [{**key, "sample_index": 16, "grader": "given", "correct": True}])
    done = ttc("replay", "--store", small_store, "--strategy", "best_of_n", "--budgets", "2", cwd=small_store.parent)
    assert done.returncode == 0
    assert "2 of 322 samples have no prm score: best-of-N ranks them last, no vote counts them" in done.stderr


def test_replay_table_shows_every_column_and_row(replay):
    text = replay("--strategy", "pass_at_k", "--bins", "5")
    assert all(key in text for key in KEYS) and "…" not in text
    assert text.count("pass_at_k") == 5 * 6


def test_replay_says_where_pools_differ(small_store, tmp_path):
    extra = {"policy": "policy", "correct": True}
    lines = tmp_path / "more.jsonl"
    lines.write_text(
        "\n".join(json.dumps({**extra, "problem_id": p, "sample_index": i}) for p, i in [("a", 0), ("b", 0), ("b", 1)])
    )
    assert ttc("import", lines, "--store", "d.duckdb", cwd=tmp_path).returncode == 0
    done = ttc("replay", "--store", "d.duckdb", "--strategy", "pass_at_k", "--budgets", "2", cwd=tmp_path)
    assert done.returncode == 0 and "pools differ: 1 to 2 samples" in done.stderr


def test_export_and_import_by_pipe(small_store, tmp_path):
    exported = ttc("export", "--store", small_store, cwd=tmp_path)
    assert exported.returncode == 0 and len(exported.stdout.splitlines()) == 320
    (tmp_path / "lines.jsonl").write_text(exported.stdout, encoding="utf-8")
    imported = ttc("import", "lines.jsonl", "--store", "copy.duckdb", cwd=tmp_path)
    assert (imported.returncode, imported.stdout) == (0, "")
    assert imported.stderr == "grade: 320 of 320 samples\nimport: 320 samples added to 'copy.duckdb'\n"
    assert ttc("export", "--store", "copy.duckdb", cwd=tmp_path).stdout == exported.stdout
    piped = ttc("import", "-", "--store", "piped.duckdb", cwd=tmp_path, text=exported.stdout)
    assert piped.stderr == "grade: 320 of 320 samples\nimport: 320 samples added to 'piped.duckdb'\n"
    ttc("export", "--store", "copy.duckdb", "--output", "again.jsonl", cwd=tmp_path)
    assert (tmp_path / "again.jsonl").read_text(encoding="utf-8") == exported.stdout
    command = ("--strategy", "best_of_n,majority_vote", "--csv")
    both = [ttc("replay", "--store", store, *command, cwd=tmp_path).stdout for store in (small_store, "copy.duckdb")]
    # A line has no place for the policy's parameters: FLOPs are unknown, all else is the same.
    first, second = ([",".join(row.split(",")[:9]) for row in text.splitlines()] for text in both)
    assert first == second


def test_status(small_store):
    done = ttc("status", "--store", small_store, cwd=small_store.parent)
    assert "policy: 20 problems, 320 samples, 320 scored, 320 graded" in done.stdout
    found = json.loads(ttc("status", "--store", small_store, "--json", cwd=small_store.parent).stdout)
    assert found["policies"][0]["n_samples"] == 320


@pytest.mark.parametrize(
    "command",
    [("replay", "--strategy", "pass_at_k"), ("status",), ("export",), ("import", "lines.jsonl")],
    ids=" ".join,
)
def test_a_locked_store_is_waited_for_then_its_holder_is_named(small_store, command):
    folder = small_store.parent
    (folder / "lines.jsonl").write_text('{"problem_id": "new", "policy": "m", "sample_index": 0}')
    holder = start("hold_for_writing", small_store)
    try:
        assert holder.stdout.readline() == "open\n"
        before = sorted(folder.iterdir())
        done = ttc(*command, "--store", small_store, cwd=folder)
        line = error_line(done)
        assert f"is locked by process {holder.pid} (" in line and f"stop it (kill {holder.pid}), then run this" in line
        waiting = done.stderr.splitlines()[0]
        assert f"locked by process {holder.pid}" in waiting and waiting.endswith("waiting up to 0.3 s")
        assert sorted(folder.iterdir()) == before
    finally:
        holder.communicate("\n", timeout=60)
    done = ttc(*command, "--store", small_store, cwd=folder)
    assert done.returncode == 0 and "waiting" not in done.stderr


def every_command(group: click.Group = cli, names: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [names]
    for name, command in group.commands.items():
        found += every_command(command, (*names, name)) if isinstance(command, click.Group) else [(*names, name)]
    return found


@pytest.mark.parametrize("names", every_command(), ids=lambda names: " ".join(names) or "ttc")
def test_every_command_and_option_has_help(names):
    command: click.Command = cli
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command.help and command.help.splitlines()[0].endswith(".")
    silent = [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
    assert silent == []


def test_help_lists_all_commands_and_without_arguments_it_is_shown(tmp_path):
    shown = ttc("--help", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stderr == ""
    assert all(f"\n  {name} " in shown.stdout for name in cli.commands) and "TTC_WAIT_S" in shown.stdout
    bare = ttc(cwd=tmp_path)
    assert bare.returncode == 2 and "Commands:" in bare.stderr and len(bare.stderr.splitlines()) > 5


HEAVY = ("torch", "transformers", "pandas", "altair", "IPython", "jupyter_core", "nbconvert", "papermill", "sympy")


@pytest.mark.parametrize(
    "command",
    [["--help"], ["replay", "--strategy", "best_of_n", "--csv"], ["sample", "lab", "--dry-run"]],
    ids=["help", "replay", "dry-run"],
)
def test_quick_commands_import_nothing_heavy(small_store, command):
    arguments = command if command == ["--help"] else [*command, "--store", str(small_store)]
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr))\n"
        f"sys.argv = ['ttc', *{arguments!r}]\n"
        "from ttclib.cli import main\nmain()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "[]\n"


def test_presets_are_listed_and_shown(tmp_path):
    listed = ttc("presets", cwd=tmp_path)
    assert listed.returncode == 0 and listed.stdout.startswith("24gb-")
    names = {line.split()[0] for line in listed.stdout.splitlines()}
    assert {"lab", "24gb-qwen-1.5b", "80gb-qwen-7b", "8gpu-qwen-math-7b"} <= names
    shown = ttc("presets", "lab", cwd=tmp_path)
    (tmp_path / "mine.toml").write_text(shown.stdout)
    told = ttc("sample", "mine.toml", "--dry-run", "--limit", 3, "--n-samples", 4, "--json", cwd=tmp_path)
    assert json.loads(told.stdout)["n_samples"] == 12
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]  # nothing was started
    assert "unknown preset 'labb': did you mean 'lab'" in error_line(ttc("presets", "labb", cwd=tmp_path))
