"""Commands before a run: the configurations that ship, and what a run would need."""

from __future__ import annotations

import click

from ttclib.cli.common import as_json, cli, print_json, say, wants
from ttclib.config import RunConfig, preset_summary, preset_text, presets
from ttclib.errors import one_of


@cli.command("presets")
@click.argument("name", required=False)
@as_json()
def list_presets(name: str | None) -> None:
    """List the configurations that ship, or show one: `ttc presets NAME > mine.toml`."""
    if name is not None:
        click.echo(preset_text(one_of(name, presets(), "preset")), nl=False)
        return
    summaries = {preset: preset_summary(preset) for preset in presets()}
    if wants("json"):
        print_json(summaries, ensure_ascii=False)
        return
    width = max(map(len, summaries))
    for preset, summary in summaries.items():
        click.echo(f"{preset:<{width}}  {summary}")


def print_estimate(config: RunConfig) -> None:
    """Print what a run would draw and cost."""
    from ttclib.collect.estimate import estimate_run

    found = estimate_run(config)
    if wants("json"):
        print_json(vars(found))
    else:
        for line in found.lines(config):
            say(line)
