"""What adaptivity is worth, paid in full: every way to spend, beside one strategy at one budget for all problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.account import GIVEN, UNIFORM, Spent, Way, account, limits_of, mean_of, one_bin, spend
from ttclib.analysis.agreement import cheap_difficulty
from ttclib.analysis.binning import difficulty_bins
from ttclib.analysis.columns import Column, column
from ttclib.analysis.difficulty import Bill, Difficulty, difficulty_of_ease, told_on_halves
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS
from ttclib.analysis.predicting import PREDICTORS
from ttclib.analysis.probing import joined, prefixes
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.outcomes import Outcomes, restrict
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategy import draws_whole, strategies, strategy
from ttclib.samples import Pool
from ttclib.study.account_findings import of_account
from ttclib.study.answers import Answer
from ttclib.study.asking import predictors_of, promised
from ttclib.study.compared import Compared, compare
from ttclib.study.opening import reading_of
from ttclib.study.question import Question
from ttclib.study.study import Study
from ttclib.study.telling import bins_of, difficulty_of, halves_of, of_problems, scored_both_ways

PROBES = (2048, 16, 4, 1)
SHARED = 4  # probes that share and stop with, where the question tells nothing
N_DRAWS = 4  # random draws of the probes, averaged
N_RESAMPLES = 500  # behind each interval: a way takes several choices, and each replicate makes them anew
RULES: dict[str, dict[str, tuple[Any, ...]]] = {
    "adaptive_consistency": {"threshold": (0.8, 0.95)},
    "early_stopping_consistency": {"window": (2, 4)},
    "first_above": {"score_threshold": (0.5, 0.8, 0.95)},
    "weighted_stop": {"lead": (0.3, 0.6)},
}


@dataclass(frozen=True)
class Account:
    """Every way to spend, at equal total cost."""

    frame: pl.DataFrame  # columns as in `ttclib.analysis.account.ACCOUNT_SCHEMA`, ways in the order of the account
    unit: str  # the cost axis in words

    @property
    def ways(self) -> dict[str, str]:
        """Labels of the ways, by name."""
        return dict(self.frame.select("way", "label").unique(maintain_order=True).iter_rows())

    def wide(self, value: str) -> tuple[pl.DataFrame, list[Column]]:
        """One value, a row a way and a column a limit, five evenly over all, with the columns that say what they are.

        Parameters
        ----------
        value : str
            A column of the frame.
        """
        every = self.frame["at_most"].unique().sort().to_list()
        limits = [every[place] for place in np.unique(np.linspace(0, len(every) - 1, 5).round().astype(int))]
        kept = self.frame.filter(pl.col("at_most").is_in(limits))
        if value == "break_even_queries":  # which a way without a bill has not
            kept = kept.filter(pl.col("bill").max().over("way") > 0)
        rows = [
            {"label": own["label"][0]}
            | {f"within_{limit:g}": one for limit, one in own.select("at_most", value).iter_rows()}
            for own in kept.partition_by("way", maintain_order=True)
        ]
        plain = column(value, ends=None)
        columns = [replace(plain, name=f"within_{limit:g}", label=f"within {limit:.4g}", unit="") for limit in limits]
        schema = {"label": pl.String, **{one.name: pl.Float64 for one in columns}}
        return pl.DataFrame(rows, schema=schema), [column("label"), *columns]


@dataclass
class _Shared:
    """What every way has in common: candidates on both halves, limits, ledger and weights."""

    pool: Pool
    halves: tuple[Pool, Pool]
    asked: Question
    ledger: Ledger
    limits: Sequence[float]
    plain: tuple[Outcomes, ...]
    stopping: tuple[Outcomes, ...]
    n_resamples: int
    largest: int

    @property
    def clusters(self) -> np.ndarray:
        n = len(self.pool.problem_ids)
        return np.concatenate([np.arange(n), np.arange(n)])

    def spent(self, difficulty: Difficulty, *, stops: bool = False, bill: Bill | None = None, **more: Any) -> Spent:
        outcomes = (*self.plain, *self.stopping) if stops else self.plain
        common: dict[str, Any] = {"ledger": self.ledger, "n_resamples": self.n_resamples, "seed": self.asked.seed}
        return spend(outcomes, difficulty, more.pop("limits", self.limits), bill=bill, **common, **more)

    def free(self, difficulty: Difficulty, **more: Any) -> Spent:
        """The same with difficulty for nothing, without the replicates of an interval."""
        return replace(self, n_resamples=2).spent(difficulty, **more)


def ask_account(
    study: Study,
    asked: Question,
    *,
    ledger: Ledger = LEDGERS["snell"],
    limits: Sequence[float] | None = None,
    probes: Sequence[int] = PROBES,
    draws: int = N_DRAWS,
    n_resamples: int = N_RESAMPLES,
    level: float = 0.95,
) -> Answer[Account]:
    """What adaptivity is worth at equal total cost, everything paid (`ttclib.analysis.account.account`).

    Every way is scored on samples that did not tell it the difficulty: each half of the samples tells it for the other.

    Parameters
    ----------
    study : Study
        Its first member answers.
    asked : Question
        `difficulty` is what probes tell, ``oracle`` (their grades) or ``predicted`` (their scores); `bins`, 5 where
        none is asked for. `strategies` are chosen from; stopping rules among them are kept for the ways that stop.
    limits : sequence of float, optional
        Total costs, ascending; None: powers of two up to half of the pool, or six over what there is.
    probes : sequence of int
        Samples a problem that tell the difficulty and are billed. More than a half holds are told by all that it holds.
    draws : int
        Random draws of the probes, averaged.
    n_resamples, level
        Of the intervals.

    Raises
    ------
    RequestError
        Counts alone, fewer than two samples of a problem, nothing that could be run, or a difficulty from the question
        where probes are asked about.
    """
    if asked.difficulty in PREDICTORS:
        raise RequestError(
            f"difficulty '{asked.difficulty}': the question has a row of its own; ask for what probes tell, "
            "oracle or predicted"
        )
    if bad := [k for k in probes if k < 1]:
        raise RequestError(f"{bad[0]} probes: give at least 1")
    notes: list[str] = []
    shared, compared = _candidates(study, asked, ledger, limits, n_resamples, notes)
    halves, grades = shared.halves, asked.but(told="same", thresholds=asked.thresholds)
    given = told_on_halves(*(difficulty_of(half, grades, folds=FOLDS) for half in halves))
    flat = one_bin(len(shared.clusters), shared.clusters)
    uniform = shared.spent(flat)
    at = _dense(shared)
    curve = (np.asarray(at), shared.spent(flat, limits=at))
    by = "graded" if asked.difficulty == "oracle" else "scored"
    ways = [
        Way(UNIFORM, "uniform: the same for all problems", uniform),
        Way(GIVEN, "by difficulty, which is given", shared.spent(given), pays=False),
    ]
    told_by: dict[int, list[Difficulty]] = {}
    for k in sorted(set(probes), reverse=True):
        if k >= shared.largest:
            if k != max(probes):
                notes.append(f"{k:,} probes are left out: half of the pool is {shared.largest} samples")
                continue
            told_by[k] = [given]
        else:
            told_by[k] = _told_by(shared, k, draws)
        fewer = f", told by {shared.largest}" if k > shared.largest else ""
        label = f"by {k:,} {by} probe{'s' if k > 1 else ''}, billed{fewer}"
        billed = mean_of([shared.spent(one, bill=Bill(k)) for one in told_by[k]])
        free = ways[1].spent if k >= shared.largest else mean_of([shared.free(one) for one in told_by[k]])
        ways.append(Way(f"probes_{k}", label, billed, free))
    few = [k for k in told_by if k < shared.largest]
    ways += _reused(shared, few, by, draws, notes)
    cheap = _from_questions(shared, study.pool, notes)
    for name, one in cheap.items():
        assert one.bill is not None
        ways.append(Way(name, _read(name, one), shared.spent(one, bill=one.bill), shared.free(one)))
    if shared.stopping:
        ways.append(Way("stopping", "stopping when it is settled", shared.spent(flat, stops=True)))
    else:
        notes.append("stopping rules are left out: the store holds neither answers nor scores for them")
    ways += _together(shared, cheap, {k: told_by[k] for k in few}, by)
    frame = account(ways, shared.limits, curve, level=level)
    found = Account(frame, ledger.label)
    said = tuple(dict.fromkeys([*study.notes(compared, None, ledger), *notes]))
    return Answer(found, of_account(found), study.caption(asked, compared, level=level), said)


def _candidates(
    study: Study,
    asked: Question,
    ledger: Ledger,
    limits: Sequence[float] | None,
    n_resamples: int,
    notes: list[str],
) -> tuple[_Shared, Compared]:
    """What is chosen from, on both halves of the samples, and within which limits."""
    members = study.members[:1]
    pool = study.pool
    if pool.counts is not None:
        raise RequestError(f"'{pool.store}' holds counts of '{pool.policy}': an account needs the samples' answers")
    rules = [name for name, one in strategies().items() if issubclass(one, UntilSettled)]
    named = asked.strategies
    plain = None if named is None else tuple(name for name in named if name not in rules)
    if plain == ():
        raise RequestError(f"{', '.join(named or ())}: name a strategy that does not stop, too, to compare them with")
    halves = halves_of(members, asked.seed)[0]
    largest = min(int(half.pool.pool_sizes.min()) for half in halves)
    first = asked.but(
        strategies=plain, problems="shared", bins=None, thresholds=None, told="auto", parameters=_own(asked, plain)
    )
    compared = study.compared(first)
    able = replace(compared, outcomes=_graded(compared.runnable, pool))
    if any(strategy(one.strategy).needs_truth for one in able.outcomes):
        raise RequestError(
            f"'{pool.store}' holds nothing of '{pool.policy}' that could be run without the right answer"
        )
    ids = able.outcomes[0].problem_ids
    able = replace(able, outcomes=tuple(restrict(one, ids) for one in able.outcomes), problem_ids=ids)
    scored = _within_half(scored_both_ways(members, able, first)[0])
    stopping: list[Outcomes] = []
    for name in [name for name in rules if named is None or name in named or not set(rules) & set(named)]:
        values = {key: asked.parameters.get(key, value) for key, value in RULES.get(name, {}).items()}
        wanted = first.but(strategies=(name,), parameters=values, budgets=_caps(largest), lacking="leave out")
        try:
            # What a rule comes to on all samples is not asked: one half says which variants there are.
            found = compare(halves[:1], wanted)
            whole = replace(found, outcomes=tuple(restrict(one, ids) for one in found.outcomes), problem_ids=ids)
            stopping += _within_half(scored_both_ways(members, whole, wanted)[0])
        except (RequestError, NotInStore, KeyError) as error:
            if named is not None and name in named:
                raise
            notes.append(f"{strategy(name).label} is left out ({reading_of(error)})")
    cut = tuple(of_problems(half.pool, ids) for half in halves)
    clusters = np.concatenate([np.arange(len(ids))] * 2)
    asked_limits = (
        limits_of(scored, one_bin(len(clusters), clusters), ledger) if limits is None else np.asarray(limits, float)
    )
    shared = _Shared(
        of_problems(pool, ids), (cut[0], cut[1]), asked, ledger, list(asked_limits), tuple(scored), tuple(stopping),
        n_resamples, largest,
    )  # fmt: skip
    if ledger.unit == "generations":
        notes.append(f"every way is told and scored on other samples: of whole samples N is {largest} at most")
    return shared, able


def _own(asked: Question, names: Sequence[str] | None) -> dict[str, tuple[Any, ...]]:
    """Parameters of the strategies that do not stop."""
    theirs = {key for rule in RULES.values() for key in rule}
    return {key: value for key, value in asked.parameters.items() if key not in theirs}


def _caps(largest: int) -> tuple[int, ...]:
    """Powers of two from 2 on, and all that half of a pool holds."""
    powers = [2**power for power in range(1, 20) if 2**power <= largest]
    return tuple(dict.fromkeys([*powers, largest])) if largest > 1 else (1,)


def _graded(outcomes: Iterable[Outcomes], pool: Pool) -> tuple[Outcomes, ...]:
    """The strategies on the problems with two graded samples, that each half may have one."""
    graded = {name for name, n in zip(pool.problem_ids, pool.n_graded, strict=True) if n >= 2}
    found = []
    for one in outcomes:
        ids = [name for name in one.problem_ids if name in graded]
        if not ids:
            raise RequestError(f"'{pool.store}' holds no problem with two graded samples: `ttc grade` it")
        found.append(restrict(one, ids))
    return tuple(found)


def _within_half(outcomes: Sequence[Outcomes]) -> list[Outcomes]:
    """Those with a budget that both halves have."""
    return [one for one in outcomes if one.budgets]


def _dense(shared: _Shared) -> list[float]:
    """Limits for uniform's curve: those asked for and more between them and beyond."""
    flat = one_bin(len(shared.clusters), shared.clusters)
    more = limits_of(shared.plain, flat, shared.ledger, n_limits=32)
    return sorted({*map(float, shared.limits), *map(float, more)})


