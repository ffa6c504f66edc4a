"""Several reports: what is planned, what runs, and what the index says."""

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("papermill", reason="papermill is not installed")

from tests.show.test_report import fetched_by, links_of, notebook_of, report  # noqa: E402
from ttclib.cli import cli  # noqa: E402
from ttclib.errors import RequestError, TTCError  # noqa: E402
from ttclib.show.page import SAMPLES  # noqa: E402
from ttclib.show.suite import Job, _linked, index_html, notebooks_in, plan, render_suite  # noqa: E402
from ttclib.store.fingerprint import fingerprint  # noqa: E402


def test_a_parameter_goes_to_those_that_have_it(tmp_path: Path) -> None:
    one = notebook_of(tmp_path / "one.ipynb", parameters='store = "s"\nbins = 5')
    two = notebook_of(tmp_path / "two.ipynb", parameters='store = "s"\npolicy = None')
    jobs = plan([one, two], tmp_path, {"bins": 3, "store": "t"}, {"policy": ["a/b", "c"]})
    assert [(job.target.name, job.parameters) for job in jobs] == [
        ("one.html", {"store": "t", "bins": 3}),
        ("two__policy=a-b.html", {"store": "t", "policy": "a/b"}),
        ("two__policy=c.html", {"store": "t", "policy": "c"}),
    ]


