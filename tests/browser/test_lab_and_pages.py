"""Notebooks where people meet them: in JupyterLab, and as pages opened from disk with no network."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import NOTEBOOKS, TOKEN, Lab
from ttclib.show.report import render_report

pytestmark = pytest.mark.browser

TIMEOUT_MS = 240_000
LOCAL = ("file:", "data:", "blob:", "about:")
# A folder to keep screenshots in, for a person to look at; none are kept without it.
SHOTS = os.environ.get("TTCLIB_SCREENSHOTS")


def shoot(page: Any, name: str, **options: Any) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), **options)


def marks(chart: Any) -> str:
    """The drawn part of a chart, as text that changes when the picture does."""
    return str(chart.locator("svg").first.inner_html())


def watched(browser: Any, allowed: tuple[str, ...], **options: Any) -> tuple[Any, list[str], list[str]]:
    """A page, with what it asked of elsewhere and what its console complained of."""
    page = browser.new_page(**options)
    page.set_default_timeout(TIMEOUT_MS)
    outside: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(allowed) else outside.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, outside, complaints


def run_all(page: Any, lab: Lab, number: str) -> None:
    """Open a notebook in JupyterLab and run its cells."""
    notebook = NOTEBOOKS[number]
    page.goto(f"{lab.url}/lab/tree/{notebook.name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook", timeout=TIMEOUT_MS)
    lab.wait_for_kernel(notebook)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def report_of(number: str, store: Path, folder: Path) -> Path:
    return render_report(NOTEBOOKS[number], folder / "report.html", {"store": str(store)}, notify=lambda line: None)


@pytest.fixture(scope="session")
def replay_page(demo_like_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the replay notebook, made once."""
    pytest.importorskip("papermill", reason="papermill is not installed")
    return report_of("01", demo_like_store, tmp_path_factory.mktemp("page"))


def listed(chart: Any, name: str) -> Any:
    """The list in a chart's page that is called so."""
    return chart.locator(".vega-bind", has_text=name).locator("select")


def open_page(browser: Any, report: Path, **options: Any) -> tuple[Any, list[str], list[str]]:
    """A report opened from its file, with the network cut off."""
    page, outside, complaints = watched(browser, LOCAL, **options)
    # Vega remarks on a field without values, as bands that are switched off leave, and on a layer without a legend.
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "warning"
            and not any(remark in message.text for remark in ("Infinite extent", "Conflicting legend"))
            else None
        ),
    )
    page.route("http*://**", lambda route: route.abort())
    page.goto(report.as_uri())
    return page, outside, complaints


def test_explorer_follows_the_keyboard_in_jupyterlab(browser: Any, lab: Lab) -> None:
    page, outside, complaints = watched(browser, (lab.url, *LOCAL), viewport={"width": 1500, "height": 1300})
    run_all(page, lab, "01")
    explorer = page.locator(".ttclib-explorer").first
    explorer.locator("svg.marks").wait_for(timeout=TIMEOUT_MS)
    slider = explorer.locator(".noUi-handle").first
    rows = explorer.locator("table.ttclib tbody")
    rows.wait_for(timeout=TIMEOUT_MS)
    explorer.scroll_into_view_if_needed()
    assert "N = 16" in explorer.locator("svg.marks").inner_html()
    shoot(page, "lab_explorer")

    picture, table = marks(explorer), rows.inner_text()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    explorer.get_by_text("The rows behind the chart at N = 8").wait_for(timeout=TIMEOUT_MS)
    page.wait_for_function("() => document.querySelector('.ttclib-explorer svg.marks').innerHTML.includes('N = 8')")
    assert rows.inner_text() != table
    assert marks(explorer) != picture
    shoot(page, "lab_explorer_moved")

    # A budget between the steps moves the drawing that stands.
    page.evaluate("() => document.querySelector('.ttclib-explorer svg.marks').setAttribute('data-same', 'yes')")
    explorer.get_by_role("checkbox", name="any N").check()
    # The kernel gives the slider its new steps, which takes the focus from it: a key that comes before is lost.
    page.wait_for_function(
        """() => { const handle = document.querySelector('.ttclib-explorer .noUi-handle');
        return Number(handle.ariaValueMax) === 15 && Number(handle.ariaValueNow) === 7; }"""
    )
    slider.focus()
    page.keyboard.press("ArrowLeft")
    explorer.get_by_text("The rows behind the chart at N = 7").wait_for(timeout=TIMEOUT_MS)
    page.wait_for_function(
        "() => document.querySelector('.ttclib-explorer svg[data-same]').innerHTML.includes('N = 7')"
    )
    assert "budget N: 7" in marks(explorer)
    shoot(page, "lab_explorer_between")

    # Strategies are switched with the space bar, difficulty bins chosen with the arrow keys.
    explorer.get_by_role("checkbox", name="majority vote").focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "() => !document.querySelector('.ttclib-explorer svg.marks').innerHTML.includes('majority vote')"
    )
    page.wait_for_function(
        "() => !document.querySelector('.ttclib-explorer table.ttclib').innerText.includes('majority vote')"
    )
    explorer.get_by_role("combobox", name="Difficulty").select_option("3 bins")
    page.wait_for_function(
        "() => document.querySelector('.ttclib-explorer svg.marks').innerHTML.includes('bin 3 (hardest)')"
    )
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('.ttclib-explorer svg.marks').innerHTML.includes('N = 6')")
    assert "budget N: 6" in marks(explorer)
    shoot(page, "lab_bins")

    # The chart that stays with the notebook, drawn by JupyterLab itself.
    stays = page.locator(".jp-RenderedVegaCommon5, .jp-RenderedVegaCommon").first
    stays.wait_for(timeout=TIMEOUT_MS)
    stays.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    shoot(page, "lab_chart")
    assert stays.locator("canvas, svg").count() >= 1
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

    # A state that cannot be drawn is said, not swallowed.
    explorer.scroll_into_view_if_needed()
    for name in ("pass@k", "best-of-N", "best-of-N weighted"):
        explorer.get_by_role("checkbox", name=name, exact=True).uncheck()
    explorer.get_by_role("alert").wait_for(timeout=TIMEOUT_MS)
    assert "no strategy is chosen" in explorer.get_by_role("alert").inner_text()
    assert outside == []
    assert complaints == []
    page.close()


