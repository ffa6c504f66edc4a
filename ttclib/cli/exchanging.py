"""Commands that exchange: import and export of JSON lines."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ttclib.cli.common import STORE, cli, notify
from ttclib.errors import RequestError


@cli.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@STORE
@click.option("--grader", default="math", show_default=True, help="math or exact.")
@click.option("--verifier", default="prm", show_default=True, help="Name to keep the step scores under.")
@click.option("--benchmark", help="Name of the problem set; by default the file's name.")
def import_(file: Path, store: Path, grader: str, verifier: str, benchmark: str | None) -> None:
    """Fill a store from FILE, JSON lines with one sample each; - reads standard input."""
    from ttclib.collect.progress import progress
    from ttclib.interchange import import_samples

    with TemporaryDirectory() as folder:
        if str(file) == "-":
            file = Path(folder) / "stdin.jsonl"
            with open(file, "wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        added = import_samples(
            file, store, grader=grader, verifier=verifier, benchmark=benchmark, progress=progress, notify=notify
        )
    notify(f"import: {added:,} samples added to '{store}'")


@cli.command()
@STORE
@click.option("--policy", help="By default all.")
@click.option("--output", type=click.Path(path_type=Path), help="File; by default standard output.")
def export(store: Path, policy: str | None, output: Path | None) -> None:
    """Write a store's samples as JSON lines."""
    from ttclib.interchange import export_samples

    lines = export_samples(store, policy=policy, notify=notify)
    if output is None:
        for line in lines:
            click.echo(line)
        return
    temporary = output.with_name(output.name + ".tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        temporary.rename(output)
    except OSError as error:
        raise RequestError(f"cannot write '{output}': {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
