"""One rule for what is compared: the strategies asked for, on the problems that all of them hold.

Asked for none, they are all that the store holds on at least half of its problems and on 50. What is left out is said,
always, in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.columns import strategy_label
from ttclib.analysis.ledger import LEDGERS
from ttclib.analysis.optimise import optimise
from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.outcomes import Outcomes, cut, restrict
from ttclib.replay.strategies.revisions import ratios_collected
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategies.whole_samples import cap_length
from ttclib.replay.strategy import Strategy, needs_truth, not_in_store, strategy, variants
from ttclib.samples import NAMED_VERIFIERS
from ttclib.study.opening import Member, reading_of
from ttclib.study.question import BEST, EVERY, Question

ENOUGH = 50  # problems on which a strategy must be held, where none is asked for
# Values that are compared where neither strategies nor their parameters are asked for.
GRID = {"beam_width": (4, "sqrt"), "lookahead_steps": (1, 3), "ratio": (EVERY,)}


@dataclass(frozen=True)
class Compared:
    """Strategies on problems."""

    outcomes: tuple[Outcomes, ...]  # on `problem_ids` in this order; with `problems="own"` each on its own
    problem_ids: tuple[str, ...]  # that all hold
    n_problems: int  # that the store has
    left_out: tuple[str, ...] = ()  # what is not there, each with its reason in brackets
    asked: bool = False  # whether the strategies were named

    def line(self) -> str:
        """What is compared and what was left out, in one line; empty: all on all problems."""
        parts = []
        if len(self.problem_ids) < self.n_problems:
            what = "these strategies" if self.asked else "what is compared"
            parts.append(f"{len(self.problem_ids)} of {self.n_problems} problems, those that all of {what} hold")
        if self.left_out:
            parts.append(f"left out: {', '.join(self.left_out)}")
        return "; ".join(parts)

    @property
    def runnable(self) -> tuple[Outcomes, ...]:
        """As `runnable`."""
        return runnable(self.outcomes)

    def named(self, name: str) -> Outcomes:
        """One of them by its variant or its strategy.

        Raises
        ------
        RequestError
            It is not there.
        """
        for one in self.outcomes:
            if name in (one.variant, one.strategy):
                return one
        have = ", ".join(one.variant for one in self.outcomes)
        raise RequestError(f"'{name}' is not among what is compared. Allowed: {have}")


def runnable(outcomes: Sequence[Outcomes]) -> tuple[Outcomes, ...]:
    """Without bounds such as pass@k, which need the right answer; where there is nothing else, these."""
    return tuple(one for one in outcomes if not needs_truth(one.strategy)) or tuple(outcomes)


def compare(members: Sequence[Member], asked: Question) -> Compared:
    """Replay what is asked for, and put it on common problems.

    Raises
    ------
    RequestError
        Nothing is held, a named strategy cannot be replayed, or there is no problem in common.
    NotInStore
        A named strategy was not collected.
    TTCError
        The store is damaged.
    """
    _check_verifier(members, asked)
    found: list[Outcomes] = []
    tried: list[tuple[Member, Strategy, Outcomes]] = []
    left = _Left()
    if asked.problems in ("searched", "revised"):
        members = [member.of_kind(asked.problems, asked.verifier, asked.reviser) for member in members]
    for member in members:
        enough = 0 if asked.strategies is not None else enough_problems(len(member.pool.problem_ids))
        own: list[Outcomes] = []
        for one in _tried(member, asked, left):
            try:
                outcome = _replayed(member, one, asked, enough, left)
            except (RequestError, NotInStore) as error:
                if asked.refuses:
                    raise
                left.add(member, one.name, one.variant, reading_of(error))
                continue
            if outcome is not None:
                tried.append((member, one, outcome))
                own.append(replace(outcome, variant=_name(outcome.variant, member)))
        if asked.parameters.get("ratio") == (BEST,):
            own = _at_best_ratio(own, member, asked.seed)
        found += own
    first = members[0].pool
    if not found:
        names = ", ".join(asked.named)
        reasons = "; ".join(left.lines())
        raise RequestError(
            f"'{first.store}' holds none of {names} for policy '{first.policy}'{f': {reasons}' if reasons else ''}"
        )
    held = [_answered(one, asked, left) for one in found]
    if asked.refuses:
        _refuse_lost(tried, held, asked, left)
    named = asked.strategies is not None
    ids = shared_problems(held) if asked.problems != "own" else tuple(dict.fromkeys(_every_problem(held)))
    if not ids:
        names = ", ".join(one.variant for one in held)
        raise RequestError(f"'{first.store}' holds no problem on which all of {names} were collected")
    outcomes = tuple(one if asked.problems == "own" else restrict(one, ids) for one in held)
    return Compared(outcomes, ids, len(first.problem_ids), tuple(left.lines()), named)


def _check_verifier(members: Sequence[Member], asked: Question) -> None:
    """Refuse a verifier's name that nobody has, also where its strategies would only be left out."""
    known = {name: None for member in members for name in (*NAMED_VERIFIERS, *member.pool.verifiers)}
    if asked.verifier not in known:
        for member in members:
            try:
                known |= dict.fromkeys(member.chains(asked.reviser).verifiers)
            except (RequestError, NotInStore):
                continue
        one_of(asked.verifier, known, "verifier")


