"""`ttc lab`: the family of small models that ships, and the demo made from it."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.common import FILE, SEED, Commands, cli, notify, say
from ttclib.errors import needing
from ttclib.shipped import CHECKPOINTS, checkpoint


@cli.group(cls=Commands)
def lab() -> None:
    """The family of small models that ships: how it is trained, and the demo made from it."""


@lab.command()
@click.argument("part", type=click.Choice(["all", *CHECKPOINTS]))
@click.option(
    "--output",
    type=FILE,
    default=Path("runs/lab"),
    show_default=True,
    help="Directory; each part goes into the folder of its name there.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the data and the weights.")
@click.option("--policy", type=FILE, help="Policy that others are made from; by default the one that ships.")
@click.option("--policy-14x", type=FILE, help="Large policy that the verifiers grow from; likewise.")
@click.option("--revision", type=FILE, help="Revision model to verify; by default the one that ships.")
@click.option("--prm", type=FILE, help="PRM that the revisions' verifier starts from; likewise.")
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="Share of the recipe's data, for a quick try."
)
@click.option("--batch-tokens", type=int, help="Tokens per training batch; lower it when memory is short.")
def train(
    part: str,
    output: Path,
    seed: int,
    policy: Path | None,
    policy_14x: Path | None,
    revision: Path | None,
    prm: Path | None,
    scale: float,
    batch_tokens: int | None,
) -> None:
    """Train PART of the family from a seed and write its card; the same command continues one that was stopped."""
    with needing("the lab", "transformers"):
        from ttclib.lab import recipe
    named = {"policy": policy, "policy-14x": policy_14x, "revision": revision, "prm": prm}
    sources = {name: path for name, path in named.items() if path is not None}
    order = recipe.Order(output, seed=seed, scale=scale, batch_tokens=batch_tokens, sources=sources)
    for directory in recipe.train(part, order, notify=notify):
        say(str(directory))


@lab.command()
@click.option("--size", default="demo", show_default=True, help="demo or full.")
@click.option(
    "--store",
    type=FILE,
    help="DuckDB file; by default runs/lab-SIZE.duckdb. What it holds already is not drawn again.",
)
@click.option(
    "--ship",
    type=FILE,
    help="Also write it here as the demo ships: in order, without timings, and packed beside it (.xz).",
)
def collect(size: str, store: Path | None, ship: Path | None) -> None:
    """Draw, score and grade the demo store, or its full size, from the models that ship."""
    with needing("the lab", "transformers"):
        from ttclib.lab import collect as collecting
    target = store or Path(f"runs/lab-{size}.duckdb")
    collecting.collect(size, target, notify=notify)
    if ship is not None:
        collecting.ship(target, ship, notify=notify)
    say(str(ship or target))


@lab.command()
@click.option("--rounds", "n_rounds", type=int, default=3, show_default=True, help="Turns of each way.")
@click.option(
    "--output",
    type=FILE,
    default=Path("runs/flywheel"),
    show_default=True,
    help="Directory; receives the policies and the stores of what was practised.",
)
@click.option(
    "--store",
    type=FILE,
    default=Path("runs/flywheel.duckdb"),
    show_default=True,
    help="DuckDB file of the test problems' samples and of what each round took.",
)
@click.option(
    "--variant",
    default="both",
    show_default=True,
    help="What is kept: verified (right by the reference), verifier (what the lab's PRM chooses) or both.",
)
@click.option(
    "--scale",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of the problems practised, to cost less.",
)
@click.option("--ship", type=FILE, help="Also write the store here as it ships: without texts, and packed.")
def flywheel(n_rounds: int, output: Path, store: Path, variant: str, scale: float, ship: Path | None) -> None:
    """Train the lab's policy on the best of its own samples, round by round; one that was stopped goes on."""
    with needing("the lab", "transformers"):
        from ttclib.lab import flywheel as turning
    turning.turn(output, store, n_rounds=n_rounds, way=variant, scale=scale, notify=notify)
    if ship is not None:
        turning.ship(store, ship, notify=notify)
    say(str(ship or store))


@lab.command()
@click.option(
    "--output",
    type=FILE,
    default=Path("runs/lab/inside"),
    show_default=True,
    help="Directory of the trained checkpoints; what is finished there is not trained again.",
)
@click.option(
    "--store",
    type=FILE,
    default=Path("runs/lab-inside.duckdb"),
    show_default=True,
    help="DuckDB file; what it holds already is not drawn again.",
)
@click.option("--most", type=float, help="Leave out trainings with more than so many times the exercises.")
@click.option("--ship", type=FILE, help="Also write it here as it ships: without texts, packed.")
def inside(output: Path, store: Path, most: float | None, ship: Path | None) -> None:
    """Train the policy with and without steps on less and more, and draw, score and grade what they answer."""
    with needing("the lab", "transformers"):
        from ttclib.lab import inside as making
    making.collect_inside(store, output, most=most, ship=ship, notify=notify)
    say(str(ship or store))


@lab.command()
@click.argument(
    "name", type=click.Choice([name for name in CHECKPOINTS if name.startswith("policy") or name == "revision"])
)
@click.argument("target", type=FILE)
@click.option("--head-dim", type=int, default=32, show_default=True, help="Width of an attention head.")
def widen(name: str, target: Path, head_dim: int) -> None:
    """Write the model NAME to the folder TARGET with wider heads, for vLLM on a CPU: it computes the same."""
    with needing("the lab", "transformers"):
        from ttclib.lab import widen as widening
    widening.widen(checkpoint(name), target, head_dim)
    say(str(target))
