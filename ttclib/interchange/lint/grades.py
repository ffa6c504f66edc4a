"""Answers and grades that do not fit each other.

What cannot be seen: wrong grades of samples without an answer or a right one beside them; shuffled
letters that were graded against one fixed letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from ttclib.interchange.lint.drawn import Drawn, canonical
from ttclib.interchange.lint.placement import agreement

_FEWEST = 20
_MOST_WITHOUT = 0.5
_LEAST_SILENT = 0.25
_LEAST_ENDING = 0.05
_FEWEST_CONTRADICTING = 6
_MOST_CONTRADICTING = 0.04
_LETTER = re.compile(r"\(?[A-Za-z]\)?\.?$")
_MOST_DIFFERING = 0.15
_SHOWN = 80


def unknown_form(drawn: Drawn) -> Iterator[str]:
    """Say that answers are in a form that the extractor, or the grader, does not know."""
    frame = drawn.frame
    references = pl.Series([drawn.references.get(name) for name in drawn.problem_ids], dtype=pl.String)
    right = references.gather(drawn.problem.tolist()).str.strip_chars()
    texts = frame["completion"]
    silent = texts.is_not_null() & (texts.str.strip_chars() != "") & frame["answer"].is_null()
    n_texts, n_silent = texts.count(), int(silent.sum())
    if n_texts >= _FEWEST and n_silent:
        n_ending = _n_ending_with(texts.filter(silent), right.filter(silent))
        share = n_silent / n_texts
        told = n_ending >= max(5, _LEAST_ENDING * n_silent)
        if (told and share >= _LEAST_SILENT) or (share >= _MOST_WITHOUT and not frame["given"].all()):
            yield (
                f"no answer was found in {n_silent:,} of {n_texts:,} completions"
                + (f", {n_ending:,} of which end with the right one" if told else "")
                + f", as in one that ends '…{_tail(texts.filter(silent)[0])}'"
                + ": they may be in a form that is not known; give answers, or 'The answer is …'."
            )
            return
    wrong = (frame["answer"].is_not_null() & ~frame["graded"]).fill_null(False)
    judged = int((frame["answer"].is_not_null() & frame["graded"].is_not_null()).sum())
    if judged >= _FEWEST:
        n_framed = _n_ending_with(frame["answer"].filter(wrong), right.filter(wrong))
        if n_framed >= max(5, 0.1 * judged):
            yield f"{n_framed:,} answers of {judged:,} end with the right one and count as wrong: give it alone."
            return
        n_missed = _n_ending_with(texts.filter(wrong), right.filter(wrong))
        if n_missed >= max(5, 0.1 * judged):
            yield (
                f"{n_missed:,} completions of {judged:,} end with the right answer and count as wrong: another was "
                "found in them; give answers, or 'The answer is …'."
            )
            return
        if int(wrong.sum()) == judged:
            yield (
                f"none of {judged:,} answers is right; for example {_tail(frame['answer'].filter(wrong)[0])!r} where "
                f"{_tail(right.filter(wrong)[0])!r} is right: look at the references and at how answers are stated."
            )


def _tail(text: str) -> str:
    """The end of a text, on one line."""
    return " ".join(text.split())[-_SHOWN:]


def _n_ending_with(texts: pl.Series, right: pl.Series) -> int:
    """Texts whose last word is the right answer, behind something else."""
    frame = pl.DataFrame({"text": texts.str.strip_chars(), "answer": right})
    last = frame.select(
        pl.col("text").str.extract(r"[\s:=>]([^\s:=>]+)$").str.strip_chars("*.$()[]").alias("last"), pl.col("answer")
    )
    return int(last.select((canonical_of("last") == canonical_of("answer")).sum()).item())


def canonical_of(name: str) -> pl.Expr:
    """`canonical` without its name."""
    return canonical(name).alias(f"_{name}")


def contradicting(drawn: Drawn) -> Iterator[str]:
    """Say that given grades contradict the answers, or that letters do not mean the same."""
    frame = drawn.frame
    both = (
        frame["given"] & frame["correct"].is_not_null() & frame["graded"].is_not_null() & frame["answer"].is_not_null()
    ).fill_null(False)
    if told := _shuffled_letters(drawn):
        yield told
        return
    n = int(both.sum())
    if not n:
        return
    given, graded = frame["correct"].filter(both).to_numpy(), frame["graded"].filter(both).to_numpy()
    differ = int((given != graded).sum())
    false_right, right = int((given & ~graded).sum()), int(given.sum())
    few = max(_FEWEST_CONTRADICTING, _MOST_CONTRADICTING * n)
    if differ >= few or (false_right >= _FEWEST_CONTRADICTING and false_right >= 0.2 * right):
        yield f"of {n:,} grades that can be checked {differ:,} contradict the answer and reference_answer."


def _shuffled_letters(drawn: Drawn) -> str | None:
    """Right answers to one problem that are different letters: the options stood in another order."""
    frame = drawn.frame
    texts = frame["answer"].drop_nulls()
    if len(texts) < _FEWEST or not all(_LETTER.fullmatch(text.strip()) for text in texts.unique().to_list()):
        return None
    right = (frame["correct"] & frame["answer"].is_not_null() & frame["given"]).fill_null(False).to_numpy()
    within, pairs, _, _ = agreement(drawn.problem[right], drawn.answer[right])
    if pairs - within >= 4 and pairs - within >= _MOST_DIFFERING * pairs:
        return (
            f"of {pairs:,} pairs of right answers to one problem {pairs - within:,} are different letters: the options "
            "were shuffled, and letters cannot be voted on."
        )
    own = drawn.reference[drawn.problem]
    known = right & (own != -1)
    off = int((drawn.answer[known] != own[known]).sum())
    if off >= _FEWEST_CONTRADICTING and off >= 0.2 * np.count_nonzero(known):
        return (
            f"{off:,} of {np.count_nonzero(known):,} right answers are another letter than the reference: the options "
            "were shuffled."
        )
    return None
