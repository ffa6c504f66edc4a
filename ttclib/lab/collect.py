"""The demo store and its full size, made by the project's own commands from the models that ship."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ttclib.collect import keeper, run
from ttclib.collect.features import features
from ttclib.collect.grade_nodes import grade_nodes
from ttclib.collect.revise import check_revision, revise, score_revisions
from ttclib.collect.search import search
from ttclib.config import load_config
from ttclib.errors import one_of
from ttclib.store.packed import pack
from ttclib.store.shipping import copy_in_order

Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is collected; all of it on the first problems of the test split.

    Attributes
    ----------
    n_problems, n_samples : int
        Of the policy, with step scores, the hidden states of its prompts and a greedy answer to each; the larger ones
        greedily, and with `n_samples_larger`, on the same.
    n_samples_larger : int
    n_revised : int
        Problems with revision chains.
    n_chains, n_steps : int
    n_searched : int
        Problems with tree searches.
    budgets : tuple of int
        Of the searches, of which every algorithm is run that a configuration has by default.
    """

    n_problems: int
    n_samples: int
    n_samples_larger: int
    n_revised: int
    n_chains: int
    n_steps: int
    n_searched: int
    budgets: tuple[int, ...]


SIZES = {
    "demo": Size(250, 256, 64, 250, 16, 16, 250, (4, 16, 64)),
    "full": Size(500, 2048, 64, 250, 16, 16, 250, (4, 16, 64)),
}


LARGER = ("2x", "4x", "14x")


def _of_size(times: str) -> dict[str, str]:
    """What of the configuration of the largest policy is another for one of another size."""
    return {"policy__name": f"lab-policy-{times}", "policy__path": f"lab:policy-{times}"}


def collect(size: str, store: Path, *, notify: Notify = print) -> None:
    """Fill a store; what it holds already is not drawn again.

    Parameters
    ----------
    size : {"demo", "full"}
    store : pathlib.Path
    notify : callable
        Told, in lines, what is being done and how long each part took.
    """
    wanted = SIZES[one_of(size, SIZES, "size")]
    at = {"store": str(store)}
    policy = load_config("lab", **at, problems__limit=wanted.n_problems, sampling__n_samples=wanted.n_samples)
    larger = [
        load_config(preset, **at, **_of_size(times), problems__limit=wanted.n_problems, **more)
        for times in LARGER
        for preset, more in (("lab-14x-greedy", {}), ("lab-14x", {"sampling__n_samples": wanted.n_samples_larger}))
    ]
    chains = load_config(
        "lab-revision",
        **at,
        problems__limit=wanted.n_revised,
        revision__n_chains=wanted.n_chains,
        revision__n_steps=wanted.n_steps,
    )
    searches = load_config(
        "lab", **at, problems__limit=wanted.n_searched, search__limit=wanted.n_searched,
        search__budgets=list(wanted.budgets),
    )  # fmt: skip
    for config in (policy, *larger, searches):
        run.check(config)
    check_revision(chains)
    grader = policy.grading.grader
    stages: dict[str, Callable[[], object]] = {
        "samples of the policy": lambda: run.sample(policy, notify=notify),
        "features of the questions": lambda: features(policy, notify=notify),
        "step scores": lambda: run.score(policy, notify=notify),
        "larger policies": lambda: [run.sample(config, notify=notify) for config in larger],
        "revision chains": lambda: revise(chains, notify=notify),
        "scores of the chains": lambda: score_revisions(chains, notify=notify),
        "tree searches": lambda: search(searches, notify=notify),
        "grades": lambda: (run.grade(store, grader, notify=notify), grade_nodes(store, grader, notify=notify)),
    }
    try:
        for name, stage in stages.items():
            started = time.monotonic()
            stage()
            notify(f"{name}: {time.monotonic() - started:.0f} s")
    finally:
        keeper.take_in(store, notify=notify)


# Digits of a log-probability that ship.
_DECIMALS = 5


def ship(store: Path, target: Path, *, notify: Notify = print) -> None:
    """Write a collected store as the demo that ships, packed: rows in order, rounded log-probabilities, none by token.

    Timings are left out, too.

    Parameters
    ----------
    store : pathlib.Path
        What `collect` filled.
    target : pathlib.Path
        The demo's path, ``NAME.duckdb``: a file with the same tables and keys. It and its packed form
        beside it are replaced.
    """
    ship_without(store, target, (), notify=notify)


def ship_without(
    store: Path,
    target: Path,
    left_out: Sequence[str],
    *,
    tables: Sequence[str] = (),
    decimals: int | None = None,
    notify: Notify = print,
) -> None:
    """As `ship`, without some columns and tables, and with scores and log-probabilities of so many decimals."""
    shipped = functools.partial(_shipped, left_out=(*_LEFT_OUT, *left_out), decimals=decimals)
    copy_in_order(store, target, shipped, without=tables)
    packed = pack(target)
    notify(
        f"'{packed}': {packed.stat().st_size / 1e6:.1f} MB, unpacked {target.stat().st_size / 1e6:.1f} MB, "
        f"sha256 {hashlib.sha256(packed.read_bytes()).hexdigest()}"
    )


# Half of the packed size, and drawn again by `ttc lab collect`.
_LEFT_OUT = ("elapsed_s", "token_logprobs", "token_entropies", "token_top20")


def _shipped(column: str, left_out: Sequence[str], decimals: int | None) -> str:
    """A column as it ships; scores as they were read: a search that ranks rounded ones takes other paths."""
    if column in left_out:
        return "NULL"
    if column == "step_scores" and decimals is not None:
        return f"list_transform(step_scores, lambda score: round(score, {decimals}))"
    return f"round(logprob, {_DECIMALS if decimals is None else decimals})" if column == "logprob" else column
