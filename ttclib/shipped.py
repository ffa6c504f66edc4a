"""Where the models and the store that ship lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ttclib.errors import TTCError, one_of

DEMO = Path("store") / "demo.duckdb"
CHECKPOINTS = ("policy", "policy-14x", "prm", "revision", "revision-orm")


def checkpoint(name: str) -> Path:
    """Directory of a model that ships.

    Parameters
    ----------
    name : {"policy", "policy-14x", "prm", "revision", "revision-orm"}

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


def demo_store() -> Path:
    """The demo store: samples, searches and revisions of the family, ready to be replayed.

    Raises
    ------
    TTCError
        It is not there: it comes with the repository, not with an installed package.
    """
    beside = Path(str(files("ttclib"))).parent / DEMO
    for place in (DEMO, beside):
        if place.is_file() or place.with_name(f"{place.name}.xz").is_file():  # packed: whoever opens it unpacks it
            return place
    raise TTCError(f"no demo store at '{beside}': make one with `ttc lab collect --size demo --store {DEMO}`")
