"""Tables say each value in its cell, as its column writes it, in a page and in a terminal."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from tests.show import frames
from ttclib.analysis.columns import column, schema
from ttclib.errors import RequestError
from ttclib.show import tables
from ttclib.show.html_tables import plain_table_html, table
from ttclib.show.tables import table_html, wide_table_html
from ttclib.show.text_tables import INTERVAL, text_table


class _Cells(HTMLParser):
    """Rows of texts of a page's tables, and the classes of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.classes: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self.classes.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.classes[-1].append(dict(attrs).get("class") or "")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def cells(html: str) -> list[list[str]]:
    parser = _Cells()
    parser.feed(html)
    return parser.rows


def test_a_curve_is_read_row_by_row() -> None:
    curves = frames.curves().filter(pl.col("budget") == 4)
    shuffled = curves.sort("accuracy")
    heads, *rows = cells(table_html(shuffled))
    assert heads == [
        *("strategy", "difficulty bin", "budget N", "accuracy", "interval", "problems"),
        *("tokens / problem", "FLOPs / problem"),
    ]
    assert [row[:2] for row in rows[:5]] == [
        ["pass@k", "all"],
        ["pass@k", "1"],
        ["pass@k", "2"],
        ["pass@k", "3"],
        ["majority vote", "all"],
    ]
    assert rows[0] == ["pass@k", "all", "4", "70.0%", "[65.0, 74.0]", "12", "400", "4.00 G"]
    assert rows[3] == ["pass@k", "3", "4", "70.0%", "[65.0, 74.0]", "4", "400", "4.00 G"]
    assert rows[4][3] == "55.0%" and len(rows) == 16


def test_a_table_without_bins_has_no_column_for_them() -> None:
    overall = frames.curves().filter(pl.col("bin").is_null())
    html = table_html(overall, caption="a < b")
    assert "a &lt; b" in html and "difficulty bin" not in html
    assert html.count("<tr>") == len(overall) + 1
    missing = cells(table_html(overall.with_columns(flops=pl.lit(None, dtype=pl.Float64))))
    assert {row[-1] for row in missing[1:]} == {"–"}


def test_names_stand_left_with_their_colour_and_all_is_escaped() -> None:
    html = table_html(frames.curves().filter(pl.col("budget") == 4))
    parser = _Cells()
    parser.feed(html)
    assert parser.classes[1] == ["name", *[""] * 7]
    assert html.count('style="--on-light:#D55E00;') == 4
    frame = pl.DataFrame({"problem_id": ["<img src=x>"], "accuracy": [0.5]})
    assert "<img" not in table(frame) and "&lt;img" in table(frame)
    assert 'class="ttclib-table"' in html and "overflow-x:auto" in html


def test_variants_are_told_apart_where_there_are_several() -> None:
    frame = frames.frontier().with_columns(tokens=pl.lit(1.0), flops=pl.lit(1.0))
    names = {row[0] for row in cells(table_html(frame))[1:]}
    assert {"beam search (M=4)", "beam search (M=8)"} <= names
    assert {row[0] for row in cells(table_html(frames.curves()))[1:]} == {
        *("pass@k", "majority vote", "best-of-N", "best-of-N weighted")
    }


def test_the_gap_is_in_points() -> None:
    curves = frames.curves()
    heads, *rows = cells(wide_table_html(curves, gap=("pass_at_k", "best_of_n"), gap_title="left"))
    assert heads == ["budget N", "pass@k", "majority vote", "best-of-N", "best-of-N weighted", "left"]
    assert rows[-1] == ["16", "90.0%", "60.0%", "69.0%", "75.0%", "+21.0 points"]
    assert rows[0][-1] == "0.0 points" and len(rows) == 5
    few = curves.filter(pl.col("strategy") == "pass_at_k")
    assert cells(wide_table_html(few, gap=("pass_at_k", "best_of_n"), gap_title="left"))[0] == ["budget N", "pass@k"]
    gone = curves.filter((pl.col("strategy") != "best_of_n") | (pl.col("budget") < 16))
    assert cells(wide_table_html(gone, gap=("pass_at_k", "best_of_n")))[-1][3:] == ["–", "75.0%", "–"]


