"""`ttc grade`: answers compared with the reference, once more or for the first time; and graders side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from ttclib.analysis.columns import shown, shown_interval, strategy_label
from ttclib.cli.common import FILE, as_json, assignment, cli, notify, print_json, say, wants
from ttclib.errors import RequestError

if TYPE_CHECKING:
    from ttclib.study.answers import Answer
    from ttclib.study.graders import Graders

_SHOWN, _LONGEST = 20, 60


@cli.command()
@click.argument("path", metavar="[STORE]", required=False, type=FILE)
@click.option("--store", type=FILE, help="The same, as with the other commands.")
@click.option("--grader", default="math", show_default=True, help="math, exact, math-verify or reasoning-gym.")
@click.option("--again", is_flag=True, help="Also what this grader has graded, and what came with a grade.")
@click.option(
    "--compare",
    metavar="GRADER,…",
    help="Write nothing: show where graders differ, and how far every curve moves. math,math-verify,exact",
)
@click.option("--policy", help="To compare: needed where the store holds several.")
@click.option("--benchmark", help="To compare: needed where the store holds several for the policy.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="To compare: all must hold.")
@as_json("To compare: as JSON, with all pairs.")
def grade(
    path: Path | None,
    store: Path | None,
    grader: str,
    again: bool,
    compare: str | None,
    policy: str | None,
    benchmark: str | None,
    settings: Sequence[str],
) -> None:
    """Grade what STORE holds and this grader has not graded; no sample is touched.

    A grade stands under its grader's name and version, beside those of others. One that came with
    imported samples is read first, also when --again has put another beside it.
    """
    if (path is None) == (store is None):
        raise RequestError("name one store: ttc grade runs/lab.duckdb, or --store runs/lab.duckdb")
    chosen = path or store
    assert chosen is not None
    whose = {"policy": policy, "benchmark": benchmark, "setting": dict(map(assignment, settings)) or None}
    if compare is not None:
        if again:
            raise RequestError("--again with --compare: comparing writes nothing; leave --again out")
        return _compare(chosen, [name.strip() for name in compare.split(",") if name.strip()], whose)
    if wants("json") or any(value is not None for value in whose.values()):
        raise RequestError("--json, --policy, --benchmark and --setting go with --compare: give it, or leave them out")
    from ttclib.collect import keeper, run
    from ttclib.collect.grade_nodes import grade_nodes

    with keeper.taking_in(chosen, notify=notify):
        graded = run.grade(chosen, grader, again=again, notify=notify)
        graded += grade_nodes(chosen, grader, again=again, notify=notify)
    say(f"{chosen}: {graded:,} graded")
    return None


def _compare(store: Path, names: Sequence[str], whose: dict[str, Any]) -> None:
    """Show where graders differ on a store."""
    from ttclib.study.graders import ask_graders
    from ttclib.study.study import open as open_study

    study = open_study(store, whose["policy"], benchmark=whose["benchmark"], setting=whose["setting"], notify=notify)
    found = ask_graders(study, names, notify=notify)
    for note in found.notes:
        notify(note)
    if wants("json"):
        print_json(_rows(found.result), indent=1, ensure_ascii=False)
        return
    for line in _lines(found):
        say(line)


def _lines(answer: Answer[Graders]) -> Iterator[str]:
    """What was found, in sentences; the pairs; and where each curve moves most."""
    yield from answer.findings
    result = answer.result
    found = result.found
    if found.disagreements:
        n_pairs = len(found.disagreements)
        yield f"Reference and answer, the {min(_SHOWN, n_pairs)} most frequent of {n_pairs:,}:"
    for one in result.pairs(_SHOWN).iter_rows(named=True):
        said = ", ".join(f"{name} {one[name]}" for name in found.names)
        yield f"  {one['samples']:,} × {one['reference'][:_LONGEST]!r} and {one['answer'][:_LONGEST]!r}: {said}"
    yield f"Where each curve moves most against {result.first}, in points:"
    moved = result.frame.filter(pl.col("grader") != result.first).drop_nulls("difference")
    for (strategy, grader), part in moved.group_by("strategy", "grader", maintain_order=True):
        row = part.sort(pl.col("difference").abs(), maintain_order=True).row(-1, named=True)
        gap = shown(row["difference"], "difference")
        ends = shown_interval(row["ci_low"], row["ci_high"], "difference")
        yield f"  {strategy_label(str(strategy))} by {grader}: {gap} {ends} at N = {row['budget']}"


def _rows(result: Graders) -> dict[str, Any]:
    found = result.found
    return {
        "graders": list(found.names),
        "n_samples": found.n_samples,
        "n_answers": found.n_answers,
        "counts": found.counts(),
        "pairs": [asdict(one) for one in found.disagreements],
        "curves": result.frame.to_dicts(),
    }
