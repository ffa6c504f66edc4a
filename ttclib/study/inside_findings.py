"""What inside against outside came to, in sentences computed from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ttclib.analysis.catching_up import CAUGHT, LEVEL_AT_ONCE, NOT_CAUGHT, OPEN
from ttclib.analysis.columns import prefixed, shown, shown_interval, shown_size, sized, strategy_label
from ttclib.replay.strategy import needs_truth
from ttclib.study.inside_results import Inside, InsideTraining

PERFECT = "perfect verifier"
_AHEAD = {"many": "ahead", "once": "behind"}
_UNITS = {"tokens": "the tokens", "flops": "the FLOPs", "dollars": "the price", "serial_tokens": "the waiting"}


def of_inside(found: Inside) -> tuple[str, ...]:
    """For each other side: one answer against one, whether many catch up and at which cost, and at equal cost.

    Parameters
    ----------
    found : Inside
    """
    said = []
    for side in found.once["side"]:
        rows = found.frame.filter(pl.col("once") == side).to_dicts()
        if rows:
            said += _of_side(found, side, rows)
    return tuple(said)


def _of_side(found: Inside, side: str, rows: list[dict[str, Any]]) -> list[str]:
    lead = f"{found.title}: {found.without}" if found.title else found.without
    one = found.curves.filter((pl.col("budget") == 1) & (pl.col("strategy") != "blind"))["accuracy"].max()
    once = rows[0]["accuracy_once"]
    said = [
        f"{lead} against {side}, {rows[0]['n_problems']} problems: one answer is right {_share(one)} against "
        f"{_share(once)}."
    ]
    by = {name: [row for row in rows if row["strategy"] == name] for name in dict.fromkeys(r["strategy"] for r in rows)}
    order = sorted(by, key=lambda name: not needs_truth(name))
    said += [" ".join([_verdict(side, by[name]), *_at_equal_cost(by[name])]) for name in order]
    blind = found.blind.get(side)
    bound = next((by[name][0] for name in order if needs_truth(name)), None)
    if blind is not None and bound is not None and bound["caught_at"] is not None:
        where = f"from N = {blind.at:,.0f} on" if blind.at != float("inf") else "at no N looked at"
        said.append(
            "What a perfect verifier makes of it is to be held against guessing: right answers to other problems, "
            f"drawn blindly, hold one as often as {side} is right {where}."
        )
    return said


def _verdict(side: str, rows: list[dict[str, Any]]) -> str:
    """Whether many catch up, and at which cost."""
    row = rows[0]
    how = _how(row["strategy"])
    whole = max(rows, key=lambda one: one["budget"])
    interval = shown_interval(row["caught_at_low"], row["caught_at_high"], "k")
    if row["caught"] == LEVEL_AT_ONCE:
        same = [
            f": {_gap(one)}, {_AHEAD.get(one['winner'], 'too close to call')}" for one in rows if one["budget"] == 1
        ]
        return f"{how}: nothing to catch, one answer is right as often as one of {side}{''.join(same[:1])}."
    if row["caught"] == CAUGHT:
        costs = {one["unit"]: one["caught_at"] / one["budget"] * one["cost"] / one["cost_once"] for one in rows}
        return f"{how}: {side} is caught at N = {row['caught_at']:,.0f} {interval}{_costing(costs)}."
    costs = {one["unit"]: one["cost"] / one["cost_once"] for one in rows if one["budget"] == whole["budget"]}
    end = f"up to N = {whole['budget']:,}{_costing(costs)}: {_share(whole['accuracy_many'])}, {_gap(whole)}"
    if row["caught"] == NOT_CAUGHT:
        return f"{how}: {side} is not caught {end}."
    return f"{how}: whether {side} is caught is too close to call {end}; N = {shown(row['caught_at'], 'k')} {interval}."


def _costing(costs: dict[str, float]) -> str:
    """At which cost, by unit, where there is more than a count of answers."""
    parts = [f"{prefixed(times, 2)} times {_UNITS[unit]}" for unit, times in costs.items() if unit in _UNITS]
    return f", at which it costs {' and '.join(parts)} of the one" if parts else ""


def _at_equal_cost(rows: list[dict[str, Any]]) -> list[str]:
    said = []
    largest = max(row["budget"] for row in rows)
    for row in rows:
        if row["at_most"] is None or row["unit"] not in _UNITS or row["budget"] == largest:
            continue
        ahead = _AHEAD.get(row["winner"], "too close to call")
        said.append(
            f"For {_UNITS[row['unit']]} of the one, N = {row['budget']:,}: {_share(row['accuracy_many'])}, "
            f"{_gap(row)}, {ahead}."
        )
    return said


def of_training(found: InsideTraining) -> tuple[str, ...]:
    """How many times the data what answers at once would need, and which way is cheapest over R.

    Parameters
    ----------
    found : InsideTraining
    """
    data, ratio = found.needed, found.trained_ratio
    own = found.frame.filter(pl.col("side") == found.without).sort("training_tokens").row(-1, named=True)
    other = found.frame.filter(pl.col("side") == found.other).sort("training_tokens").row(-1, named=True)
    lead = (
        f"{found.other} reaches {_share(other['accuracy'])} in one answer after {sized(other['training_tokens'])} "
        "tokens of training"
    )
    times, low, high = (one / other["training_tokens"] for one in (data.at, data.low, data.high))
    most = "as many" if abs(ratio - 1) < 0.05 else f"{prefixed(ratio, 2)} times as many"
    reached = f"{_share(own['accuracy'])} {shown_interval(own['ci_low'], own['ci_high'], 'accuracy')}"
    if data.verdict == LEVEL_AT_ONCE:
        said = [f"{lead}; {found.without} gets there with {prefixed(times, 2)} times as many, the fewest looked at."]
    elif data.at < float("inf"):
        end = "" if data.verdict == CAUGHT else f"; with {most}, the most that it was trained on, {reached}"
        said = [
            f"{lead}; {found.without} needs {prefixed(times, 2)} times as many "
            f"{shown_interval(low, high, 'factor')}{end}."
        ]
    else:
        verdict = "does not get there" if data.verdict == NOT_CAUGHT else "is not shown to get there"
        said = [f"{lead}; {found.without} {verdict} with {most}, the most that it was trained on: {reached}."]
    if found.few_shot is not None:
        row = found.few_shot
        said.append(
            f"Steps at inference alone, worked examples in the prompt of {found.without}: {_share(row['accuracy'])} "
            f"{shown_interval(row['ci_low'], row['ci_high'], 'accuracy')} in one answer."
        )
    return (*said, *_routes(found))


def _routes(found: InsideTraining) -> list[str]:
    """Which way is cheapest at which R, and which do not get there."""
    frame = found.routes
    lost = frame.group_by("route", maintain_order=True).agg(pl.col("cost").is_null().all())
    missing = lost.filter(pl.col("cost"))["route"].to_list()
    turns = _cheapest(frame)
    said = []
    if turns:
        said.append(f"In all, training and inference, for {_share(found.target)}: cheapest is {_over_rates(turns)}.")
        last = frame.filter(pl.col("exchange_rate") == frame["exchange_rate"].max()).drop_nulls("factor")
        dearer = [f"{row['route']} {prefixed(row['factor'], 2)} times" for row in last.to_dicts() if row["factor"] > 1]
        if dearer:
            said[-1] += (
                f" At R = {prefixed(float(last['exchange_rate'][0]), 2)} the others cost more: {', '.join(dearer)}."
            )
    if any(PERFECT in route for route, _ in turns):
        said[-1] += " A perfect verifier is taken to cost nothing."
        real = _cheapest(frame.filter(~pl.col("route").str.contains(PERFECT, literal=True)))
        said[-1] += f" Without one, cheapest is {_over_rates(real)}." if real else ""
    if missing:
        said.append(f"{'; '.join(missing).capitalize()}: not there at any cost looked at.")
    return said


def _cheapest(routes: pl.DataFrame) -> list[tuple[str, float]]:
    """The cheapest way at the lowest R, and each R from which on it is another one."""
    turns: list[tuple[str, float]] = []
    least = routes.drop_nulls("cost").sort("exchange_rate", "cost", maintain_order=True)
    for row in least.unique("exchange_rate", keep="first", maintain_order=True).to_dicts():
        if not turns or row["route"] != turns[-1][0]:
            turns.append((row["route"], row["exchange_rate"]))
    return turns


def _over_rates(turns: list[tuple[str, float]]) -> str:
    first, *later = turns
    said = [first[0], *(f"from R = {prefixed(rate, 2)} on {route}" for route, rate in later)]
    return f"{'' if later else 'at every R looked at '}{', '.join(said)}"


def _how(strategy: str) -> str:
    return "With a perfect verifier" if needs_truth(strategy) else f"By {strategy_label(strategy)}"


def _gap(row: dict[str, Any]) -> str:
    word = "above" if row["difference"] > 0 else "below"
    ends = shown_interval(row["ci_low"], row["ci_high"], "difference")
    return f"{shown_size(row['difference'], 'difference')} points {word} {ends}"


def _share(value: Any) -> str:
    return shown(value, "accuracy")


def of_models(found: Sequence[Inside]) -> tuple[str, ...]:
    """Of several models, for which samples with a perfect verifier catch up with one answer of the last other side."""
    by: dict[str, list[str]] = {}
    ahead = []
    for one in found:
        rows = one.frame.filter(pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean)).to_dicts()
        whole = max(rows, key=lambda row: row["budget"])
        by.setdefault(whole["caught"], []).append(f"{one.title} at N = {whole['budget']:,}")
        if any(row["budget"] == 1 and row["winner"] == "many" for row in rows):
            ahead.append(one.title)
    words = {
        NOT_CAUGHT: ("does", "do", "not catch one answer with steps"),
        CAUGHT: ("catches", "catch", "it"),
        LEVEL_AT_ONCE: ("has", "have", "nothing to catch, one answer at once is right as often"),
        OPEN: ("is", "are", "too close to call"),
    }
    parts = [
        f"{len(by[how])} {one if len(by[how]) == 1 else many} {rest} ({', '.join(by[how])})"
        for how, (one, many, rest) in words.items()
        if how in by
    ]
    less = f" One answer at once is ahead of one with steps for {', '.join(ahead)}." if ahead else ""
    return (f"Of {len(found)} models, a perfect verifier picking among answers at once: {'; '.join(parts)}.{less}",)
