"""What every chart tells its reader, beside what it told when a person last read it (`tests.show.told`)."""

import polars as pl
import pytest

from tests.show import frames
from tests.show import result_frames as results
from tests.show.test_question_charts import CHARTS
from tests.show.told import KEPT, told
from ttclib.show import charts
from ttclib.show.picture import svg_of
from ttclib.study.captions import bands_line


def at_paper_rates(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("exchange_rate").replace([0.1, 1.0, 10.0], charts.PAPER_RATES))


TOLD = {
    **CHARTS,
    "accuracy": lambda: charts.accuracy_chart(frames.curves(), budget=4, by_bin=True, slider=True),
    "bins": lambda: charts.bins_chart(frames.curves(), budget=4),
    "account": lambda: charts.account_chart(results.account().frame, "generations a problem"),
    "catching": lambda: charts.catching_chart(results.inside()),
    "data": lambda: charts.data_chart(results.inside_training()),
    "routes": lambda: charts.routes_chart(results.inside_training()),
    "flow": lambda: charts.flow_chart(results.turned()),
    "moved": lambda: charts.moved_chart(results.turned()),
    "forecast": lambda: charts.forecast_chart(results.rehearsal()),
    "plan": lambda: charts.plan_chart(results.plan(), "generations", n_bins=2),
    "graders": lambda: charts.graders_chart(results.graders(), "math"),
    "optimal": lambda: charts.optimal_chart(
        results.optimal()[0], "generations", "best_of_n", results.optimal()[1], title="t"
    ),
    "sequential": lambda: charts.sequential_chart(results.sequential()),
    "leads": lambda: charts.leads_chart(frames.crossover()),
    "stars": lambda: charts.stars_chart(at_paper_rates(frames.crossover())),
    "gain": lambda: charts.gain_chart(results.gains()),
    "lengths": lambda: charts.lengths_chart(results.gains().lengths),
}


@pytest.mark.parametrize("name", TOLD)
def test_it_tells_what_it_told(name: str) -> None:
    assert told(TOLD[name]()) == (KEPT / f"{name}.txt").read_text(encoding="utf-8"), "see tests/show/told.py"


def test_every_chart_is_told() -> None:
    drawing = {name.removesuffix("_chart") for name in charts.__all__ if name.endswith("_chart")} - {"save"}
    called = {"difficulty_histogram": "histogram"}
    assert {called.get(name, name) for name in drawing} <= set(TOLD) == {one.stem for one in KEPT.glob("*.txt")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("sequential", "bands: 95 %"), ("leads", "whiskers: 95 %"), ("stars", None), ("sweep", "bands: 95 %")],
)
def test_a_caption_says_what_intervals_look_like_where_there_are_any(name: str, said: str | None) -> None:
    frame = {"leads": frames.crossover(), "stars": at_paper_rates(frames.crossover()), "sweep": frames.sweep(),
             "sequential": results.sequential()}[name]  # fmt: skip
    spec = getattr(charts, f"{name}_chart")(frame, caption=["whose", bands_line()]).to_dict()
    lines = [line for line in spec["title"]["subtitle"] if "95 %" in line]
    assert lines == ([] if said is None else [bands_line().replace("bands: 95 %", said)])
    drawn = svg_of(spec)
    assert "whose" in drawn and ("95 %" in drawn) == (name in ("sequential", "leads"))  # the sweep's are off at first
