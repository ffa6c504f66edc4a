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
from ttclib.interchange.spool import together
from ttclib.store.cells import halves_of_lists
from ttclib.store.fact_tables import FACTS, checked_facts
from ttclib.store.questions import GREEDY, HIDDEN
from ttclib.store.tables import SAMPLE_KEY, columns_of

_OF_FEATURE = ("policy", "problem_id", "setting", "feature")


def models_of(
    read: Assembled, stated: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any] | None
) -> pl.DataFrame:
    """A row a policy, with the facts that were stated about it."""
    policies = pl.concat([_distinct(read.keys, "policy"), _distinct(read.counts, "policy")]).unique().sort().to_list()
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


def _distinct(frame: pl.DataFrame, column: str) -> pl.Series:
    """The values of a column, in order."""
    return frame[column].unique(maintain_order=True).cast(pl.String)


def verifiers_of(read: Assembled, verifier: str) -> list[str]:
    """Whose scores were read."""
    columns = (*SAMPLE_KEY, "source", "step_scores", "readings")
    found = {
        one for samples in read.batches(columns) for one in scores_of(samples, read, verifier)["verifier"].unique()
    }
    return sorted(found)


def scores_of(samples: pl.DataFrame, read: Assembled, verifier: str) -> pl.DataFrame:
    """Rows of table ``scores``: the readings, and the step scores where no reading says the same."""
    samples = samples.with_columns(_run_id(read))
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
        first = samples.filter(pl.col(told).is_not_null()).unique(_OF_FEATURE[:-1], keep="first", maintain_order=True)
        held = {name: column for name, column in names.items() if name in first.columns}
        rows = first.select(
            *_OF_FEATURE[:-1], "prompt_tokens", "run_id", *held, pl.lit(feature).alias("feature")
        ).rename(held)
        found.append(rows.with_columns(halves_of_lists(rows["hidden"])) if feature == HIDDEN else rows)
    return pl.concat(found, how="diagonal") if found else pl.DataFrame()


class StoreTables:
    """Rows of the store's tables, from what was read.

    Parameters
    ----------
    read : Assembled
    benchmark : str
        Of problems that have none.
    verifier : str
        Whose the step scores are.
    """

    def __init__(self, read: Assembled, benchmark: str, verifier: str) -> None:
        self._read, self._benchmark, self._verifier = read, benchmark, verifier
        settings = together(
            [
                read.keys.select(pl.col("setting").cast(pl.String)).unique(maintain_order=True),
                read.counts.select("setting"),
            ]
        )
        texts = settings["setting"].unique(maintain_order=True).to_list()
        self._keys = {text: json.loads(text) if text is not None else {} for text in texts}
        self._names = {text: setting_keys.setting_name(found) for text, found in self._keys.items()}
        self._features: list[pl.DataFrame] = []

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.col("setting").replace_strict(self._names, return_dtype=pl.String))

    def first(self, models: pl.DataFrame) -> dict[str, pa.Table]:
        """What samples belong to: problems, settings, models."""
        settings = pl.DataFrame(
            {
                "setting": list(self._names.values()),
                "keys": list(map(setting_keys.canonical_json, self._keys.values())),
            }
        )
        return _tables(
            {
                "problems": _with_difficulty(self._read, self._benchmark),
                "settings": settings.unique("setting", maintain_order=True),
                "models": models,
            }
        )

    def of(self, samples: pl.DataFrame, grades: pl.DataFrame) -> dict[str, pa.Table]:
        """Some samples, their scores and their grades."""
        scores = self._named(scores_of(samples, self._read, self._verifier))
        samples = self._named(samples).with_columns(_run_id(self._read))
        if len(features := features_of(samples)):
            self._features.append(features)
        packed = [halves_of_lists(samples[name]) for name in TOKEN_COLUMNS if name in samples.columns]
        return _tables(
            {
                "samples": samples.with_columns(packed),
                "scores": scores,
                "grades": pl.concat([samples.select(SAMPLE_KEY), grades.drop("graded")], how="horizontal"),
            }
        )

    def last(self) -> dict[str, pa.Table]:
        """Counts; and the features of all samples, each once, for which all must have been asked for."""
        features = (
            together(self._features).unique(_OF_FEATURE, keep="first", maintain_order=True)
            if self._features
            else pl.DataFrame()
        )
        return _tables(
            {"counts": self._named(self._read.counts).with_columns(_run_id(self._read)), "features": features}
        )


def _tables(frames: Mapping[str, pl.DataFrame]) -> dict[str, pa.Table]:
    """Those that have rows, with the columns that the store knows."""
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
