"""Charts say what the table says, where it is true, and carry no more than that."""

import io
import json
import re
from itertools import combinations, pairwise
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.show import frames
from tests.show.drawn import Mark, encodings, marks, param, picture, rows_of, texts
from ttclib.errors import RequestError
from ttclib.replay.strategy import Look, Strategy, strategies
from ttclib.show import theme
from ttclib.show.charts import accuracy_chart, accuracy_domain, accuracy_rows, bins_chart, bins_rows, save_chart
from ttclib.show.charts.accuracy import MAX_ROWS
from ttclib.show.charts.labels import LABEL_PX, spread_labels
from ttclib.show.charts.rows import coinciding, panel_titles
from ttclib.show.charts.rows import rows_of as told_rows
from ttclib.show.charts.series import named, names_of, of_strategies
from ttclib.show.picture import in_few_colours, picture_of
from ttclib.show.theme import contrast, legible, mixed, pair, ramp, style_of, styles

NAMES = {"pass@k", "majority vote", "best-of-N", "best-of-N weighted"}


def value_of(mark: Mark, name: str) -> str:
    """What a mark says of one of its fields; of two of that name the tooltip's, which is the last."""
    found = re.findall(rf"(?=(?:^|; ){re.escape(name)}: (.*?)(?:; |$))", mark.label)
    assert found, f"{name} in {mark.label}"
    return str(found[-1])


# Looks ----------------------------------------------------------------------------------------------------------------


def test_no_two_strategies_differ_by_colour_alone() -> None:
    assert set(strategies()) < set(styles())
    for (first, one), (second, other) in combinations(styles().items(), 2):
        assert (one.dash, one.shape) != (other.dash, other.shape), f"{first} and {second}"
        assert one.color != other.color and one.label != other.label


def test_a_strategy_without_a_look_gets_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Strategy):
        name, label = "mine", "my own"

    class Yours(Strategy):
        name, label, look = "yours", "your own", Look("#123456", (1, 1), "square")

    known = {**strategies(), "mine": Mine, "yours": Yours}
    monkeypatch.setattr(theme, "strategies", lambda: known)
    styles.cache_clear()
    try:
        assert style_of("yours").color == "#123456" and style_of("yours").shape == "square"
        free = style_of("mine")
        assert all(
            free.color != one.color and free.shape != one.shape for name, one in styles().items() if name != "mine"
        )
        assert theme.in_order(["mine", "pass_at_k"]) == ["pass_at_k", "mine"]
    finally:
        styles.cache_clear()
    with pytest.raises(RequestError, match="did you mean 'best_of_n'"):
        style_of("best_of_m")


@pytest.mark.parametrize("name", [*styles()])
def test_colours_have_contrast_on_both_papers(name: str) -> None:
    for color, paper in zip(pair(styles()[name].color), theme.PAPERS, strict=True):
        assert contrast(color, paper) >= 3
    for color, paper in zip(pair(styles()[name].color, 4.5), theme.PAPERS, strict=True):
        assert contrast(color, paper) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#0000ff") == pytest.approx(8.59, abs=0.01)
    assert legible("#D55E00", "#ffffff") == "#D55E00"
    assert contrast(legible("#E69F00", "#ffffff"), "#ffffff") == pytest.approx(3, abs=0.1)
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_ordered_colours_are_ordered_and_seen(n: int) -> None:
    for paper, colors in zip(theme.PAPERS, zip(*ramp(n), strict=True), strict=True):
        light = [theme.luminance(color) for color in colors]
        assert all(before > after for before, after in pairwise(light))
        assert all(contrast(color, paper) >= 2.95 for color in colors)


def test_variants_of_a_strategy_share_its_colour_and_differ_in_dash_and_point() -> None:
    frame = frames.frontier()
    assert list(names_of(frame).values()) == [
        "majority vote",
        "beam search (M=4)",
        "beam search (M=8)",
        "compute-optimal",
    ]
    series = of_strategies(frame)
    assert series.colors[1] == series.colors[2] != series.colors[0]
    assert series.dashes[1] != series.dashes[2] and series.shapes[1] != series.shapes[2]
    assert series.shapes[1] == style_of("beam_search").shape
    assert set(named(frame)["name"]) == set(series.names)
    assert names_of(frame.drop("variant")).keys() == {(name, name) for name in frame["strategy"]}


# Accuracy against budget ----------------------------------------------------------------------------------------------


