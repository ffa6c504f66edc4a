"""From paths to batches: what is there, whose format it is, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

from ttclib.errors import RequestError, one_of
from ttclib.interchange.batch import Batch, Notes
from ttclib.interchange.columns import NAMES
from ttclib.interchange.readers import reader_of
from ttclib.interchange.sources import Source, find_sources


def find_all(paths: Sequence[Path], fields: Mapping[str, str] | None = None) -> list[Source]:
    """The files of samples at all paths.

    Raises
    ------
    RequestError
        A path without any, or a field of a name that is none of ours.
    """
    for ours in fields or {}:
        one_of(ours, NAMES, "field")
    if not paths:
        raise RequestError("no path was given: name a file or a folder of samples")
    return [source for path in paths for source in find_sources(path, dict(fields or {}))]


def digest(path: Path) -> str:
    """Names a file by its content.

    Raises
    ------
    RequestError
        It cannot be read.
    """
    found = blake2b(digest_size=6)
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise RequestError(f"cannot read '{path}': {error.strerror or error}") from error
    return found.hexdigest()


def read_batches(
    sources: Sequence[Source],
    notes: Notes,
    *,
    file_format: str | None = None,
    run_ids: Mapping[Path, str] = MappingProxyType({}),
) -> Iterator[Batch]:
    """The rows of files, each read by its format's reader.

    Parameters
    ----------
    notes : Notes
        Filled on the way.
    file_format : str, optional
        By default each file's is told by its beginning.
    run_ids : mapping
        What names each file by its content.

    Raises
    ------
    RequestError
        A format that is unknown or not to be told, or a bad row.
    """
    if len(sources) > 1 and file_format is None:
        # Beside the samples in a folder: results of an evaluation, a run's configuration.
        sources = [source for source in sources if source.kind != "json" or _is_samples(source)] or sources
    for source in sources:
        for batch in reader_of(source, file_format).read(source, notes):
            yield replace(batch, run_id=run_ids.get(source.path, ""))


def _is_samples(source: Source) -> bool:
    if isinstance(source.value, list) or source.path.name.endswith(("header.json", "summaries.json")):
        return True
    return isinstance(source.value, dict) and "samples" in source.value
