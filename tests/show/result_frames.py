"""Results of known numbers whose charts read several tables, as `tests.show.frames` has single ones."""

from types import SimpleNamespace
from typing import Any

import polars as pl

from ttclib.study.account import Account
from ttclib.study.inside_results import Inside, InsideTraining


def _around(value: float, width: float = 0.05, name: str = "accuracy") -> dict[str, float]:
    return {name: value, "ci_low": value - width, "ci_high": value + width}


def account() -> Account:
    """Difficulty that is given, and told by two numbers of probes: the dearer gives nothing below 4."""
    rows = []
    for way, lead in (("given", 0.06), ("probes_4", 0.03), ("probes_16", -0.02)):
        for limit in (1.0, 4.0, 16.0):
            known = way != "probes_16" or limit > 1
            row = {"way": way, "label": way.replace("_", " "), "at_most": limit, "bill": 0.0, "cost": limit * 0.9}
            row |= {"accuracy": 0.5 + lead if known else None, "n_problems": 40, "break_even_queries": None}
            row |= {
                "difference": lead if known else None,
                "difference_low": lead - 0.02,
                "difference_high": lead + 0.02,
            }
            rows.append({**row, "factor": 1 + 10 * lead, "verdict": "saves" if lead > 0.05 else "too close"})
    return Account(pl.DataFrame(rows, infer_schema_length=None), "generations a problem")


def inside() -> Inside:
    """One answer with steps against up to four at once, by a perfect verifier, a vote and by chance."""
    curves = [
        {"strategy": name, "variant": name, "budget": budget, **_around(0.2 + gain * (budget - 1)), "n_problems": 40}
        for name, gain in (("pass_at_k", 0.1), ("majority_vote", 0.02), ("blind", 0.05))
        for budget in (1, 2, 4)
    ]
    once = [{"side": "with steps", **_around(0.45, 0.03)}]
    return Inside("sums", "at once", pl.DataFrame(), pl.DataFrame(curves), pl.DataFrame(once), {})


def inside_training() -> Any:
    """Two policies at three amounts of training, and three routes to one accuracy, of which one is nowhere."""
    frame = [
        {
            "side": side,
            "policy": f"{side}-{tokens:.0e}",
            "training_tokens": tokens,
            **_around(at + gain),
            "n_problems": 40,
        }
        for side, at in (("at once", 0.1), ("with steps", 0.4))
        for tokens, gain in ((1e6, 0.0), (1.1e6, 0.05), (1e7, 0.2))
    ]
    routes = [
        {"route": route, "exchange_rate": rate, "k": 1, "training_tokens": 1e6, "cost": cost and cost * (1 + 1 / rate),
         "factor": 1.0, "training_share": 0.5}
        for route, cost in (("steps", 1e7), ("more training", 2e7), ("samples with a vote", None))
        for rate in (0.01, 1.0, 100.0)
    ]  # fmt: skip
    tables = {"frame": pl.DataFrame(frame), "routes": pl.DataFrame(routes, infer_schema_length=None)}
    return InsideTraining(without="at once", other="with steps", needed=None, trained_ratio=9.0, few_shot=None,
                          target=0.45, **tables)  # type: ignore[arg-type]  # fmt: skip


def turned() -> Any:
    """A policy, two rounds that learnt of it, and the same problems asked again: two bins, two ways, two measures."""
    flow = [
        {"policy": policy, "bin": number, "bin_after": after, "share": share if after == number else 1 - share}
        for policy, share in (("again", 0.9), ("base-1", 0.6), ("base-2", 0.5))
        for number in (1, 2)
        for after in (1, 2)
    ]
    moved = [
        {"measure": measure, "way": way, "policy": f"base-{number}", "first": 0.3, "second": 0.3 + gain * number,
         **_around(gain * number, 0.04, "difference"), "spent_flops": 1e15 * 4**number, "n_problems": 40}
        for measure, more in (("accuracy", 0.0), ("coverage", -0.05))
        for way, gain in (("verified", 0.1 + more), ("longer", 0.03 + more))
        for number in (1, 2)
    ]  # fmt: skip
    rounds = pl.DataFrame({"policy": ["base", "base-1", "base-2"]})
    return SimpleNamespace(flow=pl.DataFrame(flow), moved=pl.DataFrame(moved), rounds=rounds, k=16)


