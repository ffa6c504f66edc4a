"""Reports: parameters are checked, failures told in a line, the page fetches nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("papermill", reason="papermill is not installed")

from ttclib.errors import RequestError, TTCError  # noqa: E402
from ttclib.show import theme  # noqa: E402
from ttclib.show.charts import accuracy_chart  # noqa: E402
from ttclib.show.page import PageFacts, formulas_to_mathml, page_html  # noqa: E402
from ttclib.show.report import check_parameters, parameters_of, render_report  # noqa: E402

REPLAY = Path(__file__).resolve().parents[2] / "notebooks" / "01_replay.ipynb"


FACTS = PageFacts(
    notebook="n.ipynb",
    made="2020-01-02",
    stores={"s.duckdb": "SHA-256 ab"},
    versions={"ttclib": "9.9", "polars": "1.2"},
    parameters={"store": "</b>", "bins": 3},
    changed=("bins",),
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
    assert re.search(r'<nav class="contents"[^>]*><ul><li class="level2"><a href="#A-part">A part</a>', html)
    assert notebook.cells[2].outputs[0].data == data  # the notebook itself is left alone


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
@pytest.mark.parametrize("scored", [True, False])
def test_the_replay_notebook_becomes_a_page(
    scored: bool, demo_like_store: Path, unscored_store: Path, tmp_path: Path
) -> None:
    store = demo_like_store if scored else unscored_store
    kept = tmp_path / "ran.ipynb"
    page = render_report(REPLAY, tmp_path / "r.html", {"store": str(store)}, keep_ipynb=kept, notify=lambda line: None)
    html = page.read_text("utf-8")
    assert fetched_by(html) == []
    assert html.count('class="ttc-chart"') == 2
    assert ("no PRM scores" in html) is not scored
    nbformat.validate(nbformat.read(kept, as_version=4))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_stored_notebook_is_clean_and_its_cells_short() -> None:
    notebook = nbformat.read(REPLAY, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert len(cell.source.splitlines()) <= 15
