"""The schema in words, from the schema itself: ``python -m ttclib.store.readme`` writes store/README.md."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from ttclib.store.connection import connect
from ttclib.store.packed import packed_path
from ttclib.store.schema import SCHEMA_VERSION, is_collected
from ttclib.store.tables import TABLES, described_columns, schema_sql

_INTRODUCTION = """\
# The store

<!-- Written by `python -m ttclib.store.readme` from ttclib/store/schema.sql. Edit those, not this. -->

A store is one DuckDB file. It holds every sample that was ever drawn, with its text, its step scores
and its grades, so that any strategy at any budget can be asked of it later, with no model at hand.
Any tool that reads DuckDB can open it; these are its tables, at schema version {version}.

## What makes a sample the same sample

A sample is known by four things: the policy that drew it, the problem, the setting (prompt format,
decoding and whatever else decides a draw) and its number. Sample 7 is the seventh after sample 0,
whether you asked for 8 samples or for 800. So asking for more later only adds to what is there, and
running the same command again repeats nothing. Writing the same row twice leaves one; the first counts.

Raw text and raw step scores are kept. How step scores become one score (last, min, product, mean) is
chosen when the store is read, and grading can be done again, so changing your mind needs no GPU.

An empty cell (NULL) means *not known*: not scored yet, no answer found, no reference to grade by. It
never stands for 0 or for "wrong".

## Files beside it

While a run is going you may find a folder `NAME.duckdb.parts` beside `NAME.duckdb`. Each file in it
is a batch that is safe on disk and waits to be taken into the store, because a notebook has the
store open or another run is busy with it. ttclib reads store and parts as one, so nothing is missing
meanwhile. The next command that can will take them in; the folder then goes away. A file that
ends in `.tmp` was being written when its process was killed; it is ignored, and deleted later.

A command that needs the file while another process writes to it says so and waits 10 seconds, or as many
as the environment variable `TTC_WAIT_S` says; then it names the process to stop.

A part that is damaged, or that a newer ttclib wrote with a column unknown here, is named by whoever meets it. It stays
where it is, and the others are taken in; move it out of the folder to go on.
A folder of such parts by itself, on a share for example, is a store that can be read as it lies: name the folder in
place of the file. Nothing is written to it.

`NAME.duckdb.xz` is a store packed for sharing. The first command that opens `NAME.duckdb` unpacks it, if that is
not there; it is not read again after that. Where its folder cannot be written to, a copy in the user's cache
directory is read.

A symbolic link to a store is that store: log, lock and parts are beside its target.

To copy a store, `ttc backup NAME.duckdb --to COPY.duckdb`, also while a run goes on. Whether one is what was
written to it says `ttc verify`.

## Versions

A file carries the version of its schema. An older file is read as it is, and brought up to date,
keeping every row, the next time something is written to it. A file that a newer ttclib made is refused,
unchanged, with a line that says so.
"""


def store_readme(demo: Path | None = None) -> str:
    """Describe the store and its tables in Markdown.

    Parameters
    ----------
    demo : pathlib.Path, optional
        The demo store, for a section on where it comes from.

    Returns
    -------
    str
        The text of store/README.md. A column that the schema does not comment has an empty meaning.
    """
    sections = [_INTRODUCTION.format(version=SCHEMA_VERSION), "## Tables\n"]
    for about, table in re.findall(r"((?:^--[^\n]*\n)+)CREATE TABLE (\w+) ", schema_sql(), re.MULTILINE):
        lines = [line.removeprefix("--").strip() for line in about.splitlines()]
        key = ", ".join(f"`{column}`" for column in TABLES.get(table, ()))
        sections.append(f"### {table}\n\n{' '.join(lines)}\n{f'One row for each {key}.' if key else ''}\n")
        sections.append("| column | type | meaning |\n|---|---|---|")
        sections.extend(f"| `{name}` | {kind} | {_cell(meaning)} |" for name, kind, meaning in described_columns(table))
        sections.append("")
    sections.append(REAL_MODELS)
    sections.append(INSIDE)
    if demo is not None:
        sections.append(_demo_section(demo))
    return "\n".join(sections)


REAL_MODELS = """## Real models

