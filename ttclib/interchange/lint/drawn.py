"""What the checks look at: the samples of one policy under one setting, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

# Beyond these a check learns nothing new, and an import of a million samples would wait for it.
MOST_PROBLEMS = 1000
MOST_SAMPLES = 64
_NUMBER = r"^[-+]?\d[\d,]*(\.0*)?$"
COLUMNS = (
    "policy", "setting", "problem_id", "sample_index", "answer", "answer_class", "correct", "given", "graded",
    "completion", "completion_tokens", "logprob",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A sign that samples are not what they seem."""

    check: str  # which check saw it
    policy: str
    setting: str | None
    text: str  # a sentence with the numbers that say so
    benchmark: str | None = None

    @property
    def where(self) -> str:
        """Whose samples these are, in words."""
        return ", ".join(name for name in (self.policy, self.setting, self.benchmark) if name)


@dataclass(frozen=True)
class Drawn:
    """Samples of one policy under one setting, those of a problem one after the other.

    Attributes
    ----------
    n_problems : int
        Of all, also where `frame` holds a part of them.
    """

    # the columns `COLUMNS`; `graded` is a grader's own grade, `given` whether `correct` came with the data
    frame: pl.DataFrame
    # prompts, references: by problem
    prompts: Mapping[str, str | None]
    references: Mapping[str, str | None]

    @cached_property
    def problem(self) -> np.ndarray:
        """Number of each sample's problem, in the order of their first samples."""
        return self.frame["problem_id"].rle_id().to_numpy().astype(np.int64)

    @cached_property
    def problem_ids(self) -> list[str]:
        """Names of the problems, by number."""
        return self.frame["problem_id"].unique(maintain_order=True).to_list()

    @cached_property
    def answer(self) -> np.ndarray:
        """Number of each sample's answer, the same for the same text in all problems; −1: none."""
        folded = self.frame.select(canonical("answer"))["answer"]
        table = {text: number for number, text in enumerate(folded.unique(maintain_order=True).drop_nulls().to_list())}
        self.__dict__["answer_numbers"] = table
        return np.array([-1 if text is None else table[text] for text in folded.to_list()], dtype=np.int64)

    @cached_property
    def reference_texts(self) -> list[str | None]:
        """The right answer of each problem, folded as answers are; None: unknown."""
        texts = pl.Series("answer", [self.references.get(name) for name in self.problem_ids], dtype=pl.String)
        return pl.DataFrame({"answer": texts}).select(canonical("answer"))["answer"].to_list()

    @cached_property
    def reference(self) -> np.ndarray:
        """Number of each problem's right answer, as in `answer`; −1: unknown, −2: no sample says it."""
        _ = self.answer
        table: dict[str, int] = self.__dict__["answer_numbers"]
        return np.array([-1 if text is None else table.get(text, -2) for text in self.reference_texts], dtype=np.int64)

    @cached_property
    def answer_texts(self) -> list[str]:
        """The answers that the numbers in `answer` stand for."""
        _ = self.answer
        return list(self.__dict__["answer_numbers"])

    @cached_property
    def sizes(self) -> np.ndarray:
        """Samples of each problem."""
        return np.bincount(self.problem)


def canonical(name: str) -> pl.Expr:
    """Answers folded so that those that look alike are one: without blanks, 7.0 and 7 the same."""
    text = pl.col(name).str.replace_all(r"\s+|^\$+|\$+$", "").str.replace(r"\.$", "")
    number = (
        text.str.replace_all(",", "")
        .str.replace(r"\.0*$", "")
        .str.replace(r"^\+", "")
        .str.replace(r"^(-?)0+(\d)", "$1$2")
    )
    return pl.when(text.str.contains(_NUMBER)).then(number).otherwise(text).replace("", None).alias(name)


def chosen(keys: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """The samples to look at: at most `MOST_PROBLEMS` problems of a portion and `MOST_SAMPLES` of each.

    A portion is of one policy, one setting and one benchmark.

    Parameters
    ----------
    keys : polars.DataFrame
        ``policy, setting, problem_id, sample_index`` of all samples, in the order of the file.
    problems : polars.DataFrame
        ``problem_id`` and, where known, ``benchmark``.

    Returns
    -------
    polars.DataFrame
        ``row, portion``: portion by portion, problems in the order of the file, a problem's samples by their index.
    """
    whose = ["policy", "setting", "problem_id"]
    draws = keys.select(whose).unique(maintain_order=True).with_row_index("draw")
    of_problem = draws.with_columns(pl.col("problem_id").cast(pl.String))
    if "benchmark" in problems.columns:
        of_problem = of_problem.join(
            problems.select("problem_id", "benchmark"), on="problem_id", how="left", maintain_order="left"
        )
    portion = pl.struct(*whose[:2], *(["benchmark"] if "benchmark" in problems.columns else []))
    numbers = of_problem.select("draw", portion.alias("whose"))
    first = numbers["whose"].unique(maintain_order=True).to_frame().with_row_index("portion")
    numbers = numbers.join(first, on="whose", nulls_equal=True, maintain_order="left").select("draw", "portion")
    looked_at = numbers.filter(pl.int_range(pl.len()).over("portion") < MOST_PROBLEMS)
    rows = (
        keys.with_row_index("row")
        .join(draws, on=whose, nulls_equal=True, maintain_order="left")
        .select("row", "draw", "sample_index")
        .join(looked_at, on="draw", maintain_order="left")
        .sort("portion", "draw", "sample_index", maintain_order=True)
    )
    return rows.filter(pl.int_range(pl.len()).over("draw") < MOST_SAMPLES).select("row", "portion")


def portions(frame: pl.DataFrame, problems: pl.DataFrame) -> Iterator[Drawn]:
    """The samples to look at, a portion at a time.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns `COLUMNS`, in the order of the file.
    problems : polars.DataFrame
        ``problem_id, reference_answer`` and, where known, ``prompt`` and ``benchmark``.
    """
    for _, rows in chosen(frame, problems).group_by("portion", maintain_order=True):
        yield drawn_of(frame[rows["row"]], problems)


def drawn_of(frame: pl.DataFrame, problems: pl.DataFrame) -> Drawn:
    """One portion of samples that were chosen."""
    if "benchmark" in problems.columns:
        frame = frame.join(
            problems.select("problem_id", "benchmark"), on="problem_id", how="left", maintain_order="left"
        )
    prompts = dict(problems.select("problem_id", "prompt").iter_rows()) if "prompt" in problems.columns else {}
    return Drawn(frame, prompts, dict(problems.select("problem_id", "reference_answer").iter_rows()))
