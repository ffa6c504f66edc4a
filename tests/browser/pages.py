"""Pages of all notebooks, run in this process without a kernel: on a small store, or on those that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.show.inprocess import NOTEBOOKS, run
from tests.show.stores import make_store
from ttclib.show import picture
from ttclib.show.page import NOTEBOOK_ONLY, PageFacts, page_html

NAMES = [path.stem for path in NOTEBOOKS]
# Less of what takes its time and changes no picture's size: draws behind bands, panels like those beside them.
QUICK: dict[str, dict[str, Any]] = {
    "07_scaling_fits": {"n_resamples": 3, "n_splits": 1},
    "10_which_model": {"benchmarks": ["otis_mock_aime"]},
    "11_think_longer": {"policies": ["anthropic/claude-opus-4-5-20251101"]},
    "12_open_models": {"n_resamples": 20, "tasks": {"testgen": "test output", "repair": "self-repair"}},
    "13_train_or_sample": {"n_resamples": 20, "ks": [16, 1024]},
}
SHIPPED = ("10_which_model", "11_think_longer", "12_open_models", "13_train_or_sample", "19_inside_or_outside")
NO_PICTURE = "a page draws its charts itself"


class Pages:
    """A folder of pages, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = make_store(folder / "full.duckdb", n_samples=8, search=True, revisions=True, larger=True, orm=True)

    def page(self, name: str) -> Path:
        """The page of a notebook."""
        target = self.folder / f"{name}.html"
        if not target.exists():
            plain = nbformat.read(NOTEBOOKS[NAMES.index(name)], as_version=4)
            plain.cells = [cell for cell in plain.cells if NOTEBOOK_ONLY not in cell.metadata.get("tags", [])]
            notebook = self.folder / f"{name}.plain.ipynb"
            nbformat.write(plain, notebook)
            given = {**QUICK.get(name, {}), **({} if name in SHIPPED else {"store": str(self.store)})}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(picture, "svg_of", lambda spec: NO_PICTURE)
                ran = run(notebook, self.folder / f"{name}.ipynb", **given)
            facts = PageFacts(
                f"{name}.ipynb",
                "2026-01-01 12:00",
                {self.store.name: "SHA-256 0"},
                {"ttclib": "1"},
                given,
                paths={str(self.store): self.store.name},
                related=(("all reports", "index.html"), ("samples", "08_samples.html")),
            )
            target.write_text(page_html(ran, facts), encoding="utf-8")
        return target
