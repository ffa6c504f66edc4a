"""`ttc search` and `ttc revise`: tree searches and revision chains, collected once for every budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ttclib.cli.collecting import machines, shareable
from ttclib.cli.common import CONFIG, FILE, SEED, cli, notify, say, whole_numbers
from ttclib.cli.options import flag, options
from ttclib.cli.status import print_status
from ttclib.config import load_config
from ttclib.errors import RequestError, one_of
from ttclib.replay.strategy import all_parameters, reading
from ttclib.store import is_collected

# A run has its own number of replicates, and the answer is chosen when a search is replayed.
_OWN = {name: of for name, of in all_parameters(reading("tree")).items() if name not in ("replicates", "selection")}


@cli.command()
@CONFIG
@click.option("--store", type=FILE, help="Overrides store.")
@click.option("--strategy", help="These instead of search.algorithms, with commas.")
@options(flag(name, of) for name, of in _OWN.items())
@click.option("--aggregation", help="Of --strategy: last, min, prod or mean of the step scores.")
@click.option("--budgets", help="Overrides search.budgets: beams, with commas.")
@click.option("--replicates", type=int, help="Overrides search.replicates.")
@click.option("--limit", type=int, help="Overrides search.limit: the first so many problems.")
@click.option("--seed", type=SEED, help="Overrides sampling.seed.")
@shareable
def search(
    config: str,
    store: Path | None,
    strategy: str | None,
    aggregation: str | None,
    budgets: str | None,
    replicates: int | None,
    limit: int | None,
    seed: int | None,
    shard: str | None,
    on: str | None,
    workers: int | None,
    **parameters: str | None,
) -> None:
    """Draw, score and grade the steps that CONFIG's tree searches ask for and the store lacks."""
    from ttclib.collect import keeper, run
    from ttclib.collect.grade_nodes import grade_nodes
    from ttclib.collect.search import search
    from ttclib.collect.sharing import read_shard

    part = read_shard(shard)
    given: dict[str, Any] = {
        name: of[0][1].read(text) for name, of in _OWN.items() if (text := parameters[f"parameter_{name}"]) is not None
    }
    if aggregation is not None:
        given["aggregation"] = aggregation
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
    with keeper.taking_in(read.store, notify=notify):
        with machines(read, on, workers) as cluster:
            report = search(read, shard=part, on=cluster, notify=notify)
        run.grade(read.store, read.grading.grader, notify=notify)
        grade_nodes(read.store, read.grading.grader, notify=notify)
    if report.n_rounds:
        largest, mean = max(report.batches), sum(report.batches) / len(report.batches)
        say(
            f"drawn: {report.n_steps:,} steps, {report.tokens:,} tokens ({report.greedy_tokens:,} in greedy rollouts); "
            f"the PRM read {report.prm_tokens:,}; {report.n_rounds} rounds of up to {largest:,} steps, {mean:,.0f} on "
            "average"
        )
    say(
        f"{report.n_searches:,} searches share {report.shared_tokens:,} tokens, of which {report.pruned_tokens:,} in "
        f"branches that none of them returned; apart they would draw {report.apart_tokens:,}"
    )
    print_status(read.store)


def _algorithm(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """One algorithm with those of the options that it has."""
    name = one_of(name.strip(), reading("tree"), "search strategy")
    known = {"aggregation", *all_parameters([name])}
    return {"strategy": name, **{key: value for key, value in options.items() if key in known}}


@cli.command()
@CONFIG
@click.option("--store", type=FILE, help="Overrides store.")
@click.option("--n-chains", type=int, help="Overrides revision.n_chains: a larger number only adds.")
@click.option("--n-steps", type=int, help="Overrides revision.n_steps: a larger number only adds.")
@click.option("--limit", type=int, help="Overrides problems.limit.")
@click.option("--seed", type=SEED, help="Overrides sampling.seed.")
@shareable
def revise(
    config: str,
    store: Path | None,
    n_chains: int | None,
    n_steps: int | None,
    limit: int | None,
    seed: int | None,
    shard: str | None,
    on: str | None,
    workers: int | None,
) -> None:
    """Draw, score and grade what the store lacks of CONFIG's revision chains (its section [revision])."""
    from ttclib.collect import keeper, revise, run
    from ttclib.collect.sharing import read_shard

    part = read_shard(shard)
    path = None if store is None else str(store)
    read = load_config(config, store=path)
    if read.revision is not None:  # else an option would make the section
        read = load_config(
            config,
            store=path,
            revision__n_chains=n_chains,
            revision__n_steps=n_steps,
            problems__limit=limit,
            sampling__seed=seed,
        )
    revise.check_revision(read)
    with keeper.taking_in(read.store, notify=notify):
        with machines(read, on, workers) as cluster:
            revise.revise(read, shard=part, on=cluster, notify=notify)
            if read.revision is not None and read.revision.verifier is not None and is_collected(read.store):
                revise.score_revisions(read, shard=part, on=cluster, notify=notify)
        if is_collected(read.store):  # a shard may have nothing to do
            run.grade(read.store, read.grading.grader, notify=notify)
    if is_collected(read.store):
        print_status(read.store)
