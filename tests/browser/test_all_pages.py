"""Every page of the suite on any screen and on paper; one selection for all charts of a page; one problem, told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

for package in ("papermill", "IPython", "anywidget"):
    pytest.importorskip(package, reason=f"{package} is not installed")

from tests.browser.pages import NAMES, Pages  # noqa: E402
from tests.browser.test_lab_and_pages import open_page, shoot  # noqa: E402
from ttclib.show.suite import Job, index_html  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEASURE = Path(__file__).with_name("measure.js").read_text("utf-8")
TIMEOUT_MS = 120_000
# Every chart stands as it is drawn for this width and this paper.
SETTLED = """() => [...document.querySelectorAll(".ttc-chart")].every((place) => {
  const [width, paper] = (place.dataset.drawn ?? "").split(" ");
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return Math.abs(width - place.clientWidth) <= 24 && paper === wanted;
})"""
# A phone at night, a window of 1,000 px at 150 %, a large screen; a sheet of A4.
SCREENS = ((390, "dark"), (667, "light"), (1400, "light"))
SHEET_PX = 680


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return Pages(tmp_path_factory.mktemp("pages"))


def settle(page: Any) -> None:
    page.wait_for_timeout(120)  # until what watches the width has seen it
    page.wait_for_function(SETTLED, timeout=TIMEOUT_MS)
    page.wait_for_timeout(80)


def opened(browser: Any, path: Path, fragment: str = "", **options: Any) -> tuple[Any, list[str]]:
    page, outside, complaints = open_page(browser, path, reduced_motion="reduce", **options)
    if fragment:
        page.goto(path.as_uri() + fragment)
        page.reload()
    settle(page)
    assert outside == []
    return page, complaints


@pytest.mark.parametrize("name", NAMES)
def test_it_is_legible_on_any_screen_and_on_paper(name: str, browser: Any, pages: Pages) -> None:
    width, scheme = SCREENS[0]
    page, complaints = opened(browser, pages.page(name), viewport={"width": width, "height": 800}, color_scheme=scheme)
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        settle(page)
        shoot(page, f"{name}_{width}_{scheme}", full_page=True)
        assert page.evaluate(MEASURE) == [], f"{width} px, {scheme}"
    # A dark screen prints on white all the same, whatever was drawn on it, without controls and code.
    page.set_viewport_size({"width": SHEET_PX, "height": 800})
    page.emulate_media(color_scheme="dark")
    settle(page)
    page.emulate_media(color_scheme="dark", media="print")
    page.wait_for_timeout(100)
    shoot(page, f"{name}_print", full_page=True)
    assert page.evaluate(MEASURE) == [], "on paper"
    papers = page.evaluate(
        "() => [document.body, ...document.querySelectorAll('.ttc-chart svg, .ttc-chart, .ttc-told')]"
        ".map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert set(papers) <= {"rgb(255, 255, 255)", "white", "rgba(0, 0, 0, 0)"}
    assert (
        page.locator("details.code:visible, .vega-bindings:visible, .ttc-linked:visible, button:visible").count() == 0
    )
    assert complaints == []
    page.close()


def test_the_index_is_legible_on_any_screen(browser: Any, pages: Pages) -> None:
    names = ("01_replay", "08_samples", "10_which_model")
    jobs = [Job(pages.folder / f"{name}.ipynb", pages.page(name), {}) for name in names]
    target = pages.folder / "index.html"
    target.write_text(index_html(jobs), encoding="utf-8")
    page, outside, complaints = open_page(browser, target)
    for width, scheme in SCREENS:
        for paper in {scheme, "dark"}:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=paper)
            assert page.evaluate(MEASURE) == [], f"{width} px, {paper}"
    assert page.locator("li a").count() == len(names) and outside == [] and complaints == []
    page.close()


def chip(page: Any) -> str:
    return " ".join(page.locator(".ttc-linked > span").inner_text().split())


def pale(chart: Any, kind: str) -> list[bool]:
    """Of the marks of a kind, which are pale."""
    opacities = chart.locator(f"svg .{kind}.role-mark path").evaluate_all(
        "(marks) => marks.map((mark) => Number(getComputedStyle(mark).opacity))"
    )
    return [opacity < 0.5 for opacity in opacities]


def test_a_click_in_one_chart_selects_in_all_and_leads_to_the_samples(browser: Any, pages: Pages) -> None:
    page, complaints = opened(browser, pages.page("02_difficulty"), "#suite", viewport={"width": 1000, "height": 900})
    line = page.locator(".ttc-linked")
    histogram, agreement, confusion = (page.locator(".ttc-chart").nth(at) for at in range(3))
    assert not line.is_visible() and not any(pale(histogram, "mark-rect")) and not any(pale(agreement, "mark-symbol"))

    bar = histogram.locator("svg .mark-rect.role-mark path").first
    bar.scroll_into_view_if_needed()
    said = bar.get_attribute("aria-label") or ""
    number = re.search(r"bin (\d)", said)
    assert number, said
    bar.click()
    page.wait_for_function("() => !document.querySelector('.ttc-linked').hidden")
    page.wait_for_timeout(200)
    assert chip(page) == f"bin {number[1]}"
    shown = agreement.locator("svg .mark-symbol.role-mark path").evaluate_all(
        "(marks) => marks.filter((mark) => Number(getComputedStyle(mark).opacity) > 0.5)"
        ".map((mark) => mark.getAttribute('aria-label'))"
    )
    assert shown and all(f"bin by oracle: {number[1]}" in label for label in shown)
    assert any(pale(confusion, "mark-rect")) and any(pale(histogram, "mark-rect"))
    lead = line.get_by_role("link", name="its samples")
    assert lead.get_attribute("href") == f"08_samples.html#bin={number[1]}&suite"

    # A problem, with its bin; the mark once more clears it, as do the button and Escape.
    points = agreement.locator("svg .mark-symbol.role-mark path")
    at = pale(agreement, "mark-symbol").index(False)
    points.nth(at).click(force=True)
    page.wait_for_timeout(300)
    problem = re.search(r"problem: ([^;]+)", points.nth(at).get_attribute("aria-label") or "")
    assert problem and chip(page).startswith(f"problem {problem[1]}")
    assert pale(agreement, "mark-symbol").count(False) == 1
    assert (lead.get_attribute("href") or "").startswith("08_samples.html#problem=")
    shoot(page, "linked")
    line.get_by_role("button", name="Clear the selection").click()
    page.wait_for_timeout(300)
    assert not line.is_visible() and not any(pale(agreement, "mark-symbol"))
    bar.click()
    page.keyboard.press("Escape")
    assert not line.is_visible()
    bar.click()
    bar.click()
    assert not line.is_visible()
    assert complaints == []
    page.close()


def test_tables_follow_what_is_selected_and_a_row_selects(browser: Any, pages: Pages) -> None:
    page, complaints = opened(browser, pages.page("02_difficulty"), viewport={"width": 1000, "height": 900})
    rows, histogram = page.locator("tr[data-bin]:not([data-problem])"), page.locator(".ttc-chart").first
    bins = rows.evaluate_all("(rows) => rows.map((row) => row.dataset.bin)")
    assert len(set(bins)) > 1
    histogram.locator("svg .mark-rect.role-mark path").first.click()
    page.wait_for_function("() => !document.querySelector('.ttc-linked').hidden")
    number = chip(page).removeprefix("bin ")
    pale_rows = (
        "(rows) => rows.filter((row) => Number(getComputedStyle(row).opacity) < 0.5).map((row) => row.dataset.bin)"
    )
    assert sorted(rows.evaluate_all(pale_rows)) == sorted(one for one in bins if one != number)
    # A row is a selection, too: of a bin, or of a problem with its bin; once more clears it.
    other = next(one for one in bins if one != number)
    page.locator(f"tr[data-bin='{other}']:not([data-problem])").first.click()
    assert chip(page) == f"bin {other}"
    page.wait_for_timeout(300)
    assert any(pale(histogram, "mark-rect"))
    row = page.locator("tr[data-problem]").first
    name, its = row.get_attribute("data-problem"), row.get_attribute("data-bin")
    row.click()
    assert chip(page) == f"problem {name}, bin {its}"
    shoot(page, "linked_tables")
    row.click()
    assert page.locator(".ttc-linked").is_hidden() and rows.evaluate_all(pale_rows) == []
    assert complaints == []
    page.close()


def test_a_bin_from_a_list_and_from_a_panel_and_from_an_address(browser: Any, pages: Pages) -> None:
    page, complaints = opened(browser, pages.page("01_replay"), viewport={"width": 1000, "height": 900})
    curves, panels = page.locator(".ttc-chart").first, page.locator(".ttc-chart").last
    curves.locator(".vega-bind", has_text="Difficulty").locator("select").select_option(value="2")
    page.wait_for_timeout(400)
    assert chip(page) == "bin 2" and any(pale(panels, "mark-symbol")) and not all(pale(panels, "mark-symbol"))
    assert page.locator(".ttc-linked a").is_hidden(), "a page alone leads nowhere"
    # A click on the empty part of a panel means its bin; the list of the other chart follows.
    panels.locator("svg").scroll_into_view_if_needed()
    background = panels.locator("svg .mark-group.role-scope path.background").first
    background.click(position={"x": 12, "y": 12})
    page.wait_for_timeout(400)
    assert chip(page) == "bin 1"
    assert curves.locator(".vega-bind", has_text="Difficulty").locator("select").input_value() == "1"
    # Drawn anew, it stays.
    page.set_viewport_size({"width": 700, "height": 900})
    settle(page)
    page.wait_for_timeout(200)
    assert any(pale(panels, "mark-symbol")) and chip(page) == "bin 1"
    page.goto(pages.page("01_replay").as_uri() + "#bin=3&suite")
    page.reload()
    settle(page)
    assert chip(page) == "bin 3" and page.locator("nav.pages").is_visible()
    assert complaints == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (390, "dark")])
def test_one_problem_is_told_as_one_scrolls(width: int, scheme: str, browser: Any, pages: Pages) -> None:
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page, complaints = opened(browser, pages.page("00_start"), **options)
    told = page.locator(".ttc-told")
    steps, stage, place = told.locator("li"), told.locator(".stage"), told.locator(".steps span")
    titles = steps.locator("b").all_inner_texts()
    assert titles[0] == "8 answers to one problem" and titles[-1].startswith("All ") and len(titles) == 6
    block = "center" if width > 640 else "end"
    pictures = []
    for at in range(len(titles)):
        steps.nth(at).evaluate(f"(step) => step.scrollIntoView({{ block: '{block}' }})")
        page.wait_for_function(
            f"() => document.querySelector('.ttc-told .steps span').textContent.startsWith('{at + 1} ')"
        )
        box, words = stage.bounding_box(), steps.nth(at).locator("figcaption").bounding_box()
        # Picture and words are on the screen together, and neither covers the other.
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800 and 0 <= words["y"] < 800
        assert (
            words["x"] + words["width"] <= box["x"] + 1 if width > 640 else box["y"] + box["height"] <= words["y"] + 1
        )
        pictures.append(stage.locator("svg").inner_html())
        shoot(page, f"told_{width}_{at}")
    assert len(set(pictures)) == len(pictures)
    # By the keyboard.
    back = told.get_by_role("button", name="The step before")
    back.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.ttc-told .steps span').textContent.startsWith('5 ')")
    assert place.inner_text() == "5 of 6"
    # On paper all pictures stand there, and no stage.
    page.emulate_media(media="print")
    assert steps.locator("svg:visible").count() == 6 and not stage.is_visible()
    assert complaints == []
    page.close()
