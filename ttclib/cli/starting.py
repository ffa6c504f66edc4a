"""`ttc notebooks` and `ttc demo`: what ships, where a user works."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ttclib.cli.common import cli, notify, say
from ttclib.errors import RequestError
from ttclib.shipped import shipped_files

FIRST = "00_start.ipynb"


@cli.command()
@click.argument("folder", metavar="[DIR]", default="notebooks", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Also over notebooks that are there and differ.")
def notebooks(folder: Path, force: bool) -> None:
    """Copy the notebooks and the stores that they open to DIR."""
    copied = copy_shipped(folder, force=force)
    say(f"{folder}: {copied} files; open them with `jupyter lab {folder}`")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="[DIR]", default="ttclib-demo", type=click.Path(path_type=Path))
@click.argument("more", metavar="[FLAG OF JUPYTER LAB]...", nargs=-1, type=click.UNPROCESSED)
def demo(folder: Path, more: Sequence[str]) -> None:
    """Copy the notebooks and stores to DIR and open the first one in JupyterLab: ttc demo DIR --no-browser."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise RequestError("the demo opens in JupyterLab: pip install 'ttclib[notebooks]'")
    copy_shipped(folder, force=False)
    words = [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(folder), *more]
    words.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    raise SystemExit(subprocess.run(words, check=False).returncode)


def copy_shipped(folder: Path, *, force: bool) -> int:
    """Copy notebooks to a folder and packed stores to `store` in it; what is there and differs is kept, and said.

    Parameters
    ----------
    force : bool
        Replace what differs.

    Returns
    -------
    int
        Files that were written.

    Raises
    ------
    RequestError
        The folder cannot be written to.
    """
    n_written, kept = 0, []
    wanted = {path: folder / path.name for path in shipped_files("notebooks", "*.ipynb")}
    wanted |= {path: folder / "store" / path.name for path in shipped_files("store", "*.xz")}
    try:
        (folder / "store").mkdir(parents=True, exist_ok=True)
        for source, target in wanted.items():
            if target.exists() and target.read_bytes() == source.read_bytes():
                continue
            if target.exists() and not force:
                kept.append(target.name)
                continue
            shutil.copyfile(source, target)
            n_written += 1
    except OSError as error:
        raise RequestError(f"cannot write to '{folder}': {error.strerror}; name another folder") from error
    if kept:
        notify(f"kept as they are, for they differ: {', '.join(kept)} (--force replaces them)")
    return n_written
