"""How hard a problem is for a policy: who says so, on which samples, into which bin, and at what price.

"Ease" is the number that difficulty is cut by: pass@1 (oracle) or the verifier's mean score
(predicted), higher is easier. Bin 1 is the easiest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes

SOURCES = ("oracle", "predicted")
TIES = ("split", "together")
TOLD_ON = ("same", "halves", "other")
ABSOLUTE_THRESHOLDS = (0.5, 0.1)  # easy 50-100 %, medium 10-50 %, hard 0-10 %: Liu et al., arXiv:2502.06703
BIAS_ALLOWED = 0.005  # half a point: up to this, telling and scoring on the same samples does no harm


@dataclass(frozen=True)
class Bill:
    """How the samples that tell a problem's difficulty are paid.

    Attributes
    ----------
    n_probes : float
        Samples a problem, at least 0.
    queries : float
        Queries of the same problem that share them, at least 1.
    reused : bool
        They are among the samples of the final selection where the chosen strategy draws whole,
        independent samples: N samples then cost max(N, n_probes). A tree search or a revision chain draws its own.
    """

    n_probes: float
    queries: float = 1.0
    reused: bool = False

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
    """The difficulty of problems as one thing: ease, bins, and all that must be said of them.

    Attributes
    ----------
    ease : float array, shape (rows,)
        NaN: unknown.
    bins : int array, shape (rows,)
        1 (easiest) … n_bins; 0: in no bin.
    source : {"oracle", "predicted"}
        Ground truth, or a verifier's mean score.
    verifier, aggregation : str or None
        Who predicted it.
    cut : {"quantiles", "thresholds"}
    ties : {"split", "together"}
        Whether problems of equal ease may be parted, at random, to make bins of equal size.
    told_on : {"same", "halves", "other"}
        Whether it was told on the samples that are scored; on one half of them for the other, both ways; or on
        samples of its own.
    clusters : int array, shape (rows,), or None
        Told on halves each problem has two rows; rows of one problem share a number.
    n_probes : float
        Samples a problem that told it, on average.
    bill : Bill or None
        How they are paid; None: as they are, by one query.
    bias : float array, shape (1 + n_bins,), or None
        How far pass@1 of a bin would come out too high (below 0: too low) were the samples scored that told it;
        entry 0, over all problems, is 0.
    seed : int
        Of ties.
    """

    ease: np.ndarray
    bins: np.ndarray
    source: str = "oracle"
    verifier: str | None = None
    aggregation: str | None = None
    cut: str = "quantiles"
    ties: str = "split"
    told_on: str = "same"
    clusters: np.ndarray | None = None
    n_probes: float = float("nan")
    bill: Bill | None = None
    bias: np.ndarray | None = None
    seed: int = 0
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
        by = "ground truth" if self.source == "oracle" else f"{self.verifier or 'the verifier'}'s mean score"
        if self.source == "predicted" and self.aggregation:
            by += f" ({self.aggregation})"
        on = {
            "same": "the samples that are scored",
            "halves": "one half of the samples, scored on the other, both ways",
            "other": "samples that are not scored",
        }[self.told_on]
        return f"{self.source} difficulty by {by}, told on {on}"

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
    table = np.asarray(values, dtype=float)
    n_known = (~np.isnan(table)).sum(axis=1)
    if not n_known.any():
        what = "graded: grade" if source == "oracle" else "scored: score"
        raise RequestError(f"no sample is {what} the samples before difficulty is told")
    grades = table if source == "oracle" and correct is None else correct
    told = difficulty_of_ease(
        oracle_difficulty(table), bins, source=source, verifier=verifier, aggregation=aggregation, ties=ties,
        told_on=told_on, bill=bill, seed=seed, n_probes=float(n_known[n_known > 0].mean()),
    )  # fmt: skip
    bias = None if grades is None else telling_bias(table, np.asarray(grades, dtype=float), told.bins)
    return replace(told, bias=bias)


def difficulty_from_counts(
    n_samples: ArrayLike, n_correct: ArrayLike, bins: int | Sequence[float] = 5, *, seed: int = 0, ties: str = "split"
) -> Difficulty:
    """Oracle difficulty where only the numbers of samples and of right ones are known.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    bins, seed, ties
        As in `tell_difficulty`.
    """
    n, c = np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ease = np.where(n > 0, c / n, np.nan)
    told = difficulty_of_ease(ease, bins, seed=seed, ties=ties, n_probes=float(n[n > 0].mean()) if n.any() else 0.0)
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


def oracle_difficulty(correct: ArrayLike) -> np.ndarray:
    """pass@1 of each problem, from ground truth.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0, NaN: not graded.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        In [0, 1], higher is easier; NaN: no graded sample.
    """
    table = np.asarray(correct, dtype=float)
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)


def predicted_difficulty(final_scores: ArrayLike) -> np.ndarray:
    """Mean final score of each problem: difficulty without ground truth.

    Parameters
    ----------
    final_scores : array_like of float, shape (problems, samples)
        Aggregated step scores; NaN: not scored.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        Higher is easier; NaN: no scored sample.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 3.2.
    """
    return oracle_difficulty(final_scores)


def difficulty_bins(ease: ArrayLike, n_bins: int = 5, *, ties: str = "split", seed: int = 0) -> np.ndarray:
    """Quantile bins of about equal size, 1 the easiest.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        pass@1 or mean score.
    n_bins : int
        At least 1.
    ties : {"split", "together"}
        ``split``: problems of equal ease stand in random order, so bins differ by one in size at most. ``together``:
        they share the bin of the middle of their ranks; a bin may then be large or missing, and bins are numbered
        without gaps. Never does the order of the problems decide.
    seed : int
        Of the random order.

    Returns
    -------
    numpy.ndarray of int, shape (problems,)
        1 … n_bins; 0: `ease` is NaN, the problem is in no bin.

    Examples
    --------
    >>> difficulty_bins([0.9, 0.1, 0.5, float("nan")], 3).tolist()
    [1, 3, 2, 0]
    >>> difficulty_bins([1.0, 1.0, 1.0, 0.5, 0.0, 0.0], 3, ties="together").tolist()
    [1, 1, 1, 2, 3, 3]
    """
    one_of(ties, TIES, "way with ties")
    values = np.asarray(ease, dtype=float)
    if n_bins < 1:
        raise RequestError(f"{n_bins} difficulty bins: give at least 1")
    known = np.flatnonzero(~np.isnan(values))
    bins = np.zeros(len(values), dtype=int)
    if not len(known):
        return bins
    if ties == "split":
        keys = np.random.default_rng(seed).random(len(values))[known]
        ranked = known[np.lexsort((keys, -values[known]))]
        bins[ranked] = 1 + np.arange(len(ranked)) * n_bins // len(ranked)
        return bins
    _, number, size = np.unique(-values[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - size / 2
    of_value = np.minimum((middle * n_bins / len(known)).astype(int), n_bins - 1)
    bins[known] = 1 + np.unique(of_value, return_inverse=True)[1][number.ravel()]
    return bins


def threshold_bins(ease: ArrayLike, thresholds: Sequence[float] = ABSOLUTE_THRESHOLDS) -> np.ndarray:
    """Bins by absolute thresholds, 1 the easiest; a value on a threshold belongs to the easier bin.

    Parameters
    ----------
    ease : array_like of float, any shape
    thresholds : sequence of float
        Descending. By default easy 50–100 %, medium 10–50 %, hard 0–10 % pass@1.

    Returns
    -------
    numpy.ndarray of int, the shape of `ease`
        1 … len(thresholds) + 1; 0: `ease` is NaN.

    Raises
    ------
    RequestError
        Thresholds do not descend.

    References
    ----------
    Liu et al. 2025, arXiv:2502.06703, for the default.

    Examples
    --------
    >>> threshold_bins([1.0, 0.5, 0.3, 0.1, 0.02]).tolist()
    [1, 1, 2, 2, 3]
    """
    cuts = np.asarray(thresholds, dtype=float)
    if np.any(np.diff(cuts) > 0) or np.isnan(cuts).any():
        raise RequestError(f"thresholds {list(thresholds)}: give them from the easiest down, such as 0.5,0.1")
    values = np.asarray(ease, dtype=float)
    bins = 1 + (values[..., None] < cuts).sum(axis=-1)
    return np.where(np.isnan(values), 0, bins)


def bin_thresholds(ease: ArrayLike, bins: ArrayLike) -> tuple[float, ...]:
    """The ease that parts each bin from the next, halfway between their nearest problems.

    Where problems tie across the edge the threshold is that value (see `Difficulty.tied_shares`).

    Examples
    --------
    >>> bin_thresholds([0.9, 0.1, 0.5], [1, 3, 2])
    (0.7, 0.3)
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins)
    cuts = []
    for number in range(1, int(numbers.max(initial=0))):
        easier, harder = values[(numbers <= number) & (numbers > 0)], values[numbers > number]
        if not len(easier):
            raise RequestError(f"difficulty bin {number} and all easier ones are empty: use fewer bins")
        cuts.append((float(easier.min()) + float(harder.max())) / 2)
    return tuple(cuts)


