"""The chosen strategies as a table that can be read, kept and applied to new problems."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.difficulty import threshold_bins
from ttclib.analysis.groups import align
from ttclib.errors import RequestError
from ttclib.replay.outcomes import COSTS, Outcomes

POLICY_FORMAT = 1


@dataclass(frozen=True)
class ChosenPolicy:
    """Which strategy to use for a problem of each bin at each budget.

    Attributes
    ----------
    difficulty : str
        What places a problem: ``"oracle"`` (share of right answers) or ``"predicted"`` (mean score).
    thresholds : tuple of float or None
        Ease that parts bin 1 from 2, 2 from 3 …; None: not known, problems must come with their bin.
    budgets : tuple of int
        In generations charged.
    choices : tuple of tuple of (str or None)
        Variant by bin, then by budget; None: nothing could be compared there.
    n_problems : int
        The choice was made on.
    """

    difficulty: str
    thresholds: tuple[float, ...] | None
    budgets: tuple[int, ...]
    choices: tuple[tuple[str | None, ...], ...]
    n_problems: int

    def choose(self, number: int, budget: int) -> str:
        """The strategy for a bin at a budget: of the table's budgets the largest that is not above it.

        Raises
        ------
        RequestError
            No such bin, no budget that small, or nothing was compared there.
        """
        if not 1 <= number <= len(self.choices):
            raise RequestError(f"bin {number}: the policy has bins 1 to {len(self.choices)}")
        below = [column for column, held in enumerate(self.budgets) if held <= budget]
        if not below:
            raise RequestError(f"budget {budget}: the policy's smallest is {self.budgets[0]}")
        chosen = self.choices[number - 1][below[-1]]
        if chosen is None:
            raise RequestError(f"bin {number}, N={self.budgets[below[-1]]}: no strategies were compared there")
        return chosen

    def bins(self, ease: ArrayLike) -> np.ndarray:
        """Bins of new problems from their (cheap) difficulty; 0 where it is NaN.

        Raises
        ------
        RequestError
            The policy has no thresholds.
        """
        if self.thresholds is None:
            raise RequestError("this policy has no thresholds to place a problem by: choose it with `ease`")
        return threshold_bins(ease, self.thresholds)

    def apply(self, outcomes: Sequence[Outcomes], ease: ArrayLike) -> Outcomes:
        """What the policy comes to on problems of known ease, such as another benchmark's.

        Parameters
        ----------
        outcomes : sequence of Outcomes
            Every strategy that the policy may choose there.
        ease : array_like of float, shape (problems of the first,)
            As `difficulty` says, for example of k samples each (`cheap_difficulty`).

        Returns
        -------
        Outcomes
            Strategy ``compute_optimal``; NaN where a problem's ease is unknown or the budget is not in the table.

        Raises
        ------
        RequestError
            A chosen strategy is not among `outcomes`.
        """
        aligned = align(outcomes, self.bins(ease))
        place = {outcome.variant: index for index, outcome in enumerate(aligned.outcomes)}
        shape = aligned.accuracy.shape[1:]
        picked = np.full(shape, -1)
        for column, budget in enumerate(aligned.budgets):
            if budget not in self.budgets:
                continue
            for number, row in enumerate(self.choices, start=1):
                chosen = row[self.budgets.index(budget)]
                if chosen is None or not (aligned.bins == number).any():
                    continue
                if chosen not in place:
                    raise RequestError(
                        f"strategy '{chosen}' (bin {number}, N={budget}) is not there: replay it too. "
                        f"Given: {', '.join(place)}"
                    )
                picked[aligned.bins == number, column] = place[chosen]

        def of_the_picked(table: np.ndarray) -> np.ndarray:
            return np.where(picked < 0, np.nan, np.take_along_axis(table, np.maximum(picked, 0)[None], axis=0)[0])

        named = {name for outcome in aligned.outcomes for name in outcome.costs}
        return Outcomes(
            strategy="compute_optimal",
            variant="compute_optimal (applied)",
            budgets=aligned.budgets,
            problem_ids=aligned.problem_ids,
            accuracy=of_the_picked(aligned.accuracy),
            costs={name: of_the_picked(aligned.cost(name)) for name in COSTS if name in named},
        )

    def lines(self) -> list[str]:
        """The table in words, equal neighbours merged: ``bin 4, N=16-64: beam_search (M=4)``."""
        told = []
        for number, row in enumerate(self.choices, start=1):
            begin = 0
            for end in range(1, len(row) + 1):
                if end == len(row) or row[end] != row[begin]:
                    span = f"{self.budgets[begin]}" + (f"-{self.budgets[end - 1]}" if end - begin > 1 else "")
                    told.append(f"bin {number}, N={span}: {row[begin] or 'not compared'}")
                    begin = end
        return told

    def frame(self) -> pl.DataFrame:
        """The table as a frame: `bin`, `ease_from` (lowest ease of the bin), `budget`, `chosen`."""
        rows = []
        for number, row in enumerate(self.choices, start=1):
            known = self.thresholds is not None and number <= len(self.thresholds)
            ease_from = self.thresholds[number - 1] if known and self.thresholds is not None else None
            for budget, chosen in zip(self.budgets, row, strict=True):
                rows.append({"bin": number, "ease_from": ease_from, "budget": budget, "chosen": chosen})
        schema = {"bin": pl.Int64, "ease_from": pl.Float64, "budget": pl.Int64, "chosen": pl.String}
        return pl.DataFrame(rows, schema=schema)

    def to_json(self) -> str:
        """The policy as JSON; `from_json` reads it back."""
        return json.dumps({"format": POLICY_FORMAT, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ChosenPolicy:
        """A policy from its JSON.

        Raises
        ------
        RequestError
            The text is no policy, or not of this format.
        """
        try:
            read = json.loads(text)
            if read.pop("format") != POLICY_FORMAT:
                raise RequestError(f"the policy is of another format, expected {POLICY_FORMAT}: export it again")
            policy = cls(
                difficulty=str(read["difficulty"]),
                thresholds=None if read["thresholds"] is None else tuple(map(float, read["thresholds"])),
                budgets=tuple(map(int, read["budgets"])),
                choices=tuple(tuple(row) for row in read["choices"]),
                n_problems=int(read["n_problems"]),
            )
        except RequestError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RequestError(f"no chosen policy: {error}; export one with `ttc frontier --export-policy`") from error
        if any(len(row) != len(policy.budgets) for row in policy.choices):
            raise RequestError("no chosen policy: a bin has more or fewer choices than there are budgets")
        return policy
