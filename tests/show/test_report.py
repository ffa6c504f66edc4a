"""Reports: parameters are checked, failures told in a line, the page fetches nothing."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import ttclib

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("papermill", reason="papermill is not installed")

from ttclib.errors import RequestError, TTCError  # noqa: E402
from ttclib.show import theme  # noqa: E402
from ttclib.show.charts import accuracy_chart  # noqa: E402
from ttclib.show.notebook import SAMPLING, callout, findings_html  # noqa: E402
from ttclib.show.page import PageFacts, findings_of, formulas_to_mathml, page_html  # noqa: E402
from ttclib.show.report import check_parameters, parameters_of, paths_of, render_report  # noqa: E402
from ttclib.show.suite import _Page  # noqa: E402
from ttclib.store.fingerprint import fingerprint  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
REPLAY = ROOT / "notebooks" / "01_replay.ipynb"


FACTS = PageFacts(
    notebook="n.ipynb",
    made="2020-01-02",
    stores={"s.duckdb": "SHA-256 ab"},
    versions={"ttclib": "9.9", "polars": "1.2"},
    parameters={"store": "</b>", "bins": 3},
    changed=("bins",),
    paths={"/home/me/s.duckdb": "s.duckdb"},
    related=(("all reports", "index.html"), ("next →", "n=2.html")),
    credits={"s.duckdb": ("Ada <b>2026</b> (licence MIT)",)},
)


def report(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """`ttc report`, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "ttclib.cli", "report", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class Fetches(HTMLParser):
    """Addresses that a browser would fetch when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        for name, value in attrs:
            fetched = name in ("src", "srcset", "data", "poster") or (
                name == "href" and tag in ("link", "image", "use")
            )
            if fetched and value and not value.startswith("data:"):
                self.found.append(value)
            if name == "style" and value:
                self._styles(value)

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._styles(data)

    def _styles(self, text: str) -> None:
        self.found += [
            url for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", text) if not url.startswith(("data:", "#"))
        ]
        self.found += re.findall(r"@import[^;]+", text)


def fetched_by(html: str) -> list[str]:
    parser = Fetches()
    parser.feed(html)
    return parser.found


def notebook_of(path: Path, *sources: str, parameters: str = 'store = "s"\nbins = 5\npolicy = None') -> Path:
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def test_the_page_carries_all_it_needs(curves: pl.DataFrame) -> None:
    data, _ = theme.mime_bundle(accuracy_chart(curves, slider=True).to_dict())
    code = nbformat.v4.new_code_cell("secret_code()")
    code.outputs = [nbformat.v4.new_output("display_data", data=data)]
    widget = nbformat.v4.new_code_cell("w")
    widget.outputs = [
        nbformat.v4.new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    ]
    dropped = nbformat.v4.new_markdown_cell("only with a kernel", metadata={"tags": ["notebook-only"]})
    text = nbformat.v4.new_markdown_cell("## A *part*\n\npass@k is $1 - x$, see [here](https://example.org)")
    notebook = nbformat.v4.new_notebook(cells=[text, dropped, code, widget])
    html = page_html(notebook, FACTS)
    assert fetched_by(html) == []
    assert "<math" in html and "mathjax" not in html.lower().replace("jp-mathjax", "")
    assert html.count('class="ttc-chart"') == 1
    assert html.count("globalThis.ttclibVegaEmbed") >= 1
    assert re.search(r"<details class=\"code\"><summary>code</summary>.*?secret_code", html, re.DOTALL)
    assert "only with a kernel" not in html and "need a running kernel" in html
    for part in ("2020-01-02", "ttclib 9.9", "n.ipynb", "store = '&lt;/b&gt;'", "polars 1.2", "SHA-256 ab"):
        assert part in html, part
    assert "Samples of <code>s.duckdb</code>: Ada &lt;b&gt;2026&lt;/b&gt; (licence MIT)" in html
    assert re.search(r'<nav class="contents"[^>]*><ul><li class="level2"><a href="#A-part">A part</a>', html)
    assert notebook.cells[2].outputs[0].data == data  # the notebook itself is left alone


def links_of(html: str) -> list[str]:
    """Where the links of a page lead, without those to places in itself."""
    return [link for link in re.findall(r'<a [^>]*href="([^"]*)"', html) if not link.startswith("#")]


def executed(*htmls: str) -> Any:
    """A notebook of a title, a text, and cells that show something."""
    cells = [nbformat.v4.new_markdown_cell("# Title\n\nFirst words."), nbformat.v4.new_markdown_cell("## Last part")]
    for html in reversed(htmls):
        cell = nbformat.v4.new_code_cell("store = '/home/me/s.duckdb'")
        cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": html})]
        cells.insert(1, cell)
    return nbformat.v4.new_notebook(cells=cells)


def test_what_was_found_stands_first_and_goes_with_the_page() -> None:
    first, second = findings_html(["A < B by 3 points."], ["left out"]), findings_html(["And C."])
    notebook = executed("<b>a table</b>", first, second)
    assert findings_of(notebook) == ["A < B by 3 points.", "And C."]
    html = page_html(notebook, FACTS)
    body = html.partition("<body")[2]
    places = [
        body.index(part) for part in ("First words.", "A &lt; B", '<header class="made">', "And C.", "Last part</a>")
    ]
    assert places[0] < places[1] < places[2] < places[3]
    assert html.count('<header class="made">') == html.count('<nav class="contents"') == 1
    assert json.loads(_Page(html).found["findings"]) == ["A < B by 3 points.", "And C."]
    # Without findings, where it was made from stands after the first text.
    html = page_html(executed("<b>a table</b>"), FACTS)
    places = [html.index(part) for part in ("First words.", '<header class="made">', "a table")]
    assert places == sorted(places) and _Page(html).found["findings"] == "[]"


def test_a_page_alone_has_no_dead_link_and_no_path_of_this_machine() -> None:
    shown = "<a href=\"01_replay.ipynb\">01_replay</a> '/home/me/s.duckdb' holds nothing"
    html = page_html(executed(shown), FACTS)
    assert links_of(html) == []
    assert '<span data-page="01_replay.html">01_replay</span>' in html
    assert re.findall(r'<nav aria-label="Other pages" class="pages" hidden="">\s*(.*?)\s*</nav>', html, re.DOTALL) == [
        '<span data-page="index.html">all reports</span><span data-page="n=2.html">next →</span>'
    ]
    assert "/home/me" not in html and "s.duckdb" in html


def test_a_path_goes_however_it_is_written() -> None:
    """As text, as HTML escapes it, and as JSON inside a chart does."""
    path = "/home/zoë & co/s.duckdb"
    written = [path, escape(path), json.dumps(path)[1:-1]]
    assert len(set(written)) == 3
    html = page_html(executed(f"<pre>{' '.join(written)}</pre>"), replace(FACTS, paths={path: "s.duckdb"}))
    assert "s.duckdb s.duckdb s.duckdb" in html and "home/zo" not in html


def test_a_store_that_lies_above_has_no_path_in_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "s.duckdb").touch()
    monkeypatch.chdir(tmp_path / "deep")
    assert paths_of({"store": "s.duckdb", "bins": 3}) == {str(tmp_path / "s.duckdb"): "s.duckdb"}


def test_what_a_store_lacks_goes_with_the_page() -> None:
    html = page_html(
        executed(callout("no <b>search</b>: 'x & y'"), callout("no", "Else"), findings_html(["A."])), FACTS
    )
    assert json.loads(_Page(html).found["lacks"]) == ["no <b>search</b>: 'x & y'"]


def test_formulas_become_mathml_and_prices_do_not() -> None:
    assert "<mfrac" in formulas_to_mathml(r"so $$\frac{a}{b}$$ holds")
    assert formulas_to_mathml("from $5 to $6") == "from $5 to $6"
    assert formulas_to_mathml("```\n$x$\n```") == "```\n$x$\n```"


def test_parameters_of_the_replay_notebook() -> None:
    defaults = parameters_of(REPLAY)
    assert defaults["strategies"] == ["pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n"]
    assert defaults["policy"] is None
    assert defaults["bins"] == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stoer": "x"}, "unknown parameter 'stoer': did you mean 'store'"),
        ({"bins": "five"}, "parameter bins = 'five' is str, wanted int"),
        ({"bins": True}, "is bool, wanted int"),
        ({"strategies": "best_of_n"}, "is str, wanted list"),
    ],
)
def test_wrong_parameters_are_refused_before_a_kernel_starts(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=message):
        render_report(REPLAY, tmp_path / "r.html", given)
    assert list(tmp_path.iterdir()) == []


def test_none_and_whole_numbers_are_fine() -> None:
    check_parameters({"policy": "a", "ratio": 1, "bins": None}, {"policy": None, "ratio": 0.5, "bins": 5})


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        render_report(tmp_path / "none.ipynb", tmp_path / "r.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot make the folder"):
        render_report(REPLAY, tmp_path / "file" / "r.html")
    (tmp_path / "bad.ipynb").write_text("no json")
    with pytest.raises(RequestError, match="cannot be read as a notebook"):
        render_report(tmp_path / "bad.ipynb", tmp_path / "r.html")


@pytest.mark.slow
def test_a_failing_notebook_is_one_line_and_no_page(tmp_path: Path) -> None:
    told: list[str] = []
    notebook = notebook_of(tmp_path / "n.ipynb", "print(1)", "raise KeyError('who')")
    line = r"^n\.ipynb: cell 4 failed with KeyError: 'who' \(as far as it ran: .*r\.failed\.ipynb\)$"
    with pytest.raises(TTCError, match=line) as caught:
        render_report(notebook, tmp_path / "r.html", {"store": "t"}, notify=told.append)
    assert not isinstance(caught.value, RequestError)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "r.html").exists()
    assert "report: n: cell 2 of 4" in told
    kept = nbformat.read(tmp_path / "r.failed.ipynb", as_version=4)
    assert any(output.get("text") == "1\n" for cell in kept.cells for output in cell.get("outputs", []))


@pytest.mark.slow
def test_one_notebook_becomes_a_page_by_the_command(demo_like_store: Path, tmp_path: Path) -> None:
    done = report(tmp_path, REPLAY, "-p", f"store={demo_like_store}", "-p", "bins=3", "--output", "pages/r.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("pages") / "r.html")
    html = (tmp_path / "pages" / "r.html").read_text("utf-8")
    assert fetched_by(html) == [] and links_of(html) == []
    paths = (str(demo_like_store.parent), str(tmp_path), str(ROOT), "/home/", "/tmp/", "/root/")
    assert [path for path in paths if path in html] == []
    assert html.count('class="ttc-chart"') == 2
    assert "<code>bins = 3</code>" in html and fingerprint(demo_like_store) in html
    # The page has the numbers that the library gives.
    curves = ttclib.open(demo_like_store).replay(strategies=SAMPLING, bins=3)
    assert [unescape(said) for said in curves.findings if escape(said) not in html] == []
    for row in curves.frame.filter(pl.col("bin").is_null()).to_dicts():
        assert f"<td>{row['budget']}</td><td>{row['accuracy'] * 100:.1f}%</td>" in html
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["r.html"]


@pytest.mark.slow
def test_cells_for_a_person_at_a_kernel_are_not_run_for_a_page(tmp_path: Path) -> None:
    path = notebook_of(tmp_path / "n.ipynb", "print(bins + 1)")
    whole = nbformat.read(path, as_version=4)
    whole.cells.append(nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["notebook-only"]}))
    nbformat.write(whole, path)
    kept = tmp_path / "ran.ipynb"
    page = render_report(path, tmp_path / "r.html", keep_ipynb=kept, notify=lambda line: None)
    ran = nbformat.read(kept, as_version=4)
    nbformat.validate(ran)
    assert [output.text for cell in ran.cells for output in cell.get("outputs", [])] == ["6\n"]
    assert "<pre>6\n</pre>" in page.read_text("utf-8") and "1 / 0" not in page.read_text("utf-8")


def test_what_is_no_notebook_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist: name an .ipynb file"):
        parameters_of(tmp_path / "none.ipynb")
    (tmp_path / "text.ipynb").write_text("not json")
    with pytest.raises(RequestError, match="cannot be read as a notebook") as told:
        parameters_of(tmp_path / "text.ipynb")
    assert "\n" not in str(told.value)
