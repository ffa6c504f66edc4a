"""Finetune the policy to answer again: the loss is read on the right answer alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from ttclib.lab.fit import Example, Pace, finish, fit
from ttclib.lab.models import load_policy, load_tokenizer
from ttclib.lab.revision_data import Chain, context_ids, encode_text
from ttclib.lab.train_policy import IGNORED, next_token_loss

CHAINS_A_CHUNK = 1_000
PACE = Pace(tokens_per_batch=3_000, matrix_rate=0.006, other_rate=2e-3)


@dataclass(frozen=True)
class RevisionRecipe:
    """What the finetuning depends on.

    Attributes
    ----------
    per_problem : int
        Most right answers of one problem that are used.
    n_epochs : int
    pace : Pace
    seed : int
    """

    per_problem: int = 6
    n_epochs: int = 4
    pace: Pace = PACE
    seed: int = 0


def train_revision(
    recipe: RevisionRecipe,
    policy: Path,
    chains: Sequence[Chain],
    directory: Path,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a revision model; a training that was stopped continues.

    Parameters
    ----------
    recipe : RevisionRecipe
    policy : pathlib.Path
        The policy it starts from.
    chains : sequence of Chain
    directory : pathlib.Path
    report : callable
        Called with chunks done, chunks in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = load_tokenizer(policy)
    model = load_policy(policy)
    per_epoch = -(-len(chains) // CHAINS_A_CHUNK)

    def chunk(number: int) -> list[Example]:
        epoch, place = divmod(number, per_epoch)
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(chains))
        return [encode(tokenizer, chains[i]) for i in order[place * CHAINS_A_CHUNK : (place + 1) * CHAINS_A_CHUNK]]

    state = directory / "unfinished.pt"
    trained = fit(
        model,
        chunk,
        recipe.n_epochs * per_epoch,
        lambda batch: next_token_loss(model, batch, tokenizer.pad_token_id),
        recipe.pace,
        seed=recipe.seed,
        state=state,
        recipe=[recipe, str(policy), len(chains)],
        report=report,
    )
    finish(model, tokenizer, directory, state, int(trained["training_tokens"]))
    return trained


def encode(tokenizer: PreTrainedTokenizerBase, chain: Chain) -> Example:
    """A chain as a sequence whose loss is read on its last answer and its end."""
    before = context_ids(tokenizer, chain)
    answer = [*encode_text(tokenizer, chain.answer), tokenizer.eos_token_id]
    return Example(before + answer, [IGNORED] * len(before) + answer)