def test_each_point_stands_at_its_budget_and_accuracy() -> None:
    svg = picture(accuracy_chart(frames.curves(), height=300, y_domain=(0.4, 1.0)))
    points = marks(svg, "point")
    assert len(points) == 4 * 5
    places = {(value_of(one, "strategy"), value_of(one, "budget N")): one for one in points}
    low, high = places["majority vote", "1"], places["pass@k", "16"]
    assert high.x - low.x == pytest.approx(560) and low.y - high.y == pytest.approx(300 * 0.4 / 0.6)
    middle = places["best-of-N", "4"]
    assert middle.x - low.x == pytest.approx(280) and low.y - middle.y == pytest.approx(300 * 0.16 / 0.6)
    assert value_of(middle, "accuracy") == "66.0% [61.0, 70.0]"
    assert value_of(middle, "problems") == "12" and value_of(middle, "FLOPs / problem") == "4.00 GFLOPs"
    assert middle.fill == "#D55E00"


def test_values_stand_where_they_are_true() -> None:
    """Beside the rule the accuracy at its budget, at the right what each line comes to."""
    said = texts(picture(accuracy_chart(frames.curves(), budget=4, height=300, y_domain=(0.4, 1.0))))
    where = {one.text: one for one in said}
    rule = where["N = 4"].x
    at_rule = {one.text for one in said if rule < one.x < rule + 20 and one.text.endswith("%")}
    assert at_rule == {"70.0%", "55.0%", "66.0%", "67.0%"}
    ends = {text: where[text] for text in where if "  " in text}
    assert set(ends) == {"90.0%  pass@k", "60.0%  majority vote", "69.0%  best-of-N", "75.0%  best-of-N weighted"}
    assert where["90.0%  pass@k"].x > rule + 280
    assert where["60.0%  majority vote"].y - where["90.0%  pass@k"].y == pytest.approx(150, abs=1)
    assert where["70.0%"].y < where["67.0%"].y - 10 < where["66.0%"].y - 20 + 3


def test_the_end_of_a_line_is_said_once_where_the_rule_stands_there() -> None:
    said = [one.text for one in texts(picture(accuracy_chart(frames.curves(), budget=16)))]
    assert "N = 16" in said and said.count("90.0%  pass@k") == 1 and "90.0%" not in said
    assert "N = 4" not in said


def test_a_line_that_ends_early_says_where() -> None:
    short = frames.curves().filter((pl.col("strategy") != "best_of_n") | (pl.col("budget") <= 4))
    said = {one.text for one in texts(picture(accuracy_chart(short)))}
    assert "66.0%  best-of-N (N = 4)" in said and "75.0%  best-of-N weighted" in said


def test_the_budget_moves_rule_values_and_large_points() -> None:
    chart = accuracy_chart(frames.curves(), budget=2)
    for budget in (2, 8):
        svg = picture(chart, budget_now=budget)
        said = {one.text for one in texts(svg)}
        assert f"N = {budget}" in said
        wanted = {f"{values[frames.BUDGETS.index(budget)]:.1%}" for values in frames.ACCURACY.values()}
        assert wanted <= said


def test_one_bin_at_a_time_is_shown() -> None:
    chart = accuracy_chart(frames.curves((1, 2, 4)), slider=True, by_bin=True, n_bins=5)
    bound = param(chart, "bin_now")
    assert bound["value"] == 0 and bound["bind"]["options"] == [0, 1, 2, 4]
    assert bound["bind"]["labels"] == ["all problems", "bin 1 (easiest)", "bin 2", "bin 4"]
    assert len(rows_of(chart)) == 4 * 5 * 4
    for shown, count, accuracy in ((0, "12", "90.0%"), (4, "4", "80.0%")):
        svg = picture(chart, bin_now=shown)
        points = marks(svg, "point")
        assert len(points) == 20 and {value_of(one, "problems") for one in points} == {count}
        assert f"{accuracy}  pass@k" in {one.text for one in texts(svg)}


def test_intervals_can_be_switched() -> None:
    chart = accuracy_chart(frames.curves(), intervals=False, slider=True)
    assert param(chart, "intervals")["bind"]["input"] == "checkbox"
    assert not marks(picture(chart), "area")
    bands = marks(picture(chart, intervals=True), "area")
    assert len(bands) == 4 and {one.opacity for one in bands} == {0.12}


