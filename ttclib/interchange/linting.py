"""A look at what a store holds: its rows as the checks of `lint` take them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ttclib.grading import get_grader
from ttclib.interchange.batch import Notify
from ttclib.interchange.lint import COLUMNS, Finding, lint_counts, lint_samples
from ttclib.interchange.lint.drawn import canonical
from ttclib.store import connect
from ttclib.store.contents import counts_frame, problems_frame, samples_frame

_MOST_COMPARED = 3000


def lint_store(store: Path, *, notify: Notify = lambda text: None) -> list[Finding]:
    """Look at a store's samples and counts with every check; nothing is written.

    Parameters
    ----------
    notify : callable
        Told of waiting.

    Raises
    ------
    RequestError
        No such store, or none.
    """
    with connect(store, notify=notify) as con:
        samples, problems, counts = samples_frame(con), problems_frame(con), counts_frame(con)
    findings = lint_counts(counts)
    order = problems.with_row_index("_order").select("problem_id", "_order")
    samples = samples.join(order, on="problem_id", how="left").sort("policy", "setting", "_order", "sample_index")
    return findings + lint_samples(_graded(samples, problems).select(COLUMNS), problems)


def _graded(samples: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """The samples with a grader's own grade beside one that came with them.

    Answers that look like the right one are right; what is left is compared by value, up to a number.
    """
    given = (
        samples.filter(pl.col("given") & pl.col("answer").is_not_null())
        .select("problem_id", "answer")
        .unique(maintain_order=True)
    )
    pairs = given.join(problems.select("problem_id", "reference_answer"), on="problem_id").drop_nulls(
        "reference_answer"
    )
    folded = pairs.select(canonical("answer"), canonical("reference_answer"))
    same = (folded["answer"] == folded["reference_answer"]).to_list()
    judge, n_compared = get_grader("math"), 0
    own: list[bool | None] = []
    for alike, answer, reference in zip(same, pairs["answer"], pairs["reference_answer"], strict=True):
        if alike:
            own.append(True)
        elif n_compared < _MOST_COMPARED:
            n_compared += 1
            try:
                own.append(judge.equivalent(reference, answer))
            except Exception:  # whatever a comparison trips over: not comparable is not 'wrong'
                own.append(None)
        else:
            own.append(None)
    found = pairs.select("problem_id", "answer").with_columns(pl.Series("own", own, dtype=pl.Boolean))
    samples = samples.join(found, on=["problem_id", "answer"], how="left", maintain_order="left")
    return samples.with_columns(pl.when(pl.col("given")).then("own").otherwise("correct").alias("graded"))
