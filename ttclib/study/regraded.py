"""How far the grader moves a curve: the same samples and strategies, other grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from ttclib.samples import Pool
from ttclib.study.question import Question
from ttclib.study.study import Study

KEY = ("strategy", "variant", "budget")


def regraded_curves(study: Study, pools: Mapping[str, Pool], asked: Question) -> pl.DataFrame:
    """Accuracy of every strategy that reads samples, by grader.

    Parameters
    ----------
    study : Study
        Of one policy under one setting.
    pools : mapping of str to Pool
        Its samples as each grader sees them; the first is what the others are compared with.
    asked : Question

    Returns
    -------
    polars.DataFrame
        ``grader, strategy, variant, budget, accuracy, moved, n_problems``; `moved` is the accuracy less that of
        the first grader at the same budget, and null where that one has none there.

    Raises
    ------
    RequestError, NotInStore
        As `Study.replay`.
    """
    frames = []
    for name, pool in pools.items():
        member = replace(study.members[0], pool=pool)
        curves = Study((member,), study.store).replay(asked).frame
        of_samples = curves.filter(pl.col("strategy").is_in(_reading_samples()), pl.col("bin").is_null())
        frames.append(of_samples.select(pl.lit(name).alias("grader"), *KEY, "accuracy", "n_problems"))
    first = frames[0].select(*KEY, pl.col("accuracy").alias("before"))
    return (
        pl.concat(frames)
        .join(first, on=list(KEY), how="left", maintain_order="left")
        .with_columns((pl.col("accuracy") - pl.col("before")).alias("moved"))
        .select("grader", *KEY, "accuracy", "moved", "n_problems")
    )


def _reading_samples() -> list[str]:
    from ttclib.replay.strategy import reading

    return list(reading("pool"))
