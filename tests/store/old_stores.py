"""Stores of every earlier schema, a row in each table, made from the schemas' own texts in ``versions``."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ttclib.setting_keys import canonical_json, setting_name

VERSIONS = {int(path.stem): path for path in (Path(__file__).parent / "versions").glob("*.sql")}
FORMAT = '{"template":"{prompt}","system":null,"chat":false}'
KEYS = {
    "prompt_format": {"template": "{prompt}", "system": None, "chat": False},
    "temperature": 0.5,
    "top_p": 1.0,
    "max_tokens": 256,
    "stop": ['a"b', "\n"],
    "step_delimiter": "\n",
}
NAME = setting_name(KEYS)
SAMPLE = f"'m', 'p', '{NAME}'"


def old_store(version: int, path: Path) -> Path:
    """A store as that version of ttclib made it, with a row in each table."""
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE schema_version (version INTEGER, applied_at TIMESTAMP)")
        con.execute(VERSIONS[version].read_text(encoding="utf-8"))
        con.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [version])
        con.execute("INSERT INTO problems VALUES ('p', 'bench', '1+1=', '2', NULL)")
        con.execute("INSERT INTO models (model, path, n_parameters) VALUES ('m', 'dir/m', 7)")
        if version < 3:
            row = [NAME, FORMAT, 0.5, 1.0, 256, KEYS["stop"], "\n"]
            con.execute("INSERT INTO settings VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            con.execute("INSERT INTO settings (setting) VALUES ('imported')")
        else:
            con.execute("INSERT INTO settings VALUES (?, ?), ('imported', '{}')", [NAME, canonical_json(KEYS)])
            con.execute(f"INSERT INTO counts VALUES ('m', 'q', '{NAME}', 10, 3, NULL)")
            con.execute("INSERT INTO problems (problem_id) VALUES ('q')")
        con.execute("INSERT INTO runs (run_id, command) VALUES ('r', 'sample')")
        con.execute(
            "INSERT INTO samples (policy, problem_id, setting, sample_index, completion, prompt_tokens, "
            f"completion_tokens, step_tokens, run_id) VALUES ({SAMPLE}, 0, 'a\n2', 3, 4, [2, 2], 'r')"
        )
        reading = "policy, problem_id, setting, {}, verifier, {}, prm_tokens, run_id" + (
            ", reading" if version > 2 else ""
        )
        first = ", 0" if version > 2 else ""
        con.execute(
            f"INSERT INTO scores ({reading.format('sample_index', 'step_scores')}) "
            f"VALUES ({SAMPLE}, 0, 'prm', [0.5, 0.25], 7, 'r'{first})"
        )
        con.execute(f"INSERT INTO grades VALUES ({SAMPLE}, 0, 'exact-1', '2', 0, true)")
        if version >= 2:
            con.execute(
                "INSERT INTO nodes "
                "(policy, problem_id, setting, path, token_ids, text, finish_reason, logprob, run_id) "
                f"VALUES ({SAMPLE}, '0.1', [1, 2], 'b', 'stop', -1.5, 'r')"
            )
            con.execute(
                f"INSERT INTO node_scores ({reading.format('path', 'step_score')}) "
                f"VALUES ({SAMPLE}, '0.1', 'prm', 0.75, 5, 'r'{first})"
            )
            con.execute(f"INSERT INTO node_grades VALUES ({SAMPLE}, '0.1', 'exact-1', '3', 1, false)")
            con.execute(
                "INSERT INTO revisions (policy, problem_id, setting, chain, position, completion, completion_ids, "
                f"finish_reason, prompt_tokens, completion_tokens, logprob, run_id) "
                f"VALUES ({SAMPLE}, 0, 0, '2', [1], 'stop', 3, 1, -0.5, 'r')"
            )
            con.execute(
                f"INSERT INTO revision_scores ({reading.format('chain, position', 'step_scores')}) "
                f"VALUES ({SAMPLE}, 0, 0, 'orm', [0.9], 4, 'r'{first})"
            )
            con.execute(f"INSERT INTO revision_grades VALUES ({SAMPLE}, 0, 0, 'exact-1', '2', 0, true)")
    return path
