"""Make the stores of real models that ship, from the public files that they are of.

    python store/make_real.py FOLDER

FOLDER holds `epoch_samples.csv.gz`, `livecodebench_counts_of_10.csv.gz` and `pythia_counts.csv.gz` (README.md says
whose they are); what is not there is passed over. Facts of models come from the table that ships with ttclib
(`ttclib/store/model_facts.csv`); Pythia's stand in its names.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from ttclib.interchange import import_samples
from ttclib.store.fact_tables import SHIPPED
from ttclib.store.models import list_models, set_facts_of
from ttclib.store.packed import pack

HERE = Path(__file__).resolve().parent
# File, credit and licence of each.
MADE_OF = {
    "frontier": ("epoch_samples.csv.gz", 'Epoch AI, "AI Benchmarking Hub", epoch.ai, 2026', "CC BY 4.0"),
    "livecodebench": (
        "livecodebench_counts_of_10.csv.gz",
        "LiveCodeBench leaderboard, livecodebench.github.io (arXiv:2403.07974)",
        "CC BY-SA 4.0",
    ),
    "pythia": ("pythia_counts.csv.gz", "counts of Schaeffer et al. 2025 (arXiv:2502.17578)", None),
}
SIZES = {"M": 1e6, "B": 1e9}


def main() -> None:
    """Make those whose file is there."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, (file, credit, license) in MADE_OF.items():
        source = Path(sys.argv[1]) / file
        if not source.exists():
            print(f"{name}: no '{source}'")
            continue
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / f"{name}.duckdb"
            import_samples(source, store, prices=SHIPPED, credit=credit, license=license, report=print)
            names = [row["model"] for row in list_models(store)]
            if facts := {model: stated for model in names if (stated := facts_of_name(model))}:
                set_facts_of(store, facts)
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
