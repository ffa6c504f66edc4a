"""A judge: a model behind an API is asked, as often as configured, what a solution is worth, and its words are kept.

Each reading is a draw of its own. What it is worth is the last number that the configured pattern finds in the reading,
on the configured scale, from 0 to 1; a reading without one has no score, and is not asked for again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ttclib.collect.engines.loading import load_api, tell_remarks
from ttclib.collect.engines.losses import Losses, draw_what_comes
from ttclib.collect.engines.types import Draw, Reply, draw_seed
from ttclib.collect.identity import check_identity, known_policy, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.run import LostSamples
from ttclib.collect.score_samples import find_pool
from ttclib.collect.sharing import BLOCK, WHOLE, Shard, Work
from ttclib.config import JudgeConfig, RunConfig
from ttclib.errors import RequestError
from ttclib.store import connect
from ttclib.store.choosing import Wanted
from ttclib.store.remaining import read_already, readings_made

Reading = tuple[str, int, int]  # problem_id, sample_index, number of the reading


def judge(
    config: RunConfig,
    *,
    policy: str | None = None,
    setting: Wanted = None,
    shard: Shard = WHOLE,
    notify: Notify = lambda text: None,
) -> int:
    """Ask the configured judge for the readings of a pool's samples that the store lacks.

    Parameters
    ----------
    config : RunConfig
        With a section ``[judge]``.
    policy, setting, shard, notify
        As in `ttclib.collect.score_samples.score`.

    Returns
    -------
    int
        Readings made here.

    Raises
    ------
    RequestError
        No judge is configured, or the store knows another by its name; no such samples.
    LostSamples
        Some readings could not be had; those that could are kept.
    """
    asked = config.judge
    if asked is None:
        raise RequestError("no judge is configured: add a section [judge] with its path and server.urls")
    check_identity(config.store, asked)
    wanted = policy or config.policy.name
    keeper = Keeper(config.store)
    with connect(config.store, notify=notify) as con:
        drawn = find_pool(con, config, wanted, setting, notify)
        rows = readings_made(con, wanted, drawn.name, asked.name)
    todo = {
        (problem_id, index, number): asked.shown(prompt, completion)
        for problem_id, index, prompt, completion, numbers in rows
        for number in range(asked.readings)
        if number not in (numbers or ()) and shard.has(problem_id, index)
    }
    if not todo:
        often = "once" if asked.readings == 1 else f"{asked.readings} times"
        notify(f"judge: '{asked.name}' has read each of the samples of '{wanted}' {often}")
        return 0
    notify(f"judge: {len(todo):,} readings of {len(rows):,} samples to make, by '{asked.name}'")
    return _read(config, keeper, asked, {"policy": wanted, "setting": drawn.name, "verifier": asked.name}, todo, notify)


def _read(
    config: RunConfig,
    keeper: Keeper,
    asked: JudgeConfig,
    shared: dict[str, Any],
    todo: Mapping[Reading, str],
    notify: Notify,
) -> int:
    """Make readings and write what comes of them, batch by batch."""
    model = known_policy(config.store, asked.as_policy())
    engine = load_api(model, asked.as_prompt())
    sampling = asked.as_sampling()
    pool = (shared["policy"], shared["setting"], shared["verifier"])
    work = Work(
        keeper,
        ("readings", *pool),
        list(todo),
        lambda cell: (cell[0], cell[1] // BLOCK),
        lambda cells: set(cells) - _made(config.store, *pool, {cell[0] for cell in cells}),
        what="judge",
        notify=notify,
    )
    n_read, n_silent, losses = 0, 0, Losses()
    with work, progress("judge", len(todo), "readings") as tell:
        while batch := work.take(model.batch_size):
            draws = [
                Draw((), draw_seed(config.sampling.seed, f"{name}/{asked.name}/{index}", number), prompt=todo[cell])
                for cell in batch
                for name, index, number in [cell]
            ]
            drawn, ended = draw_what_comes(engine, draws, sampling)
            if "run_id" not in shared and any(reply is not None for reply in drawn):
                served = asked.model_copy(update={"revision": engine.served_as})
                facts = {"kind": "judge", "reads": json.dumps(asked.reads())}
                record_models(config.store, (served, facts), notify=notify)
                shared = shared | {"run_id": start_run(config, "score")}
            rows = [
                shared | {"problem_id": problem_id, "sample_index": index, "reading": number} | _row(asked, reply)
                for (problem_id, index, number), reply in zip(batch, drawn, strict=True)
                if reply is not None
            ]
            keeper.keep("scores", rows)
            work.done(batch)
            n_read += len(rows)
            n_silent += sum(row["step_scores"] is None for row in rows)
            losses.take(drawn, ended, is_written="run_id" in shared)
            tell(n_read + losses.n + work.n_by_others)
    tell_remarks(engine, "judge: readings", notify)
    if work.n_by_others:
        notify(f"judge: {n_read:,} readings made here, {work.n_by_others:,} by others meanwhile")
    if n_silent:
        notify(f"judge: {n_silent:,} of {n_read:,} readings name no score (judge.pattern): theirs is unknown")
    if losses.first is not None:
        raise LostSamples(
            f"{losses.n:,} of {len(todo):,} readings are missing ({losses.first}); the same command asks for them"
        )
    return n_read


def _made(store: Path, policy: str, setting: str, verifier: str, of: Collection[str]) -> set[Reading]:
    """The readings that there are of some problems' samples."""
    with connect(store) as con:
        return read_already(con, "scores", ("problem_id", "sample_index", "reading"), policy, setting, verifier, of)


def _row(asked: JudgeConfig, reply: Reply) -> dict[str, Any]:
    score = None if reply.text is None else rating(reply.text, asked.pattern, asked.lowest, asked.highest)
    return {
        "step_scores": None if score is None else [score],
        "prm_tokens": reply.prompt_tokens,
        "generated_tokens": reply.completion_tokens,
        "said": reply.text,
    }


def rating(text: str, pattern: str, lowest: float, highest: float) -> float | None:
    r"""What a judge's words say, from 0 to 1; None: nothing, or a number beyond the scale.

    Examples
    --------
    >>> rating("Score: 3? No.\nScore: 8", r"Score: (\d+)", 0, 10), rating("good", r"Score: (\d+)", 0, 10)
    (0.8, None)
    >>> rating("Score: 11", r"Score: (\d+)", 0, 10) is None
    True
    """
    found = [one[1] for one in re.finditer(pattern, text)]
    try:
        value = (float(found[-1]) - lowest) / (highest - lowest)
    except (IndexError, TypeError, ValueError):  # nothing, an empty group, no number
        return None
    return value if math.isfinite(value) and 0 <= value <= 1 else None
