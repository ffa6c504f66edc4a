"""`ttc revise`: chains of answers, each given the ones before."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.collecting import print_status
from ttclib.cli.common import CONFIG, SEED, cli, notify
from ttclib.cli.sharing import machines, shareable
from ttclib.config import load_config
from ttclib.store import is_collected


@cli.command()
@CONFIG
@click.option("--store", type=click.Path(path_type=Path), help="Overrides store.")
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
    try:
        with machines(read, on, workers) as cluster:
            revise.revise(read, shard=part, on=cluster, notify=notify)
            if read.revision is not None and read.revision.verifier is not None and is_collected(read.store):
                revise.score_revisions(read, shard=part, on=cluster, notify=notify)
        if is_collected(read.store):  # a shard may have nothing to do
            run.grade(read.store, read.grading.grader, notify=notify)
    except KeyboardInterrupt:
        keeper.take_in(read.store, notify=notify)
        raise
    keeper.take_in(read.store, notify=notify)
    if is_collected(read.store):
        print_status(read.store)
