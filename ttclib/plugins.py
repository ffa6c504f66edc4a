"""What other packages add, by entry points; `docs/adding.md` says how."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

from ttclib.errors import RequestError


def plugins(group: str, kind: type | tuple[type, ...] | None = None, what: str = "") -> Iterator[tuple[str, Any]]:
    """Name and object of every entry point of a group.

    Parameters
    ----------
    kind : type or several, optional
        What the objects must be: an instance of it, or where `what` begins with "a subclass", a subclass.
    what : str
        The same in words.

    Raises
    ------
    RequestError
        An entry point that cannot be loaded, or that is something else: one line that names it.
    """
    for point in entry_points(group=group):
        try:
            found = point.load()
        except Exception as error:  # another package's code: whatever it raises is its fault, and is said to be
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise RequestError(
                f"entry point '{point.name}' of the group {group} ({point.value}) cannot be loaded ({said}): mend or "
                "uninstall that package"
            ) from error
        if kind is not None and not _is(found, kind, subclass=what.startswith("a subclass")):
            raise RequestError(f"entry point '{point.name}' of the group {group} ({point.value}) is not {what}")
        yield point.name, found


def _is(found: Any, kind: type | tuple[type, ...], *, subclass: bool) -> bool:
    if subclass:
        return isinstance(found, type) and issubclass(found, kind)
    return isinstance(found, kind)
