"""The main job: what is missing in the store is sampled, scored and graded, and nothing twice.

Each stage asks the store what it lacks, works in batches and writes each batch as a part of its
own, so stopping at any moment loses the batch in flight at most and the same command continues.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ttclib.collect.engine import Draw, Engine, draw_seed, load_engine, missing_package, resolve_model
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.steps import count_step_tokens, split_steps
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.grading import Grader, get_grader, grade_problem
from ttclib.problems import Problem, load_problems
from ttclib.store import as_table, connect, pending_parts, replace_grades, write_part
from ttclib.store.classes import known_classes
from ttclib.store.schema import TABLES

_SCORED_AT_ONCE = 4096
_GRADES_OF = {"samples": "grades", "revisions": "revision_grades"}


def check(config: RunConfig) -> None:
    """Refuse, before anything is written, what would fail later.

    Raises
    ------
    RequestError
        The policy or the PRM is not there, or the grader is unknown.
    """
    resolve_model(config.policy.path)
    if config.prm is not None:
        resolve_model(config.prm.path)
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
    problems = load_problems(**config.problems.model_dump())
    setting = config.setting_row()
    check_same_problems(config.store, problems)
    held = _sampled(config.store, config.policy.name, setting["setting"], notify)
    todo = [
        (problem, index)
        for problem in problems
        for index in range(config.sampling.n_samples)
        if (problem.problem_id, index) not in held
    ]
    wanted = len(problems) * config.sampling.n_samples
    if not todo:
        notify(f"sample: the store holds all {wanted:,} samples of '{config.policy.name}'")
        return 0
    notify(f"sample: {len(todo):,} of {wanted:,} samples to draw; loading '{config.policy.path}'")
    engine = load_engine(config.policy, config.prompt)
    prompts = {problem.problem_id: tuple(engine.encode(problem.prompt)) for problem in problems}
    run = start_run(config, "sample")
    write_part(config.store, "problems", [problem.row() for problem in problems])
    write_part(config.store, "models", [{"model": config.policy.name, **engine.model_facts()}])
    write_part(config.store, "settings", [setting])
    # Prompts of like length make like solutions: less padding, fewer rows that wait for the longest.
    todo.sort(key=lambda cell: (len(prompts[cell[0].problem_id]), cell[0].problem_id, cell[1]))
    keeper = Keeper(config.store)
    started, n_tokens = time.monotonic(), 0
    with progress("sample", wanted, "samples", initial=wanted - len(todo)) as tell:
        for begin in range(0, len(todo), config.policy.batch_size):
            batch = todo[begin : begin + config.policy.batch_size]
            rows = _draw_batch(engine, config, batch, prompts)
            for row in rows:
                row |= {"policy": config.policy.name, "setting": setting["setting"], "run_id": run}
            keeper.keep("samples", rows)
            n_tokens += sum(row["completion_tokens"] for row in rows)
            tell(begin + len(batch), f"{n_tokens / (time.monotonic() - started):,.0f} tokens/s")
    return len(todo)


def score(config: RunConfig, *, notify: Notify = lambda text: None) -> int:
    """Score the samples of the configured policy that the configured PRM has not read.

    Parameters
    ----------
    config : RunConfig
    notify : callable

    Returns
    -------
    int
        Samples scored.

    Raises
    ------
    RequestError
        No PRM is configured or it cannot be loaded.
    """
    if config.prm is None:
        raise RequestError("no PRM is configured: add a section [prm] with its path")
    setting = config.setting_row()["setting"]
    key = [config.policy.name, setting]
    with connect(config.store, notify=notify) as con:
        todo = con.execute(
            """SELECT problem_id, sample_index, prompt, completion FROM samples JOIN problems USING (problem_id)
               ANTI JOIN (SELECT * FROM scores WHERE verifier = $3) USING (policy, problem_id, setting, sample_index)
               WHERE policy = $1 AND setting = $2 AND completion IS NOT NULL
               ORDER BY length(prompt), problem_id, sample_index""",
            [*key, config.prm.name],
        ).fetchall()
    if not todo:
        notify(f"score: '{config.prm.name}' has read all samples of '{config.policy.name}'")
        return 0
    notify(f"score: {len(todo):,} samples to score; loading '{config.prm.path}'")
    try:
        from ttclib.collect.prm import load_prm
    except ImportError as error:
        raise missing_package("transformers", error) from error
    prm = load_prm(config.prm)
    run = start_run(config, "score")
    write_part(config.store, "models", [{"model": config.prm.name, **prm.model_facts()}])
    keeper = Keeper(config.store)
    with progress("score", len(todo), "samples") as tell:
        for begin in range(0, len(todo), _SCORED_AT_ONCE):
            batch = todo[begin : begin + _SCORED_AT_ONCE]
            steps = [split_steps(completion, config.sampling.step_delimiter) for *_, completion in batch]
            read = prm.score([prm.encode(row[2], parts) for row, parts in zip(batch, steps, strict=True)])
            keeper.keep(
                "scores",
                [
                    {
                        "policy": config.policy.name,
                        "problem_id": problem_id,
                        "setting": setting,
                        "sample_index": index,
                        "verifier": config.prm.name,
                        "step_scores": scores.step_scores,
                        "prm_tokens": scores.prm_tokens,
                        "run_id": run,
                    }
                    for (problem_id, index, *_), scores in zip(batch, read, strict=True)
                ],
            )
            tell(begin + len(batch))
    return len(todo)


# The answer that an import stated was never in a completion: it is taken from the grades that hold it.
_HELD = """
    SELECT {columns}, list(grader) AS came, bool_or(correct) FILTER (WHERE grader = 'given') AS given,
           first(answer ORDER BY grader <> 'given', grader DESC) FILTER (WHERE answer IS NOT NULL) AS stated
    FROM {table} GROUP BY ALL
