"""The reference pages of `docs/`, made of what the sources say of themselves: `python -m ttclib.cli.reference`.

Commands and flags come from click, strategies from the registry, keys of a run's configuration from its models, result
columns from theirs; names of the Python page, whose text the site takes from docstrings, from the package. A test holds
the pages that are checked in against these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

import ttclib
from ttclib.analysis.columns import Column
from ttclib.analysis.result_columns import OWN
from ttclib.cli.common import cli
from ttclib.config.keys import Key, keys_of, sections
from ttclib.replay.strategy import Parameter, Strategy, strategies

_MADE = "<!-- Made by `make docs` from the sources; changes here are lost. -->\n"


def commands_page() -> str:
    """Every command with its arguments and flags."""
    parts = [
        _MADE,
        "# Commands\n\n",
        "`-h` after any of them says the same. Every error is one line; the exit status is ",
    ]
    parts.append("0 done, 1 the work failed, 2 the request was wrong and nothing was written.\n")
    for names, command in every_command():
        if isinstance(command, click.Group):
            continue
        # With the settings of the whole: click keeps a command's help flag as it was first asked for.
        context = click.Context(command, info_name=f"ttc {' '.join(names)}", **cli.context_settings)
        words = " ".join(piece for piece in command.collect_usage_pieces(context))
        parts.append(
            f"\n## ttc {' '.join(names)}\n\n    ttc {' '.join(names)} {words}\n\n{_paragraphs(command.help)}\n\n"
        )
        rows = [row for one in command.params if (row := _flag(one, context)) is not None]
        parts.append(table(("flag", "what it says", "default"), rows))
    return "".join(parts)


def every_command(
    group: click.Group = cli, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Commands with the words that call them, those of today alone."""
    context = click.Context(group, **cli.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*names, name))


def _flag(one: click.Parameter, context: click.Context) -> tuple[str, str, str] | None:
    if not isinstance(one, click.Option) or one.hidden:
        return None
    record = one.get_help_record(context)
    assert record is not None
    said, _, _ = record[1].partition("  [")
    said, bracket, own = said.partition(" [default: ")
    default = own.rstrip("]") if bracket else _default(one)
    several = " Repeatable." if one.multiple else ""
    return f"`{record[0].replace(' RANGE', _ends(one.type))}`", f"{said}{several}", default


def _ends(kind: click.ParamType) -> str:
    """Between which ends a number must be."""
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return ""
    low = "" if kind.min is None else f" {'>' if kind.min_open else '≥'} {kind.min}"
    high = "" if kind.max is None else f" {'<' if kind.max_open else '≤'} {kind.max}"
    return low + high


def _default(one: click.Option) -> str:
    if one.required:
        return "needed"
    plain = one.default is not None and not one.is_flag and not one.multiple and one.show_default
    return f"{one.default}" if plain else ""


def strategies_page() -> str:
    """Every strategy with what it reads, needs, and is asked for by."""
    parts = [_MADE, "# Strategies\n"]
    parts.append(
        "\nA strategy of another package joins these by an entry point in the group `ttclib.strategies`; flags, keys, "
        "controls and colours are made of what it says of itself.\n"
    )
    for name, one in strategies().items():
        doc = " ".join((one.__doc__ or "").split("\n\n")[0].split())
        parts.append(f"\n## {name}\n\n{one.label}: {one.summary}. {doc}\n\n")
        parts.append(
            f"Reads the {one.reads}; needs {_needs(one)}. Collected by `{one.command.format(store='STORE')}`.\n"
        )
        if one.asked():
            parts.append(
                "\n" + table(("parameter", "what it says", "allowed", "default"), map(_parameter, one.asked()))
            )
    return "".join(parts)


def _needs(one: type[Strategy]) -> str:
    needs = {"scores": one.needs_scores, "answers": one.needs_answers, "the right answers (a bound)": one.needs_truth}
    return ", ".join(name for name, needed in needs.items() if needed) or "no more than that"


