"""Commands in the pages: found, parsed by click, and those of ```console blocks run, with what they print under them.

python -m tests.consoles [PAGE…]   run every console block and write what it prints today
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import click
from click.testing import CliRunner

from ttclib.cli.common import cli
from ttclib.cli.reference import PAGES as MADE

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [path for path in WRITTEN if path.name not in MADE]
BLOCK = re.compile(r"^```(\w+)(?: title=\"(.+)\")?\n(.*?)^```$", re.M | re.S)
PROMPT = "$ "
ENDS = {"|", ">", "&&", ";", "\\"}


def commands(text: str) -> Iterator[list[str]]:
    """The words behind each `ttc` of a page's sh and console blocks, up to a pipe."""
    for kind, _, block in BLOCK.findall(text):
        if kind not in ("sh", "console"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if kind == "console" and not line.startswith(PROMPT):
                continue
            words = shlex.split(line.removeprefix(PROMPT), comments=True)
            for place, word in enumerate(words):
                if Path(word).name == "ttc":
                    rest = words[place + 1 :]
                    yield rest[: next((i for i, one in enumerate(rest) if one in ENDS), len(rest))]


def parse(words: list[str]) -> None:
    """Let click read a command, without calling it; raises as the command line does."""
    command: click.Command = cli
    context = click.Context(cli, info_name="ttc", **cli.context_settings)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context, **cli.context_settings)
    command.make_context(context.info_name, words, parent=context.parent)


def has_consoles(path: Path) -> bool:
    """Whether a page shows what commands print."""
    return "```console\n" in path.read_text(encoding="utf-8")


def ran(text: str, folder: Path) -> str:
    """A page with what its console blocks print today, run in a folder that holds the stores as `store`.

    A block with a title is a file that the commands behind it read. Of a pipe only ``| head -N`` is known.
    """
    (folder / "store").symlink_to(ROOT / "store")

    def block(found: re.Match[str]) -> str:
        kind, title, inside = found.groups()
        if title:
            (folder / title).write_text(inside, encoding="utf-8")
        if kind != "console":
            return found[0]
        calls = re.findall(r"^\$ (?:.*\\\n)*.*$", inside, re.M)
        return "```console\n" + "\n".join(f"{call}\n{printed(call)}" for call in calls) + "```"

    with contextlib.chdir(folder), mock.patch.dict(os.environ, {"COLUMNS": "80"}):
        return BLOCK.sub(block, text)


def printed(call: str) -> str:
    """What a line at the prompt prints, notices included."""
    asked, _, cut = call.removeprefix(PROMPT).replace("\\\n", " ").partition("| head -")
    name, *words = shlex.split(asked)
    assert name == "ttc", f"only ttc is run here: {call}"
    done = CliRunner().invoke(cli, words, prog_name="ttc", catch_exceptions=False)
    assert done.exit_code == 0, (call, done.output)
    lines = done.output.splitlines()[: int(cut) if cut else None]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def main() -> None:
    """Write today's output into the pages."""
    for path in [Path(name) for name in sys.argv[1:]] or WRITTEN:
        if has_consoles(path):
            with tempfile.TemporaryDirectory() as folder:
                text = ran(path.read_text(encoding="utf-8"), Path(folder))
            path.write_text(text, encoding="utf-8")
            print(path, flush=True)


if __name__ == "__main__":
    main()