def _told_by(shared: _Shared, k: int, draws: int) -> list[Difficulty]:
    """Difficulty as k samples of each half tell it to the other, in several random draws."""
    asked, found = shared.asked, []
    tables = [_values(half, asked) for half in shared.halves]
    eases = [cheap_difficulty(table, k, n_draws=draws, seed=asked.seed + at)[0] for at, table in enumerate(tables)]
    for first, second in zip(*eases, strict=True):
        both = [_binned(ease, asked, k) for ease in (first, second)]
        n_bins = min(one.n_bins for one in both)
        if both[0].n_bins != both[1].n_bins:  # as many bins on both sides: the hardest are joined
            both = [replace(one, bins=np.minimum(one.bins, n_bins)) for one in both]
        found.append(told_on_halves(both[0], both[1]))
    return found


def _values(pool: Pool, asked: Question) -> np.ndarray:
    """What a probe says: its grade, an ungraded one counting as wrong, or its score."""
    if asked.difficulty == "oracle":
        return np.where(pool.present, np.nan_to_num(pool.correct, nan=0.0), np.nan)
    return pool.verifier(asked.verifier).by(asked.aggregation)


def _binned(ease: np.ndarray, asked: Question, k: int) -> Difficulty:
    """Problems that tie stay together, and bins are as large as the folds need."""
    told = difficulty_of_ease(ease, 1, source=asked.difficulty, n_probes=float(k))
    wanted = bins_of(asked, len(ease), FOLDS)
    n_bins = wanted if isinstance(wanted, int) else len(wanted) + 1
    return replace(told, bins=joined(difficulty_bins(ease, n_bins, ties="together")), ties="together")


