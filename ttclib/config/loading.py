"""Reading a run from TOML: a file or the name of a preset (`ttclib/presets/`), checked before any work begins."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ttclib.config.run import RunConfig
from ttclib.config.sections import Section
from ttclib.errors import RequestError, nearest


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
        No such file or preset, no TOML, an unknown key (the nearest is named), a bad value.
    """
    try:
        content = tomllib.loads(_read(str(name)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"config '{name}' is no valid TOML: {error}") from error
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
        raise RequestError(f"config '{name}': {_explain(error)}") from error


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
        return path.read_text(encoding="utf-8")
    if name in presets():
        return preset_text(name)
    raise RequestError(f"no config '{name}': name a TOML file or a preset ({', '.join(presets())})")


def _explain(error: ValidationError) -> str:
    """The first problem, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        siblings = _allowed_beside(first["loc"])
        return f"unknown key '{where}'{nearest(str(first['loc'][-1]), siblings)} Allowed here: {', '.join(siblings)}"
    if first["type"] == "missing":
        return f"'{where}' is missing: add it"
    shown, said = first["input"], first["msg"].removeprefix("Value error, ")
    return f"{where} = {json.dumps(shown, default=str)}: {said[0].lower() + said[1:]}"


def _allowed_beside(location: tuple[int | str, ...]) -> list[str]:
    section: Any = RunConfig
    for part in location[:-1]:
        annotation = section.model_fields[part].annotation
        section = next(
            (kind for kind in (annotation, *getattr(annotation, "__args__", ())) if _is_section(kind)), section
        )
    return list(section.model_fields)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)
