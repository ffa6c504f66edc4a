"""Revisions at every budget: which split of it is used, what that came to and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttclib.errors import NotInStore, one_of
from ttclib.replay.best_of_n import expected_largest
from ttclib.replay.budgets import as_budgets, doublings
from ttclib.replay.draws import draws_of
from ttclib.replay.estimate import Estimate, grades_by_answer
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revisions import Split, select_from_chains, split_at_ratio, splits_of
from ttclib.samples import Chains, Verifier

STRATEGY = "revisions"
NAMED_RATIOS = ("sequential", "parallel")


def revision_outcomes(
    chains: Chains,
    budgets: Sequence[int],
    *,
    ratio: float | str = 1.0,
    selection: str = "hierarchical",
    verifier: Verifier | None = None,
    aggregation: str = "last",
    seed: int = 0,
) -> Outcomes:
    """Revisions at one ratio of sequential to parallel.

    Parameters
    ----------
    budgets : sequence of int
        Answers a problem, over all chains.
    ratio : float or {"sequential", "parallel"}
        Sequential over parallel; the nearest split that the budget allows is used (`split_at_ratio`).
        ``"sequential"``: one chain; ``"parallel"``: first answers only.
    selection : {"hierarchical", "majority"}
        As in `ttclib.replay.revisions.select_from_chains`.
    verifier : Verifier, optional
        Of the chains. Not read by ``majority``.
    aggregation : {"last", "min", "prod", "mean"}

    Returns
    -------
    Outcomes
        NaN for problems that hold fewer or shorter chains than a budget's split needs.

    Raises
    ------
    NotInStore
        No problem holds what a budget needs.
    RequestError
        Another ratio or selection.
    """
    sizes = sorted(set(as_budgets(np.asarray(budgets)).tolist()))
    splits = [split_of(budget, ratio) for budget in sizes]
    if not any(_holders(chains, split).any() for split in splits):
        raise _lacking(chains, splits)
    table = _SplitTable(chains, splits, selection, verifier, aggregation)
    estimate = table.estimate(seed)
    name = ratio if isinstance(ratio, str) else f"ratio {ratio:g}"
    return Outcomes(
        STRATEGY,
        f"{STRATEGY} ({name})",
        tuple(sizes),
        tuple(chains.problem_ids),
        estimate.accuracy,
        table.costs(),
        estimate.mc_error,
        estimate.ungraded,
    )


def revision_splits(
    chains: Chains,
    budgets: Sequence[int],
    *,
    selection: str = "hierarchical",
    verifier: Verifier | None = None,
    aggregation: str = "last",
    seed: int = 0,
) -> list[tuple[Split, Outcomes]]:
    """Every split of every budget that the store holds, each as a variant of its own.

    Parameters
    ----------
    chains, budgets, selection, verifier, aggregation, seed
        As in `revision_outcomes`.

    Returns
    -------
    list of ((sequential, parallel), Outcomes)
        By budget, from parallel to sequential; each is defined at one budget and NaN at the others.

    Raises
    ------
    NotInStore
        The store holds no split of a budget.
    """
    sizes = sorted(set(as_budgets(np.asarray(budgets)).tolist()))
    splits = [split for budget in sizes for split in splits_collected(chains, budget)]
    if missing := set(sizes) - {sequential * parallel for sequential, parallel in splits}:
        raise _lacking(chains, [split_at_ratio(budget, 1) for budget in sorted(missing)])
    table = _SplitTable(chains, splits, selection, verifier, aggregation)
    estimate, costs = table.estimate(seed), table.costs()

    def only(values: np.ndarray, column: int, budget: int) -> np.ndarray:
        spread = np.full((len(values), len(sizes)), np.nan)
        spread[:, sizes.index(budget)] = values[:, column]
        return spread

    outcomes = []
    for column, (sequential, parallel) in enumerate(table.splits):
        place = column, sequential * parallel
        outcomes.append(
            (
                (sequential, parallel),
                Outcomes(
                    STRATEGY,
                    f"{STRATEGY} ({sequential} sequential x {parallel} parallel)",
                    tuple(sizes),
                    tuple(chains.problem_ids),
                    only(estimate.accuracy, *place),
                    {name: only(values, *place) for name, values in costs.items()},
                    only(estimate.mc_error, *place),
                    only(estimate.ungraded, *place),
                ),
            )
        )
    return outcomes


def splits_collected(chains: Chains, budget: int) -> list[Split]:
    """The splits of a budget for which some problem holds enough chains of enough answers."""
    return [split for split in splits_of(budget) if _holders(chains, split).any()]


def budgets_collected(chains: Chains, ratio: float | str | None = 1.0) -> list[int]:
    """The powers of two whose split at a ratio some problem holds.

    Parameters
    ----------
    ratio : float or str or None
        As in `revision_outcomes`; None: any split.
    """
    largest = int(chains.lengths.sum(axis=1).max())
    budgets = doublings(largest)
    if ratio is None:
        return [budget for budget in budgets if splits_collected(chains, budget)]
    return [budget for budget in budgets if _holders(chains, split_of(budget, ratio)).any()]


class _SplitTable:
    """What splits come to and cost on every problem, arrays of shape (problems, splits)."""

    def __init__(
        self, chains: Chains, splits: Sequence[Split], selection: str, verifier: Verifier | None, aggregation: str
    ) -> None:
        self.splits = list(dict.fromkeys(splits))
        self._chains = chains
        self._selection = selection
        self._verifier = None if selection == "majority" else verifier
        unscored = np.full(chains.present.shape, np.nan)
        self._aggregation = None if self._verifier is None else aggregation
        self._scores = unscored if self._verifier is None else self._verifier.by(aggregation)

    def estimate(self, seed: int) -> Estimate:
        """Each split is selected once: what it comes to does not depend on which others are asked for."""
        how = (self._selection, self._aggregation, seed)
        known: dict[Split, tuple[np.ndarray, ...]]
        _, known = self._chains.selected.setdefault((id(self._verifier), *how), (self._verifier, {}))
        if missing := [split for split in self.splits if split not in known]:
            found = self._estimate(missing, seed)
            columns = (found.accuracy.T, found.mc_error.T, found.ungraded.T)
            known |= dict(zip(missing, zip(*columns, strict=True), strict=True))
        accuracy, error, ungraded = (
            np.stack(part, axis=1) for part in zip(*(known[one] for one in self.splits), strict=True)
        )
        return Estimate(accuracy, error, ungraded)

    def _estimate(self, splits: Sequence[Split], seed: int) -> Estimate:
        ids, correct = self._chains.answer_ids, self._chains.correct
        flat = len(ids), -1
        return select_from_chains(
            ids,
            self._scores,
            grades_by_answer(ids.reshape(flat), correct.reshape(flat)).reshape(correct.shape),
            self._chains.lengths,
            splits,
            selection=self._selection,
            seed=draws_of(self._chains, seed),
        )

    def costs(self) -> dict[str, np.ndarray]:
        """By the names of `ttclib.replay.outcomes.COSTS`.

        Notes
        -----
        Token j (from 0) of an answer behind p tokens attends to p + j. With a prefix cache an answer
        whose view only grew reads what was added since the answer before; when the oldest answer left
        the view, all but the problem's own prompt is new. Chains of a problem decode side by side, and
        `kv_tokens` reads the cache of the prompt that they share once a step for as long as the longest
        of them lasts.
        """
        chains, lengths = self._chains, self._chains.lengths
        before, own = chains.prompt_tokens, chains.completion_tokens
        prompt = np.broadcast_to(before[:, :, :1], before.shape)
        grown = np.diff(before, axis=2)
        view_grew = grown >= own[:, :, :-1] - 1  # the answer but its end token; a separator may be empty
        added = np.concatenate(
            [np.zeros_like(before[:, :, :1]), np.where(view_grew, grown, (before - prompt)[:, :, 1:])], axis=2
        )
        triangle = own * (own - 1) / 2
        nothing_read = np.where(np.isnan(own), own, 0.0)
        read = nothing_read if self._verifier is None else self._verifier.tokens_read
        sums = {
            name: np.cumsum(values, axis=2)
            for name, values in {
                "completion_tokens": own,
                "prefill_tokens": before,
                "cached_prefill_tokens": added,
                "context_tokens": before * own + triangle,
                "kv_tokens": (before - prompt) * own + triangle,
                "prm_tokens": read,
            }.items()
        }
        shape = (len(lengths), len(self.splits))
        table = {name: np.full(shape, np.nan) for name in ("generations", "serial_tokens", "serial_prm_tokens", *sums)}
        for column, (sequential, parallel) in enumerate(self.splits):
            for rows, members in _equal_sets(lengths, sequential, parallel):
                cut = {name: values[rows, :, sequential - 1][members] for name, values in sums.items()}
                cut = {name: values.reshape(len(rows), -1) for name, values in cut.items()}
                shared = prompt[rows, :, 0][members].reshape(len(rows), -1)[:, 0]
                longest = expected_largest(cut["completion_tokens"], [parallel])[:, 0]
                for name, values in cut.items():
                    table[name][rows, column] = parallel * values.mean(axis=1)
                table["cached_prefill_tokens"][rows, column] += shared
                table["kv_tokens"][rows, column] += shared * longest
                table["serial_tokens"][rows, column] = longest
                # Readings wait for the answers, not the other way round: side by side, the longest of them.
                each = read[rows][:, :, :sequential][members].reshape(len(rows), -1, sequential)
                table["serial_prm_tokens"][rows, column] = expected_largest(each.max(axis=2), [parallel])[:, 0]
                table["generations"][rows, column] = sequential * parallel
        nothing = np.where(np.isnan(table["generations"]), np.nan, 0.0)
        return table | {"pruned_tokens": nothing, "rollout_tokens": nothing}


def _equal_sets(lengths: np.ndarray, sequential: int, parallel: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Problems with equally many chains of a length, and which chains those are; too few are left out."""
    members = lengths >= sequential
    counts = members.sum(axis=1)
    groups = [np.flatnonzero(counts == count) for count in np.unique(counts) if count >= parallel]
    return [(rows, members[rows]) for rows in groups]