def _reused(shared: _Shared, few: Sequence[int], by: str, draws: int, notes: list[str]) -> list[Way]:
    """Probes that are among the samples that the answer is selected from."""
    names = list(dict.fromkeys(one.strategy for one in shared.plain if draws_whole(one.strategy)))
    if not few:
        return []
    if not names or shared.ledger.unit != "generations":
        notes.append("probes used again are left out: they are counted in generations, and by strategies of samples")
        return []
    asked, pool = shared.asked, shared.pool
    reads = any(strategy(name).needs_scores for name in names) or asked.difficulty == "predicted"
    judge = pool.verifier(asked.verifier) if reads else None
    sizes = [int(size) for size in _caps(shared.largest)]
    sizes = sorted({1, *sizes, *few})
    rng, values = np.random.default_rng(asked.seed), _values(pool, asked)
    found: dict[int, list[Spent]] = {k: [] for k in few}
    read: dict[str, Any] = {"aggregation": asked.aggregation, "seed": asked.seed}
    for _ in range(2 * draws):  # each scores one prefix of a problem's samples, where halves score all of them
        order = np.where(pool.present, rng.random(pool.present.shape), np.inf).argsort(axis=1)
        drawn = prefixes(pool, order, [strategy(name)() for name in names], sizes, asked.verifier, judge, read)
        for k in few:
            told = _binned(np.take_along_axis(values, order[:, :k], axis=1).mean(axis=1), asked, k)
            columns = [at for at, size in enumerate(sizes) if size >= k]
            cut = [
                replace(one, budgets=tuple(sizes[at] for at in columns), accuracy=one.accuracy[:, columns])
                for one in drawn
            ]
            common: dict[str, Any] = {"ledger": shared.ledger, "n_resamples": shared.n_resamples, "seed": asked.seed}
            found[k].append(spend(cut, told, shared.limits, partitions=5, **common))
    return [
        Way(f"reused_{k}", f"by {k:,} {by} probe{'s' if k > 1 else ''}, used again", mean_of(found[k]))
        for k in sorted(few, reverse=True)
    ]