def test_controls_say_what_they_are_set_to() -> None:
    bound = param(accuracy_chart(frames.curves(), slider=True), "budget_now")
    assert bound["value"] == 16
    assert bound["bind"] == {
        "input": "select",
        "options": [1, 2, 4, 8, 16],
        "labels": ["1", "2", "4", "8", "16"],
        "name": "Budget N ",
    }
    assert param(accuracy_chart(frames.curves(), budget=4), "budget_now") == {"name": "budget_now", "value": 4}
    with pytest.raises(RequestError, match="budget 5 is not in the chart; it has 1, 2, 4, 8, 16"):
        accuracy_chart(frames.curves(), budget=5)


def test_references_are_level_lines_over_all_problems() -> None:
    chart = accuracy_chart(
        frames.curves(), references={"larger model": 0.8}, by_bin=True, y_domain=(0.4, 1.0), height=300
    )
    svg = picture(chart)
    (level,) = [one for one in marks(svg, "rule") if "larger model" in one.label]
    one = next(point for point in marks(svg, "point") if value_of(point, "accuracy").startswith("80.0%"))
    assert level.y == pytest.approx(one.y)
    assert "larger model 80.0%" in {one.text for one in texts(svg)}
    assert "larger model 80.0%" not in {one.text for one in texts(picture(chart, bin_now=1))}


def test_lines_that_coincide_are_said() -> None:
    curves = frames.curves()
    same = curves.with_columns(
        accuracy=pl.when(pl.col("strategy") == "majority_vote").then(0.5).otherwise("accuracy")
    ).with_columns(accuracy=pl.when(pl.col("strategy") == "best_of_n").then(0.5).otherwise("accuracy"))
    assert coinciding(named(same)) == ["one line on the other: majority vote and best-of-N"]
    assert coinciding(named(curves)) == []
    assert "one line on the other" in json.dumps(accuracy_chart(same).to_dict()["title"])


def test_what_the_axes_count_and_the_caption_says() -> None:
    chart = accuracy_chart(frames.curves(), caption=["told"], unit="generations", title="Mine")
    assert chart.to_dict()["title"] == {"text": "Mine", "subtitle": ["told"]}
    assert "budget N: generations per problem (log scale)" in {one.text for one in texts(picture(chart))}
    panels = bins_chart(
        frames.curves(), caption=["told"], unit="generations", title="Mine", intervals=False, slider=True
    )
    assert panels.to_dict()["title"] == {"text": "Mine", "subtitle": ["told"]}
    assert {"N, generations per problem", "accuracy", "50%"} <= {one.text for one in texts(picture(panels))}
    assert param(panels, "intervals")["value"] is False and param(panels, "budget_now")["bind"]["input"] == "select"
    assert (panels.to_dict()["spec"]["width"], panels.to_dict()["spec"]["height"]) == (230, 180)
    assert accuracy_chart(frames.curves()).to_dict()["title"] == {"text": "Accuracy against sampling budget"}
    assert bins_chart(frames.curves()).to_dict()["title"] == {"text": "Accuracy by difficulty"}


@pytest.mark.parametrize("slider", [False, True])
def test_specs_are_valid_small_and_fetch_nothing(slider: bool) -> None:
    curves = frames.curves()
    for chart in (accuracy_chart(curves, slider=slider, by_bin=True), bins_chart(curves, slider=slider)):
        spec = chart.to_dict()  # checked against Vega-Lite's schema
        assert len(rows_of(spec)) == len(curves) <= MAX_ROWS
        assert "http" not in json.dumps({key: value for key, value in spec.items() if key != "$schema"})
        assert any(isinstance(one.get("bind"), dict) for one in spec["params"]) is slider


def test_a_drawing_takes_rows_of_other_budgets() -> None:
    """The contract of the widgets: the same rows that the spec carries, and with more budgets more."""
    curves = frames.curves()
    domain = accuracy_domain(curves)
    plain = curves.filter(pl.col("bin").is_null())
    assert rows_of(accuracy_chart(plain, y_domain=domain)) == accuracy_rows(curves, domain)
    assert rows_of(bins_chart(curves)) == bins_rows(curves)
    added = plain.filter(pl.col("budget") == 8).with_columns(budget=pl.lit(11, dtype=pl.Int64))
    assert {row["budget"] for row in accuracy_rows(pl.concat([plain, added]), domain)} == {1, 2, 4, 8, 11, 16}
    assert {row["budget"] for row in accuracy_rows(plain, domain) if row["at_end"]} == {16}
    assert sum(row["ruled"] for row in accuracy_rows(plain, domain)) == len(frames.BUDGETS)


