"""Handing a store's samples on: the one door to every form of export.

What is written is what the import takes, so that a store that is exported and imported again holds the same samples.
The form is the one that was named, or the one that a file's ending can only mean; never a guess.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import RequestError, one_of
from ttclib.fresh_names import unfinished
from ttclib.interchange.columns import Notify
from ttclib.interchange.dataset_card import dataset_card
from ttclib.interchange.store_rows import StoreRows, open_rows
from ttclib.interchange.training_set import ONLY, TRAINING_SCHEMA, training_lines, training_rows
from ttclib.store.sample_rows import Selection

FORMATS = ("interchange", "parquet", "huggingface", "training")
PACKED = (".gz", ".zst")
_ENDINGS = {".jsonl": "interchange", ".ndjson": "interchange", ".parquet": "parquet"}
_FOLDER = {"README.md", "data"}  # what a folder of ours holds, and nothing else
ALL = Selection()


@dataclass(frozen=True)
class Exported:
    """What was written."""

    file_format: str  # one of `FORMATS`
    told_by: str  # how that is known: `--format`, or the file's ending
    rows: dict[str, int]  # how many of what: `samples`, `counts`, `conversations`


def choose_format(target: Path | None, file_format: str | None = None, only: str | None = None) -> tuple[str, str]:
    """The form of an export, and what tells it.

    Parameters
    ----------
    target : pathlib.Path or None
        None: standard output.
    only : str or None
        What a training set is to hold; no other form has it.

    Raises
    ------
    RequestError
        Nothing tells the form, or two things tell two.

    Examples
    --------
    >>> choose_format(Path("all.jsonl.zst"))
    ('interchange', "the ending '.jsonl.zst'")
    """
    ending, meant = _ending(target)
    if file_format is not None:
        chosen, told = one_of(file_format, FORMATS, "format"), f"--format {file_format}"
    elif only is not None:
        chosen, told = "training", f"--only {one_of(only, ONLY, 'kind of training set')}"
    elif target is None:
        chosen, told = "interchange", "no file being named"
    elif meant is not None:
        chosen, told = meant, f"the ending '{ending}'"
    else:
        raise RequestError(
            f"'{target}' does not say what to write: give --format {'|'.join(FORMATS)}, or a file that ends in "
            f"{', '.join(_ENDINGS)} (lines packed, too: {', '.join(PACKED)})"
        )
    if only is not None and chosen != "training":
        raise RequestError(f"--only {only} belongs to a training set and not to {chosen}: leave it or --format out")
    if target is None and chosen in ("parquet", "huggingface"):
        raise RequestError(f"{told} is not written to standard output: name a file or folder, OUT")
    packed = ending.endswith(PACKED)
    if (chosen in ("interchange", "parquet") and meant not in (chosen, None)) or (
        (chosen == "huggingface" and meant is not None) or (packed and "parquet" in (chosen, meant))
    ):
        raise RequestError(f"'{target}' ends as another form than {told}: give another name, or another --format")
    return chosen, told


def export_samples(
    store: Path,
    *,
    policy: str | None = None,
    verifier: str | None = None,
    selection: Selection | None = None,
    notify: Notify = lambda text: None,
) -> Iterator[str]:
    """The samples of a store as interchange lines, ordered by policy, problem, setting and index.

    Parameters
    ----------
    policy : str, optional
        By default all.
    verifier : str, optional
        Whose step scores stand as `step_scores`; by default the one with the most.
    selection : Selection, optional
        In place of the two.
    notify : callable
        Told of counts left out, and of waiting.

    Yields
    ------
    str
        A line of JSON without its newline.

    Raises
    ------
    RequestError
        No such store, policy, setting or verifier; nothing to write.
    """
    chosen = selection or Selection(policy=policy, verifier=verifier)
    with open_rows(store, chosen, notify) as rows:
        rows.say_left_out(notify)
        yield from rows.lines()


def export_training(
    store: Path, only: str, *, selection: Selection = ALL, notify: Notify = lambda text: None
) -> Iterator[str]:
    """A training set as lines of JSON; parameters and errors as `export_store` has them."""
    with open_rows(store, selection, notify) as rows:
        yield from training_lines(training_rows(rows, only, notify))


def export_store(
    store: Path,
    target: Path,
    *,
    file_format: str | None = None,
    selection: Selection = ALL,
    only: str | None = None,
    force: bool = False,
    notify: Notify = lambda text: None,
) -> Exported:
    """Write a store's samples to a file or, for Hugging Face, a folder: whole, or not at all.

    Parameters
    ----------
    file_format : {"interchange", "parquet", "huggingface", "training"}, optional
        By default told by the target's ending.
    only : {"correct", "chosen", "shortest"}, optional
        What a training set holds, by default the right samples.
    force : bool
        Replace what is there.
    notify : callable
        Told, in a line each, of what was left out, and of waiting.

    Raises
    ------
    RequestError
        No such store or selection, a form that is not to be told, a target that is there or cannot be written,
        nothing to write.
    """
    chosen, told = choose_format(target, file_format, only)
    _check_target(target, store, folder=chosen == "huggingface", force=force)
    with open_rows(store, selection, notify) as rows, _replaced(target) as fresh:
        if chosen == "huggingface":
            _write_folder(fresh, rows)
            return Exported(chosen, told, rows.tables)
        if chosen == "training":
            found = training_rows(rows, only or ONLY[0], notify)
            if _ending(target)[1] == "parquet":
                batches = (pa.RecordBatch.from_pylist([row], schema=TRAINING_SCHEMA) for row in found)
                count = _write_parquet(fresh, batches, 1000)
            else:
                count = _write_lines(fresh, target, training_lines(found))
            return Exported(chosen, told, {"conversations": count})
        rows.say_left_out(notify)
        table = next(iter(rows.tables))
        if chosen == "parquet":
            _write_parquet(fresh, rows.batches(table))
        else:
            _write_lines(fresh, target, rows.lines())
        return Exported(chosen, told, {table: rows.tables[table]})


def _ending(target: Path | None) -> tuple[str, str | None]:
    """A name's ending, that of its packing with it, and the form that it can only mean."""
    suffixes = [] if target is None else [suffix.lower() for suffix in target.suffixes]
    packed = suffixes[-1] if suffixes and suffixes[-1] in PACKED else ""
    last = suffixes[-2 if packed else -1] if len(suffixes) > bool(packed) else ""
    return last + packed, _ENDINGS.get(last)


