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
from ttclib.study.family_findings import CHECKED


def of_curves(frame: pl.DataFrame) -> tuple[str, ...]:
    """Which strategy is ahead where the budget ends, and how far coverage is from it."""
    rows = frame.filter(pl.col("bin").is_null()).drop_nulls("accuracy")
    if not len(rows):
        return ()
    able = rows.filter(~pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean))
    said = []
    if len(able):
        ranked = able.sort("accuracy", "budget", descending=[True, False]).unique("variant", maintain_order=True)
        best, *others = ranked.to_dicts()
        text = (
            f"Most accurate: {_name(best)} at N = {best['budget']} with {_percent(best['accuracy'])} "
            f"{_interval(best)} on {_problems(best)}"
        )
        if others:
            next_one = f"{_name(others[0])} at N = {others[0]['budget']}"
            level = best["accuracy"] - others[0]["accuracy"] < 5e-4
            text += (
                f", level with {next_one}" if level else f", before {next_one} with {_percent(others[0]['accuracy'])}"
            )
        said.append(f"{text}.")
        for top in ranked.to_dicts():
            last = able.filter(pl.col("variant") == top["variant"]).sort("budget").row(-1, named=True)
            if last["ci_high"] is not None and last["ci_high"] < top["accuracy"]:
                said.append(
                    f"More samples make {_name(top)} worse in the end: {_percent(top['accuracy'])} at N = "
                    f"{top['budget']}, {_percent(last['accuracy'])} {_interval(last)} at N = {last['budget']}."
                )
    cover = rows.filter(pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean)).sort("budget")
    if len(cover) and not len(able):
        last = cover.row(-1, named=True)
        said.append(
            f"At N = {last['budget']} a right answer is among the samples of {_percent(last['accuracy'])} "
            f"{_interval(last)} of {_problems(last)}."
        )
    elif len(cover):
        last = cover.row(-1, named=True)
        gap = last["accuracy"] - best["accuracy"]
        lead = f"{_size(gap)} points more" if gap >= 5e-4 else "no more"
        reach = f"At N = {last['budget']} a perfect verifier would reach {_percent(last['accuracy'])}"
        said.append(f"{reach}, {lead} than the most accurate.")
    return tuple(said)


def of_selection(frame: pl.DataFrame, quality: pl.DataFrame, verifier: str) -> tuple[str, ...]:
    """How often a verifier's favourite is wrong though a right sample is there, and how it ranks the samples.

    Parameters
    ----------
    frame : polars.DataFrame
        Curves of ``pass_at_k`` and ``best_of_n``.
    quality : polars.DataFrame
        As `ttclib.analysis.verifier.verifier_quality` gives it.
    verifier : str
        What it is called.
    """
    rows = frame.filter(pl.col("bin").is_null()).drop_nulls("accuracy").sort("budget")
    there, taken = (rows.filter(pl.col("strategy") == name) for name in ("pass_at_k", "best_of_n"))
    said = []
    both = set(there["budget"]) & set(taken["budget"])
    if both:
        n = max(both)
        covered, right = (part.filter(pl.col("budget") == n).row(0, named=True) for part in (there, taken))
        said.append(
            f"On {_percent(covered['accuracy'] - right['accuracy'])} of {_problems(covered)} the sample of {n} that "
            f"{verifier} scores highest is wrong though a right one is among them; on "
            f"{_percent(1 - covered['accuracy'])} none is right."
        )
    whole = quality.filter(pl.col("bin").is_null()).drop_nulls("auc_within")
    if len(whole):
        row = whole.row(0, named=True)
        said.append(
            f"Of a right and a wrong sample of one problem the right one is scored higher in "
            f"{_percent(row['auc_within'])} {shown_interval(row['ci_low'], row['ci_high'], 'accuracy')} of the pairs, "
            f"on the {row['n_mixed']} problems that have both."
        )
    return tuple(said)


def of_verifiers(quality: pl.DataFrame) -> tuple[str, ...]:
    """Which verifier tells right from wrong best inside a problem, and how the others do."""
    whole = quality.filter(pl.col("bin").is_null()).drop_nulls("auc_within").sort("auc_within", descending=True)
    if not len(whole):
        return ("No problem has both right and wrong samples that are scored: no verifier can be told from another.",)
    parts = [
        f"{row['verifier']} scores the right one higher in {_percent(row['auc_within'])} "
        f"{shown_interval(row['ci_low'], row['ci_high'], 'accuracy')}"
        for row in whole.to_dicts()
    ]
    n = max(whole["n_mixed"].to_list())
    return (f"Of pairs of a right and a wrong sample of one problem {', '.join(parts)}; {n} problems have both.",)


