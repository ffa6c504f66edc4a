"""Train the policy from scratch: next-token prediction on worked solutions.

A Llama of 161,728 parameters learns the task to a degree, which is the point: it solves one
operation nearly always and eight operations rarely, so its samples hold every difficulty.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ttclib.lab.batches import batches_by_length, pad
from ttclib.lab.schedule import schedule
from ttclib.lab.task import Exercise, exercises
from ttclib.lab.tokenizer import build_tokenizer

IGNORED = -100


@dataclass(frozen=True)
class PolicyRecipe:
    """What the training of the policy depends on."""

    hidden_size: int = 64
    n_layers: int = 3
    n_heads: int = 4
    intermediate_size: int = 192
    n_exercises: int = 512_000
    tokens_per_batch: int = 6_000
    learning_rate: float = 4e-3
    warmup_steps: int = 100
    weight_decay: float = 0.01
    seed: int = 0


def train_policy(
    recipe: PolicyRecipe,
    directory: Path,
    *,
    start: Path | None = None,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a policy.

    Parameters
    ----------
    recipe : PolicyRecipe
    directory : pathlib.Path
        Receives config, tokenizer and weights in Hugging Face's format.
    start : pathlib.Path, optional
        A policy to train further; by default from scratch.
    report : callable
        Called with exercises done, exercises in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer()
    if start is None:
        model = LlamaForCausalLM(_config(recipe, tokenizer))
    else:
        model = LlamaForCausalLM.from_pretrained(start, dtype=torch.float32)
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    rng = np.random.default_rng(recipe.seed)
    stream = exercises(recipe.seed)
    chunk_size = min(20_000, recipe.n_exercises)
    started, done, n_tokens, n_steps, loss_value = time.monotonic(), 0, 0, 0, math.nan
    while done < recipe.n_exercises:
        chunk = _encode(tokenizer, list(islice(stream, min(chunk_size, recipe.n_exercises - done))))
        for indices in batches_by_length([len(ids) for ids, _ in chunk], max_tokens=recipe.tokens_per_batch, rng=rng):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * schedule(done / recipe.n_exercises, n_steps, recipe.warmup_steps)
            loss = _loss(model, [chunk[i] for i in indices], tokenizer.pad_token_id)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            done += len(indices)
            n_tokens += sum(len(chunk[i][0]) for i in indices)
            n_steps += 1
            loss_value = loss.item() if n_steps % 20 == 0 or done == recipe.n_exercises else loss_value
            report(done, recipe.n_exercises, f"loss {loss_value:.4f}")
    directory.mkdir(parents=True, exist_ok=True)
    model.config.training_tokens = n_tokens + (getattr(model.config, "training_tokens", None) or 0)
    model.eval().half().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_tokens": n_tokens,
        "steps": n_steps,
        "train_s": time.monotonic() - started,
        "final_loss": loss_value,
    }


def _config(recipe: PolicyRecipe, tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=24,  # 21 tokens, rounded up to a multiple of eight
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        num_key_value_heads=recipe.n_heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _encode(tokenizer: PreTrainedTokenizerFast, chunk: list[Exercise]) -> list[tuple[list[int], int]]:
    """Token ids of prompt and solution, and how many of them are the prompt's."""
    prompts = tokenizer([exercise.prompt for exercise in chunk])["input_ids"]
    solutions = tokenizer([exercise.solution for exercise in chunk], add_special_tokens=False)["input_ids"]
    return [
        ([*prompt, *solution, tokenizer.eos_token_id], len(prompt))
        for prompt, solution in zip(prompts, solutions, strict=True)
    ]


def _loss(model: LlamaForCausalLM, examples: list[tuple[list[int], int]], pad_id: int) -> torch.Tensor:
    ids = torch.from_numpy(pad([ids for ids, _ in examples], pad_id))
    labels = torch.from_numpy(pad([[IGNORED] * n + ids[n:] for ids, n in examples], IGNORED))
    # Right padding lies behind the last token that counts: causal attention never sees it.
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
    )
