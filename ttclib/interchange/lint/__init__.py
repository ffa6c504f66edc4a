"""Signs that samples are not what they seem: checks that warn and refuse nothing.

A check is a function of `Drawn` (one policy, one setting) that yields a sentence with its numbers. Each
says in its file what it cannot see. Rooms: `placement`, `copies`, `grades`, `amounts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from ttclib.interchange.assembling import Assembled
from ttclib.interchange.lint.amounts import lacking_tokens, n_depends_on_c, stopped
from ttclib.interchange.lint.copies import copied, replayed
from ttclib.interchange.lint.drawn import COLUMNS, Drawn, Finding, portions
from ttclib.interchange.lint.grades import contradicting, unknown_form
from ttclib.interchange.lint.placement import misplaced

CHECKS: dict[str, Callable[[Drawn], Iterator[str]]] = {
    "misplaced samples": misplaced,
    "copied samples": copied,
    "replayed samples": replayed,
    "unknown answer form": unknown_form,
    "contradicting grades": contradicting,
    "n depends on c": stopped,
    "missing token counts": lacking_tokens,
}

__all__ = ["CHECKS", "COLUMNS", "Drawn", "Finding", "lint_counts", "lint_import", "lint_samples"]


def lint_samples(samples: pl.DataFrame, problems: pl.DataFrame) -> list[Finding]:
    """Look at samples with every check.

    Parameters
    ----------
    samples : polars.DataFrame
        The columns `COLUMNS`.
    problems : polars.DataFrame
        ``problem_id, prompt, reference_answer``.
    """
    findings = []
    for drawn in portions(samples, problems):
        row = drawn.frame.row(0, named=True)
        whose = (row["policy"], row["setting"]), row.get("benchmark")
        for name, check in CHECKS.items():
            findings += [Finding(name, *whose[0], text, whose[1]) for text in check(drawn)]
    return findings


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


def lint_import(read: Assembled, grades: pl.DataFrame) -> list[Finding]:
    """Look at what is being imported.

    Parameters
    ----------
    grades : polars.DataFrame
        As `ttclib.interchange.grading_samples.grade_samples` gives them.
    """
    findings = lint_counts(read.counts)
    if len(read.samples):
        samples = pl.concat([read.samples.drop("answer", "correct"), grades], how="horizontal")
        samples = samples.with_columns((pl.col("grader") == "given").alias("given")).select(COLUMNS)
        findings += lint_samples(samples, read.problems)
    return findings
