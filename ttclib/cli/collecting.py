"""Commands that collect: sample, score, features, on one machine or shared out; and ingest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttclib.cli.common import (
    CONFIG,
    FILE,
    OVERRIDES,
    STORE_FLAG,
    as_json,
    assignment,
    cli,
    notify,
    overridable,
    read_config,
    wants,
)
from ttclib.cli.planning import print_estimate
from ttclib.cli.status import print_status
from ttclib.errors import RequestError, TTCError
from ttclib.store import is_collected

if TYPE_CHECKING:
    from ttclib.collect.engines.cluster import Cluster

_OPTIONS = (
    click.option("--shard", metavar="I/N", help="Do the I-th of N parts alone; together they are the whole."),
    click.option("--on", metavar="ray[://HOST:PORT]", help="Let the workers of a Ray cluster draw and score."),
    click.option("--workers", type=int, help="With --on: as many; by default all that there is room for."),
)
CLUSTER = _OPTIONS[1:]


def shareable(command: Any) -> Any:
    """Give a command the options that share its work out."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def machines(config: Any, on: str | None, workers: int | None) -> Iterator[Cluster | None]:
    """The cluster that is asked for, or none."""
    if on is None:
        if workers is not None:
            raise RequestError(f"--workers {workers} without --on: add --on ray, or set policy.data_parallel_size")
        yield None
        return
    from ttclib.collect.engines.cluster import Cluster

    with Cluster(on, workers, config, notify) as cluster:
        yield cluster


@cli.command()
@click.argument("sources", metavar="PARTS…", nargs=-1, required=True, type=FILE)
@STORE_FLAG
@click.option("--keep", is_flag=True, help="Leave the parts where they are; else they go once they are in.")
def ingest(sources: tuple[Path, ...], store: Path, keep: bool) -> None:
    """Take parts that other machines wrote, folders of them, or rows of whole stores, into a store."""
    from ttclib.store.ingest import ingest

    found = ingest(store, sources, keep=keep, notify=notify)
    for part, why in found.refused.items():
        notify(f"'{part}' is left where it is: {why}")
    removed = f", {found.n_removed:,} removed where they were" if found.n_removed else ""
    waiting = "; they wait beside it" if found.is_waiting else ""
    click.echo(f"{store}: {found.n_parts:,} parts of {found.n_rows:,} rows{removed}{waiting}")
    if found.refused:
        raise TTCError(f"{len(found.refused):,} parts were left out: move them away, or fetch them anew")


@cli.command()
@CONFIG
@overridable(*OVERRIDES)
@shareable
@click.option("--dry-run", is_flag=True, help="Say what would be drawn and what it would cost; start nothing.")
@as_json("With --dry-run: as JSON.")
def sample(
    config: str,
    shard: str | None,
    on: str | None,
    workers: int | None,
    dry_run: bool,
    **overrides: Any,
) -> None:
    """Draw, score and grade what the store lacks of CONFIG (a TOML file or preset)."""
    from ttclib.collect import keeper, run
    from ttclib.collect.judge import judge
    from ttclib.collect.sharing import read_shard

    read, part = read_config(config, **overrides), read_shard(shard)
    if dry_run:
        if shard is not None:
            notify("--dry-run: what follows is of all shards together")
        print_estimate(read)
        return
    if wants("json"):
        raise RequestError("--json without --dry-run: sampling prints no JSON; give both, or ask ttc status --json")
    run.check(read)
    lost: list[run.LostSamples] = []  # what is there is worked on all the same
    with keeper.taking_in(read.store, notify=notify):
        with machines(read, on, workers) as cluster:
            with _noted(lost):
                run.sample(read, shard=part, on=cluster, notify=notify)
            if read.prm is not None and run.is_sampled(read):
                run.score(read, shard=part, on=cluster, notify=notify)
        if read.judge is not None and run.is_sampled(read):
            with _noted(lost):
                judge(read, shard=part, notify=notify)
        if is_collected(read.store):
            run.grade(read.store, read.grading.grader, notify=notify)
    if is_collected(read.store):  # a shard may have nothing to do
        print_status(read.store)
    if lost:
        raise lost[0]


@cli.command()
@CONFIG
@overridable("store", "seed")
@click.option("--policy", help="Whose samples, imported ones too; by default CONFIG's.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="Under which; all must hold.")
@click.option("--step-delimiter", help="Where steps end in samples that were imported; \\n is a new line.")
@shareable
def score(
    config: str,
    policy: str | None,
    settings: Sequence[str],
    step_delimiter: str | None,
    shard: str | None,
    on: str | None,
    workers: int | None,
    **overrides: Any,
) -> None:
    """Score the samples of a pool that CONFIG's PRM has not read, or its judge not as often as it is to."""
    from ttclib.collect import keeper, run
    from ttclib.collect.judge import judge
    from ttclib.collect.sharing import read_shard

    read, part = read_config(config, **overrides), read_shard(shard)
    delimiter = None if step_delimiter is None else step_delimiter.replace("\\n", "\n")
    wanted = wanted_setting(settings)
    if read.prm is not None or read.judge is None:
        with machines(read, on, workers) as cluster:
            run.score(
                read,
                policy=policy,
                setting=wanted,
                step_delimiter=delimiter,
                shard=part,
                on=cluster,
                notify=notify,
            )
    if read.judge is not None:
        judge(read, policy=policy, setting=wanted, shard=part, notify=notify)
    keeper.take_in(read.store, notify=notify)


@cli.command()
@CONFIG
@overridable("store", "limit")
@click.option("--feature", default="hidden,greedy", show_default=True, help="Which, with commas.")
def features(config: str, feature: str, **overrides: Any) -> None:
    """Keep what CONFIG's policy tells of each question before it is sampled: a hidden state, one greedy answer."""
    from ttclib.collect import keeper
    from ttclib.collect.features import features as collect_features

    read = read_config(config, **overrides)
    wanted = list(dict.fromkeys(part.strip() for part in feature.split(",")))
    try:
        n_kept = collect_features(read, wanted, notify=notify)
    finally:
        keeper.take_in(read.store, notify=notify)
    click.echo(f"features: {n_kept:,} kept in '{read.store}'")


@contextmanager
def _noted(lost: list[Any]) -> Iterator[None]:
    """Go on where a server would not give some samples or readings; how that ends, the command says at last."""
    from ttclib.collect.run import LostSamples

    try:
        yield
    except LostSamples as error:
        lost.append(error)


def wanted_setting(given: Sequence[str]) -> str | dict[str, Any] | None:
    """What ``--setting`` asks for: keys with their values, or one setting by its name; None: nothing."""
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    return dict(assignment(text) for text in given) or None