def test_the_tables_of_questions() -> None:
    ahead = {row[0]: row for row in cells(tables.crossover_html(frames.crossover()))[1:] if row[1] == "0.1"}
    assert ahead["all"] == ["all", "0.1", "100 ×", "80.0%", "70.0%", "+10.0", "[+7.0, +13.0]", "small"]
    assert cells(tables.crossover_html(frames.crossover()))[0] == [
        *("difficulty", "R", "small may spend", "small, thinking", "larger", "difference, points", "interval", "ahead")
    ]
    assert ahead["2"] == ["2", "0.1", "100 ×", "–", "70.0%", "beyond the pool", "–", "not answerable"]
    saved = {row[0]: row for row in cells(tables.savings_html(frames.savings()))[1:]}
    assert saved["4"] == ["4", "50.4%", "4", "2", "2 ×", "[1.1, ∞)", "saves", "1 ×", "12"]
    assert saved["16"][4:6] == ["4 ×", "(0, 5]"]
    assert saved["64"][3:] == ["does not get there", "–", "–", "accuracies do not differ", "–", "–"]
    assert len(cells(tables.savings_html(frames.savings().with_columns(bin=pl.lit(1))))) == 1
    front = cells(tables.frontier_html(frames.frontier().filter(pl.col("bin").is_null()), "FLOPs"))
    assert front[0] == ["strategy", "cost in FLOPs", "accuracy", "interval", "generations", "chosen there"]
    assert [row[1] for row in front[1:]] == ["8"] * 4 + ["32"] * 4
    assert ["compute-optimal", "32", "81.6%", "[40.0, 99.0]", "16", "beam search (M=4)"] in front
    sides = cells(tables.differences_html(frames.differences(), ("one", "other")))
    assert sides[0] == ["strategy", "budget N", "one", "other", "difference, points", "interval", "problems"]
    assert sides[1] == ["best-of-N", "1", "50.0%", "60.0%", "+10.0", "[+8.0, +12.0]", "8"]


def test_where_the_lead_ends_is_said_in_words() -> None:
    crossings = pl.DataFrame(
        [
            (None, 0.79, 0.2, None, True, "the larger model is ahead from R = 0.79", 0.158, 12),
            (1, 0.1, None, 1.5, False, "open at every R", 0.158, 6),
        ],
        schema=schema(
            "bin", "crossing", "ci_low", "ci_high", "supported", "verdict", "pool_reaches_from", "n_problems"
        ),
        orient="row",
    )
    assert cells(tables.crossings_html(crossings)) == [
        ["difficulty", "verdict", "crossing at R", "interval", "pool suffices from R =", "problems"],
        ["all", "the larger model is ahead from R = 0.79", "0.79", "[0.2, ∞)", "0.158", "12"],
        # What the samples do not support is no number.
        ["1", "open at every R", "–", "(0, 1.5]", "0.158", "6"],
    ]


def test_the_tables_of_revisions_failures_and_bins() -> None:
    changes = pl.DataFrame(
        {
            "change": ["correct_to_wrong", "wrong_to_correct"],
            "share": [0.19, 0.2],
            "ci_low": [0.1, 0.15],
            "ci_high": [0.25, 0.3],
            "n_changed": [2255, 10],
            "n_pairs": [11816, 50],
            "n_problems": [98, 9],
        }
    )
    rows = cells(tables.changes_html(changes))
    assert rows[1] == ["a right answer turned wrong", "19.0%", "[10.0, 25.0]", "2,255", "11,816", "98"]
    assert rows[2][0] == "a wrong answer turned right"
    failures = pl.DataFrame(
        [(1, "beam_search (M=4)", 0, 20, None, 0.5, None, 5.25), (None, "samples", 5, 1, 0.2, 0.0, 5.8, 5.0)],
        schema=schema(
            "group", "of", "n_wrong", "n_right", "repeats_step", "few_steps", "mean_steps_wrong", "mean_steps_right"
        ),
        orient="row",
    )
    assert cells(tables.failures_html(failures))[1:] == [
        ["1", "beam search (M=4)", "0", "20", "–", "50.0%", "–", "5.2"],
        ["all", "whole samples", "5", "1", "20.0%", "0.0%", "5.8", "5.0"],
    ]
    bins = pl.DataFrame(
        [(0, 2, None, None, None, 0, 0, 0), (1, 5, 0.9, 0.95, 1.0, 0, 3, 1)],
        schema=schema("bin", "n_problems", "ease_low", "ease_mean", "ease_high", "n_never", "n_always", "n_tied"),
        orient="row",
    )
    assert cells(tables.bin_table_html(bins))[1:] == [
        ["not graded", "2", "–", "–", "–", "0", "0", "0"],
        ["1", "5", "90.0%", "95.0%", "100.0%", "0", "3", "1"],
    ]