def test_labels_do_not_cover_one_another() -> None:
    together = frames.curves().with_columns(accuracy=pl.lit(0.97), ci_low=pl.lit(0.5), ci_high=pl.lit(1.0))
    svg = picture(accuracy_chart(together, budget=4, height=360))
    for kind in ("  ", "97.0%"):
        heights = sorted({one.y for one in texts(svg) if kind in one.text and (kind == "  ") == ("  " in one.text)})
        assert len(heights) == 4
        assert min(after - before for before, after in pairwise(heights)) >= LABEL_PX


def test_many_strategies_get_a_legend_instead_of_labels() -> None:
    chart = accuracy_chart(frames.curves(), height=50)
    said = {one.text for one in texts(picture(chart))}
    assert said >= NAMES and not any("  " in text for text in said)
    assert param(chart, "picked")["bind"] == "legend"
    assert param(accuracy_chart(frames.curves()), "picked")["select"]["on"] == "click"


def test_axis_domains_hold_bands_and_references() -> None:
    curves = frames.curves()
    assert accuracy_domain(curves) == (0.4, 1.0)
    assert accuracy_domain(curves, [0.13]) == (0.1, 1.0)
    flat = pl.DataFrame({"accuracy": [0.5], "ci_low": [None], "ci_high": [None]})
    assert accuracy_domain(flat) == pytest.approx((0.4, 0.6))


def test_of_many_budgets_powers_of_two_are_named() -> None:
    many = pl.concat([frames.curves().with_columns(budget=pl.lit(one, dtype=pl.Int64)) for one in (*range(1, 19), 20)])
    axis = accuracy_chart(many.unique(["strategy", "bin", "budget"])).to_dict()["layer"][1]["encoding"]["x"]
    assert axis["axis"]["values"] == [1, 2, 4, 8, 16, 20] and axis["scale"]["domain"] == [1, 20]


def test_one_budget_alone_can_be_drawn(tmp_path: Path) -> None:
    chart = accuracy_chart(frames.curves().filter(pl.col("budget") == 8))
    assert chart.to_dict()["layer"][1]["encoding"]["x"]["scale"]["domain"] == [4, 16]
    save_chart(chart, tmp_path / "one.png")


def test_nothing_to_draw_is_said() -> None:
    curves = frames.curves()
    with pytest.raises(RequestError, match="nothing to draw"):
        accuracy_chart(curves.clear())
    with pytest.raises(RequestError, match="no bins"):
        bins_chart(curves.filter(pl.col("bin").is_null()))
    with pytest.raises(RequestError, match=f"at most {MAX_ROWS}"):
        accuracy_chart(pl.concat([curves] * 80), by_bin=True)


# By difficulty --------------------------------------------------------------------------------------------------------


def test_each_bin_has_its_panel_by_its_number() -> None:
    chart = bins_chart(frames.curves((1, 2, 4)), n_bins=5, budget=4)
    rows = rows_of(chart)
    panels = {(row["bin"], row["panel"]) for row in rows}
    assert panels == {(1, "bin 1 (easiest)"), (2, "bin 2"), (4, "bin 4"), (None, "all problems")}
    spec = chart.to_dict()
    assert spec["facet"]["sort"] == ["bin 1 (easiest)", "bin 2", "bin 4", "all problems"]
    assert spec["columns"] == 2
    svg = picture(chart)
    heads = {one.text: one for one in texts(svg)}
    assert heads["bin 1 (easiest)"].x < heads["bin 2"].x and heads["bin 1 (easiest)"].y < heads["bin 4"].y
    assert [one.text for one in texts(svg)].count("N = 4") == 4
    in_bin_4 = [
        one
        for one in marks(svg, "point")
        if (value_of(one, "strategy"), value_of(one, "accuracy")) == ("pass@k", "80%")
    ]
    assert {(one.x > heads["bin 2"].x - 115, one.y > heads["bin 4"].y) for one in in_bin_4} >= {(False, True)}


def test_bins_are_called_by_number() -> None:
    frame = pl.DataFrame({"bin": [None, 1, 4]})
    assert panel_titles(frame) == {1: "bin 1 (easiest)", 4: "bin 4 (hardest)", None: "all problems"}
    assert panel_titles(frame, 5) == {1: "bin 1 (easiest)", 4: "bin 4", None: "all problems"}


