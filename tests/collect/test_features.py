"""What the policy tells of a question: kept once, whatever batch it stood in, and told by the model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ttclib.collect import prompt_features as collecting
from ttclib.collect import run
from ttclib.collect.features import features
from ttclib.collect.keeper import take_in
from ttclib.config import load_config
from ttclib.errors import RequestError
from ttclib.shipped import checkpoint
from ttclib.store import connect, load_pool, load_questions


def config(path, **more):
    return load_config("lab", store=str(path), problems__limit=9, sampling__n_samples=2, **more)


def held(path):
    with connect(path) as con:
        return con.execute("SELECT feature, problem_id, layer, prompt_tokens FROM features ORDER BY ALL").fetchall()


def test_states_and_answers_are_those_of_the_model_and_are_taken_once(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    told: list[str] = []
    assert features(config(path), notify=told.append) == 18
    assert features(config(path), notify=told.append) == 0 and "holds all" in told[-1]
    rows = held(path)
    assert [row[0] for row in rows] == ["greedy"] * 9 + ["hidden"] * 9 and {row[2] for row in rows[9:]} == {2}
    setting = config(path).setting_row()["setting"]
    ids = [row[1] for row in rows[:9]]
    found = load_questions(path, policy="lab-policy", setting=setting, problem_ids=ids)
    folder = checkpoint("policy")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for row, prompt in enumerate(found.prompts):
        ids_of = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.inference_mode():
            states = model(ids_of, output_hidden_states=True).hidden_states
            drawn = model.generate(ids_of, do_sample=False, max_new_tokens=320)[0, ids_of.shape[1] :]
            logits = model(torch.cat([ids_of[0], drawn])[None]).logits[0, ids_of.shape[1] - 1 : -1]
        own = torch.log_softmax(logits, -1)[torch.arange(len(drawn)), drawn].mean().item()
        assert np.allclose(found.hidden[row], states[2][0, -1].numpy(), rtol=2e-3, atol=2e-3)
        assert found.greedy_logprob[row] == pytest.approx(own, abs=1e-4)


def test_a_batch_that_fails_loses_itself_alone(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    size = 3
    monkeypatch.setitem(collecting._MAKE, "hidden", (_failing_after(2), size))
    with pytest.raises(KeyboardInterrupt):
        features(config(path), ["hidden"])
    assert len(held(path)) == 2 * size
    monkeypatch.undo()
    assert features(config(path), ["hidden"]) == 9 - 2 * size
    assert len(held(path)) == 9


def _failing_after(n_batches):
    make, left = collecting._MAKE["hidden"][0], iter(range(n_batches))

    def failing(*args):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return make(*args)

    return failing


def test_sampling_keeps_the_states_of_its_prompts(tmp_path):
    path = tmp_path / "s.duckdb"
    run.sample(config(path))
    take_in(path)
    assert [row[0] for row in held(path)] == ["hidden"] * 9
    pool = load_pool(path)
    found = load_questions(path, policy=pool.policy, setting=pool.setting.name, problem_ids=pool.problem_ids)
    assert found.hidden.shape == (9, 40) and not np.isnan(found.hidden).any()
    run.sample(config(path, sampling__seed=0))  # nothing to draw, nothing more to keep
    assert len(held(path)) == 9


def test_what_cannot_be_had_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "s.duckdb"
    chat = {"policy__engine": "chat", "policy__server": {"urls": ["http://localhost:1/v1"]}}
    for more, wanted, said in (
        (chat, ["hidden"], "tells no hidden state"),
        ({}, ["hiden"], "did you mean 'hidden'"),
        ({"policy__path": str(tmp_path / "none")}, ["hidden"], "none"),
    ):
        with pytest.raises(RequestError, match=said):
            features(config(path, **more), wanted)
    assert not path.exists() and not list(tmp_path.glob("*.parts"))