def _parameter(one: Parameter) -> tuple[str, str, str, str]:
    numbers = [] if one.kind is str else ["whole numbers" if one.kind is int else "numbers"]
    return f"`{one.name}`", one.help, ", ".join([*numbers, *one.allowed]), str(one.default)


def configuration_page() -> str:
    """Every key of a run's configuration."""
    parts = [_MADE, "# Configuration of a run\n"]
    parts.append(
        "\nA TOML file, or a preset (`ttc presets`). Paths are relative to the working directory. `ttc config` says "
        "the same, and `ttc config FILE` checks a file and shows what it comes to.\n"
    )
    for section, model in sections():
        parts.append(
            f"\n## {f'[{section}]' if section else 'At the top'}\n\n{' '.join((model.__doc__ or '').split())}\n\n"
        )
        parts.append(
            table(("key", "type", "default", "allowed", "what it says"), map(_key_row, keys_of(section, model)))
        )
    return "".join(parts)


def _key_row(key: Key) -> tuple[str, str, str, str, str]:
    default = key.default if key.default in ("", "needed") else f"`{key.default}`"
    return f"`{key.name}`", key.kind, default, key.allowed, key.meaning


def columns_page() -> str:
    """Every result column."""
    rows = (_column(one) for one in OWN)
    return f"{_MADE}# Result columns\n\n" + table(("column", "type", "what it says", "in tables", "missing"), rows)


def _column(one: Column) -> tuple[str, str, str, str, str]:
    return f"`{one.name}`", str(one.dtype), one.meaning, one.heading, one.null


# Rooms of what `import ttclib` gives, each with its heading.
_ROOMS = {
    "study": "A store opened for questions",
    "interchange": "Samples in memory",
    "samples": "What a store holds",
    "store": "Reading a store into arrays, copying and splitting one",
    "soundness": "Verifying, repairing and merging stores",
    "replay": "Strategies and estimators",
    "analysis": "Cost, plans and fits",
    "errors": "Errors",
}
# Modules whose public functions belong to a room beside what `import ttclib` gives.
_BESIDE = {"study": tuple(f"ttclib.study.{name}" for name in ("answers", "larger", "differences", "question"))}


def python_page() -> str:
    """Every public name, for mkdocstrings, which writes out its docstring."""
    parts = [_MADE, "# Python\n"]
    parts.append(
        "\n`import ttclib` gives the names below; a numerical library is loaded when one of them is first used. Arrays "
        "are of shape (problems, samples); what is missing is NaN or -1, as each says.\n"
    )
    homes = {name: getattr(ttclib, name).__module__ for name in ttclib.__all__}
    for room, heading in _ROOMS.items():
        parts.append(f"\n## {heading}\n")
        for name, home in homes.items():
            if home.split(".")[1] == room:
                label = f"ttclib.{name}"
                options = f"      heading: {label}\n      toc_label: {name}\n"
                parts.append(f"\n::: {home}.{name}\n    options:\n{options}")
        rest = "    options:\n      show_root_heading: false\n      show_root_toc_entry: false\n"
        parts.extend(f"\n::: {module}\n{rest}" for module in _BESIDE.get(room, ()))
    return "".join(parts)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A Markdown table.

    Examples
    --------
    >>> print(table(("a", "b"), [("1", "x|y")]), end="")
    | a | b |
    |---|---|
    | 1 | x\|y |
    """
    lines = [list(heads), ["---"] * len(heads), *(list(row) for row in rows)]
    shown = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" if line[0] != "---" else f"|{'|'.join(line)}|\n" for line in shown)


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").replace("\b", "").split("\n\n"))


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "strategies.md": strategies_page,
    "configuration.md": configuration_page,
    "columns.md": columns_page,
    "python.md": python_page,
}


def main(folder: str = "docs") -> None:
    """Write the pages."""
    Path(folder).mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (Path(folder) / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
