"""Samples as JSON lines, to fill a store from a file and to hand one on.

One sample a line, with the keys of `KEYS`; a missing key is null, an unknown one is left out with a
word. A given ``correct`` is kept as that file's grade, a null one is graded.

Rooms: `lines` (the format), `importing`, `exporting`.
"""

from ttclib.interchange.exporting import export_samples
from ttclib.interchange.importing import import_samples
from ttclib.interchange.lines import KEYS, SampleLine

__all__ = ["KEYS", "SampleLine", "export_samples", "import_samples"]
