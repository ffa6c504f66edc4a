"""Finetune the policy to answer again: the loss is read on the right answer alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from ttclib.lab.finetune import read_further
from ttclib.lab.fit import Example, Pace
from ttclib.lab.revision_data import Chain, context_ids, encode_text
from ttclib.lab.train_policy import IGNORED

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

    def examples(tokenizer: PreTrainedTokenizerBase, some: Sequence[Chain]) -> list[Example]:
        return [encode(tokenizer, chain) for chain in some]

    return read_further(recipe, policy, chains, examples, directory, report)


def encode(tokenizer: PreTrainedTokenizerBase, chain: Chain) -> Example:
    """A chain as a sequence whose loss is read on its last answer and its end."""
    before = context_ids(tokenizer, chain)
    answer = [*encode_text(tokenizer, chain.answer), tokenizer.eos_token_id]
    return Example(before + answer, [IGNORED] * len(before) + answer)
