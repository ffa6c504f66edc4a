"""What the site has beside the pages of this folder: README as its home, other files from where they stand, reports.

mkdocs calls these functions (`hooks` in mkdocs.yml). Links are written for a reader of the repository; here they are
turned to where their target is in the site, and a link to a file that the site has not becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
HOME = "index.md"
# Files of the repository that are pages of the site.
PAGES = {
    "README.md": HOME,
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "store/README.md": "store.md",
    "ttclib/lab/LOG.md": "models/log.md",
}
PAGES |= {
    path.relative_to(ROOT).as_posix(): f"models/{path.parent.name}.md"
    for path in sorted(ROOT.glob("ttclib/lab/checkpoints/*/README.md"))
}
PICTURES = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("notebooks/*.png"))]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages, pictures and reports from elsewhere."""
    for source in [*PAGES, *PICTURES]:
        files.append(File.generated(config, PAGES.get(source, source), abs_src_path=str(ROOT / source)))
    for index in suites(config):
        for path in sorted(index.parent.rglob("*")):
            if path.is_file():
                place = path.relative_to(index.parents[1]).as_posix()
                files.append(File.generated(config, place, abs_src_path=str(path.resolve())))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links; the home names the reports."""
    place = page.file.src_uri
    source = next((source for source, one in PAGES.items() if one == place), f"docs/{place}")
    text = LINK.sub(lambda found: turned(found, source, place), markdown)
    if place == HOME and (found := suites(config)):
        names = [index.parent.name for index in found]
        lines = [f"- [every question, asked of {name}.duckdb]({name}/index.html)\n" for name in names]
        text = text.replace("\n## ", f"\n## Reports\n\n{''.join(lines)}\n## ", 1)
    return text


def turned(found: re.Match[str], source: str, place: str) -> str:
    """A link of a file of the repository as the page at `place` has it."""
    picture, text, target = found.groups()
    path, mark, anchor = target.partition("#")
    if not path or "://" in path:
        return found[0]
    where = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    to = where.removeprefix("docs/") if where.startswith("docs/") else PAGES.get(where)
    to = where if where in PICTURES else to
    if to is None:
        return text
    return f"{picture}[{text}]({posixpath.relpath(to, posixpath.dirname(place) or '.')}{mark}{anchor})"


def suites(config: MkDocsConfig) -> list[Path]:
    """Index pages of the report suites that are to be part of the site."""
    folder = config.extra["suites"]
    return sorted(Path(folder).glob("*/index.html")) if folder else []
