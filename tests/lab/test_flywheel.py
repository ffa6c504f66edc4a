"""The flywheel, end to end, at a size of a few samples, with the models that ship."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")

from tests.builders import make_pool
from tests.cli.commands import ttc
from ttclib import load_pool
from ttclib.errors import RequestError
from ttclib.lab import flywheel as turning
from ttclib.lab.flywheel import TRAIN, VALIDATION, FlywheelRecipe, choose, practised, ship, turn
from ttclib.problems.arithmetic import canonical_form, held_out
from ttclib.samples import LOGPROB, own_logprob
from ttclib.store.rounds import load_rounds, spent
from ttclib.study.flywheel import ask_flywheel, open_flywheel

TINY = FlywheelRecipe(
    n_train=22, n_probes=2, mean_samples=3, n_validation=22, n_planned=4, n_test=22, n_samples=4, n_base=8
)


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the one that went on said."""
    return []


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> tuple[Path, Path]:
    """Output and store of one round of both ways, begun by a process that was killed as it practised."""
    folder = tmp_path_factory.mktemp("flywheel")
    program = (
        "import pathlib\n"
        "from ttclib.lab.finetune import FinetuneRecipe\nfrom ttclib.lab.fit import Pace\n"
        "from ttclib.lab.flywheel import FlywheelRecipe, turn\n"
        f"turn(pathlib.Path('out'), pathlib.Path('wheel.duckdb'), n_rounds=1, recipe={TINY!r})\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not (folder / "out" / "practice-verified.duckdb.parts").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    turn(folder / "out", folder / "wheel.duckdb", n_rounds=1, recipe=TINY, notify=told.append)
    return folder / "out", folder / "wheel.duckdb"


def test_a_killed_one_goes_on(turned: tuple[Path, Path], told: list[str]) -> None:
    assert any("the store holds all 176 samples of 'lab-policy'" in line for line in told)
    assert not any(line.endswith(": finished") for line in told)


def test_every_way_leaves_its_policies_and_what_they_took(turned: tuple[Path, Path]) -> None:
    output, store = turned
    rounds = {one.policy: one for one in load_rounds(store)}
    assert list(rounds) == ["lab-policy-r1", "lab-policy-prm-r1", "lab-policy-longer", "lab-policy-prm-longer"]
    sizes = {name: load_pool(store, policy=name).pool_sizes.tolist() for name in ("lab-policy", *rounds)}
    assert sizes == {"lab-policy": [8] * 22} | dict.fromkeys(rounds, [4] * 22)
    trained = {name: load_pool(store, policy=name).policy_model for name in sizes}
    before = trained["lab-policy"].training_tokens  # type: ignore[union-attr]
    for name, one in rounds.items():
        assert trained[name].training_tokens == before + one.training_tokens  # type: ignore[union-attr, operator]
    assert rounds["lab-policy-r1"].n_kept_wrong == 0 and rounds["lab-policy-r1"].scoring_flops == 0
    assert rounds["lab-policy-prm-r1"].n_kept == 22 and rounds["lab-policy-prm-r1"].verifier_tokens > 0
    assert (output / "lab-policy-r1" / "model.safetensors").is_file()


def test_flops_are_what_a_hand_computes(turned: tuple[Path, Path]) -> None:
    output, store = turned
    made = next(one for one in load_rounds(store) if one.way == "verifier")
    with duckdb.connect(str(output / "practice-verifier.duckdb"), read_only=True) as con:
        tokens, drawn = con.execute(
            "SELECT sum(completion_tokens), count(*) FILTER (problem_id LIKE 'lab-train%') FROM samples"
        ).fetchall()[0]
        read = con.execute("SELECT sum(prm_tokens) FROM scores").fetchall()[0][0]
        sizes = dict(con.execute("SELECT model, n_parameters FROM models").fetchall())
    assert (made.decoded_tokens, made.n_drawn, made.verifier_tokens) == (tokens, drawn, read)
    size = sizes["lab-policy"]
    assert made.sampling_flops == 2 * size * tokens and made.scoring_flops == 2 * sizes["lab-prm"] * read
    assert made.training_flops == 6 * size * made.training_tokens
    assert made.sampling_s > 0 and made.scoring_s > 0 and made.training_s > 0
    rounds = load_rounds(store)
    longer = next(one for one in rounds if one.policy == "lab-policy-longer")
    assert longer.flops == pytest.approx(spent(rounds, "lab-policy-r1"), rel=0.1)


def test_no_test_problem_is_practised_or_planned_on(turned: tuple[Path, Path]) -> None:
    output, store = turned
    tested = {canonical_form(one.expression) for one in held_out("test", turning.RECIPE.n_test)}
    trained = {canonical_form(one.expression) for one in practised(turning.RECIPE)}
    planned = {canonical_form(one.expression) for one in held_out("validation", turning.RECIPE.n_validation)}
    assert not tested & trained and not tested & planned and not trained & planned
    with duckdb.connect(str(store), read_only=True) as con:
        asked = {text for (text,) in con.execute("SELECT prompt FROM problems").fetchall()}
    assert asked == {one.prompt for one in held_out("test", TINY.n_test)}
    for way in turning.WAYS:
        with duckdb.connect(str(output / f"practice-{way}.duckdb"), read_only=True) as con:
            found = dict(con.execute("SELECT prompt, benchmark FROM problems").fetchall())
        assert set(found.values()) == {TRAIN, VALIDATION} and not asked & set(found)


def test_a_finished_one_does_nothing_again_and_another_recipe_is_refused(turned: tuple[Path, Path]) -> None:
    output, store = turned
    before = store.stat().st_mtime_ns, load_rounds(store)
    told: list[str] = []
    turn(output, store, n_rounds=1, recipe=TINY, notify=told.append)
    assert before == (store.stat().st_mtime_ns, load_rounds(store))
    assert sum("finished" in line for line in told) == 4
    turn(output, store, n_rounds=1, way="verifier", recipe=TINY, notify=told.append)
    assert told[-2:] == ["lab-policy-prm-r1: finished", "lab-policy-prm-longer: finished"]
    assert sum("finished" in line for line in told) == 6
    with pytest.raises(RequestError, match="begun with another recipe or scale"):
        turn(output, store, recipe=dataclasses.replace(TINY, n_train=23))


def test_what_ships_answers_as_what_was_drawn(turned: tuple[Path, Path], tmp_path: Path) -> None:
    ship(turned[1], tmp_path / "small.duckdb", notify=lambda text: None)
    ours, theirs = (ask_flywheel(open_flywheel(path)) for path in (turned[1], tmp_path / "small.duckdb"))
    for name in ("rounds", "moved", "flow", "bins", "equal"):
        assert getattr(ours.result, name).equals(getattr(theirs.result, name)), name
    with duckdb.connect(str(tmp_path / "small.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(completion), count(completion_ids) FROM samples").fetchall() == [(0, 0)]


def test_what_is_kept_of_each_problem() -> None:
    ids = np.array([[0, 1, 1], [0, 1, 1], [0, 0, 1]])
    scores = np.array([[0.9, 0.5, 0.6], [0.9, 0.5, 0.6], [0.1, 0.2, 0.9]])
    pool = make_pool([[0, 1, 1], [1, 0, 0], [0, 0, 0]], answer_ids=ids, scores=scores)
    likely = np.log([[0.9, 0.2, 0.3], [0.1, 0.9, 0.9], [0.5, 0.5, 0.5]])
    pool = dataclasses.replace(pool, verifiers={**pool.verifiers, LOGPROB: own_logprob(likely)})
    assert choose(pool, "verified", ["pass_at_k"] * 3) == [(0, 2), (1, 0)], "the likeliest right one"
    assert choose(pool, "verifier", ["best_of_n"] * 3) == [(0, 0), (1, 0), (2, 2)]
    assert choose(pool, "verifier", ["weighted_best_of_n"] * 3) == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--rounds", "0"], "0 rounds: give at least 1"),
        (["--scale", "2"], "scale 2.0: allowed above 0 and up to 1"),
        (["--variant", "best"], "way to keep samples 'best'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(flags: list[str], said: str, tmp_path: Path) -> None:
    at = ["--output", str(tmp_path / "out"), "--store", str(tmp_path / "s.duckdb")]
    found = ttc("lab", "flywheel", *at, *flags, cwd=tmp_path)
    assert found.returncode == 2 and said in found.stderr and len(found.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_python_says(turned: tuple[Path, Path]) -> None:
    found = ttc("flywheel", turned[1], "--json", cwd=turned[1].parent)
    assert found.returncode == 0, found.stderr
    result = ask_flywheel(open_flywheel(turned[1])).result
    stated = json.loads(found.stdout)
    for name in ("rounds", "moved", "flow", "bins", "equal"):
        frame = getattr(result, name)
        assert pl.DataFrame(stated[name], schema=frame.schema).equals(frame), name
