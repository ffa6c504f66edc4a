"""What a run adds to bare vLLM and to a bare forward pass of the PRM, in one process.

    python -m tests.benchmarks.throughput CONFIG [--limit 20] [--n-samples 64]

Samples of a configuration (a file or a preset, with engine = "vllm") are drawn into a store that is thrown
away, by `ttc sample`'s own code, and then by `vllm.LLM.generate` on the same prompts with the same settings in
one call. The PRM, if there is one, scores the samples, and then reads the same batches in a bare loop.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ttclib.collect import run
from ttclib.collect.engine import load_engine
from ttclib.config import RunConfig, load_config
from ttclib.store import connect


def main() -> None:
    """Print both speeds and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--n-samples", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(
            arguments.config,
            store=str(Path(folder) / "bench.duckdb"),
            problems__limit=arguments.limit,
            sampling__n_samples=arguments.n_samples,
        )
        engine = load_engine(config.policy, config.prompt)
        compare("drawing", sample(config, engine), generate(config, engine))
        if config.prm is not None:
            engine.close()  # type: ignore[attr-defined]
            compare("scoring", *score(config))


def compare(what: str, ours: float, bare: float) -> None:
    """Print two speeds."""
    print(f"{what}: ttclib {ours:,.0f} tokens/s, bare {bare:,.0f} tokens/s, ratio {ours / bare:.3f}")


def sample(config: RunConfig, engine: Any) -> float:
    """Tokens a second of a run, from its first draw to its last part written."""
    with patch.object(run, "load_engine", return_value=engine), patch.object(run, "close_engine"):
        started = time.perf_counter()
        run.sample(config)
        elapsed = time.perf_counter() - started
    with connect(config.store) as con:
        ((n_tokens,),) = con.execute("SELECT sum(completion_tokens) FROM samples").fetchall()
    return float(n_tokens / elapsed)


def generate(config: RunConfig, engine: Any) -> float:
    """Tokens a second of vLLM alone, on the same prompts, all in one call."""
    from vllm import SamplingParams

    problems, _ = run.missing_samples(config)
    prompts = [{"prompt_token_ids": engine.encode(problem.prompt)} for problem in problems]
    prompts = [prompt for prompt in prompts for _ in range(config.sampling.n_samples)]
    settings = SamplingParams(
        temperature=config.sampling.temperature,
        top_p=config.sampling.top_p,
        max_tokens=config.sampling.max_tokens,
        stop=list(config.sampling.stop) or None,
    )
    started = time.perf_counter()
    outputs = engine._llm.generate(prompts, settings, use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in outputs) / (time.perf_counter() - started)


def score(config: RunConfig) -> tuple[float, float]:
    """Tokens a second of scoring into the store, and of the same batches read in a bare loop."""
    import torch

    from ttclib.collect import prm as formats

    assert config.prm is not None
    prm = formats.load_prm(config.prm)
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    read = prm._read

    def remembered(batch: Any, longest: int) -> Any:
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in batch])
        batches.append((ids, mask))
        return read(batch, longest)

    with patch.object(formats, "load_prm", return_value=prm), patch.object(prm, "_read", remembered):
        started = time.perf_counter()
        run.score(config)
        ours = time.perf_counter() - started
    started = time.perf_counter()
    with torch.inference_mode():
        for ids, mask in batches:
            prm.model.base_model(input_ids=ids.to(prm.device), attention_mask=mask.to(prm.device))
    if prm.device == "cuda":
        torch.cuda.synchronize()
    n_tokens = sum(int(mask.sum()) for _, mask in batches)
    return n_tokens / ours, n_tokens / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
