"""The tables of single questions: their columns, and words of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ttclib.analysis.columns import DASH, Column, column, shown, shown_interval, strategy_label
from ttclib.analysis.frontier import COMPUTE_OPTIMAL, Frontier
from ttclib.analysis.plan import Plan
from ttclib.replay.strategy import needs_truth
from ttclib.show.html_tables import plain_table_html, table
from ttclib.show.text_tables import INTERVAL
from ttclib.show.theme import in_order, style_of, styles

FRONTIER = (
    "variant",
    "cost",
    "accuracy",
    INTERVAL,
    column("budget", label="generations"),
    "chosen",
)
CROSSOVER = (
    column("bin", label="difficulty"),
    "exchange_rate",
    "multiplier",
    "accuracy_small",
    "accuracy_large",
    column("difference", null="beyond the pool"),
    INTERVAL,
    "winner",
)
SAVINGS = (
    "budget",
    "accuracy",
    "baseline_cost",
    column("cost", label="choice needs", null="does not get there"),
    "factor",
    INTERVAL,
    "verdict",
    "billed_factor",
    column("break_even_queries", null="–"),
)
MANY_OR_ONCE = (
    column("many", label="several"),
    "cost",
    column("accuracy_many", label="reach"),
    column("once", label="or one"),
    column("cost_once", label="costs"),
    column("accuracy_once", label="reaches"),
    "difference",
    INTERVAL,
    column("winner", label="ahead"),
)
BINS = ("bin", "n_problems", "ease_low", "ease_mean", "ease_high", "n_never", "n_always", "n_tied")
FAILURES = (
    column("group", label="bin"),
    "of",
    "n_wrong",
    "n_right",
    "repeats_step",
    "few_steps",
    "mean_steps_wrong",
    "mean_steps_right",
)
CHANGES = ("change", "share", INTERVAL, "n_changed", "n_pairs", "n_problems")
CHANGE_WORDS = {"correct_to_wrong": "a right answer turned wrong", "wrong_to_correct": "a wrong answer turned right"}


def table_html(curves: pl.DataFrame, *, caption: str = "") -> str:
    """Curves of a study: by strategy, bin and budget; the bin only where there are several."""
    order = {name: place for place, name in enumerate(styles())}
    ordered = curves.sort(
        pl.col("strategy").replace_strict(order, default=len(order)),
        pl.col("bin").fill_null(0),
        "budget",
        maintain_order=True,
    )
    name = "variant" if _several_variants(curves) else "strategy"
    binned: list[Column | str] = [column("bin", label="difficulty bin")] if curves["bin"].is_not_null().any() else []
    columns: list[Column | str] = [name, *binned, "budget", "accuracy", INTERVAL, "n_problems", "tokens", "flops"]
    return table(ordered, columns, caption=caption)


def wide_table_html(curves: pl.DataFrame, *, gap: tuple[str, str] | None = None, gap_title: str = "gap") -> str:
    """Accuracy over all problems, a row a budget and a column a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `Study.replay` gives it; rows of single bins are left aside.
    gap : pair of str, optional
        Two strategies whose difference, first less second, is shown in percentage points as the
        last column; left out where the table lacks one of them.
    gap_title : str
        Heading of that column.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    rows = curves.filter(pl.col("bin").is_null())
    values = {(row["strategy"], row["budget"]): row["accuracy"] for row in rows.iter_rows(named=True)}
    strategies = in_order(rows["strategy"].to_list())
    both = gap if gap is not None and set(gap) <= set(strategies) else None
    heads = ["budget N", *(style_of(name).label for name in strategies), *([gap_title] if both else [])]
    lines = []
    for budget in sorted(rows["budget"].unique().to_list()):
        line = [shown(budget, "budget"), *(shown(values.get((name, budget)), "accuracy") for name in strategies)]
        if both:
            first, second = (values.get((name, budget)) for name in both)
            difference = None if first is None or second is None else first - second
            line.append(shown(difference, "difference", unit=True))
        lines.append(line)
    return plain_table_html(heads, lines, names=())


def bin_table_html(bins: pl.DataFrame) -> str:
    """What each difficulty bin holds, from `difficulty_table`."""
    return table(bins, BINS)


def failures_html(failures: pl.DataFrame) -> str:
    """What wrong solutions look like by bin."""
    return table(failures.with_columns(bin="group"), FAILURES)


