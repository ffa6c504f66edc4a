"""Whose samples answer: one policy under one setting, with its pool, its trees and its chains, read when needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.errors import NotInStore, RequestError, listed
from ttclib.plugins import plugins
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import Strategy, not_in_store
from ttclib.samples import LOGPROB, ORM, PRM, Chains, Pool, Tree, Verifier
from ttclib.store.chains import load_chains
from ttclib.store.packed import packed_path
from ttclib.store.schema import is_collected
from ttclib.store.settings import has_nodes
from ttclib.store.tree import load_tree

DEMO, MADE_HERE = Path("store/demo.duckdb"), Path("runs/lab.duckdb")
Notify = Callable[[str], None]


def find_store(path: str | Path) -> Path:
    """A store's path as a notebook means it.

    JupyterLab runs a notebook in the notebook's folder, a report runs it where the command was
    given; a relative path is usually meant from the project's. So it is looked for in the current
    folder and then in those above.

    Returns
    -------
    pathlib.Path
        The file; the path as given where there is none, for the reader to complain about. In place of
        the demo store, where it is not there, the one that ``ttc sample lab`` makes.
    """
    wanted = Path(path)
    for name in (wanted, *([MADE_HERE] if wanted == DEMO else [])):
        for folder in (Path(), *Path.cwd().parents):
            if (folder / name).exists() or packed_path(folder / name).exists():
                return folder / name
    return wanted


@dataclass(frozen=True)
class Member:
    """One policy under one setting."""

    pool: Pool
    name: str = ""  # how it is told from other members of a study; empty: it is the only one
    notify: Notify = field(default=lambda text: None, compare=False)

    @cached_property
    def _trees(self) -> dict[tuple[str, str], Tree]:
        return {}

    @cached_property
    def _chains(self) -> dict[str | None, Chains]:
        return {}

    @cached_property
    def _outcomes(self) -> dict[tuple[Any, ...], tuple[Any, Outcomes]]:
        return {}

    @cached_property
    def _of_kind(self) -> dict[tuple[str, str, str | None], Member]:
        return {}

    @cached_property
    def halves(self) -> dict[tuple[int, int], Any]:
        """Members whose samples are parted in two at random, by seed and how many members there are."""
        return {}

    @property
    def in_a_store(self) -> bool:
        """Whether there is more to read than the pool, which may have been made in memory."""
        return is_collected(self.pool.store)

    @cached_property
    def grown(self) -> bool:
        """Whether the store holds steps of this policy's tree beside its samples."""
        return self.in_a_store and has_nodes(self.pool.store, self.pool.policy, notify=self.notify)

    def tree(self, verifier: str = PRM) -> Tree:
        """The trees of the problems that a search has drawn more of than the pool, with a verifier's step scores.

        Raises
        ------
        NotInStore
            No search was run.
        RequestError
            No such verifier, or it scores whole answers.
        TTCError
            The tree in the store is damaged.
        """
        if not self.grown:
            if verifier not in (PRM, ORM, LOGPROB):
                self.pool.verifier(verifier)  # a name that nobody knows is said first
            raise NotInStore(
                f"'{self.pool.store}' holds no tree search of policy '{self.pool.policy}': collect one with "
                f"`ttc search CONFIG --store {self.pool.store}`"
            )
        key = (self.pool.verifier(verifier, needs_steps=True).name, "searched")
        if key not in self._trees:
            whole = self.whole_tree(verifier)
            searched = whole.searched()
            self._trees[key] = searched if searched.problem_ids else whole
        return self._trees[key]

    def whole_tree(self, verifier: str = PRM) -> Tree:
        """The same of all problems: of those that were not searched the steps of their samples."""
        read = self.pool.verifier(verifier, needs_steps=True)
        key = (read.name, "whole")
        if key not in self._trees:
            self._trees[key] = load_tree(
                self.pool.store,
                policy=self.pool.policy,
                setting=self.pool.setting,
                verifier=read.name,
                notify=self.notify,
            )
        return self._trees[key]

    def chains(self, reviser: str | None = None) -> Chains:
        """Revision chains; of the only reviser where none is named.

        Raises
        ------
        NotInStore
            The store holds none.
        RequestError
            Several revisers and none named, or none of that name.
        """
        if not self.in_a_store:
            raise NotInStore(f"'{self.pool.store}' is a pool in memory: it has no revision chains")
        if reviser not in self._chains:
            self._chains[reviser] = load_chains(self.pool.store, reviser, notify=self.notify)
        return self._chains[reviser]

    def samples(self, strategy: Strategy, verifier: str, reviser: str | None, pool: Pool | None = None) -> Any:
        """What a strategy replays from, and the verifier that reads it.

        Returns
        -------
        samples : Pool, Tree or Chains
        verifier : Verifier or None
            None: the strategy reads no scores.
        """
        read: Verifier | None
        if strategy.reads == "tree":
            tree = self.tree(verifier)
            return tree, self.pool.verifier(verifier)
        if strategy.reads == "chains":
            try:
                chains = self.chains(reviser)
            except NotInStore:
                raise not_in_store(strategy, self.pool.store, self.pool.policy, "revision chains") from None
            return chains, chains.verifier(verifier) if strategy.reads_scores else None
        used = self.pool if pool is None else pool
        read = used.verifier(verifier) if strategy.reads_scores else None
        return used, read

    def once(self, samples: Any, key: tuple[Any, ...], replay: Callable[[], Outcomes]) -> Outcomes:
        """What a strategy comes to on some samples, replayed the first time it is asked for."""
        key = (id(samples), *key)
        if key not in self._outcomes:
            self._outcomes[key] = (samples, replay())  # the samples stay, and no others get their id
        return self._outcomes[key][1]

    def of_kind(self, problems: str, verifier: str, reviser: str | None) -> Member:
        """The same on the problems that were searched, or that have revision chains."""
        key = (problems, verifier, reviser)
        if key not in self._of_kind:
            if problems == "searched":  # which problems these are does not depend on who selects among whole samples
                steps = verifier if self.pool.verifier(verifier).kind == PRM else PRM
                ids = self.tree(steps).problem_ids
            else:
                ids = self.chains(reviser).problem_ids
            self._of_kind[key] = self.of_problems(ids)
        return self._of_kind[key]

    def of_problems(self, problem_ids: Iterable[str]) -> Member:
        """The same on some of the problems, what was read already kept."""
        wanted = set(problem_ids)
        rows = np.array([name in wanted for name in self.pool.problem_ids])
        if rows.all():  # what was replayed of them stands
            return self
        cut = replace(self, pool=self.pool.of_problems(rows))
        for name in ("_trees", "_chains", "_outcomes", "grown"):
            if name in self.__dict__:
                cut.__dict__[name] = self.__dict__[name]
        return cut


def reading_of(error: Exception) -> str:
    """Why a strategy is left out, in a few words, from the error that says it in full."""
    text = str(error)
    if isinstance(error, NotInStore):
        return "not collected"
    for mark, said in (
        ("unknown verifier", "no such scores"),
        ("scores", "no such scores"),
        ("final answers", "no answers"),
        ("counts", "counts alone"),
    ):
        if mark in text:
            return said
    return text


def only(values: Mapping[str, Any], what: str, flag: str) -> Any:
    """The one value of a mapping by name; several are an error that names them."""
    if len(values) == 1:
        return next(iter(values.values()))
    raise RequestError(f"several {what}: name one with {flag}. Allowed: {listed(values)}")


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
