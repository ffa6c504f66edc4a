"""Rows about models and settings, as facts."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import duckdb

from ttclib.samples import ModelFacts


def read_model(con: duckdb.DuckDBPyConnection, model: str | None) -> ModelFacts | None:
    """What the store knows about a model; None: it has no row of it."""
    found = con.execute("SELECT * FROM models WHERE model = ?", [model])
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    known = {column.name for column in fields(ModelFacts)}
    return ModelFacts(**{n: v for n, v in zip(names, rows[0], strict=True) if n in known}) if rows else None


def read_setting(con: duckdb.DuckDBPyConnection, setting: str) -> dict[str, Any]:
    """The keys of a setting that are known; none: it has no row."""
    found = con.execute("SELECT * EXCLUDE (setting) FROM settings WHERE setting = ?", [setting])
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    keys = {name: value for name, value in zip(names, rows[0], strict=True) if value is not None} if rows else {}
    if isinstance(keys.get("prompt_format"), str):
        keys["prompt_format"] = json.loads(keys["prompt_format"])
    return keys