def _from_questions(shared: _Shared, whole: Pool, notes: list[str]) -> dict[str, Difficulty]:
    """Difficulty from the question, on both halves, by what of it tells it."""
    found: dict[str, Difficulty] = {}
    lacking = predictors_of(whole)
    n_bins = bins_of(shared.asked.but(thresholds=None), len(shared.pool.problem_ids), FOLDS)
    place = {name: row for row, name in enumerate(whole.problem_ids)}
    rows = np.array([place[name] for name in shared.pool.problem_ids], dtype=int)
    for name in ("question", "question:greedy"):
        if lacking[name]:
            notes.append(f"left out: {lacking[name]}")
            continue
        try:
            one = promised(whole, name, shared.asked.seed).difficulty(rows, n_bins, shared.asked.seed)
        except RequestError as error:
            notes.append(f"left out: {error}")
            continue
        found[name] = replace(told_on_halves(one, one), told_on="other")
    return found


def _together(shared: _Shared, cheap: dict[str, Difficulty], probed: dict[int, list[Difficulty]], by: str) -> list[Way]:
    """One limit for all problems on average, by what is cheapest to know; and that with stopping rules."""
    if "question" in cheap:
        told, words = [cheap["question"]], "by the question"
        bill = cheap["question"].bill
    elif probed:
        k = min(probed, key=lambda size: abs(size - SHARED))
        told, words, bill = probed[k], f"by {k} {by} probe{'s' if k > 1 else ''}", Bill(k)
    else:
        return []
    ways = []
    for name, label, stops in (
        ("allocation", "shared among problems", False),
        ("together", "shared, and stopping: all together", True),
    ):
        if stops and not shared.stopping:
            continue
        more: dict[str, Any] = {"stops": stops, "per": "average"}
        spent = mean_of([shared.spent(one, bill=bill, **more) for one in told])
        ways.append(Way(name, f"{label}, {words}", spent, mean_of([shared.free(one, **more) for one in told])))
    return ways


def _read(name: str, told: Difficulty) -> str:
    """What tells the difficulty, in few words."""
    if name == "question:greedy":
        return "by one greedy answer's log-probability"
    hidden = told.bill is not None and told.bill.prompt_passes > 0
    return "by the question: text, metadata" + (", hidden state" if hidden else "")
