"""Frames of known numbers, as the analysis gives them, to draw and to write."""

from dataclasses import replace

import numpy as np
import polars as pl

from ttclib.analysis.columns import schema
from ttclib.analysis.frontier import frontier as frontier_of
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.many_or_once import many_or_once as several_or_once
from ttclib.analysis.training import Training, train_or_sample
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.study.many_or_once import ManyOrOnce

BUDGETS = (1, 2, 4, 8, 16)
# Accuracy over all problems at each budget.
ACCURACY = {
    "pass_at_k": (0.50, 0.60, 0.70, 0.80, 0.90),
    "majority_vote": (0.50, 0.50, 0.55, 0.58, 0.60),
    "best_of_n": (0.50, 0.58, 0.66, 0.71, 0.69),
    "weighted_best_of_n": (0.50, 0.58, 0.67, 0.73, 0.75),
}


def curves(bins: tuple[int, ...] = (1, 2, 3), strategies: tuple[str, ...] = tuple(ACCURACY)) -> pl.DataFrame:
    """Accuracy is 0.2 higher in bin 1 and 0.1 lower a bin further; 12 problems of 16 samples, 4 in a bin."""
    rows = []
    for strategy in strategies:
        for number in (None, *bins):
            for budget, accuracy in zip(BUDGETS, ACCURACY[strategy], strict=True):
                value = accuracy if number is None else min(1.0, accuracy + 0.3 - 0.1 * number)
                rows.append(
                    {
                        "strategy": strategy,
                        "variant": strategy,
                        "bin": number,
                        "budget": budget,
                        "accuracy": value,
                        "ci_low": value - 0.05,
                        "ci_high": min(1.0, value + 0.04),
                        "n_problems": 12 if number is None else 4,
                        "tokens": 100.0 * budget,
                        "flops": 1e9 * budget,
                    }
                )
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def many_or_once(title: str = "toy") -> ManyOrOnce:
    """Two sides on 40 problems, four answers each: 10 tokens an answer and 35."""
    outcomes = []
    for side, accuracy, tokens in (("small", (0.4, 0.45, 0.5, 0.55), 10), ("large", (0.7, 0.75, 0.78, 0.8), 35)):
        for strategy, more in (("majority_vote", 0.0), ("pass_at_k", 0.1)):
            table = np.tile([accuracy[0], *(value + more for value in accuracy[1:])], (40, 1))
            spent = np.tile([tokens * size for size in (1.0, 2.0, 3.0, 4.0)], (40, 1))
            ids = tuple(f"p{row}" for row in range(40))
            costs = {"completion_tokens": spent}
            variant = f"{side}: {strategy}"
            outcomes.append(Outcomes(strategy, variant, (1, 2, 3, 4), ids, table, costs, source=Source(side)))
    ledger = Ledger(unit="tokens")
    frame = several_or_once([*outcomes], [one.source.policy for one in outcomes], ledger=ledger)[0]
    best = frontier_of(outcomes, ledger=ledger, n_resamples=20)
    best = replace(best, frame=best.frame.with_columns(side=pl.col("variant").str.split(": ").list.first()))
    return ManyOrOnce(title, frame, best, ("small", "large"), ledger)


