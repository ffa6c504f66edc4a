"""What the lab's models can do on held-out exercises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.analysis.verifier import auc, calibration, expected_calibration_error, within_problem_auc
from ttclib.collect.engine import Draw, draw_seed
from ttclib.collect.prm import TokenClassificationPrm
from ttclib.collect.steps import split_steps
from ttclib.collect.transformers_engine import TransformersEngine
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, SamplingConfig
from ttclib.grading import extract_answer
from ttclib.lab.rollouts import label_steps
from ttclib.lab.task import MAX_OPERATIONS, held_out
from ttclib.replay.best_of_n import expected_best_of_n

_DRAWS_AT_ONCE = 512


def evaluate(
    policy: Path,
    prm: Path | None,
    *,
    split: str = "validation",
    n_problems: int = 96,
    n_samples: int = 64,
    temperature: float = 1.0,
    seed: int = 0,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> dict[str, Any]:
    """pass@1 by number of operations, and the PRM's AUC and calibration.

    Parameters
    ----------
    policy : pathlib.Path
    prm : pathlib.Path or None
        None: the policy alone.
    split : {"validation", "test"}
    n_problems, n_samples : int
    temperature : float
    seed : int
    report : callable
        Called with samples done, samples in all and a line of text.

    Returns
    -------
    dict
        ``pass_at_1`` and ``pass_at_1_by_operations``; with a PRM also ``step_auc`` (step scores
        against whether the step's rollouts mostly end right), ``step_calibration_error``,
        ``step_calibration`` (mean score, mean label, count), ``final_auc_within`` (mean over the
        problems whose pass@1 lies in .1 … .9), ``logprob_auc_within`` and ``best_of_n`` by budget
        for the PRM's last score and for the policy's mean log-probability.
    """
    engine = TransformersEngine(str(policy), PolicyConfig(name="policy", path=str(policy)), PromptConfig())
    problems = held_out(split, n_problems)
    order = sorted(range(n_problems), key=lambda number: len(problems[number].prompt))
    cells = [(number, index) for number in order for index in range(n_samples)]
    solutions: list[tuple[int, str]] = []
    correct, logprob = np.zeros((n_problems, n_samples)), np.zeros((n_problems, n_samples))
    for begin in range(0, len(cells), _DRAWS_AT_ONCE):
        batch = cells[begin : begin + _DRAWS_AT_ONCE]
        draws = [
            Draw(tuple(engine.encode(problems[number].prompt)), draw_seed(seed, problems[number].prompt, index))
            for number, index in batch
        ]
        drawn = engine.generate(draws, SamplingConfig(temperature=temperature, max_tokens=256))
        for (number, index), completion in zip(batch, drawn, strict=True):
            solutions.append((number, completion.text))
            correct[number, index] = extract_answer(completion.text) == str(problems[number].value)
            logprob[number, index] = completion.logprob / len(completion.token_ids)
        report(min(begin + _DRAWS_AT_ONCE, len(cells)), len(cells), "samples")
    operations = np.array([exercise.n_operations for exercise in problems])
    figures: dict[str, Any] = {
        "split": split,
        "n_problems": n_problems,
        "n_samples": n_samples,
        "temperature": temperature,
        "pass_at_1": float(correct.mean()),
        "pass_at_1_by_operations": {
            number: round(float(correct[operations == number].mean()), 3) for number in range(1, MAX_OPERATIONS + 1)
        },
    }
    if prm is None:
        return figures
    model = TokenClassificationPrm(PrmConfig(path=str(prm)))
    scores = model.score([model.encode(problems[number].prompt, split_steps(text)) for number, text in solutions])
    final = np.zeros((n_problems, n_samples))
    for (number, index), read in zip(cells, scores, strict=True):
        final[number, index] = np.nan if read.step_scores is None else read.step_scores[-1]
    labels = np.concatenate([solution.labels for solution in label_steps(problems, solutions)])
    step_scores = np.concatenate([read.step_scores or [] for read in scores])
    middle = (correct.mean(axis=1) > 0.1) & (correct.mean(axis=1) < 0.9)
    budgets = [budget for budget in (1, 4, 16, 64, 256) if budget <= n_samples]
    return figures | {
        "step_auc": auc(step_scores, labels > 0.5),
        "step_calibration_error": expected_calibration_error(step_scores, labels),
        "step_calibration": [(round(s, 3), round(o, 3), n) for s, o, n in calibration(step_scores, labels)],
        "final_auc_within": float(np.nanmean(within_problem_auc(final[middle], correct[middle]))),
        "logprob_auc_within": float(np.nanmean(within_problem_auc(logprob[middle], correct[middle]))),
        "best_of_n": {
            verifier: dict(
                zip(budgets, expected_best_of_n(score, correct, budgets).mean(axis=0).round(3).tolist(), strict=True)
            )
            for verifier, score in (("prm", final), ("logprob", logprob))
        },
    }