def place_problems(
    ease: ArrayLike, thresholds: Sequence[float], tied_shares: Sequence[float | None] | None = None, seed: int = 0
) -> np.ndarray:
    """Bins of new problems by the thresholds of old ones, of which some may have stood on both sides.

    A quantile bin may part problems of one ease, such as those never solved. A new problem of just that ease then
    falls on either side at random, in the proportion of the old ones: no bin is out of reach.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        NaN: bin 0.
    thresholds : sequence of float
        Descending.
    tied_shares : sequence of (float or None), optional
        As `Difficulty.tied_shares`.
    seed : int

    Examples
    --------
    >>> place_problems([0.9, 0.0, 0.0, 0.0, 0.0], (0.5, 0.0), (None, 0.5)).tolist()[:1]
    [1]
    """
    values = np.asarray(ease, dtype=float)
    bins = threshold_bins(values, thresholds)
    luck = np.random.default_rng(seed).random(len(values))
    for cut, share in zip(thresholds, tied_shares or [None] * len(thresholds), strict=True):
        if share is not None:  # one number for all thresholds, whose shares rise: no bin is passed over
            bins = np.where((values == cut) & (luck >= share), bins + 1, bins)
    return bins


def check_bins(bins: ArrayLike, n_folds: int = 2, clusters: ArrayLike | None = None) -> None:
    """Refuse bins that are too small to choose on some folds and score on another.

    Raises
    ------
    RequestError
        Fewer problems than folds x bins, or a bin with fewer problems than folds.
    """
    given = np.asarray(bins)
    members = np.arange(len(given)) if clusters is None else np.asarray(clusters)
    if not (given > 0).any():
        raise RequestError("no problem is in a difficulty bin: grade or score the samples first")
    count = int(given.max())
    n_problems = len(np.unique(members[given > 0]))
    if n_problems < n_folds:
        raise RequestError(
            f"{n_problems} problem: choosing on some and scoring on others needs at least {n_folds}; sample more"
        )
    if n_problems < n_folds * count:
        raise RequestError(
            f"{n_problems} problems in {count} bins: {n_folds} folds need at least {n_folds * count} problems"
            + (f"; use at most {n_problems // n_folds} bins" if n_problems >= n_folds else ": add problems")
        )
    sizes = [len(np.unique(members[given == number])) for number in range(1, count + 1)]
    if min(sizes) < n_folds:
        number = int(np.argmin(sizes)) + 1
        raise RequestError(
            f"difficulty bin {number} holds {min(sizes)} problems, {n_folds} folds need at least {n_folds}: "
            "use fewer bins, other thresholds or more problems"
        )


