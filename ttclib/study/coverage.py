"""Beyond the pool: models of coverage fitted to what is there, how far they miss, and where voting ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

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
from ttclib.study.captions import bands_line, source

MODELS = tuple(FITS)


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
