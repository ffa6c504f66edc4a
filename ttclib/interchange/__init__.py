"""Samples of any form, to fill a store from files and to hand one on.

Rooms: `readers` (a file a format, behind one door), `sources` (what a path holds), `columns` (what all
readers give), `assembling`, `importing`, `lint`, `frames` (from a notebook), `exporting`.
"""

from ttclib.interchange.columns import KEYS
from ttclib.interchange.exporting import export_samples
from ttclib.interchange.importing import import_samples
from ttclib.interchange.lint import Finding
from ttclib.interchange.linting import lint_store
from ttclib.interchange.readers import Reader, reader, readers

__all__ = ["KEYS", "Finding", "Reader", "export_samples", "import_samples", "lint_store", "reader", "readers"]
