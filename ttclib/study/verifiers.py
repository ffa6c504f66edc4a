"""Verifiers of other packages: a function that reads a pool's samples, found by its entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from ttclib.errors import RequestError
from ttclib.plugins import plugins
from ttclib.samples import Pool, Verifier

ENTRY_POINTS = "ttclib.verifiers"
Make = Callable[[Pool], Verifier | None]


@cache
def verifier_sources() -> dict[str, Make]:
    """The functions by the names of their entry points."""
    return dict(plugins(ENTRY_POINTS))


def with_verifiers(pool: Pool) -> Pool:
    """A pool with what other packages say of its samples beside what the store holds.

    Each entry point of the group ``ttclib.verifiers`` names a function that takes a `Pool` and gives a `Verifier`, or
    None where it has nothing to say. Of two with one name the store's own stays.

    Raises
    ------
    RequestError
        Scores that are not one a sample.
    """
    if pool.counts is not None or not verifier_sources():
        return pool
    found: dict[str, Verifier] = {}
    for source, make in verifier_sources().items():
        one = make(pool)
        if one is None:
            continue
        shapes = {np.shape(table) for table in (*one.scores.values(), one.prm_tokens)}
        if shapes != {pool.present.shape}:
            raise RequestError(
                f"entry point '{source}' of the group {ENTRY_POINTS}: scores of shape {min(shapes)}, and the pool of "
                f"'{pool.policy}' has {pool.present.shape}"
            )
        found[one.name] = one
    return replace(pool, verifiers={**found, **pool.verifiers})
