"""Commands that exchange: import of samples in any form, a look at their soundness, export."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ttclib.cli.common import STORE_FLAG, assignment, cli, notify, takes_store
from ttclib.errors import RequestError


class _Import(click.Command):
    """Lists the formats below its help: those of other packages too, so they are looked for only then."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name every format."""
        from ttclib.interchange import readers

        with formatter.section("Formats"):
            formatter.write_dl([(name, one.about) for name, one in readers().items()])


@cli.command(name="import", cls=_Import)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
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
def import_(
    paths: tuple[Path, ...],
    store: Path,
    file_format: str | None,
    fields: tuple[str, ...],
    benchmark: str | None,
    policy: str | None,
    settings: tuple[str, ...],
    grader: str,
    verifier: str,
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
            grader=grader,
            verifier=verifier,
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
@click.option("--json", "as_json", is_flag=True, help="A JSON list of what is odd.")
def lint(store: Path, as_json: bool) -> None:
    """Look for signs that a store's samples are not what they seem; it warns, and changes nothing."""
    from ttclib.interchange import lint_store

    findings = lint_store(store, notify=notify)
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], ensure_ascii=False))
        return
    for finding in findings:
        click.echo(f"{finding.check} ({finding.where}): {finding.text}")
    notify(f"lint: {len(findings)} finding{'s' * (len(findings) != 1)} in '{store}'")


@cli.command()
@takes_store
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