def frontier_html(frame: pl.DataFrame, unit: str) -> str:
    """The points that nothing beats, from `frontier`, cheapest first."""
    columns = [column("cost", label=f"cost in {unit}") if one == "cost" else one for one in FRONTIER]
    by_bin = (pl.col("strategy") == COMPUTE_OPTIMAL) & pl.col("chosen").is_null()
    told = frame.with_columns(chosen=pl.when(by_bin).then(pl.lit("another in each bin")).otherwise("chosen"))
    return table(told.sort("cost"), columns, caption="No strategy that could be run is as accurate for less")


def crossover_html(frame: pl.DataFrame) -> str:
    """Both sides at one exchange rate, by difficulty, from `crossover`."""
    return table(frame, CROSSOVER)


def crossings_html(crossings: pl.DataFrame) -> str:
    """Where the lead ends, in words, from `crossover`; a crossing only where the samples support it."""
    return table(
        crossings.with_columns(crossing=pl.when("supported").then(pl.col("crossing"))),
        (column("bin", label="difficulty"), "verdict", "crossing", INTERVAL, "pool_reaches_from", "n_problems"),
    )


def pairs_html(pairs: pl.DataFrame) -> str:
    """What each pair of models comes to, and where the larger one takes the lead, from `ttclib.study.pairs`."""
    rows = []
    for row in pairs.to_dicts():
        measured, fitted = (_crossing(row, told) for told in ("", "_fitted"))
        shares = (row[name] for name in ("accuracy_once", "accuracy_small", "accuracy_large"))
        rows.append(
            (
                row["pair"],
                row["task"],
                shown(row["param_ratio"], "param_ratio"),
                *(shown(value, "accuracy") for value in shares),
                measured,
                shown(row["pool_reaches_from"], "pool_reaches_from"),
                fitted if row["crossing"] == 0 else DASH,
            )
        )
    heads = ("pair", "task", "M", "small once", "small, all attempts", "larger once", "crossing at R")
    return plain_table_html((*heads, "pool suffices from R =", "by the fit, R"), rows, names=(0, 1))


def takeovers_html(takeovers: pl.DataFrame) -> str:
    """From how many queries on a larger size is cheapest, target by target, from `ttclib.analysis.training`."""
    columns = ("target", "n_parameters", "training_tokens", "from_queries", INTERVAL)
    return table(takeovers, (*columns, "exchange_rate"))


def _crossing(row: dict[str, Any], told: str) -> str:
    """The R above which the larger model is ahead, with its interval, in words where there is none."""
    at, low, high = (row[f"crossing{end}{told}"] for end in ("", "_low", "_high"))
    words = {math.inf: "small ahead at every R", 0.0: "not within the pool" if not told else "never"}
    ends = f" {shown_interval(low, high, 'crossing')}" if (low, high) != (at, at) else ""
    return words.get(at, shown(at, "crossing")) + ends


def savings_html(savings: pl.DataFrame) -> str:
    """What choosing saves at every budget over all problems, from `efficiency`."""
    return table(savings.filter(pl.col("bin").is_null()), SAVINGS)


def differences_html(differences: pl.DataFrame, names: tuple[str, str]) -> str:
    """Two sides and their difference at every budget."""
    first, second = (column(name, label=label) for name, label in zip(("first", "second"), names, strict=True))
    name = "variant" if _several_variants(differences) else "strategy"
    return table(differences, (name, "budget", first, second, "difference", INTERVAL, "n_problems"))


def graded_otherwise_html(pairs: pl.DataFrame) -> str:
    """References and answers that graders do not grade alike (`ttclib.study.graders.Graders.pairs`)."""
    if not len(pairs):
        return "<p>None.</p>"
    heads = [name if name in pairs.columns[:3] else f"by {name}" for name in pairs.columns]
    rows = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in pairs.iter_rows()]
    return plain_table_html(heads, rows, names=(0, 1, *range(3, len(heads))))


