"""The keys of a setting: their canonical text, the name made of it, and how one is asked for.

A setting is a set of free keys with JSON values. A key that is not there is a value, too, so a key whose value
is null is the same as none. Keys inside an object are reached with a dot: ``prompt_format.chat``.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ttclib.errors import RequestError

ANY = "*"
NO_KEYS = "imported"  # the setting that nothing is known of
_DECODING = {"prompt_format", "temperature", "top_p", "max_tokens", "stop", "step_delimiter"}
# The order in which a prompt format was written, level by level.
_WRITTEN_ORDER = (
    *("template", "system", "chat", "examples", "chat_template", "revision"),
    *("prompt", "answer", "n_context", "followup", "separator"),
)


def clean_keys(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as a setting has them: without those of no value, in order.

    Raises
    ------
    RequestError
        A value that JSON cannot hold.

    Examples
    --------
    >>> clean_keys({"top_p": None, "temperature": 0.5})
    {'temperature': 0.5}
    """
    known = {str(name): value for name, value in keys.items() if value is not None}
    try:
        content: dict[str, Any] = json.loads(json.dumps(known, sort_keys=True, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RequestError(f"setting {known}: {error}: give numbers, texts, true or false, lists or objects") from error
    return content


def canonical_json(keys: Mapping[str, Any]) -> str:
    """The text of a setting's keys in the store: equal for equal settings, however their numbers are written.

    Examples
    --------
    >>> canonical_json({"temperature": 1, "effort": "low"}) == canonical_json({"effort": "low", "temperature": 1.0})
    True
    """
    return json.dumps(_plain(clean_keys(keys)), sort_keys=True, ensure_ascii=False)


def setting_name(keys: Mapping[str, Any]) -> str:
    """The short hash that names a setting: equal for equal settings, and what it was before keys were free.

    Examples
    --------
    >>> setting_name({"temperature": 1}) == setting_name({"temperature": 1.0}) != setting_name({})
    True
    """
    clean = clean_keys(keys)
    if not clean:
        return NO_KEYS
    text = _text_of_fixed_columns(clean) if set(clean) == _DECODING else None
    return hashlib.blake2b((text or canonical_json(clean)).encode(), digest_size=6).hexdigest()


def value_at(keys: Mapping[str, Any], name: str) -> Any:
    """The value of a key, or of one inside an object, ``"prompt_format.chat"``; None: there is none."""
    if name in keys:
        return keys[name]
    outer, dot, inner = name.partition(".")
    within = keys.get(outer)
    return value_at(within, inner) if dot and isinstance(within, Mapping) else None


def matches(keys: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether all that is asked for holds: a value, None for a key that is not there, ``"*"`` for any.

    Examples
    --------
    >>> matches({"temperature": 0.5}, {"temperature": 0.5, "reasoning_effort": None})
    True
    """
    return all(value == ANY or _same(value_at(keys, name), value) for name, value in where.items())


def differing_keys(settings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the keys in which some settings differ, those inside objects with a dot.

    Examples
    --------
    >>> differing_keys([{"temperature": 1.0, "top_p": 1.0}, {"temperature": 0.5, "top_p": 1.0}])
    ('temperature',)
    """
    return tuple(_differing(list(settings), ""))


def option(keys: Mapping[str, Any], names: Sequence[str]) -> str:
    """The command-line options that ask for these keys of a setting.

    Examples
    --------
    >>> option({"temperature": 0.5}, ["temperature", "reasoning_effort"])
    '--setting temperature=0.5 --setting reasoning_effort=null'
    """
    return " ".join(f"--setting {shlex.quote(f'{name}={_written(value_at(keys, name))}')}" for name in names)


def _written(value: Any) -> str:
    """A value such that it is read as itself: as JSON, a plain word as it is."""
    text = json.dumps(_plain(value), ensure_ascii=False)
    if isinstance(value, str) and value.isprintable() and value != ANY:
        try:
            json.loads(value)
        except ValueError:
            return value
    return text


def _differing(settings: list[Mapping[str, Any]], before: str) -> list[str]:
    found: list[str] = []
    for name in sorted({name for keys in settings for name in keys}):
        values = [keys.get(name) for keys in settings]
        if all(_same(value, values[0]) for value in values):
            continue
        if all(isinstance(value, Mapping) for value in values):
            found += _differing([value for value in values if isinstance(value, Mapping)], f"{before}{name}.")
        else:
            found.append(before + name)
    return found


def _same(value: Any, other: Any) -> bool:
    return json.dumps(_plain(value), sort_keys=True) == json.dumps(_plain(other), sort_keys=True)


def _plain(value: Any) -> Any:
    """The same value with whole numbers written as such."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text_of_fixed_columns(keys: Mapping[str, Any]) -> str | None:
    """What was hashed when a setting was six columns; None: no such setting."""
    prompt_format, stop = keys["prompt_format"], keys["stop"]
    numbers = [keys[name] for name in ("temperature", "top_p", "max_tokens")]
    if not isinstance(prompt_format, Mapping) or not isinstance(stop, list):
        return None
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        return None
    separators = None if "revision" in prompt_format else (",", ":")
    row = {
        "prompt_format": json.dumps(_as_written(prompt_format), separators=separators, ensure_ascii=False),
        "temperature": float(numbers[0]),
        "top_p": float(numbers[1]),
        "max_tokens": int(numbers[2]),
        "stop": stop,
        "step_delimiter": keys["step_delimiter"],
    }
    return json.dumps(row, sort_keys=True)


def _as_written(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_written(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    known = [name for name in _WRITTEN_ORDER if name in value]
    return {name: _as_written(value[name]) for name in [*known, *(name for name in value if name not in known)]}
