"""Scoring: what the configured verifier has not read of a pool, whoever sampled it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttclib.collect.checkpoints import missing_package
from ttclib.collect.identity import check_identity, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.steps import guess_delimiter, split_steps
from ttclib.config import PrmConfig, RunConfig
from ttclib.errors import RequestError
from ttclib.samples import Setting
from ttclib.setting_keys import differing_keys, matches, option, value_at
from ttclib.store import connect
from ttclib.store.choosing import Wanted, all_matching, choose_policy, choose_setting, settings_of
from ttclib.store.remaining import drawn_samples, unscored_samples

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
    notify: Notify = lambda text: None,
) -> int:
    """Score the samples of a pool that the configured verifier has not read.

    Parameters
    ----------
    config : RunConfig
    policy : str, optional
        By default the configured one.
    setting : Setting, str or mapping, optional
        As in `ttclib.store.load_pool`; by default the configured one, or the only one where that says nothing else.
    step_delimiter : str, optional
        Where steps end in samples that were imported; by default as their setting says, else as the configuration
        says, else as the samples look.
    notify : callable
        Told, in lines, what is being done, and what was read and guessed.

    Returns
    -------
    int
        Samples scored.

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
    with connect(config.store, notify=notify) as con:
        drawn = find_pool(con, config, wanted, setting, notify)
        unread = _unread(con, wanted, drawn, config.prm.name)
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
    _read(config, config.prm, {"policy": wanted, "setting": drawn.name}, unread.rows, delimiter, notify)
    return len(unread.rows)


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
    verifier: PrmConfig,
    pool: dict[str, str],
    rows: Sequence[tuple[str, int, str, str]],
    delimiter: str,
    notify: Notify,
) -> None:
    """Score rows and write what comes of it, batch by batch."""
    try:
        from ttclib.collect.verifiers import load_prm
    except ImportError as error:
        raise missing_package("transformers", error) from error
    prm = load_prm(verifier)
    record_models(config.store, (verifier, prm.model_facts()), notify=notify)
    shared = pool | {"verifier": verifier.name, "run_id": start_run(config, "score")}
    keeper = Keeper(config.store)
    with progress("score", len(rows), "samples") as tell:
        for begin in range(0, len(rows), _SCORED_AT_ONCE):
            batch = rows[begin : begin + _SCORED_AT_ONCE]
            solutions = [(prompt, completion) for *_, prompt, completion in batch]
            encoded = {  # what several samples say, once
                (prompt, completion): prm.encode(prompt, split_steps(completion, delimiter))
                for prompt, completion in set(solutions)
            }
            found = prm.score([encoded[solution] for solution in solutions])
            keeper.keep(
                "scores",
                [
                    shared
                    | {"problem_id": problem_id, "sample_index": index}
                    | {"step_scores": scores.step_scores, "prm_tokens": scores.prm_tokens}
                    for (problem_id, index, *_), scores in zip(batch, found, strict=True)
                ],
            )
            tell(begin + len(batch))


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


def _unread(con: Any, policy: str, drawn: Setting, verifier: str) -> _Unread:
    rows = unscored_samples(con, policy, drawn.name, verifier)
    n_samples = len(drawn_samples(con, policy, drawn.name))
    readable = [row for row in rows if row[2] is not None and row[3] is not None]
    return _Unread(n_samples, len(rows) - len(readable), readable)
