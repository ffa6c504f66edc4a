"""One contract for every engine: the same tests run on each that is installed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from transformers import AutoModelForCausalLM

from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.replicas import Replicas, _receive, _send, _serve, share_devices
from ttclib.collect.engines.transformers import draw_tokens
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

PROMPTS = ["1+2=\n", "(3+4)*(9-2)=\n", "7=\n"]


def draws_of(engine: Any, n: int, seed: int = 0) -> list[Draw]:
    return [Draw(tuple(engine.encode(p)), draw_seed(seed, p, i)) for p in PROMPTS for i in range(n)]


def test_counts_reasons_and_text_agree(engine: Any) -> None:
    drawn = engine.generate(draws_of(engine, 16), SamplingConfig(max_tokens=20))
    end = engine.tokenizer.eos_token_id
    assert len(drawn) == 48
    assert {completion.finish_reason for completion in drawn} == {"stop", "length"}
    for completion in drawn:
        ended = completion.token_ids[-1] == end
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.token_ids) == 20
        assert end not in completion.token_ids[:-1]
        assert completion.text == "".join(engine.token_texts(completion.token_ids))


def test_log_probabilities_are_the_models_own(engine: Any, path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    draws = draws_of(engine, 4)
    for draw, completion in zip(
        draws, engine.generate(draws, SamplingConfig(max_tokens=20, temperature=0.7)), strict=True
    ):
        ids = [*draw.prefix_ids, *completion.token_ids]
        with torch.inference_mode():
            logp = torch.log_softmax(model(torch.tensor([ids])).logits[0].float(), dim=-1)
        start = len(draw.prefix_ids)
        expected = sum(logp[at - 1, ids[at]].item() for at in range(start, len(ids)))
        assert completion.logprob == pytest.approx(expected, abs=1e-3)


def test_temperature_zero_is_greedy(engine: Any, path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    draw = Draw(tuple(engine.encode(PROMPTS[1])), 0)
    (completion,) = engine.generate([draw], SamplingConfig(max_tokens=12, temperature=0))
    ids = list(draw.prefix_ids)
    for token in completion.token_ids:
        with torch.inference_mode():
            assert int(model(torch.tensor([ids])).logits[0, -1].argmax()) == token
        ids.append(token)


def test_first_tokens_follow_the_models_distribution(engine: Any, path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    prefix = tuple(engine.encode(PROMPTS[0]))
    n = 1000 if hasattr(engine, "_server") else 4000  # a request a draw
    drawn = engine.generate([Draw(prefix, draw_seed(1, "p", i)) for i in range(n)], SamplingConfig(max_tokens=1))
    with torch.inference_mode():
        expected = torch.softmax(model(torch.tensor([prefix])).logits[0, -1].double(), dim=-1).numpy()
    share = np.bincount([completion.token_ids[0] for completion in drawn], minlength=len(expected)) / n
    assert np.abs(share - expected).max() < 5 * np.sqrt(0.25 / n)


def test_a_stop_string_ends_a_sample(engine: Any) -> None:
    drawn = engine.generate(draws_of(engine, 16), SamplingConfig(max_tokens=40, stop=("#",)))
    stopped = [completion for completion in drawn if "#" in completion.text]
    assert stopped
    for completion in stopped:
        assert completion.text.endswith("#")
        assert completion.finish_reason == "stop"
        assert engine.tokenizer.eos_token_id not in completion.token_ids


def test_a_draw_may_have_a_limit_of_its_own(engine: Any) -> None:
    prefix = tuple(engine.encode(PROMPTS[0]))
    limits = [None, 1, 3, None, 2]
    drawn = engine.generate([Draw(prefix, n, limit) for n, limit in enumerate(limits)], SamplingConfig(max_tokens=5))
    for limit, completion in zip(limits, drawn, strict=True):
        assert len(completion.token_ids) <= (limit or 5)
        assert completion.finish_reason == "stop" or len(completion.token_ids) == (limit or 5)


def test_the_window_is_the_models(engine: Any) -> None:
    assert engine.window == 128


def test_model_facts_are_the_checkpoints(engine: Any) -> None:
    facts = engine.model_facts()
    shape = {"n_layers": 2, "n_heads": 2, "n_kv_heads": 1, "head_dim": 32, "hidden_size": 64, "training_tokens": 7}
    assert {name: facts[name] for name in shape} == shape
    assert facts["architecture"] == "LlamaForCausalLM"
    assert facts["n_embedding"] == 2 * 24 * 64
    # attention (q, k, v, o), MLP, two norms a layer, and the last norm
    assert facts["n_parameters"] == 2 * 24 * 64 + 2 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 32 + 2 * 64) + 64


# What the transformers engine promises beyond the contract.


@pytest.fixture(scope="module")
def own(path: Path) -> Any:
    return load_engine(PolicyConfig(name="tiny", path=str(path)), PromptConfig())


def test_a_sample_does_not_depend_on_its_batch(own: Any) -> None:
    draws = draws_of(own, 6)
    together = own.generate(draws, SamplingConfig(max_tokens=30))
    alone = [own.generate([draw], SamplingConfig(max_tokens=30))[0] for draw in draws]
    assert [c.token_ids for c in together] == [c.token_ids for c in alone]


def test_draws_that_say_the_same_are_computed_once(own: Any) -> None:
    prefix = tuple(own.encode(PROMPTS[0]))
    sampling, draws = SamplingConfig(max_tokens=12, temperature=0.3), [Draw(prefix, seed) for seed in range(60)]
    alone = [own.generate([draw], sampling)[0] for draw in draws]
    with patch.object(own, "_forward", wraps=own._forward) as forward:
        together = own.generate(draws, sampling)
    assert [c.token_ids for c in together] == [c.token_ids for c in alone]
    np.testing.assert_allclose([c.logprob for c in together], [c.logprob for c in alone], atol=1e-4)
    n_rows = sum(len(call.args[0]) for call in forward.call_args_list[1:])
    ended = {own.tokenizer.eos_token_id}
    distinct = {
        tuple(c.token_ids[:n])
        for c in alone
        for n in range(1, min(len(c.token_ids), 11) + 1)
        if not ended & set(c.token_ids[:n])
    }
    assert n_rows == len(distinct) < sum(len(c.token_ids) for c in alone) / 2


def test_other_seeds_draw_other_samples(own: Any) -> None:
    sampling = SamplingConfig(max_tokens=30)
    first, second = (own.generate(draws_of(own, 6, seed), sampling) for seed in (0, 1))
    assert [c.token_ids for c in first] != [c.token_ids for c in second]


def test_greedy_agrees_with_generate(own: Any) -> None:
    draws = draws_of(own, 1)
    ours = own.generate(draws, SamplingConfig(max_tokens=16, temperature=0))
    for draw, completion in zip(draws, ours, strict=True):
        theirs = own.model.generate(
            torch.tensor([draw.prefix_ids]),
            attention_mask=torch.ones(1, len(draw.prefix_ids), dtype=torch.long),
            max_new_tokens=16,
            do_sample=False,
        )[0, len(draw.prefix_ids) :].tolist()
        assert completion.token_ids == theirs


def test_the_nucleus_keeps_the_smallest_set_that_reaches_top_p() -> None:
    from ttclib.collect.engines.transformers import draw_tokens

    logits = torch.log(torch.tensor([[0.1, 0.5, 0.15, 0.25], [0.0, 0.0, 1.0, 0.0]]))
    rows = np.repeat([0, 1], [1000, 5])
    kept, logprobs = draw_tokens(logits, rows, np.r_[np.linspace(0, 1 - 1e-9, 1000), [0.5] * 5], 1.0, 0.7)
    assert set(kept[:1000]) == {1, 3}
    assert (kept[:1000] == 1).mean() == pytest.approx(2 / 3, abs=0.002)
    assert kept[1000:].tolist() == [2] * 5
    np.testing.assert_allclose(logprobs, np.log(np.select([kept == 1, kept == 3], [0.5, 0.25], 1.0)), atol=1e-6)


def test_a_prompt_that_leaves_no_room_is_refused(own: Any) -> None:
    with pytest.raises(RequestError, match="exceeds the model's window of 128: set sampling.max_tokens to at most 122"):
        own.generate([Draw(tuple(own.encode("1+2=\n")), 0)], SamplingConfig(max_tokens=500))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot load the policy"):
        load_engine(PolicyConfig(name="x", path=str(tmp_path)), PromptConfig())


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/model", "nowhere"])
def test_a_path_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="no model at"):
        load_engine(PolicyConfig(name="x", path=name), PromptConfig())


# Copies of a model.


def test_copies_draw_what_one_draws(own: Any, path: Path) -> None:
    copies = load_engine(PolicyConfig(name="tiny", path=str(path), data_parallel_size=2), PromptConfig())
    assert isinstance(copies, Replicas)
    try:
        sampling = SamplingConfig(max_tokens=20)
        draws = draws_of(own, 5)
        assert [c.token_ids for c in copies.generate(draws, sampling)] == [
            c.token_ids for c in own.generate(draws, sampling)
        ]
        assert len(copies.generate(draws[:1], sampling)) == 1  # fewer draws than copies
        with pytest.raises(RequestError, match="exceeds the model's window"):
            copies.generate(draws, SamplingConfig(max_tokens=500))
        with pytest.raises(TTCError, match="ended without a word"):
            copies.generate(draws, sampling)
    finally:
        copies.close()


def test_a_pipe_whose_other_end_is_dead_says_so() -> None:
    pipe, theirs = multiprocessing.Pipe()
    pipe.send("not read by the copy")
    theirs.close()
    for ends in (lambda: _receive(pipe), lambda: _receive(pipe), lambda: _send(pipe, "more")):  # reset, end, broken
        with pytest.raises(TTCError, match="ended without a word"):
            ends()


class Scripted:
    """An engine that does what it is told."""

    window = 7

    def model_facts(self) -> dict[str, Any]:
        return {"n_layers": 2}

    def generate(self, draws: Any, sampling: Any) -> Any:
        if isinstance(draws[0], Exception):
            raise draws[0]
        return [(draw, sampling) for draw in draws]


def test_a_copy_serves_until_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "9")
    policy, asked = PolicyConfig(name="x", path="x"), []

    def served(*sent: Any, devices: str | None = "4,5") -> list[Any]:
        pipe, theirs = multiprocessing.Pipe()
        for one in sent:
            pipe.send(one)
        load = lambda *given: asked.append((*given, os.environ["CUDA_VISIBLE_DEVICES"])) or Scripted()  # noqa: E731
        thread = threading.Thread(target=_serve, args=(theirs, load, policy, PromptConfig(), devices))
        thread.start()
        found = [pipe.recv() for _ in range(len(sent) + 1)]
        pipe.close()
        thread.join(5)
        assert not thread.is_alive()
        return found

    assert served((["a", "b"], 1), ([], 2)) == [({"n_layers": 2}, 7), [("a", 1), ("b", 1)], []]
    _, wrong = served(([RequestError("no such")], 1))
    assert type(wrong) is RequestError and str(wrong) == "no such"
    _, failed = served(([ValueError("odd")], 1))
    assert type(failed) is TTCError and str(failed) == "a copy of the model failed: ValueError: odd"
    served(devices=None)
    assert [given[2] for given in asked] == ["4,5"] * 4 and asked[0][:2] == (policy, PromptConfig())


def test_draws_are_shared_out_in_blocks_of_neighbours() -> None:
    copies, sent = object.__new__(Replicas), []
    answers = [
        SimpleNamespace(send=lambda asked, n=n: sent.append((n, asked)), recv=lambda n=n: [f"of {n}"]) for n in range(3)
    ]
    copies._copies = [(None, pipe) for pipe in answers]
    assert copies.generate([Draw((n,), n) for n in range(7)], SamplingConfig()) == ["of 0", "of 1", "of 2"]
    assert [(n, [draw.seed for draw in draws]) for n, (draws, _) in sent] == [(0, [0, 1]), (1, [2, 3]), (2, [4, 5, 6])]
    copies._copies = []


def test_a_copy_that_does_not_end_is_ended() -> None:
    done: list[str] = []
    process = SimpleNamespace(
        join=lambda timeout=None: done.append(f"join {timeout}"),
        is_alive=lambda: True,
        kill=lambda: done.append("kill"),
    )
    copies = object.__new__(Replicas)
    copies._copies = [(process, SimpleNamespace(close=lambda: done.append("close")))]
    copies.close()
    assert done == ["close", "join 10", "kill", "join None"] and copies._copies == []


def test_a_copy_that_cannot_load_says_why(tmp_path: Path) -> None:
    from ttclib.lab.tokenizer import build_tokenizer

    build_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(RequestError, match="cannot load the policy"):
        load_engine(PolicyConfig(name="x", path=str(tmp_path), data_parallel_size=2), PromptConfig())


def test_copies_share_the_visible_devices() -> None:
    policy = PolicyConfig(name="x", path="x", data_parallel_size=3, tensor_parallel_size=2)
    assert share_devices(policy, "") == ["", "", ""]
    with pytest.raises(RequestError, match="needs 6, but CUDA_VISIBLE_DEVICES is '0,1,2,3'.*at most 2"):
        share_devices(policy, "0,1,2,3")


@pytest.mark.parametrize(("top_k", "min_p", "top_p"), [(3, None, 1.0), (None, 0.3, 1.0), (2, None, 0.5), (5, 0.2, 0.9)])
def test_what_stays_possible_is_drawn_in_proportion(top_k: int | None, min_p: float | None, top_p: float) -> None:
    weights = np.array([0.02, 0.4, 0.08, 0.3, 0.15, 0.05])
    expected = weights.copy()
    if min_p is not None:
        expected[expected < min_p * 0.4] = 0
    if top_k is not None:
        expected[np.argsort(-expected)[top_k:]] = 0
    expected /= expected.sum()
    order = np.argsort(-expected)
    reached = np.cumsum(expected[order]) - expected[order] >= top_p
    expected[order[reached]] = 0
    expected /= expected.sum()
    n = 20_000
    uniforms = (np.arange(n) + 0.5) / n
    logits = torch.log(torch.tensor(weights))[None].repeat(2, 1)
    drawn, logprobs = draw_tokens(logits, np.ones(n, dtype=np.int64), uniforms, 1.0, top_p, top_k, min_p)
    assert np.bincount(drawn, minlength=6) / n == pytest.approx(expected, abs=2 / n)
    assert logprobs == pytest.approx(np.log(weights[drawn]), abs=1e-6)  # of the model, not of what was left


def test_absent_limits_change_no_draw(own: Any) -> None:
    draws = draws_of(own, 4)
    plain = own.generate(draws, SamplingConfig(max_tokens=20, top_p=0.9))
    assert own.generate(draws, SamplingConfig(max_tokens=20, top_p=0.9, top_k=24, min_p=0.0)) == plain
    greedy = own.generate(draws, SamplingConfig(max_tokens=20, temperature=0))
    likeliest = own.generate(draws, SamplingConfig(max_tokens=20, top_k=1))
    assert [one.token_ids for one in likeliest] == [one.token_ids for one in greedy]


def test_the_likeliest_tokens_are_weighed_where_that_is_asked_for(own: Any) -> None:
    draws, sampling = draws_of(own, 3), SamplingConfig(max_tokens=12, temperature=0.5, top_p=0.9, keep_top_mass=True)
    for draw, drawn in zip(draws, own.generate(draws, sampling), strict=True):
        with torch.inference_mode():
            logits = own.model(torch.tensor([[*draw.prefix_ids, *drawn.token_ids]])).logits[0].double()
        at = torch.softmax(logits[len(draw.prefix_ids) - 1 : -1], dim=-1).sort(descending=True).values
        assert drawn.token_top20 == pytest.approx(at[:, :20].sum(dim=1).numpy(), abs=1e-5)
        assert (drawn.token_top20 < 1).all() and len(drawn.token_logprobs) == len(drawn.token_top20)
    (bare,) = own.generate(draws[:1], sampling.model_copy(update={"keep_logprobs": False}))
    assert bare.token_logprobs is None is bare.token_entropies and bare.token_top20 is not None


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", ""])
def test_a_device_that_is_not_here_is_one_line(path: Path, device: str) -> None:
    with pytest.raises(RequestError, match=f"policy.device = '{device}' cannot be used here .*: set cpu") as raised:
        load_engine(PolicyConfig(name="tiny", path=str(path), device=device), PromptConfig())
    assert "\n" not in str(raised.value)


def test_a_device_can_be_chosen(path: Path) -> None:
    assert load_engine(PolicyConfig(name="tiny", path=str(path), device="cpu"), PromptConfig()).device == "cpu"
