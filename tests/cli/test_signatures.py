"""What a command's flags read is what its function takes: types, how many, and what is needed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import click
import pytest

from tests.cli.asked import ASKED, COMMANDS
from tests.cli.commands import error_line, ttc
from tests.cli.working import WORK
from ttclib.cli.common import FILE

NUMBERS = {int: (click.types.IntParamType, click.IntRange), float: (click.types.FloatParamType, click.FloatRange)}
# Taken as they are and looked at by the function: words of several kinds, one or several of a kind.
UNREAD = {("models", "words"), ("demo", "more")}


def taken(one: click.Parameter) -> type:
    """The type of a value as a flag or an argument reads it."""
    if isinstance(one, click.Option) and one.is_flag:
        return bool
    if isinstance(one.type, click.Path):
        assert one.type is FILE, "another kind of path"
        return Path
    return next((kind for kind, types in NUMBERS.items() if isinstance(one.type, types)), str)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_function_takes_what_its_flags_read(name: str) -> None:
    command = COMMANDS[name]
    assert command.callback is not None
    function = inspect.unwrap(command.callback)
    hints = get_type_hints(function)
    named = {one.name: one for one in command.params if one.name in hints and one.name != "store"}
    assert named or all(
        one.name not in inspect.signature(function).parameters for one in command.params if one.name != "store"
    )
    unsaid = command.make_context(name, [], resilient_parsing=True).params
    for parameter, one in named.items():
        if (name, parameter) in UNREAD:
            continue
        hint: Any = hints[parameter]
        several = get_origin(hint) in (tuple, Sequence)
        assert several == bool(one.multiple or one.nargs == -1), parameter
        kinds = {part for part in get_args(hint) if part is not ...} if several else set(get_args(hint)) or {hint}
        can_lack = NoneType in kinds
        assert kinds - {NoneType} == {taken(one)}, parameter
        if not several and taken(one) is not bool:
            lacks = not one.required and unsaid[parameter] is None
            assert lacks == can_lack, parameter


@pytest.mark.parametrize("name", [name for name in COMMANDS if any(one.required for one in COMMANDS[name].params)])
def test_what_is_needed_is_asked_for_in_one_line(name: str, tmp_path: Path) -> None:
    needed = [one for one in COMMANDS[name].params if one.required]
    for lacking in needed:
        words = [
            word
            for one in needed
            if one is not lacking
            for word in ([one.opts[-1], "x"] if isinstance(one, click.Option) else ["x"])
        ]
        line = error_line(ttc(*name.split(), *words, cwd=tmp_path))
        assert "Missing" in line or "is not one of" in line, (line, lacking.name)
    assert list(tmp_path.iterdir()) == []


def numbers() -> list[tuple[str, click.Option]]:
    return [
        (name, one)
        for name, command in COMMANDS.items()
        for one in command.params
        if isinstance(one, click.Option) and not one.is_flag and taken(one) in NUMBERS
    ]


@pytest.mark.parametrize(
    ("name", "one"), [pytest.param(name, one, id=f"{name} {one.opts[-1]}") for name, one in numbers()]
)
def test_a_number_is_no_word_and_its_ends_are_allowed(name: str, one: click.Option, tmp_path: Path) -> None:
    words = (ASKED.get(name) or WORK[name]).split()
    assert "is not a valid" in error_line(ttc(*name.split(), *words, one.opts[-1], "x", cwd=tmp_path))
    if isinstance(one.type, click.IntRange) and one.type.min is not None:
        beside = error_line(ttc(*name.split(), *words, one.opts[-1], one.type.min - 1, cwd=tmp_path))
        assert f"{one.type.min - 1} is not in the range" in beside
        read = COMMANDS[name].make_context(name, [*words, one.opts[-1], str(one.type.min)])
        assert read.params[one.name or ""] == one.type.min
