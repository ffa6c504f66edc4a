"""What the vLLM engine asks of vLLM, what it keeps of the answers and how it explains failures, with a stand-in.

The package itself is tested in tests/engines, where it is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.collect.vllm_package import Vllm, fake_vllm
from tests.models import tiny_config
from ttclib.collect.checkpoints import count_parameters_of
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.types import Draw
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

Load = Callable[..., tuple[dict[str, Any], Any]]


def begun(vllm: Vllm, **policy: Any) -> Any:
    asked = PolicyConfig.model_validate({"name": "m", "path": "m", "engine": "vllm"} | policy)
    return vllm.engine.VllmEngine("m", asked, PromptConfig())


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the engine with a package that fails as told."""

    def run(device: str, error: Exception, **policy: Any) -> tuple[dict[str, Any], Any]:
        with fake_vllm(monkeypatch, device) as vllm:
            vllm.error = error
            with pytest.raises(TTCError) as raised:
                begun(vllm, **policy)
        assert "\n" not in str(raised.value)
        return vllm.options, raised.value

    return run


def test_settings_reach_vllm_and_unset_ones_are_left_to_it(load: Load) -> None:
    asked, _ = load("cuda", OSError("x"))
    assert asked == {"model": "m", "dtype": "auto", "enable_prefix_caching": True}
    asked, _ = load(
        "cuda",
        OSError("x"),
        dtype="bfloat16",
        revision="abc",
        tensor_parallel_size=2,
        pipeline_parallel_size=4,
        quantization="fp8",
        gpu_memory_utilization=0.5,
        max_model_len=4096,
        prefix_caching=False,
        engine_options={"enforce_eager": True, "max_model_len": 99},
    )
    assert asked == {
        "model": "m",
        "revision": "abc",
        "dtype": "bfloat16",
        "tensor_parallel_size": 2,
        "pipeline_parallel_size": 4,
        "quantization": "fp8",
        "gpu_memory_utilization": 0.5,
        "max_model_len": 99,
        "enable_prefix_caching": False,
        "enforce_eager": True,
    }


def test_on_a_cpu_every_run_draws_anew(load: Load) -> None:
    seeds = {load("cpu", OSError("x"))[0]["seed"] for _ in range(3)}
    assert len(seeds) > 1
    assert load("cpu", OSError("x"), engine_options={"seed": 3})[0]["seed"] == 3
    assert "seed" not in load("cuda", OSError("x"))[0]  # each draw has its own


def test_without_a_gpu_it_says_what_to_choose(load: Load) -> None:
    _, error = load("", OSError("never asked"))
    assert isinstance(error, RequestError)
    assert 'finds no GPU: set policy.engine = "transformers", or install vLLM\'s CPU build' in str(error)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("CUDA out of memory. Tried"), TTCError, "out of GPU memory .*lower policy.max_model_len .* and"),
        (ValueError("Free memory on device (3/24 GiB)"), TTCError, "lower .* and policy.gpu_memory_utilization"),
        (ValueError("No available memory for the cache blocks."), TTCError, "for keys and values .*lower policy.max"),
        (RuntimeError("Engine core initialization failed.\nx"), TTCError, "the reason stands in its lines above"),
        (OSError("You are trying to access a gated repo.\nx"), RequestError, "gated: accept its licence"),
        (OSError("m is not a local folder and is not a valid model identifier"), RequestError, "the hub has no such"),
    ],
)
def test_a_failure_says_what_to_do(load: Load, error: Exception, kind: type, message: str) -> None:
    _, raised = load("cuda", error)
    assert type(raised) is kind
    assert raised.exit_status == (2 if kind is RequestError else 1)
    with pytest.raises(TTCError, match=message):
        raise raised


DECODING = {
    "temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "presence_penalty": 0.5, "frequency_penalty": -0.5,
    "repetition_penalty": 1.2,
}  # fmt: skip


def test_each_draw_is_asked_for_as_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    sampling = SamplingConfig.model_validate(DECODING | {"max_tokens": 20, "stop": ("#", "\n\n"), "seed": 3})
    with fake_vllm(monkeypatch) as vllm:
        drawn = begun(vllm).generate([Draw((5, 6), 2**40 + 1), Draw((7,), 4, 3)], sampling)
    shared = DECODING | {"stop": ["#", "\n\n"], "include_stop_str_in_output": True, "logprobs": 0}
    assert vllm.parameters == [
        shared | {"max_tokens": 20, "seed": 2**40 % 2**31 + 1},
        shared | {"max_tokens": 3, "seed": 4},
    ]
    assert vllm.prompts == [{"prompt_token_ids": [5, 6]}, {"prompt_token_ids": [7]}] and len(drawn) == 2
    assert vllm.generating == {"use_tqdm": False}


def test_what_is_not_asked_for_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_vllm(monkeypatch, "cpu") as vllm:  # which takes no seed a request
        begun(vllm).generate([Draw((5,), 1)], SamplingConfig(keep_top_mass=True))
    assert vllm.parameters == [
        {"temperature": 1.0, "top_p": 1.0, "max_tokens": 512, "stop": None, "include_stop_str_in_output": True}
        | {"seed": None, "logprobs": 20}
    ]


def test_it_is_what_is_loaded_for_a_policy_that_asks_for_it(tiny_policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = PolicyConfig(name="m", path=str(tiny_policy), engine="vllm")
    with fake_vllm(monkeypatch) as vllm:
        monkeypatch.setitem(sys.modules, "ttclib.collect.engines.vllm", vllm.engine)
        engine = load_engine(policy, PromptConfig())
    assert isinstance(engine, vllm.engine.VllmEngine) and vllm.options["model"] == str(tiny_policy)


def test_what_vllm_tells_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [{3: -0.5, 4: -1.0}, {9: -3.0, 5: -0.1}]
    whole, top = SamplingConfig(keep_top_mass=True), np.exp([[-0.5, -1.0], [-3.0, -0.1]]).sum(axis=1)
    with fake_vllm(monkeypatch) as vllm:
        vllm.outputs = [([3, 9], "1#", "stop", tables), ([3], "1", "length", tables[:1])]
        engine = begun(vllm, training_tokens=7)
        one, other = engine.generate([Draw((5,), 1), Draw((5,), 2)], whole)
        (bare,) = engine.generate([Draw((5,), 1)], SamplingConfig(keep_logprobs=False))
        engine.close()
    assert (one.token_ids, one.text, one.finish_reason, one.logprob) == ([3, 9], "1#", "stop", -3.5)
    assert one.token_logprobs.tolist() == [-0.5, -3.0] and one.token_top20 == pytest.approx(top)
    assert one.token_entropies is None and (other.finish_reason, other.logprob) == ("length", -0.5)
    assert (bare.logprob, bare.token_logprobs, bare.token_top20) == (-3.5, None, None)
    facts = engine.model_facts()
    assert {name: facts[name] for name in ("n_layers", "training_tokens")} == {"n_layers": 2, "training_tokens": 7}
    assert facts["n_parameters"] == count_parameters_of(tiny_config())["n_parameters"]
    assert engine.window == 128 and vllm.is_shut_down
