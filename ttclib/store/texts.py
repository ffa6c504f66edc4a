"""Reading single samples: their text, step by step, with what was made of it.

The text comes from a model and is not trusted: whoever shows it escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ttclib.samples import Pool, Verifier
from ttclib.store.connection import connect
from ttclib.store.pool import GRADES_READ
from ttclib.store.tree import MEAN_SCORES


@dataclass(frozen=True)
class SampleText:
    """One sample as it was written."""

    problem_id: str
    sample_index: int
    # prompt, reference_answer: None: the store does not know
    prompt: str | None
    reference_answer: str | None
    completion: str
    steps: tuple[str, ...]  # pieces that join to the completion; one piece where its steps are not known
    step_scores: tuple[float, ...]  # as many as `steps`, or empty: not scored, or scored in other steps
    answer: str | None
    correct: bool | None  # None: not graded
    completion_tokens: int | None
    finish_reason: str | None


def load_texts(pool: Pool, cells: Sequence[tuple[int, int]], verifier: Verifier | None = None) -> list[SampleText]:
    """The samples in some cells of a pool.

    Parameters
    ----------
    cells : sequence of (row, column)
        As in the pool's arrays; at most some thousand, this is for reading.
    verifier : Verifier, optional
        Whose step scores come with them.

    Returns
    -------
    list of SampleText
        In the order of `cells`; a cell without a sample is left out.
    """
    wanted = [(pool.problem_ids[row], int(column)) for row, column in cells]
    if not wanted:
        return []
    names, columns = zip(*wanted, strict=True)
    with connect(pool.store) as con:
        key = [pool.policy, pool.setting.name, verifier and verifier.name]
        rows = con.execute(_QUERY, [*key, names, columns]).fetchall()
    read = {
        (name, column): _text(name, *rest, delimiter=pool.setting.keys.get("step_delimiter"))
        for name, column, *rest in rows
    }
    return [read[cell] for cell in wanted if cell in read]


def load_prompts(pool: Pool) -> dict[str, tuple[str | None, str | None]]:
    """Prompt and reference answer of each problem of a pool, by id; None: the store does not know."""
    with connect(pool.store) as con:
        rows = con.execute(
            "SELECT problem_id, prompt, reference_answer FROM problems WHERE list_contains(?, problem_id)",
            [pool.problem_ids],
        ).fetchall()
    known = {name: (prompt, answer) for name, prompt, answer in rows}
    return {name: known.get(name, (None, None)) for name in pool.problem_ids}


@dataclass(frozen=True)
class Answers:
    """What is graded of one problem's samples, in the order of their indices."""

    # reference, prompt, metadata: None: the store does not know
    reference: str | None
    prompt: str | None
    metadata: str | None
    completions: tuple[str | None, ...]
    # answers that the store holds beside the completions: one that came with the samples before one that was found
    stated: tuple[str | None, ...]


def load_answers(pool: Pool) -> dict[str, Answers]:
    """Completions and stated answers of every problem of a pool, by id in the order of its rows."""
    with connect(pool.store) as con:
        rows = con.execute(_ANSWERS, [pool.policy, pool.setting.name]).fetchall()
    of_problem = {name: (reference, prompt, metadata) for name, reference, prompt, metadata, *_ in rows}
    texts: dict[str, list[tuple[str | None, str | None]]] = {name: [] for name in pool.problem_ids}
    for name, _, _, _, completion, stated in rows:
        if name in texts:
            texts[name].append((completion, stated))
    return {name: Answers(*of_problem[name], *zip(*own, strict=True)) for name, own in texts.items()}


_ANSWERS = """
    SELECT problem_id, reference_answer, prompt, metadata, completion, stated
    FROM samples LEFT JOIN problems USING (problem_id)
    LEFT JOIN (SELECT policy, problem_id, setting, sample_index,
                      first(answer ORDER BY grader <> 'given', grader DESC) FILTER (WHERE answer IS NOT NULL) AS stated
               FROM grades GROUP BY ALL) USING (policy, problem_id, setting, sample_index)
    WHERE policy = $1 AND setting = $2 ORDER BY problem_id, sample_index
"""


def _text(
    problem_id: str,
    sample_index: int,
    prompt: str | None,
    reference_answer: str | None,
    completion: str | None,
    step_scores: list[float] | None,
    answer: str | None,
    correct: bool | None,
    completion_tokens: int | None,
    finish_reason: str | None,
    *,
    delimiter: str | None,
) -> SampleText:
    text = completion or ""
    scores = tuple(step_scores or ())
    steps = _steps(text, delimiter or "\n")
    if scores and len(steps) != len(scores):  # scored in steps of another kind
        steps, scores = (text,), scores if len(scores) == 1 else ()
    return SampleText(
        problem_id,
        sample_index,
        prompt,
        reference_answer,
        text,
        steps,
        scores,
        answer,
        correct,
        completion_tokens,
        finish_reason,
    )


