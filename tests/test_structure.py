"""An import points only to rooms that come before: samples → replay → store → analysis → study → show, cli.

Read from the source, so an import inside a function counts as well.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "ttclib"

# For each room (a folder or module of ttclib), the rooms that it may import besides itself. A new room is added here.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "fresh_names": set(),
    "revision_format": set(),
    "presets": set(),
    "setting_keys": {"errors"},
    "shipped": {"errors"},
    "plugins": {"errors"},
    "config": {"errors", "revision_format", "setting_keys"},
    "problems": {"errors"},
    "grading": {"errors", "problems"},
    "samples": {"errors", "setting_keys"},
    "replay": {"errors", "plugins", "samples"},
    "store": {"errors", "fresh_names", "samples", "setting_keys"},
    "interchange": {*{"errors", "fresh_names", "plugins", "problems", "grading", "setting_keys", "samples", "store"}},
    # Of replay the searches, which are coroutines that collecting answers as well as replaying does.
    "soundness": {"errors", "grading", "store"},
    "collect": {
        *{"errors", "config", "plugins", "setting_keys", "shipped", "problems", "grading", "revision_format"},
        *{"samples", "store", "replay", "analysis"},  # of analysis plans, which new questions are answered by
    },
    "analysis": {"errors", "plugins", "samples", "replay"},
    "study": {"errors", "plugins", "grading", "samples", "replay", "store", "analysis"},
    "show": {"errors", "fresh_names", "shipped", "samples", "replay", "store", "analysis", "study"},
    "lab": {
        *{"errors", "config", "shipped", "problems", "grading", "revision_format", "samples", "store", "collect"},
        *{"replay", "analysis", "study", "presets", "fresh_names"},
    },
}
VERSION = "ttclib.__version__"
ANYTHING = {"cli", "__init__", "__main__"}
# Rooms that read a store's samples; the others are given them. DuckDB is known to the first alone.
OPEN_A_STORE = {"store", "collect", "interchange", "soundness", "study", "lab"}
LOADERS = {"load_pool", "load_tree", "load_chains", "greedy_pool", "connect"}
# What registers itself is imported where it is asked for, and imports what it registers with.
REGISTERED = {
    ("ttclib.replay.strategy", "ttclib.replay.strategies"),
    ("ttclib.analysis.columns", "ttclib.analysis.result_columns"),
}
MODEL_LIBRARIES = {"torch", "transformers", "vllm", "accelerate", "safetensors", "tokenizers", "peft"}
MODEL_ROOMS = {"collect", "lab"}
# What a pure room may import from outside: arrays, frames and plain tools; no file, no database, no clock.
_PLAIN = {
    *{"__future__", "collections", "dataclasses", "difflib", "enum", "functools", "hashlib", "importlib", "itertools"},
    *{"json", "math", "numpy", "typing"},
}
PURE = {
    "samples": _PLAIN,
    "replay": _PLAIN | {"numba", "scipy"},
    "analysis": _PLAIN | {"scipy", "polars", "numba", "sklearn"},
}


@cache
def rooms() -> list[str]:
    return sorted({path.relative_to(LIBRARY).parts[0].removesuffix(".py") for path in LIBRARY.rglob("*.py")})


def sources(room: str) -> list[Path]:
    return sorted((LIBRARY / room).rglob("*.py")) or [LIBRARY / f"{room}.py"]


@cache
def imports(path: Path) -> list[tuple[str, int]]:
    """Full dotted names that a file imports, or takes from ``import ttclib``, each with its line."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name != "ttclib")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ttclib":
            yield f"ttclib.{node.attr}", node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def room_of(name: str) -> str:
    """Room of a name inside ttclib; a name taken from the package itself belongs to ``__init__``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in rooms() else "__init__"


def test_every_room_has_its_place():
    assert set(rooms()) <= set(MAY_IMPORT) | ANYTHING, "place the new room in MAY_IMPORT"


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_point_leftwards(room):
    if room not in rooms():
        pytest.skip(f"no room {room} yet")
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(room)
        for name, line in imports(path)
        if name.split(".")[0] == "ttclib" and room_of(name) not in MAY_IMPORT[room] | {room} and name != VERSION
    ]
    assert wrong == []


def test_the_lab_is_imported_by_its_own_command_alone():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted(LIBRARY.rglob("*.py"))
        for name, line in imports(path)
        if name.startswith("ttclib.lab") and path.relative_to(LIBRARY).parts[0] != "lab"
        if path != LIBRARY / "cli" / "lab.py"
    ]
    assert wrong == []


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_modules_import_each_other_in_no_circle():
    modules = {module_of(path): path for path in LIBRARY.rglob("*.py")}
    arrows: dict[str, set[str]] = {}
    for module, path in modules.items():
        found = {place for name, _ in imports(path) for place in [name if name in modules else name.rpartition(".")[0]]}
        registered = {place for place in found if any(place.startswith(to) and module == by for by, to in REGISTERED)}
        arrows[module] = (found & modules.keys()) - registered - {module, "ttclib"}
    while free := [module for module, targets in arrows.items() if not targets & arrows.keys()]:
        for module in free:
            del arrows[module]
    assert arrows == {}, f"a circle among {', '.join(sorted(arrows))}"


def test_a_store_is_opened_by_those_who_may():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted(LIBRARY.rglob("*.py"))
        for name, line in imports(path)
        for room in [path.relative_to(LIBRARY).parts[0].removesuffix(".py")]
        if (name.startswith("ttclib.store") and name.rpartition(".")[2] in LOADERS and room not in OPEN_A_STORE)
        or (name.partition(".")[0] == "duckdb" and room != "store")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", sorted(PURE))
def test_pure_rooms_know_no_file_no_model_no_clock(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(room)
        for name, line in imports(path)
        if name.split(".")[0] not in PURE[room] | {"ttclib"}
    ]
    opened = [
        f"{path.relative_to(ROOT)}:{node.lineno} opens a file"
        for path in sources(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "open"
    ]
    assert wrong + opened == []


def test_only_collect_and_lab_import_a_model_library():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for room in set(rooms()) - MODEL_ROOMS
        for path in sources(room)
        for name, line in imports(path)
        if name.split(".")[0] in MODEL_LIBRARIES
    ]
    assert wrong == []


BLOCKED = f"""
import sys
from importlib.machinery import PathFinder

