"""Checkpoints of a family: train longer or sample more, and each predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from ttclib.analysis.held_out import KS, predict_held_out
from ttclib.analysis.training import QUERIES, TARGETS, Training, train_or_sample
from ttclib.errors import RequestError
from ttclib.store.counts import PolicyCounts, load_counts
from ttclib.study import family_findings
from ttclib.study.answers import Answer
from ttclib.study.captions import samples_line
from ttclib.study.compared import enough_problems
from ttclib.study.opening import Notify, find_store

ANSWER_TOKENS = 150.0  # of a sample, where nobody says how long it is


@dataclass(frozen=True)
class Checkpoints:
    """Checkpoints on the problems that all of them were asked.

    Attributes
    ----------
    counts : PolicyCounts
        Of those with known parameters and training tokens, ordered by both.
    caption, notes : tuple of str
        Among the notes which were left out.
    """

    counts: PolicyCounts
    caption: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def facts(self) -> tuple[list[str], list[int], list[int], np.ndarray, np.ndarray]:
        """Names, parameters, training tokens and counts, as the analysis takes them."""
        models = self.counts.models
        return (
            [one.model for one in models],
            [one.n_parameters or 0 for one in models],
            [one.training_tokens or 0 for one in models],
            self.counts.n,
            self.counts.c,
        )


def open_checkpoints(
    store: str | Path, *, benchmark: str | None = None, notify: Notify = lambda text: None
) -> Checkpoints:
    """The policies of a store as checkpoints, on the problems that they share.

    Those that were asked fewer than half of the problems, or 50, are left out and said, as in every comparison.

    Parameters
    ----------
    store : str or pathlib.Path
    benchmark : str, optional
        Needed where the store holds several.
    notify : callable

    Raises
    ------
    RequestError
        Fewer than two such checkpoints, or no two problems that they share.
    """
    path = find_store(store)
    found = load_counts(path, benchmark, notify=notify)
    asked = (found.n > 0).sum(axis=1)
    needed = enough_problems(len(found.problem_ids))
    known = [bool(one.n_parameters and one.training_tokens) for one in found.models]
    notes = []
    if unknown := [one.model for one, there in zip(found.models, known, strict=True) if not there]:
        notes.append(f"left out: {_names(unknown)} (parameters or training tokens are not known: `ttc models`)")
    few = [at for at, there in enumerate(known) if there and asked[at] < needed]
    if few:
        notes.append(f"left out: {_names([found.models[at].model for at in few])} (fewer than {needed} problems)")
    kept = [at for at, there in enumerate(known) if there and at not in few]
    if len(kept) < 2:
        raise RequestError(
            f"'{store}' holds {'one' if kept else 'no'} policy of known parameters and training tokens with enough "
            "problems, and two are needed: state them with `ttc models STORE --set POLICY n_parameters=… "
            "training_tokens=…`"
        )
    kept.sort(key=lambda at: (found.models[at].n_parameters or 0, found.models[at].training_tokens or 0))
    shared = np.flatnonzero((found.n[kept] > 0).all(axis=0))
    if len(shared) < 2:
        held = "one problem" if len(shared) else "no problem"
        raise RequestError(f"the checkpoints in '{store}' share {held}: sample them on the same ones")
    rows = np.ix_(np.array(kept), shared)
    counts = replace(
        found,
        models=tuple(found.models[at] for at in kept),
        problem_ids=tuple(found.problem_ids[at] for at in shared),
        n=found.n[rows],
        c=found.c[rows],
    )
    of = f" · {counts.benchmark}" if counts.benchmark else ""
    each = samples_line(counts.n.ravel())
    line = f"{path.name}{of} · {len(kept)} checkpoints on {len(shared)} shared problems × {each}"
    return Checkpoints(counts, (line,), tuple(notes))


def ask_training(
    checkpoints: Checkpoints,
    target: float = 0.5,
    *,
    answer_tokens: float = ANSWER_TOKENS,
    targets: Sequence[float] = TARGETS,
    also: Sequence[float] = (),
    n_resamples: int = 400,
    seed: int = 0,
) -> Answer[Training]:
    """Which checkpoint covers a share of the problems at the least cost (`ttclib.analysis.training.train_or_sample`).

    Parameters
    ----------
    checkpoints : Checkpoints
    target : float
        That the findings are about; it joins `targets`.
    answer_tokens, targets, n_resamples, seed
        As in `train_or_sample`.
    also : sequence of float
        Numbers of queries, beside those that are always asked.
    """
    result = train_or_sample(
        *checkpoints.facts,
        answer_tokens=answer_tokens,
        targets=sorted({*targets, target}),
        queries=sorted({*QUERIES, *also}),
        n_resamples=n_resamples,
        seed=seed,
    )
    caption = (
        *checkpoints.caption,
        f"a query: its share of 6·N·D FLOPs of training, and 2·N·{answer_tokens:g} a sample; a perfect verifier picks",
    )
    return Answer(result, family_findings.of_training(result, target), caption, checkpoints.notes)


def ask_held_out(checkpoints: Checkpoints, ks: Sequence[int] = KS) -> Answer[pl.DataFrame]:
    """Each checkpoint's pass@k as the others predict it (`ttclib.analysis.held_out.predict_held_out`)."""
    frame = predict_held_out(*checkpoints.facts, ks)
    told, asked = frame["policy"].n_unique(), len(checkpoints.counts.models)
    few = asked - told
    left = "one checkpoint that solves" if few == 1 else f"{few} checkpoints that solve"
    notes = (f"left out: {left} too few problems to be fitted",) if few else ()
    return Answer(frame, family_findings.of_held_out(frame), checkpoints.caption, notes)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"
