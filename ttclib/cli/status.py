"""`ttc status`: what a store holds, a row a policy, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ttclib.analysis.columns import DASH
from ttclib.cli.common import as_json, cli, notify, print_json, takes_store, wants
from ttclib.cli.printing import record_lines, say_lines
from ttclib.samples import Setting

# Of each kind of record: what its rows are of, and its numbers with their headings.
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "policies": (
        "samples of",
        {"n_problems": "problems", "n_samples": "samples", "n_scored": "scored", "n_graded": "graded",
         "tokens": "tokens", "tokens_per_s": "tokens/s"},
    ),
    "counts": ("counts of", {"n_problems": "problems", "n": "samples", "c": "right"}),
    "chains": (
        "revision chains of",
        {"n_problems": "problems", "n_chains": "chains", "n_answers": "answers", "n_scored": "scored",
         "n_graded": "graded", "tokens": "tokens"},
    ),
    "trees": (
        "search trees of",
        {"n_problems": "problems", "n_nodes": "nodes", "n_scored": "scored", "n_leaves": "leaves",
         "n_graded": "graded", "tokens": "tokens"},
    ),
}  # fmt: skip
_LEFT = "left to do"


@cli.command()
@takes_store
@as_json()
def status(store: Path) -> None:
    """What a store holds, and what its last run has left to do."""
    from ttclib.store.status import store_status
    from ttclib.study.opening import find_store

    found = find_store(store)
    if wants("json"):
        print_json(store_status(found, notify=notify))
    else:
        print_status(found)


def print_status(store: Path) -> None:
    """Print what a store holds, of very many policies the first."""
    from ttclib.store.status import store_status

    say_lines(_lines(store_status(store, notify=notify)))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    from ttclib.store.credit import Credit

    pending = f", {found['pending_parts']} parts beside it" if found["pending_parts"] else ""
    yield f"{found['store']}: {found['bytes'] / 1e6:.1f} MB{pending}"
    if found["foreign"]:
        yield f"not made by ttclib, and not run: {'; '.join(found['foreign'])}"
    for stated in found["credits"]:
        yield f"credit: {Credit(**stated).line}"
    for kind, (whose, numbers) in _TABLES.items():
        if found[kind]:
            yield ""
            yield from _table(found[kind], whose, numbers)


def _table(rows: Sequence[Mapping[str, Any]], whose: str, numbers: Mapping[str, str]) -> list[str]:
    cells: dict[str, Callable[[Mapping[str, Any]], str]] = {whose: _whose}
    for name, heading in numbers.items():
        if any(row[name] for row in rows):
            cells[heading] = partial(_number, name=name)
    return record_lines(rows, {**cells, _LEFT: _left}, (whose, _LEFT))


def _number(row: Mapping[str, Any], name: str) -> str:
    """Tokens of samples are at least one each: none in all says that nobody counted them."""
    unknown = row[name] is None or (name == "tokens" and not row[name])
    return DASH if unknown else f"{row[name]:,.0f}"


def _left(row: Mapping[str, Any]) -> str:
    """What the last run asked for and has not got; nothing is known of what was imported."""
    if row.get("left") is None:
        return DASH
    return ", ".join(f"{count:,} {what}" for what, count in row["left"].items() if count) or "nothing"


def _whose(row: Mapping[str, Any]) -> str:
    """A policy, with what tells its setting from its others."""
    label = Setting(row["setting"], row["keys"]).label(row["differs"]) if row["differs"] else ""
    return f"{row['policy']} ({label})" if label else str(row["policy"])
