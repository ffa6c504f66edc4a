"""What cannot be drawn again: log-probability and entropy of each token, of each step, and the reasoning."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from transformers import AutoModelForCausalLM

from tests.collect.test_run import rows, with_
from ttclib.collect import run
from ttclib.collect.engines.types import Completion, top_mass
from ttclib.collect.token_columns import reasoning_tokens, step_logprobs, token_columns
from ttclib.config import RunConfig
from ttclib.store.cells import pack_halves, unpack_halves

QUERY = """SELECT prompt, completion_ids, logprob, step_tokens, step_logprobs, token_logprobs, token_entropies,
           token_top20, reasoning_tokens FROM samples JOIN problems USING (problem_id)"""


def test_each_token_is_as_the_model_says(config: RunConfig, tiny_policy: Path) -> None:
    run.sample(with_(config, sampling={"temperature": 0.7, "top_p": 0.9}))
    from ttclib.lab.tokenizer import build_tokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_policy, dtype=torch.float32).eval()
    tokenizer = build_tokenizer()
    found = rows(config.store, QUERY)
    assert len(found) == 30
    for prompt, ids, logprob, step_tokens, steps, halves, entropies, top20, thought in found:
        asked = tokenizer(prompt)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([[*asked, *ids]])).logits[0, len(asked) - 1 : -1].double()
        expected = torch.log_softmax(logits, dim=-1)
        own = expected[range(len(ids)), ids].numpy()
        np.testing.assert_allclose(unpack_halves(halves), own, rtol=2e-3, atol=2e-4)  # at temperature 1, no nucleus
        np.testing.assert_allclose(
            unpack_halves(entropies), -(expected.exp() * expected).sum(dim=-1).numpy(), rtol=2e-3, atol=2e-4
        )
        assert sum(steps) == pytest.approx(logprob, abs=1e-4) == pytest.approx(own.sum(), abs=1e-3)
        bounds = np.cumsum([0, *step_tokens])
        for begin, end, total in zip(bounds, bounds[1:], steps, strict=False):
            assert total == pytest.approx(own[begin:end].sum(), abs=1e-3)
        assert top20 is None and thought is None


def test_they_can_be_left_out(config: RunConfig) -> None:
    run.sample(with_(config, sampling={"keep_logprobs": False}))
    for _, _, logprob, _, steps, *a_token, _ in rows(config.store, QUERY):
        assert logprob < 0 and steps is None and a_token == [None, None, None]
    setting = config.setting_row()["setting"]
    assert with_(config, sampling={"keep_logprobs": False}).setting_row()["setting"] == setting  # no other draws


def test_pieces_of_a_step_are_put_together() -> None:
    pieces = [
        Completion([1], "a", "stop", -1.0, np.array([-1.0])),
        Completion([2, 3], "b", "stop", -3.0, np.array([-1, -2])),
    ]
    columns = token_columns(*pieces)
    assert unpack_halves(columns["token_logprobs"]).tolist() == [-1, -1, -2] and columns["token_entropies"] is None
    assert token_columns(pieces[0], Completion([1], "a", "stop", -1.0))["token_logprobs"] is None
    assert step_logprobs(pieces[1], [1, 1, 0]) == [-1.0, -2.0, 0.0] and step_logprobs(pieces[1], [2]) == [-3.0]


def test_halves_are_two_bytes_and_three_digits() -> None:
    values = -np.random.default_rng(0).exponential(3, size=1000)
    packed = pack_halves(values)
    assert packed is not None and len(packed) == 2000
    np.testing.assert_allclose(unpack_halves(packed), values, rtol=1e-3)
    assert pack_halves(None) is None is unpack_halves(None) and unpack_halves(pack_halves([])).size == 0
    assert pack_halves([-1.5]) == b"\x00\xbe"  # little-endian: sign 1, exponent 15, fraction 1/2


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["<think>", "a", "</think>", "b"], 3),
        (["a", "</th", "ink>", "b"], 3),  # the template opened it
        (["a</think>b"], 1),
        (["\n<think>", "a", "b"], 3),  # cut while it was thinking
        (["a", "b"], None),
        ([], None),
    ],
)
def test_tokens_of_reasoning(pieces: list[str], expected: int | None) -> None:
    assert reasoning_tokens(pieces) == expected


def test_top_mass_leaves_out_the_drawn_token_that_is_not_among_them() -> None:
    told = [math.log(1 / 32)] * 20 + [math.log(1e-6)]
    assert top_mass(told) == pytest.approx(20 / 32) and top_mass([math.log(0.5)]) == pytest.approx(0.5)
