"""Commands that collect: sample, score, features, on one machine or shared out; ingest; and status, which counts."""

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
    print_json,
    read_config,
    takes_store,
    wants,
)
from ttclib.cli.planning import print_estimate
from ttclib.cli.printing import say_lines
from ttclib.errors import RequestError, TTCError
from ttclib.samples import Setting
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
    say_lines(_status_lines(store))


def _status_lines(store: Path) -> Iterator[str]:
    from ttclib.store.credit import Credit
    from ttclib.store.status import store_status

    found = store_status(store, notify=notify)
    pending = f", {found['pending_parts']} parts beside it" if found["pending_parts"] else ""
    yield f"{found['store']}: {found['bytes'] / 1e6:.1f} MB{pending}"
    if found["foreign"]:
        yield f"  not made by ttclib, and not run: {'; '.join(found['foreign'])}"
    for stated in found["credits"]:
        yield f"  credit: {Credit(**stated).line}"
    for row in found["policies"]:
        speed = f", {row['tokens_per_s']:,.0f} tokens/s" if row["tokens_per_s"] else ""
        # A sample has at least one token: none in all says that nobody counted them.
        tokens = f"{row['tokens']:,} tokens" if row["tokens"] or not row["n_samples"] else "tokens not known"
        yield (
            f"  {_whose(row)}: {row['n_problems']:,} problems, {row['n_samples']:,} samples, "
            f"{row['n_scored']:,} scored, {row['n_graded']:,} graded, {tokens}{speed}"
        )
        if row["left"] is not None:
            left = ", ".join(f"{count:,} {what}" for what, count in row["left"].items() if count)
            yield f"    left: {left or 'nothing'}"
    for row in found["counts"]:
        yield f"  {_whose(row)}: {row['n_problems']:,} problems, counts: {row['c']:,} of {row['n']:,} right"
    for row in found["chains"]:
        yield (
            f"  {_whose(row)}: {row['n_problems']:,} problems, {row['n_chains']:,} revision chains, "
            f"{row['n_answers']:,} answers, {row['n_scored']:,} scored, {row['n_graded']:,} graded, "
            f"{row['tokens']:,} tokens"
        )
    for row in found["trees"]:
        yield (
            f"  {_whose(row)}: {row['n_problems']:,} problems, {row['n_nodes']:,} nodes of search trees, "
            f"{row['n_scored']:,} scored, {row['n_leaves']:,} leaves, {row['n_graded']:,} graded, "
            f"{row['tokens']:,} tokens"
        )


def _whose(row: dict[str, Any]) -> str:
    """A policy, with what tells its setting from its others."""
    label = Setting(row["setting"], row["keys"]).label(row["differs"]) if row["differs"] else ""
    return f"{row['policy']} ({label})" if label else str(row["policy"])
