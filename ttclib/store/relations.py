"""What must hold between the rows of a store, as SQL that finds those for which it does not.

Each rule selects the keys of the rows that are not sound, and says why. The tables are named without a database, so
that a rule is asked of a file with its parts, through `ttclib.store.inspection`, as of a copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from hashlib import blake2b
from typing import NamedTuple

import duckdb

from ttclib.errors import RequestError
from ttclib.setting_keys import setting_name
from ttclib.store.findings import Finding, at
from ttclib.store.tables import NODE_KEY, REVISION_KEY, SAMPLE_KEY, TABLES

_STEP = r"(?:0|[1-9][0-9]{0,8}|g)"
PATH = rf"{_STEP}(?:\.{_STEP})*"
_HASHED_NAME = "[0-9a-f]{12}"  # of a setting; another name was given by hand and says nothing of the keys


class Rule(NamedTuple):
    """A condition on the rows of a table."""

    kind: str
    table: str
    query: str  # SQL of the keys of rows for which it does not hold, and a last column that says what is wrong
    reads: tuple[str, ...] = ()  # other tables that the query reads


def _key(table: str) -> str:
    return ", ".join(TABLES[table])


def _keys() -> Iterator[Rule]:
    for table, key in TABLES.items():
        names = ", ".join(key)
        yield Rule(
            "key",
            table,
            f"SELECT {names}, 'stands ' || count(*) || ' times' FROM {table} GROUP BY ALL HAVING count(*) > 1",
        )
        missing = " OR ".join(f"{name} IS NULL" for name in key)
        yield Rule("key", table, f"SELECT {names}, 'has no whole key' FROM {table} WHERE {missing}")
        for name in ("sample_index", "chain", "position", "reading"):
            if name in key:
                yield Rule("count", table, f"SELECT {names}, '{name} is below 0' FROM {table} WHERE {name} < 0")


def _references() -> Iterator[Rule]:
    for table in ("samples", "counts", "features", "nodes", "revisions"):
        for column, of, condition in (
            ("problem_id", "problems", "true"),
            ("policy", "models", "true"),
            ("setting", "settings", f"regexp_full_match(setting, '{_HASHED_NAME}')"),
            ("run_id", "runs", "run_id IS NOT NULL"),
        ):
            target = TABLES[of][0]
            query = f"""
                SELECT {_key(table)}, '{column} ' || {column} || ' is not in {of}' FROM {table}
                ANTI JOIN (SELECT {target} AS {column} FROM {of}) USING ({column}) WHERE {condition}"""
            yield Rule("reference", table, query, (of,))
    for of, key, tables in (
        ("samples", SAMPLE_KEY, ("scores", "grades")),
        ("revisions", REVISION_KEY, ("revision_scores", "revision_grades")),
    ):
        for table in tables:
            what = f"'there is no such row in {of}'"
            query = f"SELECT {_key(table)}, {what} FROM {table} ANTI JOIN {of} USING ({', '.join(key)})"
            yield Rule("reference", table, query, (of,))
    for table in ("node_scores", "node_grades"):
        query = f"""
            SELECT {_key(table)}, 'there is no such node or step of a sample' FROM {table}
            ANTI JOIN nodes USING ({", ".join(NODE_KEY)})
            ANTI JOIN ({_POOL_STEPS.format(table=table, path="path")}) USING ({", ".join(NODE_KEY)})"""
        yield Rule("reference", table, query, ("nodes", "samples"))


# Paths among those of a table that are steps of samples: 'i.0.….0', no deeper than sample i has steps.
_POOL_STEPS = """
    SELECT DISTINCT policy, problem_id, setting, {path} AS path FROM (
        SELECT policy, problem_id, setting, path, try_cast(split_part(path, '.', 1) AS INTEGER) AS sample_index,
               len(string_split({path}, '.')) AS depth
        FROM {table} WHERE regexp_full_match({path}, '[0-9]+(\\.0)*')
    ) JOIN samples USING (policy, problem_id, setting, sample_index)
    WHERE depth <= coalesce(len(step_tokens), depth)"""

_PARENT = "left(path, len(path) - len(regexp_extract(path, '[^.]*$')) - 1)"
_PATHS = f"""
SELECT {", ".join(NODE_KEY)}, CASE
    WHEN NOT regexp_full_match(path, '{PATH}') THEN 'its path is not numbers joined by dots'
    WHEN finish_reason_above IS NOT NULL THEN 'it follows ' || above || ', which ends its solution'
    ELSE 'it follows ' || above || ', which is not there' END AS what
