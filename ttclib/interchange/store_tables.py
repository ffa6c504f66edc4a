"""What was read as rows of the store's tables. Pure: nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from ttclib import setting_keys
from ttclib.errors import RequestError
from ttclib.interchange.assembling import Assembled
from ttclib.interchange.cell_values import TOKEN_COLUMNS
from ttclib.store.cells import halves_of_lists
from ttclib.store.fact_tables import FACTS, checked_facts
from ttclib.store.questions import GREEDY, HIDDEN
from ttclib.store.tables import SAMPLE_KEY, columns_of


def models_of(
    read: Assembled, stated: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any] | None
) -> pl.DataFrame:
    """A row a policy, with the facts that were stated about it."""
    policies = pl.concat([read.samples["policy"], read.counts["policy"]]).unique().sort().to_list()
    if facts and len(policies) > 1:
        raise RequestError(
            f"facts {', '.join(facts)} of which policy? The files name {len(policies)}, {policies[0]!r} among them: "
            "give a table of facts with --prices, or state them later with `ttc models`"
        )
    own = checked_facts(dict(facts or {}))
    rows = [{"model": policy, **stated.get(policy, {}), **own} for policy in policies]
    return pl.DataFrame(rows, schema={"model": pl.String, **dict.fromkeys(FACTS)}, strict=False)


def _run_id(read: Assembled) -> pl.Expr:
    """What names the file of each row by its content."""
    return pl.col("source").replace_strict(dict(enumerate(read.run_ids)), return_dtype=pl.String).alias("run_id")


def scores_of(read: Assembled, verifier: str) -> pl.DataFrame:
    """Rows of table ``scores``: the readings, and the step scores where no reading says the same."""
    samples = read.samples.with_columns(_run_id(read))
    columns = [*SAMPLE_KEY, "step_scores", "run_id"]
    plain = samples.filter(pl.col("step_scores").is_not_null())
    if "readings" not in samples.columns:
        return plain.select(*columns, pl.lit(verifier).alias("verifier"), pl.lit(0).alias("reading"))
    told = samples.select(*SAMPLE_KEY, "run_id", "readings").explode("readings", empty_as_null=False, keep_nulls=False)
    told = told.unnest("readings")
    more = plain.select(*columns, pl.lit(verifier).alias("verifier"), pl.lit(0, dtype=pl.Int64).alias("reading"))
    steps = pl.col("step_scores").cast(pl.List(pl.String)).list.join(" ")
    for same in (steps.alias("same"), pl.format("{} {}", "verifier", "reading").alias("same")):
        key = [*SAMPLE_KEY, "same"]
        theirs = told.with_columns(same).select(key)
        more = more.with_columns(same).join(theirs, on=key, how="anti", nulls_equal=True).drop("same")
    return pl.concat([told, more], how="diagonal")


def features_of(samples: pl.DataFrame) -> pl.DataFrame:
    """Rows of table ``features``; of several samples of a problem that tell one, the first counts."""
    key = ["policy", "problem_id", "setting"]
    kinds = {
        HIDDEN: ("prompt_hidden", {"prompt_layer": "layer", "prompt_hidden": "hidden"}),
        GREEDY: (
            "greedy_logprob",
            {"greedy": "completion", "greedy_tokens": "completion_tokens", "greedy_logprob": "logprob"},
        ),
    }
    found = []
    for feature, (told, names) in kinds.items():
        if told not in samples.columns:
            continue
        first = samples.filter(pl.col(told).is_not_null()).unique(key, keep="first", maintain_order=True)
        held = {name: column for name, column in names.items() if name in first.columns}
        rows = first.select(*key, "prompt_tokens", "run_id", *held, pl.lit(feature).alias("feature")).rename(held)
        found.append(rows.with_columns(halves_of_lists(rows["hidden"])) if feature == HIDDEN else rows)
    return pl.concat(found, how="diagonal") if found else pl.DataFrame()


def store_tables(
    read: Assembled, grades: pl.DataFrame, benchmark: str, models: pl.DataFrame, scores: pl.DataFrame
) -> dict[str, pa.Table]:
    """Rows of the store's tables."""
    settings = pl.concat([read.samples["setting"], read.counts["setting"]]).unique(maintain_order=True).to_list()
    keys = {text: json.loads(text) if text is not None else {} for text in settings}
    names = {text: setting_keys.setting_name(found) for text, found in keys.items()}
    named = pl.col("setting").replace_strict(names, return_dtype=pl.String)
    samples, counts, scores = (
        frame.with_columns(named, *([_run_id(read)] if "source" in frame.columns else []))
        for frame in (read.samples, read.counts, scores)
    )
    packed = [halves_of_lists(samples[name]) for name in TOKEN_COLUMNS if name in samples.columns]
    frames = {
        "problems": _with_difficulty(read, benchmark),
        "settings": pl.DataFrame(
            {"setting": list(names.values()), "keys": list(map(setting_keys.canonical_json, keys.values()))}
        ).unique("setting", maintain_order=True),
        "models": models,
        "samples": samples.with_columns(packed),
        "counts": counts,
        "scores": scores,
        "features": features_of(samples),
        "grades": pl.concat([samples.select(SAMPLE_KEY), grades.drop("graded")], how="horizontal"),
    }
    return {
        table: frame.select(name for name, _ in columns_of(table) if name in frame.columns).to_arrow()
        for table, frame in frames.items()
        if len(frame)
    }


def _with_difficulty(read: Assembled, benchmark: str) -> pl.DataFrame:
    """The problems, with what counts say of their difficulty among the metadata."""
    problems = read.problems.with_columns(pl.col("benchmark").fill_null(benchmark))
    told = read.counts.select("problem_id", "difficulty").drop_nulls().unique("problem_id", maintain_order=True)
    metadata = [json.dumps({"difficulty": text}, ensure_ascii=False) for text in told["difficulty"].to_list()]
    told = told.select("problem_id", pl.Series("metadata", metadata, dtype=pl.String))
    return problems.join(told, on="problem_id", how="left", maintain_order="left")
