"""The recipe on a very small scale."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch
from transformers import AutoModelForTokenClassification, GPT2Config, GPT2LMHeadModel

from tests.models import save_tiny_policy
from ttclib.errors import RequestError, TTCError
from ttclib.lab import fit as fit_module
from ttclib.lab import recipe as recipe_module
from ttclib.lab import train_policy as train_policy_module
from ttclib.lab.fit import Example, Pace, fit
from ttclib.lab.grow import grow
from ttclib.lab.models import check_policy, load_policy
from ttclib.lab.muon import orthogonalise
from ttclib.lab.recipe import POLICIES, POLICY, Order, train
from ttclib.lab.revision_data import Chain, ChainRecipe
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.lab.train_policy import PolicyRecipe, new_policy, train_policy
from ttclib.lab.train_verifier import Judged, VerifierRecipe, train_verifier
from ttclib.problems.arithmetic import Exercise
from ttclib.shipped import CHECKPOINTS

TINY = PolicyRecipe(
    n_exercises=600, hidden_size=16, intermediate_size=32, n_layers=1, pace=Pace(tokens_per_batch=1000, warmup_steps=5)
)
VERIFIER = VerifierRecipe(n_epochs=2, extra_layers=1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_policy_module, "EXERCISES_A_CHUNK", 100)


def hidden_parameters(recipe: PolicyRecipe) -> int:
    model = new_policy(recipe, build_tokenizer())
    return model.num_parameters() - model.get_input_embeddings().weight.numel()


@pytest.mark.parametrize(("name", "times"), [("policy-2x", 2), ("policy-4x", 4), ("policy-14x", 14)])
def test_larger_policies_have_as_many_times_the_parameters_and_the_same_exercises(name: str, times: int) -> None:
    larger = POLICIES[name]
    assert hidden_parameters(larger) / hidden_parameters(POLICY) == pytest.approx(times, rel=0.04)
    for same in ("n_exercises", "short", "short_at_first", "seed"):
        assert getattr(POLICY, same) == getattr(larger, same)


def test_orthogonalised_matrices_keep_their_directions_and_lose_their_sizes() -> None:
    matrices = torch.randn(3, 8, 20, generator=torch.Generator().manual_seed(0))
    for given in (matrices, matrices.mT):
        found = orthogonalise(given)
        sizes = torch.linalg.svdvals(found)
        assert sizes.min() > 0.5 and sizes.max() < 1.3
        left, _, right = torch.linalg.svd(given, full_matrices=False)
        off = left.mT @ found @ right.mT
        assert (off - torch.diag_embed(off.diagonal(dim1=1, dim2=2))).abs().max() < 1e-4


def test_a_seed_repeats_the_policy(tmp_path: Path) -> None:
    trained = [train_policy(TINY, tmp_path / name) for name in ("a", "b")]
    assert trained[0]["final_loss"] == trained[1]["final_loss"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    losses: list[float] = []
    train_policy(TINY, tmp_path, report=lambda done, total, text: losses.append(float(text.split()[1].strip(","))))
    assert losses[-1] < losses[0] - 0.3


def test_a_training_that_was_stopped_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "_SAVE_EVERY_S", 0.0)

    def stop(done: int, total: int, text: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    whole = train_policy(TINY, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_policy(TINY, tmp_path / "stopped", report=stop)
    chunks: list[int] = []
    resumed = train_policy(TINY, tmp_path / "stopped", report=lambda done, total, text: chunks.append(done))
    assert chunks == [4, 5, 6]
    assert resumed["training_tokens"] == whole["training_tokens"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]
    assert not (tmp_path / "stopped" / "unfinished.pt").exists()


def test_another_recipe_does_not_resume_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "_SAVE_EVERY_S", 0.0)

    def stop(done: int, total: int, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_policy(TINY, tmp_path, report=stop)
    chunks: list[int] = []
    train_policy(dataclasses.replace(TINY, seed=1), tmp_path, report=lambda done, total, text: chunks.append(done))
    assert chunks[0] == 1


def test_a_killed_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    program = (
        "import ttclib.lab.fit as f, ttclib.lab.train_policy as t, ttclib.lab.recipe as r, pathlib, dataclasses\n"
        "f._SAVE_EVERY_S = 0.0; t.EXERCISES_A_CHUNK = 50\n"
        "r.POLICIES['policy'] = dataclasses.replace(r.POLICY, n_exercises=2000, hidden_size=16, n_layers=1)\n"
        f"r.train('policy', r.Order(pathlib.Path({str(tmp_path)!r})))\n"
    )
    state = tmp_path / "policy" / "unfinished.pt"
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    held = torch.load(state, weights_only=True)["at"]
    assert 1 <= held["chunk"] < 40
    monkeypatch.setattr(train_policy_module, "EXERCISES_A_CHUNK", 50)
    evaluate = recipe_module.evaluate
    monkeypatch.setattr(recipe_module, "evaluate", lambda *a: evaluate(*a, n_problems=9, n_samples=2))
    small = dataclasses.replace(POLICY, n_exercises=2000, hidden_size=16, n_layers=1)
    monkeypatch.setitem(POLICIES, "policy", small)
    train("policy", Order(tmp_path))
    card = json.loads((tmp_path / "policy" / "card.json").read_text())
    assert card["training"]["steps"] > held["steps"]
    assert (tmp_path / "policy" / "model.safetensors").is_file() and not state.exists()


def test_a_grown_policy_holds_its_own_expectation(tmp_path: Path) -> None:
    """The first added layer's attention brings the policy's logits for a token to that token."""
    policy = load_policy(save_tiny_policy(tmp_path, tie_word_embeddings=True, num_key_value_heads=4, head_dim=4))
    grown = grow(policy, 2).eval()
    d, v, n_old = 16, 24, 2
    ids = torch.tensor([[1, 5, 6, 14, 7, 19, 8]])
    fetched: list[torch.Tensor] = []
    attention = grown.model.layers[n_old].self_attn
    attention.register_forward_hook(lambda module, inputs, output: fetched.append(output[0]))
    with torch.no_grad():
        logits = policy(ids).logits[0]
        grown(ids)
    expected = fetched[0][0][1:, d + v : d + 2 * v] * 10
    assert torch.allclose(expected, logits[:-1], atol=0.05 * float(logits.abs().max()))
    raised = fetched[0][0][:, d : d + v]
    assert raised.argmax(dim=1).tolist() == ids[0].tolist()


def test_a_grown_policy_still_computes_what_it_did(tmp_path: Path) -> None:
    path = save_tiny_policy(
        tmp_path, tie_word_embeddings=True, num_key_value_heads=4, head_dim=4, initializer_range=0.3
    )
    policy = load_policy(path).eval()
    grown = grow(policy, 1).eval()
    ids = torch.tensor([[1, 5, 6, 14, 7, 19, 8]])
    with torch.no_grad():
        states = grown.model(ids, output_hidden_states=True).hidden_states
        own = policy.lm_head(policy.model.norm(states[policy.config.num_hidden_layers][..., :16]))
        logits = policy(ids).logits
    assert torch.allclose(own, logits, atol=0.02 * float(logits.abs().max()))


def test_only_what_was_added_is_trained(tmp_path: Path) -> None:
    path = save_tiny_policy(tmp_path / "policy", tie_word_embeddings=True)
    before = {name: weight.clone() for name, weight in grow(load_policy(path), 1).model.layers[0].named_parameters()}
    judged = [Judged([1, 5, 13, 5, 18, 19], ("10\n", "#10"), (0.5, 1.0)), Judged([1, 5, 18, 19], ("#2\n\n",), (0.0,))]
    trained = train_verifier(VERIFIER, path, judged, tmp_path / "prm")
    after = AutoModelForTokenClassification.from_pretrained(tmp_path / "prm", dtype=torch.float32)
    assert trained["parameters"] == after.num_parameters()
    for name, weight in after.model.layers[0].named_parameters():
        assert torch.allclose(weight, before[name], atol=1e-3)


def test_too_little_memory_names_the_setting(tmp_path: Path) -> None:
    model = new_policy(TINY, build_tokenizer())

    def loss(batch: object) -> torch.Tensor:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:128] DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(TTCError, match="too little memory for a batch of 1,000 tokens: lower it with --batch-tokens"):
        fit(model, lambda number: [Example([1, 2], [1, 2])], 1, loss, TINY.pace, seed=0, state=tmp_path / "s", recipe=0)


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no policy at .*ttc lab train policy"):
        check_policy(tmp_path / "nowhere")
    GPT2LMHeadModel(GPT2Config(vocab_size=24, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path / "gpt2")
    with pytest.raises(RequestError, match="is GPT2LMHeadModel: the lab trains LlamaForCausalLM alone"):
        check_policy(tmp_path / "gpt2")
    other = save_tiny_policy(tmp_path / "other")
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["x"] = tokenizer["model"]["vocab"].pop("#")
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(RequestError, match="has another vocabulary"):
        check_policy(other)


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"scale": 2.0}, {"batch_tokens": 3}])
def test_orders_that_cannot_be(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="allowed"):
        train("policy", Order(tmp_path, **wrong))


def test_an_unknown_part_lists_the_choices(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="Allowed: all, policy, policy-2x, policy-4x, policy-14x, prm, revision"):
        train("polici", Order(tmp_path))


def test_the_whole_family_is_trained_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained policies solve nothing, so the revision model is given exercises that are right by construction."""
    small = dataclasses.replace(TINY, n_exercises=200)
    for name in POLICIES:
        monkeypatch.setitem(POLICIES, name, small if name == "policy" else dataclasses.replace(small, hidden_size=24))
    monkeypatch.setattr(recipe_module, "ROLLOUTS", dataclasses.replace(recipe_module.ROLLOUTS, n_problems=4, n_root=3))
    monkeypatch.setattr(recipe_module, "CHAINS", ChainRecipe(n_problems=2, n_chains=2, length=3))
    for name in ("PRM", "REVISION_ORM"):
        monkeypatch.setattr(recipe_module, name, VERIFIER)
    monkeypatch.setattr(
        recipe_module, "put_together", lambda trees, **_: [_right_chain(tree.exercise) for tree in trees]
    )
    few = {"n_problems": 9, "n_samples": 2}
    evaluate, evaluate_chains = recipe_module.evaluate, recipe_module.evaluate_chains
    monkeypatch.setattr(recipe_module, "evaluate", lambda *a: evaluate(*a, **few))
    monkeypatch.setattr(
        recipe_module, "evaluate_chains", lambda *a: evaluate_chains(*a, n_problems=3, n_chains=2, length=2)
    )
    told: list[str] = []
    directories = train("all", Order(tmp_path), notify=told.append)
    assert [path.name for path in directories] == list(CHECKPOINTS)
    for directory in directories:
        card = json.loads((directory / "card.json").read_text())
        text = (directory / "README.md").read_text()
        assert card["part"] == directory.name and f"{card['training']['training_tokens']:,}" in text
        assert f"ttc lab train {directory.name}" in text
    told.clear()
    assert train("all", Order(tmp_path), notify=told.append) == directories
    assert len(told) == len(CHECKPOINTS) and all("is finished" in line for line in told)


