"""`ttc lab`: the family of small models that ships, and the demo made from it."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.common import SEED, Commands, cli, notify
from ttclib.errors import RequestError
from ttclib.lab import CHECKPOINTS


@cli.group(cls=Commands)
def lab() -> None:
    """The family of small models that ships: how it is trained, and the demo made from it."""


@lab.command()
@click.argument("part", type=click.Choice(["all", *CHECKPOINTS]))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs/lab"),
    show_default=True,
    help="Directory; each part goes into the folder of its name there.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the data and the weights.")
@click.option(
    "--policy", type=click.Path(path_type=Path), help="Policy that others are made from; by default the one that ships."
)
@click.option(
    "--revision", type=click.Path(path_type=Path), help="Revision model to verify; by default the one that ships."
)
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="Share of the recipe's data, for a quick try."
)
@click.option("--batch-tokens", type=int, help="Tokens per training batch; lower it when memory is short.")
def train(
    part: str,
    output: Path,
    seed: int,
    policy: Path | None,
    revision: Path | None,
    scale: float,
    batch_tokens: int | None,
) -> None:
    """Train PART of the family from a seed and write its card; the same command continues one that was stopped."""
    try:
        from ttclib.lab import recipe
    except ImportError as error:
        raise RequestError(f"training needs the package '{error.name}': pip install 'ttclib[transformers]'") from error

    sources = {name: path for name, path in (("policy", policy), ("revision", revision)) if path is not None}
    order = recipe.Order(output, seed=seed, scale=scale, batch_tokens=batch_tokens, sources=sources)
    for directory in recipe.train(part, order, notify=notify):
        click.echo(str(directory))
