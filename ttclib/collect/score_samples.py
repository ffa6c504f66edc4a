"""Scoring: what the configured verifier has not read of a pool, whoever sampled it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttclib.collect.engines.loading import load_verifier
from ttclib.collect.engines.types import Machines
from ttclib.collect.identity import check_identity, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.sharing import BLOCK, WHOLE, Shard, Work
from ttclib.collect.steps import guess_delimiter, split_steps
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.samples import Setting
from ttclib.setting_keys import differing_keys, matches, option, value_at
from ttclib.store import connect
from ttclib.store.choosing import Wanted, all_matching, choose_policy, choose_setting, settings_of
from ttclib.store.remaining import count_samples, read_already, unscored_samples

_SCORED_AT_ONCE = 4096


@dataclass(frozen=True)
class _Unread:
    """What a verifier has not read of a pool, and what it cannot read."""

    n_samples: int
    n_without_text: int  # a completion, or the prompt of its problem, is not known
    rows: list[tuple[str, int, str, str]]  # problem_id, sample_index, prompt, completion


def score(
    config: RunConfig,
    *,
    policy: str | None = None,
    setting: Wanted = None,
    step_delimiter: str | None = None,
    shard: Shard = WHOLE,
    on: Machines | None = None,
    notify: Notify = lambda text: None,
) -> int:
    """Score the samples of a pool that the configured verifier has not read.

    Parameters
    ----------
    policy : str, optional
        By default the configured one.
    setting : Setting, str or mapping, optional
        As in `ttclib.store.load_pool`; by default the configured one, or the only one where that says nothing else.
    step_delimiter : str, optional
        Where steps end in samples that were imported; by default as their setting says, else as the configuration
        says, else as the samples look.
    shard, on
        As in `ttclib.collect.run.sample`.
    notify : callable
        Told, in lines, what is being done, and what was read and guessed.

    Returns
    -------
    int
        Samples scored here.

    Raises
    ------
    RequestError
        No PRM is configured, it cannot be loaded, or the store knows another by its name; no such samples, with
        those that could be meant.
    """
    if config.prm is None:
        raise RequestError("no PRM is configured: add a section [prm] with its path")
    check_identity(config.store, config.prm)
    wanted = policy or config.policy.name
    keeper = Keeper(config.store)
    with connect(config.store, notify=notify) as con:
        drawn = find_pool(con, config, wanted, setting, notify)
        unread = _unread(con, wanted, drawn, config.prm.name, shard)
    if unread.n_without_text:
        notify(
            f"score: {unread.n_without_text:,} of {unread.n_samples:,} samples of '{wanted}' cannot be read: the store "
            "lacks their text or their problem's prompt; import them with both"
        )
    if not unread.rows:
        what = "all" if not unread.n_without_text else "0 more"
        notify(f"score: '{config.prm.name}' has read {what} of the {unread.n_samples:,} samples of '{wanted}'")
        return 0
    delimiter = step_delimiter or _delimiter(config, drawn, [row[3] for row in unread.rows], notify)
    notify(f"score: {len(unread.rows):,} of {unread.n_samples:,} samples to score; loading '{config.prm.path}'")
    return _read(config, keeper, on, {"policy": wanted, "setting": drawn.name}, unread.rows, delimiter, notify)


def find_pool(con: Any, config: RunConfig, policy: str, setting: Wanted, notify: Notify) -> Setting:
    """The setting of a policy whose samples a verifier is to read.

    Raises
    ------
    RequestError
        No such samples, with those that could be meant.
    """
    choose_policy(con, str(config.store), policy, ("samples",))
    return _setting(config, settings_of(con, policy, None, ("samples",)), policy, setting, notify)


def _read(
    config: RunConfig,
    keeper: Keeper,
    on: Machines | None,
    pool: dict[str, str],
    rows: Sequence[tuple[str, int, str, str]],
    delimiter: str,
    notify: Notify,
) -> int:
    """Score rows and write what comes of it, batch by batch."""
    verifier = config.prm
    assert verifier is not None
    prm = load_verifier(verifier, on)
    record_models(config.store, (verifier, prm.model_facts()), notify=notify)
    shared = pool | {"verifier": verifier.name, "run_id": start_run(config, "score")}
    texts = {(problem_id, index): solution for problem_id, index, *solution in rows}
    work = Work(
        keeper,
        ("scores", *pool.values(), verifier.name),
        list(texts),
        lambda cell: (cell[0], cell[1] // BLOCK),
        lambda cells: set(cells) - _scored(config.store, pool, verifier.name, {cell[0] for cell in cells}),
        what="score",
        notify=notify,
    )
    n_scored, n_unread = 0, 0
    with work, progress("score", len(rows), "samples") as tell:
        while batch := work.take(_SCORED_AT_ONCE):
            solutions = [(prompt, completion) for prompt, completion in (texts[cell] for cell in batch)]
            encoded = {  # what several samples say, once
                (prompt, completion): prm.encoded(prompt, split_steps(completion, delimiter))
                for prompt, completion in set(solutions)
            }
            found = prm.score([encoded[solution] for solution in solutions])
            keeper.keep(
                "scores",
                [
                    shared
                    | {"problem_id": problem_id, "sample_index": index}
                    | {"step_scores": scores.step_scores, "prm_tokens": scores.prm_tokens}
                    for (problem_id, index), scores in zip(batch, found, strict=True)
                ],
            )
            work.done(batch)
            n_unread += sum(scores.step_scores is None for scores in found)
            n_scored += len(batch)
            tell(n_scored + work.n_by_others)
    if work.n_by_others:
        notify(f"score: {n_scored:,} samples scored here, {work.n_by_others:,} by others meanwhile")
    if n_unread:
        notify(
            f"score: {n_unread:,} of {n_scored:,} samples have no score: longer than '{verifier.name}' can read, or "
            "with something that its vocabulary lacks"
        )
    return n_scored


def _scored(store: Path, pool: dict[str, str], verifier: str, of: Collection[str]) -> set[tuple[str, int]]:
    """What a verifier has read of some problems' samples."""
    with connect(store) as con:
        columns = ("problem_id", "sample_index")
        return read_already(con, "scores", columns, pool["policy"], pool["setting"], verifier, of)


