"""Train a policy further on solutions that were written for it: what a round of the flywheel does with what it kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ttclib.fresh_names import unfinished
from ttclib.lab.fit import Example, Pace, finish, fit
from ttclib.lab.models import load_policy, load_tokenizer
from ttclib.lab.train_policy import encode_texts, next_token_loss

TEXTS_A_CHUNK = 1_000
TRAINED = "trained.json"  # written last: a folder that has it is finished


# Rates far below those of a training from scratch, whose end the policy has behind it.
PACE = Pace(tokens_per_batch=3_000, matrix_rate=0.001, other_rate=4e-4, warmup_steps=10, decay_from=0.0)


@dataclass(frozen=True)
class FinetuneRecipe:
    """What the finetuning depends on.

    Attributes
    ----------
    n_epochs : int
    pace : Pace
    seed : int
    """

    n_epochs: int = 2
    pace: Pace = PACE
    seed: int = 0


def finetune(
    recipe: FinetuneRecipe,
    policy: Path,
    texts: Sequence[tuple[str, str]],
    directory: Path,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a policy that has read some solutions; one that is finished is not trained again.

    Parameters
    ----------
    recipe : FinetuneRecipe
    policy : pathlib.Path
        Where it starts from.
    texts : sequence of (str, str)
        Prompt and completion; the loss is read on the latter and its end.
    directory : pathlib.Path
        Receives the policy. A training that was stopped continues.
    report : callable
        Called with chunks done, chunks in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    if (directory / TRAINED).is_file():
        stated: dict[str, float] = json.loads((directory / TRAINED).read_text(encoding="utf-8"))
        return stated
    torch.manual_seed(recipe.seed)
    tokenizer, model = load_tokenizer(policy), load_policy(policy)
    examples = encode_texts(tokenizer, texts)
    per_epoch = -(-len(texts) // TEXTS_A_CHUNK)

    def chunk(number: int) -> list[Example]:
        epoch, place = divmod(number, per_epoch)
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(examples))
        return [examples[i] for i in order[place * TEXTS_A_CHUNK : (place + 1) * TEXTS_A_CHUNK]]

    state = directory / "unfinished.pt"
    trained = fit(
        model,
        chunk,
        recipe.n_epochs * per_epoch,
        lambda batch: next_token_loss(model, batch, tokenizer.pad_token_id),
        recipe.pace,
        seed=recipe.seed,
        state=state,
        recipe=[recipe, str(policy), len(texts)],
        report=report,
    )
    finish(model, tokenizer, directory, state, int(trained["training_tokens"]))
    return keep_trained(directory, trained)


def keep_trained(directory: Path, trained: dict[str, float]) -> dict[str, float]:
    """Write down what a training took; from then on it is finished."""
    fresh = unfinished(directory / TRAINED)
    fresh.write_text(json.dumps(trained), encoding="utf-8")
    fresh.replace(directory / TRAINED)
    return trained
