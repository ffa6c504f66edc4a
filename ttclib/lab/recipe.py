"""The recipe: train a part of the family from a seed, measure it, write its card."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ttclib.collect.progress import progress
from ttclib.errors import RequestError
from ttclib.lab import checkpoint
from ttclib.lab.evaluate import evaluate
from ttclib.lab.rollouts import informative, labelled_solutions
from ttclib.lab.train_policy import PolicyRecipe, train_policy
from ttclib.lab.train_prm import PrmRecipe, train_prm

Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class RolloutRecipe:
    """How the PRM's training data is sampled."""

    n_problems: int = 20_000
    n_root: int = 8
    n_branches: int = 2
    n_rollouts: int = 4
    seed: int = 1000


# The PRM starts from a policy that has practised longer than the one it judges.
PRACTICE = PolicyRecipe(n_exercises=240_000, learning_rate=2e-3, seed=5000)


def train_lab_policy(directory: Path, *, seed: int = 0, scale: float = 1.0, notify: Notify = print) -> dict[str, Any]:
    """Train the policy, measure it on validation problems and write its card.

    Parameters
    ----------
    directory : pathlib.Path
    seed : int
        Repeats the result on the same machine with the same number of threads.
    scale : float
        Share of the recipe's exercises, in (0, 1].
    notify : callable

    Returns
    -------
    dict
        What the card states.
    """
    _check_scale(scale)
    recipe = PolicyRecipe(seed=seed)
    recipe = dataclasses.replace(recipe, n_exercises=max(1, round(recipe.n_exercises * scale)))
    notify(f"policy: {recipe.n_exercises:,} exercises into '{directory}'")
    with progress("policy", recipe.n_exercises, "exercises") as tell:
        trained = train_policy(recipe, directory, report=lambda done, total, text: tell(done, text))
    figures = evaluate(directory, None)
    card = {"recipe": dataclasses.asdict(recipe), "training": trained, "figures": figures}
    _write_card(directory, "policy", POLICY_TEXT, card)
    notify(
        f"policy: pass@1 {figures['pass_at_1']:.3f} on validation; by operations {figures['pass_at_1_by_operations']}"
    )
    return card


def train_lab_prm(
    directory: Path, *, policy: Path | None = None, seed: int = 0, scale: float = 1.0, notify: Notify = print
) -> dict[str, Any]:
    """Sample rollouts of the policy, train the PRM on them, measure it and write its card.

    Parameters
    ----------
    directory : pathlib.Path
    policy : pathlib.Path, optional
        By default the policy that ships.
    seed, scale, notify
        As in `train_lab_policy`; `scale` is the share of the recipe's problems.
    """
    _check_scale(scale)
    source = policy or checkpoint("policy")
    if not source.is_dir():
        raise RequestError(f"no policy at '{source}': train one with `ttc lab train policy` or name its directory")
    rollouts = RolloutRecipe(seed=1000 + seed)
    rollouts = dataclasses.replace(rollouts, n_problems=max(1, round(rollouts.n_problems * scale)))
    recipe = PrmRecipe(seed=seed)
    n_solutions = rollouts.n_problems * (rollouts.n_root + rollouts.n_branches * rollouts.n_rollouts)
    notify(f"prm: {n_solutions:,} solutions of '{source}' to be drawn, then {recipe.n_epochs} passes over them")
    practice = dataclasses.replace(
        PRACTICE, n_exercises=max(1, round(PRACTICE.n_exercises * scale)), seed=PRACTICE.seed + seed
    )
    base = directory.with_name(directory.name + "-base")
    with progress("prm base", practice.n_exercises, "exercises") as tell:
        practised = train_policy(practice, base, start=source, report=lambda done, total, text: tell(done, text))
    started = time.monotonic()
    with progress("prm data", n_solutions, "solutions") as tell:
        solutions = labelled_solutions(
            source, **dataclasses.asdict(rollouts), report=lambda done, total, text: tell(done, text)
        )
    solutions = informative(solutions, seed=seed)
    rollout_s = time.monotonic() - started
    with progress("prm", len(solutions) * recipe.n_epochs, "solutions") as tell:
        trained = train_prm(recipe, base, solutions, directory, report=lambda done, total, text: tell(done, text))
    figures = evaluate(source, directory)
    card = {
        "base": dataclasses.asdict(practice),
        "rollouts": dataclasses.asdict(rollouts),
        "recipe": dataclasses.asdict(recipe),
        "training": trained | {"rollout_s": rollout_s, "base_s": practised["train_s"]},
        "figures": figures,
    }
    _write_card(directory, "prm", PRM_TEXT, card)
    notify(f"prm: step AUC {figures['step_auc']:.3f}, within problems {figures['final_auc_within']:.3f}")
    return card