def pairs_in_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Several answers against one, from `ttclib.study.many_or_once`: how many and who is ahead in words."""
    names = frame["strategy"].unique(maintain_order=True).to_list()
    chosen = {name: f", {'perfect verifier' if needs_truth(name) else strategy_label(name)}" for name in names}
    plain = len(names) == 1 and not needs_truth(names[0])
    how = pl.when(plain or pl.col("budget") == 1).then(pl.lit("")).otherwise(pl.col("strategy").replace(chosen))
    return frame.with_columns(
        many=pl.format("{}\u00a0×\u00a0{}{}", "many", "budget", how),
        winner=pl.col("winner").replace({"many": "several", "once": "one"}),
    )


def many_or_once_html(frame: pl.DataFrame, unit: str, title: str = "") -> str:
    """Each cheaper side's answers against each dearer one's, from `ttclib.study.many_or_once`."""
    about = (title, f"{frame['n_problems'][0]} problems", f"costs in {unit}")
    return table(pairs_in_words(frame), MANY_OR_ONCE, caption=" · ".join(part for part in about if part))


def choices_html(found: Frontier, title: str = "") -> str:
    """What the best choice is up to which limit, over all problems; equal neighbours are one row, at their last."""
    rows = found.frame.filter((pl.col("strategy") == "compute_optimal") & pl.col("bin").is_null()).sort("at_most")
    last = rows.filter(pl.col("chosen").ne_missing(pl.col("chosen").shift(-1)) | (pl.row_index() == len(rows) - 1))
    columns = (column("at_most", label="up to"), "chosen", "cost", "accuracy", INTERVAL)
    return table(last, columns, caption=" · ".join(part for part in (title, f"costs in {found.unit}") if part))


def fits_html(fitted: pl.DataFrame) -> str:
    """The fitted numbers of each model of coverage (`ttclib.study.coverage.Coverage.fitted`)."""
    from ttclib.show.charts.fits import MODELS

    rows = [(MODELS[model][0] if model in MODELS else model, numbers) for model, numbers in fitted.iter_rows()]
    return plain_table_html(("model", "fitted"), rows, names=(0, 1))


def changes_html(changes: pl.DataFrame) -> str:
    """How often revising turns right answers wrong and wrong ones right, from `correct_to_wrong`."""
    return table(changes.with_columns(pl.col("change").replace(CHANGE_WORDS)), CHANGES)


def plan_html(plan: Plan) -> str:
    """What a plan runs in which bin within which cost."""
    columns = ("bin", "at_most", "variant", "budget", "cost", "accuracy", INTERVAL)
    return table(plan.frame(), columns)


def account_html(wide: tuple[pl.DataFrame, Sequence[Column]], title: str = "") -> str:
    """One value of the account, a row a way and a column a limit, from `ttclib.study.account.Account.wide`."""
    frame, columns = wide
    return table(frame, columns, caption=title)


def agreed_html(agreed: pl.DataFrame) -> str:
    """Who tells difficulty how well, from `DifficultyAnswer.agreed` of `ttclib.study.difficulty`."""
    columns = (
        *("difficulty", "n_probes", "spearman", INTERVAL, "within_level", INTERVAL, "slope", INTERVAL, "same_bin"),
        *(INTERVAL, "n_problems"),
    )
    return table(agreed, columns)


def problems_html(
    profiles: pl.DataFrame, prompts: Mapping[str, tuple[str | None, str | None]], number: int, *, limit: int = 12
) -> str:
    """The problems of one bin, the hardest last; prompts come from outside and are escaped.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `DifficultyAnswer.problems` of `ttclib.study.difficulty`.
    prompts : mapping of problem id to (prompt, reference answer)
        As `load_prompts` gives it.
    number : int
        Of the bin, by oracle difficulty.
    limit : int
        At most so many, evenly taken from easy to hard.
    """
    inside = profiles.filter(pl.col("oracle_bin") == number).sort("oracle", descending=True)
    count = min(limit, len(inside))
    taken = sorted({round(place * (len(inside) - 1) / max(1, count - 1)) for place in range(count)})
    heads = ("problem", "prompt", "reference", "right", "pass@1", "PRM score", "answers given", "tokens")
    rows = []
    for row in inside[taken].to_dicts():
        prompt, reference = prompts.get(row["problem_id"], (None, None))
        texts = (row["problem_id"], _short(prompt), _short(reference, 24), f"{row['n_correct']} of {row['n_samples']}")
        rows.append((*texts, *(shown(row[name], name) for name in ("oracle", "predicted", "n_answers", "tokens"))))
    title = f"Bin {number}: {len(rows)} of {len(inside)} problems"
    of = [{"problem_id": row[0], "bin": number} for row in rows]
    return plain_table_html(heads, rows, names=(0, 1, 2), caption=title, of=of)


def _several_variants(frame: pl.DataFrame) -> bool:
    """Whether a strategy stands in the table in several variants."""
    if "variant" not in frame.columns:
        return False
    return bool(frame["variant"].n_unique() > frame["strategy"].n_unique())


def _short(text: str | None, length: int = 90) -> str:
    line = "–" if text is None else " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
