"""What a picky reader would see: signs large enough, papers both meant, rows that pages carry packed, texts once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ttclib
from tests.show.stores import make_store
from ttclib.replay.strategy import strategies
from ttclib.show import notebook
from ttclib.show.charts.series import SHAPES
from ttclib.show.html_tables import table
from ttclib.show.packed import packed, packed_json
from ttclib.show.theme import FREE_LOOKS, styles
from ttclib.study.sides import references

# Parts of a square of the asked size that Vega's own signs cover, by their geometry; the thin ones are not here.
COVERED = {"circle": 1.0, "square": 1.0, "cross": 0.64, "diamond": 0.5, "triangle-up": 0.43, "triangle-down": 0.43,
           "triangle-left": 0.43, "triangle-right": 0.43}  # fmt: skip
LEAST = 0.25


def covered(shape: str) -> float:
    """The part of a square that a sign covers; a path's by counting, of the square from −1 to 1."""
    if shape in COVERED:
        return COVERED[shape]
    points = np.array(
        [[float(part) for part in pair.split(",")] for pair in re.findall(r"[ML]([-.\d]+,[-.\d]+)", shape)]
    )
    x, y = np.meshgrid(np.linspace(-1, 1, 201), np.linspace(-1, 1, 201))
    inside = np.zeros_like(x, dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return float(inside.mean())


def test_every_sign_is_large_enough_to_be_seen() -> None:
    signs = {*SHAPES, *(look.shape for look in FREE_LOOKS), *(one.shape for one in styles().values())}
    assert len(signs) > 10
    for sign in signs:
        assert covered(sign) >= LEAST, sign
    assert covered("M0,-.2L.2,0L0,.2L-.2,0Z") < LEAST  # the measure tells a thin one
    assert len(set(SHAPES)) == len(SHAPES)


def test_no_caption_or_title_names_a_colour_that_turns_with_the_paper() -> None:
    """Ink is black on white paper and white on dark: what is drawn in it is called by something else."""
    folder = Path(ttclib.__file__).parent / "show" / "charts"
    texts = [
        text for path in folder.glob("*.py") for text in re.findall(r"(?:title|caption)=.*", path.read_text("utf-8"))
    ]
    assert len(texts) > 50
    for text in texts:
        assert not re.search(r"\b(black|white|dark|light|pale grey)\b", text), text


@pytest.mark.parametrize("rows", [[], [{"a": 1, "b": None}, {"a": True}, {"b": "</script>", "c": [1, "x"]}],
                                  [{"a": 1.5e-7, "b": "ä"}] * 3])  # fmt: skip
def test_packed_rows_are_the_rows(rows: list[dict[str, object]]) -> None:
    made = packed(rows)
    again: list[dict[str, object]] = [{} for _ in range(made["n"])]
    for name, (values, places) in made["columns"].items():
        for row, place in zip(again, places, strict=True):
            if place >= 0:
                row[name] = values[place]
    assert json.dumps(again, sort_keys=True) == json.dumps(rows, sort_keys=True)
    text = packed_json({"mark": "</b>", "datasets": {"rows": rows}})
    assert "</" not in text and json.loads(text)["spec"] == {"mark": "</b>"}


def test_packed_rows_take_a_third_at_most_where_texts_come_again() -> None:
    rows = [{"strategy": f"strategy {at % 7}", "setting": "temperature=1", "budget": at % 9, "accuracy": at / 999}
            for at in range(2000)]  # fmt: skip
    assert len(packed_json({"datasets": {"rows": rows}})) < len(json.dumps(rows)) / 3


def test_a_mark_of_a_table_has_the_colours_of_both_papers() -> None:
    frame = pl.DataFrame({"strategy": ["pass_at_k"], "accuracy": [0.5]})
    html = table(frame)
    light, dark = re.search(r'class="mark" style="--on-light:(#\w+);--on-dark:(#\w+)"', html).groups()  # type: ignore[union-attr]
    assert light != dark and "var(--on-light)" in html and "var(--on-dark)" in html
    assert "pass_at_k" in strategies()


def test_a_forecast_of_accuracy_stands_on_an_axis_in_per_cent_and_a_cost_does_not() -> None:
    from types import SimpleNamespace

    from ttclib.show.charts import forecast_chart

    at = {"fact": 0.7, "forecast": 0.6, "low": 0.5, "high": 0.8}
    rows = [
        {
            "set": 1,
            "measure": name,
            "inside": True,
            "n_problems": 9,
            **{part: value * scale for part, value in at.items()},
        }
        for name, scale in (("accuracy", 1), ("cost", 20))
    ]
    spec = forecast_chart(SimpleNamespace(frame=pl.DataFrame(rows), unit="generations a problem")).to_dict()
    panels = (("accuracy", True), ("cost, generations a problem", False))
    for part, (title, percent) in zip(spec["vconcat"], panels, strict=True):
        for layer in part["layer"]:
            assert layer["encoding"]["y"]["title"] == title
            assert ("%" in layer["encoding"]["y"]["axis"].get("format", "")) == percent


def test_of_the_bill_only_ways_that_have_one_are_told() -> None:
    from ttclib.study.account import Account

    rows = [{"way": way, "label": way, "at_most": limit, "bill": bill, "accuracy": 0.5, "break_even_queries": queries}
            for way, bill, queries in (("uniform", 0.0, None), ("probes_4", 4.0, 3.0), ("probes_99", 99.0, None))
            for limit in (1.0, 8.0)]  # fmt: skip
    found = Account(pl.DataFrame(rows, infer_schema_length=None), "generations a problem")
    assert found.wide("accuracy")[0]["label"].to_list() == ["uniform", "probes_4", "probes_99"]
    assert found.wide("break_even_queries")[0]["label"].to_list() == ["probes_4", "probes_99"]


def test_what_both_sides_share_is_not_compared(tmp_path: Path) -> None:
    from ttclib.study.sides import Side, compare_sides

    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_samples=8, revisions=True, larger=True), "small")
    asked = notebook.ask()
    assert any(one.strategy == "revisions" for one in study.compared(asked).outcomes)
    found = compare_sides(study, Side(study.store, "large"), asked)
    assert "revisions" not in found.result.frame["strategy"].to_list()
    assert any("revisions" in note and "the same on both sides" in note for note in found.notes)


