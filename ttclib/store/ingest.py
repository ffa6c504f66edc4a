"""Parts and stores of other machines, taken into a store: each looked at before, and removed only once it is in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import RequestError
from ttclib.fresh_names import unfinished
from ttclib.store.connection import absorb, connect
from ttclib.store.locks import StoreLockedError, note_write
from ttclib.store.parts import as_table, open_new, write_part
from ttclib.store.schema import is_collected, parts_directory, store_path, table_of
from ttclib.store.tables import TABLES

_ROWS_AT_ONCE = 100_000
# What may not differ between two that have one name.
_SAME = {"problems": ("prompt", "reference_answer"), "models": ("weights_hash", "tokenizer_hash")}


@dataclass
class Ingested:
    """What was taken in."""

    # n_parts, n_rows: parts that were sound, and their rows, those that the store had already among them
    n_parts: int = 0
    n_rows: int = 0
    n_removed: int = 0  # parts deleted where they came from
    refused: dict[Path, str] = field(default_factory=dict)  # what was left where it is, and why
    is_waiting: bool = False  # the store was locked: the parts are beside it now and are read from there


def ingest(
    path: str | Path,
    sources: Sequence[Path],
    *,
    keep: bool = False,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """Take parts into a store, and rows of other stores.

    Parameters
    ----------
    path : str or pathlib.Path
        The store, which need not exist yet.
    sources : sequence of pathlib.Path
        Parts, folders of parts, and stores, which stay as they are.
    keep : bool
        Leave the parts where they are; else each is deleted once its rows are in the store's file.

    Raises
    ------
    RequestError
        No such source, or one without parts; a problem or a model that the store has otherwise. Nothing was written.
    """
    store = store_path(path)
    own = parts_directory(store)
    found = Ingested()
    parts: list[Path] = []
    stores: list[Path] = []
    for source in sources:
        _sort_in(source, store, parts, stores)
    sound: dict[Path, pa.Table] = {}
    for part in dict.fromkeys(parts):
        try:
            sound[part] = _read_part(part)
        except (pa.ArrowException, OSError, ValueError) as error:
            found.refused[part] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    _check_names(store, ((table_of(part), rows, part) for part, rows in sound.items()))
    for other in stores:
        _check_names(store, ((table, rows, other) for table, rows in _rows_of(other, _SAME)))

    for part, rows in sound.items():
        found.n_parts, found.n_rows = found.n_parts + 1, found.n_rows + len(rows)
        if part.parent.resolve() != own.resolve():
            _copy(part, own)
    for other in stores:
        for table, rows in _rows_of(other, TABLES):
            write_part(store, table, rows)
            found.n_parts, found.n_rows = found.n_parts + 1, found.n_rows + len(rows)
    if not found.n_parts:
        return found
    try:
        absorb(store, wait_s=wait_s, notify=notify)
    except StoreLockedError as error:
        notify(f"{error}; until then what came is read from the parts beside it")
        found.is_waiting = True
        return found
    for part, rows in sound.items():
        if keep or part.parent.resolve() == own.resolve():
            continue
        if n_lacking := _count_lacking(store, table_of(part), rows):
            found.refused[part] = f"{n_lacking:,} of its rows are not in '{store}': it stays"
            continue
        with suppress(OSError):  # a folder that may only be read: it stays, and does no harm
            part.unlink()
            found.n_removed += 1
    return found


def _sort_in(source: Path, store: Path, parts: list[Path], stores: list[Path]) -> None:
    """What a source is: a part, a folder of parts, or a store with the parts beside it."""
    if source.is_dir():
        inside = sorted(source.glob("*.parquet"))
        if not inside:
            raise RequestError(f"'{source}' holds no parts (*.parquet): name a store's folder NAME.duckdb.parts")
        parts += inside
    elif source.suffix == ".parquet" and source.is_file():
        parts.append(source)
    elif source.suffix != ".parquet" and is_collected(source):
        if source.resolve() == store.resolve():
            raise RequestError(f"'{source}' is the store itself: name what is to be taken into it")
        stores.append(source)
    else:
        raise RequestError(f"no parts at '{source}': name a part, a folder of parts or a store")


def _read_part(part: Path) -> pa.Table:
    """The rows of a part, in today's columns.

    Raises
    ------
    ValueError, pyarrow.ArrowException, OSError
        It is damaged, or none of this version's.
    """
    if table_of(part) not in TABLES:
        raise ValueError("its name is none of a part (TIME-TABLE-ID.parquet): `ttc import` reads other files")
    with part.open("rb") as file:
        return as_table(table_of(part), pq.read_table(file))


def _rows_of(store: Path, tables: Iterable[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of another store, some at a time."""
    with connect(store) as con:
        for table in tables:
            for batch in con.sql(f"SELECT * FROM {table}").to_arrow_reader(_ROWS_AT_ONCE):
                if batch.num_rows:
                    yield table, as_table(table, pa.Table.from_batches([batch]))


def _check_names(store: Path, given: Iterator[tuple[str, pa.Table, Path]]) -> None:
    """Refuse a problem or a model that has the name of another in the store.

    Raises
    ------
    RequestError
    """
    known: dict[tuple[str, str, str], object] = {}
    if is_collected(store):
        for table, rows in _rows_of(store, _SAME):
            _compare(known, table, rows, store, None)
    for table, rows, source in given:
        if table in _SAME:
            _compare(known, table, rows, source, store)


def _compare(
    known: dict[tuple[str, str, str], object], table: str, rows: pa.Table, source: Path, store: Path | None
) -> None:
    (key,) = TABLES[table]
    for row in rows.select([key, *_SAME[table]]).to_pylist():
        for column in _SAME[table]:
            value, place = row[column], (table, row[key], column)
            if value is None:
                continue
            if store is not None and known.get(place, value) != value:
                raise RequestError(
                    f"{table[:-1]} '{row[key]}' has another {column} in '{source}' than in '{store}', or in another "
                    "source: give it another name, or use another store; nothing was taken in"
                )
            known.setdefault(place, value)


def _copy(part: Path, folder: Path) -> None:
    """Put a copy of a part beside the store, whole or not at all; its name tells when it was written."""
    target = folder / part.name
    if target.exists():
        return
    temporary = unfinished(target)
    try:
        with part.open("rb") as source, open_new(temporary) as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        temporary.rename(target)
        note_write()
    except OSError as error:
        raise RequestError(f"cannot write to '{folder}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _count_lacking(store: Path, table: str, rows: pa.Table) -> int:
    """Rows whose identity the store's file has not."""
    key = ", ".join(TABLES[table])
    with connect(store) as con:
        con.register("taken", rows.select(list(TABLES[table])))
        found = con.execute(f"SELECT count(*) FROM taken ANTI JOIN store.{table} USING ({key})").fetchall()
        con.unregister("taken")
    return int(found[0][0])