def test_panels_beside_one_another_leave_no_gap() -> None:
    assert [bins_chart(frames.curves(bins)).to_dict()["columns"] for bins in ((1,), (1, 2), (1, 2, 3, 4))] == [2, 3, 3]
    assert bins_chart(frames.curves(), columns=1).to_dict()["columns"] == 1


def test_legends_show_each_strategy_by_its_point() -> None:
    spec = bins_chart(frames.curves()).to_dict()
    shapes = [one["shape"] for one in encodings(spec) if "shape" in one]
    assert shapes and all(one["legend"]["orient"] == "bottom" for one in shapes)
    assert shapes[0]["scale"]["domain"] == ["pass@k", "majority vote", "best-of-N", "best-of-N weighted"]
    assert shapes[0]["scale"]["range"] == [style_of(name).shape for name in frames.ACCURACY]
    dashes = [one["strokeDash"]["scale"]["range"] for one in encodings(spec) if "strokeDash" in one]
    assert dashes[0] == [list(style_of(name).dash) or [1, 0] for name in frames.ACCURACY]


# All charts -----------------------------------------------------------------------------------------------------------


def test_a_tooltip_never_says_null() -> None:
    frame = frames.crossover()
    told = told_rows(frame, ("difference", "accuracy_small", "relative_gain"))
    said = [value for row in told for name, value in row.items() if name.endswith("_text")]
    assert said and all(isinstance(one, str) and one and "None" not in one and "nan" not in one for one in said)


def test_rows_are_rounded_and_told() -> None:
    frame = pl.DataFrame({"accuracy": [0.123456789, None], "ci_low": [0.1, None], "ci_high": [0.2, None]})
    first, second = told_rows(frame, ["accuracy"])
    assert first == {"accuracy": 0.123457, "ci_low": 0.1, "ci_high": 0.2, "accuracy_text": "12.3% [10.0, 20.0]"}
    assert second["accuracy"] is None and second["accuracy_text"] == "–"


def test_dark_pictures_have_dark_paper_and_light_ink() -> None:
    chart = accuracy_chart(frames.curves())
    for dark, paper, ink in ((False, "#ffffff", "#000000"), (True, "#1b1b1b", "#e8e8e8")):
        svg = picture(chart, dark=dark)
        said = next(one for one in texts(svg) if one.text == "90.0%  pass@k")
        assert said.fill == ink and contrast(said.fill, paper) >= 4.5
        assert any(node.get("fill") == paper for node in svg.iter() if node.tag.endswith("rect"))
        title = next(one for one in texts(svg) if one.text == "accuracy: problems solved")
        assert contrast(title.fill, paper) >= 4.5


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
    assert spread_labels([0.5, 0.52, 0.9], gap=0.1) == pytest.approx([0.46, 0.56, 0.9])


def test_charts_are_written_by_extension(tmp_path: Path) -> None:
    chart = accuracy_chart(frames.curves(), budget=8)
    assert save_chart(chart, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    svg = save_chart(bins_chart(frames.curves()), tmp_path / "a.svg").read_text()
    assert "bin 1 (easiest)" in svg and "best-of-N weighted" in svg
    page = save_chart(chart, tmp_path / "a.html").read_text()
    assert "vegaEmbed" in page and "best-of-N weighted" in page
    with pytest.raises(RequestError, match=r"'\.pgn' is unknown: did you mean '\.png'"):
        save_chart(chart, tmp_path / "a.pgn")
    with pytest.raises(RequestError, match="does not exist"):
        save_chart(chart, tmp_path / "missing" / "a.png")


def test_a_notebook_stores_spec_and_picture() -> None:
    data, _ = theme.mime_bundle(accuracy_chart(frames.curves()).to_dict())
    assert set(data) == {theme.VEGALITE_MIME, theme.SVG_MIME, "text/plain"}
    assert data[theme.VEGALITE_MIME]["$schema"] == theme.VEGALITE_SCHEMA
    assert isinstance(accuracy_chart(frames.curves()), alt.LayerChart)


def test_a_picture_keeps_the_colours_of_strategies() -> None:
    drawn = Image.open(io.BytesIO(picture_of(accuracy_chart(frames.curves()).to_dict()))).convert("RGB")
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
