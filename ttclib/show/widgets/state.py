"""What is looked at, as plain values that a person, a control and a notebook's parameters share."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ttclib.errors import RequestError, one_of

Check = Callable[[Any], Any]
Listener = Callable[[set[str]], None]  # told the names that changed
_OWN = ("_checks", "_values", "_listeners")


class ViewState:
    """Named values, each checked when it is set; whoever listens is told once for a whole change.

    Several explorers may share one state, and then move together.

    Parameters
    ----------
    checks : mapping of str to callable
        For each name, takes a value and gives what is kept of it; raises `RequestError` for a value
        that is not allowed.
    **values
        The values at first, one for each name.

    Raises
    ------
    RequestError
        An unknown name, or a value that is not allowed. Nothing has changed then.

    Examples
    --------
    >>> state = ViewState({"budget": choice_of((1, 2, 4), "budget"), "bins": anything}, budget=4, bins=None)
    >>> state.budget = 2
    >>> state.set(budget=1, bins=5)
    >>> state
    ViewState(budget=1, bins=5)
    >>> print(state.parameters())
    budget = 1
    bins = 5
    """

    def __init__(self, checks: Mapping[str, Check], **values: Any) -> None:
        self._checks = dict(checks)
        self._values: dict[str, Any] = {}
        self._listeners: list[Listener] = []
        self.set(**values)

    def set(self, **values: Any) -> None:
        """Set several values at once."""
        for name in values:
            one_of(name, self._checks, "setting")
        new = {name: self._checks[name](value) for name, value in values.items()}
        changed = {name for name, value in new.items() if name not in self._values or self._values[name] != value}
        self._values.update(new)
        if changed:
            for listener in list(self._listeners):
                listener(changed)

    def observe(self, listener: Listener) -> None:
        """Have `listener` called with the names that changed, after each change."""
        self._listeners.append(listener)

    def values(self) -> dict[str, Any]:
        """All values, as a plain dict."""
        return {name: self._values[name] for name in self._checks if name in self._values}

    def parameters(self) -> str:
        """The state as lines of Python, to paste into a notebook's parameters cell."""
        return "\n".join(f"{name} = {value!r}" for name, value in self.values().items())

    def command(self, notebook: str, **more: Any) -> str:
        """The command that makes a report of this view: "rerun this view".

        Parameters
        ----------
        notebook : str
            Path of the notebook whose parameters have these names.
        **more
            Parameters beside the state, such as the store.

        Examples
        --------
        >>> state = ViewState({"strategies": anything}, strategies=["beam_search"])
        >>> print(state.command("notebooks/03_search.ipynb", store="my.duckdb"))
        ttc report notebooks/03_search.ipynb -p 'store="my.duckdb"' -p 'strategies=["beam_search"]'
        """
        values = {**more, **self.values()}
        given = [shlex.quote(f"{name}={json.dumps(value)}") for name, value in values.items()]
        return " -p ".join([f"ttc report {shlex.quote(notebook)}", *given])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._values[one_of(name, self._checks, "setting")]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            super().__setattr__(name, value)
        else:
            self.set(**{name: value})

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._checks]

    def __repr__(self) -> str:
        return f"ViewState({', '.join(f'{name}={value!r}' for name, value in self.values().items())})"


def anything(value: Any) -> Any:
    """Allow every value."""
    return value


def choice_of(allowed: Any, what: str) -> Check:
    """Allow one of some values; a callable gives them anew each time."""

    def check(value: Any) -> Any:
        choices = list(allowed() if callable(allowed) else allowed)
        if not any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in choices):
            if isinstance(value, str):
                one_of(value, [str(choice) for choice in choices], what)
            raise RequestError(f"{what} {value!r} is not offered: allowed {', '.join(map(str, choices))}")
        return value

    return check


def number_between(low: float, high: float, what: str, *, whole: bool = False) -> Check:
    """Allow a number from `low` to `high`."""
    kinds = int if whole else (int, float)

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            kind = "whole numbers from " if whole else ""
            raise RequestError(f"{what} {value!r} is out of range: allowed {kind}{low:g} to {high:g}")
        return value

    return check


def some_of(allowed: Any, what: str) -> Check:
    """Allow a list of some values, given in any order and kept in the order of `allowed`."""

    def check(value: Any) -> Any:
        choices = list(allowed() if callable(allowed) else allowed)
        for part in value:
            one_of(part, choices, what)
        return [choice for choice in choices if choice in value]

    return check
