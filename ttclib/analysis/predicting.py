"""Difficulty from the question alone: a ridge regression on what is known before any sample is drawn.

It is trained on the pass@1 of other problems; no problem's own samples tell its difficulty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, needing, one_of
from ttclib.samples import Questions

QUESTION = "question"
KINDS = ("metadata", "text", "hidden", "greedy")
PREDICTORS = (QUESTION, *(f"{QUESTION}:{kind}" for kind in KINDS))
READS = {
    QUESTION: "text, metadata and, where it is held, the policy's hidden state",
    "question:metadata": "metadata",
    "question:text": "text and metadata",
    "question:hidden": "the policy's hidden state at the end of the prompt",
    "question:greedy": "the mean log-probability of one greedy answer",
}
FEWEST = 40  # problems with a pass@1 that a predictor is trained on
FOLDS, REPEATS = 10, 3
_ALPHAS = np.logspace(-3, 5, 17)
_N_GRAMS, _HASHED = (1, 4), 1 << 12
_MOST_NAMES = 5  # problems a value of metadata must stand for, on average, to be more than a name


class Column(NamedTuple):
    """One number that is read of a question.

    Attributes
    ----------
    reads : str
        ``number``, ``lacking`` or ``is`` of a key of the metadata, a length of the text (`LENGTHS`), or ``logprob``.
    key : str
    value : float or str
        What stands for a number that is lacking; the word that is asked for.
    """

    reads: str
    key: str = ""
    value: float | str = 0.0


@dataclass(frozen=True)
class Features:
    """What a predictor reads of each problem.

    Attributes
    ----------
    blocks : mapping of str to float array, shape (problems, columns)
        ``numbers`` (brought to one scale), ``ngrams`` (centred) and ``hidden`` (together as wide as one number).
    groups : int array, shape (problems,)
        Problems that are asked in the same words share a number, and a fold.
    columns : tuple of Column
        What stands in ``numbers``.
    hashed : int array
        The hashes whose n-grams stand in ``ngrams``.
    """

    blocks: Mapping[str, np.ndarray]
    groups: np.ndarray
    columns: tuple[Column, ...] = ()
    hashed: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    @property
    def table(self) -> np.ndarray:
        """All columns, shape (problems, columns)."""
        return np.hstack(list(self.blocks.values()))

    def tell_within(self, levels: np.ndarray) -> bool:
        """Whether two problems of one level ever differ in what is read."""
        table = self.table
        return any((table[levels == level] != table[levels == level][:1]).any() for level in np.unique(levels))


def features_of(questions: Questions, predictor: str) -> Features:
    """What a predictor reads.

    Parameters
    ----------
    questions : Questions
    predictor : str
        One of `PREDICTORS`. ``question`` reads the text, the metadata and, where all problems have one, the hidden
        state.

    Raises
    ------
    RequestError
        It is not known of all problems, or of none; the line says of how many.
    """
    kind = one_of(predictor, PREDICTORS, "difficulty from the question").partition(":")[2]
    texts = [text or "" for text in questions.prompts]
    _, groups = np.unique([text or f"\0{row}" for row, text in enumerate(texts)], return_inverse=True)
    blocks: dict[str, np.ndarray] = {}
    columns: tuple[Column, ...] = ()
    hashed = np.zeros(0, dtype=int)
    if kind in ("", "text", "metadata"):
        columns = metadata_columns(questions.metadata)
        if kind != "metadata" and any(texts):
            ngrams = hashed_ngrams(texts)
            hashed = np.flatnonzero((ngrams != ngrams[:1]).any(axis=0))  # the others tell nothing
            blocks |= {"ngrams": ngrams[:, hashed]} if len(hashed) else {}
            columns += tuple(Column(name) for name in LENGTHS)
        if columns:
            blocks["numbers"] = read_columns(columns, questions)
    if kind == "hidden":
        refuse_missing(~np.isnan(questions.hidden).any(axis=1) if questions.hidden.size else None, questions, "hidden")
    if kind == "hidden" or (not kind and questions.hidden.size and not np.isnan(questions.hidden).any()):
        blocks["hidden"] = np.asarray(questions.hidden, dtype=float)
    if kind == "greedy":
        known = ~np.isnan(questions.greedy_logprob)
        refuse_missing(known if known.any() else None, questions, "greedy")
        columns = (Column("logprob"),)
        blocks["numbers"] = read_columns(columns, questions)
    if not blocks:
        what = "no metadata that tells two apart" if kind == "metadata" else "neither text nor metadata"
        raise RequestError(f"{predictor} difficulty: the store holds {what} of these problems: import them with it")
    return Features(blocks, groups, columns, hashed)


def refuse_missing(known: np.ndarray | None, questions: Questions, feature: str) -> None:
    """Refuse questions of which a feature is not known; `known` says of which it is, None: of none."""
    what = {"hidden": "hidden state", "greedy": "greedy answer's log-probability"}[feature]
    remedy = f"`ttc features CONFIG --feature {feature}` takes them"
    n = len(questions.problem_ids)
    if known is None:
        raise RequestError(f"question:{feature} difficulty: the store holds no {what} of any problem: {remedy}")
    if not known.all():
        first = questions.problem_ids[int(np.flatnonzero(~known)[0])]
        raise RequestError(
            f"question:{feature} difficulty: the {what} of {int((~known).sum())} of {n} problems is missing, of "
            f"'{first}' first: {remedy}"
        )


def predicted_ease(features: Features, ease: ArrayLike, *, seed: int = 0) -> np.ndarray:
    """pass@1 of each problem as the others teach it: ridge regression, out of fold.

    Ten folds, dealt three times and averaged; the ridge is chosen inside each.

    Parameters
    ----------
    features : Features
    ease : array_like of float, shape (problems,)
        pass@1; NaN: not known, such a problem is predicted and teaches nothing.
    seed : int
        Of the folds.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        In [0, 1].

    Raises
    ------
    RequestError
        Fewer than `FEWEST` problems have a pass@1, or all the same question; scikit-learn is not installed.

    References
    ----------
    Damani et al. 2024, arXiv:2410.04707, for probes of difficulty on hidden states.
    """
    known = np.asarray(ease, dtype=float)
    taught = enough_taught(features, known)
    learn = learners()
    table, total = features.table, np.full(len(known), REPEATS * known[taught].mean())
    for repeat in range(REPEATS):
        fold = _folds(features.groups, taught, np.random.default_rng([seed, repeat]))
        for number in range(FOLDS):
            out = fold == number
            inside = taught & ~out
            # From the mean of all: that of a fold's others is lower where its own is higher, and would rank problems.
            total[out] += learn(features).fit(table[inside], known[inside]).predict(table[out]) - known[inside].mean()
    return np.clip(total / REPEATS, 0.0, 1.0)


def enough_taught(features: Features, ease: np.ndarray) -> np.ndarray:
    """The problems that teach, bool array of shape (problems,).

    Raises
    ------
    RequestError
        They are too few, or too often the same question.
    """
    taught = ~np.isnan(ease)
    if taught.sum() < FEWEST:
        raise RequestError(
            f"difficulty from the question: {int(taught.sum())} problems have a pass@1, a predictor wants {FEWEST}: "
            "sample and grade more"
        )
    n_groups = len(np.unique(features.groups[taught]))
    if n_groups < FOLDS:
        raise RequestError(
            f"difficulty from the question: {n_groups} different questions, a predictor wants {FOLDS} to leave some out"
        )
    return taught


def _folds(groups: np.ndarray, taught: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each problem: questions that teach are dealt evenly, equal ones together."""
    numbers = np.unique(groups)
    teach = np.isin(numbers, groups[taught])
    order = np.concatenate([rng.permutation(np.flatnonzero(teach)), np.flatnonzero(~teach)])
    fold = np.empty(len(numbers), dtype=int)
    fold[order] = np.arange(len(numbers)) % FOLDS
    return fold[np.searchsorted(numbers, groups)]