"""


def grade(store: Path, grader_name: str, *, again: bool = False, notify: Notify = lambda text: None) -> int:
    """Grade every answer of a store that has no grade by this grader and none that came with it.

    Grades by another grader, or by an older version, stay where they are; no sample is touched.

    Parameters
    ----------
    store : pathlib.Path
    grader_name : {"math", "exact"}
    again : bool
        Grade every answer: those that this grader has graded before, whose grades are replaced, and
        those that came with a grade, which stays beside it and is the one that is read.
    notify : callable

    Returns
    -------
    int
        Samples, and answers of revision chains, graded.

    Raises
    ------
    RequestError
        Unknown grader, or no such store.
    StoreLockedError
        Grades are to be replaced, and somebody holds the store's file; nothing has changed.
    """
    grader = get_grader(grader_name)
    graded = sum(_grade(store, kind, grader, again, notify) for kind in _GRADES_OF)
    if not graded:
        notify(f"grade: {grader.name} has graded all there is")
    return graded


def _grade(store: Path, kind: str, grader: Grader, again: bool, notify: Notify) -> int:
    table = _GRADES_OF[kind]
    key = TABLES[kind]
    columns = ", ".join(key)
    with connect(store, notify=notify) as con:
        todo = con.execute(
            f"""SELECT {columns}, completion, CASE WHEN command = 'import' THEN stated END, given, reference_answer
                FROM {kind} LEFT JOIN problems USING (problem_id) LEFT JOIN runs USING (run_id)
                LEFT JOIN ({_HELD.format(table=table, columns=columns)}) USING ({columns})
                WHERE (completion IS NOT NULL OR stated IS NOT NULL)
                      AND ($2 OR came IS NULL OR NOT list_has_any(came, ['given', $1]))
                ORDER BY problem_id, {columns}""",
            [grader.name, again],
        ).fetchall()
        classes = known_classes(con, grader.name) if todo else {}
    if not todo:
        return 0
    by_problem: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in todo:
        by_problem[row[key.index("problem_id")]].append(row)
    notify(f"grade: {len(todo):,} {kind} by {grader.name}")
    keeper = Keeper(store)
    tally: Counter[str] = Counter()
    done = 0
    with progress("grade", len(todo), kind) as tell:
        rows: list[dict[str, Any]] = []
        for problem_id, answers in by_problem.items():
            completions, stated, given, references = zip(*(row[len(key) :] for row in answers), strict=True)
            grades = grade_problem(
                completions, references[0], grader, answers=stated, known=classes.get(problem_id, ())
            )
            rows += [
                dict(zip(key, row[: len(key)], strict=True)) | {"grader": grader.name, **vars(found)}
                for row, found in zip(answers, grades, strict=True)
            ]
            for theirs, found in zip(given, grades, strict=True):
                tally["ungradable"] += found.correct is None and references[0] is not None
                tally["both"] += theirs is not None and found.correct is not None
                tally["agree"] += theirs is not None and theirs == found.correct
            done += len(answers)
            if not again and (len(rows) >= _SCORED_AT_ONCE or done == len(todo)):
                keeper.keep(table, rows)
                rows = []
            tell(done)
    if again:
        replace_grades(store, table, grader.name, as_table(table, rows), notify=notify)
    if tally["both"]:
        notify(f"grade: {tally['agree']:,} of {tally['both']:,} grades that came with the {kind} say the same")
    if tally["ungradable"]:
        notify(f"grade: {tally['ungradable']:,} {kind} could not be graded, which is not 'wrong'")
    return len(todo)


def check_same_problems(store: Path, problems: Iterable[Problem]) -> None:
    """Refuse a problem whose id the store already has with another text or answer.

    Raises
    ------
    RequestError
    """
    if not store.exists() and not pending_parts(store):
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
            "step_tokens": count_step_tokens(engine.token_texts(completion.token_ids), config.sampling.step_delimiter),
            "elapsed_s": elapsed,
        }
        for (problem, index), completion in zip(batch, completions, strict=True)
    ]


def _sampled(store: Path, policy: str, setting: str, notify: Notify) -> set[tuple[str, int]]:
    if not store.exists() and not pending_parts(store):
        return set()
    with connect(store, notify=notify) as con:
        rows = con.execute(
            "SELECT problem_id, sample_index FROM samples WHERE policy = ? AND setting = ?", [policy, setting]
        ).fetchall()
    return set(rows)
