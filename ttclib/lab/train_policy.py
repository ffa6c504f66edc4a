"""Train a policy from scratch: next-token prediction on worked solutions.

The small Llama learns the task to a degree, which is the point: it solves a few operations nearly
always and many rarely, so its samples hold every difficulty. The large one has 14 times its hidden
parameters and sees the very same exercises, in the same order: parameters grow, data stay. The direct
one has the same parameters and reads as many tokens, in which there are no steps: the answer follows
the question at once, so that more exercises go into them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from ttclib.lab.batches import pad
from ttclib.lab.fit import Example, Pace, finish, fit
from ttclib.lab.models import load_policy
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.problems.arithmetic import PRACTISED_OPERATIONS, Exercise, exercises

IGNORED = -100
VOCABULARY = 24  # 21 tokens, rounded up to a multiple of eight
WINDOW = 2048  # a prompt, four answers and one more
EXERCISES_A_CHUNK = 2_000
PACE = Pace(tokens_per_batch=1_500, matrix_rate=0.012, other_rate=5e-3)


@dataclass(frozen=True)
class PolicyRecipe:
    """What the training of a policy depends on.

    Attributes
    ----------
    hidden_size, n_layers, n_heads, intermediate_size : int
    n_exercises : int
    short : float
        Exercises are drawn with weights `n_operations ** -short` …
    short_at_first : float
        … and this much is added to the exponent at the start, falling to nothing at half of the training:
        arithmetic first, long expressions later.
    steps : bool
        Whether solutions are worked out; otherwise the answer alone follows the question.
    pace : Pace
    seed : int
    """

    hidden_size: int = 40
    n_layers: int = 3
    n_heads: int = 4
    intermediate_size: int = 96
    n_exercises: int = 110_000
    short: float = 0.7
    short_at_first: float = 1.3
    steps: bool = True
    pace: Pace = PACE
    seed: int = 0


def train_policy(
    recipe: PolicyRecipe,
    directory: Path,
    *,
    start: Path | None = None,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a policy; a training that was stopped continues.

    Parameters
    ----------
    recipe : PolicyRecipe
    directory : pathlib.Path
        Receives config, tokenizer and weights in Hugging Face's format.
    start : pathlib.Path, optional
        A policy to train further; by default from scratch.
    report : callable
        Called with chunks done, chunks in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer()
    model = new_policy(recipe, tokenizer) if start is None else load_policy(start)
    n_chunks = -(-recipe.n_exercises // EXERCISES_A_CHUNK)

    def chunk(number: int) -> list[Example]:
        n_exercises = min(EXERCISES_A_CHUNK, recipe.n_exercises - number * EXERCISES_A_CHUNK)
        short = recipe.short + recipe.short_at_first * max(0.0, 1 - 2 * number / n_chunks)
        stream = exercises([recipe.seed, number], short=short, operations=(1, PRACTISED_OPERATIONS))
        return encode(tokenizer, list(islice(stream, n_exercises)), steps=recipe.steps)

    state = directory / "unfinished.pt"
    trained = fit(
        model,
        chunk,
        n_chunks,
        lambda batch: next_token_loss(model, batch, tokenizer.pad_token_id),
        recipe.pace,
        seed=recipe.seed,
        state=state,
        recipe=[recipe, str(start)],
        report=report,
    )
    finish(model, tokenizer, directory, state, int(trained["training_tokens"]))
    return trained


def new_policy(recipe: PolicyRecipe, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """An untrained policy."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=recipe.hidden_size,
            intermediate_size=recipe.intermediate_size,
            num_hidden_layers=recipe.n_layers,
            num_attention_heads=recipe.n_heads,
            num_key_value_heads=recipe.n_heads,
            max_position_embeddings=WINDOW,
            rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    ).float()


def encode(tokenizer: PreTrainedTokenizerBase, problems: Sequence[Exercise], *, steps: bool = True) -> list[Example]:
    """Exercises as sequences whose loss is read on the solution, or its answer line alone, and its end."""
    return encode_texts(tokenizer, [(one.prompt, one.solution if steps else one.answer_line) for one in problems])


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str]]) -> list[Example]:
    """Prompts and completions as sequences whose loss is read on the completion and its end."""
    prompts = tokenizer([prompt for prompt, _ in texts])["input_ids"]
    completions = tokenizer([text for _, text in texts], add_special_tokens=False)["input_ids"]
    end = [tokenizer.eos_token_id]
    return [
        Example(prompt + completion + end, [IGNORED] * len(prompt) + completion + end)
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def next_token_loss(model: LlamaForCausalLM, batch: Sequence[Example], pad_id: int) -> torch.Tensor:
    """Mean cross-entropy of the tokens that count."""
    ids = torch.from_numpy(pad([example.ids for example in batch], pad_id)).to(model.device)
    labels = torch.from_numpy(pad([example.targets for example in batch], IGNORED)).to(model.device)[:, 1:]
    # Right padding lies behind the last token that counts: causal attention never sees it.
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    counted = labels != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[counted]), labels[counted])
