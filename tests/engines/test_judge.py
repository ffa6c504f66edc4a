"""A judge behind an API: asked as often as configured, its words kept, its scores read as any verifier's."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx")

from tests.cli.commands import ttc
from tests.collect.test_run import rows
from tests.engines.chat_server import ChatServer, serve_chat, status
from ttclib.collect import keeper, run
from ttclib.collect.judge import judge, rating
from ttclib.config import JudgeConfig, RunConfig
from ttclib.errors import RequestError, TTCError
from ttclib.store import load_pool
from ttclib.store.models import list_models

SAMPLES = [
    {
        "problem_id": f"p{number}",
        "policy": "theirs",
        "sample_index": index,
        "prompt": f"{number}+1=",
        "correct": index == 0,
    }
    | {"completion": f"it is {number + 1 + index}"}
    for number in range(3)
    for index in range(2)
]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """Rates by the last digit of the seed, in words."""

    def rate(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][0]["message"]["content"] = f"Let me see.\nScore: {request['seed'] % 11}"
        return answer

    with serve_chat() as running:
        running.change = rate
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in SAMPLES))
    assert ttc("import", "s.jsonl", "--store", "s.duckdb", cwd=tmp_path).returncode == 0
    return tmp_path


def configured(running: ChatServer, folder: Path, **section: Any) -> RunConfig:
    place = {"urls": [running.url], "retries": 0}
    return RunConfig.model_validate(
        {
            "store": str(folder / "s.duckdb"),
            "problems": {"source": "lab:test", "limit": 1},
            "policy": {"name": "theirs", "path": "owner/model"},
            "judge": {"path": "owner/wise", "readings": 3, "batch_size": 5, "server": place} | section,
        }
    )


def test_readings_are_kept_with_what_was_said_and_their_mean_counts(server: ChatServer, folder: Path) -> None:
    config = configured(server, folder)
    assert judge(config) == 18
    assert judge(config) == 0
    assert judge(configured(server, folder, readings=5)) == 12  # a larger number only adds
    keeper.take_in(config.store)
    found = rows(
        config.store,
        "SELECT problem_id, sample_index, reading, step_scores, prm_tokens, generated_tokens, said FROM scores",
    )
    assert len(found) == 30 and {row[2] for row in found} == set(range(5))
    means: dict[tuple[str, int], list[float]] = {}
    for problem_id, index, _, (score,), n_read, n_written, said in found:
        assert score == pytest.approx(int(said.rpartition(" ")[2]) / 10) and n_read == 7 and n_written > 3
        means.setdefault((problem_id, index), []).append(score)
    pool = load_pool(config.store)
    verifier = pool.verifier("wise")
    assert verifier is not None and verifier.kind == "judge"
    expected = [[sum(means[f"p{number}", index]) / 5 for index in range(2)] for number in range(3)]
    assert np.asarray(verifier.scores["last"]) == pytest.approx(np.array(expected), abs=1e-6)
    (row,) = (row for row in list_models(config.store) if row["model"] == "wise")
    assert row["kind"] == "judge" and row["path"] == f"owner/wise at {server.url}/v1"
    seeds = {request["seed"] for request in server.requests}
    assert len(seeds) == 30  # each reading is a draw of its own


def test_the_judge_sees_problem_and_solution(server: ChatServer, folder: Path) -> None:
    judge(configured(server, folder, template="P {prompt} S {completion}", system="Be just.", reasoning_effort="low"))
    request = server.requests[0]
    assert [turn["role"] for turn in request["messages"]] == ["system", "user"]
    assert re.fullmatch(r"P \d\+1= S it is \d", request["messages"][1]["content"])
    assert request["reasoning_effort"] == "low" and "logprobs" not in request
    shown = JudgeConfig(path="x", template="{prompt}|{completion}").shown("{completion}", "{prompt}")
    assert shown == "{completion}|{prompt}"


@pytest.mark.parametrize(
    ("said", "score"), [("1", 0.0), ("5", 1.0), ("2", 0.25), ("0.9", None), ("5.1", None), ("inf", None), ("4 3", 0.5)]
)
def test_a_rating_is_read_on_its_scale(said: str, score: float | None) -> None:
    assert rating(said, r"(\S+)", 1.0, 5.0) == score


def test_a_reading_without_a_score_is_unknown_and_said(server: ChatServer, folder: Path) -> None:
    config = configured(server, folder, pattern=r"Score: ([0-5])$")
    said: list[str] = []
    judge(config, notify=said.append)
    found = rows(config.store, "SELECT said, step_scores FROM scores")
    assert {scores is None for _, scores in found} == {True, False}
    assert all((scores is None) == (int(text.rpartition(" ")[2]) > 5) for text, scores in found)
    n = sum(scores is None for _, scores in found)
    assert f"judge: {n} of 18 readings name no score" in said[-1] and judge(config) == 0


def test_what_an_api_does_not_say_rightly_is_said(server: ChatServer, folder: Path) -> None:
    rate, said = server.change, []
    server.change = lambda answer, request: rate(answer, request) | {"usage": None}
    judge(configured(server, folder), notify=said.append)
    assert said[-1] == "judge: 18 readings came without a count of their tokens that could be: it is unknown"


def test_another_judge_or_way_to_read_is_refused_under_its_name(server: ChatServer, folder: Path) -> None:
    judge(configured(server, folder))
    for change, message in (
        ({"template": "{completion}?"}, r"is to read otherwise \(template = "),
        ({"highest": 5.0}, r"is to read otherwise \(highest = 5.0, not 10.0\)"),
        ({"path": "other", "name": "wise"}, "is another model"),
    ):
        with pytest.raises(RequestError, match=message):
            judge(configured(server, folder, readings=4, **change))
    assert len(server.requests) == 18


def test_scores_that_came_with_samples_are_named_in_a_command_that_a_shell_takes(server, folder: Path) -> None:
    (folder / "more.jsonl").write_text(json.dumps(SAMPLES[0] | {"problem_id": "q", "step_scores": [0.5]}))
    assert ttc("import", "more.jsonl", "--store", "s.duckdb", "--verifier", "wise", cwd=folder).returncode == 0
    with pytest.raises(RequestError, match="holds scores by 'wise' that came with samples") as raised:
        judge(configured(server, folder))
    words = shlex.split(str(raised.value).rpartition(" with `")[2].removesuffix("`"))
    assert words == ["ttc", "models", str(folder / "s.duckdb"), "--set", "wise", f"path=owner/wise at {server.url}/v1"]


def test_what_fails_leaves_what_was_read_and_is_asked_for_again(server: ChatServer, folder: Path) -> None:
    config = configured(server, folder)
    server.faults.append(status(400, "flagged"))
    with pytest.raises(run.LostSamples, match="1 of 18 readings are missing .*flagged"):
        judge(config)
    assert judge(config) == 1
    more = configured(server, folder, readings=4)
    server.fault = status(503, "down")
    with pytest.raises(TTCError, match="down"):
        judge(more)
    server.fault = None
    assert judge(more) == 6
    assert rows(config.store, "SELECT count(*), count(DISTINCT (problem_id, sample_index, reading)) FROM scores") == [
        (24, 24)
    ]


def test_scoring_by_the_command_asks_the_judge(server: ChatServer, folder: Path) -> None:
    (folder / "run.toml").write_text(
        'store = "s.duckdb"\n[problems]\nsource = "lab:test"\n[policy]\nname = "theirs"\npath = "owner/model"\n'
        f'[judge]\npath = "wise"\nreadings = 2\n[judge.server]\nurls = ["{server.url}"]\n'
    )
    done = ttc("score", "run.toml", cwd=folder)
    assert (done.returncode, "judge: 12 readings of 6 samples to make, by 'wise'" in done.stderr) == (0, True)
    replay = (
        "replay",
        "--store",
        "s.duckdb",
        "--strategy",
        "best_of_n",
        "--verifier",
        "wise",
        "--budgets",
        "2",
        "--json",
    )
    (row,) = json.loads(ttc(*replay, cwd=folder).stdout)
    assert 0 <= row["accuracy"] <= 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"pattern": "("}, "judge.pattern.*no regular expression"),
        ({"pattern": "Score"}, "with one group"),
        ({"template": "rate it"}, "judge.template.*match pattern"),
        ({"lowest": 10.0}, "must be above judge.lowest = 10"),
        ({"server": {"urls": []}}, r"judge.server.urls = \[\]: engine 'chat' needs an address"),
    ],
)
def test_a_wrong_section_is_refused(server: ChatServer, folder: Path, section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        configured(server, folder, **section)