# The same bar as a reader clicks it: of the chart that JupyterLab draws, whose marks are SVG.
PALE = """(kind) => [...document.querySelectorAll(`.jp-RenderedVegaCommon5 svg .${kind}.role-mark path,
  .jp-RenderedVegaCommon svg .${kind}.role-mark path`)].map((mark) => Number(getComputedStyle(mark).opacity) < 0.5)"""


def test_a_click_selects_in_all_charts_and_tables_of_a_notebook_in_jupyterlab(browser: Any, lab: Lab) -> None:
    page, outside, complaints = watched(browser, (lab.url, *LOCAL), viewport={"width": 1500, "height": 1300})
    run_all(page, lab, "02")
    charts = page.locator(".jp-RenderedVegaCommon5, .jp-RenderedVegaCommon")
    charts.nth(2).locator("svg.marks").wait_for(timeout=TIMEOUT_MS)
    page.locator("tr[data-problem]").first.wait_for(state="attached", timeout=TIMEOUT_MS)
    page.wait_for_timeout(1000)
    line = page.locator(".jp-NotebookPanel > .ttc-linked")
    assert line.count() == 1 and not line.is_visible()
    assert not any(page.evaluate(PALE, "mark-symbol"))
    bar = charts.first.locator("svg .mark-rect.role-mark path").first
    bar.scroll_into_view_if_needed()
    bar.click()
    line.wait_for()
    number = (line.locator("span").inner_text()).removeprefix("bin ")
    page.wait_for_timeout(500)
    symbols = page.evaluate(PALE, "mark-symbol")
    assert any(symbols) and not all(symbols)
    faint = "(rows) => rows.map((row) => [row.dataset.bin, Number(getComputedStyle(row).opacity) < 0.5])"
    rows = page.locator("tr[data-bin]:not([data-problem])").evaluate_all(faint)
    assert len(rows) > 1 and all(pale == (its != number) for its, pale in rows)
    shoot(page, "lab_linked")
    # A row of a table selects in the charts.
    row = page.locator("tr[data-problem]").first
    row.scroll_into_view_if_needed()
    row.click()
    said = line.inner_text()
    assert f"problem {row.get_attribute('data-problem')}" in said and "in 08_samples: problem = " in said
    page.wait_for_timeout(500)
    faint = "(marks) => marks.map((mark) => Number(getComputedStyle(mark).opacity) < 0.5)"
    points = charts.nth(1).locator("svg .mark-symbol.role-mark path").evaluate_all(faint)
    assert points.count(False) == 1 and len(points) > 1
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert not line.is_visible() and not any(page.evaluate(PALE, "mark-symbol"))
    assert outside == [] and complaints == []
    page.close()