def _check_target(target: Path, store: Path, *, folder: bool, force: bool) -> None:
    if not target.name:
        raise RequestError(f"'{target}' names no file: give a name")
    if not (target.exists() or target.is_symlink()):
        return
    if target.exists() and store.exists() and target.samefile(store):
        raise RequestError(f"'{target}' is the store itself: name another file")
    if not force:
        raise RequestError(f"'{target}' is there already: name another, or give --force to replace it")
    if target.is_dir() != folder:
        kind = "a folder" if target.is_dir() else "no folder"
        raise RequestError(f"'{target}' is {kind}, which --force does not replace: name another")
    if folder and (others := sorted({path.name for path in target.iterdir()} - _FOLDER)):
        raise RequestError(
            f"'{target}' holds other things ('{others[0]}'), which --force does not remove: name another"
        )


@contextmanager
def _replaced(target: Path) -> Iterator[Path]:
    """A fresh path beside a target, which takes the target's place if all goes well, and else goes."""
    fresh = unfinished(target, hidden=True)
    try:
        yield fresh
        if target.is_dir():  # a folder is not replaced in one step: the old one is moved aside first
            aside = unfinished(target, hidden=True, ending="old")
            target.rename(aside)
            try:
                fresh.rename(target)
            except OSError:
                aside.rename(target)
                raise
            shutil.rmtree(aside)
        else:
            fresh.replace(target)
    except OSError as error:
        raise RequestError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # on a read-only file system not even what is not there can be removed
            shutil.rmtree(fresh) if fresh.is_dir() else fresh.unlink()


def _write_lines(path: Path, target: Path, lines: Iterable[str]) -> int:
    """Lines of text, packed as the target's ending says; how many."""
    count = 0
    with open(path, "wb") as raw, _packing(raw, target) as write:
        for line in lines:
            write((line + "\n").encode())
            count += 1
    return count


@contextmanager
def _packing(raw: BinaryIO, target: Path) -> Iterator[Callable[[bytes], object]]:
    ending = target.suffix.lower()
    if ending == ".gz":
        with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:  # of the same samples the same file
            yield file.write
    elif ending == ".zst":
        with pa.CompressedOutputStream(pa.PythonFile(raw, mode="w"), "zstd") as stream:
            yield stream.write
    else:
        yield raw.write


def _write_parquet(path: Path, batches: Iterable[pa.RecordBatch], together: int = 1) -> int:
    """Batches as a file of Parquet, some of them a row group; how many rows."""
    count, waiting, writer = 0, [], None
    try:
        for batch in batches:
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
            waiting.append(batch)
            count += len(batch)
            if len(waiting) == together:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
        if writer is not None and waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    finally:
        if writer is not None:
            writer.close()
    return count


def _write_folder(folder: Path, rows: StoreRows) -> None:
    """A folder that the datasets library, pandas and polars read: Parquet, and a card."""
    (folder / "data").mkdir(parents=True)
    schemas = {}
    for table in rows.tables:
        file = folder / "data" / f"{table}.parquet"
        _write_parquet(file, rows.batches(table))
        schemas[table] = pq.read_schema(file)
    (folder / "README.md").write_text(dataset_card(rows, schemas), encoding="utf-8")
