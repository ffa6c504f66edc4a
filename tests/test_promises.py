"""Each promise of docs/promises.md names a test that is there."""

from __future__ import annotations

import ast
import re

from tests.consoles import ROOT

TEXT = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_is_there():
    table = TEXT.partition("|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) > 15
    for line in table:
        place = re.search(r"`(tests/[\w/]+\.py)::(\w+)` \|$", line)
        assert place, line
        file, name = place.groups()
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, line
