"""Many pairs of a smaller and a larger model on many tasks, each asked as `ask_crossover` asks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from ttclib.analysis.beyond_pool import BeyondPool, beyond_pool, crossing_of
from ttclib.analysis.crossover import Crossover, model_ratio, training_ratio
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE
from ttclib.errors import RequestError, TTCError
from ttclib.samples import Pool
from ttclib.store.connection import connect
from ttclib.store.contents import contents
from ttclib.study import family_findings
from ttclib.study.answers import Answer, ask_crossover
from ttclib.study.captions import source
from ttclib.study.larger import Larger, larger_side
from ttclib.study.opening import find_store
from ttclib.study.question import question
from ttclib.study.study import Study
from ttclib.study.study import open as open_study

PERFECT = "pass_at_k"  # what a perfect verifier makes of the attempts


@dataclass(frozen=True)
class Pair:
    """A smaller and a larger model of one family, on one task."""

    # family, small, large, task: as a reader calls them
    family: str
    small: str
    large: str
    task: str
    small_policy: str
    large_policy: str
    benchmark: str | None
    neighbours: bool = True  # no member of the family lies between the two

    @property
    def label(self) -> str:
        """The two in words."""
        return f"{self.family} {self.small} vs {self.large}".strip()

    @property
    def facts(self) -> dict[str, Any]:
        """What every row says of its pair."""
        return {"pair": self.label, "task": self.task, "neighbours": self.neighbours}

    @property
    def columns(self) -> list[Any]:
        """The same for a frame."""
        return [pl.lit(value).alias(name) for name, value in self.facts.items()]


@dataclass(frozen=True)
class Pairs:
    """The comparison at equal FLOPs of every pair."""

    # a row a pair and exchange rate, as in `ttclib.analysis.crossover_tables.ROW_SCHEMA`, with `estimate`,
    # `estimate_low`, `estimate_high`: the same difference with the attempts that R pays for, by the fit
    curves: pl.DataFrame
    # a row a pair: what it takes to catch up, as measured and as fitted, and `winner` with all attempts
    pairs: pl.DataFrame
    bins: pl.DataFrame  # a row a pair of neighbours and difficulty bin, with all attempts of half a pool


def pairs_of(
    store: str | Path,
    families: Mapping[str, Mapping[str, str]] | None = None,
    tasks: Mapping[str, str] | None = None,
    benchmarks: Sequence[str | None] | None = None,
) -> list[Pair]:
    """The pairs that a store holds, on the tasks that both models answer.

    Parameters
    ----------
    families : mapping of family to (mapping of a member's label to its policy), optional
        Members that the store lacks are left out; where it has none of them, and for None: all policies with known
        parameters are one family.
    tasks : mapping of benchmark to its label, optional
        Others go by their own names.
    benchmarks : sequence of str, optional
        None: all.

    Raises
    ------
    RequestError
        The store holds no two such policies on one task.
    """
    found = [one for one in contents(find_store(store)) if (one.n_samples or one.n_counted) and one.n_parameters]
    sizes = {one.policy: one.n_parameters or 0 for one in found}
    known = {
        family: {label: name for label, name in members.items() if name in sizes}
        for family, members in (families or {}).items()
    }
    if not any(len(members) > 1 for members in known.values()):
        known = {"": {name: name for name in sizes}}
    wanted = list(dict.fromkeys(one.benchmark for one in found)) if benchmarks is None else benchmarks
    pairs = []
    for benchmark in wanted:
        task = (tasks or {}).get(benchmark or "", (benchmark or "all problems").replace("_", " "))
        there = {one.policy for one in found if one.benchmark == benchmark}
        for family, members in known.items():
            held = sorted((sizes[name], label, name) for label, name in members.items() if name in there)
            for (at, one), (to, other) in combinations(enumerate(held), 2):
                if one[0] < other[0]:
                    pairs.append(Pair(family, one[1], other[1], task, one[2], other[2], benchmark, to == at + 1))
    if not pairs:
        raise RequestError(
            f"'{store}' holds no two policies with known parameters on one task: give them with `ttc models`, or "
            "sample a larger policy with `ttc sample`"
        )
    return pairs


def ask_beyond(
    pool: Pool, large: Larger, ratios: Sequence[float], found: Crossover, seed: int = 0
) -> Answer[BeyondPool]:
    """What a crossover would come to with the attempts that its pool lacks (`ttclib.analysis.beyond_pool`).

    Parameters
    ----------
    pool : Pool
        Of the small policy.
    found : Crossover
        Of the two, for M.
    """
    answers = dict(zip(large.outcomes[0].problem_ids, large.outcomes[0].accuracy[:, 0], strict=True))
    rows = [row for row, name in enumerate(pool.problem_ids) if name in answers and pool.n_graded[row] > 0]
    result = beyond_pool(
        pool.n_graded[rows],
        pool.n_correct[rows].astype(int),
        [answers[pool.problem_ids[row]] for row in rows],
        ratios,
        param_ratio=found.param_ratio,
        training_tokens_ratio=found.training_tokens_ratio,
        seed=seed,
    )
    return Answer(result, family_findings.of_beyond(result), (source(pool, len(rows)),), ())


def ask_pairs(
    store: str | Path,
    pairs: Sequence[Pair],
    ratios: Sequence[float],
    *,
    bins: int = 3,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Answer[Pairs]:
    """Each pair at equal FLOPs over R, with a perfect verifier, all attempts that the pool holds, and a fit beyond.

    Parameters
    ----------
    ratios : sequence of float
        R, at least two; that at which a pair's pool ends joins them.
    bins : int
        Difficulty bins; 1: none. Half of the attempts tell them, the others are scored, both ways.

    Raises
    ------
    RequestError
        No pair can be asked.
    """
    found, notes = [], []
    with connect(find_store(store)):  # one reader for all that is opened below
        for pair in pairs:
            try:
                found.append(_answered(store, pair, sorted(ratios), bins, n_resamples, seed))
            except TTCError as error:
                notes.append(f"left out: {pair.label} on {pair.task} ({error})")
    if not found:
        raise RequestError("no pair of models can be compared: " + "; ".join(notes))
    curves, rows, binned = zip(*found, strict=True)
    parts = [one for one in binned if one is not None]
    result = Pairs(pl.concat(curves), pl.DataFrame(rows), pl.concat(parts) if parts else pl.DataFrame())
    return Answer(result, family_findings.of_pairs(result.pairs), _captions(result), tuple(notes))


def _answered(
    store: str | Path, pair: Pair, rates: Sequence[float], bins: int, n_resamples: int, seed: int
) -> tuple[pl.DataFrame, dict[str, Any], pl.DataFrame | None]:
    """A pair's part of each table of `Pairs`."""
    study = open_study(store, pair.small_policy, benchmark=pair.benchmark)
    large = larger_side(str(study.store), pair.large_policy, benchmark=pair.benchmark, allow_sampled=True)
    rates = sorted({*rates, *_pool_end(study.pool, large, rates)})
    found = _asked(study, large, rates, 1, n_resamples, seed)
    beyond = ask_beyond(study.pool, large, rates, found, seed=seed).result
    guess = beyond.frame.select(
        "exchange_rate", "within_pool", estimate="difference", estimate_low="ci_low", estimate_high="ci_high"
    )
    curve = found.frame.filter(pl.col("bin").is_null()).join(guess, on="exchange_rate")
    binned = None
    if bins > 1 and pair.neighbours:
        parts = _asked(study, large, rates[:1], bins, n_resamples, seed)
        held = parts.choice.candidates.outcomes[0].budgets[-1]
        binned = parts.frame.drop_nulls("bin").select(*pair.columns, pl.lit(held).alias("attempts"), pl.all())
    return curve.select(*pair.columns, pl.all()), _row(pair, found, beyond), binned


def _pool_end(pool: Pool, large: Larger, rates: Sequence[float]) -> list[float]:
    """The R that pays for just the attempts that the pool holds, where it is among those looked at."""
    models = (pool.policy_model, large.model)
    end = crossing_of(float(pool.pool_sizes.min()), model_ratio(None, *models), training_ratio(None, *models))
    return [end] if rates[0] < end < rates[-1] else []


def _perfect(study: Study) -> Any:
    """A perfect verifier at every number of attempts that each problem holds."""
    most = int(study.pool.pool_sizes.min())
    budgets = range(1, most + 1) if most <= 64 else None
    return question(strategies=PERFECT, budgets=budgets)


def _asked(study: Study, large: Larger, rates: Sequence[float], bins: int, n_resamples: int, seed: int) -> Crossover:
    asked = _perfect(study).but(bins=bins, seed=seed)
    return ask_crossover(study, large, asked, rates, n_resamples=n_resamples).result


def _row(pair: Pair, found: Crossover, beyond: BeyondPool) -> dict[str, Any]:
    """What a pair comes to: with all attempts, with as many as R = ∞ pays for, and what it takes to catch up."""
    whole = found.frame.filter(pl.col("bin").is_null()).sort("exchange_rate")
    most, least = (whole.row(at, named=True) for at in (0, -1))
    crossing = found.crossings.filter(pl.col("bin").is_null()).row(0, named=True)
    needed = {
        f"{name}{told}": getattr(side, name)
        for told, side in (("", beyond.measured), ("_fitted", beyond.fitted))
        for name in (
            *("attempts", "attempts_low", "attempts_high"),
            *("crossing", "crossing_low", "crossing_high"),
        )
    }
    return {
        **pair.facts,
        "param_ratio": found.param_ratio,
        "training_tokens_ratio": found.training_tokens_ratio,
        "pool_ends_at": beyond.pool_ends_at,
        "accuracy_once": float(beyond_once(found)),
        "accuracy_small": most["accuracy_small"],
        "accuracy_large": most["accuracy_large"],
        **{name: most[name] for name in ("difference", "ci_low", "ci_high", "winner", "n_problems")},
        "lowest_rate": most["exchange_rate"],
        "highest_rate": least["exchange_rate"],
        "difference_at_highest": least["difference"],
        "winner_at_highest": least["winner"],
        **{name: float(value) for name, value in needed.items()},
        "pool_reaches_from": crossing["pool_reaches_from"],
        "supported": crossing["supported"],
    }


def beyond_once(found: Crossover) -> float:
    """What one attempt of the small policy comes to."""
    able = found.choice.candidates
    first = next(at for at in range(len(able)) if able.budget(at) == 1)
    return float(able.accuracy[:, first].mean())


def _captions(found: Pairs) -> tuple[str, ...]:
    """What a reader must know of every picture."""
    sizes = sorted({(row["task"], row["n_problems"]) for row in found.pairs.to_dicts()})
    ends = sorted(set(found.pairs["pool_ends_at"].to_list()))
    most = str(ends[0]) if len(ends) == 1 else f"{ends[0]}–{ends[-1]}"
    return (
        f"small model: up to {most} attempts a problem, of which a perfect verifier picks; larger model: its pass@1",
        "problems: " + " · ".join(f"{count} {task}" for task, count in sizes),
        "charged in generations, not in tokens: every answer counts as one, however long",
    )