def learners() -> Any:
    """Makes the regression, each block on its own scale."""
    with needing("difficulty from the question", "difficulty"):
        from sklearn.compose import ColumnTransformer
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler

    def learn(features: Features) -> Any:
        steps, begin = [], 0
        for name, block in features.blocks.items():
            columns = slice(begin, begin := begin + block.shape[1])
            scaled: Any = StandardScaler(with_std=name != "ngrams")
            if name == "hidden":
                scaled = make_pipeline(scaled, FunctionTransformer(_as_one, kw_args={"width": block.shape[1]}))
            steps.append((name, scaled, columns))
        return make_pipeline(ColumnTransformer(steps), RidgeCV(_ALPHAS))

    return learn


def _as_one(table: np.ndarray, width: int) -> np.ndarray:
    return table / math.sqrt(width)


def hashed_ngrams(texts: list[str]) -> np.ndarray:
    """Character n-grams within words, hashed, each text of length 1, shape (problems, hashes)."""
    with needing("difficulty from the question", "difficulty"):
        from sklearn.feature_extraction.text import HashingVectorizer
    made = HashingVectorizer(analyzer="char_wb", ngram_range=_N_GRAMS, n_features=_HASHED, alternate_sign=False)
    return np.asarray(made.transform(texts).toarray())


