"""The card of an exported folder: what is in it, whose it is, and how it was made, as Hugging Face reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ttclib import __version__
from ttclib.interchange.store_rows import StoreRows
from ttclib.store.credit import Credit, credits_in
from ttclib.store.models import read_model
from ttclib.store.sample_rows import runs_of, totals
from ttclib.store.tables import described_columns

# Licences by the names that people write, and what the hub calls them.
_KNOWN_LICENCES = {
    "apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-3.0",
    "cc-by-sa-3.0", "odc-by", "odbl", "bsd-3-clause", "bsd-2-clause", "gpl-3.0", "llama3.1", "llama3", "openrail",
}  # fmt: skip
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))
_MEANINGS = {
    "setting": "JSON object of all that decides a draw beside policy and problem; null: nothing is known",
    "step_scores": "the first reading of the verifier that scored most, raw, one number a step",
    "readings": "every reading of every verifier, with the tokens it read and wrote, and what it said",
    "correct": "null: not graded, which is not wrong",
    "token_logprobs": "log-probability of each completion token, to three digits",
    "token_entropies": "entropy of each token's distribution at temperature 1, in nats",
    "token_top20": "probability of the 20 likeliest tokens at each token, together",
    "prompt_hidden": "the policy's hidden state at the end of the prompt, to three digits; on a problem's first sample",
    "prompt_layer": "after how many layers that state is taken",
    "greedy": "the policy's one greedy answer, on a problem's first sample",
    "greedy_tokens": "tokens of the greedy answer",
    "greedy_logprob": "log-probability of the greedy answer, the sum over its tokens",
    "difficulty": "what the source says of the problem's difficulty",
}
_MOST_SHOWN = 200  # of a setting, which may hold a prompt
_OF_TABLES = ("samples", "problems", "grades", "counts", "scores")


def dataset_card(rows: StoreRows, schemas: Mapping[str, pa.Schema]) -> str:
    """The text of ``README.md`` of a folder with ``data/TABLE.parquet``.

    Parameters
    ----------
    schemas : mapping of str to pyarrow.Schema
        Of each table that was written.
    """
    stated = credits_in(rows.con)
    parts = totals(rows.con)
    name = rows.store.name.removesuffix(".duckdb")
    sections = [
        _front_matter(name, stated, rows.tables, schemas),
        f"# {_plain(name)}\n",
        _summary(parts),
        "## What it holds\n",
        _table(
            ("table", "policy", "benchmark", "setting", "problems", "samples", "graded", "right", "scored by"),
            [[*_whose(part), *part["numbers"], ", ".join(part["verifiers"] or [])] for part in parts],
        ),
        *_models(rows, [part["policy"] for part in parts]),
        "## Columns\n",
        *(_columns(table, schema) for table, schema in schemas.items()),
        "An empty cell is not known; it never stands for 0 or for wrong.\n",
        "## Credit and licence\n",
        *([f"- {_plain(one.line)}" for one in stated] or ["The store that this was made of states neither."]),
        "\n## How it was made\n",
        f"`ttc export {_plain(rows.store.name)} … --format huggingface` of ttclib {__version__}{_chosen(rows)}, from "
        "samples that came to the store by\n",
        *_made(rows),
        "\n## Reading it\n",
        *_reading(schemas),
    ]
    return "\n".join(sections) + "\n"


def _front_matter(name: str, stated: Sequence[Credit], tables: Mapping[str, int], schemas: Mapping[str, Any]) -> str:
    """The card's head: YAML whose values are written as JSON, which YAML is."""
    lines = ["---", f"pretty_name: {json.dumps(_plain(name))}"]
    licences = sorted({one.license for one in stated if one.license})
    if len(licences) == 1 and (known := "-".join(licences[0].lower().split())) in _KNOWN_LICENCES:
        lines.append(f"license: {known}")
    elif licences:
        lines += ["license: other", f"license_name: {json.dumps('; '.join(map(_plain, licences)))}"]
    size = next((label for most, label in _SIZES if sum(tables.values()) < most), "n>10M")
    lines += [f"size_categories:\n- {size}", "tags:\n- test-time-compute\n- ttclib", "configs:"]
    for table in schemas:
        lines += [f"- config_name: {table}", f"  data_files:\n  - split: train\n    path: data/{table}.parquet"]
        lines += ["  default: true"] * (table == next(iter(schemas)))
    return "\n".join([*lines, "---", ""])


