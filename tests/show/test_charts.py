"""Charts say what the table says, legibly, and carry no more than that."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ttclib.analysis.curves import SAMPLING, STRATEGIES
from ttclib.errors import RequestError
from ttclib.show import theme
from ttclib.show.charts import (
    accuracy_chart,
    accuracy_domain,
    bins_chart,
    caption,
    save_chart,
)
from ttclib.show.charts.accuracy import MAX_ROWS
from ttclib.show.charts.marks import LABEL_PX, spread_labels
from ttclib.show.picture import in_few_colours, picture_of
from ttclib.show.theme import style_of
from ttclib.store import SamplePool


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All inline rows of a spec, wherever they stand."""
    found: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("data"), dict):
                found.extend(node["data"].get("values", []))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(spec)
    for values in spec.get("datasets", {}).values():
        found.extend(values)
    return found


def test_every_strategy_has_a_look_of_its_own() -> None:
    assert set(STRATEGIES) <= set(theme.STYLES)
    for part in ("label", "color", "shape"):
        values = [getattr(style, part) for style in theme.STYLES.values()]
        assert len(set(values)) == len(values)


def test_the_colour_of_a_strategy_does_not_depend_on_the_others(curves: pl.DataFrame) -> None:
    def colors(names: list[str]) -> dict[str, str]:
        spec = accuracy_chart(curves.filter(pl.col("strategy").is_in(names))).to_dict()
        line = next(layer for layer in spec["layer"] if layer["mark"].get("type") == "line")
        scale = line["encoding"]["color"]["scale"]
        return dict(zip(scale["domain"], scale["range"], strict=True))

    every, alone = colors(list(SAMPLING)), colors(["best_of_n"])
    assert alone == {"best-of-N": every["best-of-N"]} == {"best-of-N": "#D55E00"}


@pytest.mark.parametrize("slider", [False, True])
def test_specs_are_valid_and_small(curves: pl.DataFrame, slider: bool) -> None:
    charts = (
        accuracy_chart(curves, slider=slider),
        accuracy_chart(curves, slider=slider, by_bin=True),
        bins_chart(curves, slider=slider),
    )
    for chart in charts:
        spec = chart.to_dict()  # checked against Vega-Lite's schema
        assert 0 < len(rows_of(spec)) <= len(curves) <= MAX_ROWS
        assert "http" not in json.dumps({key: value for key, value in spec.items() if key != "$schema"})
        bound = [param for param in spec["params"] if isinstance(param.get("bind"), dict)]
        assert bool(bound) is slider


def test_axes_are_powers_of_two_and_percent(curves: pl.DataFrame) -> None:
    encoding = accuracy_chart(curves).to_dict()["layer"][1]["encoding"]
    assert encoding["x"]["scale"]["type"] == "log" and encoding["x"]["scale"]["base"] == 2
    assert encoding["x"]["axis"]["values"] == [1, 2, 4, 8, 16]
    assert encoding["y"]["axis"]["format"] == ".0%"


def test_labels_do_not_overlap_where_lines_end_together(curves: pl.DataFrame) -> None:
    together = curves.with_columns(accuracy=pl.lit(0.97), ci_low=pl.lit(0.5), ci_high=pl.lit(1.0))
    height = 360
    rows = rows_of(accuracy_chart(together, height=height).to_dict())
    heights = sorted({row["label_height"] for row in rows})
    assert len(heights) == len(SAMPLING)
    low, high = accuracy_domain(together)
    apart = [(above - below) / (high - low) * height for below, above in pairwise(heights)]
    assert min(apart) >= LABEL_PX
    assert heights[-1] <= high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_spread_labels_keeps_order_distance_and_ends(heights: list[float]) -> None:
    placed = spread_labels(heights, gap=0.05, low=0, high=1)
    ordered = sorted(placed)
    assert all(above - below > 0.05 - 1e-9 for below, above in pairwise(ordered))
    assert ordered[0] >= -1e-9 and ordered[-1] <= 1 + 1e-9
    for (first, first_placed), (second, second_placed) in pairwise(sorted(zip(heights, placed, strict=True))):
        assert first == second or first_placed < second_placed


def test_spread_labels_leaves_what_is_apart() -> None:
    assert spread_labels([0.9, 0.1, 0.5], gap=0.1) == [0.9, 0.1, 0.5]


def test_caption_says_where_the_numbers_come_from(pool: SamplePool) -> None:
    text = "\n".join(caption(pool, aggregation="min", bins=3, difficulty="predicted"))
    for part in (
        "demo_like.duckdb",
        "policy small",
        "12 problems × 16 samples",
        "temperature 0.8",
        "PRM tiny-prm",
        "lowest step score",
        "3 bins",
        "predicted",
        "95 % bootstrap",
        "over problems",
    ):
        assert part in text, part
    assert "log-probability" in "\n".join(caption(pool, verifier="logprob"))


