"""The two sides of a comparison, from parameters that may be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ttclib.analysis.curves import accuracy_curves, powers_of_two
from ttclib.analysis.strategies import sampling_outcomes
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import LOGPROB, Pool
from ttclib.show.captions import bands_line, source
from ttclib.show.choices import find_store, replayable
from ttclib.show.notebook import open_pool, policies_with_samples


@dataclass(frozen=True)
class Sides:
    """Two pools and how each is selected from.

    Attributes
    ----------
    pools : pair of Pool
    verifiers : pair of {"prm", "logprob"}
    names : pair of str
        Made of what differs.
    strategies : tuple of str
        That both sides can answer.
    budgets : tuple of int
    note : str
        What was left out or put in place of a missing side; empty: nothing.
    """

    pools: tuple[Pool, Pool]
    verifiers: tuple[str, str]
    names: tuple[str, str]
    strategies: tuple[str, ...]
    budgets: tuple[int, ...]
    note: str

    @property
    def caption(self) -> list[str]:
        """Where each side comes from."""
        told = [f"{name}: {source(pool)}" for name, pool in zip(self.names, self.pools, strict=True)]
        return [*told, bands_line()]

    def curves(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The table of curves of each side."""
        first, second = (
            accuracy_curves(pool, self.strategies, self.budgets, verifier=verifier)
            for pool, verifier in zip(self.pools, self.verifiers, strict=True)
        )
        return first, second

    def outcomes(self) -> tuple[list[Outcomes], list[Outcomes]]:
        """What each strategy came to on every problem of each side."""
        first, second = (
            [sampling_outcomes(pool, name, self.budgets, verifier=verifier) for name in self.strategies]
            for pool, verifier in zip(self.pools, self.verifiers, strict=True)
        )
        return first, second


def open_sides(
    first: Mapping[str, Any], second: Mapping[str, Any], strategies: Sequence[str], budgets: Sequence[int] | None = None
) -> Sides:
    """Open both sides; what the second leaves out is chosen so that the two differ.

    Parameters
    ----------
    first, second : mapping
        ``store``, ``policy`` and ``verifier``, each None where it is left out. A verifier is the name of
        a PRM or ``"logprob"``.
    strategies : sequence of str
    budgets : sequence of int, optional
        None: powers of two up to the smaller pool.

    Returns
    -------
    Sides

    Raises
    ------
    RequestError
        No such store, policy or verifier.
    """
    here = open_pool(first["store"], first["policy"], _named(first["verifier"]))
    other_store = second["store"] or first["store"]
    other_policy, note = second["policy"], ""
    if other_policy is None and second["store"] is None:
        later = policies_with_samples(other_store)
        place = later.index(here.policy) + 1
        other_policy = later[place] if second["verifier"] is None and place < len(later) else here.policy
    # A PRM asked for on the first side need not have read the second policy's samples.
    inherited = _named(first["verifier"]) if second["verifier"] is None and other_policy == here.policy else None
    there = open_pool(other_store, other_policy, _named(second["verifier"]) or inherited)
    kinds = [_kind(first["verifier"]), _kind(second["verifier"] or first["verifier"])]
    if _same(here, there) and kinds[0] == kinds[1] and here.verifier == there.verifier:
        kinds[1] = LOGPROB if kinds[0] != LOGPROB else "prm"
        note = "Both sides would be the same, so the PRM is set against the policy's own log-probability."
    able = [replayable(pool, strategies, kind) for pool, kind in zip((here, there), kinds, strict=True)]
    both = [name for name in able[0][0] if name in able[1][0]]
    notes = [note, *(said for _, said in able if said)]
    smaller = min((here, there), key=lambda pool: int(pool.pool_sizes.min()))
    return Sides(
        pools=(here, there),
        verifiers=(kinds[0], kinds[1]),
        names=_names((here, there), kinds),
        strategies=tuple(both),
        budgets=tuple(budgets or powers_of_two(smaller)),
        note=" ".join(dict.fromkeys(part for part in notes if part)),
    )


def _named(verifier: str | None) -> str | None:
    """The PRM to read by its name; None: not named."""
    return None if verifier in (None, "prm", LOGPROB) else verifier


def _kind(verifier: str | None) -> str:
    return LOGPROB if verifier == LOGPROB else "prm"


def _same(first: Pool, second: Pool) -> bool:
    return find_store(first.store).samefile(find_store(second.store)) and first.policy == second.policy


def _names(pools: tuple[Pool, Pool], kinds: Sequence[str]) -> tuple[str, str]:
    parts = [
        (Path(pool.store).name, pool.policy, "log-probability" if kind == LOGPROB else f"PRM {pool.verifier or '–'}")
        for pool, kind in zip(pools, kinds, strict=True)
    ]
    differs = [parts[0][place] != parts[1][place] for place in range(3)]
    if differs[1]:  # two policies: that each has scores of its own PRM goes without saying
        differs[2] = kinds[0] != kinds[1]
    names = [" ".join(part for part, kept in zip(side, differs, strict=True) if kept) for side in parts]
    return names[0] or "first", names[1] or "second"