def test_samples_are_browsed_as_text_in_jupyterlab(browser: Any, lab: Lab) -> None:
    page, outside, complaints = watched(browser, (lab.url, *LOCAL), viewport={"width": 1500, "height": 1300})
    run_all(page, lab, "08")
    samples = page.locator(".ttc-browser")
    samples.locator(".detail .step").first.wait_for(timeout=TIMEOUT_MS)
    first = samples.locator(".detail").inner_text()
    assert "<script>window.__ran = 1</script>" in first and "onerror" in first
    samples.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("(text) => document.querySelector('.ttc-browser .detail').innerText !== text", arg=first)
    page.locator(".jp-OutputArea-output .ttc-sample").last.wait_for(timeout=TIMEOUT_MS)
    shoot(page, "lab_samples")
    assert page.evaluate("() => window.__ran") is None
    assert page.locator(".ttc-browser img, .ttc-sample img, .ttc-sample script").count() == 0
    assert outside == [] and complaints == []
    page.close()


def test_the_exchange_rate_moves_the_crossover_in_jupyterlab(browser: Any, lab: Lab) -> None:
    page, outside, complaints = watched(browser, (lab.url, *LOCAL), viewport={"width": 1500, "height": 1300})
    run_all(page, lab, "06")
    explorer = page.locator(".ttclib-explorer").first
    explorer.locator("svg.marks").wait_for(timeout=TIMEOUT_MS)
    picture, table = marks(explorer), explorer.locator("table.ttclib tbody").inner_text()
    explorer.locator(".noUi-handle").first.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(before) => document.querySelector('.ttclib-explorer svg.marks').innerHTML !== before",
        arg=picture,
        timeout=TIMEOUT_MS,
    )
    page.wait_for_function(
        "(before) => document.querySelector('.ttclib-explorer table.ttclib tbody').innerText !== before",
        arg=table,
        timeout=TIMEOUT_MS,
    )
    shoot(page, "lab_crossover")
    assert outside == [] and complaints == []
    page.close()


def test_report_opens_without_a_network(browser: Any, replay_page: Path) -> None:
    page, outside, complaints = open_page(browser, replay_page, viewport={"width": 1100, "height": 900})
    page.wait_for_selector(".ttc-chart[data-drawn]", timeout=TIMEOUT_MS)
    page.wait_for_function("() => document.querySelectorAll('.ttc-chart[data-drawn]').length === 2")
    charts = page.locator(".ttc-chart")
    for number in range(2):
        assert charts.nth(number).locator("svg path").count() > 10
    shoot(page, "report", full_page=True)

    first = charts.first
    assert "N = 16" in marks(first)
    picture = marks(first)
    listed(first, "Budget N").select_option("8")
    page.wait_for_function("() => document.querySelector('.ttc-chart svg').innerHTML.includes('N = 8')")
    assert marks(first) != picture
    shoot(page, "report_moved")

    # Another difficulty bin, and the bands, from the lists in the page.
    picture = marks(first)
    listed(first, "Difficulty").select_option(label="bin 1 (easiest)")
    page.wait_for_function("(before) => document.querySelector('.ttc-chart svg').innerHTML !== before", arg=picture)
    picture = marks(first)
    first.locator("input[type=checkbox]").uncheck()
    page.wait_for_function("(before) => document.querySelector('.ttc-chart svg').innerHTML !== before", arg=picture)
    listed(first, "Difficulty").select_option(label="all problems")

    # A click on a label singles its strategy out.
    picture = marks(first)
    label = first.locator("svg text", has_text="best-of-N weighted").first
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("(before) => document.querySelector('.ttc-chart svg').innerHTML !== before", arg=picture)
    shoot(page, "report_picked")

    # On paper: what is drawn and said, without controls and code.
    controls, code = first.locator(".vega-bindings").first, page.locator("details.code").first
    assert controls.is_visible() and code.is_visible()
    page.emulate_media(media="print")
    assert not controls.is_visible() and not code.is_visible()
    assert first.locator("svg").first.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert outside == []
    assert complaints == []
    page.close()


