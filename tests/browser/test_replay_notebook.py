"""The first notebook where people meet it: in JupyterLab, and as a page opened from disk."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import NOTEBOOK, TOKEN, Lab
from ttclib.show.report import render_report

pytestmark = pytest.mark.browser

TIMEOUT_MS = 90_000
LOCAL = ("file:", "data:", "blob:", "about:")
# A folder to keep screenshots in, for a person to look at; none are kept without it.
SHOTS = os.environ.get("TTCLIB_SCREENSHOTS")


def shoot(page: Any, name: str, **options: Any) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), **options)


def marks(chart: Any) -> str:
    """The drawn part of a chart, as text that changes when the picture does."""
    return str(chart.locator("svg").first.inner_html())


def test_explorer_follows_the_keyboard_in_jupyterlab(browser: Any, lab: Lab) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1300})
    outside: list[str] = []
    page.on(
        "request", lambda request: None if request.url.startswith((lab.url, *LOCAL)) else outside.append(request.url)
    )
    page.goto(f"{lab.url}/lab/tree/{NOTEBOOK.name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook", timeout=TIMEOUT_MS)
    lab.wait_for_kernel()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()

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
    page.wait_for_timeout(300)
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
    page.close()


def test_report_opens_without_a_network(browser: Any, demo_like_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("papermill", reason="papermill is not installed")
    report = render_report(
        NOTEBOOK, tmp_path / "report.html", {"store": str(demo_like_store)}, notify=lambda line: None
    )
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    outside: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(LOCAL) else outside.append(request.url))
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("http*://**", lambda route: route.abort())
    page.goto(report.as_uri())
    page.wait_for_selector(".ttc-chart[data-drawn]", timeout=TIMEOUT_MS)
    page.wait_for_function("() => document.querySelectorAll('.ttc-chart[data-drawn]').length === 2")
    charts = page.locator(".ttc-chart")
    for number in range(2):
        assert charts.nth(number).locator("svg path").count() > 10
    shoot(page, "report", full_page=True)

    first = charts.first
    assert "N = 16" in marks(first)
    picture = marks(first)
    first.locator("input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('.ttc-chart svg').innerHTML.includes('N = 8')")
    assert marks(first) != picture
    shoot(page, "report_moved")

    # A click on a label singles its strategy out.
    picture = marks(first)
    label = first.locator("svg text", has_text="best-of-N weighted").first
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("(before) => document.querySelector('.ttc-chart svg').innerHTML !== before", arg=picture)
    shoot(page, "report_picked")
    assert outside == []
    assert complaints == []
    page.close()
