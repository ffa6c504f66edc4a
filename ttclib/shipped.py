"""Where the models that ship lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ttclib.errors import TTCError, one_of

CHECKPOINTS = ("policy", "policy-2x", "policy-4x", "policy-14x", "prm", "revision", "revision-orm")


def checkpoint(name: str) -> Path:
    """Directory of a model that ships.

    Parameters
    ----------
    name : str
        One of `CHECKPOINTS`.

    Raises
    ------
    RequestError
        Unknown name.
    TTCError
        The model is not there.
    """
    directory = Path(str(files("ttclib").joinpath("lab", "checkpoints", one_of(name, CHECKPOINTS, "lab model"))))
    if not (directory / "config.json").is_file():
        raise TTCError(f"this copy of ttclib has no lab model '{name}': train it with `ttc lab train {name}`")
    return directory
