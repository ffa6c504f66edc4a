"""Which statements of a room each test runs, for `tests.mutants`: a plugin of pytest, `--reach ROOM FILE`.

FILE gets JSON, {test that passes: [seconds, {file of the room: lines where a statement begins}]}. What a fixture of a
module or of the session runs counts for every test that asks for it. Statements run at import, by Numba, or in a
process that a test starts are nobody's.
"""

from __future__ import annotations

import ast
import builtins
import json
import time
from collections import defaultdict
from collections.abc import Generator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any
from unittest import mock

import pytest

NOTE = "__note_statement__"
COMPILED = ("njit", "compiled", "summing")  # by Numba, which knows no such note


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reach", nargs=2, metavar=("ROOM", "FILE"))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin before a conftest imports what is to be noted."""
    if given := early_config.known_args_namespace.reach:
        room, file = given
        root = early_config.rootpath
        early_config.pluginmanager.register(Recorder(root, f"{root}/ttclib/{room}/", Path(file)))


class Recorder:
    """Has a room's modules note each statement in a function before it is run, from their import on."""

    def __init__(self, root: Path, room: str, file: Path) -> None:
        self.root, self.room, self.file = root, room, file
        self.seen: set[tuple[str, int]] = set()
        self.of_fixture: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self.of_test: dict[str, tuple[float, set[tuple[str, int]], list[str]]] = {}
        self.failed: set[str] = set()
        setattr(builtins, NOTE, self.seen.add)
        plain = SourceFileLoader.get_code

        def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
            path = loader.get_filename(name)
            return noting(Path(path)) if path.startswith(self.room) else plain(loader, name)

        mock.patch.object(SourceFileLoader, "get_code", get_code).start()

    def _taken(self) -> set[tuple[str, int]]:
        """What was run since the last time."""
        taken = set(self.seen)
        self.seen.clear()
        return taken

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._taken()
        begin = time.monotonic()
        result = yield
        self.of_test[item.nodeid] = time.monotonic() - begin, self._taken(), list(getattr(item, "fixturenames", []))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        before = self._taken()
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self.of_fixture[fixturedef.argname] |= self.seen
            self.seen |= before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        found = {}
        for test, (seconds, seen, fixtures) in self.of_test.items():
            if test in self.failed:
                continue
            lines: dict[str, list[int]] = defaultdict(list)
            for path, line in seen.union(*(self.of_fixture[name] for name in fixtures)):
                lines[str(Path(path).relative_to(self.root))].append(line)
            found[test] = seconds, lines
        self.file.write_text(json.dumps(found), encoding="utf-8")


def noting(path: Path) -> CodeType:
    """A module's code, with a note before each statement of its functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not any(_compiles(one) for one in node.decorator_list):
            _note(node.body, str(path))
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def _compiles(decorator: ast.expr) -> bool:
    return any(isinstance(one, ast.Name | ast.Attribute) and ast.unparse(one).endswith(COMPILED)
               for one in ast.walk(decorator))  # fmt: skip


def _note(body: list[ast.stmt], path: str) -> None:
    """Put notes into a block and the blocks in it, but for those of functions, which are visited by themselves."""
    for at in range(len(body) - 1, -1, -1):
        statement = body[at]
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring must stay the first
        if not isinstance(statement, ast.FunctionDef):
            for field in ("body", "orelse", "finalbody"):
                _note(getattr(statement, field, []), path)
            for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
                _note(part.body, path)
        arguments = [ast.Tuple([ast.Constant(path), ast.Constant(statement.lineno)], ast.Load())]
        note = ast.Expr(ast.Call(ast.Name(NOTE, ast.Load()), arguments, []))
        body.insert(at, ast.copy_location(note, statement))
