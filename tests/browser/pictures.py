"""The pictures of the README, drawn from a store: charts, a page of samples, a report, and JupyterLab.

python -m tests.browser.pictures [STORE]
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser.conftest import NOTEBOOKS, ROOT, TOKEN, launched, running_lab
from ttclib.show.picture import in_few_colours, picture_of
from ttclib.show.report import render_report
from ttclib.show.theme import VEGALITE_MIME

FOLDER = ROOT / "notebooks"
TIMEOUT_MS = 600_000


def keep(picture: bytes, name: str, width: int, height: int | None = None) -> None:
    """Write a picture to a width, cut off below, in few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    scale = width / image.width
    image = image.resize((width, round(image.height * scale)), Image.Resampling.LANCZOS)
    image = image.crop((0, 0, width, min(image.height, height or image.height)))
    target = FOLDER / f"{name}.png"
    in_few_colours(image).save(target, optimize=True)
    print(f"{target}: {image.width} x {image.height}, {target.stat().st_size / 1e3:.0f} kB", flush=True)


def charts_of(notebook: Path) -> list[bytes]:
    """The pictures that an executed notebook keeps of its charts."""
    import nbformat

    outputs = [output for cell in nbformat.read(notebook, as_version=4).cells for output in cell.get("outputs", [])]
    kept = [output.get("data", {}).get(VEGALITE_MIME) for output in outputs]
    return [picture_of(dict(spec)) for spec in kept if spec]


def page_of(browser: Any, report: Path, width: int, selector: str) -> Any:
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(report.as_uri())
    page.wait_for_selector(selector)
    page.wait_for_function("() => [...document.querySelectorAll('.ttc-chart')].every(chart => chart.dataset.drawn)")
    return page


def main() -> None:
    """Draw them all into notebooks/."""
    given = sys.argv[1] if len(sys.argv) > 1 else "store/demo.duckdb"  # as it is named in the pictures
    store = Path(given).resolve()
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        folder = Path(name)
        for number in ("01", "03", "08", "12"):
            render_report(
                NOTEBOOKS[number],
                folder / f"{number}.html",
                {} if number == "12" else {"store": given},
                keep_ipynb=folder / f"{number}.ipynb",
            )
        keep(charts_of(folder / "12.ipynb")[0], "12_open_models", 1000)
        keep(charts_of(folder / "01.ipynb")[0], "01_replay", 1000)
        keep(charts_of(folder / "03.ipynb")[-1], "03_search", 640)
        page = page_of(browser, folder / "01.html", 1000, ".ttc-chart[data-drawn]")
        keep(page.screenshot(full_page=True), "report", 640, 1000)
        page = page_of(browser, folder / "08.html", 700, ".ttc-sample")
        below = page.locator("h2", has_text="Wrong, but scored high").bounding_box()["y"]
        shot = {"x": 0, "y": below - 10, "width": 700, "height": 870}
        keep(page.screenshot(full_page=True, clip=shot), "08_samples", 700)
        with running_lab(folder, store) as lab:
            page = browser.new_page(viewport={"width": 1500, "height": 1300})
            page.set_default_timeout(TIMEOUT_MS)
            page.goto(f"{lab.url}/lab/tree/{NOTEBOOKS['01'].name}?token={TOKEN}&reset")
            page.wait_for_selector(".jp-Notebook")
            lab.wait_for_kernel(NOTEBOOKS["01"], TIMEOUT_MS / 1000)
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            explorer = page.locator(".ttclib-explorer").first
            explorer.locator("svg.marks").wait_for()
            explorer.scroll_into_view_if_needed()
            page.wait_for_timeout(1000)
            keep(page.screenshot(), "jupyterlab", 1000)


if __name__ == "__main__":
    main()