def rehearsal() -> Any:
    """Two sets, one of which came to pass as forecast: accuracy and cost."""
    rows = [
        {"set": number, "measure": name, "inside": number == 1, "n_problems": 9, "fact": fact * scale,
         "forecast": 0.6 * scale, "low": 0.5 * scale, "high": 0.7 * scale}
        for name, scale in (("accuracy", 1.0), ("cost", 20.0))
        for number, fact in ((1, 0.65), (2, 0.8))
    ]  # fmt: skip
    return SimpleNamespace(frame=pl.DataFrame(rows), unit="generations a problem")


def plan() -> pl.DataFrame:
    """Two limits and two bins, one cell with ties, one a mixture, one empty."""
    step = {"ease_from": 0.5, "policy": "p", "cost": 2.0, "accuracy": 0.5, "given_up": 0.0, "tied": 1, "share": 1.0}
    best, vote = ({"strategy": name, "variant": name} for name in ("best_of_n", "majority_vote"))
    return pl.DataFrame([
        {"bin": 1, "at_most": 2.0, "budget": 2, **step, **best, "tied": 3},
        {"bin": 2, "at_most": 2.0, "budget": 1, **step, **vote, "share": 0.25},
        {"bin": 2, "at_most": 2.0, "budget": 16, **step, **best, "share": 0.75},
        {"bin": 1, "at_most": 4.0, "budget": 4, **step, **vote},
    ])  # fmt: skip


def graders() -> pl.DataFrame:
    """Two graders beside the first, one stricter and one more lenient."""
    row = {"strategy": "pass_at_k", "variant": "pass_at_k", "n_problems": 9, "ci_low": -0.2, "ci_high": 0.1}
    return pl.DataFrame([
        {"grader": grader, **row, "budget": budget, "accuracy": 0.5 + gap, "difference": gap}
        for grader, gap in (("math", 0.0), ("exact", -0.1), ("stored", 0.05)) for budget in (1, 2)
    ])  # fmt: skip


def optimal() -> tuple[pl.DataFrame, dict[str, Any]]:
    """The choice by two difficulties and a baseline, and the largest saving."""
    rows = [
        {"name": name, "cost": cost, **_around(at + 0.05 * cost**0.5), "n_problems": 40}
        for name, at in (("oracle", 0.4), ("predicted", 0.35), ("best-of-N", 0.3))
        for cost in (1.0, 4.0, 16.0)
    ]
    saving = {"factor": 4.0, "factor_low": 2.0, "factor_high": None, "cost": 1.0, "baseline_cost": 4.0,
              "accuracy": 0.4, "verdict": "saves"}  # fmt: skip
    return pl.DataFrame(rows), saving


def sequential() -> pl.DataFrame:
    """One after the other, at once, and the Nth alone, up to three answers."""
    return pl.DataFrame([
        {"name": name, "budget": budget, **_around(0.4 + gain * budget), "n_problems": 40}
        for name, gain in (("one chain", 0.05), ("at once", 0.04), ("the Nth alone", 0.01))
        for budget in (1, 2, 3, 4)
    ])  # fmt: skip


def gains() -> Any:
    """What a later side has more of an earlier one: one measure more, one less, one open; and by length."""
    rows = [
        {"first_side": "low", "second_side": "high", "measure": name, "first": 0.4, "second": 0.4 + gap, "budget": 16,
         **_around(gap, 0.03, "difference"), "winner": winner, "n_problems": 40}
        for name, gap, winner in (
            ("accuracy", 0.1, "second"), ("coverage", -0.05, "first"), ("agreement", 0.01, "too close")
        )
    ]  # fmt: skip
    lengths = [
        {"side": side, "relative_length": at, "deviation": lean * (at - 1), "accuracy": 0.5 + lean * (at - 1),
         "ci_low": lean * (at - 1) - 0.02, "ci_high": lean * (at - 1) + 0.02, "n_problems": 40}
        for side, lean in (("low", -0.1), ("high", 0.05)) for at in (0.5, 1.0, 2.0)
    ]  # fmt: skip
    return SimpleNamespace(frame=pl.DataFrame(rows), lengths=pl.DataFrame(lengths))
