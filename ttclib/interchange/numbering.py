"""The number of each sample that its file does not number for good: within the files, and after what a store holds.

Samples without an index, and those of several runs that each count from 0, have no number of their own. They are
numbered in order. Where a store holds samples of the same policy, problem and setting, a file that was imported
before is known by its content and gets the numbers that it got then; one that has grown is known by its beginning;
any other holds further samples, numbered on.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl

from ttclib.errors import RequestError
from ttclib.interchange.columns import Notes
from ttclib.setting_keys import setting_name

DRAWS = ("policy", "problem_id", "setting")
# What a store holds of some policies: `DRAWS` (settings by their names), run_id, sample_index, and the MD5 of the text.
Held = Callable[[list[str]], pl.DataFrame]
_AGAIN = "samples without an index are in the store already: the same file was imported before"
_GROWN = "samples without an index are in a file that begins as what the store holds: it is the same one, and has grown"
_FURTHER = (
    "samples without an index are numbered on from those that the store holds of the same policy, problem and setting "
    "(if they are the same, give both files a sample_index)"
)


def numbered(
    samples: pl.DataFrame, sources: list[str], run_ids: list[str], held: Held | None, notes: Notes
) -> pl.DataFrame:
    """Samples that all have an index.

    Parameters
    ----------
    samples : polars.DataFrame
        `DRAWS` and ``run``, categorical; ``sample_index, source, place``; and, where something is held, ``text``: the
        MD5 of the text of samples without a number of their own.
    sources, run_ids : list of str
        Of each source what begins a message that names a row of it, and what names it by its content.
    held : callable or None
        None: there is no store yet.
    notes : Notes
        Told what became of samples that were numbered here.

    Raises
    ------
    RequestError
        Of one problem some samples have an index and some have none.
    """
    own = samples["sample_index"].is_null() | samples["run"].is_not_null()
    samples = _of_several_runs(_in_order(samples, sources))
    if held is None or not own.any():
        return samples
    mine = samples.with_row_index("row").filter(own).with_columns(pl.col(DRAWS).cast(pl.String))
    names = {text: setting_name(json.loads(text) if text else {}) for text in mine["setting"].unique().to_list()}
    mine = mine.select(
        "row",
        "policy",
        "problem_id",
        pl.col("setting").replace_strict(names, return_dtype=pl.String),
        pl.Series(run_ids, dtype=pl.String)[samples["source"].filter(own)].alias("run_id"),
        pl.col("sample_index").alias("local"),
        "text",
    )
    known = held(mine["policy"].unique().to_list()).join(mine.select(DRAWS).unique(), on=DRAWS, how="semi")
    if not len(known):
        return samples
    found = _placed(mine, known, notes)
    index = samples["sample_index"].scatter(found["row"], found["index"])
    return samples.with_columns(index.alias("sample_index"))


def _in_order(samples: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """Samples without an index numbered in the order in which they stand."""
    if not samples["sample_index"].null_count():
        return samples
    missing = pl.col("sample_index").is_null()
    mixed = samples.filter(missing & pl.col("sample_index").is_not_null().any().over(DRAWS))
    if len(mixed):
        row = mixed.select("source", "place").row(0)
        raise RequestError(
            f"{sources[row[0]]} {row[1]}: lacks the key 'sample_index': add it, as other samples of its problem "
            "have it, or leave it out of all"
        )
    number = pl.int_range(pl.len()).over(DRAWS)
    return samples.with_columns(pl.col("sample_index").fill_null(number))


def _of_several_runs(samples: pl.DataFrame) -> pl.DataFrame:
    """Samples of several runs numbered one run after the other, by name; a sample twice in one run stays so."""
    if samples["run"].null_count() == len(samples):
        return samples
    several = samples.group_by(DRAWS).agg(pl.col("run").n_unique().alias("n_runs")).filter(pl.col("n_runs") > 1)
    if not len(several):
        return samples
    samples = samples.join(several, on=DRAWS, how="left", nulls_equal=True, maintain_order="left")
    # A struct sorts by its fields in order.
    order = pl.struct(pl.col("run").cast(pl.String), "sample_index").rank("ordinal").over(DRAWS).cast(pl.Int64) - 1
    index = pl.when(pl.col("n_runs").is_not_null()).then(order).otherwise(pl.col("sample_index"))
    return samples.with_columns(index.alias("sample_index")).drop("n_runs")


def _placed(mine: pl.DataFrame, known: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """``row`` and ``index`` of each sample, given what the store holds of the same draws."""
    of_file = ("run_id", *DRAWS)
    held = known.sort("sample_index").with_columns(pl.int_range(pl.len()).over(of_file).alias("at"))
    mine = mine.sort("local").with_columns(pl.int_range(pl.len()).over(of_file).alias("at"))
    places = held.select(*of_file, "at", pl.col("sample_index").alias("index"))
    again = mine.with_columns(pl.len().over("run_id").alias("n")).join(places, on=[*of_file, "at"])
    # Of a file that had grown by then, the store has but the rest under its name: it is told by its texts again.
    whole = again.filter(pl.len().over("run_id") == pl.col("n"))
    rest = mine.join(whole, on="row", how="anti")
    grown = _grown(rest, held)
    again = again.join(grown, on="row", how="anti")
    rest = rest.join(grown, on="row", how="anti").join(again, on="row", how="anti")
    taken = pl.concat(
        [frame.select(*DRAWS, pl.col(name).alias("last")) for frame, name in ((held, "sample_index"), (grown, "index"))]
    )
    last = taken.group_by(DRAWS).agg(pl.col("last").max())
    further = (
        rest.sort("local")
        .join(last, on=DRAWS, how="left", maintain_order="left")
        .with_columns((pl.int_range(pl.len()).over(DRAWS) + pl.col("last").fill_null(-1) + 1).alias("index"))
    )
    n_on = further["last"].count()
    for sentence, count in ((_AGAIN, len(again)), (_GROWN, len(grown)), (_FURTHER, n_on)):
        if count:
            notes.said[sentence] += count
    return pl.concat([frame.select("row", pl.col("index").cast(pl.Int64)) for frame in (again, grown, further)])


def _grown(rest: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Of all files together, or else of each, those samples whose texts begin just as the store's do, with an index."""
    rest = rest.sort("local")
    held = held.with_columns(pl.int_range(pl.len()).over(DRAWS).alias("at"))
    last = held.group_by(DRAWS).agg(pl.col("sample_index").max().alias("last"), pl.len().alias("n_held"))
    found = []
    files = [rest, *rest.partition_by("run_id")] if rest["run_id"].n_unique() > 1 else [rest]
    for part in files:
        part = part.with_columns(pl.int_range(pl.len()).over(DRAWS).alias("at"))
        beside = part.join(held.select(*DRAWS, "at", "sample_index", pl.col("text").alias("theirs")), on=[*DRAWS, "at"])
        if not len(beside) or not (beside["text"] == beside["theirs"]).fill_null(False).all():
            continue
        beyond = pl.col("last") + 1 + pl.col("at") - pl.col("n_held")
        found.append(
            part.join(last, on=DRAWS)
            .join(beside.select("row", "sample_index"), on="row", how="left")
            .with_columns(pl.coalesce("sample_index", beyond).alias("index"))
            .select("row", *DRAWS, "index")
        )
        if part is files[0] or len(part) == len(rest):
            break
    if not found:
        return rest.head(0).select("row", *DRAWS, pl.lit(0, dtype=pl.Int64).alias("index"))
    return pl.concat(found)
