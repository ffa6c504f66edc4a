"""Samples browsed in a page: by mouse, keyboard and address, at any width, on paper, and never run."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_lab_and_pages import open_page, shoot
from ttclib.store.texts import SampleText
from ttclib.study.browsed import BrowsedProblem, BrowsedSample, Browsing, SearchedStep

pytestmark = pytest.mark.browser
pytest.importorskip("nbconvert", reason="nbconvert is not installed")

EVIL = "</script><script>window.__ran = 1</script> \u2028 <img src=x onerror='window.__ran = 2'>"
# What stands out of the page, is too small, or is too pale to read: computed by the browser.
FAULTS = """() => {
  const root = document.querySelector(".ttc-browser");
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, at) => sum + share * linear(rgb[at] / 255), 0);
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const paper = (element) => {
    if (!element) return [255, 255, 255];
    const [r, g, b, a = 1] = parts(getComputedStyle(element).backgroundColor);
    return a === 1 ? [r, g, b] : paper(element.parentElement).map((v, at) => v * (1 - a) + [r, g, b][at] * a);
  };
  const own = [...root.querySelectorAll("*")].filter((one) => one.tagName !== "SCRIPT" && one.getClientRects().length &&
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return {
    wide: document.documentElement.scrollWidth > innerWidth,
    cut: [...root.querySelectorAll("input, select, button")].filter((one) => {
      const [inner, outer] = [one.getBoundingClientRect(), one.parentElement.getBoundingClientRect()];
      return inner.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
    }).map((one) => one.outerHTML),
    small: own.filter((one) => !one.closest("math") && parseFloat(getComputedStyle(one).fontSize) < 11)
      .map((one) => one.textContent),
    pale: own.filter((one) => {
      const [ink, ground] = [light(parts(getComputedStyle(one).color)), light(paper(one))].sort((a, b) => b - a);
      return (ink + 0.05) / (ground + 0.05) < 4.5;
    }).map((one) => `${one.className}: ${one.textContent.slice(0, 30)}`),
  };
}"""


def sample(number: int, index: int, *, correct: bool | None, text: str = "", **facts: Any) -> BrowsedSample:
    steps = (f"{text}step one\n", "step two\n", f"so \\({number}\\)")
    scores = (0.9, 0.5, 0.05 + 0.1 * index)
    answer = None if correct is None else str(number)
    told = SampleText(
        f"p{number}", index, None, None, "".join(steps), steps, scores, answer, correct, 10 + index, "stop"
    )
    return BrowsedSample(told, number, scores[-1], 1 + index, **facts)


@pytest.fixture(scope="module")
def page_of_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.show.test_report import FACTS, executed
    from ttclib.show.browser import browser_html
    from ttclib.show.page import page_html

    samples = [sample(number, index, correct=index % 2 == 0) for number in (1, 2, 3) for index in range(4)]
    samples.append(sample(3, 9, correct=None, text=EVIL))
    samples.append(sample(2, 7, correct=False, text="odd ", endings=((30, 20), (12, 0), (1, 0)), from_start=(40, 20)))
    tree = (SearchedStep(-1, EVIL, 0.6, "continued", None), SearchedStep(0, "$x^2$", 0.7, "returned", 1.0))
    problems = [BrowsedProblem(f"p{n}", f"What is $\\frac{{{n}}}{{1}}$?", str(n), n, 20, 20, 9) for n in (1, 2)]
    problems.append(BrowsedProblem("p3", EVIL, EVIL, 3, 20, 20, 0, "beam search at N = 4", tree))
    html = browser_html(Browsing(tuple(problems), tuple(samples), 3, ("how they were chosen",)))
    path = tmp_path_factory.mktemp("samples") / "a page.html"
    path.write_text(page_html(executed(html), FACTS), encoding="utf-8")
    return path


def test_samples_are_filtered_and_read_by_keyboard(browser: Any, page_of_samples: Path) -> None:
    page, outside, complaints = open_page(browser, page_of_samples, viewport={"width": 1000, "height": 900})
    rows, detail, status = page.locator(".row"), page.locator(".detail"), page.locator(".ttc-browser .status")
    assert rows.count() == 14 and status.inner_text() == "14 of the 14 texts here"
    assert "What is" in detail.inner_text() and detail.locator("mfrac").count() == 1

    # Only keys: the grade, the list, the text that is looked for.
    page.get_by_label("Answers", exact=True).focus()
    page.keyboard.press("w")
    assert status.inner_text() == "7 of the 14 texts here" and page.url.endswith("#correct=0")
    page.locator(".list").focus()
    first = detail.inner_text()
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-selected=true]").count() == 1 and detail.inner_text() != first
    page.keyboard.press("End")
    assert page.locator(".list").get_attribute("aria-activedescendant") == rows.last.get_attribute("id")
    page.get_by_label("Search texts").fill("ODD two")
    assert rows.count() == 1
    marked = detail.locator(".first-wrong")
    assert "of 12 solutions that go on from it none is right; from before it 20 of 30 are" in marked.inner_text()
    assert marked.locator(".text").inner_text() == "step two"

    page.get_by_role("button", name="wrong, but scored high").click()
    shown = [float(text) for text in page.locator(".row .score").all_inner_texts()]
    assert shown == sorted(shown, reverse=True) and len(shown) == 7
    page.get_by_role("button", name="all", exact=True).click()
    page.get_by_label("Score from").fill("0.3")
    page.get_by_label("Tokens to").fill("13")
    assert rows.count() == 3
    page.get_by_label("Bin", exact=True).select_option("2")
    assert rows.count() == 1 and "p2" in detail.inner_text()
    page.get_by_label("Search texts").fill("nowhere")
    assert status.inner_text() == "0 of the 14 texts here: none is of this kind" and detail.inner_text() == ""
    assert outside == [] and complaints == []
    page.close()


def test_an_address_opens_a_problem_and_its_texts_never_run(browser: Any, page_of_samples: Path) -> None:
    page, outside, complaints = open_page(browser, page_of_samples, viewport={"width": 1000, "height": 900})
    page.goto(page_of_samples.as_uri() + "#suite&problem=p3&correct=none")
    page.reload()
    detail = page.locator(".detail")
    assert page.locator(".row").count() == 1 and "</script><script>" in detail.inner_text()
    detail.locator("summary").click()
    detail.locator(".tree .step").first.wait_for()
    assert detail.locator(".tree .step").count() == 2 and detail.locator(".tree msup").count() == 1
    page.get_by_role("button", name="all", exact=True).click()
    assert page.url.endswith("#suite")
    page.evaluate("() => { location.hash = 'problem=p1&bin=1' }")
    page.wait_for_function("() => document.querySelectorAll('.row').length === 4")
    page.reload()  # a link within the page has changed the address, and it stands in its suite all the same
    assert page.locator("nav.pages").is_visible() and page.locator(".row").count() == 4
    page.evaluate("() => { location.hash = 'problem=gone' }")
    page.wait_for_function("() => document.querySelector('.ttc-browser .status').innerText.includes('gone')")
    assert "Problem gone is not among the 3 problems here" in page.locator(".ttc-browser .status").inner_text()
    assert page.evaluate("() => window.__ran") is None
    assert page.locator(".ttc-browser img, .ttc-browser script:not([type])").count() == 0
    assert outside == [] and complaints == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "dark"), (1000, "light"), (390, "dark"), (390, "light")])
def test_samples_read_well_on_any_screen(browser: Any, page_of_samples: Path, width: int, scheme: str) -> None:
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page, _, complaints = open_page(browser, page_of_samples, **options)
    for label in ("p2", "p3"):
        page.get_by_label("Problem", exact=True).select_option(label)
        page.locator(".row").last.click()
        if label == "p3":
            page.locator(".detail summary").click()
        assert page.evaluate(FAULTS) == {"wide": False, "cut": [], "small": [], "pale": []}
    shoot(page, f"browser_{width}_{scheme}", full_page=True)
    # On paper: what is shown, without what chooses it.
    page.emulate_media(media="print")
    assert not page.locator(".ttc-browser form").is_visible()
    assert page.locator(".detail .step").first.is_visible() and page.locator(".ttc-browser .status").is_visible()
    assert complaints == []
    page.close()
