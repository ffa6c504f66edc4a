"""Commands that exchange: import of samples in any form, a look at their soundness, export."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ttclib.cli.common import (
    FILE,
    STORE_FLAG,
    as_json,
    assignment,
    cli,
    escaped,
    notify,
    print_json,
    say,
    takes_store,
    wants,
)
from ttclib.errors import RequestError


class _Import(click.Command):
    """Lists the formats below its help: those of other packages too, so they are looked for only then."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name every format."""
        from ttclib.interchange import readers

        with formatter.section("Formats"):
            formatter.write_dl([(name, one.about) for name, one in readers().items()])


@cli.command(name="import", cls=_Import)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=FILE)
@STORE_FLAG
@click.option("--format", "file_format", metavar="FORMAT", help="By default told by looking; see the list below.")
@click.option("--field", "fields", multiple=True, metavar="OURS=THEIRS", help="What the files call one of our columns.")
@click.option("--benchmark", help="Name of the problem set, where the files name none; by default the file's name.")
@click.option("--policy", help="Name of the model, where the files name none.")
@click.option(
    "--setting", "settings", multiple=True, metavar="KEY=VALUE", help="How samples were drawn, where no file says it."
)
@click.option("--grader", default="math", show_default=True, help="math or exact.")
@click.option("--verifier", default="prm", show_default=True, help="Name to keep the step scores under.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="About the policy: n_parameters=8.03e9, …")
@click.option("--prices", type=FILE, help="A CSV of facts by model, as `ttc models` takes it.")
@click.option("--credit", help="Whose samples these are: said by status, on pages and in exports.")
@click.option("--license", help="On what terms they may be used, such as CC-BY-4.0.")
def import_(
    paths: tuple[Path, ...],
    store: Path,
    file_format: str | None,
    fields: tuple[str, ...],
    benchmark: str | None,
    policy: str | None,
    settings: tuple[str, ...],
    facts: tuple[str, ...],
    **stated: Any,
) -> None:
    """Fill a store from files or folders of samples, in any form; - reads standard input."""
    from ttclib.collect.progress import progress
    from ttclib.interchange import import_samples

    with TemporaryDirectory() as folder:
        added = import_samples(
            [_from_stdin(Path(folder)) if str(path) == "-" else path for path in paths],
            store,
            file_format=file_format,
            fields=dict(_field(text) for text in fields),
            benchmark=benchmark,
            policy=policy,
            setting=dict(assignment(text) for text in settings),
            facts=dict(assignment(text) for text in facts),
            **stated,
            progress=progress,
            notify=notify,
            report=notify,
        )
    notify(f"import: {added:,} samples added to '{store}'")


def _from_stdin(folder: Path) -> Path:
    file = folder / "stdin"
    with open(file, "wb") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
    return file


def _field(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise RequestError(f"--field '{text}': give OURS=THEIRS, such as --field problem_id=task_id")
    return ours, theirs


@cli.command()
@takes_store
@as_json("A JSON list of what is odd.")
def lint(store: Path) -> None:
    """Look for signs that a store's samples are not what they seem; it warns, and changes nothing."""
    from ttclib.interchange import lint_store

    findings = lint_store(store, notify=notify)
    if wants("json"):
        print_json([vars(finding) for finding in findings], indent=None, ensure_ascii=False)
        return
    for finding in findings:
        say(f"{finding.check} ({finding.where}): {finding.text}")
    notify(f"lint: {len(findings)} finding{'s' * (len(findings) != 1)} in '{store}'")


@cli.command()
@click.argument("paths", nargs=-1, metavar="[STORE] [OUT]", type=FILE)
@click.option("--store", type=FILE, help="DuckDB file of the samples; or STORE.")
@click.option("--output", type=FILE, help="File or folder; or OUT. By default standard output.")
@click.option("--format", "file_format", metavar="FORMAT", help="By default what OUT's ending can only mean.")
@click.option("--only", help="What a training set holds: correct, chosen or shortest.")
@click.option("--policy", help="By default all.")
@click.option("--benchmark", help="By default all.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="By default all settings.")
@click.option("--verifier", help="Whose step scores, and who chooses; by default the one with the most scores.")
@click.option("--aggregation", default="last", show_default=True, help="By which it chooses: last, min, prod, mean.")
@click.option("--force", is_flag=True, help="Replace what OUT is already.")
def export(
    paths: tuple[Path, ...],
    store: Path | None,
    output: Path | None,
    file_format: str | None,
    only: str | None,
    settings: tuple[str, ...],
    force: bool,
    **choices: Any,
) -> None:
    """Write a store's samples: JSON lines, Parquet, a Hugging Face folder, a training set.

    interchange is what `ttc import` takes, a line a sample: *.jsonl, *.jsonl.gz, *.jsonl.zst, or standard
    output; parquet the same as columns: *.parquet; huggingface a folder with data/*.parquet and a card, for
    datasets, pandas and polars; training a set of conversations (`messages`).

    A training set holds (--only) correct: all right samples; chosen: of each problem the one that the verifier
    scores highest; shortest: of each problem the shortest right one. Of equal ones the first.
    """
    from ttclib.interchange.exporting import choose_format, export_samples, export_store, export_training
    from ttclib.store.sample_rows import Selection

    source, target = _store_and_target(list(paths), store, output)
    chosen = Selection(**choices, setting=dict(assignment(text) for text in settings))
    if target is not None:
        made = export_store(
            source, target, file_format=file_format, selection=chosen, only=only, force=force, notify=notify
        )
        count = " and ".join(f"{number:,} {what}" for what, number in made.rows.items())
        notify(f"export: {count} written to '{target}' as {made.file_format}, told by {made.told_by}")
        return
    form, _ = choose_format(None, file_format, only)
    if form == "training":
        lines = export_training(source, only or "correct", selection=chosen, notify=notify)
    else:
        lines = export_samples(source, selection=chosen, notify=notify)
    for line in lines:
        click.echo(escaped(line))


def _store_and_target(paths: list[Path], store: Path | None, output: Path | None) -> tuple[Path, Path | None]:
    """The store and what to write, by argument or by flag; no target, or -: standard output."""
    if store is None and not paths:
        raise RequestError("no store: name one, such as `--store store/demo.duckdb`")
    source = store or paths.pop(0)
    targets = [*paths, *([output] if output else [])]
    if len(targets) > 1:
        named = ", ".join(f"'{path}'" for path in targets)
        raise RequestError(f"{named}: give one store and one file to write")
    return source, targets[0] if targets and str(targets[0]) != "-" else None
