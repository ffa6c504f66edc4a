"""`ttc`: thin commands over the library.

Exit status 0 done, 1 the work failed, 2 the request was wrong; an error is one line.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ttclib import __version__
from ttclib.analysis.curves import DIFFICULTIES, STRATEGIES, VERIFIERS, accuracy_curves, check_budgets, powers_of_two
from ttclib.config import RunConfig, load_config
from ttclib.errors import RequestError, TTCError, one_of
from ttclib.store import load_pool
from ttclib.store.pool import AGGREGATIONS

STORE = click.option("--store", type=click.Path(path_type=Path), required=True, help="DuckDB file of the samples.")
CONFIG = click.argument("config")
SEED = click.IntRange(min=0)
OVERRIDES = (
    click.option("--store", type=click.Path(path_type=Path), help="Overrides store."),
    click.option("--n-samples", type=int, help="Overrides sampling.n_samples: a larger number only adds."),
    click.option("--limit", type=int, help="Overrides problems.limit."),
    click.option("--seed", type=SEED, help="Overrides sampling.seed."),
)


def notify(text: str) -> None:
    """A line of what is going on, on standard error."""
    click.echo(text, err=True)


def overridable(command: Any) -> Any:
    """Give a command the options that override a configuration."""
    for option in reversed(OVERRIDES):
        command = option(command)
    return command


def read_config(
    config: str, store: Path | None, n_samples: int | None, limit: int | None, seed: int | None
) -> RunConfig:
    """A configuration with the command line's overrides."""
    return load_config(
        config,
        store=None if store is None else str(store),
        sampling__n_samples=n_samples,
        problems__limit=limit,
        sampling__seed=seed,
    )


class Commands(click.Group):
    """A group that lists its commands when one is unknown."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command by its name."""
        one_of(args[0], self.list_commands(ctx), "command")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="A store that another process holds is waited for, 10 seconds or what TTC_WAIT_S says.",
)
@click.version_option(__version__, prog_name="ttclib")
def cli() -> None:
    """Sample once, then replay any test-time-compute strategy at any budget from the store."""


@cli.command()
@CONFIG
@overridable
def sample(config: str, **overrides: Any) -> None:
    """Draw, score and grade what the store lacks of CONFIG (a TOML file or preset)."""
    from ttclib.collect import keeper, run

    read = read_config(config, **overrides)
    run.check(read)
    try:
        run.sample(read, notify=notify)
        if read.prm is not None:
            run.score(read, notify=notify)
        run.grade(read.store, read.grading.grader, notify=notify)
    except KeyboardInterrupt:
        keeper.take_in(read.store, notify=notify)
        raise
    keeper.take_in(read.store, notify=notify)
    _print_status(read.store)


@cli.command()
@CONFIG
@overridable
def score(config: str, **overrides: Any) -> None:
    """Score the steps of samples that CONFIG's PRM has not read."""
    from ttclib.collect import keeper, run

    read = read_config(config, **overrides)
    run.score(read, notify=notify)
    keeper.take_in(read.store, notify=notify)


@cli.command()
@STORE
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(store: Path, as_json: bool) -> None:
    """What a store holds, and what its last run has left to do."""
    from ttclib.store.status import store_status

    if as_json:
        click.echo(json.dumps(store_status(store, notify=notify), indent=2))
    else:
        _print_status(store)


