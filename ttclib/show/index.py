"""The page that shows and links the pages of a suite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from ttclib.show.page import SUITE
from ttclib.show.theme import SVG_MIME

if TYPE_CHECKING:
    from ttclib.show.job import Job


class _Page(HTMLParser):
    """Title, description, stores and first chart picture of a page; text as it reads, not as HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._in_title = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what the tag says, the first time."""
        given = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title"
        if tag == "meta" and given.get("name", "") in _META:
            self.found.setdefault(_META[given["name"]], given.get("content", ""))
        if tag == "img" and given.get("src", "").startswith(_PICTURE):
            self.found.setdefault("picture", given["src"])

    def handle_data(self, data: str) -> None:
        """Take the title."""
        if self._in_title:
            self.found.setdefault("title", data.strip())


_META = {"description": "summary", "ttclib-stores": "stores", "ttc-findings": "findings", "ttc-lacks": "lacks"}
N_FINDINGS = 3  # on a card, which stands beside others; the page has all
_PICTURE = f"data:{SVG_MIME};base64,"


def index_html(jobs: Sequence[Job]) -> str:
    """A card a report: its title, what was found and is lacking, its first picture; made from the pages themselves.

    Parameters
    ----------
    jobs : sequence of Job
        Whose pages stand in one folder, where the index goes too.

    Returns
    -------
    str
    """
    from jinja2 import Environment

    cards = []
    for job in jobs:
        html = job.target.read_text("utf-8")
        found = _Page(html).found
        cards.append(
            {
                **dict.fromkeys(("title", "summary", "stores", "picture"), ""),
                **found,
                "findings": json.loads(found.get("findings") or "[]")[:N_FINDINGS],
                "lacks": json.loads(found.get("lacks") or "[]"),
                "link": quote(job.target.name) + SUITE,
                "varied": ", ".join(f"{name} = {value}" for name, value in job.varied.items()),
                "megabytes": f"{len(html.encode()) / 1e6:.1f} MB",
            }
        )
    stores = sorted({card["stores"] for card in cards})
    template = files("ttclib.show").joinpath("index.html.j2").read_text("utf-8")
    return Environment(autoescape=True).from_string(template).render(cards=cards, stores=stores)
