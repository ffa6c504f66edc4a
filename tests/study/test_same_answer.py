"""One question, one answer: a command, Python and a notebook give one number and one interval, exactly.

Commands and Python are asked in two processes of their own, notebooks run in a third (this one): they share nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("papermill")
pytest.importorskip("anywidget")

from IPython.core.interactiveshell import InteractiveShell

from tests.builders import add_chains, build_store
from tests.show.inprocess import NOTEBOOKS, run
from tests.show.stores import make_store
from ttclib.errors import TTCError
from ttclib.replay.strategy import reading
from ttclib.samples import AGGREGATIONS
from ttclib.store import absorb, load_pool, write_part
from ttclib.study import opening
from ttclib.study.study import open as open_study

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "store" / "demo.duckdb")
SAMPLING = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
BINS = 3
RATES = sorted({*np.geomspace(0.1, 10.0, 49).tolist(), 0.16, 0.79})  # those of the paper are among them


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, str]:
    """Two policies and two verifiers, with trees and chains; and one imported without scores, trees or chains."""
    folder = tmp_path_factory.mktemp("same")
    two = make_store(folder / "two.duckdb", n_samples=8, search=True, revisions=True, larger=True)
    pool = load_pool(two, policy="small")
    rng = np.random.default_rng(1)
    scores = [
        {"policy": "small", "problem_id": name, "setting": "s", "sample_index": index, "verifier": "tiny-orm",
         "step_scores": [float(rng.random())], "prm_tokens": 60}
        for name in pool.problem_ids for index in range(8)
    ]  # fmt: skip
    write_part(two, "scores", scores)
    write_part(two, "models", [{"model": "tiny-orm", "kind": "orm"}])
    absorb(two)
    lines = [
        {"problem_id": f"q{row:02d}", "policy": "small", "sample_index": column, "answer": str(value),
         "correct": value == 0}
        for row, values in enumerate(rng.integers(0, 3, (12, 8)).tolist()) for column, value in enumerate(values)
    ]  # fmt: skip
    (folder / "plain.jsonl").write_text("\n".join(map(json.dumps, lines)))
    from tests.cli.commands import ttc

    assert ttc("import", "plain.jsonl", "--store", "plain.duckdb", cwd=folder).returncode == 0
    return {"two": str(two), "plain": str(folder / "plain.duckdb"), "demo": DEMO}


def asked(store: str, ask: str, policy: str | None = "small", **values: Any) -> dict[str, Any]:
    """A question in both languages; what is no part of a `Question` is told apart by `more`, `large` and `ratios`."""
    more, large, ratios = (values.pop(name, None) for name in ("more", "large", "ratios"))
    words = [{"graders": "grade"}.get(ask, ask), "--store", store]
    if ask == "crossover":
        words += ["--small", policy, "--large", large, "--allow-sampled", "--ratios", ",".join(map(repr, ratios))]
    elif policy is not None:
        words += ["--policy", policy]
    if ask == "compare":
        words += ["--other-policy", large]
    for name, value in values.items():
        shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        words += [f"--{ {'strategies': 'strategy'}.get(name, name).replace('_', '-') }", shown]
    for name, value in (more or {}).items():
        words += [f"--{ {'n_resamples': 'resamples'}.get(name, name) }", str(value)]
    return {
        "store": store, "policy": policy, "ask": ask, "question": values, "words": words,
        "more": more or {}, "large": large, "ratios": ratios,
    }  # fmt: skip


def questions(stores: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Every verifier, aggregation and difficulty; then what the notebooks ask."""
    two, plain, demo = stores["two"], stores["plain"], stores["demo"]
    four = {"strategies": list(SAMPLING)}
    found = {}
    for verifier in ("prm", "orm", "logprob", "tiny-prm", "tiny-orm"):
        for aggregation in AGGREGATIONS if "prm" in verifier else ("last",):
            for difficulty in ("oracle", "predicted"):
                cut = {"bins": BINS, "difficulty": difficulty, "verifier": verifier, "aggregation": aggregation}
                found[f"replay {verifier} {aggregation} {difficulty}"] = asked(two, "replay", **four, **cut)
    for told in ("same", "halves"):
        found[f"told {told}"] = asked(plain, "replay", strategies=["majority_vote"], bins=2, told=told)
    searches = ["beam_search", "rebase"]
    found["unasked"] = asked(two, "replay")
    found["plain unasked"] = asked(plain, "replay")
    found["searches"] = asked(two, "replay", strategies=searches, verifier="tiny-prm", lookahead_steps=1)
    found["demo"] = asked(demo, "replay", "lab-policy", strategies=["best_of_n"], budgets=[16], bins=5)
    found["demo revisions"] = asked(demo, "replay", "lab-policy", strategies=["revisions"], budgets=[16],
                                    verifier="logprob", ratio=1.0)  # fmt: skip
    quick = {"n_resamples": 20}
    found["demo frontier"] = asked(demo, "frontier", "lab-policy", strategies=["revisions"], budgets=[16],
                                   verifier="logprob", ratio=1.0, bins=1, told="same", more=quick)  # fmt: skip
    found["difficulty"] = asked(two, "difficulty", bins=5, aggregation="min")
    found["plain difficulty"] = asked(plain, "difficulty", bins=5)
    found["frontier"] = asked(two, "frontier", verifier="tiny-prm", more={"probes": 16})
    found["efficiency"] = asked(two, "efficiency", verifier="tiny-prm",
                                more={"baseline": "weighted_best_of_n", "probes": 16})  # fmt: skip
    found["plain frontier"] = asked(plain, "frontier", told="halves", more=quick)
    found["crossover"] = asked(two, "crossover", large="large", ratios=RATES)
    found["compare"] = asked(two, "compare", large="large", strategies=list(SAMPLING))
    found["09"] = found["compare"]
    found["00"] = asked(two, "replay", **four, bins=5)
    found["01"] = asked(two, "replay", **four, bins=5, verifier="orm", difficulty="predicted")
    found["03"] = asked(two, "replay", strategies=[*SAMPLING, "beam_search", "lookahead_search", "dvts", "rebase"],
                        problems="searched", bins=5, beam_width=4, lookahead_steps=1)  # fmt: skip
    found["04"] = asked(two, "replay", strategies=[*SAMPLING, "revisions"], problems="revised", bins=5, ratio="best",
                        selection="hierarchical")  # fmt: skip
    found["graders"] = asked(two, "graders", more={"compare": "math,math-verify,exact"})
    found["07"] = asked(plain, "replay", None, strategies=["pass_at_k", "majority_vote"])
    return found


