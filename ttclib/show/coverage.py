"""Models of coverage fitted to a pool: those that can be, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.extrapolation import extrapolate_pass_at_k, extrapolation_miss, fit_coverage
from ttclib.errors import RequestError, TTCError
from ttclib.samples import Pool
from ttclib.show.charts.fits import MODELS
from ttclib.show.tables import list_html, plain_table_html


@dataclass(frozen=True)
class Predictions:
    """What `predictions` made.

    Attributes
    ----------
    frame : polars.DataFrame
        Rows of `extrapolate_pass_at_k`, one block a model.
    fits : dict of model to fit
    notes : list of str
        A line for each model that could not be fitted.
    """

    frame: pl.DataFrame
    fits: dict[str, Any]
    notes: list[str]


def predictions(pool: Pool, models: Sequence[str], largest_k: int, n_resamples: int = 40) -> Predictions:
    """Fit models to a pool and predict pass@k at the powers of two up to a k.

    Parameters
    ----------
    pool : Pool
    models : sequence of str
    largest_k : int
    n_resamples : int
        Of the bootstrap over problems, in each of which the model is fitted anew.

    Raises
    ------
    RequestError
        No problem is graded, or no model can be fitted.
    """
    n_samples, n_correct = _counts(pool)
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
    return Predictions(pl.concat(frames).fill_nan(None), fits, notes)


def misses(pool: Pool, models: Sequence[str], n_splits: int = 5) -> pl.DataFrame:
    """`extrapolation_miss` of those models that can be fitted to half of the samples.

    Raises
    ------
    RequestError
        None can.
    """
    graded = ~np.isnan(pool.correct).all(axis=1)
    frames, notes = [], []
    for model in models:
        try:
            frames.append(extrapolation_miss(pool.correct[graded], models=[model], n_splits=n_splits))
        except TTCError as error:
            notes.append(f"{model}: {error}")
    if not frames:
        raise RequestError("no model of coverage can be fitted to half of the samples: " + "; ".join(notes))
    return pl.concat(frames)


def fits_html(fits: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The fitted numbers of each model."""
    rows = [
        (
            MODELS[model][0],
            ", ".join(f"{name} = {value:.4g}" for name, value in fit._asdict().items() if isinstance(value, float)),
        )
        for model, fit in fits.items()
    ]
    return plain_table_html(("model", "fitted"), rows, names=(0, 1)) + (list_html(notes) if notes else "")


def _counts(pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Graded samples of each problem and the right ones among them; problems without a grade left out."""
    n_samples = (~np.isnan(pool.correct)).sum(axis=1)
    n_correct = np.nansum(pool.correct, axis=1).astype(int)
    known = n_samples > 0
    if not known.any():
        raise RequestError(f"no sample of '{pool.policy}' is graded: grade them with `ttc grade`")
    return n_samples[known], n_correct[known]
