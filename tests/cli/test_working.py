"""No flag without effect, of the commands that write: each of their flags changes what is written or said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.cli.asked import ASKED, COMMANDS, TRIED, Tried, untried
from tests.cli.bench import contents, take
from tests.cli.commands import ttc
from tests.cli.standing_in import standing_in
from tests.cli.working import TRIED_AT_WORK, WORK

RUNS = ("sample", "score", "features", "search", "revise", "solve")


@pytest.fixture(scope="session")
def worked(bench: Path, tmp_path_factory) -> Any:
    """What a command says and leaves behind, done once a run on a copy of the folder."""
    told: dict[tuple[str, ...], Any] = {}

    def one(words: tuple[str, ...]) -> Any:
        if words not in told:
            folder = take(bench, tmp_path_factory.mktemp("worked") / "w", words)
            with standing_in(runs=words[0] in RUNS):
                done = ttc(*words, cwd=folder)
            told[words] = done, contents(folder, bench)
            shutil.rmtree(folder)
        return told[words]

    return one


@pytest.mark.parametrize(
    ("command", "tried"),
    [pytest.param(name, one, id=f"{name} {one.words}") for name, every in TRIED_AT_WORK.items() for one in every],
)
def test_a_flag_changes_what_is_done(worked, command: str, tried: Tried) -> None:
    (plain, before), (given, after) = (
        worked(words) for words in tried.pair(command, WORK.get(command, "") or ASKED.get(command, ""))
    )
    assert (plain.returncode != 0) == tried.refused, plain.stderr
    assert (given.returncode != 0) == tried.refuses, given.stderr
    assert (given.stdout, after) != (plain.stdout, before)


def test_every_flag_of_every_command_is_tried() -> None:
    tried = {name: (*TRIED.get(name, ()), *TRIED_AT_WORK.get(name, ())) for name in COMMANDS}
    found = {name: untried(name, [one.flag for one in every]) for name, every in tried.items()}
    assert {name: flags for name, flags in found.items() if flags} == {}


@pytest.mark.parametrize("command", RUNS)
def test_a_run_passes_on_how_it_is_shared_out_and_says_what_is_done(bench: Path, tmp_path: Path, command: str) -> None:
    folder = take(bench, tmp_path / "w", ["drawn.duckdb"])
    flags = {one.opts[-1] for one in COMMANDS[command].params}
    words = [word for flag, word in (("--shard", "2/3"), ("--on", "ray")) if flag in flags for word in (flag, word)]
    with standing_in(runs=True):
        done = ttc(command, *WORK[command].replace("run.toml", "judged.toml").split(), *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "is not passed on" not in done.stdout
    assert done.stdout.count("shard=") == done.stdout.count("shard=2/3")
    assert "--on" not in words or "on=cluster ray of None for tiny" in done.stdout
