"""How hard a problem is for a policy: who says so, on which samples, into which bin, and at what price.

"Ease" is the number that difficulty is cut by: pass@1 (oracle), the verifier's mean score (predicted) or what pass@1
the question promises before any sample is drawn (question), higher is easier. Bin 1 is the easiest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.binning import TIES, bin_thresholds, difficulty_bins, difficulty_table, threshold_bins
from ttclib.analysis.ease import counts_bias, oracle_difficulty, telling_bias
from ttclib.analysis.predicting import READS
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes

SOURCES = ("oracle", "predicted", "question")
TOLD_ON = ("same", "halves", "other")
BIAS_ALLOWED = 0.005  # half a point: up to this, telling and scoring on the same samples does no harm


@dataclass(frozen=True)
class Bill:
    """How what tells a problem's difficulty is paid: samples, and passes over the prompt."""

    n_probes: float  # samples a problem, at least 0
    queries: float = 1.0  # queries of the same problem that share them, at least 1
    # they are among the samples of the final selection where the chosen strategy draws whole, independent samples: N
    # samples then cost max(N, n_probes). A tree search or a revision chain draws its own.
    reused: bool = False
    prompt_passes: float = 0.0  # times that the policy reads the prompt, without an answer, for its hidden state

    def __post_init__(self) -> None:
        if not self.n_probes >= 0:
            raise RequestError(f"{self.n_probes:g} difficulty samples: give at least 0")
        if not self.queries >= 1:
            raise RequestError(f"{self.queries:g} queries share the difficulty samples: give at least 1")

    def samples(self, drawn: ArrayLike) -> np.ndarray:
        """Samples to pay a query beyond those that a strategy draws whole anyway.

        Examples
        --------
        >>> Bill(32, queries=2, reused=True).samples([1, 16, 64]).tolist()
        [15.5, 8.0, 0.0]
        """
        own = np.asarray(drawn, dtype=float) if self.reused else np.zeros(np.shape(drawn))
        return np.maximum(0.0, self.n_probes - own) / self.queries


