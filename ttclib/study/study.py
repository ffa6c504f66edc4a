"""A store opened for questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from ttclib.analysis.curves import accuracy_curve
from ttclib.analysis.ledger import Ledger
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes, cut
from ttclib.replay.strategy import strategy
from ttclib.samples import PRM, ModelFacts, Pool
from ttclib.store import load_pool
from ttclib.store.choosing import Wanted
from ttclib.store.contents import contents
from ttclib.store.settings import differing_keys, matching_settings
from ttclib.study.asking import predictors_of
from ttclib.study.captions import bands_line, bins_line, lengths_line, prices_line, selection_line, side_labels, source
from ttclib.study.compared import Compared, compare
from ttclib.study.findings import of_curves
from ttclib.study.opening import Member, Notify, find_store, with_verifiers
from ttclib.study.question import INTERVALS, Question, question
from ttclib.study.telling import Told, tell

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Curves:
    """Accuracy against budget, and what must be said of it."""

    frame: pl.DataFrame  # columns as in `ttclib.analysis.curves.CURVE_SCHEMA`
    outcomes: tuple[Outcomes, ...]
    n_bins: int
    caption: tuple[str, ...]  # a line each
    notes: tuple[str, ...]  # what was left out, and why
    findings: tuple[str, ...] = ()  # what was found, in sentences computed from the numbers


@dataclass(frozen=True)
class Study:
    """One or several policies of a store, opened for questions.

    Attributes
    ----------
    members : tuple of Member
        Policies and settings, the one that difficulty is told by first.
    store : pathlib.Path
    """

    members: tuple[Member, ...]
    store: Path
    _answers: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def pool(self) -> Pool:
        """The samples of the first member."""
        return self.members[0].pool

    @property
    def policy(self) -> str:
        """The first member's."""
        return self.pool.policy

    def verifiers(self) -> dict[str, str]:
        """Verifiers that scored the samples, label by name."""
        return {name: one.label for name, one in self.pool.verifiers.items() if not np.isnan(one.by()).all()}

    def verifier_choices(self, verifier: str = PRM) -> dict[str, str]:
        """What to choose a verifier by, value by label; the one that is meant by a name keeps that name."""
        meant = self.pool.verifier(verifier).name if self.pool.has_scores(verifier) else None
        found = {label: verifier if name == meant else name for name, label in self.verifiers().items()}
        return found or {verifier: verifier}

    def difficulties(self) -> list[str]:
        """By what difficulty can be told."""
        able = [name for name, why in predictors_of(self.pool).items() if not why]
        return ["oracle", *(["predicted"] if self.pool.has_scores() else []), *able]

    def able(self, asked: Question) -> list[str]:
        """Of the strategies those that the store can answer, by name."""
        return list(dict.fromkeys(one.strategy for one in self.compared(asked.but(strategies=None)).outcomes))

    def compared(self, asked: Question) -> Compared:
        """The strategies on the problems that all of them hold."""
        plain = asked.but(bins=None, thresholds=None, difficulty="oracle", told="auto")
        return self._once(("compared", plain.key()), lambda: compare(self.members, plain))

    def told(self, asked: Question, *, folds: int = 1) -> Told:
        """The same with the difficulty of the problems."""
        return self._once(
            ("told", folds, asked.key()), lambda: tell(self.members, self.compared(asked), asked, folds=folds)
        )

    def replay(
        self,
        asked: Question | None = None,
        *,
        level: float = 0.95,
        interval: str = "pointwise",
        at: Sequence[int] | None = None,
        **values: Any,
    ) -> Curves:
        """Expected accuracy of strategies at budgets, with intervals and cost.

        Parameters
        ----------
        asked : Question, optional
            Or its parts by keyword, as `ttclib.study.question.question` takes them.
        level : float
            Coverage of the intervals.
        interval : {"pointwise", "simultaneous"}
            Whether each interval covers with that chance, or all of a curve at once.
        at : sequence of int, optional
            Of the budgets asked for those to show; None: all.

        Raises
        ------
        RequestError, NotInStore, TTCError
            As `ttclib.study.compared.compare`.
        """
        wanted = asked or question(**values)
        one_of(interval, INTERVALS, "interval")
        shown = None if at is None else tuple(at)
        key = ("replay", wanted.key(), level, interval, shown)
        return self._once(key, lambda: self._replay(wanted, level, interval, shown))

    def _replay(self, asked: Question, level: float, interval: str, at: tuple[int, ...] | None) -> Curves:
        compared = self.compared(asked)
        binned = asked.bins is not None or asked.thresholds is not None
        told = self.told(asked) if binned else None
        n_bins = 0 if told is None else told.difficulty.n_bins
        ends: dict[str, Any] = {"level": level, "family": interval, "seed": asked.seed}
        frames = []
        for place, whole in enumerate(compared.outcomes):
            one = at_budgets(whole, at)
            if not one.budgets:
                continue
            frame = accuracy_curve(one, **ends, n_samples=self._samples_behind(one))
            if told is not None:
                by_bin = at_budgets(told.outcomes[place], at)
                numbers = bins_of_rows(by_bin, told, compared)
                parts = accuracy_curve(by_bin, numbers, n_bins=n_bins, n_samples=self._samples_behind(by_bin), **ends)
                frame = pl.concat([frame, parts.drop_nulls("bin")])
            frames.append(frame)
        order = {budget: place for place, budget in enumerate(asked.budgets or ())}
        if not frames:
            raise RequestError(f"budget {', '.join(map(str, at or ()))} is not held by what is compared")
        frame = pl.concat(frames)
        if order:
            frame = frame.sort(
                pl.col("variant").replace_strict({one.variant: i for i, one in enumerate(compared.outcomes)}),
                pl.col("bin").fill_null(0),
                pl.col("budget").replace_strict(order, default=len(order)),
                maintain_order=True,
            )
        return Curves(
            frame,
            compared.outcomes,
            n_bins,
            self.caption(asked, compared, told, level=level, interval=interval),
            self.notes(compared, told),
            of_curves(frame),
        )

    def _samples_behind(self, one: Outcomes) -> np.ndarray:
        """Samples that each row of an outcome stands on: of its own pool, or answers of its chains."""
        kind = strategy(one.strategy).reads
        for member in self.members:
            if kind == "chains":
                chains = member.chains(one.source.policy)
                sizes = dict(zip(chains.problem_ids, chains.lengths.sum(axis=1).tolist(), strict=True))
            elif member.pool.policy != one.source.policy:
                continue
            elif kind == "tree":
                tree = member.tree(one.source.verifier or "prm")
                sizes = dict(zip(tree.problem_ids, tree.sizes, strict=True))
            else:
                sizes = dict(zip(member.pool.problem_ids, member.pool.pool_sizes.tolist(), strict=True))
            return np.array([sizes.get(name, 0) for name in one.problem_ids])
        return np.zeros(len(one.problem_ids), dtype=int)

    def caption(
        self,
        asked: Question,
        compared: Compared,
        told: Told | None = None,
        *,
        level: float = 0.95,
        interval: str = "pointwise",
    ) -> tuple[str, ...]:
        """What a reader must know: whose samples, who selects, the bins, the bands."""
        lines = [source(member.pool, len(compared.problem_ids)) for member in self.members]
        reads: dict[str, set[str]] = {}
        for one in compared.outcomes:
            if one.source.verifier:
                reads.setdefault(one.source.verifier, set()).add(strategy(one.strategy).reads)
        for name in sorted(reads):
            known = self.pool.verifiers.get(name)
            line = f"scored by {name}" if known is None else selection_line(known, asked.aggregation)
            lines.append(f"revisions {line}" if reads[name] == {"chains"} else line)
        if asked.length_cap is not None:
            lines.append(f"a sample of more than {asked.length_cap:,} tokens is cut there and unanswered")
        if told is not None:
            found = told.difficulty
            sizes = [int((found.bins == number).sum()) for number in range(1, found.n_bins + 1)]
            halves = 2 if found.told_on == "halves" else 1
            lines.append(bins_line([size // halves for size in sizes], found.label))
        return (*lines, bands_line(level, interval))

    def notes(
        self, compared: Compared, told: Told | None = None, ledger: Ledger | None = None, *others: ModelFacts | None
    ) -> tuple[str, ...]:
        """What was left out, what is not scored or not measured, what is said of the difficulty, and of prices.

        Parameters
        ----------
        compared : Compared
        told : Told, optional
        ledger : Ledger, optional
            What is charged; in dollars the prices are said, those of `others`, too.
        *others : ModelFacts or None
        """
        labels = side_labels(self.members) if len(self.members) > 1 else [self.policy]
        models = [one.source.policy_model for one in compared.outcomes] if ledger is not None else []
        prices = prices_line([*models, *others]) if ledger is not None and ledger.unit == "dollars" else ""
        said = (
            compared.line(),
            *self._unscored(compared),
            *(lengths_line(member.pool, label) for member, label in zip(self.members, labels, strict=True)),
            "" if told is None else told.note,
            prices,
        )
        return tuple(text for text in said if text)

    def _unscored(self, compared: Compared) -> list[str]:
        """How many samples a verifier that selects has not scored, and what becomes of them."""
        read = {(one.source.policy, one.source.verifier) for one in compared.outcomes if one.source.verifier}
        said = []
        for member in self.members:
            pool = member.pool
            for name in sorted(name for policy, name in read if policy == pool.policy and name in pool.verifiers):
                missing = int((np.isnan(pool.verifiers[name].by()) & pool.present).sum())
                if missing:
                    said.append(
                        f"{missing} of {int(pool.present.sum())} samples have no {name} score: best-of-N ranks them "
                        "last, no vote counts them"
                    )
        return said

    def of_problems(self, problem_ids: Iterable[str]) -> Study:
        """The same study on some of the problems."""
        wanted = list(problem_ids)
        members = tuple(member.of_problems(wanted) for member in self.members)
        same = all(one is other for one, other in zip(members, self.members, strict=True))
        return self if same else Study(members, self.store)

    def _once(self, key: tuple[Any, ...], make: Callable[[], Answer]) -> Answer:
        if key not in self._answers:
            self._answers[key] = make()
        found: Answer = self._answers[key]
        return found


def at_budgets(one: Outcomes, budgets: Sequence[int] | None) -> Outcomes:
    """A strategy at some of its budgets; None: at all."""
    if budgets is None:
        return one
    return cut(one, columns=[column for column, budget in enumerate(one.budgets) if budget in budgets])


def bins_of_rows(one: Outcomes, told: Told, compared: Compared) -> np.ndarray:
    """The bin of each row of an outcome; a strategy on problems of its own finds them by their ids."""
    if len(one.problem_ids) == len(told.difficulty.bins):
        return told.difficulty.bins
    numbers = dict(zip(compared.problem_ids, told.difficulty.bins.tolist(), strict=False))
    return np.array([numbers.get(name, 0) for name in one.problem_ids], dtype=int)


def open(
    store: str | Path | Pool,
    policy: str | Sequence[str] | None = None,
    *,
    benchmark: str | None = None,
    setting: Wanted = None,
    notify: Notify = lambda text: None,
) -> Study:
    """Open a store for questions.

    Parameters
    ----------
    store : str, pathlib.Path or Pool
        A relative path is looked for here and in the folders above. A pool, such as `ttclib.from_frame` gives, is asked
        as it is.
    policy : str or sequence of str, optional
        None: the only one that has samples. Several are compared with one another.
    benchmark : str, optional
        Needed where the store holds several for the policy.
    setting : mapping of key to value, Setting or its name, optional
        All keys must hold, None for one that is absent; ``"*"`` for a value: all settings with it, side by side;
        ``"*"`` alone: all.
    notify : callable
        Told in a line when waiting for a writer begins.

    Returns
    -------
    Study

    Raises
    ------
    RequestError
        No such store, policy, benchmark or setting, or several and none named.
    """
    if isinstance(store, Pool):
        return Study((Member(with_verifiers(store), "", notify),), Path(store.store))
    path = find_store(store)
    names = [policy] if policy is None or isinstance(policy, str) else list(policy)
    members = []
    for name in names:
        for chosen in _settings(path, name, benchmark, setting, notify):
            pool = load_pool(path, policy=name, benchmark=benchmark, setting=chosen, notify=notify)
            members.append(Member(with_verifiers(pool), "", notify))
    return Study(tuple(_told_apart(members)), path)


def _settings(
    path: Path, policy: str | None, benchmark: str | None, wanted: Wanted, notify: Notify
) -> Sequence[Wanted]:
    """The settings to put side by side: those that a ``"*"`` asks for, else the one that is meant."""
    if wanted == "*" or (isinstance(wanted, Mapping) and "*" in wanted.values()):
        where = wanted if isinstance(wanted, Mapping) else None
        return matching_settings(path, policy, where, benchmark, notify=notify)
    return [wanted]


def _told_apart(members: Sequence[Member]) -> list[Member]:
    """Members named by what they differ in."""
    if len(members) < 2:
        return list(members)
    policies = {member.pool.policy for member in members}
    differing = differing_keys(member.pool.setting for member in members)
    named = []
    for member in members:
        parts = [member.pool.policy] if len(policies) > 1 else []
        same = [one for one in members if one.pool.policy == member.pool.policy]
        if len(same) > 1 or not parts:
            parts.append(member.pool.setting.label(differing))
        named.append(replace(member, name=", ".join(parts)))
    return named


def smallest_policy(store: str | Path) -> str | None:
    """The smallest policy that has samples, which is the one that search and revisions are for; None: there is none."""
    sampled = policies_with_samples(store)
    return sampled[0] if sampled else None


def policies_with_samples(store: str | Path, *, notify: Notify = lambda text: None) -> list[str]:
    """Policies that have samples or counts, the smallest first."""
    found = contents(find_store(store), notify=notify)
    return list(dict.fromkeys(one.policy for one in found if one.n_samples or one.n_counted))


__all__ = ["Curves", "Study", "open"]
