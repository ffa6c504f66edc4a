"""Everything that could be chosen, side by side: each strategy, setting and policy at each budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.ledger import Ledger, priced
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import draws_whole, needs_truth, strategy


@dataclass(frozen=True)
class Candidates:
    """Strategies at budgets, with their accuracy and cost on every problem."""

    outcomes: tuple[Outcomes, ...]  # on the rows that count
    # which, column: int, shape (candidates,); which outcome a candidate is of, and at which of its budgets
    which: np.ndarray
    column: np.ndarray
    # accuracy, cost: float, shape (rows, candidates); without NaN
    accuracy: np.ndarray
    cost: np.ndarray
    bins: np.ndarray  # int, shape (rows,); difficulty bin from 1; 1 throughout where there are no bins
    clusters: np.ndarray  # int, shape (rows,); the problem of each row, from 0
    rows: np.ndarray  # int, shape (rows,); where the rows stood in what was given
    by_bin: bool  # whether bins were given
    ledger: Ledger
    notes: tuple[str, ...] = ()  # what was left out, and why

    def __len__(self) -> int:
        return len(self.which)

    @property
    def n_groups(self) -> int:
        """Bins, or 1."""
        return int(self.bins.max(initial=1))

    @property
    def groups(self) -> list[tuple[int | None, np.ndarray]]:
        """Bin numbers with their rows; all rows first, under None."""
        numbered: list[tuple[int | None, np.ndarray]] = [(None, np.arange(len(self.bins)))]
        if self.by_bin:
            numbered += [(g, np.flatnonzero(self.bins == g)) for g in range(1, self.n_groups + 1)]
        return numbered

    def budget(self, j: int) -> int:
        """The budget of a candidate."""
        return self.outcomes[self.which[j]].budgets[self.column[j]]

    def of(self, j: int) -> Outcomes:
        """The strategy of a candidate."""
        return self.outcomes[self.which[j]]

    def runnable(self) -> Candidates:
        """Those that do not need the right answer; where all do, a perfect verifier is what is asked about."""
        able = np.array([not needs_truth(self.of(j).strategy) for j in range(len(self))], dtype=bool)
        return self.some(able) if able.any() else self

    def some(self, chosen: np.ndarray) -> Candidates:
        """Some of the candidates, by a mask or by places."""
        return replace(
            self,
            which=self.which[chosen],
            column=self.column[chosen],
            accuracy=self.accuracy[:, chosen],
            cost=self.cost[:, chosen],
        )

    def named(self, variant: str) -> Candidates:
        """Those of one strategy."""
        return self.some(np.array([self.of(j).variant == variant for j in range(len(self))], dtype=bool))

    @property
    def n_problems(self) -> int:
        """Problems, of which some may have two rows."""
        return len(np.unique(self.clusters))


def candidates_of(
    outcomes: Sequence[Outcomes],
    difficulty: Difficulty | None = None,
    *,
    ledger: Ledger,
    bill: Bill | None = None,
) -> Candidates:
    """Put strategies side by side on the problems that all of them answer.

    A budget that some of these problems do not reach is left out and said: it would compare other problems. With bins,
    the samples that told them are charged where the ledger says so.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        On the same problems in the same order, or on others, of which those that all share are taken.
    difficulty : Difficulty, optional
        One row for each row of the first. Problems in no bin are left out.
    bill : Bill, optional
        How difficulty is paid; None: as `difficulty.bill` says, else its `n_probes` by one query.

    Raises
    ------
    RequestError
        No strategy, two that cannot be told apart, no shared problem, no budget that all problems reach, a ledger that
        charges difficulty of which nobody knows what it took, or a fact that the ledger lacks.
    """
    if not outcomes:
        raise RequestError("no strategy to compare: give at least one")
    names = [(one.source.policy, _setting_name(one), one.variant) for one in outcomes]
    if twice := {name for name in names if names.count(name) > 1}:
        raise RequestError(f"strategy '{min(twice)[2]}' is given twice: name variants apart")
    known, prices, notes = priced(outcomes, ledger)
    (_, *sides), (given, *rows) = on_shared_rows([outcomes[0], *known])
    prices = [table[places] for table, places in zip(prices, rows, strict=True)]
    if difficulty is not None and len(difficulty.ease) != len(outcomes[0].problem_ids):
        raise RequestError(
            f"difficulty must be of the same problems: {len(outcomes[0].problem_ids)} rows of '{outcomes[0].variant}', "
            f"{len(difficulty.ease)} of the difficulty"
        )
    bins = np.ones(len(given), dtype=int) if difficulty is None else difficulty.bins[given]
    own = np.arange(len(given)) if difficulty is None else difficulty.clusters_or_rows[given]
    counted = bins > 0
    for one in sides:
        counted &= ~np.isnan(one.accuracy).all(axis=1)
    if not counted.any():
        raise RequestError("no shared problem that all strategies answer and that is in a bin: grade the samples first")
    at = np.flatnonzero(counted)
    if difficulty is not None and (last := int(bins[at].max())) < difficulty.n_bins:
        raise RequestError(
            f"difficulty bin {last + 1} holds 0 problems that all strategies answer: use fewer bins, other thresholds "
            "or more problems"
        )
    sides = [of_rows(one, at) for one in sides]
    charged = _probes(sides, [table[at] for table in prices], difficulty, ledger, bill)
    which, column, accuracy, cost = [], [], [], []
    for number, (one, table) in enumerate(zip(sides, charged, strict=True)):
        defined = ~np.isnan(one.accuracy) & ~np.isnan(table)
        whole = defined.all(axis=0)
        if not whole.all():
            budgets = [budget for budget, there in zip(one.budgets, whole, strict=True) if not there]
            short = int((~defined).any(axis=1).sum())
            notes.append(
                f"'{one.variant}' at {', '.join(map(str, budgets))}: {short} of {len(at)} problems do not reach it "
                "and it is left out; leave these problems out, or sample them"
            )
        for place in np.flatnonzero(whole):
            which.append(number)
            column.append(int(place))
            accuracy.append(one.accuracy[:, place])
            cost.append(table[:, place])
    if not which:
        raise RequestError("no budget that every problem reaches: " + "; ".join(notes))
    _, clusters = np.unique(own[at], return_inverse=True)
    return Candidates(
        outcomes=tuple(sides),
        which=np.array(which),
        column=np.array(column),
        accuracy=np.column_stack(accuracy),
        cost=np.column_stack(cost),
        bins=bins[at],
        clusters=clusters.ravel(),
        rows=given[at],
        by_bin=difficulty is not None,
        ledger=ledger,
        notes=tuple(notes),
    )


def on_shared_rows(outcomes: Sequence[Outcomes]) -> tuple[list[Outcomes], list[np.ndarray]]:
    """The same strategies on the problems that all have, in the order of the first, and where these stood in each.

    Problems that are told and scored on halves have two rows each and must come in one order.
    """
    first = outcomes[0]
    if all(one.problem_ids == first.problem_ids for one in outcomes):
        return list(outcomes), [np.arange(len(first.problem_ids))] * len(outcomes)
    if any(len(set(one.problem_ids)) < len(one.problem_ids) for one in outcomes):
        raise RequestError("strategies told and scored on halves must have the same problems in the same order")
    shared = set(first.problem_ids).intersection(*(one.problem_ids for one in outcomes))
    ids = [name for name in first.problem_ids if name in shared]
    if not ids:
        variants = ", ".join(one.variant for one in outcomes)
        raise RequestError(f"no shared problems between {variants}: sample them on the same benchmark")
    places = []
    for one in outcomes:
        row = {name: at for at, name in enumerate(one.problem_ids)}
        places.append(np.array([row[name] for name in ids]))
    return [of_rows(one, at) for one, at in zip(outcomes, places, strict=True)], places


def of_rows(one: Outcomes, rows: ArrayLike) -> Outcomes:
    """A strategy on some problems, by their rows."""
    at = np.asarray(rows)
    return replace(
        one,
        problem_ids=tuple(one.problem_ids[row] for row in at),
        accuracy=one.accuracy[at],
        costs={name: table[at] for name, table in one.costs.items()},
        mc_error=None if one.mc_error is None else one.mc_error[at],
        ungraded=None if one.ungraded is None else one.ungraded[at],
    )


def generations(one: Outcomes) -> np.ndarray:
    """Generations that each budget is charged, as the papers do: lookahead's N·(k + 1), else N itself.

    Shape (problems, budgets).
    """
    charged = one.costs.get("generations")
    return np.broadcast_to(np.asarray(one.budgets, dtype=float), one.accuracy.shape) if charged is None else charged


def _setting_name(one: Outcomes) -> str:
    return "" if one.source.setting is None else one.source.setting.name


def _probes(
    sides: Sequence[Outcomes],
    prices: Sequence[np.ndarray],
    difficulty: Difficulty | None,
    ledger: Ledger,
    bill: Bill | None,
) -> list[np.ndarray]:
    """Prices with the samples that told difficulty, where these are charged and anything depends on them."""
    if difficulty is None or not ledger.difficulty or difficulty.n_bins < 2:
        return list(prices)
    due = bill_of(difficulty, bill)
    if ledger.unit == "serial_tokens":  # probes are drawn side by side, before anything else
        raise RequestError("difficulty is not charged in serial_tokens: switch difficulty off")
    probe, once = told_price(sides, prices, difficulty, due, ledger)
    charged = []
    for one, table in zip(sides, prices, strict=True):
        drawn = generations(one) if draws_whole(one.strategy) else np.zeros(one.accuracy.shape)
        charged.append(table + once[:, None] + probe[:, None] * due.samples(drawn))
    return charged


def told_price(
    sides: Sequence[Outcomes], prices: Sequence[np.ndarray], difficulty: Difficulty, due: Bill, ledger: Ledger
) -> tuple[np.ndarray, np.ndarray]:
    """What one difficulty sample costs on each problem, and what its query pays for passes over the prompt.

    Shape (rows,) each; 0 where the bill has none.
    """
    nothing = np.zeros(len(sides[0].problem_ids))
    probe = probe_price(sides, prices, difficulty) if due.n_probes else nothing
    if not due.prompt_passes:
        return probe, nothing
    whole = [one for one in sides if draws_whole(one.strategy)] or list(sides)
    return probe, ledger.reading_price(whole[0]) * due.prompt_passes / due.queries


def bill_of(difficulty: Difficulty, bill: Bill | None = None) -> Bill:
    """The bill given, the difficulty's own, or its samples paid by one query.

    Raises
    ------
    RequestError
        How many samples told the difficulty is not known.
    """
    if bill is not None:
        return bill
    if difficulty.bill is not None:
        return difficulty.bill
    if np.isnan(difficulty.n_probes):
        raise RequestError("this ledger charges difficulty: say how many samples told it, or switch difficulty off")
    return Bill(difficulty.n_probes)


def probe_price(sides: Sequence[Outcomes], prices: Sequence[np.ndarray], difficulty: Difficulty) -> np.ndarray:
    """What one difficulty sample costs on each problem, shape (rows,).

    Predicted difficulty reads the verifier, so there a strategy that needs its scores tells it; for oracle difficulty
    one that does not. Of several policies the one whose sample costs least, for it need not be the policy chosen.
    Where nothing but revision chains is compared, their first answer is such a sample.
    """
    able = [draws_whole(one.strategy) for one in sides]
    if not any(able):
        able = [strategy(one.strategy).reads == "chains" for one in sides]
    found = [
        (one.source.verifier is not None, table[:, one.budgets.index(1)])
        for one, table, draws in zip(sides, prices, able, strict=True)
        if draws and 1 in one.budgets
    ]
    if not found:
        raise RequestError("what a difficulty sample costs is not known: compare a sampling strategy at budget 1 too")
    wanted = [table for scored, table in found if scored == (difficulty.source == "predicted")]
    return min(wanted or [table for _, table in found], key=lambda table: float(np.nanmean(table)))
