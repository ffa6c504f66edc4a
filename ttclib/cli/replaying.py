"""`ttc replay`, `difficulty` and `verifiers`: what one policy's samples come to, by strategy, problem and score."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

from ttclib.analysis.columns import Column
from ttclib.cli.common import cli, whole_numbers
from ttclib.cli.options import BINS, OUTPUT, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.cli.printing import Table, print_answer
from ttclib.study.difficulty import PROBES, answer
from ttclib.study.question import INTERVALS

COLUMNS = ("variant", "bin", "budget", "accuracy", "ci_low", "ci_high", "n_problems", "tokens", "flops")
FEW = 5  # budgets that fit beside a strategy and a bin


@cli.command()
@options(STORE, WHOSE, strategy_options(), BINS, SEEDED)
@click.option("--interval", default="pointwise", show_default=True, help=f"{', '.join(INTERVALS)} (a whole curve).")
@options(OUTPUT)
def replay(interval: str, **choices: Any) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    study = study_of(choices)
    curves = study.replay(question_of(study, choices), interval=interval)
    shown = curves.frame.select(COLUMNS)
    whole = shown.filter(pl.col("bin").is_null()).drop("bin")
    by_bin = shown.filter(pl.col("bin").is_not_null())
    more: list[tuple[str, Table]] = []
    if len(by_bin):
        last = pl.col("budget") == pl.col("budget").max().over("variant")
        whole, more = whole.filter(last), [("Accuracy by difficulty bin, 1 the easiest", accuracy_by_bin(by_bin))]
    print_answer(
        curves.frame,
        findings=curves.findings,
        notes=curves.notes,
        table=whole,
        more=more,
    )


def accuracy_by_bin(rows: pl.DataFrame) -> Table:
    """A row a strategy and bin, a column for each of a few budgets, with that column's meaning."""
    budgets = rows["budget"].unique().sort().to_list()
    places = {round(place * (len(budgets) - 1) / (FEW - 1)) for place in range(FEW)} if len(budgets) > FEW else None
    few = budgets if places is None else [budgets[place] for place in sorted(places)]
    columns = [Column(str(size), pl.Float64, f"accuracy at N = {size}", "share", f"N = {size}") for size in few]
    frame = rows.pivot("budget", index=["variant", "bin"], values="accuracy", maintain_order=True)
    return Table(frame.select("variant", "bin", *map(str, few)), ("variant", "bin", *columns))


@cli.command()
@options(STORE, WHOSE)
@click.option("--verifier", default="prm", show_default=True, help="Who predicts: prm, orm, logprob or its own name.")
@click.option("--aggregation", default="last", show_default=True, help="Of step scores: last, min, prod or mean.")
@options(BINS)
@click.option(
    "--probes",
    default=",".join(map(str, PROBES)),
    show_default=True,
    help="Sample counts of cheap difficulty, with commas.",
)
@options(SEEDED, OUTPUT)
def difficulty(probes: str, **choices: Any) -> None:
    """How hard each problem is: oracle and predicted bins, how far they agree, and what few samples tell."""
    study = study_of(choices)
    found = answer(study.pool, question_of(study, choices), whole_numbers(probes, "probes"))
    confusion = found.confusion
    more: list[Any] = [("Agreement with oracle difficulty; few samples are judged by the others", found.agreed())]
    if confusion is not None:
        wide = max(len(str(confusion.max())), 2) + 2
        lines = ["".join(f"{number:>{wide}}" for number in row) for row in confusion.tolist()]
        more.append(("Problems by oracle bin (rows) and predicted bin (columns)", lines))
    print_answer(
        found.bins,
        rows=found.as_json(),
        findings=found.findings,
        heading=f"Difficulty bins of '{study.policy}', {len(study.pool.problem_ids)} problems (1 is the easiest)",
        notes=found.notes,
        more=more,
    )


@cli.command()
@options(STORE, WHOSE)
@click.option("--verifier", help="One of them, by its name or as prm, orm, logprob; default: all.")
@click.option("--aggregation", default="last", show_default=True, help="Of step scores: last, min, prod or mean.")
@options(BINS, SEEDED, OUTPUT)
def verifiers(verifier: str | None, **choices: Any) -> None:
    """AUC over all samples and within problems, and calibration, of every verifier that scored them."""
    from ttclib.analysis.verifier import verifier_quality
    from ttclib.errors import NotInStore
    from ttclib.study.findings import of_verifiers
    from ttclib.study.telling import difficulty_of

    study = study_of(choices)
    asked = question_of(study, choices)
    names = [verifier] if verifier else list(study.verifiers())
    if not names:
        raise NotInStore(f"'{study.store}' holds no scores for policy '{study.policy}': score it with `ttc score`")
    binned = asked.bins is not None or asked.thresholds is not None
    told = difficulty_of(study.pool, asked) if binned else None
    frame = pl.concat(
        verifier_quality(study.pool, told, verifier=name, aggregation=asked.aggregation, seed=asked.seed)
        for name in names
    )
    shown = ("verifier", "bin", "auc", "auc_within", "ci_low", "ci_high", "calibration_error", "n_mixed")
    print_answer(frame, findings=of_verifiers(frame), table=frame.select(shown))
