"""What was found, in sentences computed from the numbers and never beyond them."""

from __future__ import annotations

from typing import Any

import polars as pl

from ttclib.analysis.columns import DASH, shown, shown_interval, shown_size, strategy_label
from ttclib.analysis.crossover import Crossover
from ttclib.analysis.efficiency import NO_FACTOR, NOT_REACHED, STARTS_ABOVE, Efficiency
from ttclib.analysis.frontier import COMPUTE_OPTIMAL, Frontier
from ttclib.replay.strategy import needs_truth
from ttclib.study import settling


def of_curves(frame: pl.DataFrame) -> tuple[str, ...]:
    """Which strategy is ahead where the budget ends, and how far coverage is from it."""
    rows = frame.filter(pl.col("bin").is_null()).drop_nulls("accuracy")
    if not len(rows):
        return ()
    able = rows.filter(~pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean))
    said = []
    if len(able):
        best = able.sort("accuracy", "budget", descending=[True, False]).row(0, named=True)
        said.append(
            f"Most accurate: {_name(best)} at N = {best['budget']} with {_percent(best['accuracy'])} "
            f"{_interval(best)} on {_problems(best)}."
        )
        falling = [
            _name(last)
            for _, own in able.group_by("variant", maintain_order=True)
            if (last := own.sort("budget").row(-1, named=True))["ci_high"] is not None
            and last["ci_high"] < own["accuracy"].max()
        ]
        if falling:
            said.append(f"More samples make it worse at the end: {', '.join(falling)}.")
    cover = rows.filter(pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean)).sort("budget")
    if len(cover) and not len(able):
        last = cover.row(-1, named=True)
        said.append(
            f"At N = {last['budget']} a right answer is among the samples of {_percent(last['accuracy'])} "
            f"{_interval(last)} of {_problems(last)}."
        )
    elif len(cover):
        last = cover.row(-1, named=True)
        at = able.filter(pl.col("budget") == last["budget"])["accuracy"].max()
        if at is not None:
            gap = last["accuracy"] - float(at)  # type: ignore[arg-type]
            lead = f"{_size(gap)} points more than any" if gap >= 5e-4 else "no more than the best"
            reach = f"At N = {last['budget']} a perfect verifier would reach {_percent(last['accuracy'])}"
            said.append(f"{reach}, {lead} strategy here.")
    return tuple(said)


def of_frontier(found: Frontier) -> tuple[str, ...]:
    """What the best choice comes to, and whether it beats the best single strategy at that cost."""
    whole = found.frame.filter(pl.col("bin").is_null())
    chosen = whole.filter(pl.col("strategy") == COMPUTE_OPTIMAL).drop_nulls("accuracy")
    if not len(chosen):
        return ("No candidate is affordable within any limit.",)
    last = chosen.sort("at_most").row(-1, named=True)
    said = [
        f"Within {last['at_most']:.4g} {found.unit} the best choice reaches {_percent(last['accuracy'])} "
        f"{_interval(last)}, at a cost of {last['cost']:.4g}, on {_problems(last)}."
    ]
    single = whole.filter(
        (pl.col("strategy") != COMPUTE_OPTIMAL)
        & (pl.col("cost") <= last["at_most"] * (1 + 1e-9))
        & ~pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean)
    ).drop_nulls("accuracy")
    if len(single):
        best = single.sort(pl.col("accuracy").round(9), "cost", descending=[True, False]).row(0, named=True)
        gain = last["accuracy"] - best["accuracy"]
        lead = "more than" if gain > 0 else "less than"
        if abs(gain) < 5e-4:
            said.append(f"That is as much as {_name(best)} at N = {best['budget']} alone reaches.")
        else:
            said.append(
                f"That is {_size(gain)} points {lead} {_name(best)} at N = {best['budget']}, the best single one in "
                "hindsight."
            )
    return tuple(said)


