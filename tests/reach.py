"""Which lines of a room each test runs: a plugin of pytest for `tests.mutants`, `-p tests.reach --reach ROOM FILE`.

FILE gets JSON, {test that passes: [seconds, {file of the room: lines}]}. What a fixture of a module or of the session
runs counts for every test that asks for it. Lines run at import, by Numba, or in a process that a test starts are
nobody's.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reach", nargs=2, metavar=("ROOM", "FILE"))


def pytest_configure(config: pytest.Config) -> None:
    if given := config.getoption("--reach"):
        room, file = given
        config.pluginmanager.register(Recorder(config.rootpath, f"{config.rootpath}/ttclib/{room}/", Path(file)))


class Recorder:
    """Traces this process while a test or a fixture runs."""

    def __init__(self, root: Path, room: str, file: Path) -> None:
        self.root, self.room, self.file = root, room, file
        self.seen: set[tuple[str, int]] = set()
        self.of_fixture: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self.of_test: dict[str, tuple[float, set[tuple[str, int]], list[str]]] = {}
        self.failed: set[str] = set()
        self.inside: dict[CodeType, bool] = {}

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        inside = self.inside.get(code)
        if inside is None:
            inside = self.inside[code] = code.co_filename.startswith(self.room)
        return self._line(frame, event, arg) if inside else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.seen = set()
        begin = time.monotonic()
        threading.settrace(self._called)
        sys.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.of_test[item.nodeid] = time.monotonic() - begin, self.seen, list(getattr(item, "fixturenames", []))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        before, self.seen = self.seen, set()
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