def _holders(chains: Chains, split: Split) -> np.ndarray:
    """Problems with enough chains of enough answers, bool array of shape (problems,)."""
    return (chains.lengths >= split[0]).sum(axis=1) >= split[1]


def split_of(budget: int, ratio: float | str) -> Split:
    """(sequential, parallel) of a budget at a ratio, or of one of the named kinds."""
    if isinstance(ratio, str):
        one_of(ratio, NAMED_RATIOS, "ratio")
        return (budget, 1) if ratio == "sequential" else (1, budget)
    return split_at_ratio(budget, ratio)


def _lacking(chains: Chains, missing: Sequence[Split]) -> NotInStore:
    """The error that names the budgets, what they need and the command that collects it."""
    counts = (chains.lengths > 0).sum(axis=1)
    texts = [f"{s * p} ({s} sequential x {p} parallel)" for s, p in missing]
    n_steps, n_chains = (max(split[axis] for split in missing) for axis in (0, 1))
    return NotInStore(
        f"'{chains.store}' holds at most {int(counts.max())} chains of {int(chains.lengths.max())} answers a problem "
        f"of '{chains.policy}', too few for budget {', '.join(texts)}: collect them with "
        f"`ttc revise CONFIG --n-chains {max(n_chains, int(counts.max()))} "
        f"--n-steps {max(n_steps, int(chains.lengths.max()))}`"
    )