def frontier() -> pl.DataFrame:
    """Two candidates and the choice, over all problems and in two bins."""
    rows = []
    for number in (None, 1, 2):
        for place, (strategy, variant) in enumerate(
            (
                ("majority_vote", "majority_vote"),
                ("beam_search", "beam_search (M=4)"),
                ("beam_search", "beam_search (M=8)"),
                ("compute_optimal", "compute_optimal"),
            )
        ):
            for budget in (4, 16):
                rows.append(
                    {
                        "strategy": strategy,
                        "variant": variant,
                        "bin": number,
                        "budget": budget,
                        "cost": budget * 2.0,
                        "accuracy": 0.5 + 0.1 * place + 0.001 * budget,
                        "ci_low": 0.4,
                        "ci_high": 0.99,
                        "pareto": strategy == "beam_search" and budget == 16,
                        "chosen": "beam_search (M=4)" if strategy == "compute_optimal" else None,
                        "n_problems": 12,
                    }
                )
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def crossover() -> pl.DataFrame:
    """The small model leads by 10 points at R = 0.1 and trails by 10 at R = 10; in bin 2 nothing is settled."""
    rows = []
    for number, differences in ((None, (0.1, 0.0, -0.1)), (1, (0.2, 0.15, 0.1)), (2, (None, -0.02, 0.0004))):
        for rate, difference in zip((0.1, 1.0, 10.0), differences, strict=True):
            sign = {True: "small", False: "large"}[bool(difference and difference > 0)]
            rows.append(
                {
                    "bin": number,
                    "exchange_rate": rate,
                    "multiplier": 10.0 / rate,
                    "accuracy_small": None if difference is None else 0.7 + difference,
                    "accuracy_large": 0.7,
                    "difference": difference,
                    "ci_low": None if difference is None else difference - 0.03,
                    "ci_high": None if difference is None else difference + 0.03,
                    "relative_gain": None if difference is None else difference / 0.7,
                    "gain_low": None,
                    "gain_high": None,
                    "winner": None if difference is None else "too close" if abs(difference) < 0.05 else sign,
                    "pool_ends_at": 64.0 if rate < 0.5 else None,
                    "n_problems": 12 if number is None else 6,
                }
            )
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def pairs() -> dict[str, pl.DataFrame]:
    """Two pairs on two tasks: one ahead throughout, one behind in a pool of ten and by a fit ahead beyond it."""
    curves, rows, bins = [], [], []
    for pair, task, lead in (("A 1B vs 4B", "sums", 0.2), ("B 1B vs 4B", "sums", -0.1), ("B 1B vs 4B", "words", 0.05)):
        facts = {"pair": pair, "task": task, "neighbours": True}
        for rate, spent in ((0.1, 94.0), (1.0, 13.0), (10.0, 4.9)):
            measured = lead - 0.01 * (spent < 10)
            ends = {"ci_low": measured - 0.04, "ci_high": measured + 0.04}
            guess = {"estimate": lead + 0.1, "estimate_low": lead + 0.05, "estimate_high": lead + 0.15}
            shown = {"exchange_rate": rate, "multiplier": spent, "difference": measured, "n_problems": 300}
            curves.append({**facts, **shown, **ends, "within_pool": spent <= 10, **guess})
        beyond = lead < 0
        needed = {"attempts": float("inf") if beyond else 3.0, "attempts_low": 2.0, "attempts_high": float("inf")}
        fitted = {"attempts_fitted": 30.0, "attempts_low_fitted": 12.0, "attempts_high_fitted": 400.0}
        crossing = {"crossing": 0.0 if beyond else float("inf"), "crossing_low": 0.0, "crossing_high": float("inf")}
        estimated = {"crossing_fitted": 0.35, "crossing_low_fitted": 0.02, "crossing_high_fitted": 1.1}
        shares = {"accuracy_once": 0.3, "accuracy_small": 0.5 + lead, "accuracy_large": 0.5, "n_problems": 300}
        reach = {"param_ratio": 4.0, "training_tokens_ratio": 1.0, "pool_reaches_from": 1.5}
        rows.append({**facts, **needed, **fitted, **crossing, **estimated, **shares, **reach})
        for number in (1, 2):
            gap = lead + 0.2 - 0.2 * number
            part = {"bin": number, "attempts": 5, "difference": gap, "n_problems": 150}
            bins.append({**facts, **part, "ci_low": gap - 0.05, "ci_high": gap + 0.05})
    return {"curves": pl.DataFrame(curves), "pairs": pl.DataFrame(rows), "bins": pl.DataFrame(bins)}


def training() -> Training:
    """A small model that is cheapest for few queries, and one ten times as large for many."""
    counts = np.array([[10] * 40, [320] * 40])
    return train_or_sample(["s", "l"], [1e6, 1e7], [1e8, 1e9], np.full((2, 40), 640), counts, answer_tokens=100,
                           targets=[0.5, 0.9], queries=np.logspace(2, 10, 33).tolist(), n_resamples=40)  # fmt: skip


def held_out() -> pl.DataFrame:
    """Two checkpoints at two k, of which one lies outside its interval."""
    rows = [
        {
            "policy": name,
            "n_parameters": 10**7,
            "training_tokens": 10**9,
            "k": k,
            "predicted": 0.01 * k,
            "ci_low": 0.002 * k,
            "ci_high": 0.03 * k,
            "measured": measured * k,
            "holds": measured < 0.03,
            "n_problems": 40,
        }
        for name, measured in (("a", 0.012), ("b", 0.05))
        for k in (1, 16)
    ]
    return pl.DataFrame(rows)


