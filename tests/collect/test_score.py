"""Scoring any pool of a store: imported ones, too, and saying what could be meant where nothing is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.collect.test_run import rows, with_
from ttclib.collect import run
from ttclib.collect.steps import guess_delimiter, split_steps
from ttclib.config import RunConfig, load_config
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.store import load_pool, write_part

TEXTS = ["7*7\n49\n#49", "7*7\n\n49", "#49"]


def imported(config: RunConfig, tmp_path: Path, texts: list[str] = TEXTS, **changes: Any) -> None:
    line = {"problem_id": "x", "policy": "theirs", "prompt": "7*(8-1)=\n", "reference_answer": "49"}
    lines = [line | {"sample_index": index, "completion": text} | changes for index, text in enumerate(texts)]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_samples(file, config.store, grader="exact")


def steps_read(config: RunConfig) -> list[int]:
    return [n for (n,) in rows(config.store, "SELECT len(step_scores) FROM scores ORDER BY sample_index")]


def test_imported_samples_are_scored_in_steps_that_are_guessed_and_said(config: RunConfig, tmp_path: Path) -> None:
    imported(config, tmp_path)
    said: list[str] = []
    assert run.score(config, policy="theirs", notify=said.append) == 3
    assert "score: reads the samples of 'theirs' under one setting" in said
    (guessed,) = [line for line in said if "steps are taken to end with" in line]
    assert "end with '\\n', which 67% of the samples hold: set sampling.step_delimiter, or give --step-del" in guessed
    assert steps_read(config) == [len(split_steps(text)) for text in TEXTS] == [3, 2, 1]
    assert load_pool(config.store).verifier("prm").kind == "prm"
    said.clear()
    assert run.score(config, policy="theirs", notify=said.append) == 0
    assert "score: 'prm' has read all of the 3 samples of 'theirs'" in said


@pytest.mark.parametrize("how", ["argument", "configured", "setting"])
def test_a_delimiter_that_is_stated_is_not_guessed(config: RunConfig, tmp_path: Path, how: str) -> None:
    imported(config, tmp_path, **({"setting": {"step_delimiter": "9"}} if how == "setting" else {}))
    if how == "configured":
        config = with_(config, sampling={"step_delimiter": "9"})
    said: list[str] = []
    given = {"step_delimiter": "9"} if how == "argument" else {}
    assert run.score(config, policy="theirs", **given, notify=said.append) == 3
    assert not [line for line in said if "taken to end" in line]
    assert steps_read(config) == [len(split_steps(text, "9")) for text in TEXTS]


def test_what_cannot_be_read_is_counted(config: RunConfig, tmp_path: Path) -> None:
    imported(config, tmp_path)
    key = {"policy": "theirs", "setting": "imported"}
    write_part(config.store, "samples", [key | {"problem_id": "x", "sample_index": 7}])  # no text
    write_part(config.store, "samples", [key | {"problem_id": "y", "sample_index": 0, "completion": "1"}])  # no prompt
    said: list[str] = []
    assert run.score(config, policy="theirs", notify=said.append) == 3
    assert "score: 2 of 5 samples of 'theirs' cannot be read: the store lacks their text or their problem's" in said[1]
    said.clear()
    assert run.score(config, policy="theirs", notify=said.append) == 0
    assert said[-1] == "score: 'prm' has read 0 more of the 5 samples of 'theirs'"


def test_a_text_that_the_verifiers_vocabulary_lacks_has_no_score_and_the_others_do(
    config: RunConfig, tmp_path: Path
) -> None:
    imported(config, tmp_path, [*TEXTS, "forty-nine, §49"])
    said: list[str] = []
    assert run.score(config, policy="theirs", notify=said.append) == 4
    assert [line for line in said if "1 of 4 samples have no score: longer than 'prm' can read, or with some" in line]
    assert [bool(n) for n in steps_read(config)] == [True, True, True, False]
    assert run.score(config, policy="theirs") == 0


def test_a_question_in_other_words_than_the_policys_is_one_line_and_nothing_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"problem_id": "a", "prompt": "What is 7 + 5?", "reference_answer": "12"}))
    store = tmp_path / "own.duckdb"
    config = load_config("lab", store=str(store), problems__source=str(file))
    with pytest.raises(RequestError, match=r"the vocabulary of '.*policy' lacks something in 'What is 7 \+ 5\?'"):
        run.sample(config)
    assert not store.exists()


def test_nothing_is_read_without_saying_what_could_be_meant(config: RunConfig, tmp_path: Path) -> None:
    run.sample(config)
    with pytest.raises(RequestError, match="unknown policy 'tinny': did you mean 'tiny'"):
        run.score(with_(config, policy={"name": "tinny"}))
    with pytest.raises(
        RequestError,
        match=r"0 samples of .* as configured \(temperature = 0.5\); there are some with "
        r"`--setting temperature=1`",
    ):
        run.score(with_(config, sampling={"temperature": 0.5}))
    run.sample(with_(config, sampling={"temperature": 2.0}))
    with pytest.raises(RequestError, match="`--setting temperature=1`, `--setting temperature=2`"):
        run.score(with_(config, sampling={"temperature": 0.5}))
    assert run.score(with_(config, sampling={"temperature": 0.5}), setting={"temperature": 2}) == 30
    assert run.score(config) == 30
    imported(config, tmp_path, setting={"temperature": 0.3})
    stated = with_(config, sampling={"temperature": 1.0})
    with pytest.raises(RequestError, match=r"configured \(temperature = 1\); there are some with .*temperature=0.3"):
        run.score(stated, policy="theirs")
    assert run.score(with_(config, sampling={"temperature": 0.3}), policy="theirs") == 3


def test_another_prompt_than_the_configured_is_not_read_for_it(config: RunConfig, tmp_path: Path) -> None:
    asked = json.loads(config.prompt.model_copy(update={"system": "Add."}).as_json())
    imported(config, tmp_path, setting={"prompt_format": asked})
    assert run.score(config, policy="theirs") == 3  # nothing was said of the prompt
    other = RunConfig.model_validate(config.model_dump(exclude={"prompt"}) | {"prompt": {"system": "Subtract."}})
    with pytest.raises(RequestError, match="0 samples of policy 'theirs' .* were drawn as configured"):
        run.score(other, policy="theirs")


def test_where_steps_seem_to_end() -> None:
    assert guess_delimiter(["a", "b"]) == ("\n", 0.0)
    assert guess_delimiter(["a\n\nb\nc"] * 3 + ["a\nb"] * 2) == ("\n\n", 0.6)
    assert guess_delimiter(["a\n\n"]) == ("\n", 0.0)  # a blank line at the end parts nothing
