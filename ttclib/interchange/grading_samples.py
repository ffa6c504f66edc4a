"""Grades and classes of imported samples: each distinct answer is looked at once, not each sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from ttclib.grading import Grader, grade_problem
from ttclib.grading.extraction import extract_answer

GIVEN = "given"


def find_answers(samples: pl.DataFrame) -> pl.DataFrame:
    """Samples with the answer of each as ``found``: as given, or in its text, which is then ``searched``.

    Parameters
    ----------
    samples : polars.DataFrame
        ``answer, completion``.
    """
    given = samples["answer"].str.strip_chars().replace("", None)
    found = samples["answer"].set(given.is_null(), None)
    searched = found.is_null() & samples["completion"].is_not_null()
    if searched.any():
        texts = samples["completion"].filter(searched).to_list()
        extracted = pl.Series([extract_answer(text) for text in texts], dtype=pl.String)
        found = found.scatter(searched.arg_true(), extracted)
    return samples.with_columns(found.alias("found"), searched.alias("searched"))


def grades_of(
    samples: pl.DataFrame, graded: pl.DataFrame, references: Mapping[str, str | None], grader: Grader
) -> pl.DataFrame:
    """Answer, class and grade of each sample.

    Parameters
    ----------
    samples : polars.DataFrame
        ``problem_id, correct``, and what `find_answers` adds.
    graded : polars.DataFrame
        As `grade_answers` gives it.
    references : mapping of str to str or None
        Right answers by problem.

    Returns
    -------
    polars.DataFrame
        ``answer, answer_class, correct, graded, grader`` a sample, in the order given. ``graded`` is the
        grader's own grade, beside a given one too.
    """
    frame = samples.select("problem_id", pl.col("found").alias("answer"), pl.col("correct").alias("given"), "searched")
    frame = frame.join(graded, on=["problem_id", "answer"], how="left", maintain_order="left")
    asked = [problem_id for problem_id, reference in references.items() if reference is not None]
    # The question was asked and not answered.
    unanswered = pl.col("answer").is_null() & pl.col("searched") & pl.col("problem_id").is_in(asked)
    own = pl.when(unanswered).then(False).otherwise(pl.col("graded"))
    return frame.select(
        "answer",
        "answer_class",
        pl.coalesce("given", own).alias("correct"),
        own.alias("graded"),
        pl.when(pl.col("given").is_not_null()).then(pl.lit(GIVEN)).otherwise(pl.lit(grader.name)).alias("grader"),
    )


def grade_answers(
    distinct: pl.DataFrame,
    references: Mapping[str, str | None],
    grader: Grader,
    *,
    known: Mapping[str, Sequence[tuple[str, int]]],
    n_samples: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> pl.DataFrame:
    """Classes and grades of answers.

    Parameters
    ----------
    distinct : polars.DataFrame
        ``problem_id, answer``, each once.
    references : mapping of str to str or None
        Right answers by problem.
    known : mapping
        Classes that a problem has already, as `grade_problem` takes them.
    n_samples : int
        Of which these are the answers.
    tell : callable
        Told how many samples are graded.

    Returns
    -------
    polars.DataFrame
        ``problem_id, answer, answer_class, graded``.
    """
    samples_each = n_samples / max(len(distinct), 1)
    columns: dict[str, list[object]] = {"problem_id": [], "answer": [], "answer_class": [], "graded": []}
    for (problem_id,), rows in distinct.group_by("problem_id", maintain_order=True):
        answers = rows["answer"].to_list()
        grades = grade_problem(
            [None] * len(answers),
            references.get(str(problem_id)),
            grader,
            answers=answers,
            known=known.get(str(problem_id), ()),
        )
        columns["problem_id"] += [problem_id] * len(answers)
        columns["answer"] += answers
        columns["answer_class"] += [grade.answer_class for grade in grades]
        columns["graded"] += [grade.correct for grade in grades]
        tell(round(len(columns["answer"]) * samples_each))
    if not len(distinct):
        tell(n_samples)
    kinds = {"problem_id": pl.String, "answer": pl.String, "answer_class": pl.Int32, "graded": pl.Boolean}
    return pl.DataFrame(columns, schema=kinds)
