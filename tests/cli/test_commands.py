"""What the commands print: the contracts that scripts build on."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import numpy as np
import pytest

from tests.cli.commands import ROOT, error_line, table_rows, ttc
from tests.store.processes import start
from ttclib.cli import cli
from ttclib.cli.commands import COMMANDS
from ttclib.store import write_part

KEYS = [
    *("strategy", "budget", "bin", "accuracy", "ci_low", "ci_high"),
    *("n_problems", "n_samples", "generations", "tokens", "flops"),
]
MORE_KEYS = [*KEYS, "variant", "policy", "setting", "mc_error", "ungraded"]


@pytest.fixture
def replay(small_store):
    """Replay the small store; what it printed."""

    def one(*arguments: object) -> str:
        done = ttc("replay", "--store", small_store, *arguments, cwd=small_store.parent)
        told = "difficulty is told by one half of the samples and scored on the other, both ways: N up to 8\n"
        warned = "--bins" in arguments and "same" not in arguments
        assert (done.returncode, done.stderr if warned else "") == (0, told if warned else "")
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
        assert row["generations"] == row["budget"] and row["ungraded"] == 0
        assert row["flops"] == pytest.approx(2 * 161_728 * row["tokens"])
    assert rows[1]["accuracy"] == pytest.approx(rows[3]["accuracy"])  # with one sample there is nothing to choose
    assert rows[0]["tokens"] == pytest.approx(4 * rows[1]["tokens"])


def test_replay_bins(replay):
    for told in ("same", "halves"):
        command = ("--strategy", "majority_vote", "--budgets", "2", "--bins", "4", "--told", told)
        rows = json.loads(replay(*command, "--json"))
        assert [row["bin"] for row in rows] == [None, 1, 2, 3, 4]
        sizes = [row["n_problems"] for row in rows[1:]]
        # Told on halves a problem may be in two bins, one for each half that is scored.
        assert sizes == [5] * 4 if told == "same" else all(5 <= size <= 10 for size in sizes)
        accuracy = [row["accuracy"] for row in rows[1:]]
        assert accuracy == sorted(accuracy, reverse=True)  # 1 is the easiest
        assert rows[0]["accuracy"] == pytest.approx(np.mean(accuracy), abs=1e-9 if told == "same" else 0.03)
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
    assert accuracy("--transform", "softmax")["accuracy"] != plain["accuracy"]
    assert 0 < accuracy("--subsets", "50")["mc_error"] < 0.05
    capped = accuracy("--length-cap", "50")
    assert capped["accuracy"] < plain["accuracy"] and capped["tokens"] < plain["tokens"]
    command = ("--strategy", "pass_at_k", "--budgets", "1,4,16", "--json")
    points, band = (json.loads(replay(*command, "--interval", kind)) for kind in ("pointwise", "simultaneous"))
    assert [row["accuracy"] for row in band] == [row["accuracy"] for row in points]
    wider = [(a["ci_high"] - a["ci_low"]) - (b["ci_high"] - b["ci_low"]) for a, b in zip(band, points, strict=True)]
    assert min(wider) >= 0 and max(wider) > 0.01  # it covers the whole curve at once


def test_replay_says_how_many_samples_are_not_scored(small_store):
    key = {"policy": "policy", "problem_id": "p000", "setting": "abc"}
    write_part(small_store, "samples", [{**key, "sample_index": 16}, {**key, "sample_index": 17}])
    write_part(small_store, "grades", [{**key, "sample_index": 16, "grader": "given", "correct": True}])
    done = ttc("replay", "--store", small_store, "--strategy", "best_of_n", "--budgets", "2", cwd=small_store.parent)
    assert done.returncode == 0
    assert "2 of 322 samples have no prm score: best-of-N ranks them last, no vote counts them" in done.stderr


NAMES = {"pass_at_k": "pass@k", "best_of_n": "best-of-N"}


def of_strategies(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith(("pass@k ", "best-of-N "))]


def percent(row: dict) -> str:
    return f"{row['accuracy'] * 100:.1f}%"


def test_replay_table_shows_every_row(replay):
    asked = ("--strategy", "pass_at_k,best_of_n", "--budgets", "4,8")
    text = replay(*asked)
    assert "…" not in text and "bin" not in text
    expected = [
        [NAMES[row["strategy"]], str(row["budget"]), percent(row)] for row in json.loads(replay(*asked, "--json"))
    ]
    assert [line[:3] for line in of_strategies(text)] == expected


def test_replay_with_bins_is_a_row_a_bin_and_a_column_a_budget(replay):
    asked = ("--strategy", "pass_at_k,best_of_n", "--budgets", "4,8", "--bins", "2")
    text, rows = replay(*asked), json.loads(replay(*asked, "--json"))
    at = {(NAMES[row["strategy"]], row["bin"], row["budget"]): percent(row) for row in rows}
    whole, by_bin = of_strategies(text)[:2], of_strategies(text)[2:]
    assert [line[:3] for line in whole] == [[name, "8", at[name, None, 8]] for name in NAMES.values()]
    assert by_bin == [[name, str(bin), at[name, bin, 4], at[name, bin, 8]] for name in NAMES.values() for bin in (1, 2)]


def test_a_reader_is_shown_at_most_sixty_lines(replay):
    four = "pass_at_k,majority_vote,best_of_n,weighted_best_of_n"
    for more in ((), ("--bins", "8", "--told", "same")):
        text = replay("--strategy", four, "--budgets", ",".join(map(str, range(1, 17))), *more)
        assert 40 < len(text.splitlines()) <= 60
        assert "rows more: all with --json or --csv" in text or more


def test_replay_says_where_pools_differ(small_store, tmp_path):
    extra = {"policy": "policy", "correct": True}
    lines = tmp_path / "more.jsonl"
    lines.write_text(
        "\n".join(json.dumps({**extra, "problem_id": p, "sample_index": i}) for p, i in [("a", 0), ("b", 0), ("b", 1)])
    )
    assert ttc("import", lines, "--store", "d.duckdb", cwd=tmp_path).returncode == 0
    done = ttc("replay", "--store", "d.duckdb", "--strategy", "pass_at_k", "--budgets", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "1 of 2 problems, those that all of these strategies hold\n")


def test_export_and_import_by_pipe(small_store, tmp_path):
    exported = ttc("export", "--store", small_store, cwd=tmp_path)
    assert exported.returncode == 0 and len(exported.stdout.splitlines()) == 320
    (tmp_path / "lines.jsonl").write_text(exported.stdout, encoding="utf-8")
    imported = ttc("import", "lines.jsonl", "--store", "copy.duckdb", cwd=tmp_path)
    assert (imported.returncode, imported.stdout) == (0, "")
    first, *_, last = imported.stderr.splitlines()
    assert (first, last) == ("grade: 320 of 320 samples", "import: 320 samples added to 'copy.duckdb'")
    assert "can be asked now: " in imported.stderr
    assert ttc("export", "--store", "copy.duckdb", cwd=tmp_path).stdout == exported.stdout
    piped = ttc("import", "-", "--store", "piped.duckdb", cwd=tmp_path, text=exported.stdout)
    assert piped.stderr == imported.stderr.replace("copy", "piped")
    ttc("export", "--store", "copy.duckdb", "--output", "again.jsonl", cwd=tmp_path)
    assert (tmp_path / "again.jsonl").read_text(encoding="utf-8") == exported.stdout
    command = ("--strategy", "best_of_n,majority_vote", "--csv")
    both = [ttc("replay", "--store", store, *command, cwd=tmp_path).stdout for store in (small_store, "copy.duckdb")]
    # A line has no place for the policy's parameters: FLOPs are unknown, all else but the setting's name is the same.
    first, second = (list(csv.DictReader(io.StringIO(text))) for text in both)
    for row in (*first, *second):
        row.update(flops="", setting="")
    assert first == second and len(first) == 10


def test_status(small_store):
    done = ttc("status", "--store", small_store, cwd=small_store.parent)
    (row,) = table_rows(done.stdout)
    assert [row[name] for name in ("problems", "samples", "scored", "graded")] == ["20", "320", "320", "320"]
    found = json.loads(ttc("status", small_store, "--json", cwd=small_store.parent).stdout)
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


def walk(command: click.Command = cli, names: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words; `ttclib.cli.reference` lists them in its own way."""
    yield " ".join(names), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from walk(found, (*names, name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_each_says_of_itself(name):
    found = cli.get_command(click.Context(cli), name)
    assert found is not None and found.help is not None
    assert " ".join(found.help.split("\n\n")[0].split()) == COMMANDS[name][1]
    assert found.callback is None or found.callback.__module__ == f"ttclib.cli.{COMMANDS[name][0]}"


def test_every_command_and_option_has_help_and_h_shows_it(tmp_path):
    found = dict(walk())
    assert {"sample", "replay", "plan apply", "plan show", "lab train"} <= set(found)
    for name, command in found.items():
        assert command.help and command.help.splitlines()[0].endswith("."), name
        silent = [one.name for one in command.params if isinstance(one, click.Option) and not (one.help or one.hidden)]
        assert silent == [], name
        short = ttc(*name.split(), "-h", cwd=tmp_path)
        assert short.returncode == 0 and short.stderr == "", name
        assert f"Usage: ttc {name}".strip() in short.stdout and "--help" in short.stdout


READING = [
    *("grade", "models", "export", "lint", "status", "replay", "difficulty", "frontier", "efficiency", "crossover"),
    *("compare", "coverage", "verifiers", "lengths", "gain", "inside", "train-or-sample"),
]


@pytest.mark.parametrize("name", READING)
def test_a_store_is_taken_as_an_argument_and_as_a_flag(name, tmp_path):
    sides = ("--small", "a", "--large", "b") if name == "crossover" else ()
    for store in (("no.duckdb",), ("--store", "no.duckdb")):
        assert "no store at 'no.duckdb'" in error_line(ttc(name, *store, *sides, cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_help_lists_all_commands_and_without_arguments_it_is_shown(tmp_path):
    shown = ttc("--help", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stderr == ""
    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS) and "TTC_WAIT_S" in shown.stdout
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
    alone = ttc("sample", "mine.toml", "--json", cwd=tmp_path)
    assert "--json without --dry-run" in error_line(alone)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
    assert "unknown preset 'labb': did you mean 'lab'" in error_line(ttc("presets", "labb", cwd=tmp_path))


def test_status_looks_in_the_folders_above_as_the_questions_do(small_store):
    below = small_store.parent / "notebooks"
    below.mkdir(exist_ok=True)
    done = ttc("status", small_store.name, cwd=below)
    assert done.returncode == 0 and table_rows(done.stdout)[0]["samples"] == "320"


def test_status_and_models_of_many_policies_fit_a_screen(tmp_path):
    store = tmp_path / "many.duckdb"
    rows = [
        json.dumps({"problem_id": "p", "policy": f"provider/model-{n:03d}", "sample_index": 0, "completion": "#1",
                    "answer": "1", "correct": True})
        for n in range(100)
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    ttc("import", tmp_path / "rows.jsonl", "--store", store, cwd=tmp_path)
    for command in ("status", "models"):
        lines = ttc(command, store, cwd=tmp_path).stdout.splitlines()
        assert len(lines) <= 60 and "all with --json" in lines[-1]
        assert "0 tokens" not in " ".join(lines)
