"""A model's card: README.md for a reader, card.json for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

_BETWEEN = """A size between the policy and its large relative: {times} times the policy's parameters outside the
embedding, trained on the very same exercises in the same order. The learning rates alone differ; they lie between
those of the two."""

TEXTS = {
    "policy": """A Llama trained from scratch on nested integer arithmetic, solved one operation a line.

Data: random exercises of 1 to 10 operations from the training split (`ttclib.problems.arithmetic`), short ones more
often, most of all at first; each seen once. Loss: next token, on the solution alone. It is meant to fail on long
exercises, so that its samples hold every difficulty.""",
    "policy-2x": _BETWEEN.format(times=2),
    "policy-4x": _BETWEEN.format(times=4),
    "policy-14x": """The policy's large relative: 14 times its parameters outside the embedding, trained on the very
same exercises in the same order. The learning rate alone differs, because the small one's is too high for it.""",
    "prm": """A process reward model for the lab's policy. The sigmoid of its scalar head, read at the end of a step,
estimates the chance that a rollout from there ends right.

Start: policy-14x, widened and deepened so that it can hold a token against what was expected (`ttclib.lab.grow`);
its own layers stay as they are. So the PRM is much larger than the policy that it reads, as PRMs of 7 billion
parameters are beside policies of one. Data: solutions of the policy on training exercises, from the start and from
step ends inside them (`ttclib.lab.rollouts`); a step's soft label is the share of right solutions among all
that pass through it. Loss: binary cross-entropy at every step end, and with less weight at every token, beside the
regression of each token's likelihood.""",
    "revision": """The policy finetuned to answer again. It reads the prompt and up to four earlier answers, each
followed by an empty line and the prompt again (`ttclib.revision_format`), and writes another answer.

Data, as in Snell et al. (arXiv:2408.03314): parallel samples of the policy on training exercises; before a right one
stand zero to four wrong ones, the last of them the closest by edit distance. Loss: next token, on the right
answer alone.""",
    "revision-orm": """An outcome verifier for chains of the revision model: it reads the prompt, the latest earlier
answer and an answer; the sigmoid of its scalar head at the answer's end estimates the chance that it is right.

Start: policy-14x, finetuned as the revision model is so that it can read a chain, then widened and deepened with the
layers that the PRM learned, which learn on. Data: chains of the revision model on training exercises, every answer
labelled by whether it is right. Loss: as the PRM's.""",
    "policy-direct": """The policy's twin that answers at once: the same size, recipe and number of training tokens,
but the exercises have no steps, so that the answer follows the question and more exercises go into the tokens. It
shows what steps in training are worth, and whether samples make up for them.""",
}


def write_card(directory: Path, part: str, stated: Mapping[str, Any]) -> None:
    """Write both forms of the card beside the weights.

    Parameters
    ----------
    directory : pathlib.Path
    part : str
    stated : mapping
        ``recipe``, ``training``, ``figures``, and for a part that learns from samples ``data``.
    """
    full = {"part": part, "torch": torch.__version__, "threads": torch.get_num_threads(), **stated}
    (directory / "card.json").write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
    training, figures = stated["training"], stated["figures"]
    rows = {
        "parameters": f"{training['parameters']:,}",
        "training tokens": f"{training['training_tokens']:,}",
        "steps": f"{training['steps']:,}",
        "seed": str(stated["recipe"]["seed"]),
        "data drawn": ", ".join(f"{key} {value:,}" for key, value in stated.get("data", {}).items()),
        "time to draw the data": f"{training['drawing_s'] / 60:.0f} minutes" if "drawing_s" in training else "",
        "time to train": f"{training['train_s'] / 60:.0f} minutes, {torch.get_num_threads()} thread(s)",
        "torch": torch.__version__,
    }
    lines = [
        *("---", "license: apache-2.0", "---", f"# ttclib lab: {part}", "", TEXTS[part], ""),
        f"Repeat it with `ttc lab train {part} --seed {stated['recipe']['seed']}`"
        " (the same machine and number of threads give the same weights).",
        "",
        *_table(["", ""], [[key, value] for key, value in rows.items() if value]),
        "",
        *_figures(figures),
    ]
    (directory / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _figures(figures: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    where = f"On {figures['n_problems']} {figures['split']} problems"
    if "pass_at_1_by_operations" in figures:
        by_operations = figures["pass_at_1_by_operations"]
        lines += [
            f"{where} × {figures['n_samples']} samples at temperature {figures['temperature']:g}: "
            f"pass@1 {figures['pass_at_1']:.3f}.",
            "",
            *_table(
                ["operations", *by_operations], [["pass@1", *(f"{value:.2f}" for value in by_operations.values())]]
            ),
            "",
        ]
    if "step_auc" in figures:
        within = figures["auc_within_by_operations"]
        lines += [
            f"AUC of a step's score: {figures['step_auc']:.3f}; of the final score within problems of pass@1 .1 … .9: "
            f"{_shown(figures['final_auc_within'])} (the policy's own log-probability: "
            f"{_shown(figures['logprob_auc_within'])}).",
            f"Calibration error of a step's score: {figures['step_calibration_error']:.3f}.",
            "",
            *_table(
                ["operations", *within],
                [["AUC within problems", *(_shown(value) for value in within.values())]],
            ),
            "",
            *_table(
                ["mean score", *(f"{score:.2f}" for score, _, _ in figures["step_calibration"])],
                [["share right", *(f"{right:.2f}" for _, right, _ in figures["step_calibration"])]],
            ),
            "",
            f"Best-of-N by this PRM: {_by_budget(figures['best_of_n']['prm'])}; "
            f"by log-probability: {_by_budget(figures['best_of_n']['logprob'])}.",
            "",
        ]
    if "pass_at_1_by_position" in figures:
        by_position = figures["pass_at_1_by_position"]
        lines += [
            f"{where} × {figures['n_chains']} chains at temperature {figures['temperature']:g}: "
            f"{figures['right_turned_wrong']:.2f} of right answers are followed by a wrong one, "
            f"{figures['wrong_turned_right']:.2f} of wrong ones by a right one.",
            "",
            *_table(
                ["answer in the chain", *range(1, len(by_position) + 1)],
                [["pass@1", *(f"{value:.3f}" for value in by_position)]],
            ),
            "",
        ]
    if "orm_auc_within" in figures:
        lines += [
            f"AUC of this verifier's score: {figures['orm_auc']:.3f}; within problems of pass@1 .1 … .9: "
            f"{_shown(figures['orm_auc_within'])}.",
            "",
        ]
    return lines


def _table(head: list[Any], rows: list[list[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def _by_budget(accuracies: Mapping[int, float]) -> str:
    return ", ".join(f"{value:.3f} (N={budget})" for budget, value in accuracies.items())


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