def test_problems_of_a_bin_are_listed_from_easy_to_hard() -> None:
    prompts = {"p0": ("1 +\n 1 <=", "2"), "p1": (None, None)}
    html = tables.problems_html(frames.profiles(), prompts, 1, limit=2)
    rows = cells(html)
    assert rows[1] == ["p0", "1 + 1 <=", "2", "16 of 16", "100.0%", "0.90", "1", "100"]
    every = cells(tables.problems_html(frames.profiles(), prompts, 1))
    assert [row[0] for row in every[1:]] == ["p0", "p1", "p2"]
    assert [row[0] for row in rows[1:]] == ["p0", "p2"] and "Bin 1: 2 of 3 problems" in html
    assert cells(tables.problems_html(frames.profiles(), {"p7": ("x" * 100, None)}, 4))[2][1:6] == [
        *("x" * 89 + "…", "–", "2 of 16", "12.5%", "–")
    ]


def test_columns_can_be_chosen_and_called_otherwise() -> None:
    frame = frames.curves().head(1)
    assert cells(table(frame, ["budget", column("accuracy", label="right"), INTERVAL])) == [
        ["budget N", "right", "interval"],
        ["1", "50.0%", "[45.0, 54.0]"],
    ]
    assert cells(table(frame, ["budget", "accuracy", "n_problems"]))[1] == ["1", "50.0%", "12"]
    assert cells(table(frame.select("accuracy"), ["accuracy", INTERVAL]))[1] == ["50.0%", "–"]
    with pytest.raises(RequestError, match="'cost'; it has strategy"):
        table(frame, ["cost"])
    with pytest.raises(RequestError, match="did you mean 'accuracy'"):
        table(frame, ["acuracy"])
    with pytest.raises(RequestError, match="right of its estimate"):
        table(frame, [INTERVAL])


def test_left_to_itself_a_table_shows_what_says_something() -> None:
    heads, *rows = cells(table(frames.savings().filter(pl.col("budget") == 4)))
    assert heads[:3] == ["budget N", "accuracy", "problems"]
    assert "open below" not in heads and "bin" not in heads and "from" not in heads
    assert rows[0][heads.index("factor") + 1] == "[1.1, ∞)"
    assert rows[0][heads.index("with the bill") + 1] == "[0.55, ∞)"
    crossings = pl.DataFrame(
        [(4, None, None, 0.2458, False)],
        schema=schema("bin", "crossing", "ci_low", "ci_high", "supported"),
        orient="row",
    )
    assert cells(table(crossings)) == [
        ["bin", "crossing at R", "interval", "supported"],
        ["4", "–", "(0, 0.246]", "no"],
    ]


def test_long_tables_are_cut_and_say_so() -> None:
    html = table(frames.curves(), ["budget"], caption="rows", limit=3)
    assert len(cells(html)) == 4 and "rows · 3 of 80 rows" in html
    said = text_table(frames.curves(), ["budget"], limit=3).splitlines()
    assert len(said) == 6 and said[-1] == "… and 77 rows more"
    assert "rows" not in text_table(frames.curves(), ["budget"], limit=80).splitlines()[-1]


def test_a_terminal_table_is_aligned() -> None:
    frame = pl.DataFrame(
        {"strategy": ["best_of_n", "pass_at_k"], "bin": [None, 4], "accuracy": [0.5, 1.0]},
        schema=schema("strategy", "bin", "accuracy"),
    )
    assert text_table(frame) == "\n".join(
        [
            "strategy   bin  accuracy",
            "---------  ---  --------",
            "best-of-N  all     50.0%",
            "pass@k       4    100.0%",
        ]
    )