LENGTHS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda text: len(text.split()),
    "digits": lambda text: sum(mark.isdigit() for mark in text),
    "signs": lambda text: sum(not mark.isalnum() and not mark.isspace() for mark in text),
}


def read_columns(columns: Sequence[Column], questions: Questions) -> np.ndarray:
    """Numbers of questions, shape (problems, columns)."""
    flat = [dict(leaves(one)) for one in questions.metadata]
    table = np.zeros((len(flat), len(columns)))
    for place, one in enumerate(columns):
        if one.reads == "logprob":
            table[:, place] = questions.greedy_logprob
        elif one.reads in LENGTHS:
            table[:, place] = [LENGTHS[one.reads](text or "") for text in questions.prompts]
        elif one.reads == "is":
            table[:, place] = [str(row.get(one.key)) == one.value for row in flat]
        else:
            found = _numbers([row.get(one.key) for row in flat])
            lacking = np.isnan(found)
            table[:, place] = lacking if one.reads == "lacking" else np.where(lacking, one.value, found)
    return table


def metadata_columns(metadata: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """What metadata is read as: numbers as they are, words as one column a value; constants and names are left out.

    A number that some problems lack is its mean there, and says so in a column more.

    Examples
    --------
    >>> metadata_columns([{"level": 1, "subject": "a"}, {"level": 3, "subject": "a"}])
    (Column(reads='number', key='level', value=2.0),)
    """
    flat = [dict(leaves(one)) for one in metadata]
    columns: list[Column] = []
    for key in dict.fromkeys(key for one in flat for key in one):
        values = [one.get(key) for one in flat]
        if all(value is None or isinstance(value, (bool, int, float)) for value in values):
            found = _numbers(values)
            if not np.isnan(found).all():
                columns += [Column("number", key, float(np.nanmean(found))), Column("lacking", key)]
        else:
            names = [str(value) for value in values]
            distinct = sorted(set(names))
            if len(distinct) * _MOST_NAMES <= len(names):
                columns += [Column("is", key, one) for one in distinct]
    unknown = np.full(len(flat), np.nan)
    table = read_columns(columns, Questions([], [None] * len(flat), list(metadata), unknown[:, None], unknown))
    varied = (table != table[:1]).any(axis=0)
    return tuple(one for one, differs in zip(columns, varied, strict=True) if differs)


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """Values as numbers; NaN: there is none, or none that is finite."""
    found = np.array([float(one) if isinstance(one, (bool, int, float)) else np.nan for one in values])
    return np.where(np.isfinite(found), found, np.nan)


def levels_of(metadata: list[Mapping[str, Any]], ease: np.ndarray) -> tuple[str, np.ndarray] | None:
    """The level that the benchmark states: of metadata with few values the one that tells pass@1 best.

    Returns
    -------
    (str, int array, shape (problems,)) or None
        Its name and each problem's value as a number from 0; None: no metadata has 2 values to a fifth as many as
        there are problems.
    """
    flat = [dict(leaves(one)) for one in metadata]
    known = ~np.isnan(ease)
    best: tuple[float, str, np.ndarray] | None = None
    for key in dict.fromkeys(key for one in flat for key in one):
        _, levels = np.unique([str(one.get(key)) for one in flat], return_inverse=True)
        n_levels = int(levels.max()) + 1
        if not 2 <= n_levels <= len(flat) / _MOST_NAMES or not known.any():
            continue
        count = np.bincount(levels[known], minlength=n_levels)
        mean = np.bincount(levels[known], ease[known], minlength=n_levels) / np.maximum(count, 1)
        told = float((count * (mean - ease[known].mean()) ** 2).sum())
        if best is None or told > best[0]:
            best = (told, key, levels)
    return None if best is None else best[1:]


def leaves(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Values of metadata by their keys, those inside others by dotted keys."""
    for key, one in value.items():
        if isinstance(one, Mapping):
            yield from leaves(one, f"{before}{key}.")
        elif isinstance(one, (str, bool, int, float)):
            yield f"{before}{key}", one
