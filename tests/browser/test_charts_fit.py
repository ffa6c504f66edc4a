"""Charts fit the place that they are drawn in: measured in a browser from the boxes of their texts."""

import json
from typing import Any

import polars as pl
import pytest

from tests.show import frames
from tests.show.test_question_charts import CHARTS
from tests.study.test_gain import half, study_of
from ttclib.show.chart_view import fit_script, vega_bundle
from ttclib.show.charts import accuracy_chart, bins_chart, gain_chart, needed_chart, sides_chart
from ttclib.show.theme import contrast
from ttclib.study.gain import ask_gain

LINES = ["whose samples these are · a policy with a long name · 250 problems × 256 samples", "bands: 95 % intervals"]
MEASURE = """() => {
  const charts = [...document.querySelectorAll("svg")];
  const texts = charts.flatMap((svg) => [...svg.querySelectorAll("text")].map((text) => [svg, text]));
  return {
    wider: charts.map((svg) => svg.getBoundingClientRect().width).filter((width) => width > innerWidth),
    cut: texts.filter(([svg, text]) => {
      const [inner, outer] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
      return inner.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1 || inner.top < outer.top - 1);
    }).map(([, text]) => text.textContent),
    small: texts.map(([, text]) => text).filter((text) => parseFloat(getComputedStyle(text).fontSize) < 11)
      .map((text) => text.textContent),
    fills: [...new Set(texts.map(([, text]) => text.getAttribute("fill")))],
    texts: texts.map(([, text]) => text.textContent),
    panels: new Set(texts.filter(([, text]) => text.textContent.startsWith("bin "))
      .map(([, text]) => text.getBoundingClientRect()).map((box) => Math.round((box.left + box.right) / 40))).size,
  };
}"""


def drawn(browser: Any, specs: list[dict[str, Any]], width: int, dark: bool) -> dict[str, Any]:
    """What a page of charts measures at a width."""
    texts = json.dumps(specs).replace("</", "<\\/")
    bundle = vega_bundle("ttclibVegaEmbed").replace("</script", "<\\/script")
    html = f"""<meta charset=utf-8><style>body{{margin:0}} .vega-embed{{width:100%}}</style>
    <script type=module>{bundle}
    {fit_script()}
    for (const spec of {texts}) {{
      const place = document.body.appendChild(document.createElement("div"));
      await ttclibVegaEmbed(place, fitChart(spec, place.clientWidth, isDark()), {{actions: false, renderer: "svg"}});
    }}
    window.done = true;</script>"""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    try:
        page.set_content(html)
        page.wait_for_function("window.done === true", timeout=60_000)
        found: dict[str, Any] = page.evaluate(MEASURE)
        return found
    finally:
        page.close()


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1000, False)])
def test_no_text_is_cut_or_small_at_any_width(browser: Any, width: int, dark: bool) -> None:
    charts = {
        **{name: make() for name, make in CHARTS.items()},
        "accuracy": accuracy_chart(frames.curves(), caption=LINES, budget=4, by_bin=True, slider=True),
        "bins": bins_chart(frames.curves(), caption=LINES, budget=4),
    }
    found = drawn(browser, [chart.to_dict() for chart in charts.values()], width, dark)
    assert found["wider"] == [] and found["cut"] == [] and found["small"] == []
    # Texts on bars and cells stand on a colour of their own.
    paper = "#1b1b1b" if dark else "#ffffff"
    on_paper = {fill for fill in found["fills"] if fill not in (None, "none", "#ffffff", "#1b1b1b", "transparent")}
    assert min(contrast(fill, paper) for fill in on_paper) >= 3


@pytest.mark.parametrize("width", [390, 1000])
def test_long_names_find_room(browser: Any, width: int) -> None:
    """Names of policies and measures are as long as they are: beside rows, in legends and in headings."""
    sides = ("fireworks/accounts/fireworks/models/one", "a-provider/another-model-2025-01-25")
    pairs = frames.pairs()["pairs"].with_columns(
        pair=pl.col("pair").str.replace("1B vs 4B", "lab-policy vs lab-policy-14x")
    )
    names = ("medium effort", "a very high effort")
    gain = ask_gain(study_of(*((name, half(0.4 + at / 2, 0.1), 8) for at, name in enumerate(names)))).result
    made = [sides_chart(frames.curves(), frames.curves(), sides, caption=LINES), needed_chart(pairs), gain_chart(gain)]
    found = drawn(browser, [chart.to_dict() for chart in made], width, False)
    assert found["wider"] == [] and found["cut"] == [] and found["small"] == []
    assert {*sides, "a right one is among 16"} <= set(found["texts"])


def test_panels_stack_and_a_legend_names_lines_where_it_is_narrow(browser: Any) -> None:
    specs = [bins_chart(frames.curves()).to_dict(), accuracy_chart(frames.curves(), caption=LINES).to_dict()]
    narrow, wide = (drawn(browser, specs, width, False) for width in (390, 1000))
    assert (narrow["panels"], wide["panels"]) == (1, 2)
    assert any("90.0%" in text for text in wide["texts"]) and not any("90.0%" in text for text in narrow["texts"])
    assert "best-of-N weighted" in narrow["texts"]
