"""`ttc config`: every key, and what a file comes to."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from tests.cli.commands import ttc
from ttclib.config.keys import keys_of, sections


def test_every_key_is_printed_with_its_meaning(tmp_path: Path) -> None:
    shown = " ".join(ttc("config", cwd=tmp_path).stdout.split())
    for name, model in sections():
        for key in keys_of(name, model):
            assert f"{key.name}: {key.kind}" in shown and " ".join(key.meaning.split()) in shown, key
    found = json.loads(ttc("config", "--section", "policy.server", "--json", cwd=tmp_path).stdout)
    assert {key["section"] for key in found} == {"policy.server"} and found[0]["name"] == "urls"
    wrong = ttc("config", "--section", "polcy", cwd=tmp_path)
    assert wrong.returncode == 2 and "did you mean 'policy'" in wrong.stderr


def test_a_file_is_checked_and_written_out(tmp_path: Path) -> None:
    shown = ttc("config", "lab", cwd=tmp_path).stdout
    assert tomllib.loads(shown)["sampling"]["step_delimiter"] == "\n"
    assert 'name = "lab-policy"\n' in shown and "seed = 0  # default" in shown
    (tmp_path / "whole.toml").write_text(shown)
    again = ttc("config", "whole.toml", cwd=tmp_path).stdout
    assert tomllib.loads(again) == tomllib.loads(shown) and again.splitlines()[-1] == shown.splitlines()[-1]
    assert json.loads(ttc("config", "lab", "--json", cwd=tmp_path).stdout)["policy"]["name"] == "lab-policy"


def test_all_faults_are_told_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('store = "s"\n[policy]\nname = "m"\npath = "m"\n[sampling]\nmin_p = 3\nx = 1\n')
    for command in (("config",), ("sample",), ("sample", "--dry-run"), ("score",)):
        done = ttc(command[0], "bad.toml", *command[1:], cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 3 and all(line.startswith("ttc: config 'bad.toml': ") for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]
