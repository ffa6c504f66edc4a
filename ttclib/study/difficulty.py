"""How hard the problems are for the policy, who can tell, and what few samples tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.agreement import Agreement, cheap_difficulty, difficulty_agreement
from ttclib.analysis.columns import shown, shown_interval
from ttclib.analysis.difficulty import Difficulty
from ttclib.errors import RequestError
from ttclib.samples import Pool
from ttclib.study.captions import source
from ttclib.study.question import Question
from ttclib.study.telling import difficulty_of

N_DRAWS = 4  # random draws of k samples, averaged
PROBES = (1, 2, 4, 8, 16)
_RESAMPLES = 500  # behind each interval of a rank correlation
PROFILE_SCHEMA = {
    "problem_id": pl.String,
    "n_samples": pl.Int64,
    "n_correct": pl.Int64,
    "oracle": pl.Float64,
    "predicted": pl.Float64,
    "oracle_bin": pl.Int64,
    "predicted_bin": pl.Int64,
    "n_answers": pl.Int64,
    "tokens": pl.Float64,
}


@dataclass(frozen=True)
class DifficultyAnswer:
    """What is known of difficulty.

    Attributes
    ----------
    told : dict of str to Difficulty
        ``oracle`` and, where the samples have scores, ``predicted``; from all samples.
    bins : polars.DataFrame
        What each bin holds, with a column `difficulty`.
    agreement : list of dict
        One row a way to tell: `difficulty`, `n_probes` (None: all samples), `spearman` with `ci_low` and `ci_high`,
        `same_bin`, `within_one`, `n_problems`, `confusion`. Few samples are judged by the pass@1 of the others.
    problems : polars.DataFrame
        Columns as in `PROFILE_SCHEMA`.
    caption, notes : tuple of str
    """

    told: dict[str, Difficulty]
    bins: pl.DataFrame
    agreement: list[dict[str, Any]]
    problems: pl.DataFrame
    caption: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def confusion(self) -> np.ndarray | None:
        """Problems by oracle bin (rows) and predicted bin; None: nothing predicts."""
        rows = [row for row in self.agreement if row["n_probes"] is None]
        return np.array(rows[0]["confusion"]) if rows else None

    @property
    def findings(self) -> tuple[str, ...]:
        """How the problems are spread, and how well the verifier tells it."""
        ease = self.told["oracle"].ease
        never, always = int((ease == 0).sum()), int((ease == 1).sum())
        said = [f"Of {len(ease)} problems {never} are never solved and {always} always."]
        whole = [row for row in self.agreement if row["n_probes"] is None and row["spearman"] is not None]
        for row in whole:
            ends = shown_interval(row["ci_low"], row["ci_high"], "spearman")
            said.append(
                f"Predicted difficulty ranks problems as ground truth does with a correlation of "
                f"{shown(row['spearman'], 'spearman')} {ends}; {row['same_bin']:.0%} of problems fall into the same "
                "bin."
            )
        return tuple(said)

    def cheap(self) -> pl.DataFrame:
        """What k samples tell, as `ttclib.show.charts.cheap_chart` draws it."""
        rows = [row for row in self.agreement if row["n_probes"] is not None]
        names = ("spearman", "same_bin", "within_one")
        return pl.DataFrame(
            [{"kind": row["difficulty"], "k": row["n_probes"], **{name: row[name] for name in names}} for row in rows],
            schema={"kind": pl.String, "k": pl.Int64, **dict.fromkeys(names, pl.Float64)},
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"bins": self.bins.to_dicts(), "agreement": self.agreement, "problems": self.problems.to_dicts()}

    def agreed(self) -> pl.DataFrame:
        """The agreement as a frame, without the confusion."""
        return pl.DataFrame(
            [{name: row[name] for name in row if name != "confusion"} for row in self.agreement],
            infer_schema_length=None,
        )


def answer(pool: Pool, asked: Question, probes: Sequence[int] = PROBES) -> DifficultyAnswer:
    """Difficulty by ground truth and by a verifier, from all samples and from few.

    Raises
    ------
    RequestError
        No sample is graded, or more bins than problems.
    """
    notes = []
    told = {"oracle": difficulty_of(pool, asked.but(difficulty="oracle"))}
    tables = {"oracle": pool.correct}
    try:
        told["predicted"] = difficulty_of(pool, asked.but(difficulty="predicted"))
        tables["predicted"] = pool.verifier(asked.verifier).by(asked.aggregation)
    except RequestError as error:
        if asked.difficulty == "predicted":
            raise
        notes.append(f"predicted difficulty is left out: {error}")
    n_bins = max(one.n_bins for one in told.values())
    rows = []
    if "predicted" in told:
        found = difficulty_agreement(
            told["oracle"].ease, told["predicted"].ease, n_bins, n_resamples=_RESAMPLES, seed=asked.seed
        )
        rows.append(_row("predicted", None, [found]))
    largest = 0 if pool.counts is not None else int(pool.pool_sizes.max())
    for name, table in tables.items():
        for k in (k for k in probes if k < largest):
            drawn = zip(*cheap_difficulty(table, k, pool.correct, n_draws=N_DRAWS, seed=asked.seed), strict=True)
            agreed = [
                difficulty_agreement(unseen, cheap, n_bins, n_resamples=_RESAMPLES, seed=asked.seed)
                for cheap, unseen in drawn
            ]
            rows.append(_row(name, k, agreed))
    if pool.counts is not None:
        notes.append("what few samples tell is left out: the store holds counts, and no samples to draw from")
    elif beyond := [k for k in probes if k >= largest]:
        notes.append(f"{', '.join(map(str, beyond))} samples leave none to judge by: the pool holds {largest}")
    summary = pl.concat(
        one.table().insert_column(0, pl.Series("difficulty", [name] * len(one.table()))) for name, one in told.items()
    )
    return DifficultyAnswer(told, summary, rows, _profiles(pool, told), (source(pool),), tuple(notes))


def _row(name: str, k: int | None, found: Sequence[Agreement]) -> dict[str, Any]:
    def mean(field: str) -> float | None:
        values = np.array([getattr(one, field) for one in found])
        return None if np.isnan(values).all() else float(np.nanmean(values))

    return {
        "difficulty": name,
        "n_probes": k,
        "spearman": mean("spearman"),
        "ci_low": mean("spearman_low"),
        "ci_high": mean("spearman_high"),
        "same_bin": mean("same_bin"),
        "within_one": mean("within_one"),
        "n_problems": found[0].n_problems,
        "confusion": found[0].confusion.tolist(),
    }


def _profiles(pool: Pool, told: dict[str, Difficulty]) -> pl.DataFrame:
    nothing = np.full(len(pool.problem_ids), np.nan)
    whole = pool.counts is None
    sums = [np.where(part.present, part.lengths, 0.0).sum(axis=1) for _, part in pool.blocks()]
    tokens = np.concatenate(sums) / np.maximum(1, pool.pool_sizes)
    frame = pl.DataFrame(
        {
            "problem_id": pool.problem_ids,
            "n_samples": pool.pool_sizes,
            "n_correct": pool.n_correct.astype(int),
            **{name: told[name].ease if name in told else nothing for name in ("oracle", "predicted")},
            **{
                f"{name}_bin": told[name].bins if name in told else np.zeros(len(nothing), dtype=int)
                for name in ("oracle", "predicted")
            },
            "n_answers": [len(np.unique(row[row >= 0])) for row in pool.answer_ids],
            "tokens": tokens if whole else nothing,
        },
        schema=PROFILE_SCHEMA,
    )
    none = {name: pl.when(pl.col(name) > 0).then(pl.col(name)) for name in ("oracle_bin", "predicted_bin")}
    return frame.fill_nan(None).with_columns(**none)
