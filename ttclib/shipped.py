"""Where the models, notebooks and stores that ship lie."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from ttclib.errors import TTCError, one_of

CHECKPOINTS = ("policy", "policy-2x", "policy-4x", "policy-14x", "prm", "revision", "revision-orm", "policy-direct")


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


def shipped_files(folder: str, pattern: str) -> list[Path]:
    """Notebooks or stores that ship, from the checkout or from what was installed.

    Parameters
    ----------
    folder : {"notebooks", "store"}
    pattern : str
        Of their names, such as ``*.ipynb``.

    Raises
    ------
    TTCError
        This copy has none.
    """
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        found = sorted((checkout / folder).glob(pattern))
    else:
        inside = Path("share", "ttclib", folder)
        found = sorted(path for path in _installed() if path.parts[-4:-1] == inside.parts and path.match(pattern))
    if not found:
        raise TTCError(f"this copy of ttclib has no {folder}/{pattern}: install it from a wheel or a checkout")
    return found


def _installed() -> list[Path]:
    """Every file of the installed package."""
    try:
        return [Path(str(one.locate())).resolve() for one in distribution("ttclib").files or ()]
    except PackageNotFoundError:
        return []
