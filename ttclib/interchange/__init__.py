"""Samples of any form, to fill a store from files and to hand one on.

Rooms: `readers` (a file a format, behind one door), `sources` (what a path holds), `columns` and `cell_values`
(what all readers give), `spool` (batches set aside), `gathering`, `assembling`, `numbering`, `store_tables`,
`writing_parts`, `importing`, `lint`, `frames` (from a notebook); out again: `store_rows`, `exporting`, `dataset_card`,
`training_set`.
"""

from ttclib.interchange.columns import KEYS
from ttclib.interchange.exporting import Exported, export_samples, export_store
from ttclib.interchange.importing import import_samples
from ttclib.interchange.lint import Finding, lint_store
from ttclib.interchange.readers import Reader, reader, readers

__all__ = [
    "KEYS",
    "Exported",
    "Finding",
    "Reader",
    "export_samples",
    "export_store",
    "import_samples",
    "lint_store",
    "reader",
    "readers",
]
