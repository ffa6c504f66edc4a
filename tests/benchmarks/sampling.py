"""Tokens a second of the transformers engine against a bare `generate` loop, in one run.

    python tests/benchmarks/sampling.py [--n-samples 256] [--problems 8] [--batch 512] [--rounds 3]

Both sample the lab's policy on the same prompts in the same batches; the two take turns and the
medians are compared. The more samples a problem has, the more of their beginnings are alike, which the
engine computes once.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from ttclib.collect.checkpoints import resolve_model
from ttclib.collect.engines.transformers import TransformersEngine
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.problems.arithmetic import held_out


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-samples", type=int, default=256, help="of each problem")
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    engine = TransformersEngine(
        resolve_model("lab:policy"), PolicyConfig(name="policy", path="lab:policy"), PromptConfig()
    )
    problems = sorted(held_out("validation", arguments.problems), key=lambda problem: len(problem.prompt))
    prompts = [tuple(engine.encode(problem.prompt)) for problem in problems for _ in range(arguments.n_samples)]
    batches = [prompts[begin : begin + arguments.batch] for begin in range(0, len(prompts), arguments.batch)]
    speeds: dict[str, list[float]] = {"engine": [], "generate": []}
    for number in range(arguments.rounds):
        for name, draw in (("engine", with_engine), ("generate", with_generate)):
            started = time.perf_counter()
            n_tokens = sum(draw(engine, batch, number) for batch in batches)
            speeds[name].append(n_tokens / (time.perf_counter() - started))
    ours, theirs = (statistics.median(speeds[name]) for name in ("engine", "generate"))
    print(
        f"{arguments.problems} problems x {arguments.n_samples} samples in batches of {arguments.batch}, "
        f"{arguments.rounds} rounds, {torch.get_num_threads()} threads, tokens/s (median)"
    )
    print(f"  engine   {ours:10,.0f}\n  generate {theirs:10,.0f}\n  ratio    {ours / theirs:10.2f}")


def with_engine(engine: TransformersEngine, prompts: list[tuple[int, ...]], number: int) -> int:
    """Tokens that the engine draws for these prompts."""
    draws = [Draw(prompt, draw_seed(number, "benchmark", index)) for index, prompt in enumerate(prompts)]
    return sum(len(completion.token_ids) for completion in engine.generate(draws, SamplingConfig(max_tokens=256)))


@torch.inference_mode()
def with_generate(engine: TransformersEngine, prompts: list[tuple[int, ...]], number: int) -> int:
    """Tokens that transformers' own loop draws for these prompts."""
    torch.manual_seed(number)
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]).to(engine.device)
    output = engine.model.generate(
        input_ids=ids, attention_mask=(ids != 0).long(), do_sample=True, temperature=1.0, top_k=0, max_new_tokens=256
    )
    drawn = output[:, longest:]
    return int((drawn != engine.tokenizer.pad_token_id).sum())


if __name__ == "__main__":
    main()