def _steps(text: str, delimiter: str) -> tuple[str, ...]:
    """Pieces that end with the delimiter, white space alone joined to the one before: as when it was scored."""
    steps: list[str] = []
    for piece in text.split(delimiter):
        if steps and not piece.strip():
            steps[-1] += piece + delimiter
        else:
            steps.append(piece + delimiter)
    steps[-1] = steps[-1].removesuffix(delimiter)  # the text ends where it ends
    return tuple(steps)


_QUERY = f"""
WITH asked AS (SELECT unnest($4) AS problem_id, unnest($5)::BIGINT AS col), chosen AS (
    SELECT policy, setting, problem_id, sample_index, col
    FROM (
        SELECT policy, setting, problem_id, sample_index,
               row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1 AS col
        FROM samples WHERE policy = $1 AND setting = $2 AND list_contains($4, problem_id)
    ) SEMI JOIN asked USING (problem_id, col)
), read_grades AS ({GRADES_READ})
SELECT problem_id, col, sample_index, prompt, reference_answer, completion, step_scores, answer, correct,
       completion_tokens, finish_reason
FROM chosen
JOIN samples USING (policy, setting, problem_id, sample_index)
LEFT JOIN ({MEAN_SCORES}) AS read_scores USING (problem_id, sample_index)
LEFT JOIN (SELECT policy, problem_id, setting, sample_index, answer, correct FROM read_grades)
    USING (policy, problem_id, setting, sample_index)
LEFT JOIN (SELECT problem_id, prompt, reference_answer FROM problems) USING (problem_id)
"""


def load_step_texts(pool: Pool, problem_id: str, paths: Sequence[str]) -> dict[str, str]:
    """Texts of steps of one problem's tree, by their paths.

    Parameters
    ----------
    pool : Pool
        Whose tree it is.
    paths : sequence of str
        ``"3.0.1"``: child 1 of child 0 of the first step of sample 3.

    Returns
    -------
    dict of str to str
        A path whose text the store lacks is not in it.
    """
    return load_texts_of_steps(pool, {problem_id: paths})[problem_id]


def load_texts_of_steps(pool: Pool, wanted: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """`load_step_texts` of many problems, by id, from a store that is opened once."""
    cut = pool.setting.keys.get("step_delimiter") or "\n"
    asked = list(dict.fromkeys((name, path) for name, paths in wanted.items() for path in paths))
    of_samples = list(dict.fromkeys((name, path.partition(".")[0]) for name, path in asked))
    if not asked:
        return {name: {} for name in wanted}
    with connect(pool.store) as con:
        samples, nodes = (
            con.execute(query, [pool.policy, pool.setting.name, *map(list, zip(*keys, strict=True))]).fetchall()
            for query, keys in ((_COMPLETIONS, of_samples), (_TEXTS_OF_NODES, asked))
        )
    texts = {
        (name, ".".join([first, *["0"] * depth])): step
        for name, first, completion in samples
        for depth, step in enumerate(_steps(completion or "", cut))
    }
    texts |= {(name, path): text for name, path, text in nodes}
    return {
        name: {path: texts[name, path] for path in paths if (name, path) in texts} for name, paths in wanted.items()
    }


# Of what is asked for by lists of problems and paths.
_COMPLETIONS = """
SELECT problem_id, first, completion FROM samples JOIN (SELECT unnest($3) AS problem_id, unnest($4) AS first) AS asked
    USING (problem_id) WHERE policy = $1 AND setting = $2 AND sample_index::VARCHAR = first
"""
_TEXTS_OF_NODES = """
SELECT problem_id, path, text FROM nodes JOIN (SELECT unnest($3) AS problem_id, unnest($4) AS path) AS asked
    USING (problem_id, path) WHERE policy = $1 AND setting = $2 AND text IS NOT NULL
"""


def first_mentions(pool: Pool) -> np.ndarray:
    """Tokens up to the end of the first step that says a sample's final answer, shape (problems, samples).

    Of right samples alone; NaN: not right, or the store does not know its steps' tokens, its text or its answer.
    """
    found = np.full(pool.present.shape, np.nan)
    place = {name: row for row, name in enumerate(pool.problem_ids)}
    delimiter = pool.setting.keys.get("step_delimiter") or "\n"
    with connect(pool.store) as con:
        rows = con.execute(_MENTIONS, [pool.policy, pool.setting.name]).fetchall()
    for problem_id, column, completion, step_tokens, answer in rows:
        steps = _steps(completion, delimiter)
        if problem_id not in place or len(steps) != len(step_tokens):
            continue
        said = re.compile(rf"(?<![\w.]){re.escape(answer)}(?![\w.]*\w)")
        for number, step in enumerate(steps, start=1):
            if said.search(step):
                found[place[problem_id], column] = sum(step_tokens[:number])
                break
    return found


_MENTIONS = f"""
WITH chosen AS (
    SELECT *, row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1 AS col
    FROM samples WHERE policy = $1 AND setting = $2
), read_grades AS ({GRADES_READ})
SELECT problem_id, col, completion, step_tokens, answer
FROM chosen JOIN (SELECT policy, problem_id, setting, sample_index, answer FROM read_grades WHERE correct)
    USING (policy, problem_id, setting, sample_index)
WHERE completion IS NOT NULL AND step_tokens IS NOT NULL AND answer IS NOT NULL
"""