@pytest.mark.parametrize(
    ("parameters", "grid", "message"),
    [
        ({"bin": 3}, {}, "unknown parameter 'bin': did you mean 'bins'"),
        ({}, {"polcy": ["a"]}, "did you mean 'policy'"),
        ({}, {"bins": [3, "five"]}, "is str, wanted int"),
        ({}, {"policy": ["a", "a"]}, "same name"),
    ],
)
def test_wrong_plans_are_refused(
    parameters: dict[str, Any], grid: dict[str, list[Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=message):
        plan([notebook_of(tmp_path / "n.ipynb")], tmp_path, parameters, grid)


def test_pages_lead_to_that_of_samples(tmp_path: Path) -> None:
    names = ["a", "08_samples", "b"]
    paths = [notebook_of(tmp_path / f"{name}.ipynb") for name in names]
    jobs = _linked(plan(paths, tmp_path, {}, {}))
    assert [dict(job.related).get(SAMPLES) for job in jobs] == ["08_samples.html", None, "08_samples.html"]
    assert dict(jobs[0].related).keys() == {"all reports", "next →", SAMPLES}
    # Of several the one of the same values.
    jobs = _linked(plan(paths, tmp_path, {}, {"bins": [3, 4]}))
    found = {job.target.name: dict(job.related).get(SAMPLES) for job in jobs}
    assert found["a__bins=4.html"] == "08_samples__bins=4.html" and found["08_samples__bins=3.html"] is None
    assert SAMPLES not in dict(_linked(plan(paths[:1], tmp_path, {}, {}))[0].related)


def test_notebooks_are_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    for name in ("b", "a", ".hidden"):
        notebook_of(tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert [path.stem for path in notebooks_in()] == ["a", "b"]
    monkeypatch.chdir("/")
    with pytest.raises(RequestError, match="no notebooks in 'nowhere'"):
        notebooks_in("nowhere")


def test_a_fingerprint_follows_the_bytes(tmp_path: Path, demo_like_store: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(demo_like_store.read_bytes())
    assert fingerprint(copy) == fingerprint(demo_like_store)
    copy.write_bytes(copy.read_bytes() + b"x")
    assert fingerprint(copy) != fingerprint(demo_like_store)
    with pytest.raises(RequestError, match="no store at"):
        fingerprint(tmp_path / "none.duckdb")


@pytest.mark.slow
def test_text_of_a_store_is_text_in_the_index(tmp_path: Path) -> None:
    """Names of policies and stores are a stranger's: nothing in them becomes a part of the page."""
    odd = "<img src=x onerror=alert(1)> & co"
    told = {"description": odd, "ttclib-stores": odd, "ttc-findings": json.dumps([odd]), "ttc-lacks": json.dumps([odd])}
    meta = "".join(f'<meta name="{name}" content="{escape(text)}">' for name, text in told.items())
    page = tmp_path / "a.html"
    page.write_text(f"<html><head><title>{escape(odd)}</title>{meta}</head></html>", "utf-8")
    job = Job(Path("a.ipynb"), page, {}, {"policy": odd})
    found = index_html([job])
    assert "<img src=x" not in found and "& co" not in found.replace("&amp; co", "")
    read = HTMLText()
    read.feed(found)
    assert read.text.count(odd) >= 4 and not read.pictures


class HTMLText(HTMLParser):
    """What a page shows, and its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.pictures = "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "img"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_grid_makes_pages_and_an_index(tmp_path: Path) -> None:
    notebook = notebook_of(tmp_path / "n.ipynb", "print('bins', bins)")
    ran = nbformat.read(notebook, as_version=4)
    ran.metadata["title"] = "Bins <and> more"
    ran.cells.insert(0, nbformat.v4.new_markdown_cell("# Bins\n\nWhat **bins** do."))
    nbformat.write(ran, notebook)
    done = report(tmp_path, notebook, "--grid", "bins=3,4", "--folder", "out", "-p", "store=none")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("out") / "index.html")
    for value in (3, 4):
        html = (tmp_path / "out" / f"n__bins={value}.html").read_text("utf-8")
        assert f"bins {value}" in html and "<code>none</code>, not found" in html
        assert f"report: n bins={value}: cell 2 of 3" in done.stderr
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert fetched_by(index) == []
    assert index.count("Bins &lt;and&gt; more") == 2 and index.count("What bins do.") == 2
    assert 'href="n__bins%3D3.html#suite"' in index and "bins = 4" in index


@pytest.mark.slow
def test_all_notebooks_of_a_folder_make_a_suite_whose_cards_say_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    for name, found in (("a", ["A is ahead by 3 points.", "B.", "C.", "D."]), ("b", [])):
        path = notebook_of(
            tmp_path / "notebooks" / f"{name}.ipynb",
            f"from ttclib.show import notebook\nnotebook.show(notebook.findings_html({found!r}))\n"
            f"for _ in range(2 * {not found}): notebook.show(notebook.callout('no <search> of {name}'))",
        )
        ran = nbformat.read(path, as_version=4)
        ran.cells.insert(0, nbformat.v4.new_markdown_cell(f"# Title {name}\n\nWhat {name} asks."))
        ran.metadata["title"] = f"Title {name}"
        nbformat.write(ran, path)
    done = report(tmp_path, "--all", "-p", "store=none", "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("reports") / "index.html")
    index = (tmp_path / "reports" / "index.html").read_text("utf-8")
    assert links_of(index) == ["a.html#suite", "b.html#suite"] and fetched_by(index) == []
    cards = index.split("<li>")[1:]
    # What was found, three sentences of it; where nothing was, what is asked.
    assert [sentence in cards[0] for sentence in ("A is ahead by 3 points.", "B.", "C.", "D.", "What a asks.")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert "What b asks." in cards[1]
    # What the store lacks, once.
    assert [card.count("Not in this store: no &lt;search&gt; of b") for card in cards] == [0, 1]
    pages = [(tmp_path / "reports" / f"{name}.html").read_text("utf-8") for name in "ab"]
    assert [re.findall(r'data-page="([^"]*)">([^<]*)<', page) for page in pages] == [
        [("index.html", "all reports"), ("b.html", "next →")],
        [("index.html", "all reports"), ("a.html", "← previous")],
    ]


@pytest.mark.slow
def test_a_notebook_has_nothing_of_the_one_before_but_its_imports(tmp_path: Path) -> None:
    first = notebook_of(tmp_path / "a.ipynb", "import sys, wave\nleft_over = 1", "print(3)")
    seen = "import sys\nprint('left_over' in globals(), 'bins' in globals(), 'wave' in sys.modules)"
    then = notebook_of(tmp_path / "b.ipynb", seen, "import os\nos._exit(3)", parameters="x = 1")
    jobs = plan([first, notebook_of(tmp_path / "ab.ipynb", seen, parameters="x = 1"), then], tmp_path / "out", {}, {})
    with pytest.raises(TTCError, match=r"^b\.ipynb: its kernel was ended from outside"):
        render_suite(jobs, processes=1)
    assert "False False True" in (tmp_path / "out" / "ab.html").read_text("utf-8")


@pytest.mark.slow
def test_a_failing_cell_stops_the_set(tmp_path: Path) -> None:
    failing = notebook_of(tmp_path / "failing.ipynb", "print('so far')", "1 / 0")
    fine = notebook_of(tmp_path / "fine.ipynb", "print(1)")
    jobs = plan([failing, fine], tmp_path / "out", {}, {})
    with pytest.raises(TTCError, match="^failing.ipynb: cell 3 failed with ZeroDivisionError: division by zero"):
        render_suite(jobs, processes=1)
    assert "so far" in (tmp_path / "out" / "failing.failed.ipynb").read_text("utf-8")
    assert not (tmp_path / "out" / "index.html").exists()


@pytest.mark.slow
def test_a_report_whose_process_is_killed_is_told(tmp_path: Path) -> None:
    killing = notebook_of(tmp_path / "killing.ipynb", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    with pytest.raises(TTCError, match="ended from outside, .* --processes 1"):
        render_suite(plan([killing], tmp_path / "out", {}, {}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a NOTEBOOK or several, or else give --all"),
        (["n.ipynb", "--all"], "name a NOTEBOOK or several, or else give --all"),
        (["n.ipynb", "--grid", "bins=3,4", "--output", "x.html"], "--output names one page and 2 are to be made"),
        (["n.ipynb", "-p", "binz=3"], "unknown parameter 'binz'"),
        (["none.ipynb"], "notebook 'none.ipynb' does not exist"),
    ],
)
def test_wrong_requests_are_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook_of(tmp_path / "n.ipynb")
    with pytest.raises(RequestError, match=message):
        cli(["report", *arguments], standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]
