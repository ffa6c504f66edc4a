"""The flywheel: what rounds of training on its own samples made of a policy, where problems went, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ttclib.analysis.columns import prefixed, schema, shown, shown_interval
from ttclib.analysis.flow import equal_compute, flow
from ttclib.analysis.gain import gain, samples_of_both
from ttclib.errors import RequestError
from ttclib.samples import Pool
from ttclib.store.contents import contents
from ttclib.store.rounds import Round, load_rounds, spent
from ttclib.study.answers import Answer
from ttclib.study.gain import how_often, verdict_of
from ttclib.study.opening import Notify, find_store
from ttclib.study.study import Study
from ttclib.study.study import open as open_study

LONGER = "longer"
KEPT = {"verified": "right ones by the reference", "verifier": "what the verifier chose"}
ROUND_SCHEMA = schema(
    *("policy", "way", "round", "n_problems", "n_drawn", "n_kept", "n_kept_wrong", "sampling_flops", "scoring_flops"),
    *(
        "training_flops",
        "spent_flops",
        "seconds",
        "accuracy",
        "coverage",
        "distinct",
        "difference",
        "ci_low",
        "ci_high",
    ),
    "per_flop",
)
MOVED_SCHEMA = schema(
    *("policy", "way", "round", "spent_flops", "measure", "first", "second", "difference", "ci_low", "ci_high"),
    *("winner", "budget", "n_problems"),
)


@dataclass(frozen=True)
class Wheel:
    """A flywheel's store: its rounds, and the policies on the problems that all of them were asked.

    Attributes
    ----------
    study : Study
        The first policy, then those that were made, way by way.
    rounds : tuple of Round
        Of the policies in `study`.
    """

    study: Study
    rounds: tuple[Round, ...]

    @property
    def pools(self) -> dict[str, Pool]:
        """Samples by policy."""
        return {member.pool.policy: member.pool for member in self.study.members}


@dataclass(frozen=True)
class Turned:
    """What a flywheel did.

    Attributes
    ----------
    rounds : polars.DataFrame
        Columns as in `ROUND_SCHEMA`, a row a policy, the first one first: what its round took and what all before it
        took, too; accuracy of a sample, coverage and distinct answers of k; `difference` of accuracy to the policy
        that it was trained on from, and `per_flop`, that in points a teraFLOP of its round.
    moved : polars.DataFrame
        Columns as in `MOVED_SCHEMA`, a row a policy and measure: second, the policy, less first, the first policy.
    flow, bins : polars.DataFrame
        As `ttclib.analysis.flow.flow` gives them.
    equal : polars.DataFrame
        As `ttclib.analysis.flow.equal_compute` gives it.
    k : int
        Samples that coverage and distinct answers are of.
    queries : float
        That share what was spent, in `equal`.
    said : mapping of str to tuple of str
        The findings by what they are of: ``gain``, a sentence a way; ``rounds``, ``hardest`` and ``equal``.
    """

    rounds: pl.DataFrame
    moved: pl.DataFrame
    flow: pl.DataFrame
    bins: pl.DataFrame
    equal: pl.DataFrame
    k: int
    queries: float
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def open_flywheel(store: str | Path, *, notify: Notify = lambda text: None) -> Wheel:
    """Open a store that `ttc lab flywheel` filled.

    Raises
    ------
    RequestError
        No such store, no round in it, or no problem that all policies were asked.
    """
    path = find_store(store)
    sampled = {one.policy for one in contents(path, notify=notify) if one.n_samples}
    rounds = [one for one in load_rounds(path, notify=notify) if one.policy in sampled]
    firsts = sorted({one.start for one in rounds} - {one.policy for one in rounds})
    if not rounds or len(firsts) != 1 or firsts[0] not in sampled:
        raise RequestError(
            f"'{path}' holds no flywheel, rounds of training that go back to one sampled policy: "
            "turn one with `ttc lab flywheel --store STORE`"
        )
    study = open_study(path, [firsts[0], *(one.policy for one in rounds)], notify=notify)
    shared = set.intersection(*(set(member.pool.problem_ids) for member in study.members))
    if not shared:
        raise RequestError(f"no problem in '{path}' was asked of all its policies: sample them on the same problems")
    names = [name for name in study.pool.problem_ids if name in shared]
    return Wheel(study.of_problems(names), tuple(rounds))


def ask_flywheel(
    wheel: Wheel, bins: int = 5, queries: float | None = None, k: int | None = None, *, seed: int = 0
) -> Answer[Turned]:
    """Where problems go, how accuracy and coverage move, and against the same FLOPs spent otherwise.

    Parameters
    ----------
    wheel : Wheel
    bins : int
        Of difficulty, by the first policy.
    queries : float, optional
        That share what the rounds took; None: as many as there are problems.
    k : int, optional
        Samples that coverage is of; None: as many as all hold.
    seed : int

    Raises
    ------
    RequestError
        Too few samples or problems, or queries that are none.
    """
    if queries is not None and not queries > 0:
        raise RequestError(f"{queries:g} queries: give a number above 0")
    pools = wheel.pools
    base, *others = pools.values()
    size = min(samples_of_both(base, one) for one in others) if k is None else k
    moved, by_bin = flow(base, others, bins, seed=seed)
    shared_by = float(len(base.problem_ids)) if queries is None else queries
    totals = {one.policy: spent(wheel.rounds, one.policy) for one in wheel.rounds}
    result = Turned(
        _rounds(wheel, size, totals, seed),
        _moves(wheel, size, totals, seed),
        moved,
        by_bin,
        equal_compute(base, others, totals, shared_by, seed=seed),
        size,
        shared_by,
    )
    caption = (
        f"{wheel.study.store.name} · {base.policy} and {len(others)} policies made from it · "
        f"{len(base.problem_ids)} test problems × {size} samples",
        f"bins of equal size by one half of {base.policy}'s samples, both ways · intervals: 95 %, over problems",
    )
    result = replace(result, said=_findings(wheel, result, bins, seed))
    return Answer(result, tuple(line for part in result.said.values() for line in part), caption, _notes(wheel, result))


def _rounds(wheel: Wheel, k: int, totals: dict[str, float], seed: int) -> pl.DataFrame:
    pools, rows = wheel.pools, []
    base = next(iter(pools))
    for made in (None, *wheel.rounds):
        name, start = (base, base) if made is None else (made.policy, made.start)
        of = {row["measure"]: row for row in gain(pools[start], pools[name], k, seed=seed).iter_rows(named=True)}
        row: dict[str, Any] = {"policy": name, "way": "first", "round": 0}
        row |= {what: of[what]["second"] for what in ("accuracy", "coverage")}
        row["distinct"] = of["distinct"]["second"] * k if "distinct" in of else None
        if made is not None:
            own = {what: getattr(made, what) for what in ROUND_SCHEMA if hasattr(made, what)}
            moved = {what: of["accuracy"][what] for what in ("difference", "ci_low", "ci_high")}
            row |= own | moved | {"round": made.number, "spent_flops": totals[name]}
            row["per_flop"] = 100 * moved["difference"] / (made.flops / 1e12) if made.flops else None
        rows.append(row)
    return pl.DataFrame(rows, schema=ROUND_SCHEMA)


def _moves(wheel: Wheel, k: int, totals: dict[str, float], seed: int) -> pl.DataFrame:
    """Every policy against the first one, measure by measure."""
    pools = wheel.pools
    base = next(iter(pools.values()))
    rows = [
        {"policy": made.policy, "way": made.way, "round": made.number, "spent_flops": totals[made.policy], **row}
        for made in wheel.rounds
        for row in gain(base, pools[made.policy], k, seed=seed).iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=MOVED_SCHEMA)


def _findings(wheel: Wheel, found: Turned, bins: int, seed: int) -> dict[str, tuple[str, ...]]:
    said: dict[str, list[str]] = {part: [] for part in ("gain", "rounds", "hardest", "equal")}
    pools = wheel.pools
    base = next(iter(pools.values()))
    for way, kept in KEPT.items():
        own = [one for one in wheel.rounds if one.way == way]
        if not own:
            continue
        last = own[-1].policy
        of = {row["measure"]: row for row in found.moved.filter(pl.col("policy") == last).iter_rows(named=True)}
        one, cover = of["accuracy"], of["coverage"]
        said["gain"].append(
            f"{len(own)} {'round' if len(own) == 1 else 'rounds'} of training on its own samples, {kept}: "
            f"{verdict_of(one, cover)}. Against {base.policy}, an answer of {last} is right {how_often(one)} "
            f"({_percent(one['first'])} → {_percent(one['second'])}), a right one is among {found.k} "
            f"{how_often(cover)} ({_percent(cover['first'])} → {_percent(cover['second'])})."
        )
        said["hardest"] += _of_hardest(found.bins, last, bins)
        said["equal"] += _of_equal(found, last, base.policy)
        said["rounds"] += _of_longer(wheel, last, found.k, seed)
        said["rounds"] += [f"{last}: {line}" for line in _of_end(found.rounds, own, of)]
    return {part: tuple(lines) for part, lines in said.items()}


def _of_hardest(bins: pl.DataFrame, last: str, n_bins: int) -> list[str]:
    """Whether what was hardest became easier, beyond what chance moves."""
    rows = bins.filter((pl.col("policy") == last) & (pl.col("bin") == n_bins))
    if not len(rows):
        return []
    of = {row["measure"]: row for row in rows.iter_rows(named=True)}
    one, middle = of["easier"], of["middle"]
    reach = {
        "second": f"bin {n_bins} does become bin {(n_bins + 1) // 2} or easier",
        "first": f"fewer than by chance become bin {(n_bins + 1) // 2}",
    }.get(middle["winner"], f"that bin {n_bins} becomes bin {(n_bins + 1) // 2} is not shown")
    return [
        f"Of the problems in bin {n_bins}, the hardest, {_percent(one['second'])} are in an easier bin for {last}, "
        f"{_percent(one['first'])} by chance alone: {_points(one)}. {_percent(middle['second'])} are in bin "
        f"{(n_bins + 1) // 2} or an easier one, {_percent(middle['first'])} by chance: {_points(middle)}; {reach}."
    ]


def _of_equal(found: Turned, last: str, base: str) -> list[str]:
    """Against more samples for the same FLOPs, training included: for one answer, and for as many as there are."""
    own = found.equal.filter(pl.col("policy") == last)
    least, most = (own.filter(pl.col("budget") == k) for k in (own["budget"].min(), own["budget"].max()))
    vote, many = ({row["measure"]: row for row in part.iter_rows(named=True)} for part in (least, most))
    one, cover = vote["majority"], many["coverage"]
    said = [
        f"For the FLOPs of one answer of {last}, all rounds included and shared by {found.queries:,.0f} queries, "
        f"{base} draws {_drawn(one)} and is right by majority vote in {_percent(one['first'])} against "
        f"{_percent(one['second'])}: {_points(one)}. For those of {cover['budget']} answers it draws "
        f"{_drawn(cover)}, and a right one is among them in {_percent(cover['first'])} against "
        f"{_percent(cover['second'])}: {_points(cover)}."
    ]
    if one["from_queries"] is None:
        return [*said, f"At no number of queries does training pay for one answer of {last}: a vote costs less."]
    late = "" if one["needed"] else " at the latest, for no vote in the pool gets there"
    return [*said, f"Training pays for one answer of {last} from {prefixed(one['from_queries'])} queries on{late}."]


def _drawn(row: dict[str, Any]) -> str:
    if not row["base_budget"]:
        return "1 (which costs more, and none costs as little)"
    return f"{row['base_budget']:,}" + ("" if row["held"] else " (its pool holds fewer, all of which are used)")


def _of_longer(wheel: Wheel, last: str, k: int, seed: int) -> list[str]:
    """Against reading the first exercises again."""
    for made in wheel.rounds:
        if made.way == LONGER and made.matches == last:
            share = made.flops / spent(wheel.rounds, last)
            much = "as many" if 0.95 < share < 1.05 else f"{share:.0%} of the"
            one = gain(wheel.pools[made.policy], wheel.pools[last], k, seed=seed).row(0, named=True)
            lead = {"second": "the flywheel made more of them", "first": "reading again made more of them"}
            verdict = lead.get(one["winner"], "which made more of them is too close to call")
            return [
                f"Reading its own exercises again for {much} FLOPs comes to {_percent(one['first'])}: {verdict} "
                f"({last} {_points(one)})."
            ]
    return []


def _of_end(rounds: pl.DataFrame, own: Sequence[Round], of: dict[str, dict[str, Any]]) -> list[str]:
    """What the last round added for its FLOPs, what was learned from, and whether answers narrow."""
    said = []
    rows = {row["policy"]: row for row in rounds.iter_rows(named=True)}
    first, last = rows[own[0].policy], rows[own[-1].policy]
    if len(own) > 1:
        sure = "still adds" if last["ci_low"] > 0 else "takes away" if last["ci_high"] < 0 else "is not shown to add"
        said.append(
            f"round {own[-1].number} {sure}: {_points(last)} after {_points(first)} in round {own[0].number}, "
            f"{shown(last['per_flop'], 'per_flop')} a teraFLOP after {shown(first['per_flop'], 'per_flop')}."
        )
    wrong = [one.n_kept_wrong / one.n_kept if one.n_kept else 0.0 for one in own]
    missed = [1 - one.n_kept / one.n_problems if one.n_problems else 0.0 for one in own]
    if any(wrong):
        said.append(
            f"what it learned from was wrong in {_percent(wrong[0])} of the problems"
            + (f" at first, in {_percent(wrong[-1])} at last." if len(own) > 1 else ".")
        )
    else:
        said.append(
            f"of {own[0].n_problems:,} training problems it had no right answer to learn from in {_percent(missed[0])}"
            + (f" at first, in {_percent(missed[-1])} at last." if len(own) > 1 else ".")
        )
    if own[-1].plan:
        said.append(f"its last plan for the hardest problems: {own[-1].plan[-1]}.")
    if (spread := of.get("distinct")) is not None and spread["winner"] != "too close":
        way = "fewer" if spread["difference"] < 0 else "more"
        k = spread["budget"]
        said.append(
            f"its answers are {way}: {spread['second'] * k:.1f} different ones in {k} after {spread['first'] * k:.1f}."
        )
    return said


def _notes(wheel: Wheel, found: Turned) -> tuple[str, ...]:
    said = ["a difference counts as shown beyond one point, after correction for all measures"]
    short = found.equal.filter(~pl.col("held"))
    if len(short):
        n = int(short["base_budget"].max())  # type: ignore[arg-type]
        base = wheel.study.policy
        said.append(
            f"{base} may draw up to {n:,} samples for the same FLOPs, and its pool holds "
            f"{int(wheel.study.pool.pool_sizes.min()):,}: where they are not enough, all of them stand for more"
        )
    return tuple(said)


def _points(row: dict[str, Any]) -> str:
    return (
        f"{shown(row['difference'], 'difference')} points {shown_interval(row['ci_low'], row['ci_high'], 'difference')}"
    )


def _percent(share: float) -> str:
    return shown(share, "accuracy")
