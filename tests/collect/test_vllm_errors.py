"""What the vLLM engine asks of vLLM and how it explains failures, with a stand-in for the package.

The package itself is tested in tests/engines, where it is installed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

from ttclib.config import PolicyConfig, PromptConfig
from ttclib.errors import RequestError, TTCError


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the engine with a package that fails as told."""

    def run(device: str, error: Exception, **policy: Any) -> tuple[dict[str, Any], Any]:
        asked: dict[str, Any] = {}

        def llm(**options: Any) -> None:
            asked.update(options)
            raise error

        package, platforms = ModuleType("vllm"), ModuleType("vllm.platforms")
        package.LLM, package.SamplingParams = llm, dict  # type: ignore[attr-defined]
        platforms.current_platform = SimpleNamespace(device_type=device)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "vllm", package)
        monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
        monkeypatch.delitem(sys.modules, "ttclib.collect.engines.vllm", raising=False)
        module = importlib.import_module("ttclib.collect.engines.vllm")
        monkeypatch.delitem(sys.modules, "ttclib.collect.engines.vllm")
        with pytest.raises(TTCError) as raised:
            module.VllmEngine("m", PolicyConfig(name="m", path="m", engine="vllm", **policy), PromptConfig())
        assert "\n" not in str(raised.value)
        return asked, raised.value

    return run


def test_settings_reach_vllm_and_unset_ones_are_left_to_it(load: Any) -> None:
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


def test_on_a_cpu_every_run_draws_anew(load: Any) -> None:
    seeds = {load("cpu", OSError("x"))[0]["seed"] for _ in range(3)}
    assert len(seeds) > 1
    assert load("cpu", OSError("x"), engine_options={"seed": 3})[0]["seed"] == 3
    assert "seed" not in load("cuda", OSError("x"))[0]  # each draw has its own


def test_without_a_gpu_it_says_what_to_choose(load: Any) -> None:
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
def test_a_failure_says_what_to_do(load: Any, error: Exception, kind: type, message: str) -> None:
    _, raised = load("cuda", error)
    assert type(raised) is kind
    assert raised.exit_status == (2 if kind is RequestError else 1)
    with pytest.raises(TTCError, match=message):
        raise raised