@pytest.fixture(scope="module")
def answers(stores, tmp_path_factory) -> dict[str, tuple[Any, Any]]:
    """Each question's answers by command and by Python."""
    every = questions(stores)
    file = tmp_path_factory.mktemp("asked") / "questions.json"
    file.write_text(json.dumps(list(every.values())))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.study.answering", way, str(file)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for way in ("command", "python")
    ]  # fmt: skip
    said = []
    for child in children:
        out, err = child.communicate(timeout=600)
        assert child.returncode == 0, err
        said.append(json.loads(out))
    return dict(zip(every, zip(*said, strict=True), strict=True))


def test_a_command_and_python_give_one_answer(answers, stores):
    assert len(answers) == len(questions(stores)) > 40
    for name, (command, python) in answers.items():
        if isinstance(python, list):
            assert len(python) > 0, name
            command = [{key: row[key] for key in other} for row, other in zip(command, python, strict=True)]
        assert command == python, name


def test_a_verifier_and_an_aggregation_move_what_they_should(answers):
    """That all are one answer would also be so were a choice passed over."""

    def accuracy(name: str, strategy: str = "best_of_n", number: int | None = None) -> float:
        return next(row["accuracy"] for row in answers[name][0]
                    if (row["strategy"], row["budget"], row["bin"]) == (strategy, 4, number))  # fmt: skip

    prm, orm, logprob = (accuracy(f"replay {name} last oracle") for name in ("prm", "orm", "logprob"))
    assert len({prm, orm, logprob}) == 3 and prm > orm
    assert accuracy("replay tiny-prm last oracle") == prm and accuracy("replay tiny-orm last oracle") == orm
    assert len({accuracy(f"replay prm {how} oracle") for how in AGGREGATIONS}) == 4
    binned = [f"replay {one} predicted" for one in ("prm last", "prm min", "orm last", "logprob last")]
    assert len({accuracy(name, "majority_vote", 1) for name in binned}) >= 3


def test_revisions_are_read_by_the_verifier_that_is_named_in_replay_and_frontier(answers):
    (replayed,) = answers["demo revisions"][0]
    single = next(row for row in answers["demo frontier"][0] if row["at_most"] is None and row["bin"] is None)
    same = ("accuracy", "ci_low", "ci_high", "n_problems", "budget")
    assert [single[name] for name in same] == [replayed[name] for name in same]


