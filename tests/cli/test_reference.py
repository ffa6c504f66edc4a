"""Pages: made of the sources, up to date, and no command, flag, key or strategy in none of them."""

from __future__ import annotations

import re

import click
import pytest

from tests.cli.commands import ROOT
from ttclib.analysis.result_columns import OWN
from ttclib.cli.commands import COMMANDS
from ttclib.cli.reference import PAGES, every_command, main
from ttclib.config import RunConfig
from ttclib.config.keys import sections
from ttclib.replay.strategy import strategies


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_sources_say_today(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_pages_are_written_where_it_is_said(tmp_path):
    main(str(tmp_path / "here"))
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == sorted(PAGES)


def test_every_command_and_flag_is_in_the_page():
    page = PAGES["commands.md"]()
    told = {part.partition("\n")[0]: part for part in page.split("\n## ttc ")[1:]}
    commands = {" ".join(names): one for names, one in every_command() if not isinstance(one, click.Group)}
    assert set(told) == set(commands) and {name.split()[0] for name in told} == set(COMMANDS)
    for name, command in commands.items():
        for one in command.params:
            if isinstance(one, click.Option) and not one.hidden:
                assert f"`{one.opts[0]}" in told[name] or f", {one.opts[-1]}" in told[name], (name, one.opts)


def test_every_key_is_in_the_page():
    page = PAGES["configuration.md"]()
    told = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert {"At the top", "[sampling]", "[policy.server]", "[revision.verifier]", "[search.algorithms]"} <= set(told)
    n_keys = 0
    for section, model in sections():
        text = told[f"[{section}]" if section else "At the top"]
        for key in model.model_fields:
            inside = f"{section}.{key}" if section else key
            assert f"| `{key}` |" in text or f"[{inside}]" in told, inside
            n_keys += 1
    assert n_keys > 80 and set(RunConfig.model_fields) <= {name.strip("[]") for name in told} | {"store"}
    assert (
        "| `n_samples` | whole number | `64` |" in told["[sampling]"]
        and "| `store` | path | needed |" in told["At the top"]
    )


def test_every_strategy_parameter_and_column_is_in_a_page():
    page, columns = PAGES["strategies.md"](), PAGES["columns.md"]()
    for name, one in strategies().items():
        own = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert one.summary in own and f"Reads the {one.reads};" in own
        assert all(f"| `{each.name}` | {each.help} |" in own for each in one.asked()), name
    assert all(f"| `{one.name}` |" in columns and one.meaning in columns for one in OWN)


def test_what_a_person_writes_names_every_command_and_strategy():
    pages = [ROOT / "README.md", *(path for path in (ROOT / "docs").glob("*.md") if path.name not in PAGES)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages) + PAGES["strategies.md"]()
    text += PAGES["commands.md"]()
    assert [name for name in COMMANDS if f"ttc {name}" not in text] == []
    assert [name for name in strategies() if name not in text] == []