def test_bins_have_panels_with_names(curves: pl.DataFrame) -> None:
    panels = {row["panel"] for row in rows_of(bins_chart(curves).to_dict())}
    assert panels == {"bin 1 (easiest)", "bin 2", "bin 3 (hardest)", "all problems"}


def test_one_bin_at_a_time_is_shown(curves: pl.DataFrame) -> None:
    spec = accuracy_chart(curves, slider=True, by_bin=True).to_dict()
    bound = next(param for param in spec["params"] if param["name"] == "bin_now")
    assert bound["value"] == 0 and bound["bind"]["options"] == [0, 1, 2, 3]
    assert bound["bind"]["labels"] == ["all problems", "bin 1 (easiest)", "bin 2", "bin 3 (hardest)"]
    assert len(rows_of(spec)) == len(curves)
    assert all({"filter": "(datum.bin || 0) == bin_now"} in layer["transform"] for layer in spec["layer"])


def test_rule_stands_at_the_budget(curves: pl.DataFrame) -> None:
    spec = accuracy_chart(curves, budget=4).to_dict()
    assert {"name": "budget_now", "value": 4} in spec["params"]
    with pytest.raises(RequestError, match="budget 5 is not in the chart; it has 1, 2, 4, 8, 16"):
        accuracy_chart(curves, budget=5)


def test_one_budget_alone_can_be_drawn(curves: pl.DataFrame, tmp_path: Path) -> None:
    save_chart(accuracy_chart(curves.filter(pl.col("budget") == 8)), tmp_path / "one.png")


def test_nothing_to_draw_is_said(curves: pl.DataFrame) -> None:
    with pytest.raises(RequestError, match="nothing to draw"):
        accuracy_chart(curves.clear())
    with pytest.raises(RequestError, match="no bins"):
        bins_chart(curves.filter(pl.col("bin").is_null()))


def test_charts_are_written_by_extension(curves: pl.DataFrame, tmp_path: Path) -> None:
    chart = accuracy_chart(curves, budget=8)
    assert save_chart(chart, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    svg = save_chart(bins_chart(curves), tmp_path / "a.svg").read_text()
    assert "bin 1 (easiest)" in svg and "best-of-N weighted" in svg
    with pytest.raises(RequestError, match=r"'\.pgn' is unknown: did you mean '\.png'"):
        save_chart(chart, tmp_path / "a.pgn")
    with pytest.raises(RequestError, match="does not exist"):
        save_chart(chart, tmp_path / "missing" / "a.png")


def test_the_label_gives_the_accuracy_at_the_budget(curves: pl.DataFrame, tmp_path: Path) -> None:
    accuracy = curves.filter(pl.col("bin").is_null() & (pl.col("budget") == 4) & (pl.col("strategy") == "best_of_n"))
    svg = save_chart(accuracy_chart(curves, budget=4), tmp_path / "a.svg").read_text()
    assert f"{accuracy['accuracy'][0]:.1%}" in svg
    assert "N = 4" in svg


def test_a_notebook_stores_spec_and_picture(curves: pl.DataFrame) -> None:
    data, _ = theme.mime_bundle(accuracy_chart(curves).to_dict())
    assert set(data) == {theme.VEGALITE_MIME, "image/png", "text/plain"}
    assert isinstance(accuracy_chart(curves), alt.LayerChart)


def test_a_picture_keeps_the_colours_of_strategies(curves: pl.DataFrame) -> None:
    drawn = Image.open(io.BytesIO(picture_of(accuracy_chart(curves).to_dict()))).convert("RGB")
    seen = np.unique(np.asarray(drawn).reshape(-1, 3), axis=0).astype(int)
    for strategy in ("majority_vote", "best_of_n", "weighted_best_of_n"):
        wanted = [int(style_of(strategy).color[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(seen - wanted).max(axis=1).min() <= 12, strategy
    assert drawn.getpixel((0, 0)) == (255, 255, 255)


def test_a_palette_moves_no_large_area() -> None:
    """Bands are light, wide and alike: grey stays grey, green green."""
    bands = [(224, 224, 224), (226, 243, 238), (226, 239, 247), (252, 236, 224), (255, 255, 255)]
    noise = np.random.default_rng(0).integers(0, 256, (20, 100, 3))
    drawn = np.concatenate(
        [np.tile(np.array(bands)[:, None, :], (1, 20, 1)).repeat(20, axis=0).repeat(5, axis=1), noise]
    )
    few = np.asarray(in_few_colours(Image.fromarray(drawn.astype(np.uint8))).convert("RGB")).astype(int)
    for place, band in enumerate(bands):
        assert np.abs(few[place * 20 : place * 20 + 20] - band).max() <= 6
