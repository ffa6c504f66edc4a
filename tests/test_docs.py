"""The documentation: a site without warnings that loads nothing from elsewhere, and commands that do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.consoles import ROOT, WRITTEN, commands, has_consoles, parse, ran

SOURCES = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "srcset")}


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to by."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (tag, name) in SOURCES:
                self.loads.append(value or "")
            elif (tag, name) == ("a", "href"):
                self.links.append(value or "")
            elif name == "id" and value:
                self.anchors.add(value)


def build(folder: Path, **environment: str) -> dict[str, Page]:
    """The site, its pages by their place."""
    pytest.importorskip("mkdocstrings", reason="the site needs the extra docs")
    pytest.importorskip("material", reason="the site needs the extra docs")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1", **environment}
    done = subprocess.run(words, cwd=ROOT, env=quiet, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.relative_to(folder).as_posix(): Page(path.read_text("utf-8")) for path in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Page]]:
    """With a suite of reports of one page."""
    folder = tmp_path_factory.mktemp("site")
    suite = folder / "suites" / "demo"
    suite.mkdir(parents=True)
    (suite / "index.html").write_text('<a href="01.html">a report</a>', encoding="utf-8")
    (suite / "01.html").write_text("a report", encoding="utf-8")
    return folder / "site", build(folder / "site", SUITES_IN=str(folder / "suites"))


def test_the_site_loads_nothing_from_elsewhere(site):
    folder, pages = site
    loaded = [address for page in pages.values() for address in page.loads]
    assert len(pages) > 25 and loaded and not [one for one in loaded if urlsplit(one).netloc]
    styles = "".join(path.read_text("utf-8") for path in folder.rglob("*.css"))
    assert not re.findall(r"url\(['\"]?(?:https?:)?//", styles) and "fonts.googleapis" not in styles


def test_no_link_of_the_site_is_dead(site):
    folder, pages = site
    dead = []
    for place, page in pages.items():
        if place == "404.html":
            continue  # its links begin at the root of a host
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (folder / place).parent / unquote(parts.path) if parts.path else folder / place
            there = target.resolve()
            known = pages.get(there.relative_to(folder.resolve()).as_posix())
            if not there.is_file() or (parts.fragment and known and unquote(parts.fragment) not in known.anchors):
                dead.append((place, link))
    assert dead == []


def test_the_home_leads_to_the_reports(site):
    _, pages = site
    assert "demo/index.html" in pages["index.html"].links and "01.html" in pages["demo/index.html"].links


def test_links_lead_where_their_targets_are_in_the_site():
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    from docs.hooks import LINK, turned

    def of(text: str, source: str, place: str) -> str:
        return LINK.sub(lambda found: turned(found, source, place), text)

    assert of("[a](docs/measurements.md#b) [c](LICENSE)", "README.md", "index.md") == "[a](measurements.md#b) c"
    assert of("[a](../store/README.md#b) ![c](../notebooks/report.png)", "docs/real.md", "real.md") == (
        "[a](store.md#b) ![c](notebooks/report.png)"
    )
    assert of("[a](#b) [c](https://d.org/e)", "docs/real.md", "real.md") == "[a](#b) [c](https://d.org/e)"
    assert of("[a](README.md)", "ttclib/lab/checkpoints/prm/README.md", "models/prm.md") == "[a](prm.md)"


def test_every_public_name_and_page_of_the_sources_is_in_the_site(site):
    import ttclib

    _, pages = site
    homes = {f"{getattr(ttclib, name).__module__}.{name}" for name in ttclib.__all__}
    assert homes <= pages["python.html"].anchors
    assert {"samples", "scores", "revisions"} <= pages["store.html"].anchors


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_click_knows_every_command_in_a_page(path):
    for words in commands(path.read_text(encoding="utf-8")):
        parse(words)


def test_the_commands_are_found():
    found = [words for path in WRITTEN for words in commands(path.read_text(encoding="utf-8"))]
    assert len(found) > 40
    assert ["import", "runs/", "--store", "mine.duckdb"] in found and ["revise", "my.toml"] in found
    for wrong in ("replay --bugdets 1", "replya", "lab collect --size", "report --processes none 01"):
        with pytest.raises(Exception, match="bugdets|replya|size|none"):
            parse(wrong.split())


@pytest.mark.parametrize("path", [path for path in WRITTEN if has_consoles(path)], ids=lambda path: path.name)
def test_commands_print_what_a_page_shows(path, tmp_path):
    text = path.read_text(encoding="utf-8")
    assert ran(text, tmp_path) == text, "what it prints changed: read it, and run `make docs`"


def test_figures_of_the_readme_are_those_of_a_page_that_runs():
    readme, *pages = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/tutorial.md", "docs/real.md")
    )
    said = readme.partition("![")[2].partition("## ")[0]
    figures = re.findall(r"\d+\.\d(?:%| points)(?: \[[\d., ]+\])?", said)
    assert len(figures) >= 2 and [one for one in figures if not any(one in page for page in pages)] == []
