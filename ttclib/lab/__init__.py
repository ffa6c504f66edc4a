"""A family of small models trained here, so that the whole method runs on a laptop.

`task` is pure Python; everything else needs the extra ``transformers``.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ttclib.errors import one_of

CHECKPOINTS = ("policy", "prm")


def checkpoint(name: str) -> Path:
    """Directory of a model that ships.

    Parameters
    ----------
    name : {"policy", "prm"}

    Raises
    ------
    RequestError
        Unknown name.
    """
    return Path(str(files("ttclib.lab").joinpath("checkpoints", one_of(name, CHECKPOINTS, "lab model"))))