def of_allocation(frame: pl.DataFrame, unit: str) -> tuple[str, ...]:
    """What moving compute between problems adds at the largest limit at which it adds most, or that it adds nothing."""
    moved = frame.filter(pl.col("per") == "average").drop_nulls("difference")
    if not len(moved):
        return ()
    sure = moved.filter(pl.col("difference_low") > 0)
    if not len(sure):
        most = moved.sort("difference").row(-1, named=True)
        ends = (most["difference"], most["difference_low"], most["difference_high"], most["n_problems"])
        wanted = {f"within {most['at_most']:.4g} {unit}": (settling.problems_needed(*ends), most["n_problems"])}
        nothing = "At no limit is it certain that moving compute from easy problems to hard ones adds anything."
        return (nothing, *(settling.said(wanted) if most["difference"] > 0 else ()))
    best = sure.sort("difference", descending=True).row(0, named=True)
    return (
        f"Moving compute from easy problems to hard ones adds most within {best['at_most']:.4g} {unit}: "
        f"{_size(best['difference'])} points "
        f"[{100 * best['difference_low']:.1f}, {100 * best['difference_high']:.1f}], to {_percent(best['accuracy'])}.",
    )


def of_efficiency(found: Efficiency) -> tuple[str, ...]:
    """The largest factor that the numbers carry, or why there is none."""
    baseline = strategy_label(found.baseline)
    rows = found.frame.filter(pl.col("bin").is_null()).to_dicts()
    saving = [row for row in rows if row["verdict"] == "saves"]
    if saving:
        best = max(saving, key=lambda row: row["factor"] or 0.0)
        low = "open" if best["open_low"] else f"{best['factor_low']:.2g}"
        high = "open" if best["open_high"] else f"{best['factor_high']:.2g}"
        text = (
            f"At {_percent(best['accuracy'])} the best choice needs {best['factor']:.2g} times less than "
            f"{baseline} [{low}, {high}]: {best['cost']:.4g} for {best['baseline_cost']:.4g} {found.unit}."
        )
        said = [text]
        if best.get("billed_factor") is not None:
            pays = "still saves" if best["billed_factor"] > 1 else "no longer saves"
            said.append(
                f"With the samples that told the difficulty billed it {pays}: {best['billed_factor']:.2g} times."
            )
        return tuple(said)
    reasons = {row["verdict"] for row in rows}
    if reasons <= {NOT_REACHED}:
        return (f"The best choice never gets where {baseline} gets.",)
    if reasons <= {*NO_FACTOR, STARTS_ABOVE}:
        return (f"There is no factor to tell: {baseline} does not gain by its budget.",)
    told = [row for row in rows if row["factor"] is not None]
    if not told:
        return (f"No saving over {baseline} is shown on {max(row['n_problems'] for row in rows)} problems.",)
    most = max(told, key=lambda row: row["factor"])
    ends = shown_interval(most["factor_low"], most["factor_high"], "factor")
    return (
        f"No saving over {baseline} is shown on {_problems(most)}: the largest factor, "
        f"{most['factor']:.2g}{' ' + ends if ends != DASH else ''} at "
        f"{_percent(most['accuracy'])}, may be none.",
        *settling.of_factor(most),
    )


def of_crossover(found: Crossover) -> tuple[str, ...]:
    """Who is ahead at each exchange rate, and in which bins."""
    said = []
    rates = found.frame["exchange_rate"].unique().sort().to_list()
    shown = rates if len(rates) <= 5 else _few(rates)
    chosen_from = found.choice.candidates.outcomes
    bound = bool(chosen_from) and all(needs_truth(one.strategy) for one in chosen_from)
    perfect = " (the small one checked by a perfect verifier)" if bound else ""
    for rate in shown:
        rows = found.frame.filter(pl.col("exchange_rate") == rate)
        if rows["bin"].drop_nulls().n_unique() < 2:
            rows = rows.filter(pl.col("bin").is_null())
        whole = rows.filter(pl.col("bin").is_null()).row(0, named=True)
        text = f"R = {rate:.3g}: {_ahead(whole)}{perfect}"
        by = {
            who: [row["bin"] for row in rows.drop_nulls("bin").to_dicts() if row["winner"] == who]
            for who in ("small", "large", "too close", None)
        }
        words = {"small": "the small one ahead", "large": "the larger one ahead", "too close": "too close to call"}
        parts = [f"{_span(by[who])} {word}" for who, word in words.items() if by[who]]
        said.append(text + (f"; {', '.join(parts)}" if parts else "") + ".")
    return (*said, *settling.of_crossover(found.frame, shown))


