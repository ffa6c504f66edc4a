"""A predictor of difficulty as data: what a plan carries to tell new questions apart before any sample is drawn.

The ridge regression of `ttclib.analysis.predicting` is, all scaling done, one weight a column. So it is kept: names of
columns, hashes of n-grams and numbers, which no reader has to run as code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ttclib.analysis.predicting import (
    LENGTHS,
    PREDICTORS,
    Column,
    enough_taught,
    features_of,
    hashed_ngrams,
    learners,
    leaves,
    read_columns,
    refuse_missing,
)
from ttclib.errors import RequestError
from ttclib.samples import Questions

_READS = ("number", "lacking", "is", "logprob", *LENGTHS)


@dataclass(frozen=True)
class Predictor:
    """pass@1 of a question: an intercept and a weighted sum of what is read of it, cut to [0, 1].

    Attributes
    ----------
    name : str
        One of `ttclib.analysis.predicting.PREDICTORS`.
    intercept : float
    columns : tuple of (Column, float)
        Numbers with their weights.
    ngrams : tuple of (int, float)
        Hashes of n-grams with their weights.
    hidden : tuple of float
        Weights of the hidden state; empty: it is not read.
    n_taught : int
        Problems that it was taught by.
    """

    name: str
    intercept: float
    columns: tuple[tuple[Column, float], ...] = ()
    ngrams: tuple[tuple[int, float], ...] = ()
    hidden: tuple[float, ...] = ()
    n_taught: int = 0

    @property
    def wants(self) -> str | None:
        """What the policy must be asked for first, ``hidden`` or ``greedy``; None: the question says it all."""
        if self.hidden:
            return "hidden"
        return "greedy" if any(one.reads == "logprob" for one, _ in self.columns) else None

    def ease(self, questions: Questions) -> np.ndarray:
        """pass@1 that each question promises, shape (problems,), in [0, 1].

        Raises
        ------
        RequestError
            Metadata, a hidden state or a greedy answer that it reads is missing, or is of another model's width.
        """
        n = len(questions.problem_ids)
        total = np.full(n, self.intercept)
        if self.wants == "hidden":
            refuse_missing(
                ~np.isnan(questions.hidden).any(axis=1) if questions.hidden.size else None, questions, "hidden"
            )
            if questions.hidden.shape[1] != len(self.hidden):
                raise RequestError(
                    f"{self.name} difficulty: hidden states of width {questions.hidden.shape[1]}, the plan's predictor "
                    f"reads {len(self.hidden)}: it was taught by another model"
                )
            total += np.asarray(questions.hidden, dtype=float) @ np.array(self.hidden)
        if self.wants == "greedy":
            refuse_missing(~np.isnan(questions.greedy_logprob), questions, "greedy")
        self._refuse_lacking(questions)
        if self.columns:
            table = read_columns([one for one, _ in self.columns], questions)
            total += table @ np.array([weight for _, weight in self.columns])
        if self.ngrams and n:
            places, weights = (np.array(part) for part in zip(*self.ngrams, strict=True))
            total += hashed_ngrams([text or "" for text in questions.prompts])[:, places.astype(int)] @ weights
        return np.clip(total, 0.0, 1.0)

    def _refuse_lacking(self, questions: Questions) -> None:
        """Refuse metadata that lacks what all problems had that taught it."""
        read = [one for one, _ in self.columns]
        allowed = {one.key for one in read if one.reads == "lacking" or (one.reads == "is" and one.value == "None")}
        keys = dict.fromkeys(one.key for one in read if one.reads in ("number", "is") and one.key not in allowed)
        stated = [{key for key, _ in leaves(one)} for one in questions.metadata]
        for key in keys:
            missing = [name for name, own in zip(questions.problem_ids, stated, strict=True) if key not in own]
            if missing:
                raise RequestError(
                    f"{self.name} difficulty: {len(missing)} of {len(stated)} questions lack '{key}', which the plan's "
                    f"predictor reads, '{missing[0]}' first: state it, or export a plan by question:text or predicted"
                )

    def to_data(self) -> dict[str, Any]:
        """As plain values; `from_data` reads them back."""
        return {
            "name": self.name,
            "intercept": self.intercept,
            "columns": [[*one, weight] for one, weight in self.columns],
            "ngrams": [list(one) for one in self.ngrams],
            "hidden": list(self.hidden),
            "n_taught": self.n_taught,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Predictor:
        """From plain values.

        Raises
        ------
        RequestError
            They are no predictor's, or ask for what this version does not know.
        """
        try:
            found = cls(
                name=data["name"],
                intercept=float(data["intercept"]),
                columns=tuple((Column(*_column(*one[:3])), float(one[3])) for one in data["columns"]),
                ngrams=tuple((int(place), float(weight)) for place, weight in data["ngrams"]),
                hidden=tuple(map(float, data["hidden"])),
                n_taught=int(data["n_taught"]),
            )
            numbers = [found.intercept, *found.hidden, *(w for _, w in found.columns), *(w for _, w in found.ngrams)]
            if found.name not in PREDICTORS or not all(map(math.isfinite, numbers)):
                raise ValueError(found.name)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise RequestError(f"the plan's predictor cannot be read ({error!r}): export the plan again") from error
        return found


def _column(reads: str, key: str, value: float | str) -> tuple[str, str, float | str]:
    if reads not in _READS:
        raise ValueError(f"column {reads}")
    return reads, key, value


def teach(questions: Questions, ease: ArrayLike, name: str) -> Predictor:
    """A predictor taught by all problems of known pass@1, for others.

    Parameters
    ----------
    questions : Questions
    ease : array_like of float, shape (problems,)
        pass@1; NaN: not known, such a problem teaches nothing.
    name : str
        One of `ttclib.analysis.predicting.PREDICTORS`.

    Raises
    ------
    RequestError
        As `ttclib.analysis.predicting.features_of` and `predicted_ease` do.
    """
    features, known = features_of(questions, name), np.asarray(ease, dtype=float)
    taught = enough_taught(features, known)
    fitted = learners()(features).fit(features.table[taught], known[taught])
    intercept, weights = as_weights(fitted, features.blocks)
    columns: Sequence[Column] = features.columns
    return Predictor(
        name=name,
        intercept=intercept,
        columns=tuple(zip(columns, weights.get("numbers", np.zeros(0)).tolist(), strict=True)),
        ngrams=tuple(zip(features.hashed.tolist(), weights.get("ngrams", np.zeros(0)).tolist(), strict=True)),
        hidden=tuple(weights.get("hidden", np.zeros(0)).tolist()),
        n_taught=int(taught.sum()),
    )


def as_weights(fitted: Any, blocks: Mapping[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Intercept and weights by block of a fitted pipeline, its scaling folded in."""
    scaling, ridge = fitted[0], fitted[-1]
    intercept, begin, weights = float(ridge.intercept_), 0, {}
    for name, scaler, _ in scaling.transformers_:
        if name not in blocks:
            continue  # what the transformer keeps for columns that nobody named
        width = blocks[name].shape[1]
        own = np.array(ridge.coef_[begin : begin + width], dtype=float)
        if name == "hidden":
            scaler, own = scaler[0], own / math.sqrt(width)
        own = own if scaler.scale_ is None else own / scaler.scale_
        intercept -= float(own @ scaler.mean_)
        weights[name], begin = own, begin + width
    return intercept, weights