@dataclass(frozen=True)
class Difficulty:
    """The difficulty of problems as one thing: ease, bins, and all that must be said of them."""

    ease: np.ndarray  # float, shape (rows,); NaN: unknown
    bins: np.ndarray  # int, shape (rows,); 1 (easiest) … n_bins; 0: in no bin
    # {"oracle", "predicted", "question"}; ground truth, a verifier's mean score, or the question without a sample of it
    source: str = "oracle"
    # verifier, aggregation: who predicted it
    verifier: str | None = None
    aggregation: str | None = None
    predictor: str | None = None  # which reading of the question, one of `ttclib.analysis.predicting.PREDICTORS`
    cut: str = "quantiles"  # {"quantiles", "thresholds"}
    # {"split", "together"}; whether problems of equal ease may be parted, at random, to make bins of equal size
    ties: str = "split"
    # {"same", "halves", "other"}; whether it was told on the samples that are scored; on one half of them for the
    # other, both ways; or on samples of its own
    told_on: str = "same"
    # int, shape (rows,),; told on halves each problem has two rows; rows of one problem share a number
    clusters: np.ndarray | None = None
    n_probes: float = float("nan")  # samples a problem that told it, on average
    bill: Bill | None = None  # how they are paid; None: as they are, by one query
    # float, shape (1 + n_bins,),; how far pass@1 of a bin would come out too high (below 0: too low) were the samples
    # scored that told it; entry 0, over all problems, is 0
    bias: np.ndarray | None = None
    seed: int = 0  # of ties
    given_thresholds: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        one_of(self.source, SOURCES, "difficulty")
        one_of(self.ties, TIES, "way with ties")
        one_of(self.told_on, TOLD_ON, "samples that tell difficulty")
        for name, table in (("bins", self.bins), ("clusters", self.clusters)):
            if table is not None and table.shape != self.ease.shape:
                raise ValueError(f"{name} must be one a row, {self.ease.shape}, got shape {table.shape}")

    @property
    def n_bins(self) -> int:
        """Bins, empty ones before the last counted."""
        return int(self.bins.max(initial=0)) if self.given_thresholds is None else len(self.given_thresholds) + 1

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Ease that parts bin 1 from 2, 2 from 3, …: as given, or halfway between the nearest problems."""
        if self.given_thresholds is not None:
            return self.given_thresholds
        return bin_thresholds(self.ease, self.bins)

    @property
    def tied_shares(self) -> tuple[float | None, ...]:
        """For each threshold that is the ease of problems on both sides, the share of them on the easier side."""
        shares: list[float | None] = []
        for number, cut in enumerate(self.thresholds, start=1):
            at = (self.ease == cut) & (self.bins > 0)
            easier = int((at & (self.bins <= number)).sum())
            both = easier and easier < int(at.sum())
            shares.append(easier / int(at.sum()) if both and self.given_thresholds is None else None)
        return tuple(shares)

    @property
    def label(self) -> str:
        """Who says how hard a problem is, and on which samples."""
        if self.source == "question":
            reads = READS[self.predictor or self.source]
            return f"difficulty from the question ({reads}), as other problems teach it"
        by = "graded" if self.source == "oracle" else f"{self.verifier or 'the verifier'}'s mean score"
        if self.source == "predicted" and self.aggregation:
            by += f", {self.aggregation}"
        on = {
            "same": "the samples that are scored",
            "halves": "one half of the samples, scored on the other, both ways",
            "other": "samples that are not scored",
        }[self.told_on]
        return f"{self.source} difficulty ({by}), told on {on}"

    def of_rows(self, rows: ArrayLike) -> Difficulty:
        """The same on some of the rows, which keep their bins."""
        at = np.asarray(rows)
        cut = None if self.clusters is None else self.clusters[at]
        return replace(self, ease=self.ease[at], bins=self.bins[at], clusters=cut)

    @property
    def clusters_or_rows(self) -> np.ndarray:
        """The problem of each row, each row its own where there are no halves."""
        return np.arange(len(self.ease)) if self.clusters is None else self.clusters

    def table(self) -> pl.DataFrame:
        """What each bin holds (`difficulty_table`)."""
        return difficulty_table(self.ease, self.bins)


def tell_difficulty(
    values: ArrayLike,
    bins: int | Sequence[float] = 5,
    *,
    source: str = "oracle",
    correct: ArrayLike | None = None,
    verifier: str | None = None,
    aggregation: str | None = None,
    ties: str = "split",
    told_on: str = "same",
    bill: Bill | None = None,
    seed: int = 0,
) -> Difficulty:
    """Difficulty from grades or scores of samples.

    Parameters
    ----------
    values : array_like of float, shape (problems, samples)
        Grades for oracle difficulty, final scores for predicted; NaN: unknown or no sample.
    bins : int or sequence of float
        Number of quantile bins, or descending thresholds of ease.
    source, verifier, aggregation, ties, told_on, bill, seed
        As in `Difficulty`.
    correct : array_like of float, shape (problems, samples), optional
        Grades of the same samples, from which the bias of a predicted difficulty is computed.

    Raises
    ------
    RequestError
        No problem has a value, or as `difficulty_bins` and `threshold_bins` do.

    Examples
    --------
    >>> found = tell_difficulty([[1, 1], [0, 1], [0, 0]], 3)
    >>> found.bins.tolist(), found.thresholds, found.n_probes
    ([1, 2, 3], (0.75, 0.25), 2.0)
    """
    table = np.asarray(values)
    table = table if table.dtype.kind == "f" else table.astype(float)
    n_known = (~np.isnan(table)).sum(axis=1)
    if not n_known.any():
        what = "graded: grade" if source == "oracle" else "scored: score"
        raise RequestError(f"no sample is {what} the samples before difficulty is told")
    grades = table if source == "oracle" and correct is None else correct
    told = difficulty_of_ease(
        oracle_difficulty(table), bins, source=source, verifier=verifier, aggregation=aggregation, ties=ties,
        told_on=told_on, bill=bill, seed=seed, n_probes=float(n_known[n_known > 0].mean()),
    )  # fmt: skip
    bias = None if grades is None else telling_bias(table, np.asarray(grades), told.bins)
    return replace(told, bias=bias)


def difficulty_from_counts(
    n_samples: ArrayLike, n_correct: ArrayLike, bins: int | Sequence[float] = 5, *, seed: int = 0
) -> Difficulty:
    """Oracle difficulty where only the numbers of samples and of right ones are known.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    bins, seed
        As in `tell_difficulty`.
    """
    n, c = np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ease = np.where(n > 0, c / n, np.nan)
    told = difficulty_of_ease(ease, bins, seed=seed, n_probes=float(n[n > 0].mean()) if n.any() else 0.0)
    return replace(told, bias=counts_bias(n, c, told.bins))


def difficulty_of_ease(
    ease: ArrayLike, bins: int | Sequence[float] = 5, *, ties: str = "split", seed: int = 0, **facts: object
) -> Difficulty:
    """Difficulty of problems whose ease is known; `facts` are fields of `Difficulty`.

    Examples
    --------
    >>> difficulty_of_ease([0.9, 0.3, 0.05], (0.5, 0.1)).bins.tolist()
    [1, 2, 3]
    """
    values = np.asarray(ease, dtype=float)
    if isinstance(bins, int | np.integer):
        numbers = difficulty_bins(values, int(bins), ties=ties, seed=seed)
        return Difficulty(values, numbers, ties=ties, seed=seed, **facts)  # type: ignore[arg-type]
    numbers = threshold_bins(values, bins)
    cuts = tuple(float(cut) for cut in bins)
    return Difficulty(values, numbers, cut="thresholds", ties=ties, seed=seed, given_thresholds=cuts, **facts)  # type: ignore[arg-type]


def difficulty_of_questions(
    ease: ArrayLike, bins: int | Sequence[float] = 5, *, predictor: str, reads_hidden: bool, seed: int = 0
) -> Difficulty:
    """Difficulty from the question, with its own bill: nothing, one pass over the prompt, or one greedy answer.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        As `ttclib.analysis.predicting.predicted_ease` gives it.
    bins, seed
        As in `tell_difficulty`.
    reads_hidden : bool
        Whether it reads the policy's hidden state.
    """
    answers = 1.0 if predictor == "question:greedy" else 0.0
    bill = Bill(answers, prompt_passes=1.0 if reads_hidden else 0.0)
    return difficulty_of_ease(
        ease, bins, seed=seed, source="question", predictor=predictor, told_on="other", n_probes=answers, bill=bill
    )


def told_on_halves(first: Difficulty, second: Difficulty) -> Difficulty:
    """Two difficulties of the same problems, each told on one half of the samples, as one of twice the rows.

    The first rows are the problems as the first half tells them, to be scored on the second half; then the other way
    round. `scored_on_halves` stacks outcomes in that order. A problem keeps one weight and one fold.

    Raises
    ------
    ValueError
        They are not of the same problems, or not of one kind.
    """
    if len(first.ease) != len(second.ease) or (first.source, first.n_bins) != (second.source, second.n_bins):
        raise ValueError("halves must tell the same problems in one way, with as many bins")
    rows = np.arange(len(first.ease))
    own = first.clusters_or_rows
    bias = None if first.bias is None or second.bias is None else (first.bias + second.bias) / 2
    return replace(
        first,
        ease=np.concatenate([first.ease, second.ease]),
        bins=np.concatenate([first.bins, second.bins]),
        clusters=np.concatenate([own, own]) if len(rows) else np.zeros(0, dtype=int),
        told_on="halves",
        n_probes=(first.n_probes + second.n_probes) / 2,
        bias=bias,
    )


def scored_on_halves(told_by_first: Outcomes, told_by_second: Outcomes) -> Outcomes:
    """Outcomes in the order of `told_on_halves`.

    Parameters
    ----------
    told_by_first, told_by_second : Outcomes
        What the strategy comes to on the samples of the *other* half. A strategy with samples of its own is the same
        in both.

    Raises
    ------
    ValueError
        They differ in problems or budgets.
    """
    one, other = told_by_first, told_by_second
    if one.problem_ids != other.problem_ids or one.budgets != other.budgets:
        raise ValueError(f"halves of '{one.variant}' differ in problems or budgets")

    def both(name: str) -> np.ndarray | None:
        tables = (getattr(one, name), getattr(other, name))
        return None if tables[0] is None or tables[1] is None else np.concatenate(tables)

    accuracy = both("accuracy")
    assert accuracy is not None
    return replace(
        one,
        problem_ids=one.problem_ids + other.problem_ids,
        accuracy=accuracy,
        costs={name: np.concatenate([one.costs[name], other.costs[name]]) for name in one.costs if name in other.costs},
        mc_error=both("mc_error"),
        ungraded=both("ungraded"),
    )


def needs_other_samples(difficulty: Difficulty) -> bool:
    """Whether telling and scoring on the same samples would bias a bin by more than half a point.

    Examples
    --------
    >>> few = difficulty_from_counts([16] * 100, np.random.default_rng(0).binomial(16, 0.5, 100))
    >>> needs_other_samples(few), bool(few.bias[1] > 0.15)
    (True, True)
    """
    bias = difficulty.bias
    return difficulty.told_on == "same" and bias is not None and bool((np.abs(bias) > BIAS_ALLOWED).any())
