"""Every key of a configuration with what it says, as the sections declare it; and a configuration as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ttclib.config.run import RunConfig

_KINDS = {str: "text", Path: "path", bool: "true or false", int: "whole number", float: "number", Any: "any value"}
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}", "pattern": "holds {}"}


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    section : str
        Dotted name; empty at the top.
    name : str
    kind : str
        Its type, as TOML has it.
    default : str
        As TOML; empty: absent; ``needed``: there is none.
    allowed : str
        Which values, beyond the kind; empty: all.
    meaning : str
    """

    section: str
    name: str
    kind: str
    default: str
    allowed: str
    meaning: str


def sections(model: type[BaseModel] = RunConfig, name: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Sections of the configuration by their dotted names."""
    yield name, model
    for key, one in model.model_fields.items():
        if (inside := _section_of(one.annotation)) is not None:
            yield from sections(inside, f"{name}.{key}" if name else key)


def keys_of(section: str, model: type[BaseModel]) -> Iterator[Key]:
    """Keys of a section, without those that are always sections of their own."""
    for name, one in model.model_fields.items():
        if one.annotation is _section_of(one.annotation):
            continue
        default = "needed" if one.is_required() else _default(one)
        yield Key(section, name, _kind(one.annotation), default, ", ".join(_allowed(one)), one.description or "")


def as_toml(config: RunConfig, given: dict[str, Any]) -> str:
    """A configuration as TOML that reads as the same, every key in it.

    Parameters
    ----------
    config : RunConfig
    given : dict
        What its file holds: the rest is marked as a default.
    """
    return "\n".join(_section_lines(config, given, "")) + "\n"


def _section_lines(section: BaseModel, given: Any, name: str) -> Iterator[str]:
    given = given if isinstance(given, dict) else {}
    inner = []
    for key, one in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            inner.append((key, value))
        elif value is None:
            yield f"# not set: {key} ({one.description})"
        else:
            yield f"{key} = {toml_value(value)}{'' if key in given else '  # default'}"
    for key, value in inner:
        inside = f"{name}.{key}" if name else key
        yield ""
        yield f"[{inside}]"
        yield from _section_lines(value, given.get(key), inside)


def toml_value(value: Any) -> str:
    r"""A value as TOML writes it, in one line.

    Examples
    --------
    >>> toml_value({"a b": (1.5, True)}), toml_value("x\n")
    ('{ "a b" = [1.5, true] }', '"x\\n"')
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {toml_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else toml_value(name)


def _parts(annotation: Any) -> list[Any]:
    """A type and those inside of it."""
    inside = [part for one in get_args(annotation) for part in _parts(one)]
    return inside or [annotation]


def _section_of(annotation: Any) -> type[BaseModel] | None:
    found = (part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel))
    return next(found, None)


def _kind(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inside[0])
    if origin is Literal:
        return "text"
    if origin is dict:
        return "table"
    if origin is tuple:
        return f"list of {_kind(inside[0])}"
    if origin in (Union, UnionType):
        return " or ".join(_kind(one) for one in inside if one is not type(None))
    return "section" if _section_of(annotation) is not None else _KINDS[annotation]


def _allowed(one: FieldInfo) -> Iterator[str]:
    yield from _choices(one.annotation)
    for bound, said in _BOUNDS.items():
        for constraint in one.metadata:
            if (limit := getattr(constraint, bound, None)) is not None:
                shown = limit.replace("\\", "") if isinstance(limit, str) else f"{limit:g}"
                yield said.format(shown)
    if any(getattr(constraint, "min_length", None) for constraint in one.metadata):
        yield "not empty"


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield " or ".join(f'"{one}"' for one in get_args(annotation))
        return
    for inside in get_args(annotation):
        yield from _choices(inside)


def _default(one: FieldInfo) -> str:
    value = one.get_default(call_default_factory=True)
    return "" if value is None else toml_value(value)
