"""The two sides of a comparison, from parameters that may be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.errors import RequestError
from ttclib.samples import LOGPROB, PRM, Setting
from ttclib.store.contents import contents
from ttclib.store.settings import differing_keys, greedy_pool, matching_settings
from ttclib.study.answers import Answer, Sides, ask_compare
from ttclib.study.larger import Larger, larger_side
from ttclib.study.opening import Notify, find_store
from ttclib.study.question import Question
from ttclib.study.study import Study, policies_with_samples
from ttclib.study.study import open as open_study

MOST_REFERENCES = 4  # level lines in a picture, of which each has its name


@dataclass(frozen=True)
class Side:
    """Where a side's samples come from and who scores them."""

    store: Path | str
    policy: str
    setting: Mapping[str, Any] | None = None  # None: the only one
    verifier: str = PRM


def open_larger(study: Study, store: str | None = None, policy: str | None = None) -> Larger:
    """A larger policy's one answer to hold a study against: its greedy one, where the store holds such.

    Parameters
    ----------
    study : Study
        Of the small policy.
    store : str, optional
        None: the same.
    policy : str, optional
        None: in the same store the next larger one, in another the smallest.

    Raises
    ------
    RequestError
        The store holds no larger policy.
    """
    path = find_store(store or study.store)
    names = policies_with_samples(path)
    if policy is None:
        sizes = {one.policy: one.n_parameters for one in contents(path)}
        own = sizes.get(study.policy)
        later = names if store is not None else names[names.index(study.policy) + 1 :]
        if store is None and own is not None:  # another of the same size is no larger one
            later = [name for name in later if (size := sizes.get(name)) is None or size > own]
        if not later:
            raise RequestError(
                f"'{path}' holds no policy larger than '{study.policy}': sample one with `ttc sample`, or name another "
                "store as other_store"
            )
        policy = later[0]
    return larger_side(str(path), policy, benchmark=study.pool.benchmark, allow_sampled=True)


def compare_sides(
    first: Study,
    second: Side,
    asked: Question,
    *,
    benchmark: str | None = None,
    notify: Notify = lambda text: None,
) -> Answer[Sides]:
    """A study against another side, strategy by strategy.

    Parameters
    ----------
    asked : Question
        Of both; its verifier is the first side's.
    """
    setting = second.setting or _same_setting(first, second, benchmark, notify)
    other = open_study(second.store, second.policy, benchmark=benchmark, setting=setting, notify=notify)
    theirs = asked.but(verifier=second.verifier)
    names = _names(first, other, asked, theirs)
    return ask_compare(first, other, names, asked, theirs)


def _same_setting(first: Study, second: Side, benchmark: str | None, notify: Notify) -> Setting | None:
    """The first side's setting, where the second was sampled under several of which it is one; None: not so."""
    path = find_store(second.store)
    found = matching_settings(path, second.policy, benchmark=benchmark, notify=notify)
    names = [one.name for one in found]
    own = first.pool.setting
    return own if len(names) > 1 and own.name in names else None


def other_side(
    first: Study,
    asked: Question,
    store: str | None = None,
    policy: str | None = None,
    setting: Mapping[str, Any] | None = None,
    verifier: str | None = None,
) -> tuple[Side, str]:
    """What the second side is where it is left out, so that the two differ; and what is to be said of that.

    Raises
    ------
    RequestError
        The store holds nothing that differs.
    """
    path = find_store(store or first.store)
    if policy is None:
        later = policies_with_samples(path)
        if store is not None and later:
            policy = later[0]
        else:
            place = later.index(first.policy) + 1
            larger = verifier is None and setting is None and place < len(later)
            policy = later[place] if larger else first.policy
    same = path.samefile(first.store) and policy == first.policy and setting is None
    if verifier is None:
        verifier = asked.verifier
        if same:
            verifier = LOGPROB if asked.verifier != LOGPROB else PRM
            if not (first.pool.has_scores(verifier) and first.pool.has_scores(asked.verifier)):
                raise RequestError(
                    f"'{path}' holds one policy and no two verifiers' scores, so no second side: name another store as "
                    "other_store, or score the samples with `ttc score`"
                )
            note = "Both sides would be the same, so the verifier is set against the policy's own log-probability."
            return Side(path, policy, setting, verifier), note
    return Side(path, policy, setting, verifier), ""


def references(study: Study, most: int = MOST_REFERENCES) -> dict[str, float]:
    """Accuracy of policies known to be larger when they answer once, by name, on the study's problems.

    Of many the smallest, the largest and some between. Policies of unknown size are none, as nobody knows whether they
    are larger.
    """
    sizes = {one.policy: one.n_parameters for one in contents(study.store) if one.n_samples or one.n_counted}
    own = sizes.get(study.policy)
    larger = sorted((size, name) for name, size in sizes.items() if size and own and size > own)
    found = {}
    for _, name in larger:
        try:
            other = greedy_pool(study.store, name, study.pool.benchmark)
        except RequestError:  # several settings, of which none answers greedily
            continue
        same = np.isin(other.problem_ids, study.pool.problem_ids) & (other.n_graded > 0)
        if same.any():
            ease = other.n_correct[same] / other.n_graded[same]
            found[f"{name}, one answer"] = float(ease.mean())
    kept = np.unique(np.linspace(0, max(0, len(found) - 1), most).round().astype(int))
    return {name: value for place, (name, value) in enumerate(found.items()) if place in kept}


def _names(first: Study, second: Study, ours: Question, theirs: Question) -> tuple[str, str]:
    """Names made of what differs."""
    sides = ((first, ours), (second, theirs))
    keys = differing_keys(study.pool.setting for study, _ in sides)
    parts = [
        (study.store.name, study.policy, study.pool.setting.label(keys), _verifier(study, asked))
        for study, asked in sides
    ]
    differs = [parts[0][place] != parts[1][place] for place in range(4)]
    if differs[1]:  # two policies: that each has scores and a setting of its own goes without saying
        differs[2], differs[3] = False, ours.verifier != theirs.verifier
    names = [" ".join(part for part, kept in zip(side, differs, strict=True) if kept) for side in parts]
    return names[0] or "first", names[1] or "second"


def _verifier(study: Study, asked: Question) -> str:
    return study.pool.verifier(asked.verifier).label if study.pool.has_scores(asked.verifier) else asked.verifier
