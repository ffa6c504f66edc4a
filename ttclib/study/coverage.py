"""Beyond the pool: models of coverage fitted to what is there, how far they miss, and where voting ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown, shown_interval
from ttclib.analysis.extrapolation import (
    MajorityLimit,
    extrapolate_pass_at_k,
    extrapolation_miss,
    fit_coverage,
    majority_limit,
)
from ttclib.analysis.fits import FITS
from ttclib.errors import RequestError, TTCError, one_of
from ttclib.samples import Pool
from ttclib.study.answers import Answer
from ttclib.study.captions import bands_line, source
from ttclib.study.question import question
from ttclib.study.study import Curves, Study

Part = TypeVar("Part")

MODELS = tuple(FITS)
FURTHER = 10  # times the pool: how far on the findings look


@dataclass(frozen=True)
class Coverage:
    """Models of coverage."""

    frame: pl.DataFrame  # rows of `ttclib.analysis.extrapolation.extrapolate_pass_at_k`, one block a model
    fits: dict[str, Any]
    # caption, notes: among the notes a line for each model that could not be fitted
    caption: tuple[str, ...]
    notes: tuple[str, ...]

    def fitted(self) -> pl.DataFrame:
        """The fitted numbers of each model."""
        rows = [
            {
                "model": model,
                "fitted": ", ".join(
                    f"{name} = {value:.4g}" for name, value in fit._asdict().items() if isinstance(value, float)
                ),
            }
            for model, fit in self.fits.items()
        ]
        return pl.DataFrame(rows, schema={"model": pl.String, "fitted": pl.String})


@dataclass(frozen=True)
class Beyond:
    """What more samples than there are would cover; what the store does not allow is None, as a note says."""

    measured: Curves  # pass@k, and where there are answers majority voting
    fitted: Coverage | None
    misses: pl.DataFrame | None  # rows of `ttclib.analysis.extrapolation.extrapolation_miss`
    voting: MajorityLimit | None

    @property
    def findings(self) -> tuple[str, ...]:
        """What is predicted beyond the pool, how far such predictions miss, and where voting ends."""
        rows = self.measured.frame.filter(pl.col("bin").is_null() & (pl.col("strategy") == "pass_at_k"))
        here = rows.drop_nulls("accuracy").sort("budget").row(-1, named=True)
        said = [
            f"At k = {here['budget']} a right answer is among the samples of {shown(here['accuracy'], 'accuracy')} "
            f"{shown_interval(here['ci_low'], here['ci_high'], 'accuracy')} of {here['n_problems']} problems."
        ]
        if self.fitted is not None:
            said += _predicted(self.fitted.frame, here["budget"])
        if self.misses is not None and len(self.misses):
            last = self.misses.filter(pl.col("k") == pl.col("k").max())
            low, high = (shown(end, "difference") for end in (last["miss"].min(), last["miss"].max()))
            by = f"{low} points" if low == high else f"{low} to {high} points"
            said.append(
                f"Fitted to half of the samples such predictions miss what all show at k = {last['k'][0]} by {by}."
            )
        if self.voting is not None:
            ends = shown_interval(self.voting.ci_low, self.voting.ci_high, "accuracy")
            said.append(
                f"Majority voting ends at {shown(self.voting.accuracy, 'accuracy')} {ends} however many vote: more "
                f"votes help on {self.voting.n_rising} problems and harm on {self.voting.n_falling}."
            )
        return tuple(said)


def _predicted(frame: pl.DataFrame, pool: int) -> list[str]:
    """What the models predict for ten times the pool, or as near to it as they were asked."""
    beyond = frame.drop_nulls("predicted").filter(pl.col("k") > pool)
    if not len(beyond):
        return []
    ks = beyond["k"].unique().sort().to_list()
    k = next((one for one in ks if one >= FURTHER * pool), ks[-1])
    rows = beyond.filter(pl.col("k") == k)
    low, high = (shown(end, "accuracy") for end in (rows["predicted"].min(), rows["predicted"].max()))
    whole = shown_interval(rows["ci_low"].min(), rows["ci_high"].max(), "accuracy")
    count = rows["model"].n_unique()
    models = "the model predicts" if count == 1 else f"the {count} models predict"
    between = low if low == high else f"{low} to {high}"
    return [f"At k = {k:,}, {k / pool:.3g} times the pool, {models} {between} {whole}."]


def ask_beyond_pool(
    study: Study, models: Sequence[str] = MODELS, largest_k: int = 10_000, n_resamples: int = 200, n_splits: int = 5
) -> Answer[Beyond]:
    """What more samples would cover, how far that may miss, and where majority voting ends.

    Parameters
    ----------
    study : Study
    models, largest_k, n_resamples
        As in `predict`.
    n_splits : int
        As in `misses`.

    Raises
    ------
    RequestError
        No sample is graded.
    """
    measured = study.replay(question(strategies=("pass_at_k", "majority_vote"), lacking="leave out"))
    counts_of(study.pool)
    notes = [*measured.notes]

    def unless_lacking(made: Callable[[], Part]) -> Part | None:
        try:
            return made()
        except TTCError as error:
            notes.append(f"left out: {error}")
            return None

    fitted = unless_lacking(lambda: predict(study.pool, models, largest_k, n_resamples))
    found = Beyond(
        measured,
        fitted,
        None if fitted is None else unless_lacking(lambda: misses(study.pool, models, n_splits)),
        unless_lacking(lambda: voting_limit(study.pool)),
    )
    notes += () if fitted is None else fitted.notes
    return Answer(found, found.findings, measured.caption, tuple(dict.fromkeys(notes)))


def predict(pool: Pool, models: Sequence[str] = MODELS, largest_k: int = 10_000, n_resamples: int = 200) -> Coverage:
    """Fit models to a pool and predict pass@k at the powers of two up to a k.

    Parameters
    ----------
    n_resamples : int
        Draws of problems behind the bands, in each of which the model is fitted anew.

    Raises
    ------
    RequestError
        No problem is graded, or no model can be fitted.
    """
    for model in models:
        one_of(model, MODELS, "model of coverage")
    n_samples, n_correct = counts_of(pool)
    ks = [1 << power for power in range(max(1, largest_k).bit_length())]
    frames, fits, notes = [], {}, []
    for model in models:
        try:
            frames.append(extrapolate_pass_at_k(n_samples, n_correct, ks, model=model, n_resamples=n_resamples))
            fits[model] = fit_coverage(n_samples, n_correct, model)
        except TTCError as error:
            notes.append(f"{model}: {error}")
    if not frames:
        raise RequestError("no model of coverage can be fitted: " + "; ".join(notes))
    caption = (source(pool), f"{bands_line()}, of the fits from {n_resamples} draws")
    return Coverage(pl.concat(frames).fill_nan(None), fits, caption, tuple(notes))


def misses(pool: Pool, models: Sequence[str] = MODELS, n_splits: int = 5) -> pl.DataFrame:
    """How far predictions from half of the samples miss, for those models that can be fitted to half.

    Raises
    ------
    RequestError
        None can.
    """
    frames, notes = [], []
    for model in models:
        try:
            frames.append(extrapolation_miss(*counts_of(pool), models=[model], n_splits=n_splits))
        except TTCError as error:
            notes.append(f"{model}: {error}")
    if not frames:
        raise RequestError("no model of coverage can be fitted to half of the samples: " + "; ".join(notes))
    return pl.concat(frames)


def voting_limit(pool: Pool) -> MajorityLimit:
    """Where majority voting ends as votes go on, on pools cut to one size."""
    size = int(pool.pool_sizes.min())
    if not pool.has_answers:
        raise RequestError(f"'{pool.store}' holds no final answers of '{pool.policy}', so nobody can vote")
    return majority_limit(pool.answer_ids[:, :size], pool.correct[:, :size])


def counts_of(pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Graded samples of each problem and the right ones among them; problems without a grade left out."""
    n_samples, n_correct = pool.n_graded, pool.n_correct.astype(int)
    known = n_samples > 0
    if not known.any():
        raise RequestError(f"no sample of '{pool.policy}' is graded: grade them with `ttc grade`")
    return n_samples[known], n_correct[known]
