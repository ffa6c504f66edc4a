"""No command waits in silence: whatever store it opens, it says so where another process holds that."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("torch")

from tests.cli.asked import ASKED
from tests.cli.bench import take
from tests.cli.commands import ttc
from tests.cli.standing_in import standing_in
from tests.cli.working import WORK
from ttclib.store import connection, locks

# What is read later of a store that was there a moment before is not waited for aloud: by these, and by runs.
LATER = ("adaptivity", "difficulty", "inside", "lengths")
STORELESS = {"plan show", "presets", "config", "notebooks", "demo", "report", "import"} | {
    name for name in WORK if name.startswith("lab ")
}
MORE = {
    "models --set": "models w.duckdb --set policy n_parameters=5 --prices prices.csv",
    "verify --repair": "verify w.duckdb --repair --output new.duckdb",
    "grade --compare": "grade one.duckdb --compare math,exact",
    "import again": "import pair.jsonl --store pair.duckdb",
    "sample --limit": "sample run.toml --store scored.duckdb --n-samples 5",
    "solve --shadow": "solve live.json asked.jsonl --config run.toml --shadow --past scored.duckdb",
    "export --only": "export w.duckdb --policy policy --only chosen",
    "export --output": "export w.duckdb out.jsonl",
    "status": "status w.duckdb --json",
    "split": "split w.duckdb --by policy --into out",
    "backup": "backup w.duckdb --to copy --parts",
    "compare": "compare s.duckdb --policy small --other-store again.duckdb --strategy best_of_n",
    "coverage": "coverage checkpoints.duckdb --held-out",
    "inside": "inside family.duckdb --policy direct,steps --training",
    "crossover": "crossover s.duckdb --small small --large large --strategy majority_vote --beyond --resamples 20",
}


@pytest.mark.parametrize(
    "words",
    [f"{name} {words}" for name, words in (ASKED | WORK).items() if name not in STORELESS] + list(MORE.values()),
)
def test_every_store_that_is_opened_is_waited_for_aloud(bench: Path, tmp_path: Path, words: str) -> None:
    opened: list[str] = []
    real = locks.attached

    def held(store: Path, mode: str, wait_s: float | None, notify: Any) -> Any:
        opened.append(str(store))
        notify(f"waits for '{store}'")
        return real(store, mode, wait_s, notify)

    folder = take(bench, tmp_path / "w", words.split())  # of a copy this process has nothing in mind
    with mock.patch.object(locks, "attached", held), mock.patch.object(connection, "attached", held), standing_in():
        done = ttc(*words.split(), cwd=folder)
    assert done.returncode in (0, 7), done.stderr
    told = [
        line.removeprefix("waits for '")[:-1] for line in done.stderr.splitlines() if line.startswith("waits for '")
    ]
    if words.split()[0] in (*LATER, *WORK):
        assert told and set(told) == set(opened)
    else:
        assert told == opened
