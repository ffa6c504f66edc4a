"""A checkpoint that is damaged, or whose chat template raises, is one line, and nothing is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.cli.commands import ttc
from ttclib.collect.checkpoints import resolve_model

RAISES = "{{ raise_exception('no\x1b[2J system') }}"
HOW = {
    "safetensors cut": "cannot load the policy from 'model': ",
    "safetensors no such": "cannot load the policy from 'model': ",
    "bin of nothing": "cannot load the policy from 'model': ",
    "tokenizer no JSON": "cannot load the policy from 'model': ",
    "config a list": "cannot load the policy from 'model': ",
    "template raises": "the chat template fails on ",
    "template no Jinja": "the chat template fails on ",
    "template of the configuration": "prompt.chat_template: no\\x1b[2J system",
}


def damage(model: Path, how: str) -> None:
    weights = model / "model.safetensors"
    if how == "safetensors cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "safetensors no such":
        weights.write_bytes(b"\xff" * 1000)
    elif how == "bin of nothing":
        weights.unlink()
        (model / "pytorch_model.bin").write_bytes(b"no pickle, no archive")
    elif how == "tokenizer no JSON":
        (model / "tokenizer.json").write_text("{")
    elif how == "config a list":
        (model / "config.json").write_text("[1]")
    elif how == "template raises":
        (model / "chat_template.jinja").write_text(RAISES)
    elif how == "template no Jinja":
        (model / "chat_template.jinja").write_text("{% if %}")


@pytest.mark.parametrize("how", HOW)
def test_it_is_one_line(how, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(resolve_model("lab:policy"), model)
    damage(model, how)
    template = f"chat_template = {json.dumps(RAISES)}\n" if how == "template of the configuration" else ""
    chat = f"[prompt]\nchat = true\n{template}" if "template" in how else ""
    (tmp_path / "run.toml").write_text(
        'store = "s.duckdb"\n[problems]\nsource = "lab:test"\nlimit = 1\n[policy]\nname = "m"\npath = "model"\n'
        f"[sampling]\nn_samples = 1\nmax_tokens = 8\n{chat}"
    )
    done = ttc("sample", "run.toml", cwd=tmp_path)
    line = done.stderr.splitlines()[-1]  # behind what transformers tells of loading
    assert done.returncode == 2 and line.startswith("ttc: ") and HOW[how] in line and line.isprintable()
    assert not list(tmp_path.glob("s.duckdb*"))
