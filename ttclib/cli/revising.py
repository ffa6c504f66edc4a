"""`ttc revise`: chains of answers, each given the ones before."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.collecting import print_status
from ttclib.cli.common import CONFIG, SEED, cli, notify
from ttclib.config import load_config


@cli.command()
@CONFIG
@click.option("--store", type=click.Path(path_type=Path), help="Overrides store.")
@click.option("--n-chains", type=int, help="Overrides revision.n_chains: a larger number only adds.")
@click.option("--n-steps", type=int, help="Overrides revision.n_steps: a larger number only adds.")
@click.option("--limit", type=int, help="Overrides problems.limit.")
@click.option("--seed", type=SEED, help="Overrides sampling.seed.")
def revise(
    config: str, store: Path | None, n_chains: int | None, n_steps: int | None, limit: int | None, seed: int | None
) -> None:
    """Draw, score and grade what the store lacks of CONFIG's revision chains (its section [revision])."""
    from ttclib.collect import keeper, revise, run

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
        revise.revise(read, notify=notify)
        if read.revision is not None and read.revision.verifier is not None:
            revise.score_revisions(read, notify=notify)
        run.grade(read.store, read.grading.grader, notify=notify)
    except KeyboardInterrupt:
        keeper.take_in(read.store, notify=notify)
        raise
    keeper.take_in(read.store, notify=notify)
    print_status(read.store)
