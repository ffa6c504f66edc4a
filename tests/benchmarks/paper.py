"""What a study of any size comes to, on paper: from the ledger, and from rates that are measured here and now.

python -m tests.benchmarks.paper        # measures, and writes docs/scale.md
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.growth import STRATEGIES, rates
from tests.benchmarks.made_store import make_store
from tests.benchmarks.page import PAGE, Rows, machine, shown, table
from ttclib.analysis.cost import flops_per_token, kinetics_eflops
from ttclib.store import absorb

SIZES = ((500, 256), (500, 2_000), (2_500, 4_000), (10_000, 10_000))
PEAK, BANDWIDTH, SHARE, GPUS = 989e12, 3.35e12, 0.5, 64  # an H100's FLOP/s and bytes/s, of which a half is had
PROMPT, COMPLETION = 200, 500  # tokens
BYTES_A_CELL = 24  # of a large pool: grade, class, tokens, score and tokens read, the score in full precision
HELD, PROCESS = 1.0, 0.4  # GB beside the pool: what DuckDB may take and a block of kernels; Python itself


@dataclass(frozen=True)
class Model:
    """What a model's cost depends on."""

    name: str
    n_parameters: float
    n_layers: int
    n_kv_heads: int
    head_dim: int
    n_heads: int


POLICIES = (
    Model("1B", 1.24e9, 16, 8, 64, 32),
    Model("8B", 8.03e9, 32, 8, 128, 32),
    Model("70B", 70.6e9, 80, 8, 128, 64),
)
VERIFIER = POLICIES[1]


def drawing_hours(model: Model, n_problems: int, n_samples: int) -> float:
    """GPU-hours of drawing: operations and traffic of the cache, as one cost (`kinetics_eflops`)."""
    one = kinetics_eflops(
        n_samples, model.n_parameters, PROMPT, COMPLETION, model.n_layers, model.n_kv_heads, model.head_dim,
        model.n_heads, intensity=PEAK / BANDWIDTH,
    )  # fmt: skip
    return n_problems * one / (PEAK * SHARE) / 3600


def scoring_hours(model: Model, n: float) -> float:
    """GPU-hours of a verifier that reads so many samples, prompts included."""
    return n * (PROMPT + COMPLETION) * flops_per_token(model.n_parameters) / (PEAK * SHARE) / 3600


def reckon(measured: dict[str, float], n_problems: int, n_samples: int) -> dict[str, float]:
    """Hours, gigabytes and what takes longest, of all policies together.

    Parameters
    ----------
    measured : dict of str to float
        As `tests.benchmarks.growth.rates` gives it, and ``text_bytes`` a sample.
    n_problems, n_samples : int
        Of each policy.
    """
    n = len(POLICIES) * n_problems * n_samples
    return {
        "samples": n,
        "tokens": n * COMPLETION,
        "drawing": sum(drawing_hours(model, n_problems, n_samples) for model in POLICIES),
        "scoring": scoring_hours(VERIFIER, n),
        "file": n * (measured["file_bytes"] + measured["text_bytes"]) / 1e9,
        "ingest": n * measured["ingest_s"] / 3600,
        "replay": n * measured["replay_s"] / 3600,
        "memory": n_problems * n_samples * BYTES_A_CELL / 1e9 + HELD + PROCESS,
    }


def bottleneck(one: dict[str, float]) -> str:
    """What is waited for longest on `GPUS` GPUs and one thread of a processor."""
    waits = {
        "drawing": one["drawing"] / GPUS,
        "scoring": one["scoring"] / GPUS,
        "ingest": one["ingest"],
        "replay": one["replay"],
    }
    return max(waits, key=lambda name: waits[name])


def rows(measured: dict[str, float]) -> Rows:
    """A row a size."""
    found = []
    for n_problems, n_samples in SIZES:
        one = reckon(measured, n_problems, n_samples)
        found.append(
            {
                "problems × samples × policies": f"{n_problems:,} × {n_samples:,} × {len(POLICIES)}",
                "samples": f"{one['samples']:,.0f}",
                "drawing, GPU-h": one["drawing"],
                "scoring, GPU-h": one["scoring"],
                "file with text, GB": one["file"],
                "ingest, CPU-h": one["ingest"],
                "replay, CPU-h": one["replay"],
                "memory, GB": one["memory"],
                f"longest on {GPUS} GPUs and a thread": bottleneck(one),
            }
        )
    return found


def text_bytes() -> float:
    """What a completion of a few hundred characters adds to a store's file, measured."""
    sizes = []
    for text in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "s.duckdb"
            n = make_store(store, 50, 1000, text=text)
            absorb(store)
            sizes.append(store.stat().st_size / n)
    return sizes[1] - sizes[0]


def page(measured: dict[str, float]) -> str:
    """The page, of which no number is typed."""
    models = ", ".join(f"{one.name} ({one.n_parameters:.3g} parameters)" for one in POLICIES)
    per_million = {name: shown(1e6 * measured[f"{name}_s"]) for name in ("ingest", "status", "replay", "difficulty")}
    shares = ", ".join(f"{model.name} {shown(drawing_hours(model, *SIZES[-1]))}" for model in POLICIES)
    return f"""# A hundred million samples, on paper

Written by `python -m tests.benchmarks.paper`, which measures the rates and reckons the rest. What a store's commands
take is [measured](measurements.md).

{table(rows(measured))}
At the largest size the GPU-hours of drawing are, by policy: {shares}.

## What it is reckoned from

- Policies: {models}; {PROMPT} tokens of prompt, {COMPLETION} of completion. Drawing costs what
  `ttclib.kinetics_eflops` says, operations and traffic of the cache together, on a GPU of {PEAK / 1e12:,.0f} TFLOP/s
  and {BANDWIDTH / 1e12:.2f} TB/s of which {SHARE:.0%} is had (an assumption: it holds where many samples of a problem
  are drawn side by side). Waiting for the last sample of a batch and loading of models are not in it.
- Scoring: one verifier of {VERIFIER.name} that reads each sample once, at `2·P` FLOPs a token, at the same {SHARE:.0%}.
- File: {shown(measured["file_bytes"])} bytes a sample with a score and a grade, and {shown(measured["text_bytes"])} of
  text (made of few words, so that real text is larger), measured.
- Ingest {per_million["ingest"]}, status {per_million["status"]}, replay {per_million["replay"]}, difficulty
  {per_million["difficulty"]} CPU s a million samples, measured between two sizes ({machine()}); replay is of
  {STRATEGIES.replace(",", ", ")} at four budgets of up to 2,048, all budgets cost more. They are carried on in
  proportion: the exponents of growth are in [Measurements](measurements.md).
- Memory: one policy at a time, {BYTES_A_CELL} bytes a sample and {HELD + PROCESS:.1f} GB beside them.

## What follows

- Drawing is what is waited for; a store's work is small beside it, and parts are taken in while samples are drawn.
- More policies cost disk and time. A question of several policies holds each one's pool, so ask it of one policy at a
  time at the largest size.
- A file of the largest size is best copied to a local disk. One on a share that is mounted read-only is read as it
  lies, and so is a folder of Parquet parts (`ttc status FOLDER`), more slowly: what stands twice is looked for at each
  question. An object store's folder is read by its address
  ([Sharing](sharing.md#on-a-share-or-an-object-store)), where each question waits for what it fetches.
"""


def main() -> None:
    """Measure and write."""
    path = PAGE.with_name("scale.md")
    path.write_text(page({**rates(), "text_bytes": text_bytes()}), encoding="utf-8")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