def _setting(config: RunConfig, settings: Sequence[Setting], policy: str, wanted: Wanted, notify: Notify) -> Setting:
    """The setting whose samples are read: what is asked for, the configured one, or the only one that can be meant."""
    whose = f"policy '{policy}' in '{config.store}'"
    if wanted is not None:
        return choose_setting(settings, wanted, whose)
    row = config.setting_row()
    if row["setting"] in [setting.name for setting in settings]:
        return choose_setting(settings, row["setting"], whose)
    # Imported samples state less than a configuration does; what both state must be the same.
    stated = {
        name: value
        for name, value in json.loads(row["keys"]).items()
        if name in config.sampling.model_fields_set - {"step_delimiter"}
        or (name == "prompt_format" and config.prompt.model_fields_set)
    }
    meant = [
        setting
        for setting in settings
        if matches(setting.keys, {name: value for name, value in stated.items() if name in setting.keys})
    ]
    if len(meant) == 1:
        notify(f"score: reads the samples of '{policy}' under {meant[0].label()}")
        return meant[0]
    there = all_matching(meant or settings, {}, whose)
    names = differing_keys([setting.keys for setting in there] if meant else [stated, *_shared(there, stated)])
    here = ", ".join(f"{name} = {value_at(stated, name)!r}" for name in names if value_at(stated, name) is not None)
    raise RequestError(
        f"0 samples of {whose} were drawn as configured{f' ({here})' if here else ''}; there are some with "
        f"{', '.join(f'`{option(setting.keys, names)}`' for setting in there)}"
    )


def _shared(settings: Sequence[Setting], stated: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of the keys of settings those that a configuration states, and where they lack one, what it states."""
    return [{name: setting.keys.get(name, value) for name, value in stated.items()} for setting in settings]


def _delimiter(config: RunConfig, drawn: Setting, completions: Sequence[str], notify: Notify) -> str:
    """Where steps end: as the setting says, else the configuration, else as the samples look."""
    stated = drawn.keys.get("step_delimiter")
    if stated:
        return str(stated)
    if "step_delimiter" in config.sampling.model_fields_set:
        return config.sampling.step_delimiter
    delimiter, share = guess_delimiter(completions)
    notify(
        f"score: steps are taken to end with {delimiter!r}, which {share:.0%} of the samples hold: set "
        "sampling.step_delimiter, or give --step-delimiter, if they end otherwise"
    )
    return delimiter


def _unread(con: Any, policy: str, drawn: Setting, verifier: str, shard: Shard) -> _Unread:
    rows = unscored_samples(con, policy, drawn.name, verifier)
    rows = [row for row in rows if shard.has(*row[:2])]
    n_samples = count_samples(con, policy, drawn.name)
    readable = [row for row in rows if row[2] is not None and row[3] is not None]
    return _Unread(n_samples, len(rows) - len(readable), readable)
