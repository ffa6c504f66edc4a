"""Train the process reward model: the policy with room to compare (`ttclib.lab.grow`), on rollouts.

Three losses share one pass:

- the verdict: binary cross-entropy on the soft labels at step ends, most of all at the last, where
  nothing but the solution decides;
- the same at every token, with less weight: the rollouts from a step's end are rollouts of its
  tokens too, so an error is felt where it happens;
- the likelihood: the top layers must tell how likely each token was, and all tokens of the solution
  so far together. It needs no label and every token has it, so the network learns to find errors
  and to remember them long before the verdicts alone would teach it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaForCausalLM, LlamaForTokenClassification, PreTrainedTokenizerBase

from ttclib.lab.batches import batches_by_length, pad
from ttclib.lab.grow import grow, load_policy, policy_parameters
from ttclib.lab.rollouts import LabelledSolution
from ttclib.lab.schedule import schedule
from ttclib.lab.task import STEP_END


@dataclass(frozen=True)
class PrmRecipe:
    """What the training of the PRM depends on."""

    extra_layers: int = 3
    n_epochs: int = 1
    tokens_per_batch: int = 4_000
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    token_weight: float = 0.05
    answer_weight: float = 3.0
    likelihood_weight: float = 1.0
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
    base = load_policy(policy).eval()
    model = grow(base, recipe.extra_layers).train()
    for parameter in policy_parameters(model, recipe.extra_layers):
        parameter.requires_grad_(False)
    likelihood_head = torch.nn.Linear(model.config.hidden_size, 2)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        [*learned, *likelihood_head.parameters()],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=recipe.weight_decay,
    )
    rng = np.random.default_rng(recipe.seed)
    examples = _Examples(tokenizer, solutions)
    total = recipe.n_epochs * len(examples.lengths)
    started, done, n_tokens, n_steps, shown = time.monotonic(), 0, 0, 0, ""
    for _ in range(recipe.n_epochs):
        for indices in batches_by_length(examples.lengths, max_tokens=recipe.tokens_per_batch, rng=rng):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * schedule(done / total, n_steps, recipe.warmup_steps)
            batch = examples.batch(indices, recipe)
            verdict, likelihood = _losses(model, likelihood_head, base, batch)
            optimizer.zero_grad(set_to_none=True)
            (verdict + recipe.likelihood_weight * likelihood).backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            done += len(indices)
            n_tokens += int(examples.lengths[indices].sum())
            n_steps += 1
            if n_steps % 20 == 0 or done == total:
                shown = f"verdict {verdict.item():.3f}, likelihood {likelihood.item():.3f}"
            report(done, total, shown)
    directory.mkdir(parents=True, exist_ok=True)
    model.config.training_tokens = n_tokens
    model.eval().half().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return {
        "parameters": model.num_parameters(),
        "training_tokens": n_tokens,
        "steps": n_steps,
        "train_s": time.monotonic() - started,
        "final_loss": verdict.item(),
    }


def _losses(
    model: LlamaForTokenClassification, likelihood_head: torch.nn.Linear, base: LlamaForCausalLM, batch: _Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """The verdict's loss and the likelihood's."""
    hidden = model.model(input_ids=batch.ids).last_hidden_state
    verdict = torch.nn.functional.binary_cross_entropy_with_logits(
        model.score(hidden)[..., 0], batch.targets, weight=batch.weights, reduction="sum"
    ) / batch.weights.sum().clamp(min=1.0)
    counted = batch.is_completion[:, 1:]
    with torch.no_grad():
        log_likelihoods = torch.log_softmax(base(input_ids=batch.ids).logits[:, :-1], dim=-1)
        of_token = log_likelihoods.gather(2, batch.ids[:, 1:, None])[..., 0] * counted
        # The end of the last step stands for the end of the text, which the base knows by another name.
        of_token[batch.is_end[:, 1:]] = 0.0
        targets = torch.stack([of_token, of_token.cumsum(dim=1)], dim=-1).exp()
    # Few tokens surprise; they are what is to be found.
    weights = torch.stack([counted * (1 + 20 * (1 - targets[..., 0])), counted], dim=-1)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        likelihood_head(hidden)[:, 1:], targets, weight=weights, reduction="none"
    )
    return verdict, (losses.sum(dim=(0, 1)) / weights.sum(dim=(0, 1)).clamp(min=1.0)).sum()


@dataclass(frozen=True)
class _Batch:
    """All of shape (solutions, tokens)."""

    ids: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    is_completion: torch.Tensor
    is_end: torch.Tensor


class _Examples:
    """Solutions as token ids with a target a token, held compactly."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, solutions: Sequence[LabelledSolution]) -> None:
        self._pad_id = tokenizer.pad_token_id
        prompts = tokenizer([solution.prompt for solution in solutions])["input_ids"]
        # As when scoring: every step ends with the step end, the last one too.
        texts = ["".join(solution.steps).rstrip(STEP_END) + STEP_END for solution in solutions]
        completions = tokenizer(texts, add_special_tokens=False)["input_ids"]
        self._ids = [np.array(p + c, dtype=np.uint8) for p, c in zip(prompts, completions, strict=True)]
        self._prompt_lengths = [len(prompt) for prompt in prompts]
        self._solutions = solutions
        self.lengths = np.array([len(ids) for ids in self._ids])

    def batch(self, indices: np.ndarray, recipe: PrmRecipe) -> _Batch:
        ids = pad([self._ids[i] for i in indices], self._pad_id)
        targets, weights, is_completion = (np.zeros(ids.shape, dtype=np.float32) for _ in range(3))
        is_end = np.zeros(ids.shape, dtype=bool)
        for row, index in enumerate(indices):
            solution, start, end = self._solutions[index], self._prompt_lengths[index], self.lengths[index]
            is_completion[row, start:end] = 1.0
            # One character is one token. The last step's end token was added, or replaces blank lines.
            sizes = [len(step) for step in solution.steps]
            sizes[-1] = int(end - start) - sum(sizes[:-1])
            targets[row, start:end] = np.repeat(np.array(solution.labels, dtype=np.float32), sizes)
            weights[row, start:end] = recipe.token_weight
            weights[row, start - 1 + np.cumsum(sizes)] = 1.0
            weights[row, end - 1] = recipe.answer_weight
            is_end[row, end - 1] = True
        return _Batch(*(torch.from_numpy(part) for part in (ids, targets, weights, is_completion, is_end)))
