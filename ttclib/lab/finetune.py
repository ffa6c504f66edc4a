"""Train a policy further on solutions that were written for it: what a round of the flywheel does with what it kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from transformers import PreTrainedTokenizerBase

from ttclib.fresh_names import write_whole
from ttclib.lab.fit import Example, Pace, epochs, finish, fit
from ttclib.lab.models import load_policy, load_tokenizer
from ttclib.lab.train_policy import encode_texts, next_token_loss

ITEMS_A_CHUNK = 1_000
Report = Callable[[int, int, str], None]
Item = TypeVar("Item")
TRAINED = "trained.json"  # written last: a folder that has it is finished


# Rates far below those of a training from scratch, whose end the policy has behind it.
PACE = Pace(tokens_per_batch=3_000, matrix_rate=0.001, other_rate=4e-4, warmup_steps=10, decay_from=0.0)


class Rereading(Protocol):
    """How often what is there is read, and at what pace."""

    @property
    def n_epochs(self) -> int:
        """Times."""

    @property
    def pace(self) -> Pace:
        """Rates and batches."""

    @property
    def seed(self) -> int:
        """Of the orders."""


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
    report: Report = lambda done, total, text: None,
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
    return once(directory, lambda: read_further(recipe, policy, texts, encode_texts, directory, report))


def read_further(
    recipe: Rereading,
    policy: Path,
    items: Sequence[Item],
    encode: Callable[[PreTrainedTokenizerBase, Sequence[Item]], list[Example]],
    directory: Path,
    report: Report,
) -> dict[str, float]:
    """Train a policy on items that it reads some times over, and save it; what it took."""
    torch.manual_seed(recipe.seed)
    tokenizer, model = load_tokenizer(policy), load_policy(policy)
    n_chunks, read = epochs(len(items), ITEMS_A_CHUNK, recipe.n_epochs, recipe.seed)
    state = directory / "unfinished.pt"
    trained = fit(
        model,
        lambda number: encode(tokenizer, [items[i] for i in read(number)]),
        n_chunks,
        lambda batch: next_token_loss(model, batch, tokenizer.pad_token_id),
        recipe.pace,
        seed=recipe.seed,
        state=state,
        recipe=[recipe, str(policy), len(items)],
        report=report,
    )
    finish(model, tokenizer, directory, state, int(trained["training_tokens"]))
    return trained


def once(directory: Path, train: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What a training took; one that is written down as finished is not done again."""
    mark = directory / TRAINED
    if mark.is_file():
        stated: dict[str, float] = json.loads(mark.read_text(encoding="utf-8"))
        return stated
    trained = train()
    write_whole(mark, json.dumps(trained))
    return trained