@pytest.mark.parametrize("width", [80, 100, 132])
def test_a_terminal_table_fits(width: int) -> None:
    for frame in (frames.curves(), frames.crossover(), frames.savings(), frames.frontier()):
        lines = text_table(frame, width=width).splitlines()
        assert max(len(line) for line in lines if "not shown" not in line) <= width
        assert "not shown" not in lines[-1] or width < 132
        numbers = re.findall(r"\d+\.\d%", "\n".join(lines))
        assert len(numbers) >= len(frame.drop_nulls("accuracy")) if "accuracy" in frame.columns else True


def test_texts_are_broken_numbers_never() -> None:
    frame = pl.DataFrame(
        {"verdict": ["the small policy is ahead nowhere from R = 0.158 up"], "n_problems": [250]},
        schema=schema("verdict", "n_problems"),
    )
    lines = text_table(frame, ["verdict", "n_problems"], width=34).splitlines()
    assert lines[0] == "verdict                   problems" and max(map(len, lines)) <= 34
    assert lines[2].endswith("     250") and len(lines) == 5
    assert " ".join(line[:24].strip() for line in lines[2:]) == "the small policy is ahead nowhere from R = 0.158 up"
    tight = text_table(frame, ["n_problems"], width=2)
    assert "250" in tight


def test_lists_are_escaped() -> None:
    assert cells(plain_table_html(("a", "b"), [("1 < 2", "3")], caption="c"))[1] == ["1 < 2", "3"]


def test_two_tables_of_pairs_are_of_models_and_of_answers() -> None:
    said = tables.pairs_html(frames.pairs()["pairs"])
    assert "A 1B vs 4B" in said and "crossing at R" in said and "small ahead at every R" in said
    pairs = pl.DataFrame(
        [{"reference": "1/2", "answer": "0.5 < 1", "samples": 1200, "math": "right", "exact": "wrong"}]
    )
    assert cells(tables.graded_otherwise_html(pairs))[:2] == [
        ["reference", "answer", "samples", "by math", "by exact"],
        ["1/2", "0.5 < 1", "1,200", "right", "wrong"],
    ]
    assert "None." in tables.graded_otherwise_html(pairs.head(0))


def test_broken_names_count_as_the_lines_that_they_take() -> None:
    frame = pl.DataFrame({"variant": ["lookahead search (M=4, k=1) of a long name"] * 9, "budget": range(9)})
    said = text_table(frame, ["variant", "budget"], width=30, limit=6).splitlines()
    heads = next(number for number, line in enumerate(said) if line.startswith("---")) + 1
    assert max(map(len, said)) <= 30 and len(said) - heads - 1 <= 6
    n_shown = sum(line.startswith("lookahead") for line in said)
    assert 1 <= n_shown < 6 and said[-1] == f"… and {9 - n_shown} rows more"


def test_rows_say_which_bin_and_problem_they_are_of() -> None:
    frame = pl.DataFrame({"bin": [None, 2], "problem_id": [None, "<p>"], "accuracy": [0.5, 0.25]})
    html = table(frame, ["bin", "accuracy"])
    assert "<tr><td>all</td>" in html.replace(' class="name"', "")
    assert '<tr data-bin="2" data-problem="&lt;p&gt;">' in html and "<p>" not in html


def test_several_answers_say_by_what_they_are_taken() -> None:
    row = {"many": "small", "winner": "many"}
    cases = [("majority_vote", 4), ("pass_at_k", 1), ("pass_at_k", 4)]
    frame = pl.DataFrame([{**row, "strategy": name, "budget": size} for name, size in cases])
    assert tables.pairs_in_words(frame)["many"].to_list() == [
        "small\u00a0×\u00a04, majority vote", "small\u00a0×\u00a01", "small\u00a0×\u00a04, perfect verifier"
    ]  # fmt: skip
    assert tables.pairs_in_words(frame[:1])["many"].to_list() == ["small\u00a0×\u00a04"]
    assert tables.pairs_in_words(frame[2:])["many"].to_list() == ["small\u00a0×\u00a04, perfect verifier"]
