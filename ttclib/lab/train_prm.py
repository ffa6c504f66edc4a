"""Train the process reward model: a deeper copy of the policy that reads a solution's steps.

To notice that a token differs from what the policy would have written, a network must first form
that expectation and then compare: the policy spends all its layers on the first. So the PRM is the
policy with as many layers again on top, which start as the identity, and a scalar head read at step
ends. Every token is supervised with its step's label (the rollouts from a step's end are rollouts
of its tokens too), the step ends with full weight, and next-token prediction on right solutions is
kept beside, so that the expectation stays sharp.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification

from ttclib.lab.batches import batches_by_length, pad
from ttclib.lab.rollouts import LabelledSolution
from ttclib.lab.schedule import schedule
from ttclib.lab.task import STEP_END

IGNORED = -100


@dataclass(frozen=True)
class PrmRecipe:
    """What the training of the PRM depends on."""

    extra_layers: int = 3
    n_epochs: int = 2
    tokens_per_batch: int = 8_000
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    token_weight: float = 0.5
    language_weight: float = 0.5
    seed: int = 0


def train_prm(
    recipe: PrmRecipe,
    policy: Path,
    solutions: Sequence[LabelledSolution],
    directory: Path,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a PRM on labelled solutions.

    Parameters
    ----------
    recipe : PrmRecipe
    policy : pathlib.Path
        The policy it grows from.
    solutions : sequence of LabelledSolution
    directory : pathlib.Path
        Receives config, tokenizer and weights in Hugging Face's format.
    report : callable
        Called with solutions done, solutions in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(policy)
    model = grow(policy, recipe.extra_layers).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    rng = np.random.default_rng(recipe.seed)
    examples = _Examples(tokenizer, solutions)
    total = recipe.n_epochs * len(solutions)
    started, done, n_tokens, n_steps, shown = time.monotonic(), 0, 0, 0, math.nan
    for _ in range(recipe.n_epochs):
        for indices in batches_by_length(examples.lengths, max_tokens=recipe.tokens_per_batch, rng=rng):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * schedule(done / total, n_steps, recipe.warmup_steps)
            ids, targets, weights, next_ids = (torch.from_numpy(part) for part in examples.batch(indices, recipe))
            hidden = model.model(input_ids=ids).last_hidden_state
            value = model.score(hidden)[..., 0]
            losses = torch.nn.functional.binary_cross_entropy_with_logits(value, targets, reduction="none")
            verdict = (losses * weights).sum() / weights.sum()
            language = torch.nn.functional.cross_entropy(
                (hidden[:, :-1] @ model.get_input_embeddings().weight.T).flatten(0, 1),
                next_ids[:, 1:].flatten(),
                ignore_index=IGNORED,
            )
            # A batch may hold no right solution, whose mean over nothing is not a number.
            loss = verdict + (recipe.language_weight * language if (next_ids != IGNORED).any() else 0.0)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            done += len(indices)
            n_tokens += int(examples.lengths[indices].sum())
            n_steps += 1
            if n_steps % 20 == 0 or done == total:
                shown = verdict.item()
            report(done, total, f"loss {shown:.4f}")
    directory.mkdir(parents=True, exist_ok=True)
    model.config.training_tokens = n_tokens
    model.eval().half().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return {
        "parameters": model.num_parameters(),
        "training_tokens": n_tokens,
        "steps": n_steps,
        "train_s": time.monotonic() - started,
        "final_loss": shown,
    }


def grow(policy: Path, extra_layers: int) -> LlamaForTokenClassification:
    """The policy with further layers that change nothing yet, and a scalar head.

    Parameters
    ----------
    policy : pathlib.Path
    extra_layers : int
    """
    base = LlamaForCausalLM.from_pretrained(policy, dtype=torch.float32)
    shape = {**base.config.to_dict(), "num_hidden_layers": base.config.num_hidden_layers + extra_layers, "num_labels": 1}
    shape.pop("architectures", None)
    shape["tie_word_embeddings"] = False  # there is no output embedding left to tie
    model = LlamaForTokenClassification(LlamaConfig(**shape))
    model.model.load_state_dict(base.model.state_dict(), strict=False)
    for layer in model.model.layers[base.config.num_hidden_layers :]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    torch.nn.init.zeros_(model.score.weight)
    torch.nn.init.zeros_(model.score.bias)
    return model


class _Examples:
    """Solutions as token ids with a target a token, held compactly."""

    def __init__(self, tokenizer: AutoTokenizer, solutions: Sequence[LabelledSolution]) -> None:
        self._pad_id = tokenizer.pad_token_id
        prompts = tokenizer([solution.prompt for solution in solutions])["input_ids"]
        # As when scoring: every step ends with the step end, the last one too.
        texts = ["".join(solution.steps).rstrip(STEP_END) + STEP_END for solution in solutions]
        completions = tokenizer(texts, add_special_tokens=False)["input_ids"]
        self._ids = [np.array(p + c, dtype=np.uint8) for p, c in zip(prompts, completions, strict=True)]
        self._prompt_lengths = [len(prompt) for prompt in prompts]
        self._solutions = solutions
        self.lengths = np.array([len(ids) for ids in self._ids])

    def batch(
        self, indices: np.ndarray, recipe: PrmRecipe
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Token ids, targets, weights and tokens to predict, each of shape (solutions, tokens)."""
        ids = pad([self._ids[i] for i in indices], self._pad_id)
        targets, weights = (np.zeros(ids.shape, dtype=np.float32) for _ in range(2))
        next_ids = np.full(ids.shape, IGNORED, dtype=np.int64)
        for row, index in enumerate(indices):
            solution, start, end = self._solutions[index], self._prompt_lengths[index], self.lengths[index]
            # One character is one token. The last step's end token was added, or replaces blank lines.
            sizes = [len(step) for step in solution.steps]
            sizes[-1] = int(end - start) - sum(sizes[:-1])
            targets[row, start:end] = np.repeat(np.array(solution.labels, dtype=np.float32), sizes)
            weights[row, start:end] = recipe.token_weight
            weights[row, start - 1 + np.cumsum(sizes)] = 1.0
            if solution.is_correct:
                next_ids[row, start:end] = ids[row, start:end]
        return ids, targets, weights, next_ids
