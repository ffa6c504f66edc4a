"""Tokens a second of the transformers engine and of scoring, against bare loops, in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.benchmarks.page import Rows, measure

if TYPE_CHECKING:
    from ttclib.collect.engines.transformers import TransformersEngine

PROBLEMS, SAMPLES, BATCH, ROUNDS = 4, 128, 512, 3


@measure(
    "engines",
    "Sampling",
    "The lab's policy on the same prompts in the same batches, 4 problems × 128 samples, drawn by the transformers "
    "engine and by transformers' own `generate`, which take turns. What samples have in common is computed once, so "
    "that the ratio grows with the samples a problem.",
)
def sampling() -> Rows:
    """The engine against `generate`."""
    from ttclib.collect.checkpoints import resolve_model
    from ttclib.collect.engines.transformers import TransformersEngine
    from ttclib.config import PolicyConfig, PromptConfig
    from ttclib.problems.arithmetic import held_out

    engine = TransformersEngine(
        resolve_model("lab:policy"), PolicyConfig(name="policy", path="lab:policy"), PromptConfig()
    )
    problems = sorted(held_out("validation", PROBLEMS), key=lambda problem: len(problem.prompt))
    prompts = [tuple(engine.encode(problem.prompt)) for problem in problems for _ in range(SAMPLES)]
    batches = [prompts[begin : begin + BATCH] for begin in range(0, len(prompts), BATCH)]
    draws: dict[str, Callable[..., int]] = {"ttclib": with_engine, "transformers' generate": with_generate}
    speeds: dict[str, list[float]] = {name: [] for name in draws}
    for number in range(ROUNDS):
        for name, draw in draws.items():
            started = time.process_time()
            n_tokens = sum(draw(engine, batch, number) for batch in batches)
            speeds[name].append(n_tokens / (time.process_time() - started))
    ours = speeds["ttclib"]
    return [
        {
            "": name,
            "tokens a CPU s": statistics.median(values),
            "÷ ours": statistics.median(a / b for a, b in zip(values, ours, strict=True)),
        }
        for name, values in speeds.items()
    ]


def with_engine(engine: TransformersEngine, prompts: list[tuple[int, ...]], number: int) -> int:
    """Tokens that the engine draws for these prompts."""
    from ttclib.collect.engines.types import Draw, draw_seed
    from ttclib.config import SamplingConfig

    draws = [Draw(prompt, draw_seed(number, "benchmark", index)) for index, prompt in enumerate(prompts)]
    return sum(len(completion.token_ids) for completion in engine.generate(draws, SamplingConfig(max_tokens=256)))


def with_generate(engine: TransformersEngine, prompts: list[tuple[int, ...]], number: int) -> int:
    """Tokens that transformers' own loop draws for these prompts."""
    import torch

    torch.manual_seed(number)
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]).to(engine.device)
    given = {"input_ids": ids, "attention_mask": (ids != 0).long(), "max_new_tokens": 256}
    with torch.inference_mode():
        output = engine.model.generate(**given, do_sample=True, temperature=1.0, top_k=0)
    drawn = output[:, longest:]
    return int((drawn != engine.tokenizer.pad_token_id).sum())