FROM (SELECT {", ".join(NODE_KEY)}, {_PARENT} AS above FROM nodes) AS own
LEFT JOIN (
    SELECT policy, problem_id, setting, path AS above, true AS is_node, finish_reason AS finish_reason_above FROM nodes
) AS drawn USING (policy, problem_id, setting, above)
LEFT JOIN (
    SELECT DISTINCT policy, problem_id, setting, above, true AS is_step FROM (
        SELECT policy, problem_id, setting, {_PARENT} AS above,
               try_cast(split_part(path, '.', 1) AS INTEGER) AS sample_index, len(string_split(path, '.')) - 1 AS depth
        FROM nodes WHERE regexp_full_match({_PARENT}, '[0-9]+(\\.0)*')
    ) JOIN samples USING (policy, problem_id, setting, sample_index) WHERE depth < coalesce(len(step_tokens), depth + 1)
) AS pool USING (policy, problem_id, setting, above)
WHERE NOT regexp_full_match(path, '{PATH}') OR (above <> '' AND (
    (is_node IS NULL AND is_step IS NULL) OR finish_reason_above IS NOT NULL))
"""
_DRAWN = "LEFT JOIN (SELECT run_id, command FROM runs) USING (run_id) WHERE command IS DISTINCT FROM 'import'"


def _inside() -> Iterator[Rule]:
    sample = ", ".join(SAMPLE_KEY)
    yield Rule(
        "steps",
        "scores",
        f"""SELECT {_key("scores")}, len(step_scores) || ' scores of ' || len(step_tokens) || ' steps'
            FROM scores JOIN (SELECT {sample}, step_tokens FROM samples) USING ({sample})
            WHERE len(step_scores) NOT IN (1, len(step_tokens))""",
        ("samples",),
    )
    for table in ("samples", "revisions"):
        for what, condition in (
            ("the tokens of its steps are not its tokens", "list_sum(step_tokens) <> completion_tokens"),
            ("the log-probabilities of its steps are not one a step", "len(step_logprobs) <> len(step_tokens)"),
            ("its token ids are not as many as its tokens", "len(completion_ids) <> completion_tokens"),
            *(
                (f"{name} are not one a token", f"octet_length({name}) <> 2 * completion_tokens")
                for name in ("token_logprobs", "token_entropies", "token_top20")
            ),
            ("more tokens are reasoning than there are", "reasoning_tokens > completion_tokens"),
            ("a number of tokens is below 0", "completion_tokens < 0 OR prompt_tokens < 0"),
        ):
            if table == "revisions" and "step_" in condition:
                continue
            yield Rule(
                "tokens", table, f"SELECT {_key(table)}, '{what}' FROM {table} {_DRAWN} AND ({condition})", ("runs",)
            )
    for name in ("token_logprobs", "token_entropies", "token_top20"):
        wrong = f"octet_length({name}) <> 2 * len(token_ids)"
        query = f"SELECT {_key('nodes')}, '{name} are not one a token' FROM nodes WHERE {wrong}"
        yield Rule("tokens", "nodes", query)
    # A local engine's tokens of one prompt under one setting: of a sample that differs it was another.
    yield Rule(
        "problem",
        "samples",
        f"""SELECT {sample},
                   'its prompt has ' || prompt_tokens || ' tokens, that of the problem''s other samples ' || usual
            FROM (SELECT {sample}, prompt_tokens, mode(prompt_tokens) OVER pool AS usual, count(*) OVER pool AS n,
                         count(*) OVER (PARTITION BY policy, problem_id, setting, prompt_tokens) AS alike
                  FROM samples {_DRAWN} AND completion_ids IS NOT NULL AND prompt_tokens IS NOT NULL
                  WINDOW pool AS (PARTITION BY policy, problem_id, setting))
            WHERE prompt_tokens <> usual AND alike < n / 3""",
        ("runs",),
    )
    for what, condition in (
        ("a number of tokens is below 0", "completion_tokens < 0 OR prompt_tokens < 0"),
        ("its state is cut off: half floats have two bytes each", "octet_length(hidden) % 2 <> 0"),
    ):
        query = f"SELECT {_key('features')}, '{what}' FROM features WHERE {condition}"
        yield Rule("tokens", "features", query)
    yield Rule("path", "nodes", _PATHS, ("samples",))
    yield Rule(
        "chain",
        "revisions",
        f"""SELECT {_key("revisions")}, 'answer ' || (position - 1) || ' of its chain is not there' FROM revisions
            ANTI JOIN (SELECT policy, problem_id, setting, chain, position + 1 AS position FROM revisions)
                USING ({_key("revisions")}) WHERE position > 0""",
    )
    yield Rule(
        "count",
        "counts",
        f"SELECT {_key('counts')}, c || ' of ' || n || ' right' FROM counts WHERE n < 0 OR c < 0 OR c > n",
    )
    for table in ("grades", "node_grades", "revision_grades"):
        query = f"""SELECT {_key(table)}, CASE WHEN correct THEN 'no answer is right' ELSE 'no answer has a class' END
                    FROM {table} WHERE answer IS NULL AND grader <> 'given' AND (correct OR answer_class IS NOT NULL)"""
        yield Rule("grade", table, query)
        query = f"""
            SELECT {_key(table)}, 'class ' || answer_class || ', other answers that read the same ' || usual FROM (
                SELECT {_key(table)}, answer_class, count(*) OVER same AS n,
                       mode(answer_class) OVER same AS usual
                FROM {table} WHERE answer_class IS NOT NULL AND answer IS NOT NULL
                WINDOW same AS (PARTITION BY problem_id, grader, answer)
            ) WHERE answer_class <> usual"""
        yield Rule("class", table, query)


RULES: tuple[Rule, ...] = (*_keys(), *_references(), *_inside())


def broken(con: duckdb.DuckDBPyConnection, rule: Rule) -> list[Finding]:
    """The rows for which a rule does not hold."""
    key = TABLES[rule.table]
    found = []
    for *values, what in con.execute(f"SELECT DISTINCT * FROM ({rule.query}) ORDER BY ALL").fetchall():
        row = dict(zip(key, values, strict=True))
        found.append(Finding(rule.kind, rule.table, at(row), str(what), row))
    return found


def misnamed(con: duckdb.DuckDBPyConnection) -> list[Finding]:
    """Settings whose name is not the hash of their keys, and credits whose id is not that of their text."""
    found = []
    for name, text in con.execute("SELECT setting, keys FROM settings ORDER BY ALL").fetchall():
        if what := _fault_of_setting(name, text):
            found.append(Finding("setting", "settings", at({"setting": name}), what, {"setting": name}))
    for run_id, text in con.execute("SELECT run_id, config FROM runs WHERE starts_with(run_id, 'credit-')").fetchall():
        if run_id != "credit-" + blake2b((text or "").encode(), digest_size=6).hexdigest():
            what = "its name is not the hash of what it states"
            found.append(Finding("setting", "runs", at({"run_id": run_id}), what, {"run_id": run_id}))
    return found


def _fault_of_setting(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        keys = json.loads(text)
        own = setting_name(keys) if isinstance(keys, dict) else None
    except (ValueError, RecursionError, RequestError):
        own = None
    if own is None:
        return "its keys are no JSON object"
    if re.fullmatch(_HASHED_NAME, name) and own != name:
        return f"its keys have the name {own}"
    return None


def rows_unsound(con: duckdb.DuckDBPyConnection, skipped: Set[str]) -> tuple[list[Finding], set[str]]:
    """All rows for which a rule does not hold, and tables whose rows were not compared since they cannot be read."""
    found: list[Finding] = []
    unchecked: set[str] = set()
    for rule in RULES:
        if lost := skipped & {rule.table, *rule.reads}:
            unchecked |= lost
            continue
        found += broken(con, rule)
    if not skipped & {"settings", "runs"}:
        found += misnamed(con)
    return found, unchecked


def row_counts(con: duckdb.DuckDBPyConnection, skipped: Set[str]) -> dict[str, int]:
    """Rows of each table that can be read in full."""
    return {
        table: int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
        for table in TABLES
        if table not in skipped
    }
