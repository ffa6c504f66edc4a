"""Signs that samples are not what they seem: checks that warn and refuse nothing.

A check is a function of `Drawn` (one policy, one setting) that yields a sentence with its numbers. Each
says in its file what it cannot see. Rooms: `placement`, `copies`, `grades`, `amounts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from ttclib.grading import get_grader
from ttclib.interchange.assembling import Assembled
from ttclib.interchange.columns import Notify
from ttclib.interchange.lint.copies import copied, lacking_tokens, n_depends_on_c, replayed, stopped
from ttclib.interchange.lint.drawn import COLUMNS, Drawn, Finding, canonical, chosen, drawn_of, portions
from ttclib.interchange.lint.grades import contradicting, unknown_form
from ttclib.interchange.lint.placement import misplaced
from ttclib.interchange.spool import Spool
from ttclib.store import connect
from ttclib.store.contents import counts_frame, problems_frame, samples_frame

CHECKS: dict[str, Callable[[Drawn], Iterator[str]]] = {
    "misplaced samples": misplaced,
    "copied samples": copied,
    "replayed samples": replayed,
    "unknown answer form": unknown_form,
    "contradicting grades": contradicting,
    "n depends on c": stopped,
    "missing token counts": lacking_tokens,
}

__all__ = ["CHECKS", "COLUMNS", "Drawn", "Finding", "ImportLint", "lint_counts", "lint_samples"]


def lint_samples(samples: pl.DataFrame, problems: pl.DataFrame) -> list[Finding]:
    """Look at samples with every check.

    Parameters
    ----------
    samples : polars.DataFrame
        The columns `COLUMNS`.
    problems : polars.DataFrame
        ``problem_id, prompt, reference_answer``.
    """
    return [finding for drawn in portions(samples, problems) for finding in _findings(drawn)]


def _findings(drawn: Drawn) -> Iterator[Finding]:
    row = drawn.frame.row(0, named=True)
    for name, check in CHECKS.items():
        for text in check(drawn):
            yield Finding(name, row["policy"], row["setting"], text, row.get("benchmark"))


def lint_counts(counts: pl.DataFrame) -> list[Finding]:
    """Look at counts: of a policy and a benchmark, whether n depends on c.

    Parameters
    ----------
    counts : polars.DataFrame
        ``policy, setting, benchmark, n, c``.
    """
    findings = []
    for (policy, setting, benchmark), rows in counts.group_by("policy", "setting", "benchmark", maintain_order=True):
        if told := n_depends_on_c(rows["n"].to_numpy(), rows["c"].to_numpy()):
            names = [None if name is None else str(name) for name in (setting, benchmark)]
            findings.append(Finding("n depends on c", str(policy), names[0], told, names[1]))
    return findings


class ImportLint:
    """A look at what is being imported, of which the samples to look at are picked out as all pass by.

    Parameters
    ----------
    read : Assembled
    """

    def __init__(self, read: Assembled) -> None:
        self._read = read
        self._chosen = chosen(read.keys, read.problems).with_row_index("at").sort("row")
        self._spool = Spool()
        self._pieces: dict[int, list[int]] = {}
        self._n_seen = 0

    def add(self, samples: pl.DataFrame, grades: pl.DataFrame) -> None:
        """Samples in the order read, as `Assembled.batches` gives them, and their grades."""
        first, self._n_seen = self._n_seen, self._n_seen + len(samples)
        begin, end = self._chosen["row"].search_sorted(pl.Series([first, self._n_seen])).to_list()
        if begin == end:
            return
        mine = self._chosen.slice(begin, end - begin)
        rows = mine["row"] - first
        samples = pl.concat([samples.drop("answer", "correct")[rows], grades[rows]], how="horizontal")
        samples = samples.with_columns((pl.col("grader") == "given").alias("given")).select(COLUMNS)
        samples = samples.with_columns(mine["at"], mine["portion"])
        for (portion,), some in samples.group_by("portion", maintain_order=True):
            self._pieces.setdefault(int(portion), []).append(self._spool.add(some.drop("portion")))

    def findings(self) -> Iterator[Finding]:
        """What is odd, once all samples were given; one portion after the other is held."""
        yield from lint_counts(self._read.counts)
        for portion in sorted(self._pieces):
            frame = pl.concat([self._spool.read(number) for number in self._pieces[portion]]).sort("at").drop("at")
            yield from _findings(drawn_of(frame, self._read.problems))


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
