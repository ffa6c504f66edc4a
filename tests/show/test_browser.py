"""Samples in a page: strangers' texts stay texts, formulas become elements by name, and nothing is larger than said."""

import json
import re
from pathlib import Path

import pytest

import ttclib
from tests.show.stores import make_store
from ttclib.errors import RequestError
from ttclib.show.browser import Sizes, as_json, browser_html, without_start
from ttclib.show.chart_view import NOTEBOOK_SCRIPT
from ttclib.show.formulas import formula_tree, formulas_in
from ttclib.store.texts import SampleText
from ttclib.study.browsed import BrowsedProblem, BrowsedSample, Browsing, SearchedStep
from ttclib.study.browsing import LONGEST, browse

EVIL = "</script><script>window.__ran = 1</script><!-- \u2028 \u2029 & ]]> <img src=x onerror='window.__ran = 2'>"


def sample(completion: str, index: int = 0, **changes: object) -> BrowsedSample:
    facts = {"steps": (completion,), "step_scores": (), "answer": "1", "correct": False, "problem_id": "p"} | changes
    text = SampleText(
        **{"sample_index": index, "prompt": None, "reference_answer": None, "completion": completion}
        | {"completion_tokens": 3, "finish_reason": "stop"}
        | facts  # type: ignore[arg-type]
    )
    return BrowsedSample(text, 1, 0.25, 2)


def browsing(*samples: BrowsedSample, prompt: str = "?") -> Browsing:
    tree = (SearchedStep(-1, EVIL, 0.5, "continued", None), SearchedStep(0, "$x$", None, "returned", 1.0))
    problems = {one.text.problem_id: one for one in samples}
    about = tuple(BrowsedProblem(name, prompt, EVIL, 1, 4, 4, 2, EVIL, tree) for name in sorted(problems))
    return Browsing(about, samples, 1, (EVIL,))


def data_of(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_texts_of_strangers_stay_texts() -> None:
    html = browser_html(browsing(sample(EVIL, answer=EVIL, problem_id=EVIL), prompt=EVIL))
    # The data's own script, the one that starts it, and no letter of a text that could end or begin anything.
    body = without_start(html)
    assert body.count("<script") == body.count("</script") == 1 and html.count("<script") == 2
    assert "<img" not in html and "<!--" not in html
    data = data_of(html)
    assert not set(as_json(data)) & set("<>&\u2028\u2029") and as_json(data) in html
    assert data["samples"][0]["x"] == [EVIL] and data["problems"][0]["prompt"] == EVIL  # type: ignore[index]
    assert NOTEBOOK_SCRIPT in html and NOTEBOOK_SCRIPT not in body
    assert json.loads(as_json({EVIL: [EVIL, None, 0.5]})) == {EVIL: [EVIL, None, 0.5]}


def test_formulas_are_elements_by_name() -> None:
    assert formula_tree(r"\frac{1}{2}") == (
        "mrow",
        {},
        [("mfrac", {}, [("mrow", {}, [("mn", {}, ["1"])]), ("mrow", {}, [("mn", {}, ["2"])])])],
    )
    assert formula_tree(r"\text{<img src=x onerror=1>}") == (
        "mrow",
        {},
        [("mtext", {}, ["<img\xa0src=x\xa0onerror=1>"])],
    )
    for latex in (r"\href{javascript:alert(1)}{x}", r'\class{a" onload="x}{y}', r"\style{background:url(x)}{z}"):
        assert not any(word in str(formula_tree(latex)) for word in ("javascript", "onload", "style'", "url"))
    for latex in ("", r"\foo{x}", "x_{", "{" * 400, "x" * 5000, r"\left("):
        assert formula_tree(latex) is None
    assert formulas_in(r"\(a\) \[b\] $$c$$ $d$, $5 and $6, \$7 and \$8") == [
        ("a", False),
        ("b", True),
        ("c", True),
        ("d", False),
    ]


def test_sizes_are_what_a_page_takes(tmp_path: Path) -> None:
    study = ttclib.open(make_store(tmp_path / "s.duckdb", search=True, text=f"{EVIL} $\\frac{{1}}{{2}}$\n"))
    for room in (5_000, 60_000):
        found = browse(study, max_bytes=room, size=Sizes())
        assert found.samples
        assert len(as_json(data_of(browser_html(found))).encode()) <= room + 1_000  # and what is no sample


def test_a_long_text_is_cut_in_its_middle() -> None:
    steps = tuple(f"{number} {'x' * 997}\n" for number in range(60))
    scores = tuple(number / 60 for number in range(60))
    html = browser_html(browsing(sample("".join(steps), steps=steps, step_scores=scores), sample("y" * 50_000, 1)))
    first, second = data_of(html)["samples"]  # type: ignore[misc]
    at, left = first["left"]
    kept = [int(text.split()[0]) for text in first["x"]]
    assert sum(map(len, first["x"])) <= LONGEST and kept[:at] == list(range(at)) and kept[-1] == 59
    assert left == sum(len(step) for number, step in enumerate(steps) if number not in kept)
    assert first["v"] == [round(scores[number], 4) for number in kept]
    assert len(second["x"][0]) < LONGEST + 60 and "30,000 letters are left out here" in second["x"][0]


def test_what_it_opens_with() -> None:
    one = browsing(sample("a"))
    assert data_of(browser_html(one, "high_scored_wrong"))["first"] == {"correct": "0", "sort": "high"}
    assert data_of(browser_html(one, "any"))["first"] == {}
    with pytest.raises(RequestError, match="kind of samples"):
        browser_html(one, "hgh")
