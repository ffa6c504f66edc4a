"""A folder of small stores, at least one of them for every question that a command can ask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.builders import add_chains, build_store
from tests.show.stores import make_store
from tests.study.efforts import make_efforts
from ttclib.interchange import import_samples
from ttclib.store import absorb, write_part
from ttclib.store.models import set_model_facts
from ttclib.store.rounds import Round, write_round


def make_sides(folder: Path) -> None:
    """A small policy with greedy samples of one 14 times larger, those alone, and a policy without scores."""
    store = build_store(folder / "s.duckdb", n_problems=24, policy="small", n_parameters=1000, absorbed=False)
    build_store(folder / "q.duckdb", n_problems=24, policy="drawn", n_parameters=None, scored=False)
    for path in (store, folder / "large.duckdb"):
        add_greedy(path)


def make_asked(folder: Path) -> None:
    """Write them.

    `rich.duckdb`: two policies, two temperatures of the small one, searches, chains, two verifiers. `chains.duckdb`:
    chains of two revisers on a third of the problems. `again.duckdb`: the policies of `s.duckdb`, drawn otherwise.
    `two.duckdb`: two policies on two benchmarks. `efforts.duckdb`: one
    model at three efforts. `family.duckdb`: checkpoints of two families. `checkpoints.duckdb`: counts of
    twelve checkpoints. `wheel.duckdb`: two rounds of a flywheel.
    """
    make_store(folder / "rich.duckdb", n_samples=8, search=True, revisions=True, larger=True, orm=True,
               second_temperature=0.3)  # fmt: skip
    build_store(folder / "chains.duckdb")
    for seed, reviser in enumerate(("reviser", "other")):
        add_chains(folder / "chains.duckdb", policy=reviser, seed=seed)
    again = build_store(
        folder / "again.duckdb", n_problems=24, policy="small", n_parameters=1000, seed=7, absorbed=False
    )
    add_greedy(again, share=0.4)
    for benchmark, shares in (("a", (0.3, 0.4)), ("b", (0.6, 0.9))):
        sides = [(benchmark, name, share, 40) for name, share in zip(("m", "n"), shares, strict=True)]
        _import(folder, "two", sides, n_samples=8)
    for times, name in enumerate(("m", "n"), start=1):
        set_model_facts(folder / "two.duckdb", name, n_parameters=1000 * times, training_tokens=1_000_000 * times)
    make_efforts(folder / "efforts.duckdb", {"low": (0.4, 100), "medium": (0.5, 200), "high": (0.7, 410)})
    sides = (("direct", 0.2), ("direct@4x", 0.4), ("direct@16x", 0.8), ("steps", 0.6), ("direct-shown", 0.1))
    _import(folder, "family", [("sums", name, share, 40 if name == "steps" else 4) for name, share in sides])
    for name, _ in sides:
        times = float(name.partition("@")[2].rstrip("x") or 1)
        size = 1000 if name.startswith("direct") else 2000
        set_model_facts(folder / "family.duckdb", name, n_parameters=size, training_tokens=round(1e6 * times))
    make_checkpoints(folder / "checkpoints.duckdb")
    make_wheel(folder / "wheel.duckdb")


def add_greedy(path: Path, *, share: float = 0.6) -> None:
    """A greedy sample of a policy ``large`` for each of 24 problems, right so often."""
    rng = np.random.default_rng(0)
    keys = [{"policy": "large", "problem_id": f"p{n:03d}", "setting": "greedy", "sample_index": 0} for n in range(24)]
    right = rng.random(24) < share
    write_part(path, "models", [{"model": "large", "n_parameters": 14_000}])
    write_part(path, "settings", [{"setting": "greedy", "keys": '{"max_tokens":256,"temperature":0.0}'}])
    write_part(path, "samples", [{**key, "completion_tokens": 60, "prompt_tokens": 10} for key in keys])
    grades = [{"grader": "exact", "answer_class": 1, "correct": bool(one)} for one in right]
    write_part(path, "grades", [key | grade for key, grade in zip(keys, grades, strict=True)])
    absorb(path)


def _import(folder: Path, store: str, sides: list[tuple[str, str, float, int]], *, n_samples: int = 16) -> None:
    rng = np.random.default_rng(len(sides))
    lines = [
        {"benchmark": benchmark, "problem_id": f"{benchmark}{i}", "policy": policy, "sample_index": k,
         "answer": "1" if right else str(rng.integers(2, 5)), "correct": right,
         "completion_tokens": tokens + int(rng.integers(0, 3)), "prompt_tokens": 10}
        for benchmark, policy, share, tokens in sides
        for i in range(60)
        for k in range(n_samples)
        for right in [bool(rng.random() < np.clip(share + (i - 30) / 100, 0, 1))]
    ]  # fmt: skip
    source = folder / f"{store}.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(source, folder / f"{store}.duckdb")


def make_checkpoints(path: Path, *, n_samples: int = 32) -> None:
    """Twelve checkpoints of three sizes, of which nothing is known but how often each is right."""
    rng = np.random.default_rng(0)
    ease = np.linspace(-3, 1, 60)
    names = [f"p{number:02d}" for number in range(60)]
    write_part(path, "problems", [{"problem_id": name, "benchmark": "sums"} for name in names])
    write_part(path, "settings", [{"setting": "s", "keys": '{"temperature":1.0}'}])
    for size in (1, 2, 4):
        for step in range(4):
            model = f"m{size}@{2**step}x"
            facts = {"n_parameters": 1000 * size, "training_tokens": 100_000 * 2**step}
            write_part(path, "models", [{"model": model, **facts}])
            shares = 1 / (1 + np.exp(-(ease + 0.4 * np.log2(size) + 0.5 * step - 1)))
            counts = [{"policy": model, "problem_id": name, "setting": "s", "n": n_samples, "c": c}
                      for name, c in zip(names, rng.binomial(n_samples, shares).tolist(), strict=True)]  # fmt: skip
            write_part(path, "counts", counts)
    absorb(path)


def make_wheel(path: Path) -> None:
    """Two rounds, and training on for as many FLOPs."""
    first = Round("base-r1", "base", "verified", 1, n_problems=10, n_drawn=40, n_kept=6, sampling_flops=3e9,
                  training_flops=1e9, sampling_s=2.0, training_s=1.0)  # fmt: skip
    second = Round("base-r2", "base-r1", "verified", 2, n_problems=10, n_drawn=40, n_kept=7, sampling_flops=2e9)
    longer = Round("base-longer", "base", "longer", 2, matches="base-r2", training_flops=3e9)
    rounds = (first, second, longer)
    for seed, name in enumerate(["base", *(one.policy for one in rounds)]):
        build_store(path, policy=name, n_problems=20, n_samples=8, seed=seed, scored=False)
    for one in rounds:
        write_round(path, one)
    absorb(path)
