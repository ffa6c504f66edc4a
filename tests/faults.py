"""Faults that code can have, each a change of one place in a file: what `tests.mutants` draws from."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
_GUARDS = ("strict", "frozen", "slots")  # keyword arguments that catch faults in other places, and change nothing else
_WORDS = (
    "help",
    "metavar",
    "show_default",
    "summary",
    "label",
    "heading",
)  # of the same: what they say, not what is done
# Of the same, in `show`: how a mark looks, not the value that it shows. Looks are for eyes and for the browser.
_LOOKS = (
    "align", "angle", "clip", "columns", "cornerRadius", "cornerRadiusEnd", "dx", "dy", "fillOpacity", "font",
    "fontSize", "fontStyle", "fontWeight", "gap", "gridOpacity", "height", "interpolate", "labelAngle",
    "labelFontSize", "labelLimit", "labelOverlap", "labelPadding", "layout", "limit", "lineHeight", "offset",
    "opacity", "orient", "padding", "paddingInner", "paddingOuter", "size", "spacing", "stroke", "strokeDash",
    "strokeOpacity", "strokeWidth", "symbolSize", "symbolStrokeWidth", "thickness", "tickCount", "tickMinStep",
    "ticks", "tickSize", "titleFontSize", "titlePadding", "width",
)  # fmt: skip
_PIXELS = re.compile(r"(WIDTH|HEIGHT|PX)\b")  # in the name of a constant


@dataclass(frozen=True)
class Fault:
    """A change of one place: how to find the node in a fresh tree, and what to do to it there."""

    path: Path
    number: int  # of the node, in the order of `ast.walk`
    line: int
    statement: int  # the line where the innermost statement around it begins
    inside: tuple[str, ...]  # names of the functions and classes around it
    said: str
    change: Callable[[ast.AST], ast.AST | None]

    @property
    def file(self) -> str:
        """Its path in the tree."""
        return str(self.path.relative_to(ROOT))


def faults_of(path: Path) -> Iterator[Fault]:
    """Every fault that a file can have."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spared = (*_GUARDS, *_WORDS, *(_LOOKS if "show" in path.parts else ()))
    prose = set(_prose(tree, spared))
    places = _places(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in prose:
            continue
        for said, change in _changes(node, spared):
            yield Fault(path, number, getattr(node, "lineno", 0), *places.get(id(node), (0, ())), said, change)


def _places(tree: ast.Module) -> dict[int, tuple[int, tuple[str, ...]]]:
    """Of each node, where the innermost statement around it begins, and names of what it is in."""
    found: dict[int, tuple[int, tuple[str, ...]]] = {}
    for statement in ast.walk(tree):  # outer before inner
        if isinstance(statement, ast.stmt):
            names = found.get(id(statement), (0, ()))[1]
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                names = (*names, statement.name)
            found.update(dict.fromkeys(map(id, ast.walk(statement)), (statement.lineno, names)))
    return found


def _prose(tree: ast.AST, spared: Sequence[str]) -> Iterator[int]:
    """Ids of nodes that are words or types: docstrings, annotations, what a flag or a message says."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            parts.append(node.body[0])
        if isinstance(node, ast.FunctionDef):
            parts.append(node.returns)
        if isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.keyword) and node.arg in spared:
            parts.append(node)
        if isinstance(node, ast.Dict):
            keys = [one.value if isinstance(one, ast.Constant) else None for one in node.keys]
            parts += [value for key, value in zip(keys, node.values, strict=True) if key in spared]
        if isinstance(node, ast.Assign) and _LOOKS[0] in spared and _PIXELS.search(ast.unparse(node.targets[0])):
            parts.append(node)
        if isinstance(node, ast.Raise | ast.JoinedStr):
            parts += list(ast.iter_child_nodes(node))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            if part is not None:
                yield from map(id, ast.walk(part))


def _changes(node: ast.AST, spared: Sequence[str]) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST | None]]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        to = _COMPARISONS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} becomes {to.__name__}", lambda one: _set(one, ops=[to(), *one.ops[1:]])  # type: ignore[attr-defined]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _is_text(node):
        sign = _OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} becomes {sign.__name__}", lambda one: _set(one, op=sign())
    if isinstance(node, ast.BoolOp):
        word = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} becomes {word.__name__}", lambda one: _set(one, op=word())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not is gone", lambda one: one.operand  # type: ignore[attr-defined]
    if isinstance(node, ast.Call):
        for place, given in enumerate(node.keywords):
            if given.arg is not None and given.arg not in spared:
                yield (
                    f"the argument {given.arg} is not passed on",
                    lambda one, place=place: _set(one, keywords=one.keywords[:place] + one.keywords[place + 1 :]),  # type: ignore[misc]
                )
    if isinstance(node, ast.Raise):
        yield "nothing is raised", lambda one: ast.Pass()
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} becomes {node.value + 1}", lambda one: _set(one, value=one.value + 1)  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} becomes {not node.value}", lambda one: _set(one, value=not one.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "None is returned", lambda one: _set(one, value=ast.Constant(None))


def _set(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.JoinedStr | ast.List | ast.Tuple) or _is_str(side) for side in sides)


def _is_str(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Put(ast.NodeTransformer):
    """The tree with one node changed."""

    def __init__(self, target: ast.AST, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self.target, self.change = target, change

    def visit(self, node: ast.AST) -> ast.AST | None:  # type: ignore[override]
        if node is self.target:
            return self.change(node)
        return self.generic_visit(node)


def faulty(fault: Fault) -> str:
    """The file's text with the fault."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    target = next(node for number, node in enumerate(ast.walk(tree)) if number == fault.number)
    return ast.unparse(ast.fix_missing_locations(_Put(target, fault.change).visit(tree)))
