"""Commands before a run: the configurations that ship, and what a run would need."""

from __future__ import annotations

import json

import click

from ttclib.cli.common import cli
from ttclib.config import RunConfig, preset_summary, preset_text, presets
from ttclib.errors import one_of


@cli.command("presets")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_presets(name: str | None, as_json: bool) -> None:
    """List the configurations that ship, or show one: `ttc presets NAME > mine.toml`."""
    if name is not None:
        click.echo(preset_text(one_of(name, presets(), "preset")), nl=False)
        return
    summaries = {preset: preset_summary(preset) for preset in presets()}
    if as_json:
        click.echo(json.dumps(summaries, indent=2, ensure_ascii=False))
        return
    width = max(map(len, summaries))
    for preset, summary in summaries.items():
        click.echo(f"{preset:<{width}}  {summary}")


def print_estimate(config: RunConfig, *, as_json: bool) -> None:
    """Print what a run would draw and cost."""
    from ttclib.collect.estimate import estimate_run

    found = estimate_run(config)
    if as_json:
        click.echo(json.dumps(vars(found), indent=2))
    else:
        click.echo("\n".join(found.lines(config)))
