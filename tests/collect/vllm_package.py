"""A stand-in for the package vllm, which is seldom installed: it notes what it is given and answers as vLLM does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ttclib.lab.tokenizer import build_tokenizer


class Vllm:
    """What the package was asked for, and what it is to do.

    Attributes
    ----------
    options, parameters, prompts, generating
        Of `vllm.LLM`, of each `SamplingParams`, and of `generate`.
    outputs : list of (token ids, text, why it ended, tables of log-probabilities by token)
    error : Exception or None
        That `vllm.LLM` raises.
    """

    def __init__(self, device: str = "cuda") -> None:
        self.device = device
        self.options: dict[str, Any] = {}
        self.parameters: list[dict[str, Any]] = []
        self.prompts: list[Any] = []
        self.generating: dict[str, Any] = {}
        self.outputs: list[tuple[list[int], str, str, list[dict[int, float]]]] = [([3], "1", "stop", [{3: -0.5}])]
        self.error: Exception | None = None
        self.is_shut_down = False
        self.engine: Any = None  # the module of ours that took this package

    def llm(self, **options: Any) -> Any:
        """`vllm.LLM`."""
        self.options = options
        if self.error is not None:
            raise self.error
        from tests.models import tiny_config

        config = SimpleNamespace(max_model_len=128, hf_config=tiny_config())
        core = SimpleNamespace(shutdown=lambda: setattr(self, "is_shut_down", True))
        engine = SimpleNamespace(model_config=config, engine_core=core)
        return SimpleNamespace(get_tokenizer=build_tokenizer, llm_engine=engine, generate=self.generate)

    def generate(self, prompts: list[Any], parameters: list[Any], **options: Any) -> list[Any]:
        """`vllm.LLM.generate`."""
        self.prompts, self.generating = prompts, options
        return [
            SimpleNamespace(outputs=[_output(*self.outputs[number % len(self.outputs)])])
            for number in range(len(prompts))
        ]

    def sampling_params(self, **given: Any) -> dict[str, Any]:
        """`vllm.SamplingParams`."""
        self.parameters.append(given)
        return given


def _output(token_ids: list[int], text: str, reason: str, tables: list[dict[int, float]]) -> Any:
    logprobs = [{token: SimpleNamespace(logprob=value) for token, value in at.items()} for at in tables]
    return SimpleNamespace(token_ids=tuple(token_ids), text=text, finish_reason=reason, logprobs=logprobs)


@contextmanager
def fake_vllm(monkeypatch: pytest.MonkeyPatch, device: str = "cuda") -> Iterator[Vllm]:
    """Ours, with the stand-in in the package's place until the end of the block."""
    stand_in = Vllm(device)
    package, platforms = ModuleType("vllm"), ModuleType("vllm.platforms")
    package.LLM, package.SamplingParams = stand_in.llm, stand_in.sampling_params  # type: ignore[attr-defined]
    platforms.current_platform = SimpleNamespace(  # type: ignore[attr-defined]
        device_type=device, is_cpu=lambda: device == "cpu"
    )
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "vllm", package)
        patch.setitem(sys.modules, "vllm.platforms", platforms)
        patch.delitem(sys.modules, "ttclib.collect.engines.vllm", raising=False)
        stand_in.engine = importlib.import_module("ttclib.collect.engines.vllm")
        patch.delitem(sys.modules, "ttclib.collect.engines.vllm")
        yield stand_in
