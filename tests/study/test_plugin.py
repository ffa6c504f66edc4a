"""Another package adds a strategy, a verifier, a reader and a column in one place, and they are found everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import build_store
from tests.study.toy import install
from ttclib.store import load_pool

pytest.importorskip("ipywidgets")
ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, sys
from pathlib import Path
import polars as pl
from ipywidgets.widgets.widget import _instances
from tests.cli.commands import ttc
import ttclib
from ttclib.analysis.columns import column
from ttclib.cli.reference import strategies_page
from ttclib.replay.strategy import strategies
from ttclib.show import charts, widgets
from ttclib.show.tables import table_html
from ttclib.show.text_tables import text_table
from ttclib.show.theme import styles

here = Path(sys.argv[1])
def rows(*words):
    done = ttc(*words, "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

study = ttclib.open(here / "s.duckdb")
curves = study.replay(strategies=["pass_at_k", "toy_blend"], part=0.25)
chart = charts.accuracy_chart(curves.frame, caption=curves.caption)
widgets.ReplayExplorer(study)
controls = [one for one in _instances.values() if hasattr(one, "description")]
imported = ttc("import", "marks.toy", "--store", "i.duckdb", cwd=here)
frontier = ("frontier", "s.duckdb", "--strategy", "toy_blend", "--bins", "1", "--resamples", "5")
frontier += ("--export-plan", "p.json")
print(json.dumps({
    "help": ttc("replay", "--help", cwd=here).stdout,
    "rows": rows("replay", "s.duckdb", "--strategy", "toy_blend", "--budgets", "1,4", "--part", "0,0.25"),
    "by length": rows("replay", "s.duckdb", "--strategy", "best_of_n", "--budgets", "16", "--verifier", "toy-length"),
    "frontier": rows(*frontier),
    "plan": rows("plan", "show", "p.json"),
    "boxes": [one.description for one in controls],
    "options": [list(map(str, one.options)) for one in controls if hasattr(one, "options")],
    "chart": json.dumps(chart.to_dict(validate=False)),
    "styles": {name: [one.label, one.color] for name, one in styles().items()},
    "imported": imported.stderr,
    "samples": rows("replay", "i.duckdb", "--strategy", "pass_at_k", "--budgets", "1"),
    "table": text_table(pl.DataFrame({"toy_share": [0.25]})),
    "meaning": column("toy_share").meaning,
    "page": strategies_page(),
    "unasked": [one["strategy"] for one in rows("replay", "s.duckdb")],
}))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return build_store(tmp_path_factory.mktemp("plugin") / "s.duckdb", n_problems=8)


@pytest.fixture(scope="module")
def found(store):
    folder = store.parent
    (folder / "marks.toy").write_text("TOY01\np1=++-\np2=---\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(install(folder / "site")), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_strategy_is_in_help_and_rows(found, store):
    text = " ".join(found["help"].split())
    assert "toy_blend" in text and "--part" in text and "Towards certainty, 0 to 1." in text
    ease = load_pool(store).correct.mean()
    for row in found["rows"]:
        part = 0 if row["variant"] == "toy_blend (part 0.0)" else 0.25
        assert row["accuracy"] == pytest.approx(ease + part * (1 - ease)) and row["generations"] == row["budget"]
    assert [(row["variant"], row["budget"]) for row in found["rows"]] == [
        ("toy_blend (part 0.0)", 1), ("toy_blend (part 0.0)", 4),
        ("toy_blend (part 0.25)", 1), ("toy_blend (part 0.25)", 4),
    ]  # fmt: skip
    assert "toy_blend" in found["unasked"] and "\n## toy_blend\n" in found["page"]


def test_the_strategy_is_in_controls_and_in_a_chart_with_a_colour_of_its_own(found):
    assert "toy blend" in found["boxes"] and "best-of-N" in found["boxes"]
    label, color = found["styles"]["toy_blend"]
    assert label == "toy blend" and label in found["chart"] and color.lower() in found["chart"].lower()
    assert [name for name, style in found["styles"].items() if style[1] == color] == ["toy_blend"]


def test_the_strategy_is_in_a_frontier_and_its_plan(found):
    assert {row["strategy"] for row in found["frontier"]} == {"toy_blend", "compute_optimal"}
    assert {row["strategy"] for row in found["plan"]} == {"toy_blend"}


def test_the_verifier_selects_and_is_in_controls(found, store):
    pool = load_pool(store)
    longest = [
        right[length == length.max()].mean() for length, right in zip(pool.completion_tokens, pool.correct, strict=True)
    ]
    assert found["by length"][0]["accuracy"] == pytest.approx(sum(longest) / len(longest))  # of all 16 the longest
    assert any("toy-length" in value for values in found["options"] for value in values)


def test_the_reader_and_the_column(found):
    assert "import: 6 samples added" in found["imported"]
    assert found["samples"][0]["accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert "toy's share" in found["table"] and "25.0%" in found["table"]
    assert found["meaning"] == "a share that only the toy knows"


STRATEGIES, COLUMNS = "ttclib.replay.strategy.strategies()", "ttclib.analysis.columns.columns()"
READERS, VERIFIERS = "ttclib.interchange.readers()", "ttclib.study.opening.verifier_sources()"


@pytest.mark.parametrize(
    ("group", "value", "ask", "said"),
    [
        ("ttclib.strategies", "nowhere:Lost", STRATEGIES, "cannot be loaded (ModuleNotFoundError"),
        ("ttclib.strategies", "json:dumps", STRATEGIES, "is not a subclass of"),
        ("ttclib.columns", "json:dumps", COLUMNS, "is not a Column or several"),
        ("ttclib.readers", "json:dumps", READERS, "is not a ttclib.interchange.Reader"),
        ("ttclib.verifiers", "json:lost", VERIFIERS, "cannot be loaded (AttributeError"),
    ],
)
def test_a_package_that_is_broken_is_named_in_one_line(tmp_path, group, value, ask, said):
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nlost = {value}\n")
    module = ask.partition("(")[0].rpartition(".")[0]
    code = f"import {module}, ttclib.errors\ntry: {ask}\nexcept ttclib.errors.RequestError as error: print(error)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith(f"entry point 'lost' of the group {group} ({value}) {said}"), ran.stderr
    assert len(ran.stdout.splitlines()) == 1