def enough_problems(n_problems: int) -> int:
    """Problems on which a strategy is compared unasked: half of them, and 50 where there are so many."""
    return max((n_problems + 1) // 2, min(ENOUGH, n_problems))


def shared_problems(outcomes: Sequence[Outcomes]) -> tuple[str, ...]:
    """Problems that all have, in the order of the first; maybe none."""
    first, *others = (outcome.problem_ids for outcome in outcomes)
    shared = set(first).intersection(*others)
    return tuple(name for name in first if name in shared)


def _every_problem(outcomes: Sequence[Outcomes]) -> Iterator[str]:
    for one in outcomes:
        yield from one.problem_ids


def _name(variant: str, member: Member) -> str:
    return f"{member.name}: {variant}" if member.name else variant


class _Left:
    """What is left out: variants of one strategy that lack the same thing are said together."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[str]] = {}
        self._budgets: dict[str, set[int]] = {}  # of a member, those that its smaller pools cannot answer
        self.errors: list[str] = []  # what says how to collect what is lacking

    def add(self, member: Member, name: str, variant: str, reason: str) -> None:
        self._found.setdefault((member.name, name, reason), []).append(variant)

    def add_named(self, name: str, variant: str, reason: str) -> None:
        self._found.setdefault(("", name, reason), []).append(variant)

    def add_budgets(self, member: str, sizes: Iterable[int]) -> None:
        self._budgets.setdefault(member, set()).update(sizes)

    def lines(self) -> list[str]:
        """One a reason: strategies that lack the same thing are said together."""
        alike: dict[tuple[str, str], list[str]] = {}
        for (member, name, reason), members in self._found.items():
            several = f"{len(members)} variants of {strategy(name).label}"
            what = strategy_label(members[0]) if len(members) == 1 else several
            alike.setdefault((member, reason), []).append(what)
        said = [
            f"{f'{member}: ' if member else ''}{', '.join(what)} ({reason})" for (member, reason), what in alike.items()
        ]
        said += [
            f"{f'{member}: ' if member else ''}N = {_spans(sorted(sizes))} (more samples than some problems have)"
            for member, sizes in self._budgets.items()
            if sizes
        ]
        return [*said, *dict.fromkeys(self.errors)]


def _spans(numbers: Sequence[int]) -> str:
    """``1, 2, 5–8``: three and more in a row by their ends."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _tried(member: Member, asked: Question, left: _Left) -> list[Strategy]:
    """The variants to replay of one member."""
    parameters: dict[str, tuple[Any, ...]] = dict(asked.parameters)
    if asked.strategies is None:
        parameters = {**GRID, **parameters}
    found: list[Strategy] = []
    for name in asked.named:
        own = {key: value for key, value in parameters.items() if key in _taken(name, parameters)}
        if own.get("ratio") in ((EVERY,), (BEST,)):
            try:
                own["ratio"] = tuple(ratios_collected(member.chains(asked.reviser)))
            except (RequestError, NotInStore) as error:
                if asked.refuses:
                    raise
                left.add(member, name, name, reading_of(error))
                continue
        found += variants(name, own)
    return found


def _at_best_ratio(outcomes: Sequence[Outcomes], member: Member, seed: int) -> list[Outcomes]:
    """Instead of revisions at every ratio one curve at the best, chosen on other problems than it is scored on."""
    chains = [one for one in outcomes if strategy(one.strategy).reads == "chains"]
    others = [one for one in outcomes if one not in chains]
    if not chains:
        return others
    budgets = sorted({size for one in chains for size in one.budgets})
    able = candidates_of(chains, ledger=LEDGERS["snell"])
    choice = optimise(able, [float(size) for size in budgets], n_resamples=2, seed=seed)
    best = Outcomes(
        chains[0].strategy,
        _name(f"{chains[0].strategy} (best ratio)", member),
        tuple(budgets),
        tuple(chains[0].problem_ids[row] for row in able.rows),
        choice.accuracy,
        {"generations": choice.cost},
        source=replace(chains[0].source, parameters={**chains[0].source.parameters, "ratio": BEST}),
    )
    return [*others, best]


def _taken(name: str, asked: Mapping[str, tuple[Any, ...]]) -> set[str]:
    """Parameters of a strategy; a selection that only others know is left to them."""
    known = {one.name: one for one in strategy(name).asked()}
    return {
        key
        for key, one in known.items()
        if key != "selection" or all(value in one.allowed for value in asked.get(key, ()))
    }


def _replayed(member: Member, one: Strategy, asked: Question, enough: int, left: _Left) -> Outcomes | None:
    """What one variant comes to; None: it is held on too few problems, which is noted."""
    if isinstance(one, TreeSearch):
        return _searched(member, one, asked, enough, left)
    pool = member.pool if asked.length_cap is None else cap_length(member.pool, asked.length_cap)
    samples, verifier = member.samples(one, asked.verifier, asked.reviser, pool)
    if len(samples.problem_ids) < enough:
        left.add(member, one.name, one.variant, _few(len(samples.problem_ids), member))
        return None
    budgets = one.collected(samples) if asked.budgets is None else list(asked.budgets)
    if asked.strategies is None or (one.reads == "pool" and not asked.refuses):
        largest = one.largest(samples)
        able = [size for size in budgets if one.allows(size) and size <= largest]
        if asked.strategies is not None:
            left.add_budgets(member.name, set(budgets) - set(able))
        budgets = able
    if not budgets:
        raise NotInStore(f"'{member.pool.store}' holds no budget of {one.variant}: collect it")
    read = None if verifier is None else verifier.name
    outcome = member.once(
        member.pool if samples is pool else samples,
        (one, tuple(budgets), read, asked.aggregation, asked.seed, asked.length_cap),
        lambda: one.replay(samples, budgets, verifier=verifier, aggregation=asked.aggregation, seed=asked.seed),
    )
    on_all = int((~np.isnan(outcome.accuracy)).sum(axis=0).max())
    if not on_all and one.reads == "pool":
        of = f"'{pool.store}' holds no problem of policy '{pool.policy}' that is both graded"
        if verifier is None:
            raise RequestError(f"{of} and answered: grade it with `ttc grade`")
        raise RequestError(f"{of} and scored by {verifier.name}: grade it with `ttc grade`, score it with `ttc score`")
    if on_all < enough:
        left.add(member, one.name, one.variant, _few(on_all, member))
        return None
    return outcome


def _searched(member: Member, one: TreeSearch, asked: Question, enough: int, left: _Left) -> Outcomes | None:
    """The same of a tree search: on all problems where each holds it, else on those that were searched.

    Of the others a few hold small searches by chance, mostly easy ones.
    """
    if asked.budgets is not None and asked.refuses:
        one.sizes(asked.budgets)
    if not member.grown and not asked.refuses:
        member.tree(asked.verifier)  # says that there is none
    whole = member.whole_tree(asked.verifier)
    tree = member.tree(asked.verifier) if member.grown else whole
    if len(tree.problem_ids) < enough:
        left.add(member, one.name, one.variant, _few(len(tree.problem_ids), member))
        return None
    budgets = one.collected(tree) if asked.budgets is None else list(asked.budgets)
    if asked.strategies is None and asked.budgets is not None:
        largest = one.largest(tree)
        budgets = [size for size in budgets if one.allows(size) and size <= largest]
    if not budgets:
        raise not_in_store(one, member.pool.store, member.pool.policy, "tree search")
    outcome = one.replay(tree, budgets, aggregation=asked.aggregation, seed=asked.seed)
    unread = set(tree.problem_ids)
    others = whole.of_problems([place for place, name in enumerate(whole.problem_ids) if name not in unread])
    full = ~np.isnan(outcome.accuracy).any(axis=0)
    if others.problem_ids and full.any():
        sizes = [size for size, held in zip(outcome.budgets, full, strict=True) if held]
        if not np.isnan(one.replicated(others, sizes, aggregation=asked.aggregation)[0]).any():
            outcome = one.replay(whole, budgets, aggregation=asked.aggregation, seed=asked.seed)
    for size in sorted({*(asked.budgets or ())} - {*outcome.budgets}):
        left.add_named(one.name, f"{one.variant} at N = {size}", "it has no such budget")
    on_all = int((~np.isnan(outcome.accuracy)).sum(axis=0).max())
    searched = len(outcome.problem_ids)
    if member.grown and enough <= on_all < searched:
        where = f"{one.variant} on {searched - on_all} of {searched} searched problems"
        left.add_named(one.name, where, "not collected; the others may be the easier ones")
    if not member.grown and on_all < len(whole.problem_ids):
        raise one.missing(whole, one.replicated(whole, budgets)[3], budgets, asked.aggregation)
    if on_all < enough:
        left.add(member, one.name, one.variant, _few(on_all, member))
        return None
    return outcome


def _refuse_lost(
    tried: Sequence[tuple[Member, Strategy, Outcomes]], held: Sequence[Outcomes], asked: Question, left: _Left
) -> None:
    """Refuse where none of the budgets that were named is held; one of several is left out, and said.

    Raises
    ------
    NotInStore
        With the command that collects it.
    """
    rows = {size for one in held for size in one.budgets}
    for member, one, outcome in tried:
        lost = [size for size in asked.budgets or () if size not in rows and one.allows(size)]
        if not lost:
            continue
        try:
            _look_for(lost, member, one, outcome, asked)
        except NotInStore as error:
            if not rows.intersection(asked.budgets or ()):
                raise
            left.errors.append(str(error))


def _look_for(lost: Sequence[int], member: Member, one: Strategy, outcome: Outcomes, asked: Question) -> None:
    if isinstance(one, TreeSearch):
        tree = member.whole_tree(asked.verifier)
        known = set(outcome.problem_ids)
        tree = tree.of_problems([place for place, name in enumerate(tree.problem_ids) if name in known])
        lacking = one.replicated(tree, lost, aggregation=asked.aggregation)[3]
        raise one.missing(tree, lacking, lost, asked.aggregation)
    samples, verifier = member.samples(one, asked.verifier, asked.reviser)
    one.replay(samples, lost, verifier=verifier, aggregation=asked.aggregation)


def _few(count: int, member: Member) -> str:
    return f"held on {count} of {len(member.pool.problem_ids)} problems"


def _answered(one: Outcomes, asked: Question, left: _Left) -> Outcomes:
    """The budgets that are held, on the problems that answer all of them.

    A tree holds other budgets on some problems by chance, mostly on easy ones: what a smaller search asks for, a
    larger one has drawn. A mean over those would be of other problems than the next budget's. So those budgets stay
    that most problems answer; of a pool's all that are named.
    """
    answered = ~np.isnan(one.accuracy)
    counts = answered.sum(axis=0)
    every = (asked.budgets is not None or asked.problems == "own") and strategy(one.strategy).reads != "tree"
    columns = np.flatnonzero(counts >= (1 if every else counts.max()))
    if asked.budgets is None and not every and strategy(one.strategy).reads == "pool":
        lacking = [size for size, count in zip(one.budgets, counts, strict=True) if 0 < count < counts.max()]
        left.add_budgets(one.variant.rpartition(": ")[0], lacking)
    if asked.budgets is not None:
        for column in sorted({*range(len(counts))} - {*columns.tolist()}):
            reason = f"held on {counts[column]} of {counts.max()} problems" if counts[column] else "not collected"
            left.add_named(one.strategy, f"{one.variant} at N = {one.budgets[column]}", reason)
    rows = slice(None) if asked.problems == "own" else answered[:, columns].all(axis=1)
    kept = np.arange(len(answered))[rows]
    if not len(kept):  # no problem answers every budget that was named
        return _answered(one, asked.but(budgets=None), left)
    return cut(one, rows=kept, columns=columns)