# Texts of charts that are cut off at the picture's edge, or too small; and whether the page is wider than its window.
FAULTS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('.ttc-chart svg.marks')) {
    const whole = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (!text.textContent.trim() || !box.width || getComputedStyle(text).opacity === '0') continue;
      const cut = box.left < whole.left - 1 || box.right > whole.right + 1 || box.bottom > whole.bottom + 1;
      if (cut) found.push(`cut: ${text.textContent}`);
      if (parseFloat(getComputedStyle(text).fontSize) < 11) found.push(`small: ${text.textContent}`);
    }
  }
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth + 1) found.push(`wide: ${width}`);
  return found;
}"""


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "light"), (390, "dark")])
def test_a_page_is_legible_on_any_screen(width: int, scheme: str, browser: Any, replay_page: Path) -> None:
    page, outside, complaints = open_page(
        browser, replay_page, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page.wait_for_function("() => document.querySelectorAll('.ttc-chart[data-drawn]').length === 2")
    page.wait_for_timeout(500)
    shoot(page, f"report_{width}_{scheme}", full_page=True)
    assert page.evaluate(FAULTS) == []
    papers = page.evaluate("() => [getComputedStyle(document.body), ...[...document.querySelectorAll('.ttc-chart svg')]"
        ".map((svg) => getComputedStyle(svg))].map((style) => style.backgroundColor)")  # fmt: skip
    dark = "rgb(27, 27, 27)"
    assert (papers[0] == dark) is (scheme == "dark")
    assert all(paper in ((dark,) if scheme == "dark" else ("rgb(255, 255, 255)", "white")) for paper in papers[1:])
    # What was found is on the first screen, where it was made from below it, and no link leads out of a page alone.
    found, made = (page.locator(name).first.bounding_box() for name in (".ttc-findings", "header.made"))
    assert found["y"] < made["y"] and (width < 1000 or found["y"] + found["height"] < 900)
    assert page.locator("a:not([href^='#'])").count() == 0
    assert outside == [] and complaints == []
    page.close()


@pytest.fixture(scope="session")
def efforts_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the efforts notebook on the store that ships: the longest names of lines, the widest tables."""
    pytest.importorskip("papermill", reason="papermill is not installed")
    target = tmp_path_factory.mktemp("efforts") / "report.html"
    return render_report(NOTEBOOKS["11"], target, {}, notify=lambda line: None)


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (390, "dark")])
def test_models_and_efforts_are_legible_on_any_screen(
    width: int, scheme: str, browser: Any, efforts_page: Path
) -> None:
    page, outside, complaints = open_page(
        browser, efforts_page, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page.wait_for_function("() => document.querySelectorAll('.ttc-chart[data-drawn]').length === 4")
    page.wait_for_timeout(500)
    shoot(page, f"efforts_{width}_{scheme}", full_page=True)
    assert page.evaluate(FAULTS) == []
    assert "16k thinking is ahead by 28.1 points" in page.locator(".ttc-findings").first.inner_text()
    assert "Epoch AI" in page.locator("body").inner_text()
    assert outside == [] and complaints == []
    page.close()


def test_pages_of_a_suite_lead_to_one_another(browser: Any, replay_page: Path, tmp_path: Path) -> None:
    text = replay_page.read_text("utf-8")
    nav = '<nav aria-label="Other pages" class="pages" hidden=""><span data-page="b.html">next →</span></nav>'
    (tmp_path / "a.html").write_text(text.replace("<main>", f"<main>{nav}", 1), encoding="utf-8")
    (tmp_path / "b.html").write_text(text, encoding="utf-8")
    page, _, _ = open_page(browser, tmp_path / "a.html")
    assert not page.locator("nav.pages").is_visible()
    page.goto((tmp_path / "a.html").as_uri() + "#suite")
    page.reload()
    page.get_by_role("link", name="next →").click()
    page.wait_for_url("**/b.html#suite")
    page.close()


def test_the_exchange_rate_moves_in_the_page(browser: Any, demo_like_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("papermill", reason="papermill is not installed")
    page, outside, complaints = open_page(browser, report_of("06", demo_like_store, tmp_path))
    page.wait_for_selector(".ttc-chart[data-drawn]", timeout=TIMEOUT_MS)
    chart = page.locator(".ttc-chart").first
    before = marks(chart)
    said = chart.locator("svg text", has_text="R = ").first.text_content()
    chart.locator("select").first.select_option(index=0)
    page.wait_for_function("(before) => document.querySelector('.ttc-chart svg').innerHTML !== before", arg=before)
    assert chart.locator("svg text", has_text="R = ").first.text_content() != said
    shoot(page, "report_crossover", full_page=True)
    assert outside == [] and complaints == []
    page.close()


def test_text_of_a_tree_is_shown_as_text_in_the_page(browser: Any, demo_like_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("papermill", reason="papermill is not installed")
    page, outside, complaints = open_page(browser, report_of("03", demo_like_store, tmp_path))
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ttc-chart')].every(chart => chart.dataset.drawn)", timeout=TIMEOUT_MS
    )
    tree = page.locator(".ttc-chart").last
    point = tree.locator("svg .mark-symbol.role-mark path").first
    point.scroll_into_view_if_needed()
    point.hover()
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for(timeout=TIMEOUT_MS)
    assert "<script>" in tooltip.inner_text()
    assert tooltip.locator("img, script").count() == 0
    assert page.evaluate("() => window.__ran") is None
    shoot(page, "report_tree", full_page=True)
    assert outside == [] and complaints == []
    page.close()
