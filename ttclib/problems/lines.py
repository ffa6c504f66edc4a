"""JSON lines, each named by its number when it is bad."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each non-empty line of a file as (line number, object).

    Raises
    ------
    RequestError
        A line that is not JSON or no object, named by its number.
    """
    if path.exists() and not path.is_file():
        raise RequestError(f"'{path}' is no file: name one of JSON lines")
    try:
        with open(path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise RequestError(
                        f"'{path}' line {number} is not JSON: {error.msg} at column {error.colno}"
                    ) from error
                except (ValueError, RecursionError) as error:  # a number or a nesting beyond all reason
                    raise RequestError(f"'{path}' line {number} cannot be read: {str(error).split(';')[0]}") from error
                if not isinstance(row, dict):
                    raise RequestError(
                        f"'{path}' line {number} is no JSON object but {type(row).__name__}: one object a line"
                    )
                yield number, row
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{path}': {error}") from error
