"""What a study's questions answer, kept in words: sentences, captions and notes, and of every table a digest a column.

`tests/study/kept/` holds a text a question of `asked` and `looked_at` and one of what is refused, each read by a person
when it is written and compared by `tests/study/test_kept.py`. To write them anew after an answer was changed, and see
in the diff what that did:

    python -m tests.study.kept
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import polars as pl

from tests.kept_texts import write_anew
from tests.study.stores import FOLDER
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.optimise import Choice
from ttclib.analysis.plan import Plan
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import Chains, ModelFacts, Pool
from ttclib.study.question import Question
from ttclib.study.study import Study

KEPT = Path(__file__).parent / "kept"
WIDTH = 120
MOST = 5  # different texts of a column
SAYING = {"findings": "finding", "caption": "caption", "notes": "note"}
SILENT = (Choice, Plan, Pool, Study, Question, Chains, Outcomes, Path, type(None))
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def told(found: Any) -> str:
    """A text with what was found, by the names of its parts; what was said in the same words before is left out."""
    lines: list[str] = []
    seen: set[str] = set()
    for name, said in _parts(found, ""):
        texts = said if isinstance(said, list) else [said]
        text = "; ".join(one for one in texts if one not in seen)
        if text:
            lines += wrap(f"{name}: {_plain(text)}", WIDTH, subsequent_indent="    ", break_long_words=False)
        seen.update(texts)
    return "\n".join(lines) + "\n"


def _parts(value: Any, name: str) -> Iterator[tuple[str, str | list[str]]]:
    """Names and texts of what a value holds."""
    if isinstance(value, SILENT):
        return
    if isinstance(value, pl.DataFrame):
        yield name, [f"rows {len(value)}", *(f"{one.name} {digest(one.to_list())}" for one in value)]
    elif isinstance(value, str):
        yield name, value or "''"
    elif _is_plain(value):
        yield name, digest([value])
    elif isinstance(value, Ledger | ModelFacts):
        yield name, value.label if isinstance(value, Ledger) else value.model
    elif isinstance(value, Mapping):
        if any(isinstance(one, str | bool | int | float) for one in value.values()):
            yield name, [f"{key} {digest([one])}" for key, one in value.items() if _is_plain(one)]
        for key, one in value.items():
            if not _is_plain(one):
                yield from _parts(one, _under(name, key))
    elif is_dataclass(value):
        yield from _parts_of_object(value, name)
    elif isinstance(value, np.ndarray):
        yield name, f"{value.shape} {digest(value.ravel())}"
    else:
        yield from _parts_of_many(list(value), name)


def _parts_of_object(value: Any, name: str) -> Iterator[tuple[str, str | list[str]]]:
    own = {one.name: getattr(value, one.name) for one in fields(value) if one.repr}
    for part, word in SAYING.items():
        said = own.pop(part, getattr(value, part, None))
        for text in (said() if callable(said) else said) or ():
            yield _under(name, word), text
    plain = {part: one for part, one in own.items() if _is_plain(one) and one is not None}
    if plain:
        yield _under(name, "values"), [f"{part} {digest([one])}" for part, one in plain.items()]
    for part, one in own.items():
        if part not in plain:
            yield from _parts(one, name if part == "result" else _under(name, part))


def _parts_of_many(values: list[Any], name: str) -> Iterator[tuple[str, str | list[str]]]:
    """Rows of equal shape as a table, texts one by one, numbers as a column."""
    if values and all(isinstance(one, Mapping) or _is_row(one) for one in values):
        rows = [_cells(one) for one in values]
        columns = dict.fromkeys(key for one in rows for key in one)
        yield name, [f"rows {len(rows)}", *(f"{key} {digest([one.get(key) for one in rows])}" for key in columns)]
    elif any(isinstance(one, str) and " " in one for one in values) or not all(map(_is_plain, values)):
        for number, one in enumerate(values, start=1):
            yield from _parts(one, f"{name} {number}" if len(values) > 1 else name)
    else:
        yield name, digest(values)


def digest(values: Iterable[Any]) -> str:
    """First, mean and last of numbers; of texts and the like those that differ, in order; and how many are missing."""
    every = list(values)
    known = [one for one in every if one is not None and not (isinstance(one, float) and math.isnan(one))]
    lacking = f" ({len(every) - len(known)} missing)" if len(known) < len(every) else ""
    if not known:
        return "missing" if every else "none"
    if any(isinstance(one, str | bool | list | tuple) for one in known):
        kinds = list(dict.fromkeys(map(str, known)))
        more = f" and {len(kinds) - MOST} more" if len(kinds) > MOST else ""
        return ", ".join(one if one else "''" for one in kinds[:MOST]) + more + lacking
    numbers = [float(one) for one in known]
    if _number(min(numbers)) == _number(max(numbers)):
        return _number(numbers[0]) + lacking
    return " · ".join(map(_number, (numbers[0], sum(numbers) / len(numbers), numbers[-1]))) + lacking


def _number(value: float) -> str:
    """Four digits, so that machines agree."""
    return f"{round(value, 12) + 0.0:.4g}"


def _plain(text: str) -> str:
    """A text without the folder that the stores are in, its numbers to four digits."""
    without = text.replace(f"{FOLDER}/", "")
    return _NUMBER.sub(lambda found: _number(float(found[0])) if len(found[0]) > 7 else found[0], without)


def _cells(row: Any, name: str = "") -> dict[str, Any]:
    """A row of a table: an object's fields, those of the objects in it too, and of lists how long they are."""
    own = row if isinstance(row, Mapping) else {one.name: getattr(row, one.name) for one in fields(row)}
    found: dict[str, Any] = {}
    for key, one in own.items():
        if isinstance(one, Mapping) or _is_row(one):
            found |= _cells(one, f"{name}{key}.")
        elif isinstance(one, list | tuple | np.ndarray):
            found[f"{name}{key}"] = digest(one) if len(one) and all(map(_is_plain, one)) else f"{len(one)} of them"
        else:
            found[f"{name}{key}"] = one
    return found


def _is_row(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, Outcomes)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float | np.generic)


def _under(name: str, part: Any) -> str:
    return f"{name}.{part}" if name else str(part)


if __name__ == "__main__":
    from tests.study.test_kept import EVERY

    write_anew(KEPT, {name: told(ask()) for name, ask in EVERY.items()})
