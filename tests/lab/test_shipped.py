"""What the models that ship are held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ttclib.shipped import CHECKPOINTS, checkpoint


def card(part: str) -> dict[str, Any]:
    return json.loads((checkpoint(part) / "card.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("part", CHECKPOINTS)
def test_each_has_a_card_that_says_how_it_was_made(part: str) -> None:
    text, stated = (checkpoint(part) / "README.md").read_text(encoding="utf-8"), card(part)
    assert stated["part"] == part and f"ttc lab train {part}" in text
    for fact in ("parameters", "training_tokens", "steps"):
        assert f"{stated['training'][fact]:,}" in text
    assert stated["training"]["train_s"] > 60 and f"seed | {stated['recipe']['seed']}" in text


def test_together_they_are_small() -> None:
    files = [file for part in CHECKPOINTS for file in Path(checkpoint(part)).iterdir()]
    assert sum(file.stat().st_size for file in files) < 12_000_000
    assert {file.suffix for file in files} <= {".json", ".md", ".safetensors"}


def test_they_are_in_half_precision() -> None:
    for part in CHECKPOINTS:
        config = json.loads((checkpoint(part) / "config.json").read_text(encoding="utf-8"))
        assert config["dtype"] == "float16" and config["max_position_embeddings"] == 2048


def test_larger_policies_saw_the_same_tokens_and_are_better_the_larger_they_are() -> None:
    family = [card(name) for name in ("policy", "policy-2x", "policy-4x", "policy-14x")]
    for same in ("training_tokens", "steps"):
        assert len({one["training"][same] for one in family}) == 1
    by_size = [one["figures"]["pass_at_1"] for one in family]
    assert by_size == sorted(by_size)
    small, large = family[0], family[-1]
    by_operations = [stated["figures"]["pass_at_1_by_operations"] for stated in (small, large)]
    for operations in ("6", "8", "10"):
        assert by_operations[1][operations] > by_operations[0][operations] + 0.1
    assert by_operations[0]["2"] > 0.9 and by_operations[0]["12"] < 0.1


def test_the_verifiers_are_of_use_and_not_perfect() -> None:
    figures = card("prm")["figures"]
    assert figures["step_auc"] > 0.85 and 0.7 < figures["final_auc_within"] < 0.97
    assert figures["best_of_n"]["prm"]["4"] > figures["pass_at_1"] + 0.02
