"""What a run adds to bare vLLM and to a bare forward pass of the PRM, in one process.

    python -m tests.benchmarks.throughput CONFIG [--limit 20] [--n-samples 64] [--rounds 5] [--prm PATH]

Samples of a configuration (a file or a preset) are drawn into a store that is thrown away, by `ttc sample`'s
own code. With engine = "vllm" the same prompts are drawn by `vllm.LLM.generate`, with the same settings in one
call. The PRM, if there is one, scores the samples, and reads them in a bare loop, a row each. The two take
turns, each round the other first, after one round that does not count; no round finds the last one's prompts in
vLLM's cache. What is printed are the medians, and the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch.nn.utils.rnn import pad_sequence

from ttclib.collect import run
from ttclib.collect import verifiers as formats
from ttclib.collect.engines.loading import close_engine, load_engine
from ttclib.collect.steps import split_steps
from ttclib.config import RunConfig, load_config
from ttclib.problems import load_problems
from ttclib.store import connect


def main() -> None:
    """Print both speeds and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--n-samples", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prm", help="a checkpoint in place of the configuration's")
    arguments = parser.parse_args()
    prm_of = {} if arguments.prm is None else {"prm__path": arguments.prm, "prm__name": "prm"}
    with tempfile.TemporaryDirectory() as folder:
        configs = [
            load_config(
                arguments.config,
                store=str(Path(folder) / f"round{number}.duckdb"),
                problems__limit=arguments.limit,
                sampling__n_samples=arguments.n_samples,
                **prm_of,
            )
            for number in range(arguments.rounds + 1)
        ]
        engine = load_engine(configs[0].policy, configs[0].prompt)
        if hasattr(engine, "_llm"):
            compare("drawing", [in_turn(n, sample, generate, config, engine) for n, config in enumerate(configs)])
        else:
            for config in configs:
                sample(config, engine)
        if configs[0].prm is not None:
            close_engine(engine)
            prm = formats.load_prm(configs[0].prm)
            compare("scoring", [in_turn(n, score, read, config, prm) for n, config in enumerate(configs)])


def in_turn(
    number: int, ours: Callable[..., float], bare: Callable[..., float], config: RunConfig, model: Any
) -> tuple[float, float]:
    """Both speeds of a round; even ones begin with ours."""
    speeds = {}
    for measured in (ours, bare) if number % 2 == 0 else (bare, ours):
        if hasattr(model, "_llm"):
            model._llm.reset_prefix_cache()
        speeds[measured] = measured(config, model)
    return speeds[ours], speeds[bare]


def compare(what: str, rounds: list[tuple[float, float]]) -> None:
    """Print the medians of two speeds over all rounds but the first, and of their ratios."""
    ours, bare = zip(*rounds[1:], strict=True)
    ratios = [mine / theirs for mine, theirs in rounds[1:]]
    print(
        f"{what}: ttclib {median(ours):,.0f} tokens/s, bare {median(bare):,.0f} tokens/s, ratio {median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} rounds)",
        flush=True,
    )


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

    problems = load_problems(**config.problems.model_dump())
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


def score(config: RunConfig, prm: Any) -> float:
    """Tokens a second of a scoring run, from asking the store to its last part written; shared ones count in each."""
    with patch.object(formats, "load_prm", return_value=prm):
        started = time.perf_counter()
        run.score(config)
        elapsed = time.perf_counter() - started
    with connect(config.store) as con:
        ((n_tokens,),) = con.execute("SELECT sum(prm_tokens) FROM scores").fetchall()
    return float(n_tokens / elapsed)


def read(config: RunConfig, prm: Any) -> float:
    """Tokens a second of bare forward passes over the same solutions: full batches of like length, a row each."""
    with connect(config.store) as con:
        texts = con.execute("SELECT prompt, completion FROM samples JOIN problems USING (problem_id)").fetchall()
    encoded = [prm.encode(prompt, split_steps(text, config.sampling.step_delimiter))[0] for prompt, text in texts]
    rest = sorted(encoded, key=len, reverse=True)
    started = time.perf_counter()
    with torch.inference_mode():
        while rest:
            batch = rest[: max(1, prm.config.batch_tokens // len(rest[0]))]
            rest = rest[len(batch) :]
            ids = [torch.tensor(row, device=prm.device) for row in batch]
            mask = pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
            prm.model.base_model(input_ids=pad_sequence(ids, batch_first=True), attention_mask=mask)
    if prm.device == "cuda":
        torch.cuda.synchronize()
    return sum(map(len, encoded)) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
