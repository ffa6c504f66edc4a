"""No flag without effect: of every command, each of its flags changes what is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.asked import ASKED, RICH, TRIED, Tried
from tests.cli.commands import error_line, ttc


@pytest.fixture(scope="session")
def answer(plans: Path) -> Any:
    """What a command answers, asked once a run."""
    told: dict[tuple[str, ...], Any] = {}

    def one(words: tuple[str, ...]) -> Any:
        if words not in told:
            done = ttc(*words, "--json", cwd=plans)
            told[words] = json.loads(done.stdout) if done.returncode == 0 else done.stderr
        return told[words]

    return one


@pytest.mark.parametrize(
    ("command", "tried"),
    [pytest.param(name, one, id=f"{name} {one.words}") for name, every in TRIED.items() for one in every],
)
def test_a_flag_changes_the_answer(answer, command: str, tried: Tried) -> None:
    plain, given = (answer(words) for words in tried.pair(command, ASKED[command]))
    assert isinstance(plain, str) == tried.refused, plain
    assert not isinstance(given, str), given
    assert given != plain


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (f"compare {RICH} --other-policy large", "--bins 2,--thresholds 0.5,--preset dollars,--charge unit=tokens"),
        (f"compare {RICH} --once", "--bins 2,--thresholds 0.5,--other-store s.duckdb,--other-policy large,"
         "--other-setting temperature=0.3,--other-verifier logprob"),
        (f"frontier {RICH} --allocation", "--per average,--export-plan no.json"),
        (f"efficiency {RICH} --cheap 1", "--preset dollars,--charge unit=tokens,--probes 2,--queries 2,--reuse-probes"),
        ("coverage checkpoints.duckdb --held-out", "--policy m1@1x,--setting temperature=1,--models power_law,"
         "--largest-k 99,--resamples 20,--misses"),
        (f"coverage {RICH} --misses", "--largest-k 99,--resamples 20"),
    ],
)  # fmt: skip
def test_a_flag_that_does_nothing_for_what_is_asked_is_refused(plans: Path, words: str, flags: str) -> None:
    for flag in flags.split(","):
        line = error_line(ttc(*words.split(), *flag.split(), cwd=plans))
        assert line.endswith(f", without {flag.split()[0]}"), line
    assert not (plans / "no.json").exists()