def telling_bias(told: np.ndarray, correct: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """By how much pass@1 of each bin is flattered where the samples that told difficulty are scored.

    A problem lands in an easy bin for being easy, or for its luck in these samples. How much is luck follows from the
    counts: with σ² the variance inside a problem of what tells, γ its covariance there with the grade, and τ² the
    spread of true ease over problems, its grades are flattered by (γ/n) / (τ² + σ²/n) of its distance from the mean.
    For grades (γ = σ²) and a beta spread of pass@1 this is exact: the posterior mean of the beta-binomial.

    Parameters
    ----------
    told, correct : float array, shape (problems, samples)
        Grades or scores that told, and grades; NaN: unknown.
    bins : int array, shape (problems,)

    Returns
    -------
    numpy.ndarray, shape (1 + n_bins,)
        In accuracy; entry 0 (all problems) is 0.
    """
    n = (~np.isnan(told)).sum(axis=1).astype(float)
    both = ~np.isnan(told) & ~np.isnan(correct)
    n_both = both.sum(axis=1)
    ease = oracle_difficulty(told)
    right = oracle_difficulty(np.where(both, correct, np.nan))
    own = oracle_difficulty(np.where(both, told, np.nan))
    apart = np.where(both, (told - own[:, None]) * (correct - right[:, None]), 0.0).sum(axis=1)
    square = np.where(~np.isnan(told), (told - ease[:, None]) ** 2, 0.0).sum(axis=1)
    return _shrunk(ease, n, _pooled(apart, n_both), _pooled(square, n), bins)


def _pooled(sums: np.ndarray, n: np.ndarray) -> float:
    """Mean over problems of the unbiased variance inside one; NaN where each has one sample."""
    several = n > 1
    return float((sums[several] / (n[several] - 1)).mean()) if several.any() else float("nan")


def counts_bias(n_samples: np.ndarray, n_correct: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """`telling_bias` from the numbers of samples and of right ones."""
    n, c = np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ease = np.where(n > 0, c / n, np.nan)
    within = _pooled(np.where(n > 0, c * (1 - ease), 0.0), n)
    return _shrunk(ease, n, within, within, bins)


def _shrunk(ease: np.ndarray, n: np.ndarray, shared: float, within: float, bins: np.ndarray) -> np.ndarray:
    n_bins = int(bins.max(initial=0))
    known = (bins > 0) & ~np.isnan(ease)
    if known.sum() < 2:
        return np.zeros(n_bins + 1)
    if np.isnan(within) or np.isnan(shared):  # one sample a problem: all of the spread may be luck
        luck = np.ones(len(ease))
    else:
        size = np.maximum(n, 1)
        between = max(0.0, float(ease[known].var(ddof=1)) - within * float((1 / size[known]).mean()))
        total = between + within / size
        luck = np.divide(shared / size, total, out=np.zeros(len(ease)), where=total > 1e-15)
    flattery = luck * (ease - ease[known].mean())
    found = np.zeros(n_bins + 1)
    for number in range(1, n_bins + 1):
        member = known & (bins == number)
        found[number] = float(flattery[member].mean()) if member.any() else 0.0
    return found


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


def difficulty_table(ease: ArrayLike, bins: ArrayLike) -> pl.DataFrame:
    """What each bin holds, its ties and the problems never solved.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
    bins : array_like of int, shape (problems,)

    Returns
    -------
    polars.DataFrame
        One row a bin: `bin`, `n_problems`, `ease_low`, `ease_mean`, `ease_high`, `n_never` (ease 0: with
        pass@1 never solved), `n_always` (ease 1), `n_tied` (problems whose ease also stands in another bin:
        chance parted them). A row with bin 0 counts the problems without an ease.
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins, dtype=int)
    rows = []
    for number in range(0 if (numbers == 0).any() else 1, int(numbers.max(initial=0)) + 1):
        inside = values[numbers == number]
        elsewhere = values[(numbers != number) & (numbers > 0)]
        empty = number == 0 or not len(inside)
        rows.append(
            {
                "bin": number,
                "n_problems": len(inside),
                "ease_low": None if empty else float(inside.min()),
                "ease_mean": None if empty else float(inside.mean()),
                "ease_high": None if empty else float(inside.max()),
                "n_never": int((inside == 0).sum()),
                "n_always": int((inside == 1).sum()),
                "n_tied": int(np.isin(inside, elsewhere).sum()),
            }
        )
    return pl.DataFrame(rows, schema=_TABLE_SCHEMA)


_TABLE_SCHEMA = {
    "bin": pl.Int64,
    "n_problems": pl.Int64,
    "ease_low": pl.Float64,
    "ease_mean": pl.Float64,
    "ease_high": pl.Float64,
    "n_never": pl.Int64,
    "n_always": pl.Int64,
    "n_tied": pl.Int64,
}
