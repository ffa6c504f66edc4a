"""The lab's own checkpoints on other engines than the one they were trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ttclib.cli import cli  # noqa: E402
from ttclib.collect.checkpoints import resolve_model  # noqa: E402
from ttclib.collect.engines.loading import close_engine, load_engine  # noqa: E402
from ttclib.collect.engines.types import Draw  # noqa: E402
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig  # noqa: E402
from ttclib.errors import RequestError  # noqa: E402
from ttclib.lab.widen import widen  # noqa: E402
from ttclib.problems import load_problems  # noqa: E402

GREEDY = SamplingConfig(max_tokens=120, temperature=0)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wide") / "policy"
    cli(["lab", "widen", "policy", str(target)], standalone_mode=False)
    return target


def test_wider_heads_compute_the_same(wide: Path) -> None:
    before, after = (
        transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        for path in (resolve_model("lab:policy"), wide)
    )
    ids = torch.randint(3, 24, (4, 200), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(after(ids).logits, before(ids).logits, atol=1e-3, rtol=1e-4)
    with pytest.raises(RequestError, match="head_dim 8: allowed is an even number from 10"):
        widen(Path(resolve_model("lab:policy")), wide.with_name("narrow"), 8)


def test_vllm_writes_what_the_labs_policy_writes(wide: Path) -> None:
    pytest.importorskip("vllm", reason="vllm is not installed")
    problems = load_problems("lab:test", limit=40)
    written: list[list[Any]] = []
    settings: dict[str, Any] = {"name": "wide", "path": str(wide), "dtype": "float32", "max_model_len": 512}
    vllm = {"engine": "vllm", "gpu_memory_utilization": 0.1, "engine_options": {"enforce_eager": True}}
    for options in ({}, vllm):
        policy = PolicyConfig.model_validate(settings | options)
        engine = load_engine(policy, PromptConfig())
        draws = [Draw(tuple(engine.encode(problem.prompt)), 0) for problem in problems]
        written.append(engine.generate(draws, GREEDY))
        close_engine(engine)
    same = [ours.token_ids == theirs.token_ids for ours, theirs in zip(*written, strict=True)]
    assert sum(same) >= 38  # a near tie may turn
    assert sum(completion.finish_reason == "stop" for completion in written[1]) > 20
