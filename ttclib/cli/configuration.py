"""`ttc config`: every key of a configuration with its meaning; or what a file comes to, and what is wrong in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict

import click

from ttclib.cli.common import as_json, cli, escaped, print_json, say, wants
from ttclib.config import load_config
from ttclib.config.keys import Key, as_toml, keys_of, sections
from ttclib.config.loading import read_toml
from ttclib.errors import one_of

_WIDTH = 110


@cli.command("config")
@click.argument("config", metavar="[CONFIG]", required=False)
@click.option("--section", help="Keys of this one alone, such as sampling.")
@as_json()
def show_config(config: str | None, section: str | None) -> None:
    """Every key of a configuration, with its meaning; or what CONFIG (a TOML file or preset) comes to.

    A file is checked, each of its faults told in a line; then it is written out with all its defaults, as TOML that
    reads as the same, and with the setting under which its samples stand in a store.
    """
    known = dict(sections())
    wanted = known if section is None else {one_of(section, known, "section"): known[section]}
    if config is None:
        found = [key for name, model in wanted.items() for key in keys_of(name, model)]
        if wants("json"):
            print_json([asdict(key) for key in found], ensure_ascii=False)
            return
        for name, model in wanted.items():
            about = " ".join((model.__doc__ or "").replace("``", "").split())
            click.echo(f"[{name or 'at the top'}]  {about}")
            for key in keys_of(name, model):
                click.echo("\n".join(_lines(key)))
            click.echo()
        return
    read = load_config(config)
    if wants("json"):
        dumped = read.model_dump_json(indent=2, include=None if section is None else {section.partition(".")[0]})
        click.echo(escaped(dumped))
        return
    setting = read.setting_row()
    say(f"# config '{config}', with its defaults")
    click.echo(f"\n{escaped(as_toml(read, read_toml(config)))}")
    say(f"# Its samples stand under the setting {setting['setting']}: {setting['keys']}")


def _lines(key: Key) -> Iterator[str]:
    default = {"": "absent", "needed": "needed"}.get(key.default, f"default {key.default}")
    said = "; ".join(part for part in (key.kind, key.allowed, default) if part)
    yield from textwrap.wrap(f"{key.name}: {said}", _WIDTH, initial_indent="  ", subsequent_indent="      ")
    if key.meaning:
        yield from textwrap.wrap(key.meaning, _WIDTH, initial_indent="      ", subsequent_indent="      ")
