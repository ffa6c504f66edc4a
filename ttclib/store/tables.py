"""The tables by name: their keys here, their columns as `schema.sql` declares them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

SAMPLE_KEY = ("policy", "problem_id", "setting", "sample_index")
NODE_KEY = ("policy", "problem_id", "setting", "path")
REVISION_KEY = ("policy", "problem_id", "setting", "chain", "position")
TABLES: dict[str, tuple[str, ...]] = {
    "problems": ("problem_id",),
    "models": ("model",),
    "settings": ("setting",),
    "runs": ("run_id",),
    "samples": SAMPLE_KEY,
    "counts": ("policy", "problem_id", "setting"),
    "features": ("policy", "problem_id", "setting", "feature"),
    "scores": (*SAMPLE_KEY, "verifier", "reading"),
    "grades": (*SAMPLE_KEY, "grader"),
    "nodes": NODE_KEY,
    "node_scores": (*NODE_KEY, "verifier", "reading"),
    "node_grades": (*NODE_KEY, "grader"),
    "revisions": REVISION_KEY,
    "revision_scores": (*REVISION_KEY, "verifier", "reading"),
    "revision_grades": (*REVISION_KEY, "grader"),
}
READINGS = ("scores", "node_scores", "revision_scores")  # where a verifier may have read one thing several times


def schema_sql() -> str:
    """The commented text of the schema that a new store gets."""
    return files("ttclib.store").joinpath("schema.sql").read_text(encoding="utf-8")


@cache
def columns_of(table: str) -> tuple[tuple[str, str], ...]:
    """Name and SQL type of each column of a table, as the schema's text declares them."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", schema_sql(), re.S)
    if body is None:
        raise KeyError(table)
    return tuple(re.findall(r"^ {4}(\w+)\s+([A-Z]+(?:\[\])?)", body[1], re.M))


@cache
def described_columns(table: str) -> tuple[tuple[str, str, str], ...]:
    """Name, declared type and meaning of each column of a table, as the schema and its comments say."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", schema_sql(), re.S)
    if body is None:
        raise KeyError(table)
    return tuple(re.findall(r"^ {4}(\w+)\s+([^,\n]+?),?\s*(?:-- *([^\n]*))?$", body[1], re.M))
