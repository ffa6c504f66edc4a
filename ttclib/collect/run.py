"""The main job: what is missing in the store is sampled, scored and graded, and nothing twice.

Each stage asks the store what it lacks, works in batches and writes each batch as a part of its
own, so stopping at any moment loses the batch in flight at most and the same command continues.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttclib.collect.engines.loading import close_engine, load_api, load_engine, refuse_cluster, tell_remarks
from ttclib.collect.engines.losses import Batch, Losses, draw_batches
from ttclib.collect.engines.types import Completion, Draw, Engine, Machines, Reply, check_window, draw_seed
from ttclib.collect.grade_samples import grade
from ttclib.collect.identity import check_identity, known_policy, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.prompt_features import keep_hidden
from ttclib.collect.score_samples import score
from ttclib.collect.sharing import BLOCK, WHOLE, Shard, Work
from ttclib.collect.steps import count_step_tokens
from ttclib.collect.token_columns import reasoning_tokens, reply_columns, step_logprobs, token_columns
from ttclib.config import RunConfig
from ttclib.errors import RequestError, TTCError
from ttclib.grading import get_grader
from ttclib.problems import Problem, load_problems
from ttclib.store import connect, is_collected, write_part
from ttclib.store.remaining import drawn_samples, holds_samples, known_problems

if TYPE_CHECKING:
    from ttclib.collect.engines.chat import ChatEngine

__all__ = ["check", "check_same_problems", "grade", "missing_samples", "sample", "score"]


def check(config: RunConfig) -> None:
    """Refuse, before anything is written, what would fail later.

    Raises
    ------
    RequestError
        The policy, PRM or judge is not there, or not the one that the store knows by its name; the grader is unknown.
    """
    check_identity(config.store, *(model for model in (config.policy, config.prm, config.judge) if model is not None))
    get_grader(config.grading.grader)


def sample(
    config: RunConfig,
    *,
    problems: Sequence[Problem] | None = None,
    shard: Shard = WHOLE,
    on: Machines | None = None,
    notify: Notify = lambda text: None,
) -> int:
    """Draw the samples that the store lacks.

    Another process that samples the same at the same time draws others; what it is at is waited for, so that the store
    lacks none at the end, and done here where it was killed.

    Parameters
    ----------
    config : RunConfig
    problems : sequence of Problem, optional
        In the place of the configured ones.
    shard : Shard
        The part of the samples that is to be drawn.
    on : Machines, optional
        Machines that draw in the place of this process.
    notify : callable
        Told, in lines, what is being done.

    Returns
    -------
    int
        Samples drawn here.

    Raises
    ------
    RequestError
        Problems or model cannot be read, or the store is none; nothing was written.
    LostSamples
        All was drawn but some, which a server would not give.
    """
    keeper = Keeper(config.store)
    problems, todo = missing_samples(config, problems=problems, shard=shard, notify=notify)
    wanted = n_wanted(config, problems, shard)
    whose = f"'{config.policy.name}'{'' if shard == WHOLE else f' in shard {shard}'}"
    if not todo:
        notify(f"sample: the store holds all {wanted:,} samples of {whose}")
        return 0
    part = "" if shard == WHOLE else f" of shard {shard}"
    notify(f"sample: {len(todo):,} of {wanted:,} samples{part} to draw; loading '{config.policy.path}'")
    policy = known_policy(config.store, config.policy)
    if policy.engine == "chat":
        refuse_cluster(policy, on)
        engine: Engine | ChatEngine = load_api(policy, config.prompt)
    else:
        engine = load_engine(policy, config.prompt, on)
    try:
        return _sample(engine, config, keeper, problems, todo, wanted, shard, notify)
    finally:
        tell_remarks(engine, "sample: samples", notify)
        close_engine(engine)  # the verifier wants the memory


class LostSamples(TTCError):
    """A server would not give some samples; the others are kept, and the work on them can go on."""


def is_sampled(config: RunConfig) -> bool:
    """Whether the store has any sample as configured; a shard may have none to draw."""
    if not is_collected(config.store):
        return False
    with connect(config.store) as con:
        return holds_samples(con, config.policy.name, config.setting_row()["setting"])


def n_wanted(config: RunConfig, problems: Sequence[Problem], shard: Shard = WHOLE) -> int:
    """Samples that a configuration asks of a shard."""
    indices = range(config.sampling.n_samples)
    return sum(shard.has(problem.problem_id, index) for problem in problems for index in indices)


def missing_samples(
    config: RunConfig,
    *,
    problems: Sequence[Problem] | None = None,
    shard: Shard = WHOLE,
    notify: Notify = lambda text: None,
) -> tuple[list[Problem], list[tuple[Problem, int]]]:
    """The problems given, by default those configured, and the (problem, sample index) that the store lacks.

    Raises
    ------
    RequestError
        Problems cannot be read, or the store has one of them with another text; it knows another model by the
        policy's name.
    """
    check_identity(config.store, config.policy)
    problems = load_problems(**config.problems.model_dump()) if problems is None else list(problems)
    check_same_problems(config.store, problems)
    held = _sampled(config.store, config.policy.name, config.setting_row()["setting"], notify)
    return problems, [
        (problem, index)
        for problem in problems
        for index in range(config.sampling.n_samples)
        if (problem.problem_id, index) not in held and shard.has(problem.problem_id, index)
    ]


def _sample(
    engine: Engine | ChatEngine,
    config: RunConfig,
    keeper: Keeper,
    problems: list[Problem],
    todo: list[tuple[Problem, int]],
    wanted: int,
    shard: Shard,
    notify: Notify,
) -> int:
    prompts = {problem.problem_id: tuple(engine.encode(problem.prompt)) for problem in problems}
    check_window(engine.window, max(map(len, prompts.values())), config.sampling.max_tokens)
    check_identity(config.store, config.policy)  # once more: its files are here now
    # Prompts of like length make like solutions: less padding, fewer rows that wait for the longest.
    todo.sort(key=lambda cell: (len(prompts[cell[0].problem_id]), cell[0].problem_id, cell[1]))
    policy, setting = config.policy.name, config.setting_row()["setting"]
    by_id = {problem.problem_id: problem for problem in problems}
    work = Work(
        keeper,
        ("samples", policy, setting),
        [(problem.problem_id, index) for problem, index in todo],
        lambda cell: (cell[0], cell[1] // BLOCK),
        lambda cells: set(cells) - _sampled(config.store, policy, setting, notify, {cell[0] for cell in cells}),
        what="sample",
        notify=notify,
    )
    losses = Losses()
    shared: dict[str, Any] = {}
    started, n_tokens, n_done, n_drawn = time.monotonic(), 0, 0, 0

    def next_batch(wait: bool) -> Batch[tuple[str, int]]:
        cells = work.take(config.policy.batch_size, wait=wait)
        return cells, [
            Draw(prompts[name], draw_seed(config.sampling.seed, name, index), prompt=by_id[name].prompt)
            for name, index in cells
        ]

    with work, progress("sample", wanted, "samples", initial=wanted - len(todo)) as tell:
        for batch, draws, drawn, ended, elapsed_s in draw_batches(engine, next_batch, config.sampling):
            rows = _rows(engine, config, batch, draws, drawn, elapsed_s)
            if rows and not shared:  # nothing is written before there is something to keep
                shared = _begin(engine, config, problems, notify)
                completions = [row["completion"] for row in rows if row["completion"] is not None]
                _look_for_steps(completions, config.sampling.step_delimiter, notify)
            keeper.keep("samples", [row | shared for row in rows])
            work.done(batch)
            n_drawn += len(rows)
            losses.take(drawn, ended, is_written=bool(shared))
            n_tokens += sum(row["completion_tokens"] or 0 for row in rows)
            n_done += len(batch)
            tell(n_done + work.n_by_others, f"{n_tokens / (time.monotonic() - started):,.0f} tokens/s")
    if work.n_by_others:
        notify(f"sample: {n_drawn:,} samples drawn here, {work.n_by_others:,} by others meanwhile")
    if shared:
        keep_hidden(engine, config, {name: prompts[name] for name in prompts if shard.has(name)}, shared, notify)
    if losses.first is not None:
        if not shared:
            raise losses.first
        raise LostSamples(
            f"{losses.n:,} of {len(todo):,} samples are missing ({losses.first}); the same command asks for them"
        )
    return n_drawn


def _begin(
    engine: Engine | ChatEngine, config: RunConfig, problems: Sequence[Problem], notify: Notify
) -> dict[str, Any]:
    """Write down model, run, problems and setting; what every sample of the run shares."""
    setting = config.setting_row()
    served = getattr(engine, "served_as", None) or config.policy.revision
    policy = config.policy.model_copy(update={"revision": served})
    record_models(config.store, (policy, engine.model_facts()), notify=notify)
    run = start_run(config, "sample", [problem.problem_id for problem in problems])
    write_part(config.store, "problems", [problem.row() for problem in problems])
    write_part(config.store, "settings", [setting])
    return {"policy": config.policy.name, "setting": setting["setting"], "run_id": run}


def _look_for_steps(completions: Sequence[str], delimiter: str, notify: Notify) -> None:
    """Say so if no completion has more than one step: a PRM would see each as one."""
    if not completions or any(delimiter in text.strip() for text in completions):
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
        held = known_problems(con)
    for problem in problems:
        known = held.get(problem.problem_id, {})
        for what, ours, theirs in (
            ("prompt", problem.prompt, known.get("prompt")),
            ("answer", problem.reference_answer, known.get("reference_answer")),
        ):
            if theirs is not None and ours is not None and ours != theirs:
                raise RequestError(
                    f"problem '{problem.problem_id}' stands in '{store}' with another {what}: "
                    f"give it another problem_id or use another store"
                )


def _rows(
    engine: Engine | ChatEngine,
    config: RunConfig,
    batch: Sequence[tuple[str, int]],
    draws: Sequence[Draw],
    drawn: Sequence[Completion | Reply | None],
    elapsed_s: float,
) -> list[dict[str, Any]]:
    """What came of a batch, without what all of a run share."""
    columns = _columns_of(engine, [one for one in drawn if one is not None], config.sampling.step_delimiter)
    rows = [
        {
            "problem_id": name,
            "sample_index": index,
            "prompt_tokens": len(draw.prefix_ids),
            "elapsed_s": elapsed_s / len(batch),
        }
        for (name, index), draw, one in zip(batch, draws, drawn, strict=True)
        if one is not None
    ]
    return [row | own for row, own in zip(rows, columns, strict=True)]


def _columns_of(
    engine: Engine | ChatEngine, drawn: Sequence[Completion | Reply], delimiter: str
) -> list[dict[str, Any]]:
    """What is kept of each sample, whatever it answers."""
    completions = [one for one in drawn if isinstance(one, Completion)]
    distinct = {tuple(one.token_ids) for one in completions}  # what several samples say, once
    texts = {ids: engine.token_texts(ids) for ids in distinct}
    steps = {ids: count_step_tokens(pieces, delimiter) for ids, pieces in texts.items()}
    thought = {ids: reasoning_tokens(pieces) for ids, pieces in texts.items()}
    return [
        reply_columns(one, delimiter)
        if isinstance(one, Reply)
        else {
            "completion": one.text,
            "completion_ids": one.token_ids,
            "finish_reason": one.finish_reason,
            "completion_tokens": len(one.token_ids),
            "logprob": one.logprob,
            "step_tokens": steps[ids],
            "step_logprobs": step_logprobs(one, steps[ids]),
            "reasoning_tokens": thought[ids],
            **token_columns(one),
        }
        for one in drawn
        for ids in [() if isinstance(one, Reply) else tuple(one.token_ids)]
    ]


def _sampled(
    store: Path, policy: str, setting: str, notify: Notify, of: Collection[str] | None = None
) -> set[tuple[str, int]]:
    """What the store holds; of these problems alone, if any are named."""
    if not is_collected(store):
        return set()
    with connect(store, notify=notify) as con:
        return drawn_samples(con, policy, setting, of)