@cli.command()
@STORE
@click.option("--strategy", required=True, help=f"One or more, with commas: {', '.join(STRATEGIES)}.")
@click.option("--budgets", help="Samples a problem, with commas; by default the powers of two up to the pool.")
@click.option("--policy", help="Needed where the store holds several.")
@click.option("--verifier", default="prm", show_default=True, help=f"One of {', '.join(VERIFIERS)}.")
@click.option("--aggregation", default="last", show_default=True, help=f"Of step scores: {', '.join(AGGREGATIONS)}.")
@click.option("--bins", type=int, help="Difficulty bins, beside all problems.")
@click.option("--difficulty", default="oracle", show_default=True, help=f"One of {', '.join(DIFFICULTIES)}.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the subsets and the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
def replay(
    store: Path,
    strategy: str,
    budgets: str | None,
    policy: str | None,
    verifier: str,
    aggregation: str,
    bins: int | None,
    difficulty: str,
    seed: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    strategies = [one_of(name.strip(), STRATEGIES, "strategy") for name in strategy.split(",")]
    one_of(verifier, VERIFIERS, "verifier")
    one_of(aggregation, AGGREGATIONS, "aggregation")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    sizes = None if budgets is None else _whole_numbers(budgets, "budgets")
    pool = load_pool(store, policy=policy, notify=notify)
    sizes = sizes or powers_of_two(pool)
    check_budgets(sizes, pool)
    if max(sizes) > pool.pool_sizes.min():
        notify(
            f"pools differ: {pool.pool_sizes.min()} to {pool.pool_sizes.max()} samples; n_problems says who is counted"
        )
    curves = accuracy_curves(
        pool,
        strategies,
        sizes,
        verifier=verifier,
        aggregation=aggregation,
        bins=bins,
        difficulty=difficulty,
        seed=seed,
    )
    if as_json:
        click.echo(json.dumps(curves.to_dicts(), indent=1))
    elif as_csv:
        click.echo(curves.write_csv(), nl=False)
    else:
        import polars as pl

        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=140, float_precision=4):
            click.echo(curves)


@cli.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@STORE
@click.option("--grader", default="math", show_default=True, help="math or exact.")
@click.option("--verifier", default="prm", show_default=True, help="Name to keep the step scores under.")
@click.option("--benchmark", help="Name of the problem set; by default the file's name.")
def import_(file: Path, store: Path, grader: str, verifier: str, benchmark: str | None) -> None:
    """Fill a store from FILE, JSON lines with one sample each; - reads standard input."""
    from ttclib.interchange import import_samples

    with TemporaryDirectory() as folder:
        if str(file) == "-":
            file = Path(folder) / "stdin.jsonl"
            with open(file, "wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        added = import_samples(file, store, grader=grader, verifier=verifier, benchmark=benchmark, notify=notify)
    notify(f"import: {added:,} samples added to '{store}'")


@cli.command()
@STORE
@click.option("--policy", help="By default all.")
@click.option("--output", type=click.Path(path_type=Path), help="File; by default standard output.")
def export(store: Path, policy: str | None, output: Path | None) -> None:
    """Write a store's samples as JSON lines."""
    from ttclib.interchange import export_samples

    lines = export_samples(store, policy=policy, notify=notify)
    if output is None:
        for line in lines:
            click.echo(line)
        return
    temporary = output.with_name(output.name + ".tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        temporary.rename(output)
    except OSError as error:
        raise RequestError(f"cannot write '{output}': {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@cli.command()
@click.argument("notebook")
@click.option("--output", type=click.Path(path_type=Path), help="HTML file; by default reports/NAME.html.")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the notebook."
)
def report(notebook: str, output: Path | None, parameters: Sequence[str]) -> None:
    """Run NOTEBOOK with parameters and write an HTML page that opens without a network."""
    from ttclib.show.report import render_report

    path = Path(notebook)
    target = output or Path("reports") / f"{path.stem}.html"
    render_report(path, target, dict(_assignment(text) for text in parameters), notify=notify)
    click.echo(str(target))


@cli.group(cls=Commands)
def lab() -> None:
    """The family of small models that ships, and how it is trained."""


@lab.command()
@click.argument("part", type=click.Choice(["policy", "prm"]))
@click.option("--output", type=click.Path(path_type=Path), help="Directory; by default runs/lab/PART.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the data and the weights.")
@click.option(
    "--policy", type=click.Path(path_type=Path), help="Policy that a PRM reads; by default the one that ships."
)
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="Share of the recipe's data, for a quick try."
)
def train(part: str, output: Path | None, seed: int, policy: Path | None, scale: float) -> None:
    """Train the policy or its PRM from a seed, and write the model card."""
    try:
        from ttclib.lab import recipe
    except ImportError as error:
        raise RequestError(f"training needs the package '{error.name}': pip install 'ttclib[transformers]'") from error

    target = output or Path("runs/lab") / part
    if part == "policy":
        recipe.train_lab_policy(target, seed=seed, scale=scale, notify=notify)
    else:
        recipe.train_lab_prm(target, policy=policy, seed=seed, scale=scale, notify=notify)
    click.echo(str(target))


def _print_status(store: Path) -> None:
    from ttclib.store.status import store_status

    found = store_status(store, notify=notify)
    pending = f", {found['pending_parts']} parts beside it" if found["pending_parts"] else ""
    click.echo(f"{found['store']}: {found['bytes'] / 1e6:.1f} MB{pending}")
    for row in found["policies"]:
        speed = f", {row['tokens_per_s']:,.0f} tokens/s" if row["tokens_per_s"] else ""
        click.echo(
            f"  {row['policy']}: {row['n_problems']:,} problems, {row['n_samples']:,} samples, "
            f"{row['n_scored']:,} scored, {row['n_graded']:,} graded, {row['tokens']:,} tokens{speed}"
        )
        if row["left"] is not None:
            left = ", ".join(f"{count:,} {what}" for what, count in row["left"].items() if count)
            click.echo(f"    left: {left or 'nothing'}")


def _whole_numbers(text: str, what: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(f"{what} '{text}': give whole numbers with commas, such as 1,4,16") from None


def _assignment(text: str) -> tuple[str, Any]:
    """``name=value`` with the value read as JSON, or as text where it is none."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise RequestError(f"parameter '{text}': give NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Entry point: runs a command and turns errors into one line and an exit status."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message().replace("\n", " "), 2)
    except TTCError as error:
        _fail(str(error), error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; what was collected is kept, the same command continues", 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _fail(text: str, status: int) -> None:
    click.echo(f"ttc: {text}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