class WithoutModelLibraries(PathFinder):  # as where they are not installed: they cannot even be found
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.split(".")[0] in {sorted(MODEL_LIBRARIES)!r}
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path = [WithoutModelLibraries if finder is PathFinder else finder for finder in sys.meta_path]
"""


def run_blocked(code: str, *arguments: object) -> None:
    """Run code in an interpreter that has no model library."""
    command = [sys.executable, "-W", "error", "-c", BLOCKED + code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_block_blocks():
    run_blocked("try:\n    import torch\nexcept ImportError:\n    pass\nelse:\n    raise SystemExit(1)")


def test_reading_and_replaying_need_no_model_library(small_store):
    run_blocked(
        "import ttclib\n"
        "names = ['pass_at_k', 'majority_vote', 'best_of_n', 'weighted_best_of_n']\n"
        "curves = ttclib.open(sys.argv[1]).replay(strategies=names, bins=2, told='same')\n"
        "assert len(curves.frame) == 4 * 5 * 3\n",
        small_store,
    )


@pytest.mark.parametrize("module", ["show.charts", "cli", "config", "interchange"])
def test_plotting_and_the_command_line_need_no_model_library(module):
    place = LIBRARY.joinpath(*module.split("."))
    if not place.is_dir() and not place.with_suffix(".py").exists():
        pytest.skip(f"no {module} yet")
    run_blocked(f"import ttclib.{module}")


def test_the_files_that_begin_first_are_there():
    gone = [name for name in LONGEST if not (ROOT / "tests" / name).is_file()]
    assert gone == []