POLICY_TEXT = """A Llama trained from scratch on nested integer arithmetic, solved one operation a line.

Data: random exercises of 1 to 8 operations, drawn from the training split (`ttclib.lab.task`), each
seen once. Loss: next token, on the solution alone. It is meant to fail on long exercises, so that
its samples hold every difficulty.
"""
PRM_TEXT = """A process reward model for the lab's policy. The sigmoid of its scalar head, read at the end of a step,
estimates the chance that a rollout from there ends right.

Start: the policy, trained on 240,000 more exercises, then widened and deepened so that it can hold a
token against what was expected (`ttclib.lab.grow`); its first layers stay as they are. Data: solutions
of the policy on training exercises, from the start and from step ends inside them
(`ttclib.lab.rollouts`); a step's soft label is the share of right solutions among all that pass
through it; no other label is used. Loss: binary cross-entropy at every step end, and with less weight at
every token, beside the regression of each token's likelihood.
"""


def _write_card(directory: Path, part: str, text: str, card: Mapping[str, Any]) -> None:
    """README.md for a reader, card.json for a program."""
    full = {"part": part, "torch": torch.__version__, "threads": torch.get_num_threads(), **card}
    (directory / "card.json").write_text(json.dumps(full, indent=1) + "\n")
    training, figures = card["training"], card["figures"]
    lines = [
        "---",
        "license: apache-2.0",
        "---",
        f"# ttclib lab: {part}",
        "",
        text,
        f"Repeat it with `ttc lab train {part} --seed {card['recipe']['seed']}`"
        f" (the same machine and number of threads give the same weights).",
        "",
        "| | |",
        "|---|---|",
        f"| parameters | {training['parameters']:,} |",
        f"| training tokens | {training['training_tokens']:,} |",
        f"| steps | {training['steps']:,} |",
        f"| seed | {card['recipe']['seed']} |",
    ]
    if "rollout_s" in training:
        lines.append(f"| time to train its base further | {training['base_s'] / 60:.0f} minutes |")
        lines.append(f"| time to sample the data | {training['rollout_s'] / 60:.0f} minutes |")
    lines += [
        f"| time to train | {training['train_s'] / 60:.0f} minutes, {torch.get_num_threads()} threads |",
        f"| torch | {torch.__version__} |",
        "",
        f"On {figures['n_problems']} {figures['split']} problems × {figures['n_samples']} samples at temperature "
        f"{figures['temperature']:g}:",
        "",
        "| operations | " + " | ".join(str(n) for n in figures["pass_at_1_by_operations"]) + " |",
        "|---" * (1 + len(figures["pass_at_1_by_operations"])) + "|",
        "| pass@1 | " + " | ".join(f"{value:.2f}" for value in figures["pass_at_1_by_operations"].values()) + " |",
        "",
    ]
    if "step_auc" in figures:
        lines += [
            f"AUC of a step's score: {figures['step_auc']:.3f}; of the final score within problems of pass@1 .1 … .9: "
            f"{figures['final_auc_within']:.3f}",
            f"(the policy's own log-probability: {figures['logprob_auc_within']:.3f}).",
            f"Calibration error of a step's score: {figures['step_calibration_error']:.3f}.",
            "",
            "| mean score | " + " | ".join(f"{score:.2f}" for score, _, _ in figures["step_calibration"]) + " |",
            "|---" * (1 + len(figures["step_calibration"])) + "|",
            "| share right | " + " | ".join(f"{right:.2f}" for _, right, _ in figures["step_calibration"]) + " |",
            "",
            f"Best-of-N by this PRM: {_by_budget(figures['best_of_n']['prm'])}; "
            f"by log-probability: {_by_budget(figures['best_of_n']['logprob'])}.",
            "",
        ]
    (directory / "README.md").write_text("\n".join(lines))


def _by_budget(accuracies: Mapping[int, float]) -> str:
    return ", ".join(f"{value:.3f} (N={budget})" for budget, value in accuracies.items())


def _check_scale(scale: float) -> None:
    if not 0 < scale <= 1:
        raise RequestError(f"scale {scale}: allowed above 0 and up to 1")
