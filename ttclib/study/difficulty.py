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
from ttclib.analysis.predicting import PREDICTORS
from ttclib.errors import RequestError
from ttclib.samples import Pool
from ttclib.study.asking import ease_of, level_of, predictors_of, promised, questions_of
from ttclib.study.captions import source
from ttclib.study.question import Question
from ttclib.study.telling import difficulty_of

N_DRAWS = 4  # random draws of k samples, averaged
PROBES = (1, 2, 4, 8, 16)
_AGREED = (
    *("difficulty", "n_probes", "spearman", "ci_low", "ci_high", "within_level", "slope", "slope_low", "slope_high"),
    *("same_bin", "same_bin_low", "same_bin_high", "within_level_low", "within_level_high", "offset", "offset_low"),
    *("offset_high", "within_one", "n_problems"),
)
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
    """What is known of difficulty."""

    # `oracle` and, where the samples have scores, `predicted`; from all samples. A difficulty from the question where
    # that was asked for.
    told: dict[str, Difficulty]
    bins: pl.DataFrame  # what each bin holds, with a column `difficulty`
    # one row a way to tell: `difficulty`, `n_probes` (None: all samples; 0: none, the question alone), `spearman` with
    # `ci_low` and `ci_high`, `within_level` (null: no level is stated, or all of one level look alike), `slope`,
    # `offset` and `same_bin` with their ends, `within_one`, `n_problems`, `confusion`. What some samples tell is judged
    # by the pass@1 of others.
    agreement: list[dict[str, Any]]
    problems: pl.DataFrame  # columns as in `PROFILE_SCHEMA`
    caption: tuple[str, ...]
    notes: tuple[str, ...]
    level: str | None = None  # the level that the benchmark states

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
                f"Predicted difficulty ranks the problems at a rank correlation with ground truth of "
                f"{shown(row['spearman'], 'spearman')} {ends}; {shown(row['same_bin'], 'accuracy')} of the problems "
                "fall into the same bin."
            )
        return (*said, *self._of_questions())

    def _of_questions(self) -> list[str]:
        """What the question tells without a sample, beside its metadata alone and beside few samples."""
        rows = {row["difficulty"]: row for row in self.agreement if row["difficulty"] in PREDICTORS}
        able = [name for name in PREDICTORS if name in rows and rows[name]["spearman"] is not None]
        free = [name for name in able if name not in ("question:metadata", "question:greedy")]
        best = max(free, key=lambda name: rows[name]["spearman"], default=None)
        said = []
        if best is not None:
            found, plain = rows[best], rows.get("question:metadata")
            reads = {"question": "the question", "question:hidden": "the hidden state"}.get(best, "text and metadata")
            line = f"Before any sample, {reads} rank{'' if reads.startswith('text') else 's'} them at {_rank(found)}"
            if plain is not None and plain["spearman"] is not None:
                line += f" (metadata alone at {shown(plain['spearman'], 'spearman')})"
            said.append(f"{line}{self._like_probes(found)}.")
            if found["within_level"] is not None:
                level = (self.level or "").replace("n_", "number of ", 1).replace("_", " ")
                said.append(f"Among problems of one {level} that is {_rank(found, 'within_level')}.")
        if "question:greedy" in able:
            found = rows["question:greedy"]
            line = f"The mean log-probability of one greedy answer ranks them at {_rank(found)}"
            said.append(f"{line}{self._like_probes(found)}.")
        return said

    def _like_probes(self, found: dict[str, Any]) -> str:
        """Beside how many graded samples that is."""
        graded = [row for row in self.agreement if row["difficulty"] == "oracle" and row["spearman"] is not None]
        fewer = [row["n_probes"] for row in graded if row["spearman"] <= found["spearman"]]
        if not graded:
            return ""
        if not fewer:
            return f", less well than {_graded(min(row['n_probes'] for row in graded))}"
        return f", at least as well as {_graded(max(fewer))}"

    def cheap(self) -> pl.DataFrame:
        """What k samples tell, as `ttclib.show.charts.cheap_chart` draws it."""
        rows = [row for row in self.agreement if row["n_probes"] is not None and row["difficulty"] not in PREDICTORS]
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
            [{name: row[name] for name in _AGREED} for row in self.agreement],
            schema_overrides=dict.fromkeys(_AGREED[2:-1], pl.Float64),
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
    if asked.difficulty in PREDICTORS:
        told[asked.difficulty] = difficulty_of(pool, asked)
    n_bins = max(one.n_bins for one in told.values())
    level, strata = _levels(pool)
    judged: dict[str, Any] = {"strata": strata, "n_resamples": _RESAMPLES, "seed": asked.seed}
    rows = []
    if "predicted" in told:
        found = difficulty_agreement(told["oracle"].ease, told["predicted"].ease, n_bins, **judged)
        rows.append(_row("predicted", None, [found]))
    for name, why in predictors_of(pool).items():
        if why:
            notes.append(f"left out: {why}")
            continue
        told_by = promised(pool, name, asked.seed)
        found = difficulty_agreement(
            told["oracle"].ease, told_by.ease, n_bins, **{**judged, "strata": strata if told_by.within else None}
        )
        rows.append(_row(name, int(name == "question:greedy"), [found]))
    largest = 0 if pool.counts is not None else int(pool.pool_sizes.max())
    for name, table in tables.items():
        for k in (k for k in probes if k < largest):
            drawn = zip(*cheap_difficulty(table, k, pool.correct, n_draws=N_DRAWS, seed=asked.seed), strict=True)
            agreed = [difficulty_agreement(unseen, cheap, n_bins, **judged) for cheap, unseen in drawn]
            rows.append(_row(name, k, agreed))
    if pool.counts is not None:
        notes.append("what few samples tell is left out: the store holds counts, and no samples to draw from")
    elif beyond := [k for k in probes if k >= largest]:
        notes.append(f"{', '.join(map(str, beyond))} samples leave none to judge by: the pool holds {largest}")
    summary = pl.concat(
        one.table().insert_column(0, pl.Series("difficulty", [name] * len(one.table()))) for name, one in told.items()
    )
    said = tuple(dict.fromkeys(notes))
    return DifficultyAnswer(told, summary, rows, _profiles(pool, told), (source(pool),), said, level)


def _levels(pool: Pool) -> tuple[str | None, np.ndarray | None]:
    """The level that the benchmark states of each problem, by its name; None: none, or nobody knows the questions."""
    try:
        found = level_of(questions_of(pool), ease_of(pool))
    except RequestError:
        found = None
    return (None, None) if found is None else found


def _graded(count: int) -> str:
    return f"{count} graded sample{'' if count == 1 else 's'} of each problem"


def _rank(row: dict[str, Any], name: str = "spearman") -> str:
    """A rank correlation with its interval."""
    low, high = ("ci_low", "ci_high") if name == "spearman" else (f"{name}_low", f"{name}_high")
    return f"{shown(row[name], 'spearman')} {shown_interval(row[low], row[high], 'spearman')}"


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
        **{
            f"{name}{end}": mean(f"{name}{end}")
            for name in ("within_level", "slope", "offset", "same_bin")
            for end in ("", "_low", "_high")
        },
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
