"""What stores and other machines rely on stays as it is: seeds of draws, shards, hashes of models.

A pool that grows by another version of ttclib goes on from the same seeds, shards that run with several versions are
the whole, and a model is recognised by the hash that a store has of it. The numbers here are those of version 0.1.0.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ttclib.collect.engines.types import draw_seed
from ttclib.collect.identity import _hash_of_tokenizer, _hash_of_weights
from ttclib.collect.sharing import BLOCK, Shard
from ttclib.collect.solve import seed_of


@pytest.mark.parametrize(
    ("seed", "problem_id", "place", "drawn"),
    [
        (0, "p1", 0, 7633325666623973848),
        (0, "p1", 1, 4187489971673339833),
        (7, "lab-test-0000", "3.0.1", 8974772190211869748),
        (0, "p/revision/2", 5, 8588042766617002129),
    ],
)
def test_a_draw_has_the_seed_that_it_always_had(seed: int, problem_id: str, place: int | str, drawn: int) -> None:
    assert draw_seed(seed, problem_id, place) == drawn < 2**63


def test_a_sample_is_in_the_shard_that_it_always_was() -> None:
    assert BLOCK == 8
    of_three = [[Shard(number, 3).has("p1", index) for index in (0, 7, 8, 16, 24)].index(True) for number in (1, 2, 3)]
    assert of_three == [2, 3, 0]
    assert [Shard(number, 5).has("lab-test-0003") for number in range(1, 6)].index(True) == 4


def test_a_question_has_the_seed_that_it_always_had() -> None:
    assert seed_of("p1") == 4189904926


def made(folder: Path, size: int) -> Path:
    """A model of so many bytes, among them zeros that the disk need not hold."""
    (folder / "config.json").write_text(json.dumps({"hidden_size": 16, "transformers_version": "5"}))
    (folder / "generation_config.json").write_text('{"eos_token_id": 2}')
    (folder / "tokenizer.json").write_text('{"model": {}}')
    (folder / "merges.txt").write_text("a b")
    with (folder / "model.safetensors").open("wb") as file:
        file.write(np.arange(5000, dtype="<u4").tobytes())
        file.truncate(size)
        file.seek(size - 100)
        file.write(b"\1" * 100)
    return folder


@pytest.mark.parametrize(
    ("size", "weights"),
    [
        (30_000, "560e3e00724b0313510726a3"),
        (33_554_432, "ef4750c54187fbfa8a409de6"),
        (50_000_000, "f07887b5a38e46abf99db39e"),
    ],
)
def test_a_model_has_the_hash_that_stores_have_of_it(tmp_path: Path, size: int, weights: str) -> None:
    folder = made(tmp_path, size)
    assert _hash_of_weights(folder) == weights
    assert _hash_of_tokenizer(folder) == "8cb1be231519f3756128eb3f"
    (folder / "tokenizer.json").unlink()
    (folder / "merges.txt").unlink()
    assert _hash_of_tokenizer(folder) is None
