"""`ttc`: thin commands over the library, one module a subject.

Exit status 0 done, 1 the work failed, 2 the request was wrong; an error is one line.
"""

from ttclib.cli import (
    analysing,
    collecting,
    exchanging,
    grading,
    lab,
    models,
    planning,
    replaying,
    reporting,
    revising,
    searching,
)
from ttclib.cli.common import cli, main

__all__ = [
    "analysing",
    "cli",
    "collecting",
    "exchanging",
    "grading",
    "lab",
    "main",
    "models",
    "planning",
    "replaying",
    "reporting",
    "revising",
    "searching",
]