def of_frontier(found: Frontier) -> tuple[str, ...]:
    """What the best choice comes to, and whether it beats the best single strategy at that cost."""
    whole = found.frame.filter(pl.col("bin").is_null())
    chosen = whole.filter(pl.col("strategy") == COMPUTE_OPTIMAL).drop_nulls("accuracy")
    if not len(chosen):
        return ("No candidate is affordable within any limit.",)
    last = chosen.sort("at_most").row(-1, named=True)
    spent = f", spending {shown(last['cost'], 'cost')}," if last["cost"] < last["at_most"] * (1 - 1e-9) else ""
    able = whole.filter(pl.col("strategy") != COMPUTE_OPTIMAL)["strategy"].unique().to_list()
    perfect = f", {CHECKED}" if able and all(needs_truth(name) for name in able) else ""
    said = [
        f"Within {shown(last['at_most'], 'at_most')} {found.unit} the best choice{perfect}{',' if perfect else ''} "
        f"reaches {_percent(last['accuracy'])} {_interval(last)}{spent} on {_problems(last)}."
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
        low = "open" if best["open_low"] else f"{best['factor_low']:.3g}"
        high = "open" if best["open_high"] else f"{best['factor_high']:.3g}"
        text = (
            f"At {_percent(best['accuracy'])} the best choice needs {best['factor']:.3g} times less than "
            f"{baseline} [{low}, {high}]: {shown(best['cost'], 'cost')} instead of "
            f"{shown(best['baseline_cost'], 'cost')} {found.unit}."
        )
        said = [text]
        if best.get("billed_factor") is not None:
            billed = best["billed_factor"]
            pays = f"still needs {billed:.3g} times less" if billed > 1 else f"needs {1 / billed:.3g} times as much"
            said.append(f"With the samples that told the difficulty billed it {pays}.")
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
    may = "may be" if settling.saves(most["factor"]) else "is"
    return (
        f"No saving over {baseline} is shown on {_problems(most)}: the largest factor, "
        f"{most['factor']:.2g}{' ' + ends if ends != DASH else ''} at "
        f"{_percent(most['accuracy'])}, {may} none.",
        *settling.of_factor(most),
    )


def of_crossover(found: Crossover) -> tuple[str, ...]:
    """Who is ahead at each exchange rate, and in which bins."""
    said = []
    rates = found.frame["exchange_rate"].unique().sort().to_list()
    shown_rates = rates if len(rates) <= 5 else _few(rates)
    chosen_from = found.choice.candidates.outcomes
    bound = bool(chosen_from) and all(needs_truth(one.strategy) for one in chosen_from)
    perfect = " (the small one checked by a perfect verifier)" if bound else ""
    compared = settling.comparisons(found.frame.to_dicts())
    for rate in shown_rates:
        rows = found.frame.filter(pl.col("exchange_rate") == rate)
        if rows["bin"].drop_nulls().n_unique() < 2:
            rows = rows.filter(pl.col("bin").is_null())
        whole = rows.filter(pl.col("bin").is_null()).row(0, named=True)
        text = f"R = {rate:.3g}: {_ahead(whole, compared)}{perfect}"
        by = {
            who: [row["bin"] for row in rows.drop_nulls("bin").to_dicts() if row["winner"] == who]
            for who in ("small", "large", "too close", None)
        }
        words = {"small": "the small one ahead", "large": "the larger one ahead", "too close": "too close to call"}
        parts = [f"{_span(by[who])} {word}" for who, word in words.items() if by[who]]
        said.append(text + (f"; {', '.join(parts)}" if parts else "") + ".")
    return (*said, *settling.of_crossover(found.frame, shown_rates))


def of_sides(found: Any) -> tuple[str, ...]:
    """What the difference of two sides is where the budget ends."""
    said: list[str] = []
    lasts = []
    compared = settling.comparisons(found.frame.to_dicts())
    rows = found.frame.filter(pl.col("bin").is_null())
    for _, own in rows.group_by("strategy", maintain_order=True):
        last = own.sort("budget").row(-1, named=True)
        who = last["winner"]
        verdict = _too_close(last, compared) if who == "too close" else f"{who} ahead" if who else "not answerable"
        said.append(
            f"{_name(last)} at N = {last['budget']}: {verdict}, {_points(last['difference'])} "
            f"points [{_points(last['ci_low'])}, {_points(last['ci_high'])}] for {found.names[1]} on "
            f"{_problems(last)}."
        )
        lasts.append(last)
    wanted = settling.open_rows(lasts, compared)
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


def _too_close(row: dict[str, Any], n_comparisons: int, on: str = "") -> str:
    """That nobody is told to be ahead, and why, where the row's own interval leaves out zero all the same."""
    if row["ci_low"] * row["ci_high"] <= 0:
        return f"too close to call{on}"
    of = "the one comparison" if n_comparisons == 1 else f"{n_comparisons} comparisons"
    return f"too close to call{on}, as a point or less is not ruled out in {of}"


def _ahead(row: dict[str, Any], n_comparisons: int) -> str:
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
    points = f"{_points(gap)} points [{_points(low)}, {_points(high)}]"
    return f"{_too_close(row, n_comparisons, f' on {_problems(row)}')}, {points}"


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