def of_sides(found: Any) -> tuple[str, ...]:
    """What the difference of two sides is where the budget ends."""
    said: list[str] = []
    lasts = []
    rows = found.frame.filter(pl.col("bin").is_null())
    for _, own in rows.group_by("strategy", maintain_order=True):
        last = own.sort("budget").row(-1, named=True)
        who = last["winner"]
        verdict = "too close to call" if who == "too close" else f"{who} ahead" if who else "not answerable"
        said.append(
            f"{strategy_label(last['strategy'])} at N = {last['budget']}: {verdict}, {_points(last['difference'])} "
            f"points [{_points(last['ci_low'])}, {_points(last['ci_high'])}] for {found.names[1]} on "
            f"{_problems(last)}."
        )
        lasts.append(last)
    wanted = settling.open_rows(lasts, settling.comparisons(found.frame.to_dicts()))
    return (*said, *settling.said({_name(row): (needed, row["n_problems"]) for row, needed in wanted}))


def of_graders(result: Any) -> tuple[str, ...]:
    """On how many samples graders differ, and which curve each moves most against the first."""
    found = result.found
    said = [
        f"{row['grader']} and {row['other_grader']} grade {row['differing_samples']:,} of {found.n_samples:,} answers "
        f"otherwise{_of_all(row['differing_share'])}: right by {row['grader']} alone {row['only_grader_right']:,}, "
        f"by {row['other_grader']} alone {row['only_other_right']:,}."
        for row in found.counts()
        if row["differing_samples"]
    ]
    if not said:
        return (f"{', '.join(found.names)} grade all {found.n_samples:,} answers alike.",)
    for name in found.names[1:]:
        rows = result.frame.filter(pl.col("grader") == name).drop_nulls("difference")
        if not len(rows):
            continue
        most = rows.sort(pl.col("difference").abs(), maintain_order=True).row(-1, named=True)
        if abs(most["difference"]) < 5e-4:
            said.append(f"Graded by {name} instead of {result.first} no curve moves.")
            continue
        said.append(
            f"Graded by {name} instead of {result.first} {_name(most)} moves most: at N = {most['budget']} by "
            f"{_points(most['difference'])} points [{_points(most['ci_low'])}, {_points(most['ci_high'])}], to "
            f"{_percent(most['accuracy'])} on {_problems(most)}."
        )
    return tuple(said)


def _of_all(share: float) -> str:
    return f" ({_percent(share)})" if share >= 5e-4 else ""


def _ahead(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return "not answerable, for no candidate costs as little"
    gap, low, high = row["difference"], row["ci_low"], row["ci_high"]
    size, both = f"by {_size(gap)} points", f"[{_points(low)}, {_points(high)}]"
    if low * high > 0:
        near, far = sorted((abs(low), abs(high)))
        both = f"[{_size(near)}, {_size(far)}]"
    if row["winner"] == "large":
        return f"the larger model is ahead {size} {both}"
    if row["winner"] == "small":
        return f"the small policy is ahead {size} {both}"
    return f"too close to call on {_problems(row)}, {_points(gap)} points [{_points(low)}, {_points(high)}]"


def _few(values: list[float]) -> list[float]:
    return [values[place * (len(values) - 1) // 4] for place in range(5)]


def _span(numbers: list[int]) -> str:
    """``bin 1``, ``bins 1–3`` or ``bins 1, 3``."""
    if len(numbers) == 1:
        return f"bin {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"bins {numbers[0]}–{numbers[-1]}"
    return f"bins {', '.join(map(str, numbers))}"


def _name(row: dict[str, Any]) -> str:
    return strategy_label(row["variant"])


def _interval(row: dict[str, Any]) -> str:
    return shown_interval(row["ci_low"], row["ci_high"], "accuracy")


def _percent(value: float) -> str:
    return shown(value, "accuracy")


def _size(value: float) -> str:
    return shown_size(value, "difference")


def _points(value: float) -> str:
    return shown(value, "difference")


def _problems(row: dict[str, Any]) -> str:
    return f"{row['n_problems']} problem{'' if row['n_problems'] == 1 else 's'}"
