"""A chart's spec as a page carries it: its rows column by column, each value of a column once.

Rows name every field and say most texts over and over; packed they take a fifth. The page's script unpacks them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def packed_json(spec: Mapping[str, Any]) -> str:
    """A Vega-Lite spec as JSON that may stand in a script element, its datasets packed."""
    parts = {name: value for name, value in spec.items() if name != "datasets"}
    made = {"spec": parts, "datasets": {name: packed(rows) for name, rows in spec.get("datasets", {}).items()}}
    # "</" would end the script element early; "<\/" is the same string to JSON.
    return _text(made).replace("</", "<\\/")


def packed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows column by column: the values of a field, each once, and the place of each row's; −1: the row has none.

    Examples
    --------
    >>> packed([{"a": "x", "b": 1}, {"a": "x"}])
    {'n': 2, 'columns': {'a': [['x'], [0, 0]], 'b': [[1], [0, -1]]}}
    """
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        places: dict[str, int] = {}  # by what is written, as true is not 1
        values: list[Any] = []
        at: list[int] = []
        for row in rows:
            if name not in row:
                at.append(-1)
                continue
            place = places.setdefault(_text(row[name]), len(places))
            if place == len(values):
                values.append(row[name])
            at.append(place)
        columns[name] = [values, at]
    return {"n": len(rows), "columns": columns}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
