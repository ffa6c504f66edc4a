"""The charts of single questions: the datum behind a mark, the words beside it, the panel that it is in."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.show import frames
from tests.show.drawn import encodings, marks, param, picture, rows_of, texts
from tests.show.test_charts import value_of
from ttclib.analysis.ledger import LEDGERS
from ttclib.errors import RequestError
from ttclib.show.charts import (
    agreement_chart,
    best_split_chart,
    chain_chart,
    cheap_chart,
    choices_chart,
    confusion_chart,
    cost_chart,
    crossover_chart,
    differences_chart,
    difficulty_histogram,
    equal_cost_chart,
    extrapolation_chart,
    frontier_chart,
    gains_chart,
    graders_chart,
    held_out_chart,
    miss_chart,
    needed_chart,
    pair_bins_chart,
    pairs_chart,
    plan_chart,
    saving_chart,
    sides_chart,
    sweep_chart,
    training_chart,
    tree_chart,
)
from ttclib.show.charts.crossover import nearest_step
from ttclib.show.charts.frontier import PRESET_LABELS
from ttclib.show.charts.pairs import BEYOND
from ttclib.show.charts.tree import MAX_STEPS

UNITS = {"snell": (frames.frontier(), "generations"), "all-in": (frames.frontier(), "eFLOPs")}
CHARTS = {
    "frontier": lambda **more: frontier_chart(UNITS, **more),
    "saving": lambda **more: saving_chart(frames.savings(), **more),
    "crossover": lambda **more: crossover_chart(frames.crossover(), **more),
    "gains": lambda **more: gains_chart(frames.gains(), "best_of_n", **more),
    "tree": lambda **more: tree_chart(frames.trace(), **more),
    "chain": lambda **more: chain_chart(frames.positions(), references={"a": 0.5}, **more),
    "sweep": lambda **more: sweep_chart(frames.sweep(), **more),
    "best_split": lambda **more: best_split_chart(frames.sweep(), **more),
    "histogram": lambda **more: difficulty_histogram(frames.profiles(), **more),
    "agreement": lambda **more: agreement_chart(frames.profiles(), **more),
    "confusion": lambda **more: confusion_chart(np.array([[3, 1], [0, 4]]), **more),
    "cheap": lambda **more: cheap_chart(frames.cheap(), **more),
    "extrapolation": lambda **more: extrapolation_chart(
        frames.predicted(), frames.curves(strategies=("pass_at_k",)), **more
    ),
    "miss": lambda **more: miss_chart(frames.misses(), **more),
    "sides": lambda **more: sides_chart(frames.curves(), frames.curves(), ("one", "other"), **more),
    "differences": lambda **more: differences_chart(frames.differences(), ("one", "other"), **more),
    "equal_cost": lambda **more: equal_cost_chart([frames.many_or_once(name) for name in ("toy", "b", "c")], **more),
    "cost": lambda **more: cost_chart(frames.many_or_once(), **more),
    "pairs": lambda **more: pairs_chart(frames.pairs()["curves"], **more),
    "needed": lambda **more: needed_chart(frames.pairs()["pairs"], **more),
    "pair_bins": lambda **more: pair_bins_chart(frames.pairs()["bins"], **more),
    "training": lambda **more: training_chart(frames.training().sizes, frames.training().takeovers, 0.5, **more),
    "choices": lambda **more: choices_chart(frames.training().choices, **more),
    "held_out": lambda **more: held_out_chart(frames.held_out(), **more),
}


# Title and axes of each, in the words that a reader sees, and what it says below the caption.
WORDS = {
    "frontier": {"Accuracy against cost", "accuracy: problems solved", "generations"},
    "saving": {
        "What choosing by difficulty saves",
        "best-of-N costs this many times as much",
        "budget N of best-of-N: generations per problem (log scale)",
        "bill shared by 1 query of a problem",
    },
    "crossover": {
        "Think longer, or train bigger?",
        "small − large, points",
        "R, inference tokens ÷ pretraining tokens (log scale)",
        "at this R, by difficulty",
        "ahead",
    },
    "gains": {
        "Tree search less best-of-N, at equal generations",
        "points over best-of-N",
        "N, generations per problem",
    },
    "tree": {"A search", "step", "PRM score of the step", "0.0", "0.5", "1.0"},
    "chain": {
        "Right answers along a chain",
        "answer in the chain (the first saw no other)",
        "pass@1: share of answers that are right",
    },
    "sweep": {
        "One long chain, or many short ones?",
        "accuracy",
        "← one answer a chain · sequential : parallel · one long chain →",
    },
    "best_split": {
        "Where 4 answers are best spent",
        "accuracy",
        "sequential × parallel",
    },
    "histogram": {"How hard the problems are", "problems", "pass@1: share of a problem's samples that are right"},
    "agreement": {"Does the PRM know what is hard?", "oracle: pass@1", "predicted: mean final PRM score"},
    "confusion": {
        "Problems by bin, oracle against predicted",
        "bin by oracle (1 easiest)",
        "bin by prediction (1 easiest)",
    },
    "cheap": {
        "What few samples tell of the difficulty",
        "k, samples spent on telling the difficulty (log scale)",
        "rank correlation with the others' pass@1",
    },
    "extrapolation": {
        "What more samples would cover",
        "pass@k: problems covered",
        "k: samples per problem (log scale)",
        "the pool ends here",
    },
    "miss": {"How far such predictions miss", "predicted − measured, points", "k: samples per problem (log scale)"},
    "sides": {"Two pools, the same strategies", "accuracy", "N, samples per problem"},
    "differences": {"other less one, on the same problems", "difference, points", "N, samples per problem"},
    "equal_cost": {
        "Several answers less one, at equal cost",
        "several less one, percentage points",
        "toy",
        "small × 3 against large once",
        "too close to call",
    },
    "cost": {"toy", "accuracy: problems solved", "tokens a question (log scale)", "80.0%  large × 4"},
    "pairs": {
        "A small model many times, or a larger one once?",
        *("small − large, points", "R (log scale)", "sums", "words", "A 1B/4B", "B 1B/4B"),
    },
    "needed": {
        "How many attempts make up for a smaller model?",
        "attempts that equal one answer of the larger (log scale)",
    },
    "pair_bins": {"On which problems do attempts help?", "small − large, points", "difficulty bin (1 the easiest)"},
    "training": {
        "The cheapest way to cover 50 % of the problems",
        "cost of a query, the cheapest = 1 (log scale)",
        *("queries that share the training (log scale)", "1M", "10M", "1 million"),
    },
    "choices": {"Which size, for how many queries", "share covered", "50%", "90%", "1M", "10M"},
    "held_out": {"Checkpoints as the others predict them", "measured (log scale)", "pass@16", "outside"},
}


@pytest.mark.parametrize("name", list(CHARTS))
def test_every_chart_is_legible_follows_the_paper_and_tells_pairs_apart_without_colour(name: str) -> None:
    chart = CHARTS[name](caption=["told"])
    spec = chart.to_dict()
    assert {"name": "dark", "value": False} in spec["params"]
    assert spec["title"]["subtitle"][0] == "told"
    said = texts(picture(spec))
    assert WORDS[name] <= {one.text for one in said}
    plots = [spec["spec"]] if "facet" in spec else spec.get("vconcat", [spec])
    assert all(plot["width"] >= 90 and plot["height"] >= 10 for plot in plots)
    assert name == "confusion" or (plots[0]["width"] >= 110 and plots[0]["height"] >= 170)
    assert min(one.size for one in said) >= 11
    assert not any("null" in one.text or "NaN" in one.text or "undefined" in one.text for one in said)
    assert not any("_" in one.text for one in said), "a raw id"
    for row in rows_of(spec):
        assert all(isinstance(value, str) and value for key, value in row.items() if key.endswith("_text"))
    looks: dict[tuple[str, ...], dict[str, list[Any]]] = {}
    for one in encodings(spec):
        for channel in ("strokeDash", "shape"):
            if scale := one.get(channel, {}).get("scale"):
                looks.setdefault(tuple(scale["domain"]), {})[channel] = scale["range"]
    for domain, ranges in looks.items():
        pairs = {json.dumps(both) for both in zip(*ranges.values(), strict=True)}
        assert len(pairs) == len(domain), f"{domain} by colour alone"


def test_the_frontier_shows_one_ledger_and_bin_and_rings_what_nothing_beats() -> None:
    chart = frontier_chart(UNITS, preset="all-in", n_bins=3)
    bound = param(chart, "cost_now")
    assert bound["value"] == "all-in" and bound["bind"]["options"] == ["snell", "all-in"]
    assert bound["bind"]["labels"] == ["generations (Snell et al.)", "everything (all-in)"]
    assert param(chart, "bin_now")["bind"]["labels"] == ["all problems", "bin 1 (easiest)", "bin 2"]
    svg = picture(chart)
    points = marks(svg, "point")
    rings = [one for one in points if one.stroke and one.fill in ("none", "transparent", "")]
    assert {value_of(one, "strategy") for one in rings} == {"beam search (M=4)", "beam search (M=8)"}
    assert {value_of(one, "generations") for one in rings} == {"16"}
    assert len(points) == 8 + len(rings)
    assert {value_of(one, "cost") for one in points} == {"8 eFLOPs", "32 eFLOPs"}
    best = next(one for one in points if value_of(one, "strategy") == "compute-optimal")
    assert value_of(best, "chosen there") == "beam search (M=4)"
    assert value_of(rings[0], "chosen there") == "nothing: a single strategy"
    assert [one.text for one in texts(svg) if "FLOPs" in one.text] == ["eFLOPs"]
    assert not marks(svg, "area") and marks(picture(chart, intervals=True), "area")
    assert len(marks(picture(chart, bin_now=1), "point")) == 10
    assert "bind" not in param(frontier_chart(UNITS, slider=False), "cost_now")
    with pytest.raises(RequestError, match="nothing to draw"):
        frontier_chart({"snell": (frames.frontier().with_columns(cost=pl.lit(None, dtype=pl.Float64)), "")})


def test_a_pair_stands_at_its_difference_and_says_who_is_ahead() -> None:
    found = frames.many_or_once()
    svg = picture(equal_cost_chart([found]))
    row = found.frame.row(0, named=True)
    (point,) = marks(svg, "point")
    assert value_of(point, "several of") == "small" and value_of(point, "budget N") == "3"
    assert value_of(point, "one of") == "large" and value_of(point, "N reach") == "50.0%"
    shown = f"−20.0 points [{row['ci_low'] * 100:+.1f}, {row['ci_high'] * 100:+.1f}]".replace("-", "−")
    assert value_of(point, "difference") == shown
    said = {one.text: one for one in texts(svg)}
    assert "−20.0" in said and said["toy"].y < said["small × 3 against large once"].y < point.y
    zero, ten = (next(one.x for one in texts(svg) if one.text == text) for text in ("0", "−10"))
    assert point.x == pytest.approx(zero + 2 * (ten - zero), abs=1.5)
    assert row["winner"] == "once" and [one["verdict"] for one in rows_of(equal_cost_chart([found]))[1:]] == [
        "one ahead"
    ]
    alone = replace(found, frame=found.frame.filter(pl.col("budget") == 1))
    with pytest.raises(RequestError, match="no cheaper side has two"):
        equal_cost_chart([alone])


def test_costs_and_accuracies_are_the_tables_and_a_line_is_named_where_it_ends() -> None:
    found = frames.many_or_once()
    rows = rows_of(cost_chart(found))
    sides = [row for row in rows if row["kind"] == "side"]
    frame = found.frontier.frame.filter(pl.col("strategy") == "majority_vote")
    assert {(row["side"], row["budget"], row["cost"]) for row in sides} == set(
        frame.select("side", "budget", "cost").iter_rows()
    )
    assert {row["end_label"] for row in sides if row["at_end"]} == {"80.0%  large × 4", "55.0%  small × 4"}
    assert {row["side"] for row in sides if row["once"]} == {"large"}
    covers = {(row["side"], row["budget"]): row["accuracy"] for row in rows if row["kind"] == "coverage"}
    assert covers["small", 4] == pytest.approx(0.65)
    chosen = [row for row in rows if row["kind"] == "best"]
    assert chosen[0]["chosen_text"] == "small: majority vote N=1" and all(row["accuracy"] <= 0.8 for row in chosen)
    axis = next(one["x"]["axis"] for one in encodings(cost_chart(found).to_dict()) if "axis" in one.get("x", {}))
    assert axis["values"] == [10, 20, 50, 100]


def test_every_ledger_has_a_name_for_readers() -> None:
    assert set(LEDGERS) == set(PRESET_LABELS) and len(set(PRESET_LABELS.values())) == len(LEDGERS)


def test_the_chosen_line_is_the_thick_one() -> None:
    line = next(one for one in frontier_chart(UNITS).to_dict()["layer"] if one["mark"]["type"] == "line")
    width = line["encoding"]["strokeWidth"]
    assert "compute_optimal" in width["condition"]["test"] and width["condition"]["value"] > width["value"]


def test_a_saving_is_a_point_and_an_open_interval_leaves_the_picture() -> None:
    chart = saving_chart(frames.savings())
    svg = picture(chart)
    points = {(value_of(one, "with"), value_of(one, "budget N")): one for one in marks(svg, "point")}
    assert set(points) == {
        (name, budget) for name in ("difficulty known for nothing", "difficulty billed") for budget in ("1", "4", "16")
    }
    assert value_of(points["difficulty known for nothing", "4"], "factor") == "2 × [1.1, ∞)"
    assert value_of(points["difficulty billed", "16"], "factor") == "2 × (0, 2.5]"
    one, half = points["difficulty known for nothing", "4"], points["difficulty known for nothing", "16"]
    equal = points["difficulty billed", "4"]
    assert one.y - half.y == pytest.approx(equal.y - one.y), "equal factors are equal steps"
    arrows = [one for one in texts(svg) if one.text in "▲▼"]
    assert sorted(one.text for one in arrows) == ["▲", "▲", "▼", "▼"]
    up, down = ({round(one.x - half.x) for one in arrows if one.text == text} for text in "▲▼")
    assert max(up) < -100 and max(map(abs, down)) < 10
    assert min(one.y for one in arrows if one.text == "▼") > max(one.y for one in arrows if one.text == "▲") + 250
    assert len(marks(svg, "area")) == 2
    caption = chart.to_dict()["title"]["subtitle"]
    assert caption == [
        "▲ ▼ open interval: in some resamples the choice starts above the baseline's accuracy or never reaches it"
    ]
    closed = frames.savings().head(1)
    assert "subtitle" not in saving_chart(closed).to_dict()["title"]
    assert not any(one.text in "▲▼" for one in texts(picture(saving_chart(closed))))


def test_the_bill_is_shared_by_the_queries_chosen() -> None:
    blocks = [
        frames.savings().with_columns(queries=pl.lit(count), billed_factor=pl.col("factor") * count) for count in (1, 4)
    ]
    chart = saving_chart(pl.concat(blocks))
    assert param(chart, "queries_now")["bind"]["labels"] == ["1", "4"]
    svg = picture(chart, queries_now=4)
    assert "bill shared by 4 queries of a problem" in {one.text for one in texts(svg)}
    billed = {value_of(one, "factor")[:4] for one in marks(svg, "point") if value_of(one, "with").endswith("billed")}
    assert billed == {"6 × ", "8 × ", "16 ×"}
    with pytest.raises(RequestError, match="no budget"):
        saving_chart(frames.savings().tail(1))


def test_the_crossover_names_lines_and_says_who_is_ahead_at_one_rate() -> None:
    chart = crossover_chart(frames.crossover(), exchange_rate=0.9)
    assert param(chart, "rate_step")["value"] == 1
    assert param(chart, "rate_step")["bind"]["labels"] == ["0.1", "1", "10"]
    svg = picture(chart)
    said = {one.text for one in texts(svg)}
    assert {"R = 1: c = 10 ×", "−10.0  all problems", "+10.0  bin 1 (easiest)", "0.0  bin 2 (hardest)"} <= said
    bars = {value_of(one, "difficulty"): one for one in marks(svg, "bar")}
    ahead = {name: (value_of(one, "ahead"), value_of(one, "difference")) for name, one in bars.items()}
    assert ahead == {
        "all problems": ("too close to call", "0.0 points [−3.0, +3.0]"),
        "bin 1 (easiest)": ("small model thinking", "+15.0 points [+12.0, +18.0]"),
        "bin 2 (hardest)": ("too close to call", "−2.0 points [−5.0, +1.0]"),
    }
    assert bars["bin 1 (easiest)"].fill == "#0072B2" and bars["all problems"].fill == "#8a8a8a"
    at_rule = marks(svg, "point")
    assert len(at_rule) == 3 and len({round(one.x) for one in at_rule}) == 1
    later = picture(chart, rate_step=2)
    told = {value_of(one, "difficulty"): value_of(one, "ahead") for one in marks(later, "bar")}
    assert told["all problems"] == "larger model" and "R = 10: c = 1 ×" in {one.text for one in texts(later)}


def test_the_crossover_says_what_the_store_cannot_answer() -> None:
    svg = picture(crossover_chart(frames.crossover(), exchange_rate=0.1))
    said = [one.text for one in texts(svg)]
    assert "R = 0.1: c = 100 ×, beyond the store" in said and said.count("beyond pool") == 1
    assert {value_of(one, "difficulty") for one in marks(svg, "bar")} == {"all problems", "bin 1 (easiest)"}
    rows = rows_of(crossover_chart(frames.crossover()))
    assert {row["ahead"] for row in rows if row["difference"] is None} == {"not answerable"}
    thick = crossover_chart(frames.crossover()).to_dict()["vconcat"][0]["layer"]
    assert any({"filter": "!datum.bounded"} in layer.get("transform", []) for layer in thick)
    assert {row["exchange_rate"] for row in rows if row["bounded"]} == {0.1}
    nothing = frames.crossover().with_columns(difference=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(RequestError, match="too small for every exchange rate"):
        crossover_chart(nothing)


def test_the_crossover_shows_one_band_at_a_time() -> None:
    chart = crossover_chart(frames.crossover(), n_bins=3)
    assert param(chart, "bin_now")["bind"]["labels"] == ["all problems", "bin 1 (easiest)", "bin 2"]
    for number, name in ((0, "all problems"), (1, "bin 1 (easiest)")):
        assert {value_of(one, "panel") for one in marks(picture(chart, bin_now=number), "area")} == {name}
    assert not marks(picture(chart, intervals=False), "area")


def test_the_axis_of_rates_has_the_papers_and_no_empty_part() -> None:
    grid = pl.concat(
        [
            frames.crossover().filter(pl.col("exchange_rate") == 1.0).with_columns(exchange_rate=pl.lit(rate))
            for rate in (0.1, 1.0, 100.0)
        ]
        + [
            frames.crossover()
            .filter(pl.col("exchange_rate") == 1.0)
            .with_columns(exchange_rate=pl.lit(0.001), difference=pl.lit(None, dtype=pl.Float64))
        ]
    )
    axis = next(one["x"] for one in encodings(crossover_chart(grid).to_dict()) if "axis" in one.get("x", {}))
    assert axis["scale"]["domain"] == [0.1, 100] and axis["axis"]["values"] == [0.16, 0.79, 10, 22, 100]
    assert nearest_step([0.1, 1.0, 10.0], 0.3) == 0 and nearest_step([0.1, 1.0, 10.0], 0.4) == 1


def test_gains_stand_in_the_panel_of_their_bin() -> None:
    chart = gains_chart(frames.gains(), "best_of_n", n_bins=3)
    assert chart.to_dict()["facet"]["sort"] == ["bin 2", "all problems"]
    assert {(row["panel"], row["difference"]) for row in rows_of(chart)} == {("bin 2", 0.05), ("all problems", -0.03)}
    svg = picture(chart)
    assert "points over best-of-N" in {one.text for one in texts(svg)}
    told = {(value_of(one, "difference"), value_of(one, "generations")) for one in marks(svg, "point")}
    assert told == {
        (f"{text} points {ends}", n)
        for n in ("4", "16")
        for text, ends in (("+5.0", "[+3.0, +7.0]"), ("−3.0", "[−5.0, −1.0]"))
    }
    assert {value_of(one, "strategy") for one in marks(svg, "point")} == {"beam search (M=4)"}
    with pytest.raises(RequestError, match="nothing to draw"):
        gains_chart(frames.gains().clear(), "best_of_n")


def test_a_search_is_a_tree_with_its_way() -> None:
    chart = tree_chart(frames.trace(), {"1": "so\n  it goes", "1.0": "x" * 200})
    rows = {row["path"]: row for row in rows_of(chart)}
    assert (rows["0"]["place"], rows["1.0"]["place"], rows["1.1"]["place"], rows["1"]["place"]) == (0, 1, 2, 1.5)
    assert rows["1.0"]["from_place"] == 1.5 and rows["1.0"]["from"] == 1
    assert rows["1"]["text"] == "so it goes" and rows["0"]["text"] == "not recorded"
    assert len(rows["1.0"]["text"]) == 120 and rows["1.0"]["text"].endswith("…")
    assert rows["1.0"]["fill"] == "#ffffff" and rows["0"]["fill"] != rows["1"]["fill"]
    svg = picture(chart)
    steps = {value_of(one, "text"): one for one in marks(svg, "point")}
    assert len(marks(svg, "point")) == 4
    assert value_of(steps["so it goes"], "PRM score") == "0.90"
    assert value_of(steps["so it goes"], "this step") == "on the way to a returned answer"
    assert value_of(steps["not recorded"], "answer") in ("–", "✗")
    assert sorted(one.text for one in texts(svg) if one.text in "✓✗") == ["✓", "✗"]
    edges = marks(svg, "rule")
    assert len(edges) == 4 and sum(one.stroke == "#222222" for one in edges) == 2
    with pytest.raises(RequestError, match="too large to draw"):
        tree_chart(pl.concat([frames.trace()] * (MAX_STEPS // 4 + 1)))
    with pytest.raises(RequestError, match="no step"):
        tree_chart(frames.trace().clear())


def test_a_chain_counts_its_answers_from_one() -> None:
    svg = picture(chain_chart(frames.positions(), references={"independent": 0.52}))
    told = {value_of(one, "answer"): value_of(one, "right") for one in marks(svg, "point")}
    assert told == {
        "1": "50.0% [45.0, 55.0]",
        "2": "52.0% [47.0, 57.0]",
        "3": "54.0% [49.0, 59.0]",
        "4": "56.0% [51.0, 61.0]",
    }
    assert "independent 52.0%" in {one.text for one in texts(svg)}
    assert not any("%" in one.text and "ind" in one.text for one in texts(picture(chain_chart(frames.positions()))))
    with pytest.raises(RequestError, match="no answer of a chain"):
        chain_chart(frames.positions().clear())


def test_a_sweep_has_a_line_a_budget_and_goes_from_parallel_to_sequential() -> None:
    chart = sweep_chart(frames.sweep())
    assert param(chart, "bin_now")["bind"]["labels"] == ["all problems", "bin 1 (easiest)", "bin 3 (hardest)"]
    svg = picture(chart, bin_now=1)
    splits = {value_of(one, "sequential × parallel"): one for one in marks(svg, "point")}
    assert set(splits) == {"1 × 2", "2 × 1", "1 × 4", "2 × 2", "4 × 1"}
    assert splits["1 × 4"].x < splits["1 × 2"].x < splits["2 × 2"].x < splits["2 × 1"].x < splits["4 × 1"].x
    assert splits["4 × 1"].y < splits["2 × 2"].y and value_of(splits["4 × 1"], "answers in all") == "N = 4"
    told = {(row["bin"], row["split"]): row["accuracy_text"] for row in rows_of(chart)}
    assert told[1, "4 × 1"] == "60.0% [40.0, 75.0]"
    assert {"1:4", "1:1", "4:1"} <= {one.text for one in texts(svg)}
    with pytest.raises(RequestError, match="no split"):
        sweep_chart(frames.sweep().with_columns(accuracy=pl.lit(None, dtype=pl.Float64)))


def test_the_best_split_of_each_bin_is_dark() -> None:
    chart = best_split_chart(frames.sweep(), n_bins=3)
    assert chart.to_dict()["title"]["text"].startswith("Where 4 answers are best spent")
    assert chart.to_dict()["facet"]["sort"] == ["bin 1 (easiest)", "bin 3 (hardest)"]
    assert {(row["panel"], row["split"]) for row in rows_of(chart) if row["best"]} == {
        ("bin 1 (easiest)", "4 × 1"),
        ("bin 3 (hardest)", "1 × 4"),
    }
    bars = marks(picture(chart), "bar")
    assert {value_of(one, "sequential × parallel") for one in bars if one.opacity == 1} == {"4 × 1", "1 × 4"}
    assert len(bars) == 6 and len(marks(picture(chart), "rule")) == 6
    two = best_split_chart(frames.sweep(), budget=2)
    assert {row["split"] for row in rows_of(two)} == {"1 × 2", "2 × 1"}
    with pytest.raises(RequestError, match="budget 8 is not in the table; it has 2, 4"):
        best_split_chart(frames.sweep(), budget=8)
    with pytest.raises(RequestError, match="no bins"):
        best_split_chart(frames.sweep().filter(pl.col("bin").is_null()))


def test_problems_are_counted_by_pass_at_1_and_bin() -> None:
    chart = difficulty_histogram(frames.profiles(), n_bins=5)
    assert [row["panel"] for row in rows_of(chart)] == ["bin 1 (easiest)"] * 3 + ["bin 2"] * 3 + ["bin 4"] * 2
    bars = marks(picture(chart), "bar")
    assert sum(int(value_of(one, "problems")) for one in bars) == 8
    with pytest.raises(RequestError, match="no PRM scores"):
        difficulty_histogram(
            frames.profiles().with_columns(predicted_bin=pl.lit(None, dtype=pl.Int64)), kind="predicted"
        )
    with pytest.raises(RequestError, match="no graded samples"):
        difficulty_histogram(frames.profiles().with_columns(oracle=pl.lit(None, dtype=pl.Float64)))


def test_two_difficulties_of_each_problem() -> None:
    svg = picture(agreement_chart(frames.profiles(), n_bins=5))
    told = {value_of(one, "problem"): one for one in marks(svg, "point")}
    assert set(told) == {f"p{place}" for place in range(7)}
    assert value_of(told["p4"], "pass@1") == "50.0%" and value_of(told["p4"], "mean PRM score") == "0.50"
    assert value_of(told["p4"], "bin by oracle") == "2" and value_of(told["p4"], "bin by prediction") == "2"
    assert told["p0"].y < told["p6"].y and told["p0"].x > told["p6"].x


def test_confusion_counts_stand_in_their_cells() -> None:
    svg = picture(confusion_chart(np.array([[3, 1], [0, 4]])))
    cells = {
        (value_of(one, "bin by oracle"), value_of(one, "bin by prediction")): value_of(one, "problems")
        for one in marks(svg, "rect")
    }
    assert cells == {("1", "1"): "3", ("1", "2"): "1", ("2", "1"): "0", ("2", "2"): "4"}
    numbers = {one.text: one.fill for one in texts(svg) if one.size == 13}
    assert numbers["4"] == "#ffffff" and numbers["1"] == "#222222"


def test_what_few_samples_tell() -> None:
    svg = picture(cheap_chart(frames.cheap()))
    told = {
        (value_of(one, "from"), value_of(one, "k")): value_of(one, "rank correlation") for one in marks(svg, "point")
    }
    assert told["oracle: k grades", "16"] == "0.97" and told["predicted: k PRM scores", "1"] == "0.77"
    ends = sorted(one.y for one in texts(svg) if one.text in ("0.97", "0.96"))
    assert len(ends) == 2 and ends[1] - ends[0] >= 12
    with pytest.raises(RequestError, match="equally hard"):
        cheap_chart(frames.cheap().with_columns(spearman=pl.lit(None, dtype=pl.Float64)))


def test_predictions_go_beyond_the_pool() -> None:
    chart = extrapolation_chart(frames.predicted(), frames.curves(strategies=("pass_at_k",)))
    svg = picture(chart)
    told = {(value_of(one, "model"), value_of(one, "k")): one for one in marks(svg, "point") if "model" in one.label}
    assert value_of(told["power law exp(a·k^b)", "16"], "predicted") == "82.0% [50.0, 99.5]"
    assert value_of(told["power law exp(a·k^b)", "32"], "predicted") == "99.0%"
    assert value_of(told["beta-binomial", "32"], "within the pool") == "no"
    measured = [one for one in marks(svg, "point") if "measured" in one.label]
    assert {value_of(one, "measured")[:5] for one in measured} == {"50.0%", "60.0%", "70.0%", "80.0%", "90.0%"}
    edge = next(one for one in texts(svg) if one.text == "the pool ends here")
    assert edge.x == pytest.approx(told["power law exp(a·k^b)", "16"].x - 6, abs=1)
    with pytest.raises(RequestError, match="no model of coverage"):
        extrapolation_chart(frames.predicted().with_columns(predicted=pl.lit(None, dtype=pl.Float64)), frames.curves())


def test_misses_have_the_spread_of_halvings() -> None:
    chart = miss_chart(frames.misses())
    assert [(row["low"], row["high"]) for row in rows_of(chart)] == [(0.01, 0.03), (-0.04, -0.02)]
    told = {value_of(one, "k"): value_of(one, "miss") for one in marks(picture(chart), "point")}
    assert told == {"1": "+2.0 points", "8": "−3.0 points"}
    assert len(marks(picture(chart), "area")) == 1


def test_two_sides_share_a_panel_a_strategy() -> None:
    other = frames.curves().with_columns(pl.col("accuracy") - 0.1)
    chart = sides_chart(frames.curves(), other, ("one", "other"))
    assert chart.to_dict()["facet"]["sort"] == ["pass@k", "majority vote", "best-of-N", "best-of-N weighted"]
    assert {row["bin"] for row in rows_of(chart)} == {None}
    points = [
        one for one in marks(picture(chart), "point") if value_of(one, "budget N") == "16" and one.fill == "#000000"
    ]
    by_side = {value_of(one, "side"): one for one in points}
    assert by_side["one"].x == by_side["other"].x and by_side["one"].y < by_side["other"].y
    with pytest.raises(RequestError, match="neither side"):
        sides_chart(frames.curves().clear(), other.clear(), ("one", "other"))


def test_a_difference_is_second_less_first() -> None:
    svg = picture(differences_chart(frames.differences(), ("one", "other")))
    assert "other less one, on the same problems" in {one.text for one in texts(svg)}
    told = {
        (value_of(one, "strategy"), value_of(one, "one"), value_of(one, "other"), value_of(one, "difference"))
        for one in marks(svg, "point")
    }
    assert told == {
        ("best-of-N", "50.0%", "60.0%", "+10.0 points [+8.0, +12.0]"),
        ("pass@k", "50.0%", "45.0%", "−5.0 points [−7.0, −3.0]"),
    }
    assert len(marks(svg, "area")) == 2


def test_a_plan_is_a_cell_a_bin_and_limit_with_n_ties_and_mixtures() -> None:
    step = {"ease_from": 0.5, "policy": "p", "cost": 2.0, "accuracy": 0.5, "given_up": 0.0, "tied": 1, "share": 1.0}
    best, vote = ({"strategy": name, "variant": name} for name in ("best_of_n", "majority_vote"))
    plan = pl.DataFrame([
        {"bin": 1, "at_most": 2.0, "budget": 2, **step, **best, "tied": 3},
        {"bin": 2, "at_most": 2.0, "budget": 1, **step, **vote, "share": 0.25},
        {"bin": 2, "at_most": 2.0, "budget": 16, **step, **best, "share": 0.75},
        {"bin": 1, "at_most": 4.0, "budget": 4, **step, **vote},
    ])  # fmt: skip
    chart = plan_chart(plan, "generations", n_bins=2)
    found = {(row["difficulty"], row["at_most"]): (row["name"], row["label"]) for row in rows_of(chart)}
    assert found == {
        ("bin 1 (easiest)", 2.0): ("best-of-N", "2 ="),
        ("bin 2 (hardest)", 2.0): ("best-of-N", "16 *"),
        ("bin 1 (easiest)", 4.0): ("majority vote", "4"),
    }
    said = " ".join(chart.to_dict()["title"]["subtitle"])
    assert "=: others are exactly as accurate" in said and "*: two are mixed" in said
    picture(chart)
    with pytest.raises(RequestError, match="no candidate is affordable"):
        plan_chart(plan.head(0), "generations")


def test_graders_are_lines_of_differences_against_the_first() -> None:
    row = {"strategy": "pass_at_k", "variant": "pass_at_k", "n_problems": 9, "ci_low": -0.2, "ci_high": 0.1}
    curves = pl.DataFrame([
        {"grader": grader, **row, "budget": budget, "accuracy": 0.5 + gap, "difference": gap}
        for grader, gap in (("math", 0.0), ("exact", -0.1), ("stored", 0.05)) for budget in (1, 2)
    ])  # fmt: skip
    chart = graders_chart(curves, "math")
    assert [(row["grader"], row["budget"], row["difference"]) for row in rows_of(chart)] == [
        ("exact", 1, -0.1), ("exact", 2, -0.1), ("stored", 1, 0.05), ("stored", 2, 0.05)
    ]  # fmt: skip
    assert "less that by math" in json.dumps(chart.to_dict()["title"])
    picture(chart)


def test_a_pair_is_solid_where_the_pool_pays_and_dashed_beyond() -> None:
    rows = rows_of(pairs_chart(frames.pairs()["curves"]))
    ahead = [row for row in rows if row["name"] == "A 1B/4B"]
    solid = [row["exchange_rate"] for row in ahead if not row["bounded"]]
    assert solid == [10.0] and sorted({row["exchange_rate"] for row in ahead if row["bounded"]}) == [0.1, 1.0, 10.0]
    joined = next(row for row in ahead if row["bounded"] and row["exchange_rate"] == 10.0)
    assert joined["estimate"] == joined["difference"]  # thin and dashed begin where the solid line ends
    assert [row["end_label"] for row in rows if row["at_end"]] == ["A 1B/4B", "B 1B/4B", "B 1B/4B"]
    with pytest.raises(RequestError, match="nothing to draw"):
        pairs_chart(frames.pairs()["curves"].with_columns(neighbours=pl.lit(False)))


def test_attempts_beyond_the_pool_are_hollow_and_open_ends_reach_the_edge() -> None:
    spec = needed_chart(frames.pairs()["pairs"]).to_dict()
    rows = [row for part in spec["datasets"].values() for row in part]
    told = {(row["name"], row["panel"]): row for row in rows if "fitted" in row}
    assert told["B 1B/4B", "sums"]["fitted"] and told["B 1B/4B", "sums"]["attempts"] == 30
    assert not told["A 1B/4B", "sums"]["fitted"] and told["A 1B/4B", "sums"]["attempts_high"] == BEYOND
    paid = {row["rate"]: row["attempts"] for row in rows if "rate" in row}
    assert paid == {"R = ∞": 4.0, "R = 1": 13.0, "R = 0.1": 94.0}


def test_where_a_larger_size_takes_over_stands_with_its_interval_and_an_open_end_reaches_the_edge() -> None:
    found = frames.training()
    taken = found.takeovers.filter(pl.col("target") == 0.5).to_dicts()
    queries = sorted(set(found.sizes["queries"].to_list()))
    for opened in (False, True):
        given = [{**row, "ci_low": None, "ci_high": None} if opened else row for row in taken]
        spec = training_chart(found.sizes, pl.DataFrame(given, schema=found.takeovers.schema), 0.5).to_dict()
        drawn = [row for part in spec["datasets"].values() for row in part if "from_queries" in row]
        told = {end: [row[end] for row in drawn] for end in ("ci_low", "ci_high")}
        for end, edge in (("ci_low", queries[0]), ("ci_high", queries[-1])):
            expected = [edge if opened else row[end] for row in taken]
            assert expected and sorted(set(told[end])) == pytest.approx(sorted(set(expected)), rel=1e-4)


def test_the_cheapest_size_touches_one_and_is_pale_where_resamples_differ() -> None:
    found = frames.training()
    rows = rows_of(training_chart(found.sizes, found.takeovers, 0.5))
    assert {row["name"] for row in rows if row["factor"] == 1} == {"1M", "10M"}
    shades = {row["shade"] for row in rows_of(choices_chart(found.choices))}
    assert {"1M|sure", "10M|sure"} <= shades
    with pytest.raises(RequestError, match="no checkpoint covers 99 %"):
        training_chart(found.sizes, found.takeovers, 0.99)


def test_names_of_close_levels_stand_one_above_the_other():
    from ttclib.show.charts.axes import share
    from ttclib.show.charts.labels import reference_layers

    def heights(levels):
        drawn = [one.to_dict() for one in reference_layers(levels, share("accuracy"), gap=0.02)]
        return {one["mark"]["dy"] for one in drawn if one["mark"]["type"] == "text"}

    assert len(heights({"a": 0.868, "b": 0.864, "c": 0.5})) == 2
    assert len(heights({"a": 0.868, "b": 0.8, "c": 0.5})) == 1
