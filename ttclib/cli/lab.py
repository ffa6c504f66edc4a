"""`ttc lab`: the family of small models that ships."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.common import SEED, Commands, cli, notify
from ttclib.errors import RequestError


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