| store | holds | credit, licence |
|---|---|---|
| **frontier.duckdb** | 70,727 samples of 83 frontier models on OTIS Mock AIME (45 problems) and GPQA Diamond (198; no question texts); a setting an effort; prices with their date | Epoch AI, "AI Benchmarking Hub", epoch.ai, 2026: CC BY 4.0 |
| **livecodebench.duckdb** | right answers in ten attempts of 59 models on code execution, test output and self-repair; no texts, no tokens | LiveCodeBench leaderboard (arXiv:2403.07974): CC BY-SA 4.0, and so is this store |
| **pythia.duckdb** | attempts and right answers of 81 Pythia checkpoints on GSM8K and MATH | counts of Schaeffer et al. 2025, arXiv:2502.17578 |

They ship packed, as `NAME.duckdb.xz`; whoever opens one first unpacks it. `python store/make_real.py FOLDER` makes them from
the public files, with parameters, training tokens and list prices from `ttclib/store/model_facts.csv`, and with their credit, which
`ttc status`, every page made from them and every export say. A store needs DuckDB 2.0 or later.

**flywheel.duckdb** holds the lab's policy before and after rounds of training on its own samples, on 220 test problems, without
texts, and what each round took: [how it was made](../docs/models.md#the-flywheel).
"""  # noqa: E501


INSIDE = """## A policy with and without steps

`inside.duckdb` holds answers of the lab's policy, of its twin that answers at once, of both trained on less, of the
twin trained on four and ten times as much, and of the twin with worked examples in its prompt, to the problems of the
demo, graded; those of the twin are scored by the lab's PRM. It has no texts. `ttc lab inside --ship
store/inside.duckdb` makes it.
"""


def _demo_section(demo: Path) -> str:
    """Where the demo comes from, as the file itself says."""
    with connect(demo) as con:
        counts = {
            table: con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("problems", "samples", "scores", "nodes", "revisions")
        }
        runs = con.execute(
            """SELECT command, config, seed, versions, started_at FROM runs ORDER BY started_at, run_id"""
        ).fetchall()
    n = {table: f"{count:,}" for table, count in counts.items()}
    lines = [
        "## Where the demo comes from\n",
        f"`demo.duckdb` holds {n['problems']} problems, {n['samples']} samples ({n['scores']} with step scores),",
        f"{n['nodes']} nodes of search trees and {n['revisions']} answers of revision chains.",
        "It ships packed, as `demo.duckdb.xz`; whoever opens it first unpacks it. It was drawn from the models that",
        "ship (`ttclib/lab/checkpoints/`), stage by stage; this command runs the same stages:\n",
        "```",
        "ttc lab collect --size demo --store runs/lab-demo.duckdb --ship store/demo.duckdb",
        "```\n",
        "Log-probabilities are rounded to five decimals; timings are left out.",
        "Its runs:\n",
        "| command | model | temperature | seed |",
        "|---|---|---|---|",
    ]
    rows = []
    for command, text, seed, *_ in runs:
        config = json.loads(text)
        model = config["policy"]["name"]
        if command == "revise" or "revis" in command:
            model = ((config.get("revision") or {}).get("model") or {}).get("name") or model
        row = f"| {command} | {model} | {config['sampling']['temperature']:g} | {seed} |"
        if row not in rows:
            rows.append(row)
    versions = json.loads(runs[-1][3])
    return "\n".join(
        [
            *lines,
            *rows,
            "",
            f"Made on {runs[-1][4]:%Y-%m-%d} with {', '.join(f'{name} {text}' for name, text in versions.items())}.",
            f"SHA-256 of the packed file: `{hashlib.sha256(packed_path(demo).read_bytes()).hexdigest()}`",
            "",
        ]
    )


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")


if __name__ == "__main__":
    target = Path("store") / "README.md"
    target.parent.mkdir(exist_ok=True)
    demo = target.parent / "demo.duckdb"
    target.write_text(store_readme(demo if is_collected(demo) else None), encoding="utf-8")
    print(f"wrote {target}")
