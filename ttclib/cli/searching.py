"""`ttc search`: tree searches, collected once for every budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ttclib.cli.collecting import print_status
from ttclib.cli.common import CONFIG, SEED, cli, notify, whole_numbers
from ttclib.config import load_config
from ttclib.errors import RequestError


def beam_width_of(text: str | None) -> int | str | None:
    """M as given on the command line: a whole number, or ``sqrt``."""
    if text is None or text == "sqrt":
        return text
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"beam width '{text}': give a whole number, or sqrt for the root of the budget") from None


@cli.command()
@CONFIG
@click.option("--store", type=click.Path(path_type=Path), help="Overrides store.")
@click.option("--strategy", help="These instead of search.algorithms, with commas.")
@click.option("--beam-width", help="Of --strategy: M, a whole number or sqrt.")
@click.option("--lookahead-steps", type=int, help="Of --strategy lookahead_search: k.")
@click.option("--aggregation", help="Of --strategy: last, min, prod or mean of the step scores.")
@click.option("--budgets", help="Overrides search.budgets: beams, with commas.")
@click.option("--replicates", type=int, help="Overrides search.replicates.")
@click.option("--limit", type=int, help="Overrides search.limit: the first so many problems.")
@click.option("--seed", type=SEED, help="Overrides sampling.seed.")
def search(
    config: str,
    store: Path | None,
    strategy: str | None,
    beam_width: str | None,
    lookahead_steps: int | None,
    aggregation: str | None,
    budgets: str | None,
    replicates: int | None,
    limit: int | None,
    seed: int | None,
) -> None:
    """Draw, score and grade the steps that CONFIG's tree searches ask for and the store lacks."""
    from ttclib.collect import keeper, run
    from ttclib.collect.grade_nodes import grade_nodes
    from ttclib.collect.search import search

    options = {"beam_width": beam_width_of(beam_width), "lookahead_steps": lookahead_steps, "aggregation": aggregation}
    given = {name: value for name, value in options.items() if value is not None}
    if given and strategy is None:
        raise RequestError(
            f"--{next(iter(given)).replace('_', '-')} without --strategy: say which search it belongs to"
        )
    read = load_config(
        config,
        store=None if store is None else str(store),
        search__algorithms=None if strategy is None else [_algorithm(name, given) for name in strategy.split(",")],
        search__budgets=None if budgets is None else whole_numbers(budgets, "budgets"),
        search__replicates=replicates,
        search__limit=limit,
        sampling__seed=seed,
    )
    try:
        report = search(read, notify=notify)
        run.grade(read.store, read.grading.grader, notify=notify)
        grade_nodes(read.store, read.grading.grader, notify=notify)
    except KeyboardInterrupt:
        keeper.take_in(read.store, notify=notify)
        raise
    keeper.take_in(read.store, notify=notify)
    if report.n_rounds:
        largest, mean = max(report.batches), sum(report.batches) / len(report.batches)
        click.echo(
            f"drawn: {report.n_steps:,} steps, {report.tokens:,} tokens ({report.greedy_tokens:,} in greedy rollouts); "
            f"the PRM read {report.prm_tokens:,}; {report.n_rounds} rounds of up to {largest:,} steps, {mean:,.0f} on "
            "average"
        )
    click.echo(
        f"{report.n_searches:,} searches share {report.shared_tokens:,} tokens, of which {report.pruned_tokens:,} in "
        f"branches that none of them returned; apart they would draw {report.apart_tokens:,}"
    )
    print_status(read.store)


def _algorithm(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """One algorithm with those of the options that it has."""
    has = {"lookahead_steps": name == "lookahead_search", "beam_width": name != "rebase"}
    own = {key: value for key, value in options.items() if has.get(key, True)}
    return {"strategy": name, **({"lookahead_steps": 1} if name == "lookahead_search" else {}), **own}