# For each notebook its parameters, the question of the table above, and the frame that it shows.
RUNS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "00_start": ("two", {}, "00", "curves.frame"),
    "01_replay": ("two", {"verifier": "orm", "difficulty": "predicted"}, "01", "curves.frame"),
    "02_difficulty": ("two", {"aggregation": "min"}, "difficulty", "found.as_json()"),
    "03_search": ("two", {}, "03", "found.curves.frame"),
    "04_revisions": ("two", {}, "04", "found.beside_sampling().frame"),
    "05_frontier": ("two", {"verifier": "tiny-prm"}, "frontier", "fronts['snell'].result.frame"),
    "06_crossover": ("two", {"lowest": 0.1, "highest": 10.0}, "crossover", "found.result.frame"),
    "07_scaling_fits": ("plain", {"n_resamples": 2, "n_splits": 1}, "07", "result.measured.frame"),
    "09_compare_stores": ("two", {}, "compare", "found.result.frame"),
    "14_graders": ("two", {}, "graders", "found.result.frame"),
}


# These ask of many policies at once: `test_families.py` holds them against their commands.
FAMILIES = {"12_open_models", "13_train_or_sample"}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_notebook_gives_that_answer_too(name, answers, stores, tmp_path):
    store, parameters, question, expression = RUNS[name]
    notebook = next(path for path in NOTEBOOKS if path.stem == name)
    run(notebook, tmp_path / "ran.ipynb", store=stores[store], **parameters)
    shown = eval(expression, InteractiveShell.instance().user_ns)
    python = answers[question][1]
    if isinstance(shown, dict):
        assert shown == python
        return
    shown = shown.to_dicts()
    if name == "03_search":  # the notebook's budgets are the answers charged
        charged = {"lookahead_search": 2}
        python = [row | {"budget": row["budget"] * charged.get(row["strategy"], 1)} for row in python]
    assert shown == python
    if name == "05_frontier":
        savings = InteractiveShell.instance().user_ns["savings"].result.to_dicts()
        one = [{key: row[key] for key in row if key != "queries"} for row in savings if row["queries"] == 1]
        assert one == answers["efficiency"][1]


def test_every_notebook_that_asks_is_run():
    # The first shows samples and no number; 10, 11, 16, 18 and 19 are held to the study in
    # tests/show/test_real_notebooks.py.
    others = {
        "08_samples",
        "10_which_model",
        "11_think_longer",
        "15_does_knowing_pay",
        "16_coverage_or_reasoning",
        "17_from_replay_to_live",
        "19_inside_or_outside",
        "18_the_flywheel",
        *FAMILIES,
    }
    assert set(RUNS) == {path.stem for path in NOTEBOOKS} - others


def test_a_damaged_store_does_not_read_as_not_collected(tmp_path, monkeypatch):
    study = open_study(make_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4, search=True))

    def damaged(*_: object, **__: object) -> None:
        raise TTCError("node '0.1' hangs on nothing")

    monkeypatch.setattr(opening, "load_tree", damaged)
    with pytest.raises(TTCError, match="hangs on nothing"):
        study.replay()


def test_a_search_answers_by_the_verifier_s_own_name(answers):
    assert {row["strategy"] for row in answers["searches"][0]} == {"beam_search", "rebase"}
    held = {row["strategy"] for row in answers["frontier"][0]}
    assert set(reading("tree")) <= held


def test_crossover_and_frontier_are_on_the_problems_of_replay(answers):
    n_problems = {
        name: {row["n_problems"] for row in answers[name][0] if row["bin"] is None}
        for name in ("unasked", "frontier", "crossover")
    }
    assert n_problems["unasked"] == n_problems["frontier"] == n_problems["crossover"] == {12}


def test_chains_of_some_problems_are_compared_on_these(tmp_path):
    """Asked for together: on the problems that all hold; unasked, chains of less than half are left out, and said."""
    study = open_study(add_chains(build_store(tmp_path / "s.duckdb"), n_problems=8), "policy")
    together = study.replay(strategies=["best_of_n", "revisions"])
    assert set(together.frame["n_problems"]) == {8} and together.notes[0].startswith("8 of 20 problems")
    unasked = study.replay()
    assert set(unasked.frame["n_problems"]) == {20} and "revisions" not in set(unasked.frame["strategy"])
    assert "held on 8 of 20 problems" in unasked.notes[0]
    own = study.replay(strategies=["best_of_n", "revisions"], problems="own").frame
    sizes = {row["strategy"]: row["n_problems"] for row in own.to_dicts()}
    assert sizes == {"best_of_n": 20, "revisions": 8}
