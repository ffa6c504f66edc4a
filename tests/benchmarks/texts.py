"""A million samples with text: brought in from a file, and asked everything that `growth` asks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from tests.benchmarks.growth import commands, of_process
from tests.benchmarks.made_store import draw_problem, texts_of
from tests.benchmarks.page import Rows, measure

PROBLEMS, SAMPLES = 500, 2000
_AT_ONCE = 25  # problems


def make_files(folder: Path, n_problems: int, n_samples: int) -> dict[str, Path]:
    """The same samples as Parquet and as JSON lines, by the kind's name."""
    files = {"Parquet": folder / "s.parquet", "JSON lines": folder / "s.jsonl"}
    writer = None
    with open(files["JSON lines"], "wb") as lines:
        for first in range(0, n_problems, _AT_ONCE):
            frame = pl.concat(
                [_problem(number, n_samples) for number in range(first, min(first + _AT_ONCE, n_problems))]
            )
            frame.write_ndjson(lines)
            table = frame.to_arrow()
            writer = writer or pq.ParquetWriter(files["Parquet"], table.schema, compression="zstd")
            writer.write_table(table)
    if writer is not None:
        writer.close()
    return files


def _problem(number: int, n_samples: int) -> pl.DataFrame:
    answers, scores, tokens = draw_problem(number, n_samples)
    return pl.DataFrame(
        {
            "problem_id": [f"p{number:06d}"] * n_samples,
            "policy": ["policy"] * n_samples,
            "sample_index": np.arange(n_samples),
            "reference_answer": ["0"] * n_samples,
            "completion": list(texts_of(tokens, answers, [0, number])),
            "correct": answers == 0,
            "step_scores": scores.astype(float)[:, None],
            "prompt_tokens": np.full(n_samples, 64),
            "completion_tokens": tokens,
        },
        schema_overrides={"step_scores": pl.List(pl.Float64)},
    )


@measure(
    "texts",
    "A million samples with text",
    "500 problems × 2,000 samples with a completion of a few hundred characters, in which the answer is looked for, a "
    "score and a given grade: `ttc import` from a file of each kind, and then the same as above. It takes minutes, and "
    "is measured only where it is named. CPU s of a process, the most memory that it held, and the size of the file "
    "that it read.",
)
def texts() -> Rows:
    """A row a command."""
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), PROBLEMS, SAMPLES)
        for kind, file in files.items():
            store = Path(folder) / f"{file.suffix[1:]}.duckdb"
            asked = ["-m", "ttclib.cli", "import", str(file), "--store", str(store), "--verifier", "orm"]
            seconds, held = of_process(asked)
            rows.append(_row(f"import, {kind}", seconds, held, file.stat().st_size))
        for name, command in commands(store, SAMPLES).items():
            if name != "ingest":
                rows.append(_row(name, *of_process(command), store.stat().st_size))
    return rows


def _row(name: str, seconds: float, held: float, size: int) -> dict[str, object]:
    return {"": name, "CPU s": seconds, "MB held": held, "MB on disk": size / 1e6}
