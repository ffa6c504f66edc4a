"""The main job: what is missing in the store is sampled, scored and graded, and nothing twice.

Each stage asks the store what it lacks, works in batches and writes each batch as a part of its
own, so stopping at any moment loses the batch in flight at most and the same command continues.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ttclib.collect.engines.loading import close_engine, load_engine
from ttclib.collect.engines.types import Draw, Engine, check_window, draw_seed
from ttclib.collect.grade_samples import grade
from ttclib.collect.identity import check_identity, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.score_samples import score
from ttclib.collect.steps import count_step_tokens
from ttclib.collect.token_columns import reasoning_tokens, step_logprobs, token_columns
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.grading import get_grader
from ttclib.problems import Problem, load_problems
from ttclib.store import connect, is_collected, write_part

__all__ = ["check", "check_same_problems", "grade", "missing_samples", "sample", "score"]


def check(config: RunConfig) -> None:
    """Refuse, before anything is written, what would fail later.

    Raises
    ------
    RequestError
        The policy or the PRM is not there, or not the one that the store knows by its name; the grader is unknown.
    """
    check_identity(config.store, config.policy, *([] if config.prm is None else [config.prm]))
    get_grader(config.grading.grader)


def sample(config: RunConfig, *, notify: Notify = lambda text: None) -> int:
    """Draw the samples that the store lacks.

    Parameters
    ----------
    config : RunConfig
    notify : callable
        Told, in lines, what is being done.

    Returns
    -------
    int
        Samples drawn.

    Raises
    ------
    RequestError
        Problems or model cannot be read, or the store is none; nothing was written.
    """
    problems, todo = missing_samples(config, notify=notify)
    wanted = len(problems) * config.sampling.n_samples
    if not todo:
        notify(f"sample: the store holds all {wanted:,} samples of '{config.policy.name}'")
        return 0
    notify(f"sample: {len(todo):,} of {wanted:,} samples to draw; loading '{config.policy.path}'")
    engine = load_engine(config.policy, config.prompt)
    try:
        _sample(engine, config, problems, todo, notify)
    finally:
        close_engine(engine)  # the verifier wants the memory
    return len(todo)


def missing_samples(
    config: RunConfig, *, notify: Notify = lambda text: None
) -> tuple[list[Problem], list[tuple[Problem, int]]]:
    """The configured problems, and the (problem, sample index) that the store lacks.

    Raises
    ------
    RequestError
        Problems cannot be read, or the store has one of them with another text; it knows another model by the
        policy's name.
    """
    check_identity(config.store, config.policy)
    problems = load_problems(**config.problems.model_dump())
    check_same_problems(config.store, problems)
    held = _sampled(config.store, config.policy.name, config.setting_row()["setting"], notify)
    return problems, [
        (problem, index)
        for problem in problems
        for index in range(config.sampling.n_samples)
        if (problem.problem_id, index) not in held
    ]


def _sample(
    engine: Engine, config: RunConfig, problems: list[Problem], todo: list[tuple[Problem, int]], notify: Notify
) -> None:
    prompts = {problem.problem_id: tuple(engine.encode(problem.prompt)) for problem in problems}
    check_window(engine.window, max(map(len, prompts.values())), config.sampling.max_tokens)
    setting = config.setting_row()
    record_models(config.store, (config.policy, engine.model_facts()), notify=notify)
    run = start_run(config, "sample", [problem.problem_id for problem in problems])
    write_part(config.store, "problems", [problem.row() for problem in problems])
    write_part(config.store, "settings", [setting])
    # Prompts of like length make like solutions: less padding, fewer rows that wait for the longest.
    todo.sort(key=lambda cell: (len(prompts[cell[0].problem_id]), cell[0].problem_id, cell[1]))
    wanted = len(problems) * config.sampling.n_samples
    keeper = Keeper(config.store)
    started, n_tokens = time.monotonic(), 0
    with progress("sample", wanted, "samples", initial=wanted - len(todo)) as tell:
        for begin in range(0, len(todo), config.policy.batch_size):
            batch = todo[begin : begin + config.policy.batch_size]
            rows = _draw_batch(engine, config, batch, prompts)
            for row in rows:
                row |= {"policy": config.policy.name, "setting": setting["setting"], "run_id": run}
            keeper.keep("samples", rows)
            if begin == 0:
                _look_for_steps([row["completion"] for row in rows], config.sampling.step_delimiter, notify)
            n_tokens += sum(row["completion_tokens"] for row in rows)
            tell(begin + len(batch), f"{n_tokens / (time.monotonic() - started):,.0f} tokens/s")


def _look_for_steps(completions: Sequence[str], delimiter: str, notify: Notify) -> None:
    """Say so if no completion has more than one step: a PRM would see each as one."""
    if any(delimiter in text.strip() for text in completions):
        return
    example = max(completions, key=len)[:120]
    notify(
        f"sample: warning: the step delimiter {delimiter!r} stands in none of the first {len(completions):,} samples, "
        f"so each is a single step; see sampling.step_delimiter. The longest begins {example!r}"
    )


def check_same_problems(store: Path, problems: Iterable[Problem]) -> None:
    """Refuse a problem whose id the store already has with another text or answer.

    Raises
    ------
    RequestError
    """
    if not is_collected(store):
        return
    with connect(store) as con:
        held = {
            row[0]: row[1:]
            for row in con.execute("SELECT problem_id, prompt, reference_answer FROM problems").fetchall()
        }
    for problem in problems:
        prompt, answer = held.get(problem.problem_id, (None, None))
        for what, ours, theirs in (("prompt", problem.prompt, prompt), ("answer", problem.reference_answer, answer)):
            if theirs is not None and ours is not None and ours != theirs:
                raise RequestError(
                    f"problem '{problem.problem_id}' stands in '{store}' with another {what}: "
                    f"give it another problem_id or use another store"
                )


def _draw_batch(
    engine: Engine,
    config: RunConfig,
    batch: Sequence[tuple[Problem, int]],
    prompts: dict[str, tuple[int, ...]],
) -> list[dict[str, Any]]:
    draws = [
        Draw(prompts[problem.problem_id], draw_seed(config.sampling.seed, problem.problem_id, index))
        for problem, index in batch
    ]
    started = time.monotonic()
    completions = engine.generate(draws, config.sampling)
    elapsed = (time.monotonic() - started) / len(batch)
    delimiter = config.sampling.step_delimiter
    distinct = {tuple(completion.token_ids) for completion in completions}  # what several samples say, once
    token_texts = {ids: engine.token_texts(ids) for ids in distinct}
    step_tokens = {ids: count_step_tokens(texts, delimiter) for ids, texts in token_texts.items()}
    thought = {ids: reasoning_tokens(texts) for ids, texts in token_texts.items()}
    return [
        {
            "problem_id": problem.problem_id,
            "sample_index": index,
            "completion": completion.text,
            "completion_ids": completion.token_ids,
            "finish_reason": completion.finish_reason,
            "prompt_tokens": len(prompts[problem.problem_id]),
            "completion_tokens": len(completion.token_ids),
            "logprob": completion.logprob,
            "step_tokens": step_tokens[ids],
            "step_logprobs": step_logprobs(completion, step_tokens[ids]),
            "reasoning_tokens": thought[ids],
            **token_columns(completion),
            "elapsed_s": elapsed,
        }
        for (problem, index), completion in zip(batch, completions, strict=True)
        for ids in [tuple(completion.token_ids)]
    ]


def _sampled(store: Path, policy: str, setting: str, notify: Notify) -> set[tuple[str, int]]:
    if not is_collected(store):
        return set()
    with connect(store, notify=notify) as con:
        rows = con.execute(
            "SELECT problem_id, sample_index FROM samples WHERE policy = ? AND setting = ?", [policy, setting]
        ).fetchall()
    return set(rows)
