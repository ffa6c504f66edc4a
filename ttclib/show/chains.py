"""The revision chains of a store beside the samples of its policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ttclib.analysis.curves import bin_problems, powers_of_two
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty
from ttclib.analysis.revisions import replay_revisions
from ttclib.analysis.strategies import sampling_outcomes
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import held_budgets
from ttclib.samples import Chains, Pool
from ttclib.show.captions import bands_line, bins_line
from ttclib.show.choices import find_store, replayable
from ttclib.show.notebook import open_pool, policies_with_samples
from ttclib.store.chains import load_chains


@dataclass(frozen=True)
class HeldChains:
    """What `open_chains` found.

    Attributes
    ----------
    chains : Chains
    pool : Pool or None
        Samples of the policy; None: the store holds none.
    bins : dict of problem id to int
    budgets : list of int
        Powers of two of which a split is held.
    caption : list of str
    verifier, selection : str
    """

    chains: Chains
    pool: Pool | None
    bins: dict[str, int]
    budgets: list[int]
    caption: list[str]
    verifier: str
    selection: str

    def references(self) -> dict[str, float]:
        """pass@1 of the policy's independent samples on the chains' problems, by name."""
        if self.pool is None:
            return {}
        same = np.isin(self.pool.problem_ids, self.chains.problem_ids)
        ease = oracle_difficulty(self.pool.correct[same])
        known = not np.isnan(ease).all()
        return {f"{self.pool.policy}, independent": float(np.nanmean(ease))} if len(ease) and known else {}

    def beside_sampling(self) -> list[Outcomes]:
        """Revisions at their best split, and the policy's sampling strategies."""
        settings = {"verifier": self.verifier, "ratio": "best", "selection": self.selection}
        revised = replay_revisions(self.chains, self.budgets, **settings)  # type: ignore[arg-type]
        if self.pool is None:
            return revised
        able = replayable(self.pool, ["pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n"])[0]
        budgets = powers_of_two(self.pool)
        return [*(sampling_outcomes(self.pool, name, budgets) for name in able), *revised]


def open_chains(
    store: str | Path,
    reviser: str | None = None,
    policy: str | None = None,
    *,
    bins: int = 5,
    verifier: str = "prm",
    selection: str = "hierarchical",
) -> HeldChains:
    """Read the chains of a store and the samples beside them.

    Parameters
    ----------
    store : str or pathlib.Path
        As `find_store` takes it.
    reviser : str, optional
        The revision model; None: the only one.
    policy : str, optional
        None: the smallest with samples.
    bins : int
        Difficulty bins; fewer where there are fewer problems. By the policy's pass rate, or that of the
        chains' first answers where there are no samples.
    verifier, selection : str
        As `ratio_sweep` takes them.

    Returns
    -------
    HeldChains

    Raises
    ------
    NotInStore
        The store holds no chains.
    RequestError
        No such store, model or policy.
    """
    path = find_store(store)
    chains = load_chains(path, reviser)
    pool = open_pool(path, policy) if policies_with_samples(path) else None
    if pool is not None:
        n_bins = min(bins, len(pool.problem_ids))
        numbers = dict(zip(pool.problem_ids, bin_problems(pool, n_bins).tolist(), strict=True))
    else:
        n_bins = min(bins, len(chains.problem_ids))
        ease = oracle_difficulty(chains.correct[:, :, 0])
        numbers = dict(zip(chains.problem_ids, difficulty_bins(ease, n_bins).tolist(), strict=True))
    budgets = held_budgets(chains, "all")
    if not budgets:
        raise RequestError(f"'{path}' holds no complete chain of '{chains.policy}': continue with `ttc revise`")
    longest, most = int(chains.lengths.max()), chains.present.shape[1]
    read = f"verifier {chains.verifier}" if chains.verifier else "no verifier has read them"
    caption = [
        f"{Path(path).name} · revision model {chains.policy} · {len(chains.problem_ids)} problems × {most} chains × "
        f"{longest} answers",
        f"{selection} selection · {read}",
        bins_line(n_bins, "oracle"),
        bands_line(),
    ]
    return HeldChains(
        chains=chains,
        pool=pool,
        bins={name: numbers.get(name, 0) for name in chains.problem_ids},
        budgets=budgets,
        caption=caption,
        verifier=verifier,
        selection=selection,
    )
