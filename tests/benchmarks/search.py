"""What one tree saves: tokens that tree searches draw together, against runs of their own.

    python -m tests.benchmarks.search --problems 8

Collects the searches with the lab's models into a store of its own, then counts in it, for each
algorithm and for all, the tokens of the steps asked for: each once (the tree), and anew for each
search (separate runs). The pool gives no first steps here but one sample's; in a store with a pool
those cost nothing more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ttclib.collect import run
from ttclib.collect.search import search
from ttclib.config import RunConfig, load_config
from ttclib.replay.strategies import BeamSearch, Dvts, LookaheadSearch
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.tree import Node, SampleTree, Score, replay
from ttclib.samples import Tree
from ttclib.store import load_pool
from ttclib.store.tree import load_tree

ALGORITHMS: list[TreeSearch] = [
    BeamSearch(beam_width=4),
    BeamSearch(beam_width="sqrt"),
    LookaheadSearch(beam_width=4, lookahead_steps=1),
    LookaheadSearch(beam_width=4, lookahead_steps=3),
    Dvts(beam_width=4),
]


def main() -> None:
    """Collect and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--budgets", type=int, nargs="+", default=[4, 16, 64, 256])
    parser.add_argument("--every-up-to", type=int, default=64, help="also every budget from 1 to this one; 0: not")
    parser.add_argument("--store", type=Path, help="kept there and continued; by default made anew and thrown away")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = given.store or Path(folder) / "search.duckdb"
        config = load_config("lab", store=str(store), sampling__n_samples=1, problems__limit=given.problems)
        if run.sample(config, notify=print):
            run.score(config, notify=print)
        for label, budgets in (("few", given.budgets), ("every", range(1, given.every_up_to + 1))):
            grid = [(algorithm, [n for n in budgets if algorithm.allows(n)]) for algorithm in ALGORITHMS]
            for sizes in {tuple(sizes) for _, sizes in grid if sizes}:
                alike = [algorithm for algorithm, own in grid if tuple(own) == sizes]
                search(asking(config, alike, sizes), notify=quiet)
            pool = load_pool(store, policy=config.policy.name)
            trees = load_tree(store, policy=pool.policy, setting=pool.setting, verifier="lab-prm")
            if budgets:
                print(f"\nN = {', '.join(map(str, given.budgets)) if label == 'few' else f'1 … {given.every_up_to}'}")
                table(trees, grid)


def quiet(text: str) -> None:
    """Say only how a collection begins."""
    if ": round " not in text:
        print(text)


def asking(config: RunConfig, algorithms: Sequence[TreeSearch], budgets: Iterable[int]) -> RunConfig:
    """A configuration that asks for these searches."""
    content: dict[str, Any] = config.model_dump()
    asked = [{"strategy": one.name, **one.parameters()} for one in algorithms]
    content["search"] |= {"algorithms": asked, "budgets": list(budgets)}
    return RunConfig.model_validate(content)


def table(trees: Tree, grid: Sequence[tuple[TreeSearch, Sequence[int]]]) -> None:
    """Print tokens a problem, through the tree and apart, for each algorithm and for all."""
    print(f"{'tokens a problem':<30}{'one tree':>12}{'apart':>12}{'share':>8}{'largest N alone':>18}")
    union: dict[tuple[int, str], int] = {}
    total = 0
    n_problems = len(trees.problem_ids)
    for algorithm, budgets in grid:
        own: dict[tuple[int, str], int] = {}
        apart = largest = 0
        for n_beams in budgets:
            alone = asked(trees, algorithm, n_beams)
            own |= alone
            largest = sum(alone.values())
            apart += largest
        line(algorithm.variant, sum(own.values()), apart, n_problems, largest)
        union |= own
        total += apart
    line("all of them", sum(union.values()), total, n_problems)


def line(name: str, shared: int, apart: int, n_problems: int, largest: int | None = None) -> None:
    """Print one line."""
    alone = "" if largest is None else f"{largest / n_problems:>18,.0f}"
    print(f"{name:<30}{shared / n_problems:>12,.0f}{apart / n_problems:>12,.0f}{shared / apart:>8.1%}{alone}")


def asked(trees: Tree, algorithm: TreeSearch, n_beams: int) -> dict[tuple[int, str], int]:
    """Tokens of every step that a search asks for, on all problems, by (problem, path)."""
    found: dict[tuple[int, str], int] = {}

    def observe(problem: int, requests: Sequence[Any], answers: Sequence[Any]) -> None:
        nodes: Iterable[Node] = (
            node
            for request, told in zip(requests, answers, strict=True)
            if not isinstance(request, Score)
            for node in told
        )
        found.update({(problem, node.path): node.n_tokens for node in nodes})

    for problem, prompt_tokens in enumerate(trees.prompt_tokens):
        tree = SampleTree(prompt_tokens, partial(trees.step, problem))
        replay(algorithm.start(n_beams), tree, partial(observe, problem))
    return found


if __name__ == "__main__":
    main()