def savings() -> pl.DataFrame:
    """A factor with its interval; one open above; one open below; one that has none."""
    known: list[tuple[int, float | None, float | None, float | None]] = [
        (1, 1.5, 1.2, 2.0),
        (4, 2.0, 1.1, None),
        (16, 4.0, None, 5.0),
        (64, None, None, None),
    ]
    rows = [
        {
            "bin": None,
            "budget": budget,
            "accuracy": 0.5 + budget / 1000,
            "baseline_cost": float(budget),
            "cost": None if factor is None else budget / factor,
            "factor": factor,
            "factor_low": low,
            "factor_high": high,
            "verdict": "accuracies do not differ" if factor is None else "saves",
            "billed_cost": None if factor is None else 2 * budget / factor,
            "billed_factor": None if factor is None else factor / 2,
            "billed_low": None if low is None else low / 2,
            "billed_high": None if high is None else high / 2,
            "break_even_queries": None if factor is None else 12.0,
            "n_problems": 12,
        }
        for budget, factor, low, high in known
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def gains() -> pl.DataFrame:
    """Beam search is ahead by 5 points in bin 2 and behind by 3 over all."""
    rows = [
        {
            "strategy": "beam_search",
            "variant": "beam_search (M=4)",
            "bin": number,
            "budget": budget,
            "difference": difference,
            "ci_low": difference - 0.02,
            "ci_high": difference + 0.02,
            "n_problems": 9,
        }
        for number, difference in ((None, -0.03), (2, 0.05))
        for budget in (4, 16)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def trace() -> pl.DataFrame:
    """A root with two first steps; the second goes on to two more, the first of which is returned and right."""
    rows = [
        {"path": "0", "parent": "", "depth": 1, "round": 1, "score": 0.2, "status": "pruned", "correct": None},
        {"path": "1", "parent": "", "depth": 1, "round": 1, "score": 0.9, "status": "returned", "correct": None},
        {"path": "1.0", "parent": "1", "depth": 2, "round": 2, "score": None, "status": "returned", "correct": 1.0},
        {"path": "1.1", "parent": "1", "depth": 2, "round": 2, "score": 0.4, "status": "continued", "correct": 0.0},
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def sweep() -> pl.DataFrame:
    """Budgets 2 and 4; of 4, one long chain is best in bin 1, short ones in bin 3 of three; bin 2 has no row."""
    best = {None: 2, 1: 4, 3: 1}
    rows = [
        {
            "budget": budget,
            "sequential": sequential,
            "parallel": budget // sequential,
            "bin": number,
            "accuracy": 0.6 if sequential == best[number] else 0.5,
            "ci_low": 0.4,
            "ci_high": 0.75,
            "n_problems": 6,
            "tokens": 50.0 * budget,
        }
        for number in best
        for budget in (2, 4)
        for sequential in (1, 2, 4)
        if sequential <= budget
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def positions() -> pl.DataFrame:
    rows = [
        {
            "position": place,
            "accuracy": 0.5 + 0.02 * place,
            "ci_low": 0.45 + 0.02 * place,
            "ci_high": 0.55 + 0.02 * place,
            "n_problems": 10,
            "n_answers": 40 - place,
        }
        for place in range(4)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def profiles() -> pl.DataFrame:
    """Eight problems, bins 1, 2 and 4 of five; one was never scored."""
    rows = [
        {
            "problem_id": f"p{place}",
            "n_samples": 16,
            "n_correct": 16 - 2 * place,
            "oracle": 1 - place / 8,
            "predicted": None if place == 7 else 0.9 - place / 10,
            "oracle_bin": (1, 1, 1, 2, 2, 2, 4, 4)[place],
            "predicted_bin": None if place == 7 else (1, 1, 2, 2, 2, 4, 4)[place],
            "n_answers": place + 1,
            "tokens": 100.0 + place,
        }
        for place in range(8)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def cheap() -> pl.DataFrame:
    rows = [
        {"kind": kind, "k": k, "spearman": top - 0.2 / k, "same_bin": 0.5, "within_one": 0.9}
        for kind, top in (("oracle", 0.98), ("predicted", 0.97))
        for k in (1, 4, 16)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def predicted() -> pl.DataFrame:
    rows = [
        {
            "model": model,
            "k": k,
            "predicted": min(0.99, start + 0.02 * k),
            "ci_low": None if k == 32 else start,
            "ci_high": None if k == 32 else 0.995,
            "within_pool": k <= 16,
        }
        for model, start in (("power_law", 0.5), ("beta_binomial", 0.48))
        for k in (1, 16, 32)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def misses() -> pl.DataFrame:
    rows = [
        {
            "model": "power_law",
            "k": k,
            "predicted": 0.6,
            "measured": 0.6 - miss,
            "measured_on": "other half",
            "miss": miss,
            "miss_sd": 0.01,
        }
        for k, miss in ((1, 0.02), (8, -0.03))
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))


def differences() -> pl.DataFrame:
    rows = [
        {
            "strategy": strategy,
            "budget": budget,
            "first": 0.5,
            "second": 0.5 + difference,
            "difference": difference,
            "ci_low": difference - 0.02,
            "ci_high": difference + 0.02,
            "n_problems": 8,
        }
        for strategy, difference in (("best_of_n", 0.1), ("pass_at_k", -0.05))
        for budget in (1, 4)
    ]
    return pl.DataFrame(rows, schema=schema(*rows[0]))