def _summary(parts: Sequence[Mapping[str, Any]]) -> str:
    policies = len({part["policy"] for part in parts})
    benchmarks = sorted({part["benchmark"] for part in parts if part["benchmark"]})
    n_samples = sum(part["numbers"][1] for part in parts)
    return (
        f"{n_samples:,} samples of {policies} {'policies' if policies > 1 else 'policy'}"
        f"{' on ' + ', '.join(map(_plain, benchmarks)) if benchmarks else ''}: many answers to each problem, with "
        "what was made of them, so that any strategy of test-time compute can be replayed without a model.\n"
    )


def _whose(part: Mapping[str, Any]) -> list[str]:
    setting = part["setting"] or ""
    shown = setting if len(setting) <= _MOST_SHOWN else setting[:_MOST_SHOWN] + "…"
    return [part["table"], part["policy"], part["benchmark"] or "", shown]


def _models(rows: StoreRows, policies: Sequence[str]) -> list[str]:
    """A table of what is known of the policies."""
    known = [facts for name in sorted(set(policies)) if (facts := read_model(rows.con, name)) is not None]
    found = []
    for facts in known:
        price = facts.price_line
        if facts.n_parameters or facts.training_tokens or price:
            found.append([facts.model, facts.n_parameters, facts.training_tokens, price])
    return [_table(("policy", "parameters", "training tokens", "price"), found)] if found else []


def _columns(table: str, schema: pa.Schema) -> str:
    meanings: dict[str, str] = {}
    for one in reversed((table, *_OF_TABLES)):
        meanings |= {name: meaning for name, _, meaning in described_columns(one) if meaning}
    cells = [[f"`{field.name}`", str(field.type), (meanings | _MEANINGS).get(field.name, "")] for field in schema]
    return f"`data/{table}.parquet`, one row a {table.removesuffix('s')}:\n\n" + _table(
        ("column", "type", "meaning"), cells
    )


def _chosen(rows: StoreRows) -> str:
    of = {name: getattr(rows.selection, name) for name in ("policy", "benchmark", "setting")}
    said = ", ".join(f"{name} {_plain(str(value))}" for name, value in of.items() if value)
    return f" ({said})" if said else ""


def _made(rows: StoreRows) -> list[str]:
    return [
        f"- `ttc {_plain(run['command'] or 'sample')}`"
        + (f" of {_plain(run['file'])}" if run["file"] else "")
        + (f" on {run['day']}" if run["day"] else "")
        for run in runs_of(rows.con)
    ] or ["- a way that the store does not tell"]


def _reading(schemas: Mapping[str, Any]) -> list[str]:
    first = next(iter(schemas))
    return [
        "```python",
        f'datasets.load_dataset("FOLDER", "{first}", split="train")',
        f'polars.read_parquet("FOLDER/data/{first}.parquet")',
        f'pandas.read_parquet("FOLDER/data/{first}.parquet")',
        "```",
        "",
        f"`ttc import FOLDER/data/{first}.parquet --store NAME.duckdb` makes a store of it again.",
    ]


def _table(names: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in cells:
        shown = [f"{cell:,}" if isinstance(cell, int) else "" if cell is None else _plain(str(cell)) for cell in row]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A name or text from a store as Markdown takes it: no table, tag, link or code of its own."""
    shown = "".join(mark for mark in " ".join(text.split()) if mark.isprintable())
    return shown.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
