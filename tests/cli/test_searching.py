"""`ttc search`, and tree searches in `ttc replay`, as a user runs them."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

pytest.importorskip("torch")

from tests.builders import build_store
from tests.cli.commands import error_line, listing, ttc
from tests.cli.test_commands import KEYS
from tests.models import save_tiny_policy, save_tiny_prm
from ttclib.collect import run
from ttclib.config import RunConfig

CONFIG = """
store = "s.duckdb"
[problems]
source = "lab:test"
limit = 3
[policy]
name = "tiny"
path = "./policy"
[sampling]
n_samples = 6
max_tokens = 24
[prm]
path = "./prm"
[grading]
grader = "exact"
[search]
budgets = [4]
algorithms = [{ strategy = "beam_search", beam_width = 2 }]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    save_tiny_policy(folder / "policy")
    save_tiny_prm(folder / "prm")
    (folder / "run.toml").write_text(CONFIG)
    build_store(folder / "pool.duckdb", n_problems=3, n_samples=8)
    content = tomllib.loads(CONFIG.replace("./", f"{folder}/").replace('"s.duckdb"', f'"{folder}/s.duckdb"'))
    config = RunConfig.model_validate(content)
    run.sample(config)
    run.score(config)
    run.grade(config.store, "exact")
    return folder


def test_collect_replay_and_collect_what_replay_asks_for(folder):
    done = ttc("search", "run.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (
        "search: 3 searches (1 algorithms, 1 budgets, 3 problems); of the steps they ask for the store" in done.stderr
    )
    assert "search: round 1: " in done.stderr
    assert re.search(r"^drawn: \d+ steps, \d+ tokens \(0 in greedy rollouts\); the PRM read ", done.stdout, re.M)
    assert "3 searches share " in done.stdout and "apart they would draw" in done.stdout

    replay = ("replay", "--store", "s.duckdb", "--strategy", "beam_search", "--beam-width", "2", "--budgets")
    done = ttc(*replay, "4", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)
    assert [*KEYS] == [key for key in row if key in KEYS]
    assert (row["strategy"], row["variant"], row["n_problems"]) == ("beam_search", "beam_search (M=2)", 3)

    assert "at budgets 8" in error_line(ttc(*replay, "8", cwd=folder), status=1)
    some = ttc(*replay, "4,8", "--json", cwd=folder)  # what is held is answered, and what collects the rest is said
    assert some.returncode == 0 and len(json.loads(some.stdout)) == 1
    line = some.stderr
    found = re.search(r"at budgets 8 on \d of 3 problems: at least \d+ expansions are missing.*`ttc (search .*)`", line)
    assert found, line
    command = found[1].replace("CONFIG", "run.toml").split()
    assert ttc(*command, cwd=folder).returncode == 0
    done = ttc(*replay, "4,8", "--json", cwd=folder)
    assert done.returncode == 0 and len(json.loads(done.stdout)) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--strategy", "beam_search", "--budgets", "2"), 2, "beam width 4 at budget 2: allowed 1 to 2"),
        (
            ("--strategy", "dvts", "--budgets", "4", "--verifier", "logprob"),
            2,
            "verifier 'logprob' scores whole answers",
        ),
        (
            ("--strategy", "rebase", "--budgets", "4", "--selection", "hierarchical"),
            2,
            "unknown selection 'hierarchical'",
        ),
        (("--strategy", "rebase", "--budgets", "99"), 1, "--strategy rebase --budgets 99`"),
    ],
)
def test_replay_that_cannot_be(folder, arguments, status, message):
    line = error_line(ttc("replay", "--store", "pool.duckdb", *arguments, cwd=folder), status=status)
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budgets", "1"), "beam width 2 at budget 1: allowed 1 to 1"),
        (("--beam-width", "2"), "--beam-width without --strategy"),
        (("--store", "other.duckdb"), "no store at 'other.duckdb'"),
    ],
)
def test_search_that_cannot_be(folder, arguments, message):
    before = listing(folder)
    assert message in error_line(ttc("search", "run.toml", *arguments, cwd=folder))
    assert listing(folder) == before
