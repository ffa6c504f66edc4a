"""Small stores that studies are asked of, each made once a process in a folder that goes with it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tests.builders import build_store
from tests.show.stores import make_counts, make_store
from tests.study.efforts import make_efforts
from ttclib.interchange import import_samples
from ttclib.store import absorb, write_part
from ttclib.store.cells import pack_halves
from ttclib.store.models import set_model_facts
from ttclib.store.rounds import Round, write_round

_FOLDER = tempfile.TemporaryDirectory(prefix="kept-")
FOLDER = Path(_FOLDER.name)


def _once(make: Callable[[Path], Any]) -> Callable[[], Path]:
    @cache
    @wraps(make)
    def made() -> Path:
        path = FOLDER / f"{make.__name__}.duckdb"
        make(path)
        return path

    return made


@_once
def full(path: Path) -> None:
    """All that a store can hold of 12 problems, but searches of the first are small."""
    make_store(path, n_samples=8, search=True, uneven=True, revisions=True, larger=True, orm=True)


@_once
def wide(path: Path) -> None:
    """48 problems, as a predictor wants, two policies and two verifiers."""
    make_store(path, n_problems=48, larger=True, orm=True)


@_once
def known(path: Path) -> None:
    """What is known of 48 questions before they are sampled: a level, a hidden state and a greedy answer."""
    make_store(path, n_problems=48, n_samples=8)
    rng = np.random.default_rng(4)
    rows: list[dict[str, Any]] = []
    with duckdb.connect(path) as con:
        for number in range(48):
            name = f"p{number:02d}"
            told = json.dumps({"level": 1 + (47 - number) // 10})
            con.execute("UPDATE problems SET metadata = ? WHERE problem_id = ?", [told, name])
            key = {"policy": "small", "setting": "s", "problem_id": name}
            state = [number / 48 + 0.2 * float(rng.normal()), float(rng.normal())]
            rows.append({**key, "feature": "hidden", "hidden": pack_halves(state)})
            logprob = -4.0 + 3 * number / 48 + float(rng.normal())
            rows.append({**key, "feature": "greedy", "logprob": logprob, "completion_tokens": 4})
    write_part(path, "features", rows)
    absorb(path)


@_once
def twice(path: Path) -> None:
    """The same problems asked at once and with steps, as two benchmarks."""
    rng = np.random.default_rng(5)
    imported(path, [
        {"problem_id": f"{way}/{at}", "benchmark": way, "policy": "m", "answer": str(at % 3), "correct": right,
         "sample_index": index, "completion_tokens": tokens, "prompt_tokens": 10, "reference_answer": str(at % 3)}
        for way, share, tokens in (("execution", 0.3, 5), ("execution_cot", 0.6, 60))
        for at in range(30) for index in range(6) for right in [bool(rng.random() < share)]
    ])  # fmt: skip


@_once
def again(path: Path) -> None:
    """Other problems, on which a plan of `wide` is tried."""
    make_store(path, n_problems=40, seed=5)


@_once
def settings(path: Path) -> None:
    """A policy under two temperatures."""
    make_store(path, second_temperature=1.2)


@_once
def counts(path: Path) -> None:
    """Nothing but how many of how many are right."""
    make_counts(path)


@_once
def plain(path: Path) -> None:
    """Samples that nobody scored."""
    make_store(path, scored=False)


@_once
def efforts(path: Path) -> None:
    """One model at three efforts, one sample without its length."""
    make_efforts(path, {"low": (0.3, 100), "medium": (0.6, 300), "high": (0.75, 900)}, uncounted=1)


@_once
def alike(path: Path) -> None:
    """One model at two efforts whose answers nobody knows, and which are right as often."""
    make_efforts(path, {"low": (0.5, 100), "high": (0.5, 410)}, answers=False, n_problems=20)


@_once
def family(path: Path) -> None:
    """Counts of three sizes on two tasks, with what they were trained on."""
    rng = np.random.default_rng(0)
    write_part(path, "settings", [{"setting": "s", "keys": json.dumps({"temperature": 0.7})}])
    sizes = {"s": (0.12, 10**9), "m": (0.3, 3 * 10**9), "l": (0.5, 9 * 10**9)}
    for task, easier in (("sums", 1.0), ("proofs", 0.4)):
        names = [f"{task}{at:03d}" for at in range(80)]
        write_part(path, "problems", [{"problem_id": name, "benchmark": task} for name in names])
        for policy, (ease, _) in sizes.items():
            spread = rng.beta(2 * ease * easier, 2 * (1 - ease * easier), len(names))
            key = {"policy": policy, "setting": "s", "n": 20}
            right = [int(rng.binomial(20, p)) for p in spread]
            write_part(path, "counts", [{**key, "problem_id": n, "c": c} for n, c in zip(names, right, strict=True)])
    for policy, (_, size) in sizes.items():
        write_part(path, "models", [{"model": policy, "n_parameters": size, "training_tokens": 10**11}])
    write_part(path, "models", [{"model": "unknown"}])
    key = {"policy": "unknown", "setting": "s", "n": 20, "c": 1}
    write_part(path, "counts", [{**key, "problem_id": f"sums{at:03d}"} for at in range(80)])
    absorb(path)


@_once
def checkpoints(path: Path) -> None:
    """Counts of 24 checkpoints, four sizes at six lengths of training, one of which solves next to nothing."""
    rng = np.random.default_rng(1)
    names = [f"p{at:02d}" for at in range(60)]
    write_part(path, "problems", [{"problem_id": name, "benchmark": "sums"} for name in names])
    write_part(path, "settings", [{"setting": "s", "keys": json.dumps({"temperature": 0.7})}])
    hard = np.sort(rng.normal(0, 1.5, len(names)))
    for at, size in enumerate((10**7, 10**8, 10**9, 10**10)):
        for step, tokens in enumerate(10**power for power in range(8, 14)):
            policy, lead = f"m{at}-{step}", -9.0 if at == step == 0 else -2.5 + 0.7 * at + 0.3 * step
            share = 1 / (1 + np.exp(hard - lead))
            rows = [
                {"policy": policy, "problem_id": name, "setting": "s", "n": 32, "c": int(rng.binomial(32, p))}
                for name, p in zip(names, share, strict=True)
            ]
            write_part(path, "counts", rows)
            write_part(path, "models", [{"model": policy, "n_parameters": size, "training_tokens": tokens}])
    absorb(path)


@_once
def trained(path: Path) -> None:
    """A policy that answers at once, two later checkpoints of it, one with steps, and the first with steps shown."""
    rng = np.random.default_rng(3)
    sides = {"direct": 0.2, "direct@4x": 0.4, "direct@16x": 0.8, "steps": 0.6, "direct-shown": 0.3}
    lines = [
        {"problem_id": f"p{i}", "policy": name, "sample_index": k, "answer": "1", "correct": bool(rng.random() < right),
         "completion_tokens": 40 if name.startswith("steps") else 4, "prompt_tokens": 10}
        for name, right in sides.items()
        for i in range(40)
        for k in range(8)
    ]  # fmt: skip
    imported(path, lines)
    for name in sides:
        times = float(name.partition("@")[2].rstrip("x") or 1)
        set_model_facts(path, name, n_parameters=1000, training_tokens=round(1e6 * times))


@_once
def flywheel(path: Path) -> None:
    """Two rounds of training on right samples, one on chosen ones, and the first exercises read again."""
    rounds = (
        Round("base-r1", "base", "verified", 1, n_problems=10, n_drawn=40, n_kept=6, sampling_flops=3e9,
              training_flops=1e9, sampling_s=2.0, training_s=1.0),
        Round("base-r2", "base-r1", "verified", 2, n_problems=10, n_drawn=40, n_kept=7, sampling_flops=2e9,
              plan=("draw 4", "draw 64")),
        Round("base-v1", "base", "verifier", 1, n_problems=10, n_drawn=40, n_kept=8, n_kept_wrong=3, scoring_flops=1e9),
        Round("base-longer", "base", "longer", 2, matches="base-r2", training_flops=3e9),
    )  # fmt: skip
    for seed, name in enumerate(["base", *(one.policy for one in rounds)]):
        build_store(path, policy=name, n_problems=20, n_samples=16, seed=seed, scored=False)
    for one in rounds:
        write_round(path, one)
    absorb(path)


@_once
def written(path: Path) -> None:
    """Answers that graders do not agree on."""
    said = ["1/2", "0.5", r"\frac{1}{2}", "3", "3.0", "3", "3.0", "7"]
    imported(path, [
        {"problem_id": f"p{row}", "policy": "m", "sample_index": index, "reference_answer": "1/2",
         "completion": f"So it is \\boxed{{{answer}}}.", "completion_tokens": 5}
        for row in range(4) for index, answer in enumerate(said[row:] + said[:row])
    ], grader="exact")  # fmt: skip


def counted(path: Path, right: Sequence[Sequence[int | None]], sizes: Sequence[int] = range(10, 99)) -> Path:
    """One sample of each problem by ``m0``, ``m1``, …, of so many parameters: whether it is right."""
    write_part(path, "problems", [{"problem_id": f"p{at}", "benchmark": "b"} for at in range(max(map(len, right)))])
    write_part(path, "settings", [{"setting": "s", "keys": "{}"}])
    for number, own in enumerate(right):
        key = {"policy": f"m{number}", "setting": "s", "n": 1}
        write_part(
            path, "counts", [{**key, "problem_id": f"p{at}", "c": c} for at, c in enumerate(own) if c is not None]
        )
        write_part(path, "models", [{"model": f"m{number}", "n_parameters": sizes[number], "training_tokens": 100}])
    absorb(path)
    return path


def imported(path: Path, lines: Sequence[dict[str, Any]], **how: Any) -> None:
    """Samples as lines of JSON, imported."""
    source = path.with_suffix(".jsonl")
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(source, path, **how)
