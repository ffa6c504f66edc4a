"""Make the stores of real models that ship, from the public files that they are of.

    python store/make_real.py FOLDER

FOLDER holds `epoch_samples.csv.gz`, `livecodebench_counts_of_10.csv.gz` and `pythia_counts.csv.gz` (README.md says
whose they are); what is not there is passed over. Facts of models come from `model_facts.csv`; Pythia's stand in its
names.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from ttclib.interchange import import_samples
from ttclib.store.models import list_models, set_model_facts
from ttclib.store.packed import pack

HERE = Path(__file__).resolve().parent
MADE_OF = {
    "frontier": "epoch_samples.csv.gz",
    "livecodebench": "livecodebench_counts_of_10.csv.gz",
    "pythia": "pythia_counts.csv.gz",
}
SIZES = {"M": 1e6, "B": 1e9}


def main() -> None:
    """Make those whose file is there."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    stated = {row.pop("model"): row for row in pl.read_csv(HERE / "model_facts.csv").drop("source").to_dicts()}
    for name, file in MADE_OF.items():
        source = Path(sys.argv[1]) / file
        if not source.exists():
            print(f"{name}: no '{source}'")
            continue
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / f"{name}.duckdb"
            import_samples(source, store, report=print)
            for model in {row["model"] for row in list_models(store)}:
                if facts := stated.get(model) or facts_of_name(model):
                    set_model_facts(store, model, **{key: value for key, value in facts.items() if value is not None})
            packed = pack(store, HERE / f"{name}.duckdb.xz")
        print(f"{packed}: {packed.stat().st_size / 1e6:.1f} MB")


def facts_of_name(model: str) -> dict[str, Any]:
    """What a Pythia checkpoint's name says: ``Pythia_1.4B_300B`` has 1.4 G parameters, 300 G tokens."""
    found = re.fullmatch(r"Pythia_([\d.]+)([MB])_([\d.]+)([MB])", model)
    if found is None:
        return {}
    size, unit, tokens, of = found.groups()
    return {"n_parameters": round(float(size) * SIZES[unit]), "training_tokens": round(float(tokens) * SIZES[of])}


if __name__ == "__main__":
    main()
