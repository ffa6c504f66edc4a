"""The training loop of every part: chunks of sequences, two optimizers, a checkpoint to resume from.

A training is a row of chunks. Chunk i and everything done with it depend on the recipe and i alone,
so a training that was stopped continues from the last chunk that it saved and ends in the same weights.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttclib.errors import TTCError
from ttclib.fresh_names import unfinished
from ttclib.lab.batches import batches_by_length
from ttclib.lab.muon import Muon

_SAVE_EVERY_S = 30.0


@dataclasses.dataclass(frozen=True)
class Example:
    """One training sequence.

    Attributes
    ----------
    ids : list of int
    targets : list
        One a token: what the loss of this part reads there.
    """

    ids: list[int]
    targets: list[Any]


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast a model is moved.

    Attributes
    ----------
    tokens_per_batch : int
        Padding included; what memory limits.
    matrix_rate, other_rate : float
        Learning rate of the hidden matrices (Muon) and of everything else (AdamW).
    warmup_steps : int
    decay_from : float
        Share of the training after which the rates fall, linearly, to one percent.
    weight_decay : float
    """

    tokens_per_batch: int = 2_000
    matrix_rate: float = 0.02
    other_rate: float = 4e-3
    warmup_steps: int = 50
    decay_from: float = 0.3
    weight_decay: float = 0.01


def fit(
    model: PreTrainedModel,
    chunk: Callable[[int], Sequence[Example]],
    n_chunks: int,
    loss_of: Callable[[Sequence[Example]], torch.Tensor],
    pace: Pace,
    *,
    seed: int,
    state: Path,
    recipe: Any,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train a model in place.

    Parameters
    ----------
    model : PreTrainedModel
        Parameters that need no gradient stay as they are.
    chunk : callable
        Makes chunk i.
    n_chunks : int
    loss_of : callable
        The loss of a batch.
    pace : Pace
    seed : int
    state : pathlib.Path
        File that the training resumes from, if it is of the same recipe; removed by `finish`.
    recipe : dataclass
        Everything the result depends on.
    report : callable
        Called with chunks done, chunks in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.

    Raises
    ------
    TTCError
        Too little memory for a batch.
    """
    optimizers = _optimizers(model, pace)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    key = json.dumps([type(model).__name__, n_chunks, recipe, pace, seed], default=dataclasses.asdict)
    at = {"chunk": 0, "steps": 0, "training_tokens": 0, "train_s": 0.0, "final_loss": math.nan}
    at |= _resume(state, key, model, optimizers)
    model.train()
    started, saved = time.monotonic() - at["train_s"], time.monotonic()
    for number in range(int(at["chunk"]), n_chunks):
        sequences = chunk(number)
        lengths = [len(sequence.ids) for sequence in sequences]
        batches = list(
            batches_by_length(lengths, max_tokens=pace.tokens_per_batch, rng=np.random.default_rng([seed, number]))
        )
        losses = []
        for place, indices in enumerate(batches):
            factor = _factor((number + place / len(batches)) / n_chunks, int(at["steps"]), pace)
            for optimizer, own in zip(optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, own, strict=True):
                    group["lr"] = rate * factor
            losses.append(_step(model, optimizers, learned, loss_of, [sequences[i] for i in indices], pace))
            at["steps"] += 1
            at["training_tokens"] += sum(lengths[i] for i in indices)
        at |= {"chunk": number + 1, "train_s": time.monotonic() - started, "final_loss": float(np.mean(losses))}
        if time.monotonic() - saved > _SAVE_EVERY_S:
            _save(state, key, model, optimizers, at)
            saved = time.monotonic()
        speed = at["training_tokens"] / at["train_s"]
        report(number + 1, n_chunks, f"loss {at['final_loss']:.4f}, {speed:,.0f} tokens/s")
    del at["chunk"]
    return {"parameters": model.num_parameters(), **at}


def epochs(n_items: int, per_chunk: int, n_epochs: int, seed: int) -> tuple[int, Callable[[int], np.ndarray]]:
    """Chunks in all when items are read so many times, each time in another order; and the items of a chunk.

    Examples
    --------
    >>> n_chunks, items = epochs(5, 3, 2, seed=0)
    >>> n_chunks, sorted([*items(0), *items(1)]) == sorted([*items(2), *items(3)]) == list(range(5))
    (4, True)
    """
    per_epoch = -(-n_items // per_chunk)

    def items(number: int) -> np.ndarray:
        epoch, place = divmod(number, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(n_items)
        return order[place * per_chunk : (place + 1) * per_chunk]

    return n_epochs * per_epoch, items


def finish(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, directory: Path, state: Path, training_tokens: int
) -> None:
    """Write a trained model in half precision and drop what it could have resumed from."""
    model.config.training_tokens = training_tokens + (getattr(model.config, "training_tokens", None) or 0)
    directory.mkdir(parents=True, exist_ok=True)
    model.eval().half().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    state.unlink(missing_ok=True)


def _optimizers(model: PreTrainedModel, pace: Pace) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings, norms, biases and heads."""
    hidden: list[torch.nn.Parameter] = []
    other: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (hidden if parameter.ndim == 2 and ".layers." in name else other).append(parameter)
    return [
        Muon(hidden, lr=pace.matrix_rate, weight_decay=pace.weight_decay),
        torch.optim.AdamW(other, lr=pace.other_rate, betas=(0.9, 0.95), weight_decay=pace.weight_decay),
    ]


def _factor(progress: float, step: int, pace: Pace) -> float:
    """Share of the full learning rate: a linear warm-up, a plateau, a linear fall to one percent."""
    fall = max(0.0, (progress - pace.decay_from) / (1 - pace.decay_from))
    return min(1.0, (step + 1) / pace.warmup_steps) * (1 - 0.99 * fall)


def _step(
    model: PreTrainedModel,
    optimizers: Sequence[torch.optim.Optimizer],
    learned: Sequence[torch.nn.Parameter],
    loss_of: Callable[[Sequence[Example]], torch.Tensor],
    batch: Sequence[Example],
    pace: Pace,
) -> float:
    try:
        loss = loss_of(batch)
        model.zero_grad(set_to_none=True)
        loss.backward()
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise TTCError(
                f"too little memory for a batch of {pace.tokens_per_batch:,} tokens: lower it with --batch-tokens"
            ) from error
        raise
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()


def _save(
    state: Path, key: str, model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer], at: dict[str, float]
) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    fresh = unfinished(state)
    torch.save(
        {"key": key, "at": at, "model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}, fresh
    )
    fresh.replace(state)


def _resume(
    state: Path, key: str, model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer]
) -> dict[str, float]:
    if not state.exists():
        return {}
    try:
        held = torch.load(state, weights_only=True)
    except Exception:  # cut off while it was written, or no such file at all: what it could save is little
        return {}
    if held["key"] != key:
        return {}
    model.load_state_dict(held["model"])
    for optimizer, own in zip(optimizers, held["optimizers"], strict=True):
        optimizer.load_state_dict(own)
    return dict(held["at"])