def test_what_stands_in_backticks_is_code_and_all_is_escaped() -> None:
    for html in (notebook.callout("`ttc score <x>` it"), notebook.findings_html(["`ttc score <x>` it"], [])):
        assert "<code>ttc score &lt;x&gt;</code> it" in html and "`" not in html


def test_the_samples_listed_are_of_different_texts(tmp_path: Path) -> None:
    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=3, n_samples=16))
    html = notebook.samples_html(study, "high_scored_wrong", 5, verifier="prm", aggregation="last")
    shown = [re.sub(r"sample \d+|\d+ tokens|<span class=\"score\">[^<]*</span>|style=\"[^\"]*\"", "", part)
             for part in html.split('<div class="ttc-sample">')[1:]]  # fmt: skip
    assert len(shown) > 1 and len(set(shown)) == len(shown)


def test_references_are_policies_known_to_be_larger_and_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from ttclib.store.contents import contents
    from ttclib.study import sides

    path = make_store(tmp_path / "s.duckdb", larger=True)
    study = ttclib.open(path, "small")
    assert list(references(study)) == ["large, one answer"]
    held = contents(path)
    unknown = [replace(one, n_parameters=None) if one.policy == "large" else one for one in held]
    monkeypatch.setattr(sides, "contents", lambda store: unknown)
    assert references(study) == {}  # nobody knows whether it is larger
    large = next(one for one in held if one.policy == "large")
    many = [*held, *(replace(large, policy=f"large-{at}", n_parameters=10**7 + at) for at in range(30))]
    pool = sides.greedy_pool(path, "large", study.pool.benchmark)
    monkeypatch.setattr(sides, "contents", lambda store: many)
    monkeypatch.setattr(sides, "greedy_pool", lambda store, name, benchmark: pool)
    for most in (1, 2, 4):
        found = list(references(study, most))
        assert len(found) == most and found[0].startswith("large,")
    assert found[-1].startswith("large-29")


def test_the_larger_side_is_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from ttclib.errors import RequestError
    from ttclib.store.contents import contents
    from ttclib.study import sides

    study = ttclib.open(make_store(tmp_path / "s.duckdb", larger=True), "small")
    assert "policy large" in sides.open_larger(study).line
    held = contents(study.store)
    own = next(one.n_parameters for one in held if one.policy == "small")
    monkeypatch.setattr(sides, "contents", lambda store: [replace(one, n_parameters=own) for one in held])
    with pytest.raises(RequestError, match="holds no policy larger than 'small'"):
        sides.open_larger(study)


def test_what_a_store_holds_is_told_without_columns_that_say_nothing(tmp_path: Path) -> None:
    plain = notebook.contents_html(
        notebook.contents(make_store(tmp_path / "a.duckdb", n_problems=2, n_samples=2, scored=False))
    )
    full = notebook.contents_html(
        notebook.contents(make_store(tmp_path / "b.duckdb", n_problems=2, n_samples=4, search=True, revisions=True))
    )
    for head in ("verifier", "tree steps", "revisions"):
        assert (f">{head}<" in full, f">{head}<" in plain) == (True, False)


def test_of_several_benchmarks_the_one_that_most_policies_answered_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    rows = [("a", "x"), ("a", "y"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "z")]
    held = [SimpleNamespace(policy=policy, benchmark=name, n_samples=1, n_counted=0) for policy, name in rows]
    monkeypatch.setattr(notebook, "contents", lambda store: held)
    assert notebook._most_answered_by("s", "a") == "y"
    assert notebook._most_answered_by("s", ("a", "c")) == "y"
    assert notebook._most_answered_by("s", "e") is None  # it answered one alone
