"""The rows behind a chart as a plain HTML table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from ttclib.show.theme import STYLES, in_order, style_of

_STYLE = (
    "<style>table.ttclib{border-collapse:collapse;font-size:13px;margin:6px 0}"
    "table.ttclib caption{text-align:left;color:#5a5a5a;padding:2px 0 6px}"
    "table.ttclib th,table.ttclib td{padding:3px 12px;text-align:right;border-bottom:1px solid #e6e6e6}"
    "table.ttclib td{white-space:nowrap}"
    "table.ttclib th.name,table.ttclib td.name{text-align:left;white-space:normal}"
    "table.ttclib .mark{display:inline-block;width:10px;height:10px;margin-right:7px;border-radius:2px}</style>"
)


def table_html(curves: pl.DataFrame, *, caption: str = "") -> str:
    """A table of curves for reading: strategies by name, accuracies in percent.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it. Missing values are shown as a dash.
    caption : str
        One line above the table.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    binned = bool(curves["bin"].is_not_null().any())
    order = {name: place for place, name in enumerate(STYLES)}
    rows = sorted(
        curves.iter_rows(named=True), key=lambda row: (order[row["strategy"]], row["bin"] or 0, row["budget"])
    )
    heads = ["strategy", *(["difficulty bin"] if binned else []), "budget N", "accuracy", "interval"]
    heads += ["problems", "tokens / problem", "FLOPs / problem"]
    head = "".join(f'<th scope="col"{_name_class(name)}>{name}</th>' for name in heads)
    body = "".join(f"<tr>{_cells(row, binned)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{_STYLE}<table class="ttclib">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def wide_table_html(curves: pl.DataFrame, *, gap: tuple[str, str] | None = None, gap_title: str = "gap") -> str:
    """Accuracy over all problems, a row a budget and a column a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it; rows of single bins are left aside.
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
    with_gap = gap is not None and set(gap) <= set(strategies)
    heads = [escape(style_of(name).label) for name in strategies] + ([escape(gap_title)] if with_gap else [])
    body = ""
    for budget in sorted(rows["budget"].unique().to_list()):
        cells = [_percent(values.get((name, budget))) for name in strategies]
        if gap is not None and with_gap:
            first, second = (values.get((name, budget)) for name in gap)
            cells.append("–" if first is None or second is None else f"{(first - second) * 100:.1f} points")
        body += f'<tr><th scope="row">{budget}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    head = "".join(f'<th scope="col">{text}</th>' for text in ("budget N", *heads))
    return f'{_STYLE}<table class="ttclib"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def plain_table_html(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, names: Collection[int] = (0,), caption: str = ""
) -> str:
    """A table of texts; every cell is escaped.

    Parameters
    ----------
    heads : sequence of str
    rows : iterable of sequences of str
    names : collection of int
        Columns that hold names and stand at the left; the others hold numbers.
    caption : str

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    kinds = [' class="name"' if place in names else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(text)}</th>' for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{escape(text)}</td>' for kind, text in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{_STYLE}<table class="ttclib">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def bin_table_html(table: pl.DataFrame) -> str:
    """What each difficulty bin holds, from `difficulty_table`."""
    heads = ("bin", "problems", "pass@1 from", "mean", "to", "never solved", "always solved", "tied with another bin")
    rows = [
        (
            "none: not graded" if row["bin"] == 0 else str(row["bin"]),
            str(row["n_problems"]),
            *(_percent(row[name]) for name in ("ease_low", "ease_mean", "ease_high")),
            *(str(row[name]) for name in ("n_never", "n_always", "n_tied")),
        )
        for row in table.to_dicts()
    ]
    return plain_table_html(heads, rows)


def failures_html(table: pl.DataFrame) -> str:
    """What wrong solutions look like by bin, from `ttclib.show.searches.Searches.failures`."""
    heads = ("bin", "of", "wrong", "right", "wrong: a step twice", "wrong: 1–2 steps", "steps of wrong", "of right")
    rows = [
        (
            str(row["group"]),
            row["of"],
            f"{row['n_wrong']:,}",
            f"{row['n_right']:,}",
            *("–" if row[name] is None else _percent(row[name]) for name in ("repeats_step", "few_steps")),
            *("–" if row[name] is None else f"{row[name]:.1f}" for name in ("mean_steps_wrong", "mean_steps_right")),
        )
        for row in table.to_dicts()
    ]
    return plain_table_html(heads, rows, names=(0, 1))


def agreement_html(agreement: Any) -> str:
    """How far two difficulties agree, in a sentence, from `difficulty_agreement`."""
    rho = f"{agreement.spearman:.2f} (95 % interval {agreement.spearman_low:.2f} … {agreement.spearman_high:.2f})"
    if math.isnan(agreement.spearman):
        rho = "undefined, as one of the two does not vary"
    return (
        f"<p>Over {agreement.n_problems} problems the rank correlation is {rho}; "
        f"{agreement.same_bin:.0%} fall into the same bin and {agreement.within_one:.0%} at most one apart.</p>"
    )


def problems_html(
    profiles: pl.DataFrame, prompts: Mapping[str, tuple[str | None, str | None]], number: int, *, limit: int = 12
) -> str:
    """The problems of one bin, the hardest last; prompts come from outside and are escaped.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `problem_profiles` gives it.
    prompts : mapping of problem id to (prompt, reference answer)
        As `load_prompts` gives it.
    number : int
        Of the bin, by oracle difficulty.
    limit : int
        At most so many, evenly taken from easy to hard.
    """
    inside = profiles.filter(pl.col("oracle_bin") == number).sort("oracle", descending=True)
    taken = sorted({round(place * (len(inside) - 1) / max(1, limit - 1)) for place in range(min(limit, len(inside)))})
    heads = ("problem", "prompt", "reference", "right", "pass@1", "PRM score", "answers given", "tokens")
    rows = []
    for row in inside[taken].to_dicts():
        prompt, reference = prompts.get(row["problem_id"], (None, None))
        rows.append(
            (
                row["problem_id"],
                _short(prompt),
                _short(reference, 24),
                f"{row['n_correct']} of {row['n_samples']}",
                _percent(row["oracle"]),
                "–" if row["predicted"] is None else f"{row['predicted']:.2f}",
                str(row["n_answers"]),
                "–" if row["tokens"] is None else f"{row['tokens']:.0f}",
            )
        )
    title = f"Bin {number}: {len(rows)} of {len(inside)} problems"
    return plain_table_html(heads, rows, names=(0, 1, 2), caption=title)


def differences_html(differences: pl.DataFrame, names: tuple[str, str]) -> str:
    """Two sides and their difference at every budget, from `paired_differences`."""
    heads = ("strategy", "budget N", *names, "difference", "interval", "problems")
    rows = [
        (
            style_of(row["strategy"]).label,
            str(row["budget"]),
            _percent(row["first"]),
            _percent(row["second"]),
            f"{row['difference'] * 100:+.1f} points",
            f"{row['ci_low'] * 100:+.1f} … {row['ci_high'] * 100:+.1f}",
            str(row["n_problems"]),
        )
        for row in differences.to_dicts()
    ]
    return plain_table_html(heads, rows)


def frontier_html(frame: pl.DataFrame, unit: str) -> str:
    """The points that nothing beats, from `frontier`, cheapest first."""
    heads = ("strategy", f"cost in {unit}", "accuracy", "interval", "generations", "chosen there")
    rows = [
        (
            row["variant"],
            _cost(row["cost"]),
            _percent(row["accuracy"]),
            _interval(row["ci_low"], row["ci_high"]),
            str(row["budget"]),
            row["chosen"] or "–",
        )
        for row in frame.sort("cost").to_dicts()
    ]
    return plain_table_html(heads, rows, names=(0, 5), caption="No strategy that could be run is as accurate for less")


def crossover_html(frame: pl.DataFrame) -> str:
    """Both sides at one exchange rate, by difficulty, from `crossover`."""
    heads = ("difficulty", "R", "small may spend", "small, thinking", "larger", "difference", "interval", "ahead")
    rows = [
        (
            "all problems" if row["bin"] is None else f"bin {row['bin']}",
            f"{row['exchange_rate']:.3g}",
            f"{row['multiplier']:.4g} ×",
            _percent(row["accuracy_small"]),
            _percent(row["accuracy_large"]),
            "beyond the pool" if row["difference"] is None else f"{row['difference'] * 100:+.1f} points",
            "–" if row["ci_low"] is None else f"{row['ci_low'] * 100:+.1f} … {row['ci_high'] * 100:+.1f}",
            {"small": "small", "large": "larger"}.get(row["winner"] or "", "not settled"),
        )
        for row in frame.to_dicts()
    ]
    return plain_table_html(heads, rows)


def crossings_html(crossings: pl.DataFrame) -> str:
    """Where the lead ends, in words, from `crossover`."""
    heads = ("difficulty", "verdict", "answerable from R =", "problems")
    rows = [
        (
            "all problems" if row["bin"] is None else f"bin {row['bin']}",
            row["verdict"],
            "–" if row["defined_from"] is None else f"{row['defined_from']:.3g}",
            str(row["n_problems"]),
        )
        for row in crossings.to_dicts()
    ]
    return plain_table_html(heads, rows, names=(0, 1))


def savings_html(savings: pl.DataFrame) -> str:
    """What choosing saves at every budget over all problems, from `efficiency`."""
    heads = ("budget N", "accuracy", "baseline needs", "factor", "interval", "with the bill", "pays after queries")
    rows = [
        (
            str(row["budget"]),
            _percent(row["accuracy"]),
            "never reaches it" if row["baseline_cost"] is None else _cost(row["baseline_cost"]),
            _times(row["factor"]),
            f"{_times(row['ci_low'])} … {'open' if row['ci_high'] is None else _times(row['ci_high'])}",
            _times(row["billed_factor"]),
            "never" if row["break_even_queries"] is None else f"{row['break_even_queries']:,.0f}",
        )
        for row in savings.filter(pl.col("bin").is_null()).to_dicts()
    ]
    return plain_table_html(heads, rows, names=())


def changes_html(changes: pl.DataFrame) -> str:
    """How often revising turns right answers wrong and wrong ones right, from `correct_to_wrong`."""
    words = {"correct_to_wrong": "a right answer turned wrong", "wrong_to_correct": "a wrong answer turned right"}
    heads = ("the next answer made", "share", "interval", "of pairs", "problems")
    rows = [
        (
            words[row["change"]],
            _percent(row["share"]),
            _interval(row["ci_low"], row["ci_high"]),
            f"{row['n_changed']:,} of {row['n_pairs']:,}",
            str(row["n_problems"]),
        )
        for row in changes.to_dicts()
    ]
    return plain_table_html(heads, rows)


def list_html(lines: Iterable[str]) -> str:
    """Lines as a list; each is escaped."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{_percent(low)} … {_percent(high)}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g} ×"


def _cost(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}" if value < 1e5 else f"{value:.2e}"


def _short(text: str | None, length: int = 90) -> str:
    line = "–" if text is None else " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _name_class(head: str) -> str:
    return ' class="name"' if head == "strategy" else ""


def _cells(row: dict[str, Any], binned: bool) -> str:
    style = style_of(row["strategy"])
    mark = f'<span class="mark" style="background:{style.color}"></span>'
    cells = [
        f"{row['budget']}",
        _percent(row["accuracy"]),
        "–" if row["ci_low"] is None else f"{_percent(row['ci_low'])} … {_percent(row['ci_high'])}",
        f"{row['n_problems']}",
        "–" if row["tokens"] is None else f"{row['tokens']:,.0f}",
        "–" if row["flops"] is None else f"{row['flops']:.2e}",
    ]
    if binned:
        cells.insert(0, "all" if row["bin"] is None else f"{row['bin']}")
    numbers = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<td class="name">{mark}{escape(style.label)}</td>{numbers}'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
