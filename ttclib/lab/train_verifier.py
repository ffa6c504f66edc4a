"""Train a verifier: a policy with room to compare (`ttclib.lab.grow`), on solutions whose end is known.

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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import LlamaForCausalLM, LlamaForTokenClassification, PreTrainedTokenizerBase

from ttclib.lab.batches import pad
from ttclib.lab.fit import Example, Pace, epochs, finish, fit
from ttclib.lab.grow import grow, policy_parameters
from ttclib.lab.models import load_policy, load_tokenizer
from ttclib.problems.arithmetic import STEP_END

SOLUTIONS_A_CHUNK = 1_000
PACE = Pace(matrix_rate=0.008, other_rate=3e-3, warmup_steps=100, decay_from=0.2)


@dataclass(frozen=True)
class Judged:
    """What a verifier is trained on: a context, a text in it, and what came of each part.

    Attributes
    ----------
    context_ids : list of int
        The prompt, and for an answer in a chain the earlier answers.
    steps : tuple of str
        Joined, they are the solution.
    labels : tuple of float
        One a step, in [0, 1].
    """

    context_ids: list[int]
    steps: tuple[str, ...]
    labels: tuple[float, ...]


@dataclass(frozen=True)
class VerifierRecipe:
    """What the training of a verifier depends on.

    Attributes
    ----------
    extra_layers : int
    n_solutions : int
        Most that are used, drawn at random from what there is.
    n_epochs : int
    token_weight, answer_weight : float
        Of the verdict at every token and at the last step's end; at the other step ends it is 1.
    likelihood_weight : float
    pace : Pace
    seed : int
    """

    extra_layers: int = 2
    n_solutions: int = 20_000
    n_epochs: int = 1
    token_weight: float = 0.05
    answer_weight: float = 3.0
    likelihood_weight: float = 1.0
    pace: Pace = PACE
    seed: int = 0


def train_verifier(
    recipe: VerifierRecipe,
    policy: Path,
    judged: Sequence[Judged],
    directory: Path,
    *,
    start: Path | None = None,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, float]:
    """Train and save a verifier that grows from a policy; a training that was stopped continues.

    Parameters
    ----------
    recipe : VerifierRecipe
    policy : pathlib.Path
        The policy it grows from; not necessarily the one whose solutions it reads.
    judged : sequence of Judged
    directory : pathlib.Path
        Receives config, tokenizer and weights in Hugging Face's format.
    start : pathlib.Path, optional
        A verifier whose added layers are trained further, on top of this policy's; by default new ones.
    report : callable
        Called with chunks done, chunks in all and a line of text.

    Returns
    -------
    dict
        ``parameters``, ``training_tokens``, ``steps``, ``train_s``, ``final_loss``.
    """
    torch.manual_seed(recipe.seed)
    if len(judged) > recipe.n_solutions:
        chosen = np.random.default_rng(recipe.seed).permutation(len(judged))[: recipe.n_solutions]
        judged = [judged[i] for i in chosen]
    tokenizer = load_tokenizer(policy)
    base = load_policy(policy).eval()
    model = grow(base, recipe.extra_layers)
    own = policy_parameters(model, recipe.extra_layers)
    if start is not None:
        model = LlamaForTokenClassification.from_pretrained(start, dtype=torch.float32)
        with torch.no_grad():
            for parameter, value in zip(policy_parameters(model, recipe.extra_layers), own, strict=True):
                parameter.copy_(value)
    for parameter in policy_parameters(model, recipe.extra_layers):
        parameter.requires_grad_(False)
    # Two outputs more than the verdict while it learns: the likelihood of a token, and of all so far.
    model.likelihood = torch.nn.Linear(model.config.hidden_size, 2)
    n_chunks, items = epochs(len(judged), SOLUTIONS_A_CHUNK, recipe.n_epochs, recipe.seed)
    state = directory / "unfinished.pt"
    trained = fit(
        model,
        lambda number: encode(tokenizer, [judged[i] for i in items(number)]),
        n_chunks,
        lambda batch: verifier_loss(model, base, batch, recipe, tokenizer.pad_token_id),
        recipe.pace,
        seed=recipe.seed,
        state=state,
        recipe=[recipe, str(policy), str(start), len(judged)],
        report=report,
    )
    del model.likelihood
    finish(model, tokenizer, directory, state, int(trained["training_tokens"]))
    return trained | {"parameters": model.num_parameters()}


def encode(tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged]) -> list[Example]:
    """Solutions as sequences whose targets are (label, is it a step's end, is it the last)."""
    # As when scoring: every step ends with the step end, the last one too.
    texts = ["".join(one.steps).rstrip(STEP_END) + STEP_END for one in judged]
    examples = []
    for one, ids in zip(judged, tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True):
        # One character is one token. The last step's end token was added, or replaces blank lines.
        sizes = [len(step) for step in one.steps]
        sizes[-1] = len(ids) - sum(sizes[:-1])
        ends = set((np.cumsum(sizes) - 1).tolist())
        labels = np.repeat(one.labels, sizes)
        targets = [(label, place in ends, place == len(ids) - 1) for place, label in enumerate(labels.tolist())]
        examples.append(Example(one.context_ids + ids, [None] * len(one.context_ids) + targets))
    return examples


def verifier_loss(
    model: LlamaForTokenClassification,
    base: LlamaForCausalLM,
    batch: Sequence[Example],
    recipe: VerifierRecipe,
    pad_id: int,
) -> torch.Tensor:
    """The verdict's loss and the likelihood's."""
    ids = torch.from_numpy(pad([example.ids for example in batch], pad_id)).to(model.device)
    targets, weights = (np.zeros(ids.shape, dtype=np.float32) for _ in range(2))
    is_end = np.zeros(ids.shape, dtype=bool)
    for row, example in enumerate(batch):
        for place, target in enumerate(example.targets):
            if target is not None:
                targets[row, place], ends_step, is_end[row, place] = target
                weights[row, place] = (
                    recipe.answer_weight if is_end[row, place] else 1.0 if ends_step else recipe.token_weight
                )
    verdict_weights = torch.from_numpy(weights).to(ids.device)
    states = model.model(input_ids=ids, use_cache=False, output_hidden_states=True)
    hidden = states.last_hidden_state
    verdict = torch.nn.functional.binary_cross_entropy_with_logits(
        model.score(hidden)[..., 0], torch.from_numpy(targets).to(ids.device), weight=verdict_weights, reduction="sum"
    ) / verdict_weights.sum().clamp(min=1.0)
    if not recipe.likelihood_weight:
        return verdict
    counted = (verdict_weights[:, 1:] > 0).float()
    with torch.no_grad():
        # The policy's layers, at the bottom of the verifier, compute what the policy would.
        own = states.hidden_states[base.config.num_hidden_layers][:, :-1, : base.config.hidden_size]
        log_likelihoods = torch.log_softmax(base.lm_head(base.model.norm(own)), dim=-1)
        of_token = log_likelihoods.gather(2, ids[:, 1:, None])[..., 0] * counted
        # The end of the last step stands for the end of the text, which the base knows by another name.
        of_token[torch.from_numpy(is_end[:, 1:]).to(ids.device)] = 0.0
        likelihoods = torch.stack([of_token, of_token.cumsum(dim=1)], dim=-1).exp()
    # Few tokens surprise; they are what is to be found.
    surprise = torch.stack([counted * (1 + 20 * (1 - likelihoods[..., 0])), counted], dim=-1)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        cast(Any, model.likelihood)(hidden)[:, 1:], likelihoods, weight=surprise, reduction="none"
    )
    likelihood = (losses.sum(dim=(0, 1)) / surprise.sum(dim=(0, 1)).clamp(min=1.0)).sum()
    return verdict + recipe.likelihood_weight * likelihood
