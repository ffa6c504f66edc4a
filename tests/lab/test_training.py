"""The recipe on a very small scale, and what the models that ship are held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
from transformers import AutoModelForTokenClassification

from tests.models import save_tiny_policy
from ttclib.lab import checkpoint
from ttclib.lab.evaluate import evaluate
from ttclib.lab.grow import grow, load_policy
from ttclib.lab.rollouts import label_steps, labelled_solutions
from ttclib.lab.task import Exercise
from ttclib.lab.train_policy import PolicyRecipe, train_policy
from ttclib.lab.train_prm import PrmRecipe, train_prm


def test_labels_are_the_share_of_right_solutions_through_a_step() -> None:
    problem = Exercise("1+1+1", 2, 3, "2+1\n3\n#3")
    texts = ["2+1\n3\n#3", "2+1\n4\n#4", "2+1\n3\n#9", "1+3\n4\n#4"]
    labelled = label_steps([problem], [(0, text) for text in texts])
    assert [solution.labels for solution in labelled] == [
        (1 / 3, 1 / 2, 1.0),
        (1 / 3, 0.0, 0.0),
        (1 / 3, 1 / 2, 0.0),
        (0.0, 0.0, 0.0),
    ]
    assert [solution.is_correct for solution in labelled] == [True, False, False, False]


def test_a_seed_repeats_the_policy(tmp_path: Path) -> None:
    recipe = PolicyRecipe(n_exercises=300, hidden_size=16, intermediate_size=32, n_layers=1, tokens_per_batch=2000)
    trained = [train_policy(recipe, tmp_path / name) for name in ("a", "b")]
    assert trained[0]["final_loss"] == trained[1]["final_loss"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    losses: list[float] = []
    recipe = PolicyRecipe(
        n_exercises=1500, hidden_size=16, intermediate_size=32, n_layers=1, tokens_per_batch=1000, warmup_steps=5
    )
    train_policy(recipe, tmp_path, report=lambda done, total, text: losses.append(float(text.split()[1])))
    known = [loss for loss in losses if loss == loss]
    assert known[-1] < known[0] - 0.3


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


def test_only_what_was_added_is_trained(tmp_path: Path) -> None:
    path = save_tiny_policy(tmp_path / "policy", max_position_embeddings=512, tie_word_embeddings=True)
    before = {name: weight.clone() for name, weight in grow(load_policy(path), 1).model.layers[0].named_parameters()}
    solutions = labelled_solutions(path, n_problems=4, n_root=2, n_branches=0, n_rollouts=0, seed=0)
    train_prm(PrmRecipe(n_epochs=2, extra_layers=1), path, solutions, tmp_path / "prm")
    after = AutoModelForTokenClassification.from_pretrained(tmp_path / "prm", dtype=torch.float32)
    for name, weight in after.model.layers[0].named_parameters():
        assert torch.allclose(weight, before[name], atol=1e-3)


def test_rollouts_and_prm_training_run_end_to_end(tmp_path: Path) -> None:
    policy = save_tiny_policy(tmp_path / "policy", max_position_embeddings=512, tie_word_embeddings=True)
    solutions = labelled_solutions(policy, n_problems=6, n_root=2, n_branches=1, n_rollouts=2, seed=0)
    assert len(solutions) == 6 * 4
    assert all(len(solution.labels) == len(solution.steps) for solution in solutions)
    trained = train_prm(PrmRecipe(n_epochs=1, extra_layers=1), policy, solutions, tmp_path / "prm")
    assert trained["steps"] >= 1
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "prm")
    assert model.config.num_labels == 1


@pytest.mark.parametrize("part", ["policy", "prm"])
def test_a_card_goes_with_every_model_that_ships(part: str) -> None:
    directory = checkpoint(part)
    card = json.loads((directory / "card.json").read_text())
    text = (directory / "README.md").read_text()
    for fact in ("parameters", "training_tokens", "steps"):
        assert f"{card['training'][fact]:,}" in text
    assert "pass@1" in text and f"ttc lab train {part}" in text
    assert sum(file.stat().st_size for file in directory.iterdir()) < 2_000_000


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return evaluate(checkpoint("policy"), checkpoint("prm"), split="test", n_problems=48, n_samples=32)


@pytest.mark.slow
def test_the_policy_spans_every_difficulty(figures: dict[str, Any]) -> None:
    # Six problems a number of operations: their difficulty varies, so pairs of numbers are compared.
    by_operations = figures["pass_at_1_by_operations"]
    easy, hard = (by_operations[1] + by_operations[2]) / 2, (by_operations[7] + by_operations[8]) / 2
    assert easy > 0.9
    assert hard < easy - 0.25
    assert 0.3 < figures["pass_at_1"] < 0.85


@pytest.mark.slow
def test_the_prm_is_of_use(figures: dict[str, Any]) -> None:
    assert figures["step_auc"] > 0.8
    assert figures["final_auc_within"] > 0.75
    assert figures["best_of_n"]["prm"][16] > figures["pass_at_1"] + 0.10
    assert figures["best_of_n"]["prm"][16] > figures["best_of_n"]["logprob"][16]
