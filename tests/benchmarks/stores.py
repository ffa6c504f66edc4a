"""A store against bare DuckDB and bare files: taking parts in, bytes a sample, reading a pool."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from tests.benchmarks.made_store import make_store
from tests.benchmarks.page import Rows, beside, in_turn, measure
from ttclib.interchange import export_store, import_samples
from ttclib.store import absorb, load_pool
from ttclib.store.pool import _KEPT
from ttclib.store.schema import pending_parts, table_of

PROBLEMS, SAMPLES = 50, 1000
TABLES = ("samples", "scores", "grades")


@measure(
    "ingest",
    "Taking samples in",
    "50,000 samples with a score and a grade each, without text: parts into a store, with every key checked, beside "
    "bare DuckDB, which makes three tables of the same Parquet files; and `ttc import` of JSON lines.",
)
def ingest() -> Rows:
    """Absorb and import against CREATE TABLE."""
    with tempfile.TemporaryDirectory() as folder:
        number = iter(range(10**6))
        parts = Path(folder) / "parts.duckdb"
        make_store(parts, PROBLEMS, SAMPLES)
        lines = Path(folder) / "lines.jsonl"
        export_store(parts, lines, file_format="interchange")

        def ours() -> None:
            store = Path(folder) / f"{next(number)}.duckdb"
            folder_of = store.with_name(store.name + ".parts")
            folder_of.mkdir()
            for part in pending_parts(parts):
                (folder_of / part.name).hardlink_to(part)
            absorb(store)

        def bare() -> None:
            with duckdb.connect(str(Path(folder) / f"{next(number)}.db")) as con:
                for table in TABLES:
                    names = [str(part) for part in pending_parts(parts) if table_of(part) == table]
                    con.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet({names})")

        taken = in_turn(
            {
                "ttclib: parts": ours,
                "bare DuckDB, nothing checked": bare,
                "ttclib: `ttc import`, from JSON lines": lambda: import_samples(
                    lines, Path(folder) / f"{next(number)}.duckdb"
                ),
            },
            3,
        )
    return beside(taken, "ttclib: parts")


@measure(
    "bytes",
    "Bytes a sample",
    "50,000 samples with a score and a grade each, in a store, as one Parquet file of the same columns (zstd) and as "
    "JSON lines, without text and with a completion of a few hundred characters.",
)
def sizes() -> Rows:
    """A store, Parquet and JSON lines."""
    rows = []
    for text in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            store, lines = Path(folder) / "s.duckdb", Path(folder) / "s.jsonl"
            n = make_store(store, 50, 1000, text=text)
            absorb(store)
            export_store(store, lines, file_format="interchange")
            frame = pl.DataFrame([json.loads(line) for line in lines.open(encoding="utf-8")], infer_schema_length=None)
            frame.write_parquet(lines.with_suffix(".parquet"), compression="zstd")
            rows.append(
                {
                    "": "with text" if text else "without text",
                    "store": store.stat().st_size / n,
                    "Parquet, zstd": lines.with_suffix(".parquet").stat().st_size / n,
                    "JSON lines": lines.stat().st_size / n,
                }
            )
    return rows


@measure(
    "load",
    "Reading a pool",
    "50,000 samples into arrays: chosen grades, scores and tokens in their cells, beside bare DuckDB that joins the "
    "three tables and gives columns in no order.",
)
def load() -> Rows:
    """`load_pool` against a join."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.duckdb"
        make_store(store, PROBLEMS, SAMPLES)
        absorb(store)

        def ours() -> None:
            _KEPT.clear()
            load_pool(store)

        def bare() -> None:
            with duckdb.connect(str(store), read_only=True) as con:
                con.execute(
                    "SELECT problem_id, sample_index, completion_tokens, correct, answer_class, step_scores[-1] "
                    "FROM samples JOIN grades USING (policy, setting, problem_id, sample_index) "
                    "JOIN scores USING (policy, setting, problem_id, sample_index)"
                ).to_arrow_table()

        return beside(in_turn({"ttclib": ours, "bare DuckDB": bare}, 5), "ttclib")
