"""A chart as a file, by one call and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, nearest
from ttclib.show.picture import picture_of, svg_of

EXTENSIONS = (".png", ".svg", ".html")


def save_chart(chart: Any, path: str | Path) -> Path:
    """Write a chart as a picture or a page, as the file's extension says; no network is needed.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in ``.png`` (twice the screen's resolution), ``.svg`` or ``.html`` (scripts inside).

    Raises
    ------
    RequestError
        Another extension, or a folder that is not there.
    """
    target, extension = target_of(path), Path(path).suffix.lower()
    spec = chart.to_dict()
    if extension == ".png":
        target.write_bytes(picture_of(spec))
    elif extension == ".svg":
        target.write_text(svg_of(spec), encoding="utf-8")
    else:
        import vl_convert

        target.write_text(vl_convert.vegalite_to_html(spec, bundle=True), encoding="utf-8")
    return target


def target_of(path: str | Path) -> Path:
    """Where a chart is written, refused before anything is drawn.

    Raises
    ------
    RequestError
        As `save_chart`.
    """
    target = Path(path)
    extension = target.suffix.lower()
    if extension not in EXTENSIONS:
        raise RequestError(
            f"cannot write '{path}': extension '{target.suffix}' is unknown{nearest(extension, EXTENSIONS)} "
            f"Allowed: {', '.join(EXTENSIONS)}"
        )
    if not target.parent.is_dir():
        raise RequestError(f"cannot write '{path}': folder '{target.parent}' does not exist; make it first")
    return target
