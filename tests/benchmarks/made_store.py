"""A store of any size, drawn and not sampled from a model, so that anyone gets the same.

    python -m tests.benchmarks.made_store STORE [--problems 500] [--samples 2000] [--text] [--parts]

Problems of every difficulty, a few favourite wrong answers each, and a verifier of some use, as in `pools`. Every
problem's numbers are its own: a larger store begins as a smaller one with as many samples a problem does.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.setting_keys import canonical_json, setting_name
from ttclib.store import absorb, write_part
from ttclib.store.schema import parts_directory

ANSWERS = 24
ROWS_A_PART = 1_000_000
_SEQUENCE = itertools.count()
KEYS = {"temperature": 0.8, "max_tokens": 512}
_WORDS = ("so", "we", "add", "two", "numbers", "and", "carry", "one", "to", "the", "next", "place", "which", "gives")


def make_store(path: Path, n_problems: int = 500, n_samples: int = 2000, *, text: bool = False, seed: int = 0) -> int:
    """Write the parts of a store, problems in order; how many samples they hold.

    Parameters
    ----------
    path : pathlib.Path
        The store; `ttclib.store.absorb` takes the parts into it.
    n_problems, n_samples : int
    text : bool
        Whether samples have a completion of a few hundred characters.
    seed : int
    """
    names = [f"p{number:06d}" for number in range(n_problems)]
    write_part(path, "problems", [{"problem_id": name, "benchmark": "made", "reference_answer": "0"} for name in names])
    write_part(path, "models", [{"model": "policy", "n_parameters": 1_000_000_000}, {"model": "orm", "kind": "orm"}])
    write_part(path, "settings", [{"setting": setting_name(KEYS), "keys": canonical_json(KEYS)}])
    a_part = max(1, ROWS_A_PART // n_samples)
    for begin in range(0, n_problems, a_part):
        for table, rows in _tables(names[begin : begin + a_part], begin, n_samples, text, seed).items():
            _write(path, table, rows)
    return n_problems * n_samples


def _write(path: Path, table: str, rows: pa.Table) -> None:
    """A part as any other program may write one: columns that are not known left out, names told once."""
    name = f"{time.time_ns():020d}_{next(_SEQUENCE):06d}-{table}-made.parquet"
    pq.write_table(rows, parts_directory(path) / name, compression="zstd", row_group_size=1 << 17, store_schema=False)


def _tables(names: list[str], first: int, n_samples: int, text: bool, seed: int) -> dict[str, pa.Table]:
    drawn = [draw_problem(first + place, n_samples, seed) for place in range(len(names))]
    answers, scores, tokens = (np.concatenate(columns) for columns in zip(*drawn, strict=True))
    n_rows = len(answers)
    place = np.repeat(np.arange(len(names), dtype=np.int32), n_samples)
    nothing = np.zeros(n_rows, dtype=np.int32)
    key: dict[str, Any] = {
        "policy": _named(nothing, ["policy"]),
        "problem_id": _named(place, names),
        "setting": _named(nothing, [setting_name(KEYS)]),
        "sample_index": pa.array(np.tile(np.arange(n_samples, dtype=np.int32), len(names))),
    }
    samples = {**key, "prompt_tokens": nothing + 64, "completion_tokens": tokens}
    if text:
        samples["completion"] = pa.array(list(texts_of(tokens, answers, [seed, first])))
    lists = pa.ListArray.from_arrays(np.arange(n_rows + 1, dtype=np.int32), pa.array(scores.astype(np.float64)))
    return {
        "samples": pa.table(samples),
        "scores": pa.table(
            {
                **key,
                "verifier": _named(nothing, ["orm"]),
                "reading": nothing,
                "step_scores": lists,
                "prm_tokens": pa.array(tokens + 64),
            }
        ),
        "grades": pa.table(
            {
                **key,
                "grader": _named(nothing, ["given"]),
                "answer": _named(answers, [str(number) for number in range(ANSWERS)]),
                "answer_class": answers,
                "correct": answers == 0,
            }
        ),
    }


def _named(places: np.ndarray, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(names))


def draw_problem(number: int, n_samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers (0 is right), scores, as a model gives them in single precision, and tokens of one problem's samples."""
    rng = np.random.default_rng([seed, number])
    right = rng.random(n_samples) < rng.beta(0.7, 0.9)
    shares = np.cumsum(rng.dirichlet(np.full(ANSWERS - 1, 0.3)))
    wrong = 1 + np.minimum(np.searchsorted(shares, rng.random(n_samples)), ANSWERS - 2)
    evidence = 0.75 * right + rng.standard_normal(n_samples) + 0.5 * rng.standard_normal()
    tokens = rng.integers(20, 20 + rng.integers(50, 500), n_samples, dtype=np.int32)
    answers = np.where(right, 0, wrong).astype(np.int32)
    return answers, (1 / (1 + np.exp(-evidence))).astype(np.float32), tokens


def texts_of(tokens: np.ndarray, answers: np.ndarray, seed: list[int]) -> Iterator[str]:
    """A completion of about so many tokens a sample, which ends with its answer."""
    rng = np.random.default_rng(seed)
    for count, answer in zip(tokens.tolist(), answers.tolist(), strict=True):
        words = rng.integers(0, len(_WORDS), max(1, count // 3))
        yield f"{' '.join([_WORDS[word] for word in words.tolist()])}\n#### {answer}"


def main() -> None:
    """Make one, and take it in unless only the parts are wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--parts", action="store_true", help="Leave the parts beside the store.")
    given = parser.parse_args()
    made = make_store(given.store, given.problems, given.samples, text=given.text)
    if not given.parts:
        absorb(given.store, wait_s=3600)
    print(f"{given.store}: {made:,} samples")


if __name__ == "__main__":
    main()