def _right_chain(exercise: Exercise) -> Chain:
    return Chain(exercise.prompt, ("#0",), exercise.solution, True)


def test_a_verifier_of_another_policy_starts_with_its_added_layers(tmp_path: Path) -> None:
    first = save_tiny_policy(tmp_path / "first", tie_word_embeddings=True)
    second = save_tiny_policy(tmp_path / "second", tie_word_embeddings=True, initializer_range=0.3)
    judged = [Judged([1, 5, 13, 5, 18, 19], ("10\n", "#10"), (0.5, 1.0))]
    recipe = dataclasses.replace(VERIFIER, n_epochs=1, pace=Pace(matrix_rate=0.0, other_rate=0.0))
    train_verifier(recipe, first, judged, tmp_path / "prm")
    train_verifier(recipe, second, judged, tmp_path / "orm", start=tmp_path / "prm")
    prm, orm = (
        AutoModelForTokenClassification.from_pretrained(tmp_path / name, dtype=torch.float32) for name in ("prm", "orm")
    )
    expected = grow(load_policy(second), 1)
    n_old = expected.config.num_hidden_layers - 1
    for ours, theirs in ((orm.model.layers[n_old], prm.model.layers[n_old]), (orm.score, prm.score)):
        for value, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(value, other)
    for value, other in zip(orm.model.layers[0].parameters(), expected.model.layers[0].parameters(), strict=True):
        assert torch.allclose(value, other, atol=1e-3)
