"""One file a format, all behind one door: `reader_of` says whose a file is.

The order of the imports is the order in which they are asked, the plainest format last.
"""

from ttclib.interchange.readers import (  # noqa: I001
    inspect_logs,
    lm_evaluation,
    lighteval,
    openai_batch,
    monkeys,
    nemo_skills,
    lists,
    counts,
    rows,
)
from ttclib.interchange.readers.registry import GROUP, Reader, reader, reader_of, readers

__all__ = [
    "GROUP",
    "Reader",
    "counts",
    "inspect_logs",
    "lighteval",
    "lists",
    "lm_evaluation",
    "monkeys",
    "nemo_skills",
    "openai_batch",
    "reader",
    "reader_of",
    "readers",
    "rows",
]
