"""Whole tables as frames, for who looks at a store rather than asks it."""

from __future__ import annotations

import duckdb
import polars as pl

from ttclib.store.pool import GRADES_READ

_SAMPLES = f"""
SELECT policy, problem_id, setting, sample_index, completion, completion_tokens, logprob, answer, answer_class, correct,
       coalesce(grader = 'given', false) AS given
FROM samples LEFT JOIN ({GRADES_READ}) USING (policy, problem_id, setting, sample_index)
"""


def samples_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every sample with the grade that is read, and whether that came with it (`given`)."""
    return con.sql(_SAMPLES).pl()


def problems_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every problem: `problem_id`, `benchmark`, `prompt`, `reference_answer`."""
    return con.sql("SELECT problem_id, benchmark, prompt, reference_answer FROM problems").pl()


def counts_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every problem that is known by its counts alone: `policy`, `setting`, `benchmark`, `n`, `c`."""
    return con.sql("SELECT policy, setting, benchmark, n, c FROM counts LEFT JOIN problems USING (problem_id)").pl()
