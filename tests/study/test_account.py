"""The account asked of stores whose truth is known, in Python and at the command line."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import ttclib
from ttclib.cli.common import cli
from ttclib.errors import RequestError
from ttclib.store import write_part
from ttclib.study.account import ask_account
from ttclib.study.question import question
from ttclib.study.telling import tell

N, POOL = 160, 32


def store(path, apart: bool, seed: int = 0):
    """Half of the problems have a right answer that is frequent and a verifier that is misled; half the reverse.

    Where they are not apart, all problems are of one kind. The text says which kind a problem is of.
    """
    rng = np.random.default_rng(seed)
    ids = [f"p{i:03d}" for i in range(N)]
    kind = np.arange(N) % 2 if apart else np.zeros(N, dtype=int)
    words = [("plain" if one == 0 else "tricky") + f" {i * 37 % 97}" for i, one in enumerate(kind)]
    samples, grades, scores = [], [], []
    for i, name in enumerate(ids):
        share = 0.6 if kind[i] == 0 else 0.25
        right = rng.random(POOL) < share
        # A plain problem: wrong answers differ. A tricky one: they agree, and only the verifier sees it.
        wrong = rng.integers(1, 6, POOL) if kind[i] == 0 else np.ones(POOL, dtype=int)
        score = rng.random(POOL) if kind[i] == 0 else np.where(right, 0.9, 0.1) + 0.05 * rng.random(POOL)
        for index in range(POOL):
            key = {"policy": "m", "problem_id": name, "setting": "s", "sample_index": index}
            answer = 0 if right[index] else int(wrong[index])
            samples.append(key | {"completion_tokens": 10, "prompt_tokens": 5})
            grades.append(
                key | {"grader": "given", "answer": str(answer), "answer_class": answer, "correct": bool(right[index])}
            )
            scores.append(key | {"verifier": "orm", "reading": 0, "step_scores": [float(score[index])]})
    rows = {
        "problems": [
            {"problem_id": name, "benchmark": "b", "prompt": words[i], "reference_answer": "0"}
            for i, name in enumerate(ids)
        ],
        "models": [{"model": "m", "n_parameters": 100}, {"model": "orm", "kind": "orm"}],
        "settings": [{"setting": "s", "keys": "{}"}],
        "samples": samples,
        "grades": grades,
        "scores": scores,
    }
    for table, own in rows.items():
        write_part(path, table, own)
    return path


@pytest.fixture(scope="module")
def two_kinds(tmp_path_factory):
    return store(tmp_path_factory.mktemp("account") / "apart.duckdb", True)


@pytest.fixture(scope="module")
def one_kind(tmp_path_factory):
    return store(tmp_path_factory.mktemp("account") / "alike.duckdb", False)


ASKED = {"strategies": ["majority_vote", "best_of_n"], "verifier": "orm", "bins": 2}
QUICK = {"draws": 1, "n_resamples": 60, "probes": (2048, 4)}


def of(frame: pl.DataFrame, way: str, limit: float) -> dict:
    return frame.filter((pl.col("way") == way) & (pl.col("at_most") == limit)).row(0, named=True)


def test_where_two_kinds_want_two_strategies_the_question_tells_them_apart_and_pays(two_kinds):
    found = ask_account(ttclib.open(two_kinds), question(**ASKED), **QUICK)
    frame = found.result.frame
    assert of(frame, "question", 16.0)["verdict"] == "saves" and of(frame, "question", 16.0)["bill"] == 0.0
    # Text is free: told as rightly as by all samples, and within the same costs.
    assert of(frame, "question", 16.0)["accuracy"] > of(frame, "given", 16.0)["accuracy"] - 0.02
    assert found.findings[0].startswith("The gain survives its own bill from ")
    assert {row["verdict"] for row in frame.filter(pl.col("way") == "probes_2048").to_dicts()} == {"not affordable"}
    # Four probes cost four samples: what is left of eight is four, chosen by what they tell.
    billed = of(frame, "probes_4", 8.0)
    assert billed["bill"] == 4.0 and billed["cost"] == 8.0
    assert of(frame, "reused_4", 4.0)["cost"] == 4.0 and of(frame, "reused_4", 4.0)["bill"] == 0.0
    names = [
        "uniform",
        "given",
        "probes_2048",
        "probes_4",
        "reused_4",
        "question",
        "stopping",
        "allocation",
        "together",
    ]
    assert list(found.result.ways) == names
    assert any("greedy" in note for note in found.notes)


def test_where_all_problems_are_of_one_kind_no_gain_survives(one_kind):
    asked = question(**ASKED)
    found = ask_account(ttclib.open(one_kind), asked, limits=[2.0, 8.0, 16.0], **QUICK)
    told = found.result.frame.filter(pl.col("way").is_in(["given", "probes_4", "question", "allocation"]))
    assert "saves" not in told["verdict"].to_list()
    assert of(found.result.frame, "given", 8.0)["difference"] == pytest.approx(0.0, abs=0.03)


def test_uniform_is_the_best_single_choice_of_plain_replay(one_kind):
    """All samples of one kind: majority vote is best for all, and uniform is its replay."""
    study, asked = ttclib.open(one_kind), question(**ASKED)
    found = ask_account(study, asked, limits=[4.0], **QUICK).result.frame
    plain = study.replay(question(**ASKED | {"bins": None}, budgets=[4])).frame
    vote = plain.filter((pl.col("strategy") == "majority_vote") & (pl.col("budget") == 4))["accuracy"][0]
    assert of(found, "uniform", 4.0)["accuracy"] == pytest.approx(vote, abs=0.01)


def test_difficulty_from_the_question_is_used_like_any_other(two_kinds):
    study = ttclib.open(two_kinds)
    asked = question(**ASKED, difficulty="question:text")
    told = tell(study.members, study.compared(asked), asked)
    kinds = np.arange(N) % 2
    assert (told.difficulty.bins == kinds + 1).mean() > 0.95 and told.difficulty.told_on == "other"
    assert told.difficulty.n_probes == 0 and "as other problems teach it" in told.difficulty.label
    frame = study.replay(asked, at=[4]).frame
    assert set(frame["bin"].to_list()) == {None, 1, 2}


def run(*words: str):
    return CliRunner().invoke(cli, [*words], catch_exceptions=True)


def test_the_command_says_it_all_and_json_has_every_row(two_kinds):
    words = [
        "adaptivity", str(two_kinds), "--strategy", "majority_vote,best_of_n", "--verifier", "orm", "--bins", "2",
        "--at-most", "4,16", "--probes", "4", "--draws", "1", "--resamples", "40",
    ]  # fmt: skip
    said = run(*words)
    assert said.exit_code == 0, said.output
    assert "survives its own bill" in said.stdout and "uniform: the same for all problems" in said.stdout
    rows = json.loads(run(*words, "--json").stdout)
    assert {row["at_most"] for row in rows} == {4.0, 16.0} and rows[0]["unit"] == "generations a problem"
    efficiency = run(
        "efficiency", str(two_kinds), "--strategy", "majority_vote,best_of_n", "--verifier", "orm", "--difficulty",
        "question", "--bins", "2", "--resamples", "20", "--json",
    )  # fmt: skip
    row = json.loads(efficiency.stdout)[0]
    assert row["billed_cost"] == row["cost"]  # text asks for no sample


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--difficulty", "question"], "the question has a row of its own"),
        (["--probes", "0"], "0 probes: give at least 1"),
        (["--probes", "x"], "give whole numbers with commas"),
        (["--at-most", "4,2"], "give them ascending"),
        (["--strategy", "adaptive_consistency"], "name a strategy that does not stop, too"),
        (["--strategy", "pass_at_k"], "without the right answer"),
    ],
)
def test_a_wrong_request_is_one_line(two_kinds, more, said):
    with pytest.raises(RequestError, match=said):
        CliRunner().invoke(cli, ["adaptivity", str(two_kinds), "--verifier", "orm", *more], catch_exceptions=False)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--difficulty", "question:hidden"], "no hidden state of any problem: `ttc features CONFIG"),
        (["--difficulty", "question", "--probes", "4"], "4 probes: question difficulty is told without any"),
    ],
)
def test_a_frontier_by_what_is_not_there_is_one_line(two_kinds, more, said):
    words = ["frontier", str(two_kinds), "--strategy", "majority_vote", *more]
    with pytest.raises(RequestError, match=said):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_a_pool_in_memory_has_no_questions(two_kinds):
    rows = pl.DataFrame(
        [
            {"problem_id": f"p{i}", "policy": "m", "answer": str(j % 2), "correct": j % 2 == 0}
            for i in range(9)
            for j in range(4)
        ]
    )
    study = ttclib.open(ttclib.from_frame(rows))
    with pytest.raises(RequestError, match="in memory, without its questions"):
        tell(study.members, study.compared(question(strategies="majority_vote")), question(difficulty="question"))
