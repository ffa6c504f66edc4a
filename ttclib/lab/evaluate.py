"""What the lab's models can do on held-out exercises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.analysis.verifier import auc, calibration, expected_calibration_error, within_problem_auc
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.collect.steps import split_steps
from ttclib.collect.verifiers import TokenClassificationPrm
from ttclib.config import PrmConfig
from ttclib.lab.revision_data import SEPARATOR, VERIFIER_CONTEXT, answer_again
from ttclib.lab.rollouts import draw_all, is_right, label_steps, load_lab_engine
from ttclib.problems.arithmetic import held_out
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.revision_format import revision_text


def evaluate(
    policy: Path,
    prm: Path | None,
    *,
    split: str = "validation",
    n_problems: int = 88,
    n_samples: int = 32,
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
        problems whose pass@1 lies in .1 … .9), ``auc_within_by_operations``,
        ``logprob_auc_within`` and ``best_of_n`` by budget
        for the PRM's last score and for the policy's mean log-probability.
    """
    engine = load_lab_engine(policy)
    problems = held_out(split, n_problems)
    cells = [(number, index) for number in range(n_problems) for index in range(n_samples)]
    draws = [
        Draw(tuple(engine.encode(problems[number].prompt)), draw_seed(seed, problems[number].prompt, index))
        for number, index in cells
    ]
    drawn = draw_all(engine, draws, temperature=temperature, report=lambda done: report(done, len(cells), "samples"))
    solutions = [(number, completion.text) for (number, _), completion in zip(cells, drawn, strict=True)]
    correct = np.array([is_right(problems[number], text) for number, text in solutions], dtype=float)
    correct = correct.reshape(n_problems, n_samples)
    logprob = np.array([one.logprob for one in drawn], dtype=float) / [len(one.token_ids) for one in drawn]
    logprob = logprob.reshape(n_problems, n_samples)
    operations = np.array([exercise.n_operations for exercise in problems])
    figures: dict[str, Any] = {
        "split": split,
        "n_problems": n_problems,
        "n_samples": n_samples,
        "temperature": temperature,
        "pass_at_1": float(correct.mean()),
        "pass_at_1_by_operations": {
            number: round(float(correct[operations == number].mean()), 3) for number in np.unique(operations).tolist()
        },
    }
    if prm is None:
        return figures
    model = TokenClassificationPrm(PrmConfig(path=str(prm)))
    scores = model.score([model.encode(problems[number].prompt, split_steps(text)) for number, text in solutions])
    final = np.array([read.step_scores[-1] if read.step_scores else np.nan for read in scores])
    final = final.reshape(n_problems, n_samples)
    labels = np.concatenate([solution.labels for solution in label_steps(problems, solutions)])
    step_scores = np.concatenate([read.step_scores or [] for read in scores])
    middle = (correct.mean(axis=1) > 0.1) & (correct.mean(axis=1) < 0.9)
    budgets = [budget for budget in (1, 4, 16, 64, 256) if budget <= n_samples]
    within = within_problem_auc(final, correct)
    by_operations = {number: within[(operations == number) & middle] for number in np.unique(operations).tolist()}
    return figures | {
        "step_auc": auc(step_scores, labels > 0.5),
        "step_calibration_error": expected_calibration_error(step_scores, labels),
        "step_calibration": [(round(s, 3), round(o, 3), n) for s, o, n in calibration(step_scores, labels)],
        "auc_within_by_operations": {number: _mean(values) for number, values in by_operations.items()},
        "final_auc_within": _mean(within[middle]),
        "logprob_auc_within": _mean(within_problem_auc(logprob[middle], correct[middle])),
        "best_of_n": {
            verifier: dict(
                zip(budgets, expected_best_of_n(score, correct, budgets).mean(axis=0).round(3).tolist(), strict=True)
            )
            for verifier, score in (("prm", final), ("logprob", logprob))
        },
    }


def evaluate_chains(
    revision: Path,
    orm: Path | None,
    *,
    n_problems: int = 66,
    n_chains: int = 6,
    length: int = 8,
    temperature: float = 1.0,
    seed: int = 0,
) -> dict[str, Any]:
    """pass@1 along chains of revisions on validation problems, and the verifier's AUC.

    Parameters
    ----------
    revision : pathlib.Path
    orm : pathlib.Path or None
    n_problems, n_chains, length : int
    temperature : float
    seed : int

    Returns
    -------
    dict
        ``pass_at_1_by_position``; ``right_turned_wrong`` and ``wrong_turned_right``, shares of the
        answers that another follows; with a verifier ``orm_auc`` and ``orm_auc_within``.
    """
    engine = load_lab_engine(revision)
    problems = held_out("validation", n_problems)
    cells = [(problem, chain) for problem in problems for chain in range(n_chains)]
    texts = answer_again(engine, cells, length, seed=seed, temperature=temperature)
    correct = np.array(
        [[is_right(problem, text) for text in own] for (problem, _), own in zip(cells, texts, strict=True)]
    )
    before, after = correct[:, :-1], correct[:, 1:]
    figures: dict[str, Any] = {
        "split": "validation",
        "n_problems": n_problems,
        "n_chains": n_chains,
        "temperature": temperature,
        "pass_at_1_by_position": correct.mean(axis=0).round(3).tolist(),
        "right_turned_wrong": round(float((before & ~after).sum() / max(1, before.sum())), 3),
        "wrong_turned_right": round(float((~before & after).sum() / max(1, (~before).sum())), 3),
    }
    if orm is None:
        return figures
    model = TokenClassificationPrm(PrmConfig(path=str(orm)))
    solutions = [
        model.encode(revision_text(problem.prompt, own[:place], SEPARATOR, n_context=VERIFIER_CONTEXT), [own[place]])
        for (problem, _), own in zip(cells, texts, strict=True)
        for place in range(length)
    ]
    scores = np.array([read.step_scores[-1] if read.step_scores else np.nan for read in model.score(solutions)])
    scores, flat = scores.reshape(n_problems, -1), correct.reshape(n_problems, -1)
    middle = (flat.mean(axis=1) > 0.1) & (flat.mean(axis=1) < 0.9)
    return figures | {
        "orm_auc": auc(scores.ravel(), flat.ravel()),
        "orm_auc_within": _mean(within_problem_auc(scores[middle], flat[middle].astype(float))),
    }


def _mean(values: np.ndarray) -> float | None:
    """Mean of what is defined; None where nothing is."""
    defined = values[np.isfinite(values)]
    return round(float(defined.mean()), 3) if len(defined) else None
