"""Reading a run from TOML: a file or the name of a preset (`ttclib/presets/`), checked before any work begins."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ttclib.config.models import without_secrets
from ttclib.config.run import RunConfig
from ttclib.config.sections import Section
from ttclib.errors import RequestError, nearest

_DEEPEST = 32  # sections and lists within each other
_SHOWN = 100  # characters of a wrong value


def load_config(name: str | Path, **overrides: Any) -> RunConfig:
    """Read a configuration file or preset.

    Parameters
    ----------
    name : str or pathlib.Path
        A path to a TOML file, or the name of a preset.
    **overrides
        Dotted keys with ``__`` for the dot (``sampling__n_samples=256``); None: not overridden.

    Returns
    -------
    RunConfig

    Raises
    ------
    RequestError
        No such file or preset, no TOML; or, a line each, unknown keys (the nearest is named), bad values, what an
        engine cannot do.
    """
    content = read_toml(name)
    for key, value in overrides.items():
        if value is not None:
            *sections, last = key.split("__")
            target = content
            for section in sections:
                target = target.setdefault(section, {}) if isinstance(target, dict) else None
            if isinstance(target, dict):  # else the check below says that it is no section
                target[last] = value
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        lines = [line for one in error.errors() for line in _explain(one)]
        raise RequestError(*(f"config '{name}': {line}" for line in dict.fromkeys(lines))) from error


def read_toml(name: str | Path) -> dict[str, Any]:
    """The keys of a configuration file or preset, not yet checked.

    Raises
    ------
    RequestError
        No such file or preset, or no TOML that a configuration could be.
    """
    try:
        content = tomllib.loads(_read(str(name)))
        place = next(_too_large(content), None)
    except RecursionError:
        place = f"lists or sections stand within each other more than {_DEEPEST} deep"
    except RequestError:
        raise
    except ValueError as error:  # tomllib's own, bytes that are no text, an integer of thousands of digits
        said = "an integer has thousands of digits" if "int_max_str_digits" in str(error) else str(error)
        raise RequestError(f"config '{name}' is no valid TOML: {said}") from error
    if place is not None:
        raise RequestError(f"config '{name}': {place}")
    return content


def presets() -> list[str]:
    """Names of the configurations that ship."""
    return sorted(entry.name[:-5] for entry in files("ttclib.presets").iterdir() if entry.name.endswith(".toml"))


def preset_text(name: str) -> str:
    """A preset as it stands in its file."""
    return files("ttclib.presets").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def preset_summary(name: str) -> str:
    """A preset's first line of comment."""
    return preset_text(name).splitlines()[0].removeprefix("#").strip()


def _read(name: str) -> str:
    path = Path(name)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise RequestError(f"config '{name}' cannot be read: {error.strerror or error}") from error
    if path.exists() and name not in presets():
        raise RequestError(f"config '{name}' is {'a folder' if path.is_dir() else 'no file'}: name a TOML file")
    if name in presets():
        return preset_text(name)
    raise RequestError(f"no config '{name}': name a TOML file or a preset ({', '.join(presets())})")


def _too_large(content: dict[str, Any]) -> Iterator[str]:
    """What nothing later could hold, each with its place."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), content)]
    while waiting:
        place, value = waiting.pop()
        if len(place) > _DEEPEST:
            yield f"'{'.'.join(place[:3])}…': lists or sections stand within each other more than {_DEEPEST} deep"
        elif isinstance(value, dict):
            waiting += [((*place, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*place, str(number)), inner) for number, inner in enumerate(value)]
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            yield f"'{'.'.join(place)}' is an integer beyond 64 bits, the most that TOML and a store hold"


def _explain(error: ErrorDetails) -> list[str]:
    """One problem in a line, or those that a check of the whole found, a line each."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        siblings = _allowed_beside(error["loc"])
        return [f"unknown key '{where}'{nearest(str(error['loc'][-1]), siblings)} Allowed here: {', '.join(siblings)}"]
    if error["type"] == "missing":
        return [f"'{where}' is missing: add it"]
    said = error["msg"].removeprefix("Value error, ")
    if not where:
        return said.split("\n")
    shown = without_secrets(json.dumps(error["input"], default=str, ensure_ascii=False))
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…"
    return [f"{where} = {shown}: {said[0].lower() + said[1:]}"]


def _allowed_beside(location: tuple[int | str, ...]) -> list[str]:
    section: type[Section] = RunConfig
    for part in location[:-1]:
        if isinstance(part, str):  # else a place in a list, whose entries are of the kind that was found
            section = next(_sections_in(section.model_fields[part].annotation), section)
    return list(section.model_fields)


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inside in get_args(annotation):
        yield from _sections_in(inside)
