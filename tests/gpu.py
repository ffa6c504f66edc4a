"""What a GPU computes against what a CPU does: sampling, scoring, training; and its speed against bare `generate`.

    python -m tests.gpu [--device cuda] [--problems 40] [--samples 256] [--rounds 3]

Needs torch and transformers alone: the lab's small models ship with the package. A few minutes; without a GPU a line
says that nothing was checked. Exit status 1: a result differs by more than rounding.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.sampling import with_engine, with_generate
from ttclib.collect.checkpoints import resolve_model
from ttclib.collect.engines.transformers import TransformersEngine
from ttclib.collect.engines.types import Completion, Draw, draw_seed
from ttclib.collect.steps import split_steps
from ttclib.collect.verifiers import load_prm
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, SamplingConfig
from ttclib.lab.fit import Pace, fit
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.lab.train_policy import PolicyRecipe, encode, new_policy, next_token_loss
from ttclib.problems.arithmetic import exercises, held_out

Finding = tuple[bool, str]  # whether it is as it should be, and what was found
MOST_TOKENS = 120


def engine_on(device: str) -> TransformersEngine:
    """The lab's policy in single precision, so that what differs is rounding."""
    policy = PolicyConfig(name="policy", path="lab:policy", device=device, dtype="float32")
    return TransformersEngine(resolve_model("lab:policy"), policy, PromptConfig())


def draw(engine: TransformersEngine, n_problems: int, temperature: float) -> list[Completion]:
    """A sample a problem."""
    problems = held_out("validation", n_problems)
    draws = [Draw(tuple(engine.encode(one.prompt)), draw_seed(0, one.prompt, 0)) for one in problems]
    return engine.generate(draws, SamplingConfig(max_tokens=MOST_TOKENS, temperature=temperature))


def same_samples(device: str, n_problems: int) -> Iterator[Finding]:
    """Greedy and seeded samples token by token, and their log-probabilities."""
    cpu, other = engine_on("cpu"), engine_on(device)
    for name, temperature in (("greedy", 0.0), ("seeded", 1.0)):
        pairs = list(zip(draw(cpu, n_problems, temperature), draw(other, n_problems, temperature), strict=True))
        same = [(x.logprob, y.logprob) for x, y in pairs if x.token_ids == y.token_ids]
        apart = max((abs((x or 0.0) - (y or 0.0)) for x, y in same), default=np.inf)
        # A near tie turns with the rounding of another device: one in twenty at most.
        yield (
            len(same) >= 0.95 * len(pairs) and apart < 1e-2,
            f"{name} samples: {len(same)} of {len(pairs)} the same, log-probabilities within {apart:.1e}",
        )


def same_scores(device: str, n_problems: int) -> Iterator[Finding]:
    """Step scores of the lab's PRM on the policy's samples."""
    problems = list(held_out("validation", n_problems))
    texts = [one.text for one in draw(engine_on("cpu"), n_problems, 1.0)]
    found = []
    for where in ("cpu", device):
        prm = load_prm(PrmConfig(name="prm", path="lab:prm", device=where, dtype="float32"))
        read = [prm.encode(one.prompt, split_steps(text, "\n")) for one, text in zip(problems, texts, strict=True)]
        found.append([scores.step_scores or [] for scores in prm.score(read)])
    apart = [abs(x - y) for one, other in zip(*found, strict=True) for x, y in zip(one, other, strict=True)]
    yield bool(apart) and max(apart) < 1e-3, f"PRM: {len(apart)} step scores within {max(apart, default=np.inf):.1e}"


def same_training(device: str, n_exercises: int) -> Iterator[Finding]:
    """A small policy trained from one beginning on the same exercises: where the loss begins, and where it comes to."""
    recipe = PolicyRecipe(n_exercises=n_exercises, n_layers=2, pace=Pace(tokens_per_batch=1500, warmup_steps=5))
    tokenizer = build_tokenizer()
    shown = encode(tokenizer, [one for one, _ in zip(exercises([0, 0]), range(n_exercises), strict=False)])
    ends: dict[str, tuple[float, float, float]] = {}
    for where in dict.fromkeys(("cpu", device)):
        torch.manual_seed(0)
        model = new_policy(recipe, tokenizer).to(where)

        def loss(batch: list, model: object = model) -> torch.Tensor:
            return next_token_loss(model, batch, tokenizer.pad_token_id)

        with torch.inference_mode():
            first = float(loss(shown[:32]))
        with tempfile.TemporaryDirectory() as folder:
            trained = fit(
                model,
                lambda number: shown,
                2,
                loss,
                recipe.pace,
                seed=0,
                state=Path(folder) / "state",
                recipe=recipe,
            )
        ends[where] = first, trained["final_loss"], trained["training_tokens"] / trained["train_s"]
    (first, last, speed), (own_first, own_last, own_speed) = ends["cpu"], ends[device]
    yield (
        abs(first - own_first) < 1e-3 and abs(last - own_last) < 0.05 * last and last < first,
        f"training: loss {own_first:.4f} to {own_last:.4f}, on the CPU {first:.4f} to {last:.4f}; "
        f"{own_speed:,.0f} tokens/s, on the CPU {speed:,.0f}",
    )


def speed(device: str, n_problems: int, n_samples: int, rounds: int) -> Iterator[Finding]:
    """The engine and bare `generate` in turns on the same batch."""
    engine = engine_on(device)
    problems = sorted(held_out("validation", n_problems), key=lambda one: len(one.prompt))
    prompts = [tuple(engine.encode(one.prompt)) for one in problems for _ in range(n_samples)]
    speeds: dict[str, list[float]] = {"engine": [], "generate": []}
    for number in range(rounds + 1):  # the first warms up
        for name, run in (("engine", with_engine), ("generate", with_generate)):
            began = time.perf_counter()
            n_tokens = run(engine, prompts, number)
            speeds[name].append(n_tokens / (time.perf_counter() - began))
    ours, theirs = (statistics.median(found[1:]) for found in speeds.values())
    yield (
        ours > 0,
        f"speed: {n_problems} problems x {n_samples} samples, the engine {ours:,.0f} tokens/s, "
        f"generate {theirs:,.0f}, ratio {ours / theirs:.2f} (medians of {rounds})",
    )


def main(words: list[str] | None = None) -> int:
    """Print a line a check; 0: all is as it should be, or there is no GPU."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu")
    parser.add_argument("--device", default="cuda", help="cpu: the same checks, to try them")
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--samples", type=int, default=256, help="of each of 8 problems, to tell the speed")
    parser.add_argument("--exercises", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(words)
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print("gpu: there is none here, nothing was checked")
        return 0
    card = torch.cuda.get_device_name(asked.device) if asked.device.startswith("cuda") else "the CPU itself"
    print(f"gpu: {card}, torch {torch.__version__}")
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: same_samples(asked.device, asked.problems),
        lambda: same_scores(asked.device, asked.problems),
        lambda: same_training(asked.device, asked.exercises),
        lambda: speed(asked.device, min(8, asked.problems), asked.samples, asked.rounds),
    ]
    is_well = True
    for check in checks:
        for is_right, said in check():
            print(f"  {'ok  ' if is_right else 'DIFFERS'} {said}", flush=True)
            is_well &= is_right
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
